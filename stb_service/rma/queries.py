"""Reads of cases and workshop orders. Every one takes the scope: a dealer finds the cases that it took
on, a service centre also those whose box stands with it or is on its way to it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true
from sqlalchemy.orm import Session, aliased, joinedload

from stb_service.devices.models import Device
from stb_service.parts.models import Location
from stb_service.rma.cases import PLACES
from stb_service.rma.events import case_number, order_number
from stb_service.rma.models import (
    Accessory,
    BoxTest,
    CaseEvent,
    CasePhoto,
    CaseQuote,
    Comparison,
    ComponentSwap,
    Exchange,
    Fault,
    InspectionCheck,
    Labour,
    ModelTerms,
    OrderEvent,
    OrderPart,
    Parcel,
    Precheck,
    ReturnCase,
    Statement,
    WorkshopOrder,
)
from stb_service.shared.access import Scope
from stb_service.shared.db import once
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Narrowing, Page, keyset_page
from stb_service.shared.registries import Hit
from stb_service.subscribers.queries import find_account

LAST_CASES = 40  # of a box
TYPED_CASE = re.compile(r"R[\s-]*(\d{1,9})", re.IGNORECASE)
TYPED_ORDER = re.compile(r"W[\s-]*(\d{1,9})", re.IGNORECASE)


def typed_case(raw: str) -> str | None:
    """Return the number of a case that was typed, with or without its zeros."""
    found = TYPED_CASE.fullmatch(unicodedata.normalize("NFKC", raw).strip())
    return case_number(int(found[1])) if found else None


def typed_order(raw: str) -> str | None:
    """Return the number of a workshop order that was typed, with or without its zeros."""
    found = TYPED_ORDER.fullmatch(unicodedata.normalize("NFKC", raw).strip())
    return order_number(int(found[1])) if found else None


# --- whose they are ------------------------------------------------------------------------------


def orders_within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that an order lies in the scope: at a place, or of a case, of theirs, or
    on its way to a place of theirs.
    """
    if scope.is_everything:
        return true()
    taken_on = select(ReturnCase.id).where(ReturnCase.handler_id == scope.organisation_id)
    return or_(_is_at(scope), WorkshopOrder.case_id.in_(taken_on))


def _is_at(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a box stands at a place of the scope, or stands nowhere yet and was
    sent to one: whoever it was meant for has nothing to do with it once it stands elsewhere.
    """
    mine = select(Location.id).where(Location.organisation_id == scope.organisation_id)
    on_its_way = and_(
        WorkshopOrder.location_id.is_(None),
        WorkshopOrder.ended_at.is_(None),
        WorkshopOrder.destination_id.in_(mine),
    )
    return or_(WorkshopOrder.location_id.in_(mine), on_its_way)


def within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a case lies in the scope: taken on by it, or its box stands there or
    is on its way there.
    """
    if scope.is_everything:
        return true()
    here = select(WorkshopOrder.case_id).where(_is_at(scope), WorkshopOrder.case_id.is_not(None))
    return or_(ReturnCase.handler_id == scope.organisation_id, ReturnCase.id.in_(here))


# --- one case, one order -------------------------------------------------------------------------


def find_case(session: Session, ref: str, scope: Scope) -> ReturnCase | None:
    """Return the case of a number (as people type it) or a public id, or None."""
    names = [ReturnCase.public_id == ref]
    if number := typed_case(ref):
        names.append(ReturnCase.number == number)
    found: ReturnCase | None = session.scalar(_with_details().where(or_(*names), within(scope)))
    return found


def _with_details() -> Select[ReturnCase]:
    return select(ReturnCase).options(
        joinedload(ReturnCase.device).joinedload(Device.model),
        joinedload(ReturnCase.account),
        joinedload(ReturnCase.person),
        joinedload(ReturnCase.site),
        joinedload(ReturnCase.handler),
        joinedload(ReturnCase.previous),
    )


def case_by_ref(session: Session, ref: str, scope: Scope) -> ReturnCase:
    """Return a case by its number or public id.

    Raises:
        NotFound: there is none in the scope.
    """
    found = find_case(session, ref, scope)
    if found is None:
        raise NotFound(text("There is no such return."))
    return found


def case_by_external_id(session: Session, external_id: str, scope: Scope) -> ReturnCase | None:
    """Return the case that another system calls so, or None."""
    return session.scalar(
        _with_details().where(ReturnCase.external_id == external_id, within(scope))
    )


def find_order(session: Session, ref: str, scope: Scope) -> WorkshopOrder | None:
    """Return the workshop order of a number (as people type it) or a public id, or None."""
    names = [WorkshopOrder.public_id == ref]
    if number := typed_order(ref):
        names.append(WorkshopOrder.number == number)
    return session.scalar(
        select(WorkshopOrder)
        .options(
            joinedload(WorkshopOrder.device).joinedload(Device.model),
            joinedload(WorkshopOrder.location),
            joinedload(WorkshopOrder.destination),
            joinedload(WorkshopOrder.case),
        )
        .where(or_(*names), orders_within(scope))
    )


def order_by_ref(session: Session, ref: str, scope: Scope) -> WorkshopOrder:
    """Return a workshop order by its number or public id.

    Raises:
        NotFound: there is none in the scope.
    """
    found = find_order(session, ref, scope)
    if found is None:
        raise NotFound(text("There is no such workshop order."))
    return found


def order_of_case(session: Session, case: ReturnCase, scope: Scope) -> WorkshopOrder | None:
    """Return the workshop order of a case, once the return was authorised."""
    return session.scalar(
        select(WorkshopOrder)
        .options(
            joinedload(WorkshopOrder.device).joinedload(Device.model),
            joinedload(WorkshopOrder.location),
            joinedload(WorkshopOrder.destination),
        )
        .where(WorkshopOrder.case_id == case.id, orders_within(scope))
    )


def case_of_order(session: Session, order: WorkshopOrder, scope: Scope) -> ReturnCase | None:
    """Return the case of a workshop order; None of a box that was admitted from stock."""
    if order.case_id is None:
        return None
    return session.scalar(_with_details().where(ReturnCase.id == order.case_id, within(scope)))


# --- lists ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CaseFilter(Narrowing):
    """What the list can be narrowed to; empty means all.

    `phase` is a column of the board; `account` a number, external id or public id; `device` a uid
    or serial; `handler` the code or public id of an organisation; `standing` is live, closed, held
    or due.
    """

    text: str = ""
    state: str = ""
    phase: str = ""
    remedy: str = ""
    channel: str = ""
    account: str = ""
    device: str = ""
    handler: str = ""
    standing: str = ""


def states_of(phase: str) -> list[str]:
    """Return the states of a column of the board."""
    return [state for state, place in PLACES.items() if place.phase == phase]


def cases_page(
    session: Session,
    wanted: CaseFilter,
    scope: Scope,
    *,
    now: datetime,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ReturnCase]:
    """Return one page of cases with boxes and accounts, the newest first, in one query (two where
    it is narrowed to an account).
    """
    statement = _with_details().where(within(scope), *_conditions(session, wanted, scope, now))
    return keyset_page(
        session, statement, order=[(ReturnCase.id, True)], cursor=cursor, limit=limit
    )


def _conditions(
    session: Session, wanted: CaseFilter, scope: Scope, now: datetime
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    plain = (
        (ReturnCase.state, wanted.state),
        (ReturnCase.remedy, wanted.remedy),
        (ReturnCase.channel, wanted.channel),
    )
    found += [column == value for column, value in plain if value]
    if wanted.phase:
        found.append(ReturnCase.state.in_(states_of(wanted.phase)))
    if wanted.standing:
        found.append(_stands(wanted.standing, now))
    if wanted.text:
        found.append(_called(wanted.text))
    if wanted.device:
        names = or_(Device.public_id == wanted.device, Device.serial == wanted.device)
        found.append(ReturnCase.device_id.in_(select(Device.id).where(names)))
    if wanted.handler:
        found.append(
            ReturnCase.handler.has(code=wanted.handler)
            | ReturnCase.handler.has(public_id=wanted.handler)
        )
    if wanted.account:
        account = find_account(session, wanted.account, scope)
        found.append(ReturnCase.account_id == account.id if account else false())
    return found


def _stands(standing: str, now: datetime) -> ColumnElement[bool]:
    return {
        "live": ReturnCase.closed_at.is_(None),
        "closed": ReturnCase.closed_at.is_not(None),
        "held": and_(ReturnCase.held, ReturnCase.closed_at.is_(None)),
        "due": ReturnCase.due_at <= now,
    }.get(standing, false())


def _called(typed: str) -> ColumnElement[bool]:
    """Return the condition that a case, its box, a parcel of it, or its order is called so."""
    plain = typed.strip()
    serials = select(Device.id).where(Device.serial == plain)
    parcels = select(Parcel.case_id).where(Parcel.tracking == plain, Parcel.case_id.is_not(None))
    names = [
        ReturnCase.external_id == plain,
        ReturnCase.device_id.in_(serials),
        ReturnCase.id.in_(parcels),
    ]
    if number := typed_case(plain) or typed_case(f"R{plain}"):
        names.append(ReturnCase.number == number)
    if number := typed_order(plain):
        orders = select(WorkshopOrder.case_id).where(WorkshopOrder.number == number)
        names.append(ReturnCase.id.in_(orders))
    return or_(*names)


@dataclass(frozen=True)
class OrderFilter(Narrowing):
    """What the bench's list can be narrowed to; empty means all."""

    text: str = ""
    state: str = ""
    location: str = ""
    standing: str = ""


def orders_page(
    session: Session,
    wanted: OrderFilter,
    scope: Scope,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[WorkshopOrder]:
    """Return one page of workshop orders with boxes and places, the newest first, in one query."""
    conditions = [orders_within(scope)]
    if wanted.state:
        conditions.append(WorkshopOrder.state == wanted.state)
    if wanted.location:
        names = or_(Location.public_id == wanted.location, Location.code == wanted.location)
        conditions.append(WorkshopOrder.location_id.in_(select(Location.id).where(names)))
    if wanted.standing == "live":
        conditions.append(WorkshopOrder.ended_at.is_(None))
    elif wanted.standing:
        conditions.append(WorkshopOrder.ended_at.is_not(None))
    if wanted.text:
        conditions.append(_order_called(wanted.text))
    statement = (
        select(WorkshopOrder)
        .options(
            joinedload(WorkshopOrder.device).joinedload(Device.model),
            joinedload(WorkshopOrder.location),
            joinedload(WorkshopOrder.destination),
            joinedload(WorkshopOrder.case),
        )
        .where(*conditions)
    )
    return keyset_page(
        session, statement, order=[(WorkshopOrder.id, True)], cursor=cursor, limit=limit
    )


def _order_called(typed: str) -> ColumnElement[bool]:
    plain = typed.strip()
    serials = select(Device.id).where(Device.serial == plain)
    names: list[ColumnElement[bool]] = [WorkshopOrder.device_id.in_(serials)]
    if number := typed_order(plain) or typed_order(f"W{plain}"):
        names.append(WorkshopOrder.number == number)
    if number := typed_case(plain):
        cases = select(ReturnCase.id).where(ReturnCase.number == number)
        names.append(WorkshopOrder.case_id.in_(cases))
    return or_(*names)


def count_by_state(session: Session, scope: Scope) -> dict[str, int]:
    """Return how many cases that are not closed are in each state."""
    rows = session.execute(
        select(ReturnCase.state, func.count())
        .where(ReturnCase.closed_at.is_(None), within(scope))
        .group_by(ReturnCase.state)
    )
    return {row[0]: row[1] for row in rows}


def cases_of_device(
    session: Session, uid: str, scope: Scope, *, limit: int
) -> Sequence[ReturnCase]:
    """Return the cases of a box by their rows alone, the last one first; those in which it was the
    replacement too.
    """
    ids = list(numbers_of_device(session, uid, scope))[:limit]
    rows = select(ReturnCase).where(ReturnCase.id.in_(ids)).order_by(ReturnCase.id.desc())
    return session.scalars(rows).all()


@once
def numbers_of_device(session: Session, uid: str, scope: Scope) -> dict[int, str]:
    """Return the numbers of the last cases of a box by their ids: of its own and of those in which it
    was the replacement, each by its index, which no condition with OR would use.
    """
    row = select(ReturnCase.id, ReturnCase.number).where(within(scope))
    own = row.join(Device, ReturnCase.device_id == Device.id)
    exchanged = row.join(Exchange, Exchange.case_id == ReturnCase.id)
    given = exchanged.join(Device, Exchange.device_id == Device.id)
    both = own.where(Device.public_id == uid).union(
        given.where(Device.public_id == uid, Exchange.state == "given")
    )
    found = both.subquery()
    rows = session.execute(select(found).order_by(found.c.id.desc()).limit(LAST_CASES))
    return {row[0]: row[1] for row in rows}


def numbers_of_account(
    session: Session, account_id: int, scope: Scope, *, limit: int
) -> dict[int, str]:
    """Return the numbers of the cases of an account by their ids, the last one first."""
    rows = session.execute(
        select(ReturnCase.id, ReturnCase.number)
        .where(ReturnCase.account_id == account_id, within(scope))
        .order_by(ReturnCase.id.desc())
        .limit(limit)
    )
    return {row[0]: row[1] for row in rows}


def cases_of_account(
    session: Session, account_id: int, scope: Scope, *, limit: int
) -> Sequence[ReturnCase]:
    """Return the cases of an account, the last one first."""
    return session.scalars(
        _with_details()
        .where(ReturnCase.account_id == account_id, within(scope))
        .order_by(ReturnCase.id.desc())
        .limit(limit)
    ).all()


def find_cases(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the cases and orders whose number was typed, as hits of the search box."""
    hits = []
    if number := typed_case(typed):
        case = find_case(session, number, scope)
        if case is not None:
            state = str(PLACES[case.state].title)
            detail = f"{case.device.label} · {state}"
            hits.append(Hit(case.number, detail, f"/returns/{case.public_id}"))
    if number := typed_order(typed):
        order = find_order(session, number, scope)
        if order is not None:
            address = f"/workshop/{order.public_id}"
            hits.append(Hit(order.number, order.device.label, address))
    return hits[:limit]


# --- what belongs to a case ----------------------------------------------------------------------


def events_of_case(session: Session, case: ReturnCase, scope: Scope) -> Sequence[CaseEvent]:
    """Return the steps of a case, the first first."""
    return session.scalars(
        select(CaseEvent)
        .join(ReturnCase, CaseEvent.case_id == ReturnCase.id)
        .where(CaseEvent.case_id == case.id, within(scope))
        .order_by(CaseEvent.seq)
    ).all()


def events_of_order(session: Session, order: WorkshopOrder, scope: Scope) -> Sequence[OrderEvent]:
    """Return the steps of a workshop order, the first first."""
    return session.scalars(
        select(OrderEvent)
        .join(WorkshopOrder, OrderEvent.order_id == WorkshopOrder.id)
        .where(OrderEvent.order_id == order.id, orders_within(scope))
        .order_by(OrderEvent.seq)
    ).all()


@dataclass(frozen=True)
class Belongings:
    """All rows that belong to a case and its order, for its page; each list in its order of writing.

    `photo_counts` has the number of photographs by the internal id of the fault.
    """

    faults: Sequence[Fault]
    photos: Sequence[CasePhoto]
    prechecks: Sequence[Precheck]
    statements: Sequence[Statement]
    parcels: Sequence[Parcel]
    exchanges: Sequence[Exchange]
    accessories: Sequence[Accessory]
    quotes: Sequence[CaseQuote]
    comparisons: Sequence[Comparison]
    checks: Sequence[InspectionCheck]
    parts: Sequence[OrderPart]
    labour: Sequence[Labour]
    components: Sequence[ComponentSwap]
    tests: Sequence[BoxTest]


def belongings(
    session: Session, case: ReturnCase | None, order: WorkshopOrder | None, scope: Scope
) -> Belongings:
    """Return what belongs to a case and its order, which the caller has found in its scope, in a
    fixed number of queries.
    """
    by_case, by_order = (case.id if case else None), (order.id if order else None)

    def of(model: Any, *, case_rows: bool = False, order_rows: bool = False) -> Sequence[Any]:
        keys = []
        if case_rows:
            keys.append(model.case_id == by_case if by_case else false())
        if order_rows:
            keys.append(model.order_id == by_order if by_order else false())
        return session.scalars(select(model).where(or_(*keys)).order_by(model.id)).all()

    both = {"case_rows": True, "order_rows": True}
    return Belongings(
        faults=of(Fault, **both),
        photos=of(CasePhoto, **both),
        prechecks=of(Precheck, case_rows=True),
        statements=of(Statement, **both),
        parcels=of(Parcel, **both),
        exchanges=of(Exchange, case_rows=True),
        accessories=of(Accessory, case_rows=True),
        quotes=of(CaseQuote, case_rows=True),
        comparisons=of(Comparison, **both),
        checks=of(InspectionCheck, order_rows=True),
        parts=of(OrderPart, order_rows=True),
        labour=of(Labour, order_rows=True),
        components=of(ComponentSwap, order_rows=True),
        tests=of(BoxTest, order_rows=True),
    )


def photo_by_ref(session: Session, ref: str, scope: Scope) -> CasePhoto:
    """Return a photograph of a case or an order of the scope.

    Raises:
        NotFound: there is none.
    """
    found = session.scalar(
        select(CasePhoto)
        .outerjoin(ReturnCase, CasePhoto.case_id == ReturnCase.id)
        .outerjoin(WorkshopOrder, CasePhoto.order_id == WorkshopOrder.id)
        .where(
            CasePhoto.public_id == ref,
            or_(
                and_(CasePhoto.case_id.is_not(None), within(scope)),
                and_(CasePhoto.order_id.is_not(None), orders_within(scope)),
            ),
        )
    )
    if found is None:
        raise NotFound(text("There is no such photograph."))
    return found


def digests_in_use(session: Session, among: set[str]) -> set[str]:
    """Return which of some files are photographs that rows name."""
    return set(session.scalars(select(CasePhoto.sha256).where(CasePhoto.sha256.in_(among))))


def model_terms(session: Session) -> Sequence[ModelTerms]:
    """Return what returns go by, for each model that has terms."""
    return session.scalars(select(ModelTerms).order_by(ModelTerms.id)).all()


def previous_of(session: Session, case: ReturnCase, scope: Scope) -> ReturnCase | None:
    """Return the case that this one repeats, where it lies in the scope."""
    if case.previous_id is None or scope.is_everything:
        return case.previous
    return session.scalar(_with_details().where(ReturnCase.id == case.previous_id, within(scope)))


def next_of(session: Session, case: ReturnCase, scope: Scope) -> ReturnCase | None:
    """Return the case that repeats another."""
    later = aliased(ReturnCase)
    found = select(later.id).where(later.previous_id == case.id).limit(1).scalar_subquery()
    return session.scalar(_with_details().where(ReturnCase.id == found, within(scope)))
