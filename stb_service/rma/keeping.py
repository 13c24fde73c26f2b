"""Which boxes stay where they are: those in the workshop, those that a return is about, those kept as
replacements; and which quotes are a return's. What happens to them are steps there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session

from stb_service.devices.models import Device
from stb_service.rma.cases import CaseState
from stb_service.rma.models import Exchange, ReturnCase, WorkshopOrder
from stb_service.rma.money import CASE_SUBJECT
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import Text, text

KEPT_BY: Mapping[str, Callable[[str], Text]] = {
    "in-workshop": lambda number: text(
        "The box has workshop order %(number)s: what becomes of it is a step there.", number=number
    ),
    "in-return": lambda number: text(
        "Return %(number)s is about the box: what becomes of it is a step there.", number=number
    ),
    "spare-kept": lambda number: text(
        "The box is kept as the replacement of return %(number)s.", number=number
    ),
}


def why_kept(session: Session, uid: str) -> list[Obstacle]:
    """Return why a box (by its uid) stays where and what it is, as far as returns know: the first of
    what keeps it, in one query.

    A case keeps the box that it waits for until its order does; once the order has ended, or the
    case only waits for the customer's word, the box is free.
    """
    box = select(Device.id).where(Device.public_id == uid).scalar_subquery()
    worked_on = select(literal("in-workshop"), WorkshopOrder.number).where(
        WorkshopOrder.device_id == box, WorkshopOrder.ended_at.is_(None)
    )
    waited_for = select(literal("in-return"), ReturnCase.number).where(
        ReturnCase.device_id == box,
        ReturnCase.closed_at.is_(None),
        ReturnCase.state != CaseState.COMPLETED,
        ~select(WorkshopOrder.id).where(WorkshopOrder.case_id == ReturnCase.id).exists(),
    )
    to_be_given = (
        select(literal("spare-kept"), ReturnCase.number)
        .join(Exchange, Exchange.case_id == ReturnCase.id)
        .where(Exchange.device_id == box, Exchange.state == "allocated")
    )
    rows = session.execute(union_all(worked_on, waited_for, to_be_given))
    keepers = {row[0]: row[1] for row in rows}
    return [Obstacle(code, say(keepers[code])) for code, say in KEPT_BY.items() if code in keepers][
        :1
    ]


def why_quotes_kept(session: Session, kind: str, ref: str) -> list[Obstacle]:
    """Return why quotes about something (its kind and ref) are for the steps of a return alone: it
    would not know of one that was made, sent or taken back beside it.
    """
    if kind != CASE_SUBJECT:
        return []
    number = session.scalar(select(ReturnCase.number).where(ReturnCase.public_id == ref))
    if number is None:
        return []
    message = text(
        "Quotes of return %(number)s are made, sent, answered and taken back by its own steps.",
        number=number,
    )
    return [Obstacle("in-return", message)]
