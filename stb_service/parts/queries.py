"""Reads about places and what stands there. Every one takes the scope: people of a dealer or a
service centre find only their own places, and what things cost is told to the operator alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, joinedload, selectinload

from stb_service.devices.models import Device
from stb_service.devices.queries import check_cursor
from stb_service.parts.models import (
    Location,
    Part,
    PartFit,
    Reservation,
    StockMove,
    StockPosition,
    StockRule,
)
from stb_service.parts.rules import GOOD, SHELVES, Balance, LocationKind, Side, suggestion
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Page, keyset_page
from stb_service.shared.registries import Hit
from stb_service.staff.models import Organisation

Last = aliased(StockMove)


def within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a place lies in the scope: the operator sees all of them."""
    if scope.is_everything:
        return true()
    return Location.organisation_id == scope.organisation_id


# --- places --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LocationFilter:
    """What the list of places can be narrowed to; empty means all."""

    text: str = ""
    kind: str = ""
    organisation: str = ""

    def as_arguments(self) -> dict[str, str]:
        """Return the parts that narrow, as arguments of an address."""
        return _given(self)


def _given(wanted: Any) -> dict[str, str]:
    pairs = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    return {name: value for name, value in pairs.items() if value}


def locations_page(
    session: Session, wanted: LocationFilter, scope: Scope, *, cursor: str | None, limit: int
) -> Page[Location]:
    """Return places by code, in one query."""
    order: list[tuple[InstrumentedAttribute[Any], bool]] = [(Location.code, False)]
    check_cursor(cursor, order)
    statement = select(Location).options(joinedload(Location.organisation)).where(within(scope))
    if wanted.kind:
        statement = statement.where(Location.kind == wanted.kind)
    if wanted.organisation:
        names = or_(
            Organisation.code == wanted.organisation, Organisation.public_id == wanted.organisation
        )
        statement = statement.where(
            Location.organisation_id.in_(select(Organisation.id).where(names))
        )
    if wanted.text:
        statement = statement.where(_named(wanted.text))
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def _named(typed: str) -> ColumnElement[bool]:
    part = typed.strip().lower()
    return or_(
        func.lower(Location.code).contains(part, autoescape=True),
        func.lower(Location.name).contains(part, autoescape=True),
    )


def all_locations(
    session: Session, scope: Scope, kinds: Collection[str] = ()
) -> Sequence[Location]:
    """Return the places in use, by code; of some kinds only, where these are named."""
    statement = select(Location).where(within(scope), Location.is_active).order_by(Location.code)
    if kinds:
        statement = statement.where(Location.kind.in_(kinds))
    return session.scalars(statement).all()


def find_location(session: Session, ref: str, scope: Scope) -> Location | None:
    """Return a place by its public id or code, or None."""
    statement = select(Location).options(joinedload(Location.organisation))
    names = or_(Location.public_id == ref, Location.code == ref)
    return session.scalar(statement.where(names, within(scope)).order_by(Location.code != ref))


def only_place(
    session: Session, kind: LocationKind, organisation_id: int | None, scope: Scope
) -> Location | None:
    """Return the place of a kind that an organisation has alone, else the only one of the operator;
    None where there is none, or more than one.
    """
    for owner in dict.fromkeys((organisation_id, None)):
        statement = select(Location).where(
            *(Location.kind == kind, Location.is_active, Location.organisation_id == owner),
            within(scope),
        )
        found = session.scalars(statement.order_by(Location.code).limit(2)).all()
        if found:
            return found[0] if len(found) == 1 else None
    return None


def location_by_ref(session: Session, ref: str, scope: Scope) -> Location:
    """Return a place by its public id or code.

    Raises:
        NotFound: there is none in the scope.
    """
    found = find_location(session, ref, scope)
    if found is None:
        raise NotFound(text("There is no such place."))
    return found


def find_locations(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the places whose code or name holds what was typed, as hits of the search box."""
    if len(typed.strip()) < 2:
        return []
    found = session.scalars(
        select(Location).where(_named(typed), within(scope)).order_by(Location.code).limit(limit)
    )
    return [Hit(row.code, row.name, f"/locations/{row.public_id}") for row in found]


# --- what stands there ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """What stands of one part in one condition at one place."""

    location: Location
    part: Part
    condition: str
    balance: Balance

    @property
    def available(self) -> int:
        """Pieces that may be used: in good condition, on a shelf, and not reserved."""
        is_usable = self.condition in GOOD and self.location.kind in SHELVES
        return self.balance.free if is_usable else 0


@dataclass(frozen=True)
class StockLine:
    """All that stands of one part at one place."""

    part: Part
    standings: Sequence[Standing]

    @property
    def on_hand(self) -> int:
        """Pieces in any condition."""
        return sum(standing.balance.on_hand for standing in self.standings)

    @property
    def reserved(self) -> int:
        """Pieces held back."""
        return sum(standing.balance.reserved for standing in self.standings)

    @property
    def available(self) -> int:
        """Pieces that may be used."""
        return sum(standing.available for standing in self.standings)

    @property
    def value_minor(self) -> int:
        """What they are worth."""
        return sum(standing.balance.value_minor for standing in self.standings)


def _standings() -> Select[StockPosition, StockMove]:
    """Select positions with the last row of their chains: one step of an index for each."""
    last = (
        select(StockMove.id)
        .where(StockMove.position_id == StockPosition.id)
        .order_by(StockMove.seq.desc())
        .limit(1)
        .correlate(StockPosition)
        .scalar_subquery()
    )
    return select(StockPosition, Last).join(Last, Last.id == last)


@dataclass(frozen=True)
class StockFilter:
    """What the stock of a place is narrowed to. `empty` is "all" to see also the parts that once
    stood there and no longer do.
    """

    text: str = ""
    empty: str = ""

    def as_arguments(self) -> dict[str, str]:
        """Return the parts that were chosen, as arguments of an address."""
        return _given(self)


_LAST_ON_HAND = (
    select(StockMove.on_hand)
    .where(StockMove.position_id == StockPosition.id)
    .order_by(StockMove.seq.desc())
    .limit(1)
    .correlate(StockPosition)
    .scalar_subquery()
)
"""What the last row of a position's chain left: one step of an index."""


def stock_of_location(
    session: Session,
    location: Location,
    scope: Scope,
    *,
    wanted: StockFilter,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[StockLine]:
    """Return what stands at a place, by part number, in 2 queries, however many moves there were:
    one for the parts of the page, one for what the last rows of their chains say.
    """
    order: list[tuple[InstrumentedAttribute[Any], bool]] = [(Part.sku, False)]
    check_cursor(cursor, order)
    here = select(StockPosition.part_id).where(StockPosition.location_id == location.id)
    if not wanted.empty:
        here = here.where(_LAST_ON_HAND != 0)
    statement = select(Part).where(Part.id.in_(here))
    if not scope.is_everything and location.organisation_id != scope.organisation_id:
        raise NotFound(text("There is no such place."))
    if wanted.text:
        statement = statement.where(part_named(wanted.text))
    page = keyset_page(session, statement, order=order, cursor=cursor, limit=limit)
    parts = {part.id: part for part in page.rows}
    rows = session.execute(
        _standings()
        .where(StockPosition.location_id == location.id, StockPosition.part_id.in_(parts))
        .order_by(StockPosition.condition)
    )
    found: dict[int, list[Standing]] = {}
    for position, last in rows:
        standing = Standing(location, parts[position.part_id], position.condition, last.balance)
        found.setdefault(position.part_id, []).append(standing)
    lines = [StockLine(part, found.get(part.id, [])) for part in page.rows]
    return Page(lines, page.next_cursor)


def stock_of_part(session: Session, part: Part, scope: Scope) -> list[Standing]:
    """Return where pieces of a part stand, the places of the house alone."""
    rows = session.execute(
        _standings()
        .join(Location, Location.id == StockPosition.location_id)
        .options(joinedload(StockPosition.location))
        .where(StockPosition.part_id == part.id, ~Location.is_open, within(scope))
        .order_by(Location.code, StockPosition.condition)
    )
    return [
        Standing(position.location, part, position.condition, last.balance)
        for position, last in rows
        if last.on_hand
    ]


def part_named(typed: str) -> ColumnElement[bool]:
    """Return the condition that a part is called so, or holds the words in its name."""
    part = typed.strip().lower()
    return or_(
        func.lower(Part.sku).contains(part, autoescape=True),
        func.lower(Part.name).contains(part, autoescape=True),
        Part.ean == typed.strip(),
    )


# --- the ledger ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class MoveFilter:
    """What the list of moves can be narrowed to; empty means all."""

    location: str = ""
    part: str = ""
    kind: str = ""
    reference: str = ""
    device: str = ""

    def as_arguments(self) -> dict[str, str]:
        """Return the parts that narrow, as arguments of an address."""
        return _given(self)


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
class ReservationFilter:
    """What the list of reservations can be narrowed to; empty means all."""

    state: str = ""
    location: str = ""
    part: str = ""

    def as_arguments(self) -> dict[str, str]:
        """Return the parts that narrow, as arguments of an address."""
        return _given(self)


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


# --- what to order -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shortage:
    """A place that has less of a part than its minimum, and how many to order."""

    rule: StockRule
    available: int

    @property
    def order(self) -> int:
        """How many to order."""
        part = self.rule.part
        return suggestion(
            self.available,
            minimum=self.rule.minimum,
            maximum=self.rule.maximum,
            min_order=part.min_order,
            pack_size=part.pack_size,
        )


def _available() -> ColumnElement[int]:
    """Return what a rule's place has available of its part, as the last rows of the chains say."""
    last = aliased(StockMove)
    newest = (
        select(last.on_hand - last.reserved)
        .where(last.position_id == StockPosition.id)
        .order_by(last.seq.desc())
        .limit(1)
        .correlate(StockPosition)
        .scalar_subquery()
    )
    return (
        select(func.coalesce(func.sum(newest), 0))
        .where(
            StockPosition.location_id == StockRule.location_id,
            StockPosition.part_id == StockRule.part_id,
            StockPosition.condition.in_(sorted(GOOD)),
        )
        .correlate(StockRule)
        .scalar_subquery()
    )


def shortages_page(
    session: Session, scope: Scope, *, location: str = "", cursor: str | None, limit: int
) -> Page[Shortage]:
    """Return what places in use have too few of, oldest rule first, with how many to order."""
    order = [(StockRule.id, False)]
    check_cursor(cursor, order)
    statement = (
        select(StockRule)
        .join(Location, StockRule.location_id == Location.id)
        .join(Part, StockRule.part_id == Part.id)
        .options(joinedload(StockRule.location), joinedload(StockRule.part))
        .where(within(scope), Location.is_active, Part.is_active, _available() < StockRule.minimum)
    )
    if location:
        names = or_(Location.public_id == location, Location.code == location)
        statement = statement.where(names)
    page = keyset_page(session, statement, order=order, cursor=cursor, limit=limit)
    counts = available_of(session, page.rows, scope)
    return Page([Shortage(rule, counts[rule.id]) for rule in page.rows], page.next_cursor)


def available_of(session: Session, rules: Sequence[StockRule], scope: Scope) -> Mapping[int, int]:
    """Return what each rule's place has available of its part."""
    rows = session.execute(
        select(StockRule.id, _available())
        .join(Location, StockRule.location_id == Location.id)
        .where(StockRule.id.in_([rule.id for rule in rules]), within(scope))
    )
    return {row[0]: row[1] for row in rows}


def shortages_count(session: Session, scope: Scope) -> int:
    """Return how many limits are undercut."""
    statement = (
        select(func.count())
        .select_from(StockRule)
        .join(Location, StockRule.location_id == Location.id)
        .join(Part, StockRule.part_id == Part.id)
        .where(within(scope), Location.is_active, Part.is_active, _available() < StockRule.minimum)
    )
    return session.scalar(statement) or 0


def rules_of_part(session: Session, part: Part, scope: Scope) -> Sequence[StockRule]:
    """Return the limits of a part at the places of the scope, by the code of the place."""
    return session.scalars(
        select(StockRule)
        .join(Location, StockRule.location_id == Location.id)
        .options(joinedload(StockRule.location), joinedload(StockRule.part))
        .where(StockRule.part_id == part.id, within(scope))
        .order_by(Location.code)
    ).all()


def rule_of(session: Session, part: Part, location: Location, scope: Scope) -> StockRule | None:
    """Return the limits of a part at a place, or None."""
    return session.scalar(
        select(StockRule)
        .join(Location, StockRule.location_id == Location.id)
        .where(
            and_(StockRule.part_id == part.id, StockRule.location_id == location.id),
            within(scope),
        )
    )


def parts_of_model(
    session: Session, model_id: int, scope: Scope, *, limit: int
) -> Sequence[tuple[Part, int]]:
    """Return the parts in use that fit a model, with how many the reader's places have."""
    newest = (
        select(Last.on_hand - Last.reserved)
        .where(Last.position_id == StockPosition.id)
        .order_by(Last.seq.desc())
        .limit(1)
        .correlate(StockPosition)
        .scalar_subquery()
    )
    available = (
        select(func.coalesce(func.sum(newest), 0))
        .select_from(StockPosition)
        .join(Location, StockPosition.location_id == Location.id)
        .where(
            StockPosition.part_id == Part.id,
            StockPosition.condition.in_(sorted(GOOD)),
            Location.kind.in_(sorted(SHELVES)),
            within(scope),
        )
        .correlate(Part)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Part, available)
        .join(PartFit, PartFit.part_id == Part.id)
        .where(PartFit.model_id == model_id, Part.is_active)
        .order_by(Part.sku)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]
