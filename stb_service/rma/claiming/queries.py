"""Reads of claims. All of it is the operator's own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, false, func, or_, select, true
from sqlalchemy.orm import Session, joinedload, lazyload

from stb_service.devices.models import Device
from stb_service.parts.models import Location
from stb_service.rma.claiming.models import (
    ClaimBatch,
    ClaimEvent,
    ClaimLine,
    CreditLine,
    SupplierClaim,
)
from stb_service.rma.models import WorkshopOrder
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.money import Money
from stb_service.shared.paging import Narrowing, Page, keyset_page
from stb_service.shared.registries import Hit

TYPED_CLAIM = re.compile(r"SC[\s-]*(\d{1,9})", re.IGNORECASE)


def claim_number(ordinal: int) -> str:
    """Return what the claim with this place in the order of proposing is called."""
    return f"SC-{ordinal:06d}"


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


def with_details() -> Select[SupplierClaim]:
    """Select claims with what a list of them shows."""
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
        found.append(SupplierClaim.supplier_id.in_(suppliers_called(wanted.supplier)))
    if wanted.batch:
        found.append(SupplierClaim.batch_id.in_(batches_called(wanted.batch)))
    if wanted.text:
        found.append(_called(wanted.text))
    return found


def suppliers_called(ref: str) -> Select[int]:
    """Select the supplier of a code or public id."""
    return select(Location.id).where(or_(Location.code == ref, Location.public_id == ref))


def batches_called(ref: str) -> Select[int]:
    """Select the batch of a number or public id."""
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
    statement = with_details().where(*_conditions(wanted, scope))
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
    return session.scalar(with_details().where(or_(*names), within(scope)))


def claim_by_ref(session: Session, ref: str, scope: Scope) -> SupplierClaim:
    """Return a claim by its number or public id.

    Raises:
        NotFound: there is none in the scope.
    """
    found = find_claim(session, ref, scope)
    if found is None:
        raise NotFound(text("There is no such claim."))
    return found


def claims_of_order(
    session: Session, order: WorkshopOrder, scope: Scope
) -> Sequence[SupplierClaim]:
    """Return what is claimed for a workshop order, the first first."""
    statement = with_details().where(SupplierClaim.order_id == order.id, within(scope))
    return session.scalars(statement.order_by(SupplierClaim.id)).all()


def claims_called(
    session: Session, supplier: Location, numbers: Sequence[str]
) -> Sequence[SupplierClaim]:
    """Return the claims from a supplier that have one of some numbers."""
    return session.scalars(
        select(SupplierClaim)
        .where(SupplierClaim.supplier_id == supplier.id, SupplierClaim.number.in_(numbers))
        .order_by(SupplierClaim.id)
    ).all()


def claims_of_box(
    session: Session, uid: str, scope: Scope, *, limit: int
) -> Sequence[SupplierClaim]:
    """Return what was claimed for a box, the newest first, with supplier and case in one query."""
    boxes = select(Device.id).where(Device.public_id == uid)
    return session.scalars(
        select(SupplierClaim)
        .options(
            joinedload(SupplierClaim.order).joinedload(WorkshopOrder.case),
            lazyload(SupplierClaim.batch),
        )
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
