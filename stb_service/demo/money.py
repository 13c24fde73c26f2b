"""Quotes, payments and what is owed in the demonstration: each quote has its story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from stb_service.billing.ledger.operations import (
    NO_SUBJECT,
    Subject,
    charge_account,
    credit_account,
)
from stb_service.billing.notices import Notice, NoticeKind
from stb_service.billing.operations import (
    accept_quote,
    create_quote,
    decline_quote,
    expire_quotes,
    revise_quote,
    send_quote,
    withdraw_quote,
)
from stb_service.billing.payments.operations import record_payment, refund_payment, take_notice
from stb_service.billing.queries import quote_by_ref
from stb_service.billing.rules import VALID_FOR_DAYS, Cause, Line, LineKind, Method
from stb_service.demo.operator import Customer, Operator
from stb_service.shared.access import EVERYTHING

TAX_PPM = {"IE": 230_000, "GB": 200_000, "GR": 240_000, "CY": 190_000, "AE": 50_000}
"""Taxes of about the size that the countries have; 10 % elsewhere."""
OTHER_TAX_PPM = 100_000
LABOUR_CENTS, FREIGHT_CENTS, LOST_CENTS, DAMAGE_CENTS = 2_900, 690, 6_000, 3_500
"""What half an hour of work, a parcel and a lost box cost the customer, in cents of a euro."""
TERMS_CURRENCY = "EUR"
"""In which money the terms of models are; what stands beside a quote in another is not shown."""
MARGIN = 1.6
"""What a part costs the customer, of what it costs the operator."""
BANK = "bank"


class Story(StrEnum):
    """What becomes of a quote."""

    PAID = "paid"
    PAID_LATE = "paid_late"
    BY_BANK = "by_bank"
    PART_PAID = "part_paid"
    DECLINED = "declined"
    FORGOTTEN = "forgotten"
    REVISED = "revised"
    WITHDRAWN = "withdrawn"
    UNSENT = "unsent"


STORIES: Sequence[Story] = (
    *(Story.PAID, Story.DECLINED, Story.BY_BANK, Story.REVISED, Story.PAID, Story.FORGOTTEN),
    *(Story.PAID_LATE, Story.PAID, Story.WITHDRAWN, Story.PART_PAID, Story.PAID, Story.BY_BANK),
)
"""The stories of quotes, in the order in which they are told again and again."""
RECENT: Sequence[tuple[int, Story]] = (
    *((80, Story.PART_PAID), (45, Story.PART_PAID), (34, Story.WITHDRAWN), (26, Story.FORGOTTEN)),
    *((12, Story.DECLINED), (9, Story.REVISED), (5, Story.FORGOTTEN), (3, Story.REVISED)),
    *((2, Story.FORGOTTEN), (1, Story.UNSENT)),
)
"""So many days ago somebody asked what something costs: what the lists of today show."""


@dataclass
class Books:
    """Quotes are told by turns, so that every story is told."""

    op: Operator
    told: int = 0

    def next_story(self) -> Story:
        """Return the next story."""
        self.told += 1
        return STORIES[(self.told - 1) % len(STORIES)]

    def quote(
        self,
        customer: Customer,
        title: str,
        wanted: Sequence[tuple[LineKind, str, int]],
        now: datetime,
        *,
        subject: Subject = NO_SUBJECT,
        story: Story | None = None,
    ) -> None:
        """Make a quote of (kind, description, cents of a euro), and let its story go on."""
        op, tax = self.op, TAX_PPM.get(customer.country.code, OTHER_TAX_PPM)
        lines = [
            Line(kind, description, 1_000, in_currency(customer, cents), tax)
            for kind, description, cents in wanted
        ]
        quote = create_quote(
            op.session,
            account=customer.uid,
            zone="UTC",
            subject=subject,
            title=title,
            lines=lines,
            actor=op.agent,
            now=now,
        )
        told = story or self.next_story()
        if told != Story.UNSENT:
            at = now + timedelta(hours=1)
            op.calendar.add(at, partial(self._send, quote.public_id, customer, told))

    # --- a story, step by step -------------------------------------------------------------------

    def _send(self, ref: str, customer: Customer, story: Story, now: datetime) -> None:
        op, days = self.op, timedelta(days=1)
        send_quote(op.session, ref=ref, actor=op.agent, now=now)
        after: dict[Story, tuple[timedelta, object]] = {
            Story.DECLINED: (4 * days, partial(self._decline, ref)),
            Story.FORGOTTEN: ((VALID_FOR_DAYS + 2) * days, self._expire),
            Story.REVISED: (3 * days, partial(self._revise, ref, customer)),
            Story.WITHDRAWN: (6 * days, partial(self._withdraw, ref)),
        }
        wait, then = after.get(story, (2 * days, partial(self._accept, ref, customer, story)))
        op.calendar.add(now + wait, then)  # type: ignore[arg-type]

    def _decline(self, ref: str, now: datetime) -> None:
        decline_quote(self.op.session, ref=ref, note="Buys a new one", actor=self.op.agent, now=now)

    def _expire(self, now: datetime) -> None:
        expire_quotes(self.op.session, now=now)

    def _withdraw(self, ref: str, now: datetime) -> None:
        withdraw_quote(
            self.op.session, ref=ref, reason="Made for the wrong box", actor=self.op.agent, now=now
        )

    def _revise(self, ref: str, customer: Customer, now: datetime) -> None:
        """Take the price down a little and send it again; the customer says yes to that."""
        op = self.op
        quote = revise_quote(op.session, ref=ref, actor=op.agent, now=now)
        at = now + timedelta(minutes=20)
        op.calendar.add(at, partial(self._send, quote.public_id, customer, Story.PAID))

    def _accept(self, ref: str, customer: Customer, story: Story, now: datetime) -> None:
        op, day = self.op, timedelta(days=1)
        accept_quote(op.session, ref=ref, note="By phone", actor=op.agent, now=now)
        if story == Story.BY_BANK:
            op.calendar.add(now + 0.5 * day, partial(self._fail, ref))
            op.calendar.add(now + 1.2 * day, partial(self._told_by_bank, ref))
            return
        wait = 20 * day if story == Story.PAID_LATE else (25 if customer.is_business else 1) * day
        share = 0.4 if story == Story.PART_PAID else 1.0
        op.calendar.add(now + wait, partial(self._pay, ref, share))

    def _pay(self, ref: str, share: float, now: datetime) -> None:
        op = self.op
        quote = quote_by_ref(op.session, ref, EVERYTHING)
        methods = (Method.TRANSFER, Method.CARD, Method.CASH)
        record_payment(
            op.session,
            quote=ref,
            amount_minor=max(1, round(quote.total_minor * share)),
            currency=quote.currency,
            method=methods[quote.ordinal % len(methods)],
            reference=f"R-{quote.ordinal:05d}",
            actor=op.agent,
            now=now,
        )

    def _fail(self, ref: str, now: datetime) -> None:
        self._tell(ref, NoticeKind.FAILED, now)

    def _told_by_bank(self, ref: str, now: datetime) -> None:
        self._tell(ref, NoticeKind.SUCCEEDED, now)

    def _tell(self, ref: str, kind: NoticeKind, now: datetime) -> None:
        quote = quote_by_ref(self.op.session, ref, EVERYTHING)
        event = f"demo-{quote.ordinal}-{kind}"
        notice = Notice(
            event, kind, f"card-{quote.ordinal}", quote.total_minor, quote.currency, quote.number
        )
        take_notice(self.op.session, provider=BANK, notice=notice, fingerprint=event, now=now)


def in_currency(customer: Customer, cents: int) -> int:
    """Return cents of a euro in the minor units of a customer's currency, roundly."""
    minor = cents * customer.country.price_factor
    step = 10_000 if customer.country.price_factor > 100 else 10
    return max(step, round(minor / step) * step)


def plan_enquiries(books: Books) -> None:
    """Let somebody ask for a price in the last months, and other money move."""
    op = books.op
    for days, story in RECENT:
        at = op.now - timedelta(days=days, hours=3)
        op.calendar.add(at, partial(_ask, books, story))
    op.calendar.add(op.now - timedelta(days=60), partial(_pay_ahead, op))
    op.calendar.add(op.now - timedelta(days=8), partial(_pay_strangely, op))
    op.calendar.add(op.now - timedelta(days=40), partial(_thank, op))


def _ask(books: Books, story: Story, now: datetime) -> None:
    op, chance = books.op, books.op.chance(f"ask/{now:%y%m%d}")
    customer = _anybody(op, chance.random(), business=story == Story.PART_PAID)
    wanted = [
        (LineKind.DEVICE, "A second box, refurbished", 4_900),
        (LineKind.FREIGHT, "Parcel", FREIGHT_CENTS),
    ]
    books.quote(customer, "A second box", wanted, now, story=story)


def _anybody(op: Operator, draw: float, *, business: bool = False) -> Customer:
    """Return a customer of any shop."""
    everybody = [one for shop in sorted(op.customers) for one in op.customers[shop]]
    wanted = [one for one in everybody if one.is_business] if business else everybody
    found = wanted or everybody
    return found[int(draw * len(found))]


def _pay_ahead(op: Operator, now: datetime) -> None:
    """Take money that nobody asked for, and give half of it back."""
    customer = _anybody(op, 0.3)
    amount = in_currency(customer, 5_000)
    payment = record_payment(
        op.session,
        account=customer.uid,
        amount_minor=amount,
        currency=customer.country.currency,
        method=Method.TRANSFER,
        reference="TR-AHEAD",
        note="Paid twice by mistake",
        actor=op.agent,
        now=now,
    )
    refund_payment(
        op.session,
        ref=payment.public_id,
        amount_minor=amount // 2,
        key="half",
        reason="Half of it wanted back",
        actor=op.agent,
        now=now + timedelta(days=2),
    )


def _pay_strangely(op: Operator, now: datetime) -> None:
    """Let the bank tell of dollars for a quote that is in another currency: a person looks at it."""
    quote = create_quote(
        op.session,
        account=_anybody(op, 0.6).uid,
        zone="UTC",
        title="Remote control by post",
        lines=[Line(LineKind.PART, "Voice remote control", 1_000, 2_000, OTHER_TAX_PPM)],
        actor=op.agent,
        now=now,
    )
    send_quote(op.session, ref=quote.public_id, actor=op.agent, now=now + timedelta(hours=1))
    notice = Notice("demo-usd", NoticeKind.SUCCEEDED, "card-usd", 2_200, "USD", quote.number)
    later = now + timedelta(days=1)
    take_notice(op.session, provider=BANK, notice=notice, fingerprint="demo-usd", now=later)


def _thank(op: Operator, now: datetime) -> None:
    customer = _anybody(op, 0.8)
    credit_account(
        op.session,
        account=customer.uid,
        cause=Cause.GOODWILL,
        amount_minor=in_currency(customer, 1_500),
        currency=customer.country.currency,
        key="demo-goodwill",
        reason="Three calls about the same fault",
        actor=op.agent,
        now=now,
    )


def charge_for_lost(op: Operator, customer: Customer, serial: str, now: datetime) -> None:
    """Charge somebody for a box that is never found again."""
    charge_account(
        op.session,
        account=customer.uid,
        cause=Cause.UNRETURNED_FEE,
        net_minor=in_currency(customer, LOST_CENTS),
        tax_ppm=TAX_PPM.get(customer.country.code, OTHER_TAX_PPM),
        currency=customer.country.currency,
        zone="UTC",
        key=f"demo-lost-{serial}",
        reason=f"Box {serial} is lost",
        actor=op.agent,
        now=now,
    )
