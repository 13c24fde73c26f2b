"""`Idempotency-Key` on POST: the same key with the same body is carried out once.

The answer is stored in the unit of work that made the change and given again for a day.
This is promised for JSON bodies and for none at all. On any other body, such as an upload, which
would have to be read whole before it could be known again, the key is not heeded: the request is
carried out each time, and the rules of what it makes decide on a second one.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from flask import Response, g, request
from sqlalchemy import LargeBinary, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from stb_service.shared.db import Base
from stb_service.shared.errors import Conflict, Invalid
from stb_service.shared.http.unit import current_actor, request_time, unit
from stb_service.shared.i18n import text

KEPT_FOR = timedelta(days=1)
SHOWN_ONCE = 0  # in place of a status: the answer held a secret and is not kept


class IdempotencyKey(Base):
    """A POST that was carried out, and what was answered."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("actor_ref", "key"),)

    actor_ref: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(128))
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(index=True)


def _key() -> str | None:
    if request.method != "POST" or not request.path.startswith("/api/"):
        return None
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= 128:
        raise Invalid.field("Idempotency-Key", text("1 to 128 characters."))
    return key if request.is_json or _is_empty() else None


def _is_empty() -> bool:
    return not request.content_length and "Transfer-Encoding" not in request.headers


def _fingerprint() -> str:
    digest = hashlib.sha256(request.full_path.encode())
    if request.is_json:
        digest.update(request.get_data(cache=True))
    return digest.hexdigest()


def replay() -> Response | None:
    """Return the stored answer if this key was carried out before.

    Raises:
        Conflict: the key was used for another request, or its answer held a secret.
    """
    key = _key()
    if key is None or g.get("actor") is None:
        return None
    known = unit().scalar(
        select(IdempotencyKey).where(
            IdempotencyKey.actor_ref == current_actor().ref, IdempotencyKey.key == key
        )
    )
    if known is None:
        return None
    if known.fingerprint != _fingerprint():
        raise Conflict(
            text("This Idempotency-Key was used for another request."), code="key-reused"
        )
    if known.status == SHOWN_ONCE:
        raise Conflict(
            text("This was carried out; its secret was shown once."), code="secret-shown-once"
        )
    response = Response(known.body, known.status, headers=known.headers)
    response.headers["Idempotency-Replayed"] = "true"
    return response


def remember(response: Response) -> None:
    """Store the answer with the change it reports; of one that holds a secret, only that it was
    given (a view says so by `g.answer_is_secret`).
    """
    key = _key()
    if key is None or g.get("actor") is None or response.is_streamed:
        return
    is_secret = bool(g.get("answer_is_secret"))
    unit().add(
        IdempotencyKey(
            actor_ref=current_actor().ref,
            key=key,
            fingerprint=_fingerprint(),
            status=SHOWN_ONCE if is_secret else response.status_code,
            headers={} if is_secret else dict(response.headers),
            body=b"" if is_secret else response.get_data(),
            created_at=request_time(),
        )
    )
    unit().flush()


def forget_old(session: Session, *, now: datetime) -> None:
    """Remove keys whose day is over."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEPT_FOR))
