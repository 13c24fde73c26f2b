"""What returns tell elsewhere: on the card of a box, on an account's page, and in timelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.devices.queries import device_row
from stb_service.rma import board, queries
from stb_service.rma.cases import EVENTS, PLACES
from stb_service.rma.claiming import queries as claiming
from stb_service.rma.claiming.rules import STATE_COLOURS
from stb_service.rma.machine import Phase
from stb_service.rma.models import CaseEvent
from stb_service.rma.swaps import swaps_of_box
from stb_service.rma.wording import words
from stb_service.shared.access import Actor
from stb_service.shared.i18n import text
from stb_service.shared.registries import TimelineEntry
from stb_service.subscribers.queries import account_row

SHOWN = 5
ICONS = {
    Phase.ASKED: "headset",
    Phase.ARRIVING: "package",
    Phase.BENCH: "tool",
    Phase.DECISION: "route",
    Phase.CUSTOMER: "message",
    Phase.WORK: "tools",
    Phase.LEAVING: "truck",
    Phase.ENDED: "circle-check",
}


def tile(session: Session, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return how many cases wait for whom; nothing where none is open."""
    found = board.tally(session, actor.scope, now)
    return {"tally": found} if found.live else {}


def card_of_box(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return the returns of a box, the last one first, with an address for a new one."""
    device = device_row(session, uid, actor.scope)
    cases = queries.cases_of_device(session, uid, actor.scope, limit=SHOWN)
    is_open = any(case.is_live and case.device_id == device.id for case in cases)
    return {**words(), "cases": cases, "is_open": is_open, "asked": {"device": uid}, "now": now}


def claims_of_box(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return what was claimed from suppliers for a box, the last one first."""
    claims = claiming.claims_of_box(session, uid, actor.scope, limit=SHOWN)
    return {"claims": claims, "claim_colours": STATE_COLOURS}


def components_of_box(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return the components of a box that were exchanged, the last one first."""
    return {**words(), "swaps": swaps_of_box(session, uid, actor.scope)}


def section_of_account(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return the returns of an account, the last one first, with an address for a new one."""
    account = account_row(session, uid, actor.scope)
    cases = queries.cases_of_account(session, account.id, actor.scope, limit=SHOWN)
    asked = {"account": account.number}
    return {**words(), "cases": cases, "is_open": False, "asked": asked, "now": now}


def timeline_of_box(
    session: Session, uid: str, actor: Actor, limit: int
) -> Iterator[TimelineEntry]:
    """Yield the steps of the returns of a box, the newest first."""
    if actor.can("rma.view"):
        numbers = queries.numbers_of_device(session, uid, actor.scope)
        yield from _entries(session, numbers, limit)


def timeline_of_account(
    session: Session, uid: str, actor: Actor, limit: int
) -> Iterator[TimelineEntry]:
    """Yield the steps of the returns of an account, the newest first."""
    if actor.can("rma.view"):
        account = account_row(session, uid, actor.scope)
        numbers = queries.numbers_of_account(session, account.id, actor.scope, limit=limit)
        yield from _entries(session, numbers, limit)


def _entries(session: Session, numbers: Mapping[int, str], limit: int) -> Iterator[TimelineEntry]:
    if not numbers:
        return
    events = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id.in_(numbers))
        .order_by(CaseEvent.id.desc())
        .limit(limit)
    )
    for event in events:
        sentence = text(
            "Return %(number)s: %(event)s (%(who)s)",
            number=numbers[event.case_id],
            event=EVENTS[event.event],
            who=event.actor_label,
        )
        icon = ICONS[PLACES[event.to_state].phase]
        yield TimelineEntry(event.at, icon, str(sentence), event.reason)
