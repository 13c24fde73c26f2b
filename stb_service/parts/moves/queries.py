"""Reads of moves and reservations. Every one takes the scope: people of a dealer or a service centre
are told of their own places alone, and what things cost is told to the operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, or_, select, true
from sqlalchemy.orm import Session, joinedload, selectinload

from stb_service.devices.models import Device
from stb_service.devices.queries import check_cursor
from stb_service.parts.models import Location, Part, Reservation, StockMove, StockPosition
from stb_service.parts.queries import within
from stb_service.parts.rules import Side
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Narrowing, Page, keyset_page


@dataclass(frozen=True)
class MoveFilter(Narrowing):
    """What the list of moves can be narrowed to; empty means all."""

    location: str = ""
    part: str = ""
    kind: str = ""
    reference: str = ""
    device: str = ""


def moves_page(
    session: Session, wanted: MoveFilter, scope: Scope, *, cursor: str | None, limit: int
) -> Page[StockMove]:
    """Return moves, the newest first, in a fixed number of queries.

    Where a place is named, each move that touches it stands as it did there; else each move
    stands once: to the operator as it left, to others as it touched their places.
    """
    order = [(StockMove.id, True)]
    check_cursor(cursor, order)
    statement = _with_sides(select(StockMove)).where(StockMove.other_side.is_not(None))
    mine = select(Location.id).where(within(scope))
    if wanted.location:
        names = or_(Location.public_id == wanted.location, Location.code == wanted.location)
        location = mine.where(names).limit(1).scalar_subquery()
        statement = statement.where(StockMove.location_id == location)
    elif scope.is_everything:
        statement = statement.where(StockMove.side == Side.OUT)
    else:
        statement = statement.where(StockMove.location_id.in_(mine))
    if wanted.part:
        names = or_(Part.public_id == wanted.part, Part.sku == wanted.part)
        part = select(Part.id).where(names).limit(1).scalar_subquery()
        statement = statement.where(StockMove.part_id == part)
    if wanted.kind:
        statement = statement.where(StockMove.kind == wanted.kind)
    if wanted.reference:
        statement = statement.where(StockMove.reference == wanted.reference)
    if wanted.device:
        names = or_(Device.public_id == wanted.device, Device.serial == wanted.device)
        statement = statement.where(StockMove.device_id.in_(select(Device.id).where(names)))
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def _with_sides(statement: Select[StockMove]) -> Select[StockMove]:
    """Load both sides of moves with what a row of a list shows."""
    return statement.options(
        joinedload(StockMove.position).joinedload(StockPosition.location),
        joinedload(StockMove.position).joinedload(StockPosition.part),
        joinedload(StockMove.device),
        selectinload(StockMove.other)
        .joinedload(StockMove.position)
        .joinedload(StockPosition.location),
    )


def move_by_number(session: Session, number: str, scope: Scope) -> StockMove:
    """Return one side of a move: as it left, or the side that the reader sees.

    Raises:
        NotFound: there is none that touches a place of the scope.
    """
    mine = select(Location.id).where(within(scope))
    found = session.scalar(
        _with_sides(select(StockMove))
        .where(
            StockMove.number == number,
            StockMove.other_side.is_not(None),
            StockMove.location_id.in_(mine),
        )
        .order_by(StockMove.side.desc())  # `out` before `in`
        .limit(1)
    )
    if found is None:
        raise NotFound(text("There is no such move."))
    return found


@dataclass(frozen=True)
class Move:
    """A move as a reader is told of it: where from, where to, and whether they see each end."""

    row: StockMove
    scope: Scope

    @property
    def source(self) -> StockPosition | None:
        """The position that the pieces left; None where it is not the reader's to see."""
        return self._told(self.row if self.row.side == Side.OUT else self.row.other)

    @property
    def target(self) -> StockPosition | None:
        """The position that the pieces came to; None where it is not the reader's to see."""
        return self._told(self.row if self.row.side == Side.IN else self.row.other)

    def _told(self, row: StockMove | None) -> StockPosition | None:
        if row is None:
            return None
        location = row.position.location
        is_told = (
            self.scope.is_everything
            or location.is_open
            or location.organisation_id == self.scope.organisation_id
        )
        return row.position if is_told else None

    @property
    def value_minor(self) -> int | None:
        """What it was worth, told to the operator alone."""
        return self.row.value_minor if self.scope.is_everything else None


def last_place_of(session: Session, device: Device, scope: Scope) -> StockMove | None:
    """Return where a box last arrived, as far as that is the reader's to see; None if nowhere."""
    found = session.scalar(
        select(StockMove)
        .options(joinedload(StockMove.position).joinedload(StockPosition.location))
        .where(StockMove.device_id == device.id, StockMove.came_seq.is_not(None))
        .order_by(StockMove.came_seq.desc())
        .limit(1)
    )
    if found is None or Move(found, scope).target is None:
        return None
    return found


def moves_of_device(session: Session, uid: str, scope: Scope, *, limit: int) -> Sequence[StockMove]:
    """Return how a box was moved, the newest first, as far as places of the reader are touched."""
    own = (
        true()
        if scope.is_everything
        else StockMove.location_id.in_(select(Location.id).where(within(scope)))
    )
    return session.scalars(
        _with_sides(select(StockMove))
        .join(Device, StockMove.device_id == Device.id)
        .where(
            Device.public_id == uid,
            own,
            StockMove.side == Side.IN if scope.is_everything else true(),
        )
        .order_by(StockMove.id.desc())
        .limit(limit)
    ).all()


# --- reservations --------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReservationFilter(Narrowing):
    """What the list of reservations can be narrowed to; empty means all."""

    state: str = ""
    location: str = ""
    part: str = ""


def reservations_page(
    session: Session, wanted: ReservationFilter, scope: Scope, *, cursor: str | None, limit: int
) -> Page[Reservation]:
    """Return reservations, the newest first."""
    order = [(Reservation.id, True)]
    check_cursor(cursor, order)
    statement = _with_position(select(Reservation)).where(within(scope))
    if wanted.state:
        statement = statement.where(Reservation.state == wanted.state)
    if wanted.location:
        statement = statement.where(
            or_(Location.public_id == wanted.location, Location.code == wanted.location)
        )
    if wanted.part:
        names = or_(Part.public_id == wanted.part, Part.sku == wanted.part)
        statement = statement.where(StockPosition.part_id.in_(select(Part.id).where(names)))
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def _with_position(statement: Select[Reservation]) -> Select[Reservation]:
    position = joinedload(Reservation.position)
    return (
        statement.join(StockPosition, Reservation.position_id == StockPosition.id)
        .join(Location, StockPosition.location_id == Location.id)
        .options(
            position.joinedload(StockPosition.location), position.joinedload(StockPosition.part)
        )
    )


def reservation_by_ref(session: Session, ref: str, scope: Scope) -> Reservation:
    """Return a reservation by its public id or by the key of whoever made it.

    Raises:
        NotFound: there is none in the scope.
    """
    names = or_(Reservation.public_id == ref, Reservation.key == ref)
    found = session.scalar(_with_position(select(Reservation)).where(names, within(scope)))
    if found is None:
        raise NotFound(text("There is no such reservation."))
    return found
