"""What a count does to stock: what is found is worth something, and boxes come to where they were seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices.holdings.chain import current_holding
from stb_service.devices.models import Device
from stb_service.devices.rules import Status
from stb_service.parts.counts import queries
from stb_service.parts.ledger import Place, balance_of, find_position, single_location
from stb_service.parts.models import Location, Part, StockMove
from stb_service.parts.operations import move_stock
from stb_service.parts.rules import Balance, LocationKind
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import text
from stb_service.shared.money import rounded_share


def worth_of(session: Session, part: Part, balance: Balance, pieces: int) -> int:
    """Return what pieces that were found are worth: as those beside them, else as the last that
    arrived anywhere, half a minor unit up.
    """
    if balance.on_hand > 0:
        return rounded_share(balance.value_minor, pieces, balance.on_hand)
    worth, quantity = queries.last_price(session, part, EVERYTHING)
    return rounded_share(worth, pieces, quantity)


def why_not_here(session: Session, box: Device) -> list[Obstacle]:
    """Return why a box cannot stand in stock, whatever a count says; empty if it can."""
    if current_holding(session, box) is not None:
        return [Obstacle("held", text("An account has the box: take it back first."))]
    if box.status == Status.LOST:
        return [Obstacle("lost", text("The box is lost: state in the registry that it is found."))]
    return []


@dataclass(frozen=True)
class Seen:
    """Where a box is to stand by a count, and in which condition; whether it was seen, or missed."""

    to: Location
    condition: str
    is_there: bool = True
    unit_cost_minor: int | None = None


def bring(
    session: Session, box: Device, part: Part, stands: Place | None, seen: Seen, **who: Any
) -> StockMove | None:
    """Move a box to where a count has it; what is in the house is graded where it stood.

    Raises:
        Refused: there is no such move, the box is reserved, or another room keeps it.
        Invalid: it is unknown to the actor, or stands in stock as another model.
    """
    to = seen.to
    moved: StockMove | None = None
    common: dict[str, Any] = {"device": box.public_id, "to_location": to.code, "is_count": True}
    if stands is None or stands.location.is_open:
        beyond = single_location(session, LocationKind.COUNT, who["now"]).code
        worth = seen.unit_cost_minor
        if worth is None:
            position = find_position(session, part, Place(to, seen.condition))
            worth = worth_of(session, part, balance_of(session, position), 1)
        first: dict[str, Any] = (
            {"from_location": beyond, "condition": seen.condition} if stands is None else {}
        )
        more = {**first, "to_condition": seen.condition, "unit_cost_minor": worth}
        return move_stock(session, **common, **more, **who)
    if seen.is_there and stands.condition != seen.condition:
        graded: dict[str, Any] = {
            "to_location": stands.location.code,
            "to_condition": seen.condition,
        }
        moved = move_stock(session, device=box.public_id, **graded, **who)
    if stands.location.id != to.id:
        moved = move_stock(session, **common, **who)
    return moved
