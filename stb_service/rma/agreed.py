"""What is to be paid for is done only once its price was agreed: lines with the code `billable`."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.rma.holding import has_parted
from stb_service.rma.models import Fault, WorkshopOrder
from stb_service.shared.errors import Obstacle, Refused
from stb_service.shared.i18n import text

BILLABLE, OWN = "billable", "own"


def code_of(session: Session, order: WorkshopOrder, code: str) -> str:
    """Return who pays, where that follows from a fault: the operator for a box of its own."""
    case = order.case
    is_own = case is None or case.is_rented or has_parted(session, order)
    return OWN if code == BILLABLE and is_own else code


def code_now(session: Session, order: WorkshopOrder, fault: int | None, code: str) -> str:
    """Return who pays for a line by now: its fault may have been judged, or granted, since."""
    if code != BILLABLE or fault is None or order.case_id is None:
        return code
    row = session.scalar(select(Fault).filter_by(case_id=order.case_id, number=fault))
    return code_of(session, order, (row.billing_code if row else "") or code)


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
