"""`X-Forwarded-*` is believed from the named proxies only."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from stb_service.shared.http.proxies import TrustedProxies, is_trusted

NETWORKS = (ip_network("10.0.0.0/30"), ip_network("fd00::/8"))


def seen(
    peer: str, headers: dict[str, str], networks: tuple[Any, ...] = NETWORKS
) -> tuple[str, str, str]:
    """Return address, scheme and host as the app behind the middleware sees them."""
    found: dict[str, Any] = {}

    def app(environ: Any, start_response: Any) -> list[bytes]:
        found.update(environ)
        return []

    environ = {
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "inside",
        **{f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in headers.items()},
    }
    TrustedProxies(app, networks)(environ, lambda *_: None)  # type: ignore[arg-type]
    assert not [name for name in found if name.startswith("HTTP_X_FORWARDED")]
    return found["REMOTE_ADDR"], found["wsgi.url_scheme"], found["HTTP_HOST"]


CLAIM = {"for": "192.0.2.7", "proto": "https", "host": "tv.example.com"}


@pytest.mark.parametrize("peer", ["10.0.0.0", "10.0.0.3", "::ffff:10.0.0.1", "fd00::1"])
def test_a_named_proxy_is_believed(peer: str) -> None:
    assert seen(peer, CLAIM) == ("192.0.2.7", "https", "tv.example.com")


@pytest.mark.parametrize("peer", ["9.255.255.255", "10.0.0.4", "fe00::1", "", "unix:"])
def test_any_other_peer_is_not(peer: str) -> None:
    assert seen(peer, CLAIM) == (peer, "http", "inside")


def test_without_named_proxies_nobody_is_believed() -> None:
    assert seen("127.0.0.1", CLAIM, ()) == ("127.0.0.1", "http", "inside")


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("", "10.0.0.1"),
        (" , ", "10.0.0.1"),
        ("forged", "10.0.0.1"),
        ("forged, 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, forged", "10.0.0.1"),
        ("2001:db8::5", "2001:db8::5"),
    ],
)
def test_the_caller_is_the_last_address_that_is_no_proxy(chain: str, expected: str) -> None:
    assert seen("10.0.0.1", {"for": chain})[0] == expected


@pytest.mark.parametrize(
    ("proto", "expected"),
    [("https", "https"), ("http, https", "https"), ("ftp", "http"), ("", "http")],
)
def test_only_web_schemes_are_taken(proto: str, expected: str) -> None:
    assert seen("10.0.0.1", {"proto": proto})[1] == expected


def test_what_is_no_address_is_never_trusted() -> None:
    assert not is_trusted("localhost", NETWORKS)
