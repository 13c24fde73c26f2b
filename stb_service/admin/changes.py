"""What an entry of the audit changed, made readable."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from stb_service.admin.words import field_name, value_name
from stb_service.shared import personal
from stb_service.shared.access import Actor
from stb_service.shared.audit import AuditEntry
from stb_service.shared.http.pages import format_when

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00")
NOTHING = "\N{EN DASH}"
OF_NEW = (".create", ".import", ".uploaded", "-add")


@dataclass(frozen=True)
class Change:
    """One field; `before` is None where the thing was made."""

    field: str
    before: str | None
    after: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def opened_changes(
    session: Session, entries: Sequence[AuditEntry], reader: Actor
) -> dict[int, dict[str, Any]]:
    """Return the changes of entries by their ids, personal values opened for whoever may see them,
    in one query. What cannot be read is `personal.UNREADABLE`.
    """
    refs = personal.people_in(entry.changes for entry in entries)
    keys = personal.keys_of(session, refs) if reader.can("accounts.personal") else {}
    return {entry.id: personal.opened(entry.changes, keys) for entry in entries}


def entry_values(entry: AuditEntry, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry by the names of `AuditEntrySchema`; what cannot be read is null."""
    names = [column.key for column in AuditEntry.__table__.columns]
    told = {n: None if v is personal.UNREADABLE else v for n, v in changes.items()}
    return {name: getattr(entry, name) for name in names} | {"changes": told}


def readable(
    session: Session, entries: Sequence[AuditEntry], reader: Actor
) -> Callable[[AuditEntry], list[Change]]:
    """Return what makes each of these entries readable."""
    found = opened_changes(session, entries, reader)
    return lambda entry: readable_changes(entry, found[entry.id])


def readable_changes(entry: AuditEntry, changes: Mapping[str, Any]) -> list[Change]:
    """Return the fields of an entry; of two lists, what came and what went."""
    is_new = entry.verb.endswith(OF_NEW)
    return [_change(name, value, is_new=is_new) for name, value in changes.items()]


def _change(name: str, value: Any, *, is_new: bool) -> Change:
    label = field_name(name)
    if value is personal.UNREADABLE:
        return Change(label, None, str(_("personal, and not readable")))
    if is_new or not (isinstance(value, list) and len(value) == 2):
        return Change(label, None, _words(name, value))
    before, after = value
    if isinstance(before, list) and isinstance(after, list):
        added = tuple(_words(name, item) for item in after if item not in before)
        removed = tuple(_words(name, item) for item in before if item not in after)
        return Change(label, "", "", added, removed)
    return Change(label, _words(name, before), _words(name, after))


def _words(field: str, value: Any) -> str:
    if value in (None, "", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, list):
        return ", ".join(_words(field, item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{field_name(key)}: {_words(key, item)}" for key, item in value.items())
    return _instant(value_name(field, str(value)))


def _instant(words: str) -> str:
    """Return a stored instant in the reader's zone, any other text as it is."""
    if not INSTANT.fullmatch(words):
        return words
    return format_when(datetime.fromisoformat(words))
