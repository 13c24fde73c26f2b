"""Each paper of a case: when it makes sense, and what stands on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from stb_service.billing import rules as billing
from stb_service.billing.models import Quote
from stb_service.devices.models import Device
from stb_service.parts.rules import Condition
from stb_service.rma import queries
from stb_service.rma.ahead import agreed_fee
from stb_service.rma.cases import CaseState
from stb_service.rma.choosing import case_of_quote, ways_of
from stb_service.rma.cover_words import letter_words, outcome_words
from stb_service.rma.facts import Remedy
from stb_service.rma.verdicts import BILLABLE
from stb_service.rma.writing import NO_COVER, NO_FEE, Writing, box_facts
from stb_service.shared.access import EVERYTHING
from stb_service.shared.documents import papers
from stb_service.shared.documents.papers import Paper, Words
from stb_service.shared.errors import Refused
from stb_service.shared.speech import customer_text
from stb_service.warranty.judging import judge, standing_of

_S = CaseState
SENDING = frozenset({_S.AUTHORISED, _S.AHEAD, _S.NOT_RETURNED})
"""Where the customer's box is still to come."""
UNREPAIRED = frozenset({_S.UNREPAIRED, _S.NFF})
LEFT = frozenset({_S.OUTBOUND, _S.LOST_OUT, _S.UNDELIVERED, _S.COMPLETED, _S.CLOSED})


def _is_sending(writing: Writing) -> bool:
    return writing.case.state in SENDING


def _label(writing: Writing) -> Paper:
    order = queries.order_of_case(writing.session, writing.case, EVERYTHING)
    return papers.ParcelLabel(
        *writing.outer_head,
        receiver=writing.receiver,
        return_reference=order.number if order else writing.case.number,
    )


def _slip(writing: Writing) -> Paper:
    has_term = writing.case.due_at is not None
    return papers.PackingSlip(
        *writing.outer_head,
        box=writing.about,
        receiver=writing.receiver,
        with_power_supply=writing.names("power_supply"),
        with_remote=writing.names("remote"),
        send_by=writing.send_by if has_term else None,
    )


def _may_send(writing: Writing) -> bool:
    return writing.case.state in {_S.AUTHORISED, _S.AHEAD}


def _authorised(writing: Writing) -> Paper:
    approved = writing.entered(_S.AUTHORISED)
    symptoms = "; ".join(fault.symptom for fault in writing.faults if fault.symptom)
    return papers.ReturnAuthorised(
        *writing.head,
        on=writing.day(approved.at if approved else writing.now),
        box=writing.about,
        fault=writing.case.complaint or symptoms or customer_text("No fault was described."),
        send_by=writing.send_by,
        is_postage_paid=writing.is_covered,
    )


def _has_quote(writing: Writing) -> bool:
    return writing.quote is not None


def _quote(writing: Writing) -> Paper:
    quote = writing.quote
    assert quote is not None
    operator_, customer, number, _link = writing.head
    rows = [(row.tax_ppm, row.net_minor, row.tax_minor) for row in quote.lines]
    return papers.Quote(
        operator_,
        customer,
        number,
        writing.house.quote_link(quote) or _link,
        writing.day(quote.sent_at or writing.now),
        writing.about,
        number=quote.number,
        reasons=_why_to_pay(writing),
        lines=tuple(_quote_line(row) for row in quote.lines),
        taxes=tuple(
            papers.TaxLine(rate // 1000, tax) for rate, _, tax in billing.taxes_by_rate(rows)
        ),
        currency=quote.currency,
        valid_until=quote.valid_until_on,
        is_paid_first=quote.account.credit_days == 0,
        choices=_ways(writing, quote),
        offered=_offered(writing, quote),
        warranty=letter_words(writing.case, writing.faults),
    )


def _ways(writing: Writing, quote: Quote) -> tuple[papers.Choice, ...]:
    """Return what stands beside the quote of a repair."""
    is_repair = _offered(writing, quote) == Remedy.REPAIR
    return ways_of(writing.session, writing.case, quote) if is_repair else ()


def _offered(writing: Writing, quote: Quote) -> str:
    """Return what a quote is for."""
    found = case_of_quote(writing.session, quote)
    return found[1].remedy if found else Remedy.REPAIR


def _quote_line(row: Any) -> papers.QuoteLine:
    """Return a line; one with a discount, or of a part of a piece, is told by its sum."""
    pieces = row.quantity_milli // 1000
    if pieces and pieces * row.unit_minor == row.net_minor:
        return papers.QuoteLine(row.description, pieces, row.unit_minor)
    return papers.QuoteLine(row.description, 1, row.net_minor)


def _why_to_pay(writing: Writing) -> tuple[Words, ...]:
    """Return why the customer is asked to pay, each reason once."""
    payable = (fault for fault in writing.faults if fault.effective_verdict in BILLABLE)
    reasons = [outcome_words(fault) for fault in payable]
    return tuple(reason for n, reason in enumerate(reasons) if reason not in reasons[:n])


def _is_declined(writing: Writing) -> bool:
    return writing.case.state == _S.REJECTED


def _declined(writing: Writing) -> Paper:
    step = writing.entered(_S.REJECTED)
    late = customer_text("We did not hear from you in time.")
    return papers.Declined(
        *writing.head,
        on=writing.day(step.at if step else writing.now),
        box=writing.about,
        reasons=((step.reason if step else "") or late,),
    )


def _is_unrepaired(writing: Writing) -> bool:
    """Tell whether the box goes, or went, back as it came: nothing was decided after that."""
    state = writing.case.state
    if state in UNREPAIRED:
        return True
    into = writing.entered(*UNREPAIRED)
    after = [e.to_state for e in writing.events if into and e.seq > into.seq]
    return into is not None and state in LEFT and set(after) <= UNREPAIRED | LEFT


WHY_BACK: Mapping[str, Words] = {
    "decline": customer_text("You declined our quote."),
    "lapse": customer_text("Our quote ended without an answer."),
    "lapse_part_paid": customer_text("We did not hear from you in time."),
    "withdraw": customer_text("You asked to have it back."),
    "choose_return": customer_text("You chose to have it back unrepaired."),
    "return_nff": customer_text("We found no fault in it."),
}


def _unrepaired(writing: Writing) -> Paper:
    into = writing.entered(*UNREPAIRED)
    assert into is not None
    left = next((e for e in reversed(writing.events) if e.event == "ship"), None)
    said = left.stated if left is not None and left.seq > into.seq else {}
    return papers.ReturnedUnrepaired(
        *writing.head,
        on=writing.day(left.at if said and left else into.at),
        box=writing.about,
        reasons=(WHY_BACK.get(into.event) or into.reason or WHY_BACK["withdraw"],),
        carrier=said.get("carrier", ""),
        tracking=said.get("tracking", ""),
        fee_minor=writing.charged(billing.Cause.HANDLING_FEE),
        currency=writing.case.currency,
        warranty=letter_words(writing.case, writing.faults),
    )


def _has_damage_fee(writing: Writing) -> bool:
    return writing.charged(billing.Cause.DAMAGE_FEE) > 0


def _damage_fee(writing: Writing) -> Paper:
    return papers.DamageFee(
        *writing.head,
        on=writing.day(writing.now),
        box=writing.about,
        fee_minor=writing.charged(billing.Cause.DAMAGE_FEE),
        currency=writing.case.currency,
    )


def _is_replaced(writing: Writing) -> bool:
    return writing.exchange is not None


def _replaced(writing: Writing) -> Paper:
    exchange = writing.exchange
    assert exchange is not None
    on = writing.day(exchange.given_at or exchange.allocated_at)
    until = None if writing.case.is_rented else _covered_until(writing, exchange.device, on)
    return papers.Replaced(
        *writing.head,
        on=on,
        box=box_facts(writing.case.device),
        replacement=box_facts(exchange.device),
        is_refurbished=exchange.condition == Condition.REFURBISHED,
        covered_until=until,
        warranty=letter_words(writing.case, writing.faults),
    )


def _covered_until(writing: Writing, device: Device, on: date) -> date:
    standing = standing_of(writing.session, device, on, writing.house.sources)
    if standing.version is None:
        raise Refused([NO_COVER])
    found = judge(standing.version, standing.known, component="", day=on, found=standing.trace)
    if found.cover.last is None:
        raise Refused([NO_COVER])
    return found.cover.last


def _is_overdue(writing: Writing) -> bool:
    """Tell whether a box is waited for that costs a fee if it stays away: one that was replaced ahead,
    or one that is the operator's.
    """
    case = writing.case
    if case.state != _S.AUTHORISED or not case.is_rented:
        return case.state == _S.AHEAD
    fee = agreed_fee(writing.session, case)
    return fee is not None and fee.can_be_charged(case.account)


def _final_notice(writing: Writing) -> Paper:
    sent = writing.made("send_ahead") if writing.case.state == _S.AHEAD else None
    fee = agreed_fee(writing.session, writing.case)
    if fee is None:
        raise Refused([NO_FEE])
    return papers.FinalNotice(
        *writing.head,
        on=writing.day(writing.now),
        box=writing.about,
        receiver=writing.receiver,
        send_by=writing.send_by,
        fee_minor=fee.total_minor,
        currency=fee.currency,
        replacement_sent_on=writing.day(sent.at) if sent else None,
    )


Writer = tuple[Callable[[Writing], bool], Callable[[Writing], Paper]]
WRITERS: Mapping[type[Paper], Writer] = {
    papers.ParcelLabel: (_is_sending, _label),
    papers.PackingSlip: (_is_sending, _slip),
    papers.ReturnAuthorised: (_may_send, _authorised),
    papers.Quote: (_has_quote, _quote),
    papers.Declined: (_is_declined, _declined),
    papers.ReturnedUnrepaired: (_is_unrepaired, _unrepaired),
    papers.DamageFee: (_has_damage_fee, _damage_fee),
    papers.Replaced: (_is_replaced, _replaced),
    papers.FinalNotice: (_is_overdue, _final_notice),
}
"""When each paper makes sense, and what makes it."""
