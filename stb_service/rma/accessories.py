"""Which accessory a return may send: the component that fails, as many as the box has."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.parts.models import Part, PartFit
from stb_service.parts.rules import ReservationState
from stb_service.rma.models import Accessory, Fault, ReturnCase
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text


def why_unusual(
    session: Session, case: ReturnCase, part: Part, quantity: int
) -> Mapping[str, list[Text]]:
    """Return by field why a case does not call for a part, or for so many of it; empty if it does."""
    fit = session.scalar(
        select(PartFit).where(PartFit.part_id == part.id, PartFit.model_id == case.device.model_id)
    )
    if fit is None:
        return {"part": [text("The part does not fit the box: who decides says why it is sent.")]}
    reported = session.scalars(select(Fault.component).where(Fault.case_id == case.id)).all()
    if part.component not in {component for component in reported if component}:
        message = text("No fault of this component is reported: who decides says why it is sent.")
        return {"part": [message]}
    most = fit.quantity - _kept(session, case, part)
    if quantity > most:
        message = text(
            "The box lacks no more than %(most)s: who decides says why more are sent.",
            most=max(0, most),
        )
        return {"quantity": [message]}
    return {}


def _kept(session: Session, case: ReturnCase, part: Part) -> int:
    """Return how many of a part are held back for a case; what was sent, and was lost, is not."""
    rows = session.scalars(
        select(Accessory).where(Accessory.case_id == case.id, Accessory.part_id == part.id)
    )
    return sum(row.quantity for row in rows if row.reservation.state == ReservationState.HELD)


def demand_decision(unusual: Mapping[str, list[Text]], reason: str, actor: Actor) -> None:
    """Refuse what is unusual to whoever may not decide it, and without a reason.

    Raises:
        Invalid: the actor may not decide, or does not say why.
    """
    if not actor.can("rma.decide"):
        raise Invalid(fields=dict(unusual))
    if not reason.strip():
        raise Invalid(fields={**unusual, "reason": [text("Say why.")]})
