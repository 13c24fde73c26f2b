"""What was changed, by whom, when: written with the change, refused any edit afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from stb_service.shared.access import Actor
from stb_service.shared.db import Base


class AuditEntry(Base):
    """One change. Triggers of the database refuse UPDATE and DELETE.

    What a person did through an API token names the token too.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_subject", "subject_kind", "subject_ref", "id"),)

    at: Mapped[datetime] = mapped_column(index=True)
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_ref: Mapped[str] = mapped_column(String(64), index=True)
    actor_label: Mapped[str] = mapped_column(String(128))
    token_ref: Mapped[str | None] = mapped_column(String(16), index=True)
    token_label: Mapped[str | None] = mapped_column(String(64))
    verb: Mapped[str] = mapped_column(String(64), index=True)
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_ref: Mapped[str] = mapped_column(String(64))
    subject_label: Mapped[str] = mapped_column(String(128))
    changes: Mapped[dict[str, Any]]


def record(
    session: Session,
    *,
    actor: Actor,
    verb: str,
    subject: tuple[str, str, str],
    changes: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Add an entry to the unit of work that makes the change; see `entry_values`."""
    values = entry_values(actor=actor, verb=verb, subject=subject, changes=changes, now=now)
    session.add(AuditEntry(**values))


def entry_values(
    *,
    actor: Actor,
    verb: str,
    subject: tuple[str, str, str],
    changes: Mapping[str, Any] | None = None,
    now: datetime,
) -> dict[str, Any]:
    """Return the columns of an entry, for whoever adds many at once.

    `subject` is (kind, public id, what people call it). `changes` maps a field to
    `[before, after]`, or to one value where something was made. Secrets never go in.
    """
    kind, ref, label = subject
    return {
        "at": now,
        "actor_kind": actor.kind,
        "actor_ref": actor.ref,
        "actor_label": actor.label[:128],
        "token_ref": actor.token_ref,
        "token_label": actor.token_label,
        "verb": verb,
        "subject_kind": kind,
        "subject_ref": ref,
        "subject_label": label[:128],
        "changes": {key: _plain(value) for key, value in (changes or {}).items()},
    }


def differences(row: Any, new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return `{field: [before, after]}` for the fields that would change."""
    return {
        name: [getattr(row, name), value]
        for name, value in new.items()
        if getattr(row, name) != value
    }


def apply_changes(row: Any, new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Set the fields that differ and return what changed, for `record`."""
    changes = differences(row, new)
    for name, (_, value) in changes.items():
        setattr(row, name, value)
    return changes


def entries_of(kind: str, ref: str, *, limit: int = 50) -> Select[AuditEntry]:
    """Select the newest entries about one subject."""
    return (
        select(AuditEntry)
        .where(AuditEntry.subject_kind == kind, AuditEntry.subject_ref == ref)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)
