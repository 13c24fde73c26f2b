"""Reads about stock-takings. Each is of one place, so each lies in the scope of that place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload, lazyload, selectinload

from stb_service.devices import queries as devices
from stb_service.devices.identity.rules import lookup_key
from stb_service.devices.models import Device, DeviceIdentifier
from stb_service.devices.queries import check_cursor
from stb_service.parts.models import CountLine, Location, Part, StockCount, StockMove, StockPosition
from stb_service.parts.queries import within
from stb_service.parts.rules import BoxOutcome, Side
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.identifiers import latin
from stb_service.shared.paging import Page, keyset_page


def counts_page(
    session: Session,
    scope: Scope,
    *,
    state: str = "",
    location: str = "",
    cursor: str | None,
    limit: int,
) -> Page[StockCount]:
    """Return stock-takings, the newest first."""
    order = [(StockCount.id, True)]
    check_cursor(cursor, order)
    statement = (
        select(StockCount)
        .join(Location, StockCount.location_id == Location.id)
        .options(joinedload(StockCount.location))
        .where(within(scope))
    )
    if state:
        statement = statement.where(StockCount.state == state)
    if location:
        names = or_(Location.public_id == location, Location.code == location)
        statement = statement.where(names)
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def count_by_ref(session: Session, ref: str, scope: Scope) -> StockCount:
    """Return a stock-taking with its lines.

    Raises:
        NotFound: there is none in the scope.
    """
    return _count_by_ref(session, ref, scope, selectinload)


def sheet_by_ref(session: Session, ref: str, scope: Scope) -> StockCount:
    """Return a stock-taking; its lines are read when somebody looks at them.

    Raises:
        NotFound: there is none in the scope.
    """
    return _count_by_ref(session, ref, scope, lazyload)


def _count_by_ref(
    session: Session, ref: str, scope: Scope, loading: Callable[..., Any]
) -> StockCount:
    found = session.scalar(
        select(StockCount)
        .join(Location, StockCount.location_id == Location.id)
        .options(
            joinedload(StockCount.location),
            loading(StockCount.lines).options(
                joinedload(CountLine.part), joinedload(CountLine.device)
            ),
        )
        .where(StockCount.public_id == ref, within(scope))
    )
    if found is None:
        raise NotFound(text("There is no such stock-taking."))
    return found


def numbers_of_lines(
    session: Session, counts: Sequence[StockCount], scope: Scope
) -> dict[int, int]:
    """Return how many lines each of these sheets has, by its id."""
    statement = (
        select(CountLine.count_id, func.count().label("number"))
        .join(StockCount, CountLine.count_id == StockCount.id)
        .join(Location, StockCount.location_id == Location.id)
        .where(CountLine.count_id.in_([count.id for count in counts]), within(scope))
        .group_by(CountLine.count_id)
    )
    return {row.count_id: row.number for row in session.execute(statement)}


def lines_page(
    session: Session, count: StockCount, scope: Scope, *, cursor: str | None, limit: int
) -> Page[CountLine]:
    """Return lines of a sheet with their parts and boxes, what was written down last first."""
    order = [(CountLine.id, True)]
    check_cursor(cursor, order)
    statement = (
        select(CountLine)
        .join(StockCount, CountLine.count_id == StockCount.id)
        .join(Location, StockCount.location_id == Location.id)
        .options(joinedload(CountLine.part), joinedload(CountLine.device))
        .where(CountLine.count_id == count.id, within(scope))
    )
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


@dataclass(frozen=True)
class Tally:
    """How many lines a sheet has: of parts, of boxes, and of boxes that are missing."""

    parts: int
    boxes: int
    missing: int


def tally_of(session: Session, count: StockCount, scope: Scope) -> Tally:
    """Return how many lines a sheet has, by what they say."""
    statement = (
        select(
            func.count(),
            func.count(CountLine.device_id),
            func.count().filter(CountLine.outcome == BoxOutcome.MISSING),
        )
        .join(StockCount, CountLine.count_id == StockCount.id)
        .join(Location, StockCount.location_id == Location.id)
        .where(CountLine.count_id == count.id, within(scope))
    )
    lines, boxes, missing = session.execute(statement).one()
    return Tally(lines - boxes, boxes, missing)


def open_count_of(session: Session, location: Location, scope: Scope) -> StockCount | None:
    """Return the stock-taking that a place is in, or None."""
    return session.scalar(
        select(StockCount)
        .join(Location, StockCount.location_id == Location.id)
        .where(StockCount.location_id == location.id, StockCount.ended_at.is_(None), within(scope))
    )


def line_of_key(session: Session, key: str, scope: Scope) -> CountLine | None:
    """Return what was stated under a key, with its sheet; None where nothing was."""
    return session.scalar(
        select(CountLine)
        .join(StockCount, CountLine.count_id == StockCount.id)
        .join(Location, StockCount.location_id == Location.id)
        .options(contains_eager(CountLine.count))
        .where(CountLine.key == key, within(scope))
    )


def sheet_of(
    session: Session, location: Location, source: str, at: datetime, scope: Scope
) -> StockCount | None:
    """Return the newest sheet of a place, if it was stated by this source at this instant."""
    found = session.scalar(
        select(StockCount)
        .join(Location, StockCount.location_id == Location.id)
        .where(StockCount.location_id == location.id, within(scope))
        .order_by(StockCount.id.desc())
        .limit(1)
    )
    if found is None or (found.reason, found.opened_at, found.ended_at) != (source, at, at):
        return None
    return found


def line_of_part(
    session: Session, sheet: StockCount, part: Part, condition: str, scope: Scope
) -> CountLine | None:
    """Return what a sheet of the scope says of a part in a condition; None where it does not."""
    return session.scalar(
        select(CountLine)
        .join(StockCount, CountLine.count_id == StockCount.id)
        .join(Location, StockCount.location_id == Location.id)
        .where(
            CountLine.count_id == sheet.id,
            CountLine.part_id == part.id,
            CountLine.condition == condition,
            CountLine.device_id.is_(None),
            within(scope),
        )
    )


def line_of_box(session: Session, sheet: StockCount, uid: str, scope: Scope) -> CountLine | None:
    """Return what a sheet of the scope says of a box; None where it does not."""
    return session.scalar(
        select(CountLine)
        .join(StockCount, CountLine.count_id == StockCount.id)
        .join(Location, StockCount.location_id == Location.id)
        .join(Device, CountLine.device_id == Device.id)
        .options(contains_eager(CountLine.device), joinedload(CountLine.part))
        .where(CountLine.count_id == sheet.id, Device.public_id == uid, within(scope))
    )


def boxes_scanned(session: Session, scanned: str, scope: Scope) -> Sequence[Device]:
    """Return the boxes of the scope that have a serial or a MAC, however it was typed or scanned."""
    key = lookup_key(latin(scanned).upper())
    named = select(DeviceIdentifier.device_id).where(
        DeviceIdentifier.lookup == key, DeviceIdentifier.until.is_(None)
    )
    statement = select(Device).where(Device.id.in_(named), devices.within(scope))
    return session.scalars(statement.order_by(Device.id)).all() if key else []


def boxes_standing(session: Session, count: StockCount, scope: Scope) -> Sequence[StockMove]:
    """Return how each box came that stood at the place of a sheet when it was opened, and still
    does; in the order in which they came.
    """
    left = aliased(StockMove)
    has_left = exists().where(
        left.device_id == StockMove.device_id, left.stood_seq == StockMove.came_seq
    )
    return session.scalars(
        select(StockMove)
        .join(Location, StockMove.location_id == Location.id)
        .options(
            joinedload(StockMove.device),
            joinedload(StockMove.position).joinedload(StockPosition.part),
        )
        .where(
            StockMove.location_id == count.location_id,
            StockMove.came_seq.is_not(None),
            StockMove.at <= count.opened_at,
            ~has_left,
            within(scope),
        )
        .order_by(StockMove.id)
    ).all()


def last_price(session: Session, part: Part, scope: Scope) -> tuple[int, int]:
    """Return what the last pieces that arrived at a place of the scope were worth: the sum, and
    for how many; (0, 1) where none ever did.
    """
    last = session.scalar(
        select(StockMove)
        .join(Location, StockMove.location_id == Location.id)
        .where(
            StockMove.part_id == part.id,
            StockMove.side == Side.IN,
            ~StockMove.is_open,
            StockMove.value_minor > 0,
            within(scope),
        )
        .order_by(StockMove.id.desc())
        .limit(1)
    )
    return (last.value_minor, last.quantity) if last else (0, 1)
