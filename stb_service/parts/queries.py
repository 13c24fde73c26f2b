"""Reads about places and what stands there. Every one takes the scope: people of a dealer or a
service centre find only their own places, and what things cost is told to the operator alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, joinedload

from stb_service.devices.queries import check_cursor
from stb_service.parts.models import Location, Part, StockMove, StockPosition
from stb_service.parts.rules import GOOD, SHELVES, Balance, LocationKind
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Narrowing, Page, keyset_page
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
class LocationFilter(Narrowing):
    """What the list of places can be narrowed to; empty means all."""

    text: str = ""
    kind: str = ""
    organisation: str = ""


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
class StockFilter(Narrowing):
    """What the stock of a place is narrowed to. `empty` is "all" to see also the parts that once
    stood there and no longer do.
    """

    text: str = ""
    empty: str = ""


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
