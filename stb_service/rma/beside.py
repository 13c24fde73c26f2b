"""Which comparison of a case its customer is shown beside the quote of a repair: the one question that
the guard, the page of the customer and the choice there ask.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stb_service.rma.comparison import Choice
from stb_service.rma.models import Comparison, Fault, ReturnCase

OTHERS = frozenset({Choice.NEW, Choice.REFURBISHED})


def newest_comparison(session: Session, case: ReturnCase) -> Comparison | None:
    """Return what was held side by side last."""
    return session.scalar(
        select(Comparison)
        .where(Comparison.case_id == case.id)
        .order_by(Comparison.id.desc())
        .limit(1)
    )


def shown_beside(session: Session, case: ReturnCase, currency: str) -> Comparison | None:
    """Return the comparison that stands beside a quote in a currency; None where the last one has
    another, offers no other box, or is older than a fault that was found since.
    """
    kept = newest_comparison(session, case)
    if kept is None or kept.inputs["currency"] != currency:
        return None
    if not OTHERS & {offer["choice"] for offer in kept.offers}:
        return None
    last = session.scalar(select(func.max(Fault.added_at)).where(Fault.case_id == case.id))
    return kept if last is None or last <= kept.made_at else None
