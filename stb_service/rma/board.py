"""What the pages of returns read besides `queries`: the board, the list with all its filters, what a
scan means, and what was taken in today."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select, union_all
from sqlalchemy.orm import Session, joinedload

from stb_service.devices.models import Device, DeviceIdentifier, DeviceModel
from stb_service.parts.models import Location
from stb_service.rma.cases import PLACES, CaseState
from stb_service.rma.lookups import scan_key
from stb_service.rma.machine import Phase, Waits
from stb_service.rma.models import OrderEvent, Parcel, ReturnCase, WorkshopOrder
from stb_service.rma.queries import find_case, orders_within, typed_case, typed_order, within
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import Actor, Scope
from stb_service.shared.paging import Page, keyset_page
from stb_service.staff.models import Organisation
from stb_service.subscribers.models import Account
from stb_service.subscribers.rules import typed_number

SHOWN = 20
COLUMNS = tuple(phase for phase in Phase if phase is not Phase.ENDED)
"""The columns of the board."""
STANDINGS = ("live", "closed", "held", "due")
ARRIVING = frozenset(
    {
        *(CaseState.AUTHORISED, CaseState.INBOUND, CaseState.AHEAD, CaseState.NOT_RETURNED),
        CaseState.LOST_IN,
    }
)
"""Where a case is while its box may be received."""


@dataclass(frozen=True)
class Wanted:
    """What board and list can be narrowed to; empty means all.

    `standing` is live, closed, held or due; `waits` whom a state waits for; `handler` the code of
    who took the case on; `account` a number; `mine` what the reader opened or has on the bench.
    """

    text: str = ""
    state: str = ""
    phase: str = ""
    waits: str = ""
    standing: str = ""
    model: str = ""
    handler: str = ""
    remedy: str = ""
    account: str = ""
    mine: bool = False
    opened_from: date | None = None
    opened_to: date | None = None

    def as_arguments(self) -> dict[str, str]:
        """Return the parts that narrow, as arguments of an address."""
        pairs = {field.name: getattr(self, field.name) for field in fields(self)}
        said = {name: str(value) for name, value in pairs.items() if value}
        return said | ({"mine": "true"} if self.mine else {})


def conditions(
    wanted: Wanted, reader: Actor, *, now: datetime, zone: tzinfo
) -> list[ColumnElement[bool]]:
    """Return what a filter asks of a case, the reader's scope included; days are the reader's."""
    found = [within(reader.scope)]
    plain = ((ReturnCase.state, wanted.state), (ReturnCase.remedy, wanted.remedy))
    found += [column == value for column, value in plain if value]
    if wanted.phase or wanted.waits:
        found.append(ReturnCase.state.in_(_states(wanted.phase, wanted.waits)))
    if wanted.standing:
        found.append(_stands(wanted.standing, now))
    if wanted.model:
        of_model = select(Device.id).join(DeviceModel).where(DeviceModel.code == wanted.model)
        found.append(ReturnCase.device_id.in_(of_model))
    if wanted.handler:
        handlers = select(Organisation.id).where(Organisation.code == wanted.handler)
        found.append(ReturnCase.handler_id.in_(handlers))
    if wanted.account:
        accounts = select(Account.id).where(_account_called(wanted.account))
        found.append(ReturnCase.account_id.in_(accounts))
    if wanted.mine:
        found.append(_of(reader))
    if wanted.opened_from:
        found.append(ReturnCase.opened_at >= midnight(wanted.opened_from, zone))
    if wanted.opened_to:
        following = wanted.opened_to + timedelta(days=1)
        found.append(ReturnCase.opened_at < midnight(following, zone))
    if wanted.text:
        found.append(_called(wanted.text))
    return found


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins in a zone; of `pytz`, too, whose zones must be asked."""
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the zone follows
    localize = getattr(zone, "localize", None)
    made: datetime = localize(start) if localize else start.replace(tzinfo=zone)
    return made


def _states(phase: str, waits: str) -> list[str]:
    return [
        state
        for state, place in PLACES.items()
        if phase in {"", place.phase} and waits in {"", place.waits}
    ]


def _stands(standing: str, now: datetime) -> ColumnElement[bool]:
    return {
        "live": ReturnCase.closed_at.is_(None),
        "closed": ReturnCase.closed_at.is_not(None),
        "held": and_(ReturnCase.held, ReturnCase.closed_at.is_(None)),
        "due": ReturnCase.due_at <= now,
    }.get(standing, false())


def _of(reader: Actor) -> ColumnElement[bool]:
    """Return the condition that the reader opened a case, or has its box on the bench."""
    at_bench = select(WorkshopOrder.case_id).where(
        WorkshopOrder.technician == reader.label[:128], WorkshopOrder.case_id.is_not(None)
    )
    return or_(ReturnCase.opened_by == reader.label[:128], ReturnCase.id.in_(at_bench))


def _account_called(typed: str) -> ColumnElement[bool]:
    number = typed_number(typed)
    names = [Account.external_id == typed.strip()]
    return or_(*names, Account.number == number) if number else names[0]


def _called(typed: str) -> ColumnElement[bool]:
    """Return the condition that a case, its order, box, account or a parcel of it is called so."""
    plain = typed.strip()
    boxes = select(DeviceIdentifier.device_id).where(
        DeviceIdentifier.lookup == (scan_key(plain) or "-")
    )
    parcels = select(Parcel.case_id).where(Parcel.tracking == plain, Parcel.case_id.is_not(None))
    accounts = select(Account.id).where(_account_called(plain))
    names = [
        ReturnCase.external_id == plain,
        ReturnCase.device_id.in_(boxes),
        ReturnCase.id.in_(parcels),
        ReturnCase.account_id.in_(accounts),
    ]
    if number := typed_case(plain) or typed_case(f"R{plain}"):
        names.append(ReturnCase.number == number)
    if number := typed_order(plain):
        orders = select(WorkshopOrder.case_id).where(WorkshopOrder.number == number)
        names.append(ReturnCase.id.in_(orders))
    return or_(*names)


def _with_rows(statement: Select[ReturnCase]) -> Select[ReturnCase]:
    return statement.options(
        joinedload(ReturnCase.device).joinedload(Device.model),
        joinedload(ReturnCase.account),
        joinedload(ReturnCase.handler),
    )


# --- the overview --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tally:
    """How many cases are not closed, wait for us or for the customer, and are past due."""

    live: int
    us: int
    customer: int
    late: int


def tally(session: Session, scope: Scope, now: datetime) -> Tally:
    """Count the cases that are not closed, in one query."""
    rows = session.execute(
        select(ReturnCase.state, func.count(), _late(now))
        .where(ReturnCase.closed_at.is_(None), within(scope))
        .group_by(ReturnCase.state)
    )
    live, late, waiting = 0, 0, dict.fromkeys(Waits, 0)
    for state, count, late_ones in rows:
        live, late = live + count, late + int(late_ones)
        waiting[PLACES[state].waits] += count
    return Tally(live, waiting[Waits.US], waiting[Waits.CUSTOMER], late)


def _late(now: datetime) -> ColumnElement[int]:
    return func.sum(case((ReturnCase.due_at <= now, 1), else_=0))


# --- the board -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of the board: how many cases stand in it, how many of them are late, the oldest."""

    phase: Phase
    total: int
    late: int
    cases: Sequence[ReturnCase]


def columns(
    session: Session, wanted: Wanted, reader: Actor, *, now: datetime, zone: tzinfo
) -> list[Column]:
    """Return the board: by phase, those longest in their step first, in three queries.

    The oldest of each state are read off its index, so that nothing depends on how many there are.
    """
    asked = conditions(replace(wanted, phase="", state=""), reader, now=now, zone=zone)
    states = [state for state, place in PLACES.items() if place.phase in COLUMNS]
    counted = session.execute(
        select(ReturnCase.state, func.count(), _late(now))
        .where(ReturnCase.state.in_(states), *asked)
        .group_by(ReturnCase.state)
    )
    counts = {row[0]: (row[1], int(row[2])) for row in counted}
    rows = _oldest(session, counts, asked)
    return [_column(phase, counts, rows) for phase in COLUMNS]


def _oldest(
    session: Session, states: Collection[str], asked: Sequence[ColumnElement[bool]]
) -> Sequence[ReturnCase]:
    """Return the oldest cases of each phase, found state by state in one query."""
    if not states:
        return []
    parts = [
        select(ReturnCase.id, ReturnCase.state, ReturnCase.entered_at)
        .where(ReturnCase.state == state, *asked)
        .order_by(ReturnCase.entered_at, ReturnCase.id)
        .limit(SHOWN)
        .subquery()
        for state in states
    ]
    found = session.execute(union_all(*(select(part) for part in parts))).all()
    by_phase: dict[Phase, list[tuple[datetime, int]]] = {}
    for ident, state, entered_at in found:
        by_phase.setdefault(PLACES[state].phase, []).append((entered_at, ident))
    shown = [ident for rows in by_phase.values() for _, ident in sorted(rows)[:SHOWN]]
    return session.scalars(
        _with_rows(select(ReturnCase))
        .where(ReturnCase.id.in_(shown))
        .order_by(ReturnCase.entered_at, ReturnCase.id)
    ).all()


def _column(
    phase: Phase, counts: Mapping[str, tuple[int, int]], rows: Sequence[ReturnCase]
) -> Column:
    own = [counts[state] for state in _states(phase, "") if state in counts]
    return Column(
        phase,
        sum(total for total, _ in own),
        sum(late for _, late in own),
        [row for row in rows if row.phase is phase],
    )


# --- the list ------------------------------------------------------------------------------------


def page_of_cases(
    session: Session,
    wanted: Wanted,
    reader: Actor,
    *,
    now: datetime,
    zone: tzinfo,
    cursor: str | None,
    limit: int,
) -> Page[ReturnCase]:
    """Return one page of cases with boxes and accounts, the newest first, in one query."""
    asked = conditions(wanted, reader, now=now, zone=zone)
    statement = _with_rows(select(ReturnCase)).where(*asked)
    return keyset_page(
        session, statement, order=[(ReturnCase.id, True)], cursor=cursor, limit=limit
    )


def cases_after(
    session: Session,
    wanted: Wanted,
    reader: Actor,
    *,
    now: datetime,
    zone: tzinfo,
    after_id: int,
    limit: int,
) -> Sequence[ReturnCase]:
    """Return the next cases of an export, the oldest first."""
    asked = conditions(wanted, reader, now=now, zone=zone)
    return session.scalars(
        _with_rows(select(ReturnCase))
        .where(ReturnCase.id > after_id, *asked)
        .order_by(ReturnCase.id)
        .limit(limit)
    ).all()


# --- scanning ------------------------------------------------------------------------------------


def live_case_of(session: Session, device_id: int, scope: Scope) -> ReturnCase | None:
    """Return the case of a box that is not closed, or None; the open one before those that are
    completed.
    """
    number = session.scalar(
        select(ReturnCase.number)
        .where(ReturnCase.device_id == device_id, ReturnCase.closed_at.is_(None), within(scope))
        .order_by(ReturnCase.state == CaseState.COMPLETED, ReturnCase.id.desc())
        .limit(1)
    )
    return find_case(session, number, scope) if number else None


def last_case_of(session: Session, device_id: int, scope: Scope) -> ReturnCase | None:
    """Return the last case of a box, closed or not, or None."""
    number = session.scalar(
        select(ReturnCase.number)
        .where(ReturnCase.device_id == device_id, within(scope))
        .order_by(ReturnCase.id.desc())
        .limit(1)
    )
    return find_case(session, number, scope) if number else None


def parcel_called(session: Session, tracking: str, scope: Scope) -> Parcel | None:
    """Return the last parcel of a case with a tracking number, or None."""
    return session.scalar(
        select(Parcel)
        .join(ReturnCase, Parcel.case_id == ReturnCase.id)
        .where(Parcel.tracking == tracking.strip(), within(scope))
        .order_by(Parcel.id.desc())
        .limit(1)
    )


def case_of_parcel(session: Session, parcel: Parcel, scope: Scope) -> ReturnCase | None:
    """Return the case of a parcel, or None."""
    number = session.scalar(select(ReturnCase.number).where(ReturnCase.id == parcel.case_id))
    return find_case(session, number, scope) if number else None


def taken_in(
    session: Session, location: Location, scope: Scope, *, since: datetime, limit: int
) -> Sequence[tuple[WorkshopOrder, datetime]]:
    """Return the boxes that came to a place since then and are still in hand, the last first."""
    live = [state for state in ORDER.places if state not in ORDER.final_states]
    rows = session.execute(
        select(WorkshopOrder, OrderEvent.at)
        .join(OrderEvent, OrderEvent.order_id == WorkshopOrder.id)
        .options(
            joinedload(WorkshopOrder.device).joinedload(Device.model),
            joinedload(WorkshopOrder.case),
        )
        .where(
            WorkshopOrder.location_id == location.id,
            WorkshopOrder.state.in_(live),
            OrderEvent.event.in_(("arrive", "swap_in", "admit")),
            OrderEvent.at >= since,
            orders_within(scope),
        )
        .order_by(OrderEvent.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]
