"""Credit notes of suppliers: held against what was claimed, shown, then entered."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from sqlalchemy.orm import Session

from stb_service.parts.models import Location
from stb_service.rma.claiming import batches, queries
from stb_service.rma.claiming.models import ClaimBatch, CreditLine, CreditNote, SupplierClaim
from stb_service.rma.claiming.operations import (
    CREDITABLE,
    VERB,
    WAITING,
    supplier_by_ref,
    write_step,
)
from stb_service.rma.claiming.rules import number_key
from stb_service.rma.claims import (
    CLAIM,
    EVENT_OF,
    Claimed,
    Credited,
    Match,
    Reconciled,
    reconcile,
)
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict, Invalid, Obstacle, Refused
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import CURRENCIES, MOST_MINOR, Money, read_amount

MOST_LINES = 2000
DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Consequence:
    """What a credit note does to one claim, or why a line of it does nothing."""

    found: Reconciled
    currency: str
    claim: SupplierClaim | None

    @property
    def event(self) -> str | None:
        """The step that the claim would make; None where somebody has to look at it."""
        return EVENT_OF.get(self.found.match)

    @property
    def event_name(self) -> Text | None:
        """That step in words."""
        return CLAIM.events[self.event] if self.event else None

    @property
    def claimed(self) -> Money | None:
        """What was still to be credited."""
        return Money(self.found.claimed_minor, self.claim.currency) if self.claim else None

    @property
    def credited(self) -> Money:
        """What the note credits."""
        return Money(self.found.credited_minor, self.currency)


@dataclass(frozen=True)
class Preview:
    """What entering a credit note would do."""

    supplier: Location
    batch: ClaimBatch | None
    consequences: Sequence[Consequence]
    obstacles: Sequence[Obstacle]

    @property
    def seen(self) -> str:
        """The consequences in short: entering is refused where they are others by then."""
        return " ".join(
            f"{row.found.number}:{row.found.match}:{row.found.claimed_minor}"
            f":{row.claim.state if row.claim else ''}"
            for row in self.consequences
        )


def read_lines(raw: str, currency: str) -> list[Credited]:
    """Return the lines of a credit note that was pasted or uploaded as CSV: number of the claim,
    amount, and the currency where it is another. A first line without an amount is a heading.

    Raises:
        Invalid: a line cannot be read, or there are none.
    """
    reader = csv.reader(raw.splitlines(), delimiter=_delimiter(raw))
    try:
        rows = [row for row in reader if any(row)]
    except csv.Error as error:  # a cell without an end
        raise _unread(reader.line_num) from error
    found = []
    for at, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in (*row, "", "")]
        code = cells[2].upper() or currency
        if at == 1 and not any(letter.isdigit() for letter in cells[0] + cells[1]):
            continue
        if not cells[0] or not cells[0].isprintable() or code not in CURRENCIES:
            raise _unread(at)
        try:
            amount = read_amount(cells[1], code, field="lines")
        except Invalid as refusal:
            raise _unread(at) from refusal
        found.append(Credited(cells[0][:64], amount, code))
    return found


def _delimiter(raw: str) -> str:
    first = raw.lstrip().partition("\n")[0]
    return max(DELIMITERS, key=first.count)


def _unread(at: int) -> Invalid:
    message = text("Line %(n)s: a claim's number, an amount, and a currency are needed.", n=at)
    return Invalid.field("lines", message)


def preview_credit_note(
    session: Session,
    *,
    supplier: str,
    number: str,
    lines: Sequence[Credited],
    batch: str = "",
    actor: Actor,
) -> Preview:
    """Return what entering a credit note of a supplier would do, entering nothing.

    With a `batch` its claims that wait are held against the note, so that what is missing is told;
    without one, those that the note names.

    Raises:
        Forbidden: the actor claims nothing from suppliers.
        NotFound: there is no such batch.
        Invalid: the supplier, the number or a line cannot be.
    """
    actor.demand(VERB)
    place = supplier_by_ref(session, supplier, actor)
    sent = batches.batch_by_ref(session, batch, actor.scope) if batch else None
    _check(place, number, lines, sent)
    waiting = {row.number: row for row in _waiting(session, place, lines, sent)}
    claimed = [Claimed(row.number, row.outstanding_minor, row.currency) for row in waiting.values()]
    codes = {line.reference.strip().casefold(): line.currency for line in lines}
    found = [
        Consequence(row, _currency(row, codes, waiting), waiting.get(row.number))
        for row in reconcile(claimed, [_plain(line) for line in lines])
    ]
    obstacles = _on_hold(session, place, lines)
    if batches.note_of_number(session, place, number_key(number)) is not None:
        message = text("A credit note %(number)s of this supplier is entered.", number=number)
        obstacles.append(Obstacle("entered", message))
    return Preview(place, sent, found, obstacles)


def _plain(line: Credited) -> Credited:
    """Return a line with the claim's number as we write it."""
    typed = queries.typed_claim(line.reference)
    return Credited(typed or line.reference, line.amount_minor, line.currency)


def _currency(
    row: Reconciled, codes: Mapping[str, str], waiting: Mapping[str, SupplierClaim]
) -> str:
    """Return the currency that the note credits in, of a number."""
    for called, code in codes.items():
        if row.number.casefold() in {called, (queries.typed_claim(called) or "").casefold()}:
            return code
    return waiting[row.number].currency


def _waiting(
    session: Session, supplier: Location, lines: Sequence[Credited], batch: ClaimBatch | None
) -> list[SupplierClaim]:
    """Return the claims that a note is held against: those that wait, and are not on hold; where they
    are named, those too that were credited too little or refused before.
    """
    names = _numbers(lines)
    if batch is not None:
        rows = session.scalars(batches.of_batch(batch)).all()
    else:
        rows = queries.claims_called(session, supplier, names)
    return [
        row
        for row in rows
        if not row.held
        and (row.state in WAITING or (row.state in CREDITABLE and row.number in names))
    ]


def _on_hold(session: Session, supplier: Location, lines: Sequence[Credited]) -> list[Obstacle]:
    """Return why a note is not entered yet: what it credits of a claim on hold would be lost to it."""
    rows = queries.claims_called(session, supplier, _numbers(lines))
    return [
        Obstacle("held", text("%(number)s is on hold; resume it first.", number=row.number))
        for row in rows
        if row.held and row.state in CREDITABLE
    ]


def _numbers(lines: Sequence[Credited]) -> list[str]:
    return sorted({queries.typed_claim(line.reference) or "" for line in lines})


def _check(
    supplier: Location, number: str, lines: Sequence[Credited], batch: ClaimBatch | None
) -> None:
    problems: dict[str, list[Text]] = {}
    if not number.strip() or len(number) > 64:
        problems["number"] = [text("From 1 to %(most)s characters.", most=64)]
    if not 1 <= len(lines) <= MOST_LINES:
        problems["lines"] = [text("From 1 to %(most)s lines.", most=MOST_LINES)]
    elif any(not 0 < line.amount_minor <= MOST_MINOR for line in lines):
        problems["lines"] = [text("Every amount is above zero.")]
    elif any(line.currency not in CURRENCIES for line in lines):
        problems["lines"] = [text("This is no currency that can be counted.")]
    if batch is not None and batch.supplier_id != supplier.id:
        problems["batch"] = [text("This batch went to another supplier.")]
    if problems:
        raise Invalid(fields=problems)


def enter_credit_note(
    session: Session,
    *,
    supplier: str,
    number: str,
    issued_on: date,
    lines: Sequence[Credited],
    batch: str = "",
    seen: str | None = None,
    actor: Actor,
    now: datetime,
) -> CreditNote:
    """Enter a credit note, and let the claims that it matches move.

    `seen` is what `Preview.seen` was when somebody looked at it; None asks for no such look.

    Raises:
        Forbidden: the actor claims nothing from suppliers.
        NotFound: there is no such batch.
        Invalid: the supplier, the number or a line cannot be.
        Refused: a note of this number is entered.
        Conflict: what it would do has changed since somebody looked.
    """
    actor.demand(VERB)
    place = supplier_by_ref(session, supplier, actor)
    lock_row(session, Location, place.id)
    look = partial(
        preview_credit_note,
        session,
        supplier=supplier,
        number=number,
        lines=lines,
        batch=batch,
        actor=actor,
    )
    for key in sorted(row.claim.id for row in look().consequences if row.claim):
        lock_row(session, SupplierClaim, key)
    preview = look()
    if preview.obstacles:
        raise Refused(list(preview.obstacles))
    if seen is not None and seen != preview.seen:
        raise Conflict(text("What this note does has changed meanwhile; look at it again."))
    note = CreditNote(
        supplier=place,
        number=number.strip(),
        number_key=number_key(number),
        batch=preview.batch,
        issued_on=issued_on,
        entered_at=now,
        entered_by=actor.label[:128],
    )
    session.add(note)
    session.flush()
    _write_lines(session, note, lines, preview)
    for row in preview.consequences:
        if row.claim is not None and row.event is not None:
            row.claim.credited_minor += row.found.credited_minor
            stated = {"credit_note": note.number, "credited_minor": row.found.credited_minor}
            write_step(session, row.claim, row.event, stated=stated, actor=actor, now=now)
    audit.record(
        session,
        actor=actor,
        verb="rma_credit_note.enter",
        subject=("rma_credit_note", note.public_id, note.number),
        changes={"supplier": place.code, "lines": len(lines), "issued_on": issued_on},
        now=now,
    )
    return note


def _write_lines(
    session: Session, note: CreditNote, lines: Sequence[Credited], preview: Preview
) -> None:
    by_number = {row.found.number.casefold(): row for row in preview.consequences}
    for position, line in enumerate(lines, 1):
        called = _plain(line).reference.strip().casefold()
        row = by_number[called]
        session.add(
            CreditLine(
                note_id=note.id,
                position=position,
                reference=line.reference.strip()[:64],
                amount_minor=line.amount_minor,
                currency=line.currency,
                match=row.found.match if row.claim else Match.UNKNOWN,
                claim_id=row.claim.id if row.claim else None,
            )
        )
    session.flush()
    session.refresh(note, ["lines"])
