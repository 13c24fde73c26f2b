"""Finding a case or an order of an actor, held against other writers: the case first, then its order."""

from __future__ import annotations

from sqlalchemy.orm import Session

from stb_service.rma import queries
from stb_service.rma.models import ReturnCase, WorkshopOrder
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import NotFound, Obstacle, Refused
from stb_service.shared.i18n import text

ENDED = Obstacle("ended", text("It has ended, and nothing is added to it."))
Pair = tuple[ReturnCase | None, WorkshopOrder | None]


def touch(session: Session, ref: str, *, actor: Actor) -> Pair:
    """Return a case with its order by the number or public id of either, both held.

    Raises:
        NotFound: the actor sees no such case or order.
    """
    case = queries.find_case(session, ref, actor.scope)
    order = None
    if case is None:
        order = queries.find_order(session, ref, actor.scope)
        if order is None:
            raise NotFound(text("There is no such return."))
        case = queries.case_of_order(session, order, EVERYTHING)
    if case is not None:
        lock_row(session, ReturnCase, case.id)
        order = queries.order_of_case(session, case, EVERYTHING)
    if order is not None:
        lock_row(session, WorkshopOrder, order.id)
    return case, order


def touch_case(session: Session, ref: str, *, actor: Actor, ended: bool = False) -> ReturnCase:
    """Return a case by its number or public id, held.

    Raises:
        NotFound: the actor sees no such case.
        Refused: it has ended, and that was not asked for.
    """
    case = queries.case_by_ref(session, ref, actor.scope)
    lock_row(session, ReturnCase, case.id)
    if not (case.is_live or ended):
        raise Refused([ENDED])
    return case


def touch_order(session: Session, ref: str, *, actor: Actor) -> WorkshopOrder:
    """Return a workshop order by its own number or public id, or its case's; held, its case first.

    Raises:
        NotFound: the actor sees no such order.
        Refused: it has ended.
    """
    _case, order = touch(session, ref, actor=actor)
    if order is None:
        raise NotFound(text("There is no such workshop order."))
    if not order.is_live:
        raise Refused([ENDED])
    return order
