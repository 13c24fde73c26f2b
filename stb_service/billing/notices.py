"""Notices of payment providers: one signed form that any of them, or a small program between, sends.

    POST /api/v1/payments/notices/{provider}
    STB-Signature: t=1772445600,v1=<hex>

`v1` is HMAC-SHA256 over `t`, a full stop and the body, in hexadecimal. `t` (seconds of the Unix
epoch) may differ from our clock by `TOLERANCE`. Several `v1` may be given, and several secrets are
accepted, so that a secret can be replaced without a gap. The same `event_id` counts once.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from stb_service.shared.errors import Unauthenticated
from stb_service.shared.i18n import text

TOLERANCE = timedelta(minutes=5)
MOST_SIGNATURES = 5


class NoticeKind(StrEnum):
    """What a provider tells of a payment."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class Notice:
    """What a provider says happened. `payment` is its own reference; `quote` is our number, for a
    payment that was begun elsewhere.
    """

    event_id: str
    kind: NoticeKind
    payment: str
    amount_minor: int
    currency: str
    quote: str = ""


def signature(body: bytes, *, at: datetime, secret: str) -> str:
    """Return the header that a notice is sent with."""
    moment = int(at.timestamp())
    return f"t={moment},v1={_digest(moment, body, secret)}"


def check_signature(header: str, body: bytes, *, now: datetime, secrets: Sequence[str]) -> None:
    """Refuse a notice that none of the secrets signed, or that was signed at another time.

    Raises:
        Unauthenticated: the signature is missing, wrong or too old.
    """
    moment, given = _read(header)
    if moment is None or not given:
        raise Unauthenticated(text("STB-Signature is missing or cannot be read."), code="signature")
    right = [
        hmac.compare_digest(_digest(moment, body, secret), candidate)
        for secret in secrets
        for candidate in given
    ]
    if not any(right):
        raise Unauthenticated(text("The signature is not of this body."), code="signature")
    if abs(now.timestamp() - moment) > TOLERANCE.total_seconds():
        raise Unauthenticated(
            text("The signature is too old, or of the future."), code="signature-time"
        )


def _digest(moment: int, body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()


def _read(header: str) -> tuple[int | None, list[str]]:
    moment: int | None = None
    given: list[str] = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isascii() and value.isdecimal() and len(value) <= 12:
            moment = int(value)
        elif name == "v1" and value.isascii() and len(given) < MOST_SIGNATURES:
            given.append(value.lower())
    return moment, given
