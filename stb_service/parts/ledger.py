"""The one writer of the ledger: positions are held in one order, and chains grow by a row.

Whoever has held a position sees its last row and no other writer adds to it; the constraints of
`StockMove` refuse whatever would not follow from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from stb_service.devices.models import Device
from stb_service.parts.models import Location, Part, Reservation, StockMove, StockPosition
from stb_service.parts.rules import (
    EMPTY,
    LOCATION_KIND_NAMES,
    Balance,
    LocationKind,
    MoveKind,
    Side,
    after,
)
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row, new_public_id


@dataclass(frozen=True)
class Place:
    """A position as a caller names it: a place and a condition there."""

    location: Location
    condition: str


@dataclass(frozen=True)
class Why:
    """What a row says of its reason, and who wrote it when."""

    actor: Actor
    now: datetime
    reason: str = ""
    reference: str = ""


def single_location(session: Session, kind: LocationKind, now: datetime) -> Location:
    """Return the one place of its kind (customers, stock-taking), made when first needed."""
    known = session.scalar(select(Location).where(Location.kind == kind))
    if known is not None:
        return known
    made = Location(
        code=kind.upper(),
        name=LOCATION_KIND_NAMES[kind].msgid,
        kind=kind,
        is_open=True,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # somebody else made it meanwhile
        return session.scalars(select(Location).where(Location.kind == kind)).one()
    return made


def find_position(session: Session, part: Part, place: Place) -> StockPosition | None:
    """Return the position of a part in a condition at a place; None where there never was any."""
    return session.scalar(
        select(StockPosition).where(
            StockPosition.location_id == place.location.id,
            StockPosition.part_id == part.id,
            StockPosition.condition == place.condition,
        )
    )


def _position(session: Session, part: Part, place: Place) -> StockPosition:
    known = find_position(session, part, place)
    if known is not None:
        return known
    made = StockPosition(
        location_id=place.location.id,
        part_id=part.id,
        condition=place.condition,
        is_open=place.location.is_open,
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # somebody else made it meanwhile
        known = find_position(session, part, place)
        assert known is not None
        return known
    return made


def hold_positions(session: Session, part: Part, *places: Place) -> list[StockPosition]:
    """Return the positions of places, held against other writers in the order of their keys."""
    found = [_position(session, part, place) for place in places]
    for key in sorted({position.id for position in found}):
        lock_row(session, StockPosition, key)
    return found


def hold_all(session: Session, wanted: Iterable[tuple[Part, Place]]) -> None:
    """Hold many positions against other writers in the order of their keys, for several moves."""
    found = {_position(session, part, place).id for part, place in wanted}
    for key in sorted(found):
        lock_row(session, StockPosition, key)


def balance_of(session: Session, position: StockPosition | None) -> Balance:
    """Return what stands at a position: what the last row of its chain says."""
    if position is None:
        return EMPTY
    last = session.scalar(
        select(StockMove)
        .where(StockMove.position_id == position.id)
        .order_by(StockMove.seq.desc())
        .limit(1)
    )
    return last.balance if last else EMPTY


def device_seq_of(session: Session, device: Device) -> int:
    """Return how often a box has been moved."""
    statement = select(func.max(StockMove.device_seq)).where(StockMove.device_id == device.id)
    return session.scalar(statement) or 0


@dataclass(frozen=True)
class Step:
    """What goes from one position to another: how many, and worth how much in all."""

    kind: MoveKind
    part: Part
    quantity: int
    worth: int
    device: Device | None = None
    reservation: Reservation | None = None


def write_move(
    session: Session, step: Step, *, source: StockPosition, target: StockPosition, why: Why
) -> Sequence[StockMove]:
    """Write both sides of a move between positions that are held; return them, `out` first."""
    number = new_public_id()
    seq = device_seq_of(session, step.device) + 1 if step.device else None
    rows = []
    for side, position in ((Side.OUT, source), (Side.IN, target)):
        freed = step.quantity if step.reservation and side == Side.OUT else 0
        row = _row(
            session, position, side, step.part, step.quantity, why, worth=step.worth, freed=freed
        )
        row.number, row.kind = number, step.kind
        row.other_side = Side.IN if side == Side.OUT else Side.OUT
        row.reservation_id = step.reservation.id if step.reservation and freed else None
        if step.device is not None and seq is not None:
            row.device_id, row.device_seq = step.device.id, seq
            row.came_seq = seq if side == Side.IN else None
            row.stood_seq = seq - 1 if side == Side.OUT and seq > 1 else None
        rows.append(row)
        session.add(row)
        session.flush()  # the next row may be of the same position
    return rows


def write_hold(
    session: Session, reservation: Reservation, side: Side, quantity: int, *, part: Part, why: Why
) -> StockMove:
    """Write that pieces of a position that is held are kept back, or let go."""
    row = _row(session, reservation.position, side, part, quantity, why)
    row.number, row.reservation_id = new_public_id(), reservation.id
    session.add(row)
    session.flush()
    return row


def _row(
    session: Session,
    position: StockPosition,
    side: Side,
    part: Part,
    quantity: int,
    why: Why,
    *,
    worth: int = 0,
    freed: int = 0,
) -> StockMove:
    before = balance_of(session, position)
    left = after(before, side, quantity, worth, freed)
    return StockMove(
        side=side,
        position_id=position.id,
        location_id=position.location_id,
        part_id=part.id,
        is_open=position.is_open,
        seq=left.seq,
        previous_seq=before.seq or None,
        quantity=quantity,
        on_hand_before=before.on_hand,
        on_hand=left.on_hand,
        reserved_before=before.reserved,
        reserved=left.reserved,
        value_minor=worth,
        value_before=before.value_minor,
        value_after=left.value_minor,
        currency=part.currency,
        reason=why.reason[:500],
        reference=why.reference[:64],
        at=why.now,
        actor_label=why.actor.label[:128],
    )
