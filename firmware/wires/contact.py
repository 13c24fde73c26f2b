"""What every wire needs of its app: the stores, the presence, the addresses boxes are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.exc import IntegrityError

from firmware.boxes.presence import Presence
from firmware.boxes.rules import Statement
from stb_service.shared.clock import utc_now
from stb_service.shared.errors import TooLarge
from stb_service.shared.http import services
from stb_service.shared.i18n import text
from stb_service.shared.settings import Settings

DOWNLOAD_DAYS = 7
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Edge:
    """The parts of the box edge that views reach through the app."""

    presence: Presence


def presence() -> Presence:
    """Return the gatherer of this process."""
    edge: Edge = current_app.extensions["edge"]
    return edge.presence


def again_if_second(unit: Callable[[], Answer]) -> Answer:
    """Return what a unit of work returns, done anew where another added the same box first."""
    try:
        return unit()
    except IntegrityError:
        return unit()


def edge_url() -> str:
    """Return the address boxes reach us by: the setting's, or the one they called."""
    return services().settings.edge_url or request.host_url.rstrip("/")


def caller() -> str:
    """Return the address of the peer."""
    return request.remote_addr or ""


def read_body(limit: int) -> str:
    """Return the body up to a limit; the rest is read and dropped, so that the reply is heard."""
    body = request.stream.read(limit)
    while request.stream.read(limit):
        pass
    return body.decode("utf-8", "replace")


def read_small_body(limit: int) -> str:
    """Return a body that must fit.

    Raises:
        TooLarge: it does not.
    """
    body = read_body(limit + 1)
    if len(body) > limit:
        raise TooLarge(text("At most %(kb)s kB.", kb=limit // 1024))
    return body


def statement_of(
    attributes: Mapping[str, str], *, names: Mapping[str, str], wire: str, at: datetime
) -> Statement:
    """Return what attributes state, by the names that the settings give them."""

    def value(role: str) -> str | None:
        return attributes.get(names[role]) or None

    return Statement(
        at=at,
        wire=wire,
        version=value("version"),
        boot_id=value("boot_id"),
        model=value("model"),
        revision=value("revision"),
        serial=value("serial"),
        mac=value("mac"),
    )


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    keys = [*settings.secret_key_former, settings.secret_key]
    return URLSafeTimedSerializer(keys, salt="firmware-download")


def sign_download(settings: Settings, *, action: int) -> str:
    """Return a word that lets its holder fetch the image of one action, for seven days."""
    return str(_signer(settings).dumps(action))


def read_download(settings: Settings, word: str) -> int | None:
    """Return the action of a word, or None if it was forged or is too old."""
    try:
        action = _signer(settings).loads(word, max_age=DOWNLOAD_DAYS * 86400)
    except BadSignature:
        return None
    return action if isinstance(action, int) else None


def keep_seen(response: Response, *, box_id: int, wire: str) -> None:
    """Note at each chunk of a download that the box still takes it."""
    gatherer, address = presence(), caller()
    chunks: Any = response.response

    def noted() -> Iterator[bytes]:
        for chunk in chunks:
            gatherer.note(box_id, utc_now(), wire, address, takes_bytes=True)
            yield chunk

    response.response = noted()
    response.call_on_close(chunks.close)
