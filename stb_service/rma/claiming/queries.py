"""Reads of claims, batches, credit notes and suppliers' terms. All of it is the operator's own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select, true
from sqlalchemy.orm import Session, joinedload, selectinload

from stb_service.devices.models import Device
from stb_service.parts.models import Location, StockMove
from stb_service.parts.rules import LocationKind, Side
from stb_service.rma.claiming.models import (
    ClaimBatch,
    ClaimEvent,
    ClaimLine,
    CreditLine,
    CreditNote,
    SupplierClaim,
    SupplierTerms,
)
from stb_service.rma.claiming.rules import (
    CLAIMABLE_CODES,
    Repair,
    Terms,
    UsedPart,
    Worked,
    number_key,
)
from stb_service.rma.models import Fault, Labour, OrderEvent, OrderPart, WorkshopOrder
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.money import Money
from stb_service.shared.paging import Narrowing, Page, keyset_page
from stb_service.shared.registries import Hit
from stb_service.warranty.facts import sold_on
from stb_service.warranty.queries import held_by_each

TYPED_CLAIM = re.compile(r"SC[\s-]*(\d{1,9})", re.IGNORECASE)


def claim_number(ordinal: int) -> str:
    """Return what the claim with this place in the order of proposing is called."""
    return f"SC-{ordinal:06d}"


def batch_number(ordinal: int) -> str:
    """Return what the batch with this place in the order of sending is called."""
    return f"SB-{ordinal:06d}"


def typed_claim(raw: str) -> str | None:
    """Return the number of a claim that was typed, with or without its zeros."""
    found = TYPED_CLAIM.fullmatch(unicodedata.normalize("NFKC", raw).strip())
    return claim_number(int(found[1])) if found else None


def within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that claims lie in the scope: they are the operator's alone."""
    return true() if scope.is_everything else false()


# --- claims --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClaimFilter(Narrowing):
    """What the list can be narrowed to; empty means all. `supplier` and `batch` are a code, number or
    public id.
    """

    text: str = ""
    state: str = ""
    supplier: str = ""
    batch: str = ""


def _with_details() -> Select[SupplierClaim]:
    return select(SupplierClaim).options(
        joinedload(SupplierClaim.device).joinedload(Device.model),
        joinedload(SupplierClaim.order).joinedload(WorkshopOrder.case),
        joinedload(SupplierClaim.supplier),
        joinedload(SupplierClaim.batch),
    )


def _conditions(wanted: ClaimFilter, scope: Scope) -> list[ColumnElement[bool]]:
    found = [within(scope)]
    if wanted.state:
        found.append(SupplierClaim.state == wanted.state)
    if wanted.supplier:
        found.append(SupplierClaim.supplier_id.in_(_suppliers(wanted.supplier)))
    if wanted.batch:
        found.append(SupplierClaim.batch_id.in_(_batches(wanted.batch)))
    if wanted.text:
        found.append(_called(wanted.text))
    return found


def _suppliers(ref: str) -> Select[int]:
    return select(Location.id).where(or_(Location.code == ref, Location.public_id == ref))


def _batches(ref: str) -> Select[int]:
    return select(ClaimBatch.id).where(or_(ClaimBatch.number == ref, ClaimBatch.public_id == ref))


def _called(typed: str) -> ColumnElement[bool]:
    plain = typed.strip()
    serials = select(Device.id).where(Device.serial == plain)
    orders = select(WorkshopOrder.id).where(WorkshopOrder.number == plain.upper())
    names: list[ColumnElement[bool]] = [
        SupplierClaim.device_id.in_(serials),
        SupplierClaim.order_id.in_(orders),
    ]
    if number := typed_claim(plain) or typed_claim(f"SC{plain}"):
        names.append(SupplierClaim.number == number)
    return or_(*names)


def claims_page(
    session: Session,
    wanted: ClaimFilter,
    scope: Scope,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[SupplierClaim]:
    """Return one page of claims with boxes, orders, suppliers and batches, the newest first, in one
    query.
    """
    statement = _with_details().where(*_conditions(wanted, scope))
    return keyset_page(
        session, statement, order=[(SupplierClaim.id, True)], cursor=cursor, limit=limit
    )


@dataclass(frozen=True)
class ClaimSum:
    """How many claims are in a state in one currency, and what they come to."""

    state: str
    count: int
    claimed: Money
    credited: Money


def sums_of(session: Session, wanted: ClaimFilter, scope: Scope) -> list[ClaimSum]:
    """Return the sums of a list by state and currency, in one query; its state does not narrow them."""
    of_all = ClaimFilter(wanted.text, "", wanted.supplier, wanted.batch)
    rows = session.execute(
        select(
            SupplierClaim.state,
            SupplierClaim.currency,
            func.count(),
            func.sum(SupplierClaim.amount_minor),
            func.sum(SupplierClaim.credited_minor),
        )
        .where(*_conditions(of_all, scope))
        .group_by(SupplierClaim.state, SupplierClaim.currency)
        .order_by(SupplierClaim.state, SupplierClaim.currency)
    )
    return [
        ClaimSum(state, count, Money(int(claimed), code), Money(int(credited), code))
        for state, code, count, claimed, credited in rows
    ]


def find_claim(session: Session, ref: str, scope: Scope) -> SupplierClaim | None:
    """Return the claim of a number (as people type it) or a public id, or None."""
    names = [SupplierClaim.public_id == ref]
    if number := typed_claim(ref):
        names.append(SupplierClaim.number == number)
    return session.scalar(_with_details().where(or_(*names), within(scope)))


def claim_by_ref(session: Session, ref: str, scope: Scope) -> SupplierClaim:
    """Return a claim by its number or public id.

    Raises:
        NotFound: there is none in the scope.
    """
    found = find_claim(session, ref, scope)
    if found is None:
        raise NotFound(text("There is no such claim."))
    return found


def claim_of_order(session: Session, order: WorkshopOrder, scope: Scope) -> SupplierClaim | None:
    """Return what is claimed for a workshop order."""
    statement = _with_details().where(SupplierClaim.order_id == order.id, within(scope))
    return session.scalar(statement)


def claims_of_box(
    session: Session, uid: str, scope: Scope, *, limit: int
) -> Sequence[SupplierClaim]:
    """Return what was claimed for a box, the newest first, in one query."""
    boxes = select(Device.id).where(Device.public_id == uid)
    return session.scalars(
        _with_details()
        .where(SupplierClaim.device_id.in_(boxes), within(scope))
        .order_by(SupplierClaim.id.desc())
        .limit(limit)
    ).all()


def find_claims(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the claim whose number was typed, as a hit of the search box."""
    found = find_claim(session, typed, scope) if typed_claim(typed) else None
    if found is None or limit < 1:
        return []
    detail = f"{found.supplier.name} · {found.place.title}"
    return [Hit(found.number, detail, f"/returns/claims/{found.number}")]


def lines_of_claim(session: Session, claim: SupplierClaim, scope: Scope) -> Sequence[ClaimLine]:
    """Return what a claim is made of."""
    return session.scalars(
        select(ClaimLine)
        .where(ClaimLine.claim_id == claim.id, within(scope))
        .order_by(ClaimLine.position)
    ).all()


def events_of_claim(session: Session, claim: SupplierClaim, scope: Scope) -> Sequence[ClaimEvent]:
    """Return the steps of a claim, the first first."""
    return session.scalars(
        select(ClaimEvent)
        .where(ClaimEvent.claim_id == claim.id, within(scope))
        .order_by(ClaimEvent.seq)
    ).all()


def credits_of_claim(session: Session, claim: SupplierClaim, scope: Scope) -> Sequence[CreditLine]:
    """Return the lines of credit notes that name a claim."""
    return session.scalars(
        select(CreditLine)
        .options(joinedload(CreditLine.note))
        .where(CreditLine.claim_id == claim.id, within(scope))
        .order_by(CreditLine.id)
    ).all()


# --- batches and notes ---------------------------------------------------------------------------


def batch_by_ref(session: Session, ref: str, scope: Scope) -> ClaimBatch:
    """Return a batch by its number or public id.

    Raises:
        NotFound: there is none in the scope.
    """
    names = or_(ClaimBatch.number == ref.strip().upper(), ClaimBatch.public_id == ref)
    found = session.scalar(select(ClaimBatch).where(names, within(scope)))
    if found is None:
        raise NotFound(text("There is no such batch."))
    return found


@dataclass(frozen=True)
class BatchRow:
    """A batch with how many claims it has, what they come to, and what was credited."""

    batch: ClaimBatch
    count: int
    claimed: Money
    credited: Money


def batches_page(
    session: Session, scope: Scope, *, cursor: str | None = None, limit: int = 50
) -> Page[BatchRow]:
    """Return one page of batches with their sums, the newest first, in two queries."""
    page = keyset_page(
        session,
        select(ClaimBatch).where(within(scope)),
        order=[(ClaimBatch.id, True)],
        cursor=cursor,
        limit=limit,
    )
    sums = _sums_by_batch(session, [batch.id for batch in page.rows])
    return Page([_row(batch, sums) for batch in page.rows], page.next_cursor)


def _sums_by_batch(session: Session, ids: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    rows = session.execute(
        select(
            SupplierClaim.batch_id,
            func.count(),
            func.sum(SupplierClaim.amount_minor),
            func.sum(SupplierClaim.credited_minor),
        )
        .where(SupplierClaim.batch_id.in_(ids))
        .group_by(SupplierClaim.batch_id)
    )
    return {row[0]: (row[1], int(row[2]), int(row[3])) for row in rows if row[0]}


def _row(batch: ClaimBatch, sums: dict[int, tuple[int, int, int]]) -> BatchRow:
    count, claimed, credited = sums.get(batch.id, (0, 0, 0))
    code = batch.currency
    return BatchRow(batch, count, Money(claimed, code), Money(credited, code))


def sum_of_batch(session: Session, batch: ClaimBatch) -> BatchRow:
    """Return a batch with its sums."""
    return _row(batch, _sums_by_batch(session, [batch.id]))


def claims_of_batch(session: Session, batch: ClaimBatch, scope: Scope) -> Sequence[SupplierClaim]:
    """Return the claims of a batch, in their order."""
    return session.scalars(
        _with_details()
        .where(SupplierClaim.batch_id == batch.id, within(scope))
        .order_by(SupplierClaim.id)
    ).all()


def of_batch(batch: ClaimBatch) -> Select[SupplierClaim]:
    """Select the claims of a batch, in their order."""
    return (
        select(SupplierClaim).where(SupplierClaim.batch_id == batch.id).order_by(SupplierClaim.id)
    )


def lines_by_claim(session: Session, batch: ClaimBatch) -> dict[int, list[ClaimLine]]:
    """Return the lines of a batch's claims, by the internal id of the claim."""
    found: dict[int, list[ClaimLine]] = {}
    rows = session.scalars(
        select(ClaimLine)
        .join(SupplierClaim, SupplierClaim.id == ClaimLine.claim_id)
        .where(SupplierClaim.batch_id == batch.id)
        .order_by(ClaimLine.claim_id, ClaimLine.position)
    )
    for row in rows:
        found.setdefault(row.claim_id, []).append(row)
    return found


def notes_of_batch(session: Session, batch: ClaimBatch, scope: Scope) -> Sequence[CreditNote]:
    """Return the credit notes that were held against a batch."""
    return session.scalars(
        select(CreditNote)
        .where(CreditNote.batch_id == batch.id, within(scope))
        .order_by(CreditNote.id)
    ).all()


@dataclass(frozen=True)
class NoteFilter(Narrowing):
    """What the list of credit notes can be narrowed to; empty means all. `text` is a note's number, or
    that of a claim which it names; `supplier` and `batch` are a code, number or public id.
    """

    text: str = ""
    supplier: str = ""
    batch: str = ""


def notes_page(
    session: Session,
    wanted: NoteFilter,
    scope: Scope,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[CreditNote]:
    """Return one page of credit notes with their lines, the newest first, in two queries."""
    statement = select(CreditNote).options(selectinload(CreditNote.lines)).where(within(scope))
    if wanted.supplier:
        statement = statement.where(CreditNote.supplier_id.in_(_suppliers(wanted.supplier)))
    if wanted.batch:
        statement = statement.where(CreditNote.batch_id.in_(_batches(wanted.batch)))
    if wanted.text:
        statement = statement.where(_note_called(wanted.text))
    return keyset_page(
        session, statement, order=[(CreditNote.id, True)], cursor=cursor, limit=limit
    )


def _note_called(typed: str) -> ColumnElement[bool]:
    called = CreditNote.number_key.contains(number_key(typed), autoescape=True)
    number = typed_claim(typed)
    if number is None:
        return called
    claims = select(SupplierClaim.id).where(SupplierClaim.number == number)
    named = select(CreditLine.note_id).where(CreditLine.claim_id.in_(claims))
    return or_(called, CreditNote.id.in_(named))


def note_by_ref(session: Session, ref: str, scope: Scope) -> CreditNote:
    """Return a credit note by its public id.

    Raises:
        NotFound: there is none in the scope.
    """
    found = session.scalar(select(CreditNote).where(CreditNote.public_id == ref, within(scope)))
    if found is None:
        raise NotFound(text("There is no such credit note."))
    return found


def note_of_number(session: Session, supplier: Location, key: str) -> CreditNote | None:
    """Return the note of a supplier that is called so."""
    return session.scalar(select(CreditNote).filter_by(supplier_id=supplier.id, number_key=key))


def claims_called(
    session: Session, supplier: Location, numbers: Sequence[str]
) -> Sequence[SupplierClaim]:
    """Return the claims from a supplier that have one of some numbers."""
    return session.scalars(
        select(SupplierClaim)
        .where(SupplierClaim.supplier_id == supplier.id, SupplierClaim.number.in_(numbers))
        .order_by(SupplierClaim.id)
    ).all()


# --- what can be claimed -------------------------------------------------------------------------


def all_suppliers(session: Session, scope: Scope) -> Sequence[Location]:
    """Return the places that are suppliers, by name."""
    return session.scalars(
        select(Location)
        .where(Location.kind == LocationKind.SUPPLIER, within(scope))
        .order_by(Location.name)
    ).all()


def supplier_terms(session: Session, scope: Scope) -> Sequence[SupplierTerms]:
    """Return what is agreed with suppliers, model by model."""
    return session.scalars(
        select(SupplierTerms).where(within(scope)).order_by(SupplierTerms.id)
    ).all()


def terms_of(session: Session, model_id: int | None) -> SupplierTerms | None:
    """Return what is agreed with the supplier of a model."""
    if model_id is None:
        return None
    return session.scalar(select(SupplierTerms).filter_by(model_id=model_id))


def plain_terms(row: SupplierTerms | None) -> Terms | None:
    """Return terms as the arithmetic wants them."""
    if row is None:
        return None
    return Terms(**{name: getattr(row, name) for name in Terms.__dataclass_fields__})


_COSTS = (OrderPart.billing_code.in_(CLAIMABLE_CODES), OrderPart.used > 0)


def candidates_page(
    session: Session, scope: Scope, *, cursor: str | None = None, limit: int = 50
) -> Page[WorkshopOrder]:
    """Return one page of finished repairs that we bore, whose model has a supplier who answers, and
    for which nothing was claimed yet; the newest first, in one query.
    """
    parts = exists().where(OrderPart.order_id == WorkshopOrder.id, *_COSTS)
    labour = exists().where(
        Labour.order_id == WorkshopOrder.id, Labour.billing_code.in_(CLAIMABLE_CODES)
    )
    statement = (
        select(WorkshopOrder)
        .join(Device, Device.id == WorkshopOrder.device_id)
        .join(SupplierTerms, SupplierTerms.model_id == Device.model_id)
        .options(
            joinedload(WorkshopOrder.device).joinedload(Device.model),
            joinedload(WorkshopOrder.case),
        )
        .where(
            or_(parts, labour),
            _finished(),
            ~exists().where(SupplierClaim.order_id == WorkshopOrder.id),
            within(scope),
        )
    )
    return keyset_page(
        session, statement, order=[(WorkshopOrder.id, True)], cursor=cursor, limit=limit
    )


def _finished() -> ColumnElement[bool]:
    return exists().where(
        and_(OrderEvent.order_id == WorkshopOrder.id, OrderEvent.event == "finish")
    )


def repairs_of(session: Session, orders: Sequence[WorkshopOrder]) -> dict[int, Repair]:
    """Return repairs as claims see them, by the internal id of their order, in six queries."""
    ids = [order.id for order in orders]
    finished = set(
        session.scalars(
            select(OrderEvent.order_id).where(
                OrderEvent.order_id.in_(ids), OrderEvent.event == "finish"
            )
        )
    )
    claimed = set(
        session.scalars(select(SupplierClaim.order_id).where(SupplierClaim.order_id.in_(ids)))
    )
    classes = _classes(session, orders)
    parts, work = _parts(session, ids, classes), _work(session, ids, classes)
    held = held_by_each(session, {order.device_id for order in orders})
    return {
        order.id: Repair(
            is_finished=order.id in finished,
            is_claimed=order.id in claimed,
            reported_on=order.case.reported_on if order.case else order.opened_at.date(),
            made_on=order.device.made_on,
            sold_on=sold_on(order.device, held.get(order.device_id, [])),
            parts=parts.get(order.id, ()),
            work=work.get(order.id, ()),
        )
        for order in orders
    }


Classes = dict[tuple[int, int], str | None]


def _classes(session: Session, orders: Sequence[WorkshopOrder]) -> Classes:
    """Return the causes of faults by order and number; a case's faults are its order's."""
    by_case = {order.case_id: order.id for order in orders if order.case_id}
    rows = session.scalars(
        select(Fault).where(
            or_(Fault.case_id.in_(by_case), Fault.order_id.in_([order.id for order in orders]))
        )
    )
    return {
        (row.order_id or by_case[row.case_id or 0], row.number): row.second_class or row.fault_class
        for row in rows
    }


def _parts(session: Session, ids: Sequence[int], classes: Classes) -> dict[int, list[UsedPart]]:
    """Return the parts that were used, each at what left the stock for its reservation."""
    rows: Any = session.execute(
        select(OrderPart, StockMove.value_minor, StockMove.currency)
        .join(
            StockMove,
            and_(StockMove.reservation_id == OrderPart.reservation_id, StockMove.side == Side.OUT),
        )
        .where(OrderPart.order_id.in_(ids), OrderPart.used > 0)
        .order_by(OrderPart.id)
    )
    found: dict[int, list[UsedPart]] = {}
    for row, cost, currency in rows:
        cause = classes.get((row.order_id, row.fault_number or 0))
        used = UsedPart(row.part.sku, row.used, cost, currency, row.billing_code, cause)
        found.setdefault(row.order_id, []).append(used)
    return found


def _work(session: Session, ids: Sequence[int], classes: Classes) -> dict[int, list[Worked]]:
    found: dict[int, list[Worked]] = {}
    rows = select(Labour).where(Labour.order_id.in_(ids)).order_by(Labour.id)
    for row in session.scalars(rows):
        cause = classes.get((row.order_id, row.fault_number or 0))
        worked = Worked(row.what, row.minutes, row.billing_code, cause)
        found.setdefault(row.order_id, []).append(worked)
    return found
