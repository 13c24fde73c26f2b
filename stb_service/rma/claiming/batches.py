"""Reads of batches and of credit notes. All of it is the operator's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, selectinload

from stb_service.parts.models import Location
from stb_service.rma.claiming.models import (
    ClaimBatch,
    ClaimLine,
    CreditLine,
    CreditNote,
    SupplierClaim,
)
from stb_service.rma.claiming.queries import (
    batches_called,
    suppliers_called,
    typed_claim,
    with_details,
    within,
)
from stb_service.rma.claiming.rules import number_key
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.money import Money
from stb_service.shared.paging import Narrowing, Page, keyset_page


def batch_number(ordinal: int) -> str:
    """Return what the batch with this place in the order of sending is called."""
    return f"SB-{ordinal:06d}"


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
        with_details()
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
        statement = statement.where(CreditNote.supplier_id.in_(suppliers_called(wanted.supplier)))
    if wanted.batch:
        statement = statement.where(CreditNote.batch_id.in_(batches_called(wanted.batch)))
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
