"""Quotes with their lines and moves, the ledger of accounts, payments, and what providers told."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.billing.rules import (
    MOST_QUANTITY_MILLI,
    MOST_UNIT_MINOR,
    QUANTITY_UNIT,
    TAX_UNIT,
    Line,
    PaymentState,
    QuoteState,
)
from stb_service.shared.db import Base, Key, Public
from stb_service.shared.money import Money
from stb_service.subscribers.models import Account


class QuoteMove(Base):
    """A legal move of a quote. The rows are those of `rules.QUOTE_MOVES`."""

    __tablename__ = "quote_moves"
    __table_args__ = (UniqueConstraint("from_state", "to_state"),)

    from_state: Mapped[str] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))


class Quote(Public, Base):
    """What work or goods would cost an account, to be answered until the end of a civil day.

    From its sending on `line_count` is set, and triggers refuse any change of what was sent.
    Its state is where its last event led to; a draft has none.
    `edition` grows with each change that the customer would see; a link names the edition it was
    made for. What a quote is about is a pair of words of a higher room (kind, ref), with what
    people call it; at most one quote about it waits for an answer.
    """

    __tablename__ = "quotes"
    __table_args__ = (
        CheckConstraint("length(currency) = 3", name="currency"),
        CheckConstraint(
            "discount_minor >= 0 AND net_minor >= 0 AND tax_minor >= 0", name="amounts"
        ),
        CheckConstraint("total_minor = net_minor + tax_minor", name="total"),
        CheckConstraint("state <> 'draft' OR line_count IS NULL", name="draft"),
        CheckConstraint(
            "state IN ('draft', 'withdrawn') OR (line_count > 0 AND sent_at IS NOT NULL)",
            name="sent",
        ),
        CheckConstraint("(subject_kind = '') = (subject_ref = '')", name="subject"),
        CheckConstraint("(event_seq IS NULL) = (state = 'draft')", name="event_seq"),
        ForeignKeyConstraint(
            ["id", "event_seq", "state"],
            ["quote_events.quote_id", "quote_events.seq", "quote_events.to_state"],
            name="fk_quotes_last_event",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        Index(
            "uq_quotes_open_subject",
            "subject_kind",
            "subject_ref",
            unique=True,
            sqlite_where=text("state = 'sent' AND subject_ref <> ''"),
            postgresql_where=text("state = 'sent' AND subject_ref <> ''"),
        ),
        Index("ix_quotes_subject", "subject_kind", "subject_ref"),
        Index("ix_quotes_account", "account_id", "id"),
        Index("ix_quotes_state", "state", "id"),
        Index(
            "ix_quotes_expires",
            "expires_at",
            sqlite_where=text("state = 'sent'"),
            postgresql_where=text("state = 'sent'"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    ordinal: Mapped[int] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    subject_kind: Mapped[str] = mapped_column(String(32), default="")
    subject_ref: Mapped[str] = mapped_column(String(64), default="")
    subject_label: Mapped[str] = mapped_column(String(128), default="")
    title: Mapped[str] = mapped_column(String(200))
    notes: Mapped[str] = mapped_column(String(2000), default="")
    currency: Mapped[str] = mapped_column(String(3))
    discount_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    net_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    tax_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    total_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(String(16), default=QuoteState.DRAFT)
    event_seq: Mapped[int | None]
    edition: Mapped[int] = mapped_column(default=1)
    line_count: Mapped[int | None]
    timezone: Mapped[str] = mapped_column(String(64))
    valid_until_on: Mapped[date]
    expires_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("quotes.id"), index=True)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(128))
    changed_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answer_note: Mapped[str] = mapped_column(String(500), default="")

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)
    lines: Mapped[list[QuoteLine]] = relationship(
        cascade="all, delete-orphan", order_by="QuoteLine.position"
    )
    supersedes: Mapped[Quote | None] = relationship(remote_side="Quote.id")

    def is_over(self, now: datetime) -> bool:
        """Tell whether its last day is over; while it is paused none is."""
        return self.paused_at is None and now >= self.expires_at

    @property
    def total(self) -> Money:
        """What it comes to, with tax."""
        return Money(self.total_minor, self.currency)

    @property
    def subject(self) -> tuple[str, str, str]:
        """What it is about: kind, ref and what people call it; empty where it is about nothing."""
        return self.subject_kind, self.subject_ref, self.subject_label


class QuoteLine(Base):
    """One line of a quote. The database does the sum again: gross is quantity x price."""

    __tablename__ = "quote_lines"
    __table_args__ = (
        UniqueConstraint("quote_id", "position"),
        CheckConstraint(
            "kind IN ('labour', 'part', 'device', 'freight', 'handling', 'damage', 'other')",
            name="kind",
        ),
        CheckConstraint(f"quantity_milli BETWEEN 1 AND {MOST_QUANTITY_MILLI}", name="quantity"),
        CheckConstraint(f"unit_minor BETWEEN 0 AND {MOST_UNIT_MINOR}", name="unit"),
        CheckConstraint(f"tax_ppm BETWEEN 0 AND {TAX_UNIT}", name="tax_rate"),
        CheckConstraint(
            f"gross_minor = (2 * unit_minor * quantity_milli + {QUANTITY_UNIT}) "
            f"/ {2 * QUANTITY_UNIT}",
            name="gross",
        ),
        CheckConstraint(
            "discount_minor BETWEEN 0 AND gross_minor AND net_minor = gross_minor - discount_minor",
            name="net",
        ),
        CheckConstraint("tax_minor BETWEEN 0 AND net_minor", name="tax"),
    )

    quote_id: Mapped[int] = mapped_column(ForeignKey("quotes.id"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    description: Mapped[str] = mapped_column(String(200))
    quantity_milli: Mapped[int] = mapped_column(BigInteger)
    unit_minor: Mapped[int] = mapped_column(BigInteger)
    tax_ppm: Mapped[int]
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    discount_minor: Mapped[int] = mapped_column(BigInteger)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)

    @property
    def as_line(self) -> Line:
        """What was asked for, without the amounts."""
        return Line(self.kind, self.description, self.quantity_milli, self.unit_minor, self.tax_ppm)


class QuoteEvent(Base):
    """A move of a quote: legal, and beginning where the move before it ended.

    Both are enforced by the database, as for rollouts; triggers refuse UPDATE and DELETE.
    """

    __tablename__ = "quote_events"
    __table_args__ = (
        UniqueConstraint("quote_id", "seq"),
        UniqueConstraint("quote_id", "seq", "to_state"),
        CheckConstraint("previous_seq = seq - 1", name="follows"),
        CheckConstraint(
            "(seq = 1 AND from_state = 'draft') OR (seq > 1 AND predecessor_seq IS NOT NULL)",
            name="begins",
        ),
        CheckConstraint(
            "predecessor_seq IS NULL OR predecessor_seq = previous_seq", name="predecessor"
        ),
        ForeignKeyConstraint(
            ["from_state", "to_state"], ["quote_moves.from_state", "quote_moves.to_state"]
        ),
        ForeignKeyConstraint(
            ["quote_id", "predecessor_seq", "from_state"],
            ["quote_events.quote_id", "quote_events.seq", "quote_events.to_state"],
            name="fk_quote_events_predecessor",
        ),
    )

    quote_id: Mapped[int] = mapped_column(ForeignKey("quotes.id"))
    seq: Mapped[int]
    previous_seq: Mapped[int]
    predecessor_seq: Mapped[int | None]
    from_state: Mapped[str] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))
    edition: Mapped[int]
    at: Mapped[datetime]
    actor_label: Mapped[str] = mapped_column(String(128))
    note: Mapped[str] = mapped_column(String(500))

    quote: Mapped[Quote] = relationship(foreign_keys=[quote_id], viewonly=True)

    @property
    def words(self) -> str:
        """What was said with it: an answer has its words in the quote."""
        is_answer = self.to_state in {QuoteState.ACCEPTED, QuoteState.DECLINED}
        return self.note or (self.quote.answer_note if is_answer else "")


class Payment(Public, Base):
    """Money that came, is awaited, or did not come. `reference` is the provider's word for it.

    What of it was given back is in the ledger. One in a currency that is not the account's is held
    for a person to look at, and stands in no ledger.
    """

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("provider", "reference"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("length(currency) = 3", name="currency"),
        CheckConstraint(
            "state IN ('awaited', 'succeeded', 'failed', 'held', 'returned', 'paid_out')",
            name="state",
        ),
        CheckConstraint("(state = 'succeeded') = (received_at IS NOT NULL)", name="received"),
        Index("ix_payments_account", "account_id", "id"),
        Index("ix_payments_quote", "quote_id"),
        Index("ix_payments_state", "state", "id"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    quote_id: Mapped[int | None] = mapped_column(ForeignKey("quotes.id"))
    provider: Mapped[str] = mapped_column(String(32))
    reference: Mapped[str] = mapped_column(String(128))
    method: Mapped[str] = mapped_column(String(16), default="")
    state: Mapped[str] = mapped_column(String(16), default=PaymentState.AWAITED)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    note: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(128))
    received_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)
    quote: Mapped[Quote | None] = relationship(lazy="joined")

    @property
    def amount(self) -> Money:
        """How much it is."""
        return Money(self.amount_minor, self.currency)


class LedgerEntry(Base):
    """One entry of an account's ledger; a balance is the sum of `amount_minor` (above zero: owed).

    Triggers refuse UPDATE and DELETE, and a refund above what its payment brought, or than was
    to be paid out. `key` makes whoever posts twice post once. `tax_minor` is the tax within a charge
    or a credit.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint(
            "(kind IN ('charge', 'refund') AND amount_minor > 0) "
            "OR (kind IN ('credit', 'payment') AND amount_minor < 0)",
            name="sign",
        ),
        CheckConstraint("length(currency) = 3", name="currency"),
        CheckConstraint(
            "(kind IN ('payment', 'refund')) = (payment_id IS NOT NULL)", name="payment"
        ),
        CheckConstraint("(kind = 'charge') = (due_on IS NOT NULL)", name="due"),
        CheckConstraint("(subject_kind = '') = (subject_ref = '')", name="subject"),
        Index("ix_ledger_entries_account", "account_id", "id"),
        Index("ix_ledger_entries_subject", "subject_kind", "subject_ref"),
        Index("ix_ledger_entries_quote", "quote_id"),
        Index("ix_ledger_entries_payment", "payment_id"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[str] = mapped_column(String(16))
    cause: Mapped[str] = mapped_column(String(16))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str] = mapped_column(String(3))
    quote_id: Mapped[int | None] = mapped_column(ForeignKey("quotes.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"))
    subject_kind: Mapped[str] = mapped_column(String(32), default="")
    subject_ref: Mapped[str] = mapped_column(String(64), default="")
    subject_label: Mapped[str] = mapped_column(String(128), default="")
    due_on: Mapped[date | None]
    reason: Mapped[str] = mapped_column(String(500), default="")
    key: Mapped[str] = mapped_column(String(128), unique=True)
    at: Mapped[datetime]
    actor_label: Mapped[str] = mapped_column(String(128))

    quote: Mapped[Quote | None] = relationship()

    @property
    def amount(self) -> Money:
        """What it adds to what is owed."""
        return Money(self.amount_minor, self.currency)


class PaymentNotice(Base):
    """What a provider told, once for each of its event ids; kept so that a repetition is known."""

    __tablename__ = "payment_notices"
    __table_args__ = (UniqueConstraint("provider", "event_id"),)

    provider: Mapped[str] = mapped_column(String(32))
    event_id: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16))
    fingerprint: Mapped[str] = mapped_column(String(64))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    at: Mapped[datetime]
