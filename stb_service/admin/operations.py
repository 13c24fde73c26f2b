"""What an administrator does to the house itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from stb_service.shared import audit, outbox
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict
from stb_service.shared.i18n import text
from stb_service.shared.outbox import OutboxEntry


def retry_effect(
    session: Session, *, entry: OutboxEntry, actor: Actor, now: datetime
) -> OutboxEntry:
    """Let an effect that was given up be tried again, within seconds.

    Raises:
        Conflict: it was not given up: it is done, or still tried.
    """
    lock_row(session, OutboxEntry, entry.id)
    if not entry.is_given_up:
        raise Conflict(text("It is done, or is being tried again already."))
    changes = {"topic": entry.topic, "error": entry.error}
    outbox.try_again(session, entry=entry, now=now)
    audit.record(
        session,
        actor=actor,
        verb="effect.retry",
        subject=("effect", entry.public_id, entry.key),
        changes=changes,
        now=now,
    )
    return entry
