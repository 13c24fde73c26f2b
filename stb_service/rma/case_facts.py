"""What the rules ask of a case: each fact in its own place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from stb_service.billing.ledger.queries import paid_for_quote
from stb_service.billing.models import Quote
from stb_service.billing.rules import QuoteState
from stb_service.devices.holdings.chain import current_holding
from stb_service.parts.rules import Condition, ReservationState
from stb_service.rma import history
from stb_service.rma.beside import OTHERS, shown_beside
from stb_service.rma.cases import CaseState
from stb_service.rma.events import case_history, newest_quote, terms_in_force
from stb_service.rma.facts import Remedy
from stb_service.rma.holding import reason_of_hold
from stb_service.rma.known import Known
from stb_service.rma.lists import PRECHECKS, PRECHECKS_OF
from stb_service.rma.lookups import (
    can_replace,
    find_scanned,
    is_received,
    live_exchange,
    other_live_case,
    stray_box,
)
from stb_service.rma.models import (
    Accessory,
    CaseQuote,
    Comparison,
    Exchange,
    Fault,
    Precheck,
    ReturnCase,
)
from stb_service.rma.money import has_bought, money_of, offers_others, price_of, terms_of_model
from stb_service.rma.verdicts import BILLABLE, Verdict, outcome_of
from stb_service.rma.verdicts import Outcome as FaultsOutcome
from stb_service.warranty.cover import Outcome

COVERING = frozenset({Outcome.COVERED, Outcome.DEAD_ON_ARRIVAL, Outcome.GOODWILL})
STANDING_QUOTES = frozenset({QuoteState.DRAFT, QuoteState.SENT, QuoteState.ACCEPTED})


def case_facts(known: Known) -> dict[str, Any]:
    """Return what is known of the promise."""
    case = known.case
    if case is None:
        return {}
    return {
        "due_at": case.due_at,
        "held_because": reason_of_hold(known.session, case) if case.held else "",
        "remedy": case.remedy,
        "rented": case.is_rented,
        "other_cases": other_live_case(known.session, case.device_id, case.id),
        "unrecorded_checks": _unrecorded(known, case),
        "repeats_ended_case": _repeats(known, case),
        "other_is_theirs": _other_is_theirs(known, case),
        "stray_gone": _stray_gone(known, case),
        "loss_confirmed": "loss_confirmed" in known.statements,
        "ahead_lost": "ahead_loss_confirmed" in known.statements,
        "address_confirmed": "address_confirmed" in known.statements,
        "notice_sent": "notice_sent" in known.statements,
        "disposal_consent": "disposal_consent" in known.statements,
        "fee_agreed": "fee_agreed" in known.statements,
        "fee_chargeable": _fee_chargeable(known, case),
        **_fees_elsewhere(known, case),
        "ahead_back": _is_ahead_scanned(known, case),
        "has_account": case.account_id is not None,
        "refund_minor": known.amount_of("refunded"),
        "price_minor": known.amount_of("price_paid") or price_of(known.session, case),
        "cover_presumed": any(map(_is_covered, known.faults)),
        "all_covered": bool(known.faults) and all(map(_is_covered, known.faults)),
        **_choice(known, case),
        **_exchange(known, case),
        **_quote(known, case),
        **_money(known, case),
    }


def _is_ahead_scanned(known: Known, case: ReturnCase) -> bool:
    """Tell whether what was scanned is the replacement that went ahead: it is here again."""
    exchange = live_exchange(known.session, case) if known.stated.scanned else None
    scanned = find_scanned(known.session, known.stated.scanned) if exchange else None
    return exchange is not None and scanned is not None and scanned.id == exchange.device_id


def _fee_chargeable(known: Known, case: ReturnCase) -> bool:
    """Tell whether the fee could be charged as agreed: to an account, in its currency."""
    agreed = known.statements.get("fee_agreed")
    fee = agreed.fee if agreed else None
    return fee is not None and fee.can_be_charged(case.account)


def _fees_elsewhere(known: Known, case: ReturnCase) -> dict[str, bool]:
    """Tell which fees fall due by terms that are not in the account's money, while nobody has
    stated what became of them.
    """
    terms, account = terms_of_model(known.session, case.device), case.account
    if terms is None or account is None or terms.currency == account.currency:
        return {}
    if "fee_settled" in known.statements:
        return {}
    damaged = any(line.verdict is Verdict.USER_FAULT for line in known.lines)
    is_nff = outcome_of(known.lines) is FaultsOutcome.NFF
    return {
        "damage_elsewhere": bool(terms.damage_minor) and case.is_rented and damaged,
        "handling_elsewhere": bool(terms.handling_minor) and is_nff,
    }


def _unrecorded(known: Known, case: ReturnCase) -> Sequence[str]:
    asked = PRECHECKS_OF[case.remedy]
    answered = set(known.session.scalars(select(Precheck.code).where(Precheck.case_id == case.id)))
    return [str(PRECHECKS[code]) for code in asked if code not in answered]


def _repeats(known: Known, case: ReturnCase) -> bool:
    if case.previous is None:
        return False
    events = case_history(known.session, case.previous)
    return history.is_repeatable(events, terms_in_force(known.session), known.now)


def _other_is_theirs(known: Known, case: ReturnCase) -> bool:
    other = stray_box(known.session, case)
    if other is None or case.account_id is None:
        return False
    held = current_holding(known.session, other)
    is_theirs = held is not None and held.account_id == case.account_id
    return is_theirs and other_live_case(known.session, other.id) == 0


def _stray_gone(known: Known, case: ReturnCase) -> bool:
    """Tell whether the box that came by mistake was received in a return of its own."""
    other = stray_box(known.session, case) if case.state == CaseState.MISMATCH else None
    return other is not None and is_received(known.session, other, case)


def _choice(known: Known, case: ReturnCase) -> dict[str, Any]:
    """The law asks that a consumer be told, where choosing the repair brings longer cover."""
    covered = [
        fault.decision.version.as_policy().repairs.extend_months > 0
        for fault in known.faults
        if fault.decision and fault.decision.effective_outcome in COVERING
    ]
    rows = select(Comparison.choice).where(Comparison.case_id == case.id)
    choices = known.session.scalars(rows.order_by(Comparison.id)).all()
    return {
        "choice_needed": any(covered) and not case.is_rented,
        "choice_recorded": "remedy_chosen" in known.statements or any(choices),
        "side_by_side": shown_beside(known.session, case, _quoted_in(known, case)) is not None,
        "nothing_else_offered": "nothing_else_offered" in known.statements,
        "other_chosen": bool(choices) and choices[-1] in OTHERS,
        "promised_condition": _promised(known, case, [one for one in choices if one]),
    }


def _promised(known: Known, case: ReturnCase, chosen: Sequence[str]) -> str:
    """Return whether the customer was promised a new or a refurbished box: as they chose last,
    else a new one where they accepted a quote for another box.
    """
    if chosen and chosen[-1] in OTHERS:
        return chosen[-1]
    return Condition.NEW if has_bought(known.session, case) else ""


def _quoted_in(known: Known, case: ReturnCase) -> str:
    """Return the currency in which the customer is quoted, or would be."""
    found = newest_quote(known.session, case)
    return found.quote.currency if found else case.currency


def _exchange(known: Known, case: ReturnCase) -> dict[str, Any]:
    exchange = live_exchange(known.session, case)
    given = known.session.scalars(
        select(Exchange).where(Exchange.case_id == case.id, Exchange.state == "given")
    ).all()
    terms = terms_of_model(known.session, case.device)
    accessories = known.session.scalars(select(Accessory).where(Accessory.case_id == case.id)).all()
    spare = exchange.device if exchange and exchange.state == "allocated" else None
    return {
        "accessory_reserved": any(
            row.reservation.state == ReservationState.HELD for row in accessories
        ),
        "spare": spare.label if spare else "",
        "spare_fits": spare is not None and can_replace(known.session, spare, case.device),
        "spare_condition": exchange.condition if exchange else "",
        "may_send_ahead": terms is not None and terms.may_send_ahead,
        "others_offered": terms is not None and offers_others(terms, case.currency),
        "provisioned": bool(given) and all(row.provisioned_at for row in given),
        "pins_released": bool(given) and all(row.pins_released_at for row in given),
    }


def _quote(known: Known, case: ReturnCase) -> dict[str, Any]:
    found = newest_quote(known.session, case)
    quote = found.quote if found else None
    if found is None or quote is None or quote.state not in STANDING_QUOTES:
        return {"quote_gone": quote is not None and quote.state == QuoteState.WITHDRAWN}
    until = quote.expires_at
    if quote.state == QuoteState.ACCEPTED:  # an answer that was given in time stands
        until = max(until, known.now + timedelta(days=1))
    return {
        "quote_lines": _line_count(quote),
        "quote_leaves_out": _left_out(known, found),
        "quote_sent": quote.state in {QuoteState.SENT, QuoteState.ACCEPTED},
        "quote_accepted": quote.state == QuoteState.ACCEPTED,
        "quote_until": until,
        "quoted_remedy": found.remedy,
    }


def _left_out(known: Known, quoted: CaseQuote) -> list[int]:
    """Return the faults to be paid for that a quote of a repair has no price for."""
    if quoted.remedy != Remedy.REPAIR:
        return []
    return [
        line.number
        for line in known.lines
        if line.verdict in BILLABLE
        and not (line.agreed or line.declined)
        and line.number not in quoted.faults
    ]


def _money(known: Known, case: ReturnCase) -> dict[str, Any]:
    standing = money_of(known.session, case, known.now)
    if standing is None:
        return {}
    return {
        "quote_paid_minor": _paid_for_quote(known, case),
        "to_pay_minor": max(0, standing.due_minor),
        "balance_minor": standing.due_minor,
        "credit_terms": standing.has_terms and standing.overdue_minor == 0,
    }


def _paid_for_quote(known: Known, case: ReturnCase) -> int:
    """Return how much money came for the quote that was accepted last."""
    found = newest_quote(known.session, case)
    if found is None or found.quote.state != QuoteState.ACCEPTED:
        return 0
    return paid_for_quote(known.session, found.quote)


def _is_covered(fault: Fault) -> bool:
    return fault.decision is not None and fault.decision.effective_outcome in COVERING


def _line_count(quote: Quote) -> int:
    return quote.line_count if quote.line_count is not None else len(quote.lines)
