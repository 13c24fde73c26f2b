"""Quotes, charges and payments: states, names, arithmetic, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import Money, rounded_share, split_amount

QUANTITY_UNIT = 1_000
TAX_UNIT = 1_000_000
MOST_LINES = 50
MOST_UNIT_MINOR = 10**11
MOST_QUANTITY_MILLI = 10_000_000
VALID_FOR_DAYS = 14
LONGEST_VALID_DAYS = 366
LINK_DAYS_AFTER = 60
"""A link still shows the quote so long after its last day: the customer pays there, and looks."""


class QuoteState(StrEnum):
    """Where a quote is in its life."""

    DRAFT = "draft"
    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


QUOTE_STATE_NAMES: Mapping[str, Text] = {
    QuoteState.DRAFT: text("Draft"),
    QuoteState.SENT: text("Sent"),
    QuoteState.ACCEPTED: text("Accepted"),
    QuoteState.DECLINED: text("Declined"),
    QuoteState.EXPIRED: text("Expired"),
    QuoteState.SUPERSEDED: text("Superseded"),
    QuoteState.WITHDRAWN: text("Withdrawn"),
}
QUOTE_STATE_COLOURS: Mapping[str, str] = {
    QuoteState.DRAFT: "grey",
    QuoteState.SENT: "blue",
    QuoteState.ACCEPTED: "green",
    QuoteState.DECLINED: "orange",
    QuoteState.EXPIRED: "yellow",
    QuoteState.SUPERSEDED: "grey",
    QuoteState.WITHDRAWN: "grey",
}
QUOTE_MOVES: Mapping[tuple[QuoteState, QuoteState], str] = {
    (QuoteState.DRAFT, QuoteState.SENT): "send",
    (QuoteState.DRAFT, QuoteState.WITHDRAWN): "withdraw",
    (QuoteState.SENT, QuoteState.ACCEPTED): "accept",
    (QuoteState.SENT, QuoteState.DECLINED): "decline",
    (QuoteState.SENT, QuoteState.EXPIRED): "expire",
    (QuoteState.SENT, QuoteState.SUPERSEDED): "supersede",
    (QuoteState.SENT, QuoteState.WITHDRAWN): "withdraw",
    (QuoteState.ACCEPTED, QuoteState.WITHDRAWN): "withdraw",
}
"""Every move that there is, and the verb that makes it; the database holds the same pairs."""


class LineKind(StrEnum):
    """What a line of a quote is for."""

    LABOUR = "labour"
    PART = "part"
    DEVICE = "device"
    FREIGHT = "freight"
    HANDLING = "handling"
    DAMAGE = "damage"
    OTHER = "other"


LINE_KIND_NAMES: Mapping[str, Text] = {
    LineKind.LABOUR: text("Labour"),
    LineKind.PART: text("Part"),
    LineKind.DEVICE: text("Box"),
    LineKind.FREIGHT: text("Freight"),
    LineKind.HANDLING: text("Handling"),
    LineKind.DAMAGE: text("Damage"),
    LineKind.OTHER: text("Other"),
}


class EntryKind(StrEnum):
    """What an entry of the ledger does. Charges and refunds add to what is owed."""

    CHARGE = "charge"
    CREDIT = "credit"
    PAYMENT = "payment"
    REFUND = "refund"


ENTRY_KIND_NAMES: Mapping[str, Text] = {
    EntryKind.CHARGE: text("Charge"),
    EntryKind.CREDIT: text("Credit"),
    EntryKind.PAYMENT: text("Payment"),
    EntryKind.REFUND: text("Refund"),
}
OWED_MORE = frozenset({EntryKind.CHARGE, EntryKind.REFUND})


class Cause(StrEnum):
    """What an entry of the ledger is for."""

    QUOTE = "quote"
    ADVANCE_FEE = "advance_fee"
    UNRETURNED_FEE = "unreturned_fee"
    DAMAGE_FEE = "damage_fee"
    HANDLING_FEE = "handling_fee"
    GOODWILL = "goodwill"
    CORRECTION = "correction"
    BOX_RETURN = "box_return"
    MONEY = "money"


CAUSE_NAMES: Mapping[str, Text] = {
    Cause.QUOTE: text("Quote"),
    Cause.ADVANCE_FEE: text("Fee for a box that did not come back"),
    Cause.UNRETURNED_FEE: text("Fee for a rented box that did not come back"),
    Cause.DAMAGE_FEE: text("Damage fee"),
    Cause.HANDLING_FEE: text("Handling fee"),
    Cause.GOODWILL: text("Goodwill"),
    Cause.CORRECTION: text("Correction"),
    Cause.BOX_RETURN: text("Price of a box that was taken back"),
    Cause.MONEY: text("Money received or given back"),
}
FEES = (
    *(Cause.ADVANCE_FEE, Cause.UNRETURNED_FEE, Cause.DAMAGE_FEE, Cause.HANDLING_FEE),
    Cause.CORRECTION,
)
CREDITS = (Cause.GOODWILL, Cause.CORRECTION)


class PaymentState(StrEnum):
    """Where a payment is. Only one that succeeded, or was paid out, stands in the ledger."""

    AWAITED = "awaited"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HELD = "held"
    RETURNED = "returned"
    PAID_OUT = "paid_out"


PAYMENT_STATE_NAMES: Mapping[str, Text] = {
    PaymentState.AWAITED: text("Awaited"),
    PaymentState.SUCCEEDED: text("Received"),
    PaymentState.FAILED: text("Failed"),
    PaymentState.HELD: text("Held for review"),
    PaymentState.RETURNED: text("Returned"),
    PaymentState.PAID_OUT: text("Paid out"),
}
PAYMENT_STATE_COLOURS: Mapping[str, str] = {
    PaymentState.AWAITED: "blue",
    PaymentState.SUCCEEDED: "green",
    PaymentState.FAILED: "red",
    PaymentState.HELD: "orange",
    PaymentState.RETURNED: "grey",
    PaymentState.PAID_OUT: "purple",
}
PAYMENT_MOVES = frozenset(
    {
        (PaymentState.AWAITED, PaymentState.SUCCEEDED),
        (PaymentState.AWAITED, PaymentState.FAILED),
        (PaymentState.AWAITED, PaymentState.HELD),
        (PaymentState.FAILED, PaymentState.SUCCEEDED),
        (PaymentState.FAILED, PaymentState.HELD),
        (PaymentState.HELD, PaymentState.RETURNED),
    }
)
"""A notice of success may overtake one of failure; a success is never taken back by a notice."""


class Method(StrEnum):
    """How money came that a person records."""

    CASH = "cash"
    CARD = "card"
    TRANSFER = "transfer"
    OTHER = "other"


METHOD_NAMES: Mapping[str, Text] = {
    Method.CASH: text("Cash"),
    Method.CARD: text("Card"),
    Method.TRANSFER: text("Bank transfer"),
    Method.OTHER: text("Other"),
}
SUBJECT_KIND_NAMES: Mapping[str, Text] = {"rma_case": text("Return"), "device": text("Box")}

FIELD_NAMES: Mapping[str, Text] = {
    "amount": text("Amount"),
    "total": text("Total"),
    "valid_until_on": text("Valid until"),
    "cause": text("What for"),
    "method": text("How"),
    "provider": text("Provider"),
    "quote": text("Quote"),
    "account": text("Account"),
    "lines": text("Lines"),
    "discount": text("Discount"),
    "title": text("Title"),
    "successor": text("Followed by"),
}


# --- the arithmetic of a quote -------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """What is asked for: thousandths of a unit, the price of one, the tax in millionths."""

    kind: str
    description: str
    quantity_milli: int
    unit_minor: int
    tax_ppm: int


@dataclass(frozen=True)
class PricedLine:
    """A line with its amounts: gross before the discount, net after it."""

    line: Line
    gross_minor: int
    discount_minor: int
    net_minor: int
    tax_minor: int


@dataclass(frozen=True)
class Priced:
    """A quote with its amounts; each is the sum of its lines'."""

    lines: tuple[PricedLine, ...]
    discount_minor: int
    net_minor: int
    tax_minor: int
    total_minor: int


def priced(lines: Sequence[Line], discount_minor: int = 0) -> Priced:
    """Return the amounts of a quote.

    A line's gross amount is quantity x price, its tax is worked out on what is left after its part
    of the discount; both are rounded by line, half a minor unit up. The discount is split over
    the lines by their gross amounts (largest remainder), so that each rate of tax gets its part.

    Raises:
        ValueError: the discount is above the sum of the lines.
    """
    gross = [rounded_share(line.unit_minor, line.quantity_milli, QUANTITY_UNIT) for line in lines]
    if discount_minor > sum(gross):
        raise ValueError("a discount is never above what it is taken from")
    parts = split_amount(discount_minor, gross) if discount_minor else [0] * len(gross)
    found = tuple(
        PricedLine(line, whole, part, whole - part, tax_of(whole - part, line.tax_ppm))
        for line, whole, part in zip(lines, gross, parts, strict=True)
    )
    net, tax = sum(line.net_minor for line in found), sum(line.tax_minor for line in found)
    return Priced(found, discount_minor, net, tax, net + tax)


def tax_of(net_minor: int, tax_ppm: int) -> int:
    """Return the tax on a net amount, half a minor unit rounded up."""
    return rounded_share(net_minor, tax_ppm, TAX_UNIT)


def taxes_by_rate(rows: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return (rate, net, tax) summed by rate, the highest first, of rows of the same."""
    sums: dict[int, tuple[int, int]] = {}
    for rate, net, tax in rows:
        net_so_far, tax_so_far = sums.get(rate, (0, 0))
        sums[rate] = (net_so_far + net, tax_so_far + tax)
    return [(rate, *sums[rate]) for rate in sorted(sums, reverse=True)]


# --- days ----------------------------------------------------------------------------------------


def day_in(zone: str, now: datetime) -> date:
    """Return which day it is in a zone."""
    return now.astimezone(ZoneInfo(zone)).date()


def end_of_day(day: date, zone: str) -> datetime:
    """Return the instant at which a civil day ends in a zone, in UTC.

    Where the clocks jump at midnight, the day ends when they jump.
    """
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)


# --- what stands in the way ----------------------------------------------------------------------


@dataclass(frozen=True)
class QuoteFacts:
    """What is known of a quote when somebody wants to move it."""

    state: str
    lines: int
    total_minor: int
    is_over: bool
    is_current: bool = True
    paid_minor: int = 0


def obstacles_to_move(facts: QuoteFacts, to: QuoteState) -> list[Obstacle]:
    """Return why a quote cannot become so; empty if it can."""
    state = QuoteState(facts.state)
    if (state, to) not in QUOTE_MOVES:
        return [_no_such_move(state, to)]
    found: list[Obstacle] = []
    if to is QuoteState.SENT:
        found += _obstacles_to_sending(facts)
    if to is QuoteState.ACCEPTED:
        found += _obstacles_to_accepting(facts)
    if state is QuoteState.ACCEPTED and facts.paid_minor > 0:
        found.append(Obstacle("paid", text("Money was paid for this quote; give it back first.")))
    return found


def _no_such_move(state: QuoteState, to: QuoteState) -> Obstacle:
    if state is QuoteState.ACCEPTED and to is QuoteState.ACCEPTED:
        return Obstacle("quote-accepted", text("This quote is accepted already."))
    return Obstacle(
        f"quote-{state}",
        text(
            "A quote that is %(now)s cannot become %(wanted)s.",
            now=QUOTE_STATE_NAMES[state],
            wanted=QUOTE_STATE_NAMES[to],
        ),
    )


def _obstacles_to_sending(facts: QuoteFacts) -> list[Obstacle]:
    found = []
    if not facts.lines:
        found.append(Obstacle("no-lines", text("The quote has no lines.")))
    elif not facts.total_minor:
        found.append(Obstacle("nothing-to-pay", text("The quote comes to nothing.")))
    if facts.is_over:
        found.append(Obstacle("over", text("The last day of the quote is over.")))
    return found


def _obstacles_to_accepting(facts: QuoteFacts) -> list[Obstacle]:
    found = []
    if facts.is_over:
        found.append(Obstacle("over", text("The last day of the quote is over.")))
    if not facts.is_current:
        message = text("The quote was changed after this link was made; a newer link was sent.")
        found.append(Obstacle("edition", message))
    return found


def obstacles_to_editing(state: str) -> list[Obstacle]:
    """Return why the lines of a quote cannot be changed."""
    if state == QuoteState.DRAFT:
        return []
    message = text("What was sent is never changed; make a new quote that takes its place.")
    return [Obstacle("quote-sent", message)]


def obstacles_to_extending(state: str) -> list[Obstacle]:
    """Return why a quote cannot be valid for longer."""
    if state == QuoteState.SENT:
        return []
    return [Obstacle("quote-not-sent", text("Only a quote that is sent and open can be extended."))]


def obstacles_to_revising(state: str) -> list[Obstacle]:
    """Return why no new quote can take the place of this one.

    One that was accepted binds both sides: what is found further is a quote beside it.
    """
    if state in {QuoteState.SENT, QuoteState.EXPIRED, QuoteState.DECLINED, QuoteState.WITHDRAWN}:
        return []
    if state == QuoteState.ACCEPTED:
        message = text("An accepted quote stands; quote what was found further beside it.")
        return [Obstacle("quote-accepted", message)]
    return [Obstacle("quote-not-sent", text("Only a quote that was sent can be replaced."))]


def obstacles_to_refund(
    *, state: str, paid_minor: int, wanted_minor: int, currency: str, of_operator: bool
) -> list[Obstacle]:
    """Return why an amount of a payment cannot be given back.

    `paid_minor` is what was paid less what was given back already.
    """
    if not of_operator:
        message = text("Only the operator's people give money back.")
        return [Obstacle("operator-only", message)]
    if state != PaymentState.SUCCEEDED:
        return [Obstacle("not-received", text("This payment was never received."))]
    if wanted_minor > paid_minor:
        message = text(
            "At most %(amount)s can be given back of this payment.",
            amount=Money(paid_minor, currency),
        )
        return [Obstacle("above-paid", message)]
    return []


OPERATORS_CREDIT = Obstacle("operator-only", text("Only the operator's people give credits."))


# --- what is due, and what may go on -------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """What is known of the money behind a piece of work (a case, a box).

    `quotes` are the states of the quotes about it that were neither superseded nor withdrawn, the
    oldest first; `due_minor` is the sum of all that was charged, credited, paid and given back for
    it; `overdue_minor` is what the account owes beyond its credit days, for whatever it was.
    """

    currency: str
    quotes: tuple[str, ...] = ()
    due_minor: int = 0
    credit_days: int = 0
    overdue_minor: int = 0

    @property
    def has_terms(self) -> bool:
        """Whether the account may pay later."""
        return self.credit_days > 0


def obstacles_to_beginning(standing: Standing) -> list[Obstacle]:
    """Return why work may not begin: each quote is accepted, and paid unless there are terms."""
    found = []
    if any(state in {QuoteState.DRAFT, QuoteState.SENT} for state in standing.quotes):
        found.append(Obstacle("quote-open", text("The customer has not answered the quote.")))
    elif standing.quotes and QuoteState.ACCEPTED not in standing.quotes:
        found.append(Obstacle("quote-refused", text("The customer has not accepted a quote.")))
    return found + _obstacles_of_money(standing)


def obstacles_to_releasing(standing: Standing) -> list[Obstacle]:
    """Return why goods may not leave: nothing is open unless the account has credit terms.

    A quote that nobody accepted holds nothing back: the box goes home unrepaired.
    """
    return _obstacles_of_money(standing)


def _obstacles_of_money(standing: Standing) -> list[Obstacle]:
    if standing.due_minor <= 0:
        return []
    if not standing.has_terms:
        due = Money(standing.due_minor, standing.currency)
        return [Obstacle("unpaid", text("%(amount)s is still to be paid.", amount=due))]
    if standing.overdue_minor > 0:
        overdue = Money(standing.overdue_minor, standing.currency)
        message = text("The account is overdue by %(amount)s.", amount=overdue)
        return [Obstacle("overdue", message)]
    return []


def overdue(balance_minor: int, not_yet_due_minor: int) -> int:
    """Return what is overdue: all that is owed but for charges whose day has not come. What was
    paid is taken to have paid the oldest charges.
    """
    return max(0, balance_minor - not_yet_due_minor)
