"""Signed links: addresses that let somebody who has not signed in do one thing, for some time.

A link is signed for its purpose, so that one made to answer a quote opens nothing else. It holds
when it ends; the time is asked by whoever reads it. Keys that were replaced are still accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text


class Purpose(StrEnum):
    """What a link of this room is for; higher rooms have words of their own."""

    QUOTE = "billing.quote"
    CHECKOUT = "billing.test-checkout"


def sign_link(purpose: str, values: list[Any], *, until: datetime, keys: Sequence[str]) -> str:
    """Return the word of an address. `keys` are the former ones and, last, the present one."""
    return str(_serializer(purpose, keys).dumps([int(until.timestamp()), *values]))


def read_link(purpose: str, word: str, *, now: datetime, keys: Sequence[str]) -> list[Any]:
    """Return the values of a link.

    Raises:
        NotFound: it was not signed here, is for something else, or has ended.
    """
    until, values = signed_values(purpose, word, keys=keys)
    if now.timestamp() >= until:
        raise NotFound(text("This link has ended. Ask for a new one."), code="link-ended")
    return values


def signed_values(purpose: str, word: str, *, keys: Sequence[str]) -> tuple[int, list[Any]]:
    """Return when a link ends, and its values: whose it is, though it may have ended.

    Raises:
        NotFound: it was not signed here, or is for something else.
    """
    try:
        until, *values = list(_serializer(purpose, keys).loads(word))
        return int(until), values
    except (BadData, ValueError, TypeError) as error:
        message = text("This link is not valid. Ask for a new one.")
        raise NotFound(message, code="link-unknown") from error


def _serializer(purpose: str, keys: Sequence[str]) -> URLSafeSerializer:
    return URLSafeSerializer(list(keys), salt=str(purpose))
