"""What happened to a box, as sentences: its part of the timeline on the card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices import queries
from stb_service.devices.rules import STATUS_NAMES, field_name
from stb_service.shared.access import Actor, Scope
from stb_service.shared.audit import AuditEntry
from stb_service.shared.i18n import Text, text
from stb_service.shared.registries import TimelineEntry
from stb_service.staff.queries import organisations

SENTENCES: Mapping[str, tuple[str, Text]] = {
    "device.create": ("plus", text("Registered by %(who)s")),
    "device.change": ("edit", text("Corrected by %(who)s: %(what)s")),
    "device.status": ("refresh", text("%(who)s moved it from %(before)s to %(after)s")),
    "device.custody": ("building-store", text("%(who)s handed it to %(holder)s")),
    "device.board": ("cpu", text("Another board was put in by %(who)s")),
    "device.board-given": ("cpu", text("Its board was taken out by %(who)s")),
    "device.give": ("user-plus", text("%(who)s gave it to account %(to)s")),
    "device.held": ("history", text("%(who)s noted that account %(to)s had it")),
    "device.holding-correct": ("history", text("%(who)s corrected how an account has or had it")),
    "device.transfer": ("users", text("%(who)s passed it from account %(from)s to %(to)s")),
    "device.take-back": ("arrow-back-up", text("%(who)s took it back from account %(from)s")),
    "device.place": ("map-pin", text("%(who)s noted its site")),
    "device.tag": ("tag", text("Tags changed by %(who)s: %(what)s")),
    "device.capabilities": ("adjustments", text("Capabilities changed by %(who)s")),
}


def entries(session: Session, uid: str, actor: Actor, limit: int) -> Iterator[TimelineEntry]:
    """Yield what this room did to a box, the newest first.

    People of a dealer or a service centre are told what they did, when the box came to them and
    when it left them.
    """
    if not actor.scope.is_everything:
        yield from _custody(session, uid, actor.scope)
    names = {row.code: row.name for row in organisations(session, actor.scope)}
    for row in queries.entries_of_box(session, uid, actor.scope, limit=limit):
        is_told = actor.scope.is_everything or row.verb != "device.custody"
        if row.verb in SENTENCES and is_told:
            icon, sentence = SENTENCES[row.verb]
            words = str(text(sentence.msgid, **_values(row, names)))
            yield TimelineEntry(row.at, icon, words, str(row.changes.get("reason") or ""))


def _custody(session: Session, uid: str, scope: Scope) -> Iterator[TimelineEntry]:
    device = queries.device_row(session, uid, scope)
    for event in queries.custody_of(session, device, scope):
        came = str(text("It came into the custody of your organisation"))
        yield TimelineEntry(event.since, "building-store", came, event.reason)
        if event.until is not None:
            left = str(text("It left the custody of your organisation"))
            yield TimelineEntry(event.until, "building-store", left)


def _values(row: AuditEntry, names: Mapping[str, str]) -> dict[str, Any]:
    changes = row.changes
    values: dict[str, Any] = {"who": row.actor_label, "what": ", ".join(map(field_name, changes))}
    if row.verb == "device.status":
        before, after = changes["status"]
        values |= {"before": STATUS_NAMES[before], "after": STATUS_NAMES[after]}
    if "account" in changes:
        before, after = changes["account"]
        values |= {"from": before, "to": after}
    if row.verb == "device.custody":
        to = changes.get("custodian", [None, None])[1]
        values["holder"] = names.get(to, to) or changes["holder"] or text("nobody named")
    if row.verb == "device.tag":
        before, after = (set(side) for side in changes["tags"])
        signs = [f"+{tag}" for tag in sorted(after - before)]
        values["what"] = " ".join(signs + [f"-{tag}" for tag in sorted(before - after)])
    return values
