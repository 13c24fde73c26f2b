"""Verbs on what a customer is to pay for a case: the quote, its answers, what is taken back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.billing.models import Quote
from stb_service.billing.operations import (
    accept_quote,
    create_quote,
    decline_quote,
    revise_quote,
    send_quote,
    withdraw_quote,
)
from stb_service.billing.rules import Line, QuoteState
from stb_service.rma.acting import Acting, in_house
from stb_service.rma.beside import newest_comparison
from stb_service.rma.case_facts import STANDING_QUOTES
from stb_service.rma.cases import CaseState
from stb_service.rma.choosing import keep_choice, last_choice
from stb_service.rma.comparison import Choice
from stb_service.rma.events import newest_quote
from stb_service.rma.facts import Remedy
from stb_service.rma.known import Known
from stb_service.rma.lists import NOTHING
from stb_service.rma.models import CaseQuote, Fault, ReturnCase
from stb_service.rma.money import CASE_SUBJECT
from stb_service.rma.queries import order_of_case
from stb_service.rma.touching import touch_case
from stb_service.rma.verdicts import BILLABLE
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.errors import Invalid, Obstacle, Refused
from stb_service.shared.i18n import text

Subject = tuple[str, str, str]


def subject(case: ReturnCase) -> Subject:
    """Return what billing calls a case."""
    return CASE_SUBJECT, case.public_id, case.number


def quotable(session: Session, case: ReturnCase) -> tuple[Remedy, ...]:
    """Return what a quote of a case may be for: an accessory alone where that was promised."""
    if case.remedy == Remedy.ACCESSORY and order_of_case(session, case, EVERYTHING) is None:
        return (Remedy.ACCESSORY,)
    return (Remedy.REPAIR, Remedy.REPLACE)


def chosen_remedy(session: Session, case: ReturnCase) -> Remedy | None:
    """Return what the customer chose to be done when it was last held side by side; None if nothing
    that a quote may be for was chosen.
    """
    choice = last_choice(session, case)
    if choice is None:
        return None
    found = Remedy.REPAIR if choice == Choice.REPAIR else Remedy.REPLACE
    return found if found in quotable(session, case) else None


def quote_case(
    session: Session,
    *,
    ref: str,
    remedy: str = "",
    lines: Sequence[Line],
    faults: Collection[int] | None = None,
    title: str = "",
    notes: str = "",
    discount_minor: int = 0,
    valid_until_on: date | None = None,
    zone: str,
    actor: Actor,
    now: datetime,
) -> CaseQuote:
    """Make a quote of a case, as a draft; `send_quote` sends it. A draft made before is withdrawn.

    `remedy` is what it is for: a repair, if that is not said, or an accessory where that is all.
    `faults` are the numbers of those that it has a price for; None means all that are to be paid.

    Raises:
        Forbidden: the actor makes no quotes.
        NotFound: there is no such case in the actor's scope.
        Invalid: a line, a fault, or the last day cannot be.
        Refused: the case is not being quoted, or has no account.
    """
    actor.demand("rma.decide")
    case = touch_case(session, ref, actor=actor)
    if case.state != CaseState.QUOTING or case.held:
        raise Refused([Obstacle("quoting", text("The case is not being quoted."))])
    if case.account is None:
        raise Refused([Obstacle("no-account", text("No account would pay."))])
    quoted = quotable(session, case)
    remedy = remedy or quoted[0]
    if remedy not in quoted:
        raise Invalid.field("remedy", text("One of: %(names)s", names=", ".join(quoted)))
    payable = _payable(session, case, now)
    wanted = sorted(set(payable if faults is None else faults))
    if set(wanted) - set(payable):
        raise Invalid.field("faults", text("Only faults that are to be paid are quoted."))
    _withdraw_draft(session, case, actor, now)
    fields: dict[str, Any] = {"lines": lines, "discount_minor": discount_minor, "notes": notes}
    if valid_until_on is not None:
        fields["valid_until_on"] = valid_until_on
    quote = create_quote(
        session,
        account=case.account.public_id,
        zone=zone,
        subject=subject(case),
        title=title or case.number,
        actor=in_house(actor),
        now=now,
        **fields,
    )
    return _link(session, case, quote, remedy, wanted)


def _payable(session: Session, case: ReturnCase, now: datetime) -> list[int]:
    lines = Known(session, case, None, NOTHING, now).lines
    return [
        line.number
        for line in lines
        if line.verdict in BILLABLE and not (line.agreed or line.declined)
    ]


def _withdraw_draft(session: Session, case: ReturnCase, actor: Actor, now: datetime) -> None:
    known = newest_quote(session, case)
    if known is not None and known.quote.state == QuoteState.DRAFT:
        withdraw_quote(session, ref=known.quote.public_id, actor=in_house(actor), now=now)


def _link(
    session: Session, case: ReturnCase, quote: Quote, remedy: str, faults: list[int]
) -> CaseQuote:
    made = CaseQuote(case_id=case.id, quote=quote, remedy=remedy, faults=faults)
    session.add(made)
    session.flush()
    return made


# --- what steps do -------------------------------------------------------------------------------


def send(acting: Acting) -> None:
    """Send the quote that was made."""
    found = newest_quote(acting.session, acting.the_case)
    if found is not None and found.quote.state == QuoteState.DRAFT:
        send_quote(acting.session, ref=found.quote.public_id, actor=acting.house, now=acting.now)


def revise(acting: Acting) -> None:
    """Begin a quote that takes the place of the one that was sent, which is answered no more."""
    found = newest_quote(acting.session, acting.the_case)
    if found is not None:
        ref = found.quote.public_id
        fresh = revise_quote(acting.session, ref=ref, actor=acting.house, now=acting.now)
        _take_back(acting, found)
        _link(acting.session, acting.the_case, fresh, found.remedy, list(found.faults))


def accept(acting: Acting) -> None:
    """Take the customer's yes, if billing has not taken it, and mark the faults. Another box in
    place of this one undoes every repair that was agreed before.
    """
    found = newest_quote(acting.session, acting.the_case)
    assert found is not None
    if found.quote.state == QuoteState.SENT:
        ref, note = found.quote.public_id, acting.stated.reason
        accept_quote(acting.session, ref=ref, note=note, actor=acting.house, now=acting.now)
    if found.remedy == Remedy.REPAIR:
        _mark(acting, found.faults, agreed=True, declined=False)
        _keep_choice(acting)
    else:
        undo(acting, but=found)


def _keep_choice(acting: Acting) -> None:
    """Keep that who accepts a repair chose it, of what was held side by side."""
    shown = newest_comparison(acting.session, acting.the_case)
    if shown is not None and not shown.choice:
        keep_choice(
            *(acting.session, acting.the_case, shown, Choice.REPAIR),
            actor=acting.actor,
            now=acting.now,
        )


def decline(acting: Acting) -> None:
    """Take the customer's no, if billing has not taken it, and mark the faults."""
    found = newest_quote(acting.session, acting.the_case)
    assert found is not None
    if found.quote.state == QuoteState.SENT:
        ref, note = found.quote.public_id, acting.stated.reason
        decline_quote(acting.session, ref=ref, note=note, actor=acting.house, now=acting.now)
    _mark(acting, _open_faults(acting, found), agreed=False, declined=True)


def _take_back(acting: Acting, made: CaseQuote) -> None:
    """Take a quote back, whatever became of it, unless it was answered with no. What was charged
    is credited; what was paid is to be paid back before the case ends.
    """
    take_back(acting.session, made, acting.stated.reason, actor=acting.house, now=acting.now)


def take_back(
    session: Session, made: CaseQuote, reason: str, *, actor: Actor, now: datetime
) -> None:
    """Take a quote back, with its charge, if it stands."""
    if made.quote.state in STANDING_QUOTES:
        ref = made.quote.public_id
        withdraw_quote(session, ref=ref, reason=reason, keeps_money=True, actor=actor, now=now)


def standing_quotes(session: Session, case: ReturnCase) -> list[CaseQuote]:
    """Return the quotes of a case that are made, sent or accepted, the first first."""
    rows = session.scalars(
        select(CaseQuote).where(CaseQuote.case_id == case.id).order_by(CaseQuote.id)
    )
    return [made for made in rows if made.quote.state in STANDING_QUOTES]


def drop(acting: Acting) -> None:
    """Take the quote back that waits for its answer; what was agreed before stays agreed."""
    found = newest_quote(acting.session, acting.the_case)
    if found is not None:
        _take_back(acting, found)


def let_lapse(acting: Acting) -> None:
    """Take the quote back that nobody answered, and mark its faults as declined."""
    found = newest_quote(acting.session, acting.the_case)
    if found is not None:
        _take_back(acting, found)
        _mark(acting, _open_faults(acting, found), agreed=False, declined=True)


def undo(acting: Acting, but: CaseQuote | None = None) -> None:
    """Take back every quote of the case whose work will not be done; nothing is agreed any more."""
    rows = acting.session.scalars(
        select(CaseQuote).where(CaseQuote.case_id == acting.the_case.id).order_by(CaseQuote.id)
    )
    for made in rows:
        if but is None or made.id != but.id:
            _take_back(acting, made)
    _mark(acting, [line.number for line in acting.facts.lines], agreed=False)


def give_up(acting: Acting) -> None:
    """Take every quote back, and mark what was quoted as declined: nothing is repaired."""
    rows = acting.session.scalars(
        select(CaseQuote).where(CaseQuote.case_id == acting.the_case.id)
    ).all()
    quoted = {number for made in rows for number in _open_faults(acting, made)}
    billable = {line.number for line in acting.facts.lines if line.verdict in BILLABLE}
    undo(acting)
    _mark(acting, quoted & billable, agreed=False, declined=True)


def _open_faults(acting: Acting, found: CaseQuote) -> list[int]:
    """Return the faults that a quote was about: those of a replacement are all that are to be paid."""
    if found.remedy == Remedy.REPAIR:
        return list(found.faults)
    return [
        line.number for line in acting.facts.lines if line.verdict in BILLABLE and not line.agreed
    ]


def _mark(acting: Acting, numbers: Collection[int], **marks: bool) -> None:
    mark(acting.session, acting.the_case, numbers, **marks)


def mark(session: Session, case: ReturnCase, numbers: Collection[int], **marks: bool) -> None:
    """Write of some faults that their price was agreed or declined, or was not."""
    rows = session.scalars(
        select(Fault).where(Fault.case_id == case.id, Fault.number.in_(list(numbers)))
    )
    for row in rows:
        for name, value in marks.items():
            setattr(row, name, value)
    session.flush()
