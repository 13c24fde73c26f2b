"""Photographs of a box, a fault, or what they show."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stb_service.rma.models import (
    CasePhoto,
)
from stb_service.rma.owners import fault_of, key_of, record, touch_owner
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid, TooLarge
from stb_service.shared.files import FileStore
from stb_service.shared.i18n import text

MOST_PHOTO_BYTES = 10 * 1024 * 1024


MOST_PHOTOS = 40


def media_type_of(data: bytes) -> str | None:
    """Return what a picture is by its first bytes; None if it is none that is kept."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def add_photo(
    session: Session,
    *,
    ref: str,
    data: bytes,
    fault: int | None = None,
    note: str = "",
    files: FileStore,
    actor: Actor,
    now: datetime,
) -> CasePhoto:
    """Keep a photograph of a box, or of one of its faults.

    Raises:
        Forbidden: the actor neither inspects boxes nor answers for customers.
        NotFound: there is no such case, order or fault in the actor's scope.
        Invalid: it is no picture that is kept, or there are too many.
        TooLarge: it is too large.
        Refused: case and order have ended.
    """
    if not actor.can("rma.inspect"):
        actor.demand("rma.edit")
    owner, _order = touch_owner(session, ref, actor=actor)
    if len(data) > MOST_PHOTO_BYTES:
        raise TooLarge(text("At most %(limit)s bytes are accepted.", limit=MOST_PHOTO_BYTES))
    media_type = media_type_of(data)
    if media_type is None:
        raise Invalid.field("photo", text("A photograph is a JPEG, PNG or WebP picture."))
    count = select(func.count()).select_from(CasePhoto).filter_by(**key_of(owner))
    if (session.scalar(count) or 0) >= MOST_PHOTOS:
        raise Invalid.field("photo", text("At most %(n)s photographs.", n=MOST_PHOTOS))
    shown = fault_of(session, owner, fault) if fault is not None else None
    made = CasePhoto(
        **key_of(owner),
        fault=shown,
        sha256=files.keep_bytes(data).sha256,
        media_type=media_type,
        size_bytes=len(data),
        note=note.strip()[:500],
        taken_by=actor.label[:128],
        taken_at=now,
    )
    session.add(made)
    changes = {"fault": fault, "sha256": made.sha256}
    record(session, owner, "add-photo", changes, actor=actor, now=now)
    return made
