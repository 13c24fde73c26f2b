"""Who pays follows from the fault; what is to be paid for is done only once its price was agreed."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.rma.holding import has_parted
from stb_service.rma.lists import BILLING_CODE_NAMES
from stb_service.rma.models import Fault, OrderPart, WorkshopOrder
from stb_service.rma.owners import fault_of
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid, Obstacle, Refused
from stb_service.shared.i18n import text

BILLABLE, OWN, WARRANTY = "billable", "own", "warranty"
WHICH_FAULT = text("Say for which fault it is: not all of them are paid for by the same.")


def code_of(session: Session, order: WorkshopOrder, code: str) -> str:
    """Return who pays, where that follows from a fault: the operator for a box of its own."""
    case = order.case
    is_own = case is None or case.is_rented or has_parted(session, order)
    return OWN if code == BILLABLE and is_own else code


def code_that_follows(session: Session, order: WorkshopOrder, fault: int | None) -> str:
    """Return who pays for what is done for a fault (by its number), or for all that were judged; empty
    where they are not all paid for by the same.

    Raises:
        NotFound: there is no such fault.
    """
    if fault is not None:
        found = fault_of(session, order.case or order, fault)
        codes = {found.billing_code} - {None}
    else:
        rows = session.scalars(select(Fault).where(Fault.case_id == order.case_id))
        codes = {row.billing_code for row in rows if order.case_id is not None} - {None}
    if BILLABLE in codes and len(codes) > 1:
        return ""
    default = OWN if order.case_id is None else WARRANTY
    code = default if not codes or default in codes else min(filter(None, codes))
    return code_of(session, order, code)


def code_said(
    session: Session,
    order: WorkshopOrder,
    fault: int | None,
    said: str,
    reason: str,
    actor: Actor,
) -> tuple[str, str]:
    """Return who pays, and why it is another than follows from the fault, if it is.

    Raises:
        NotFound: there is no such fault.
        Invalid: the code is none, the fault is to be named, or another code has no reason.
        Forbidden: another code is for whoever decides.
    """
    if said and said not in BILLING_CODE_NAMES:
        names = ", ".join(BILLING_CODE_NAMES)
        raise Invalid.field("billing_code", text("One of: %(names)s", names=names))
    follows = code_that_follows(session, order, fault)
    if said and said != follows:
        actor.demand("rma.decide")
        if not reason.strip():
            raise Invalid.field("reason", text("Say why."))
        return said, reason.strip()[:500]
    if not follows:
        raise Invalid.field("fault", WHICH_FAULT)
    return follows, ""


def code_now(session: Session, order: WorkshopOrder, row: OrderPart) -> str:
    """Return who pays for a part by now: its fault may have been judged, or granted, since.

    Raises:
        Refused: the fault is to be named, as they are not all paid for by the same.
    """
    if row.code_reason:
        return row.billing_code
    found = code_that_follows(session, order, row.fault_number)
    if not found:
        raise Refused([Obstacle("fault", WHICH_FAULT)])
    return found


def demand_agreement(session: Session, order: WorkshopOrder, fault: int | None, code: str) -> None:
    """Refuse what the customer would pay for, and has not agreed to.

    Raises:
        Refused: no quote for it was accepted.
    """
    if code != BILLABLE:
        return
    agreed = select(Fault.id).where(Fault.case_id == order.case_id, Fault.agreed)
    if fault is not None:
        agreed = agreed.where(Fault.number == fault)
    if order.case_id is None or session.scalar(agreed.limit(1)) is None:
        message = text("The customer has agreed to no price for it: quote it first.")
        raise Refused([Obstacle("not-agreed", message)])
