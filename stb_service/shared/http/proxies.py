"""Believe `X-Forwarded-*` only from proxies that the settings name.

The client's address is the last entry of X-Forwarded-For that is not itself a trusted proxy.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from stb_service.shared.settings import Network

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_trusted(address: str, networks: Iterable[Network]) -> bool:
    """Tell whether an address lies in one of the networks."""
    if not is_address(address):
        return False
    ip = ip_address(address)
    mapped = getattr(ip, "ipv4_mapped", None)  # a socket that listens on :: says ::ffff:10.0.0.1
    return any((mapped or ip) in network for network in networks)


class TrustedProxies:
    """WSGI middleware: rewrites address, scheme and host, or drops the headers unread."""

    def __init__(self, app: WSGIApplication, networks: tuple[Network, ...]) -> None:
        self.app = app
        self.networks = networks

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on."""
        if self.networks and is_trusted(environ.get("REMOTE_ADDR", ""), self.networks):
            self._apply(environ)
        for name in FORWARDED:
            environ.pop(name, None)
        return self.app(environ, start_response)

    def _apply(self, environ: WSGIEnvironment) -> None:
        chain = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        for address in reversed([part for part in chain if part]):
            if not is_address(address):
                break
            environ["REMOTE_ADDR"] = address
            if not is_trusted(address, self.networks):
                break
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")[-1].strip()
        if scheme in {"http", "https"}:
            environ["wsgi.url_scheme"] = scheme
        host = environ.get("HTTP_X_FORWARDED_HOST", "").split(",")[-1].strip()
        if host:
            environ["HTTP_HOST"] = host
