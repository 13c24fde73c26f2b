"""Claims with their lines and moves, batches, suppliers' terms and credit notes."""

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
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.devices.models import Device, DeviceModel
from stb_service.parts.models import Location
from stb_service.rma.claims import CLAIM, PLACES, Match
from stb_service.rma.machine import Place, Position
from stb_service.rma.models import WorkshopOrder
from stb_service.rma.models.cases import ended_in
from stb_service.rma.models.steps import Made, Move, each_once, legal_and_in_order
from stb_service.shared.db import Base, Key, Public
from stb_service.shared.money import Money

_KINDS = "kind IN ('part', 'labour', 'box', 'freight')"
_SOURCES = (
    "(kind = 'part') = (order_part_id IS NOT NULL)"
    " AND (kind = 'labour') = (labour_id IS NOT NULL)"
    " AND (kind IN ('box', 'freight')) = (order_id IS NOT NULL)"
)
_MATCHES = "match IN ({})".format(", ".join(f"'{match}'" for match in Match))


class SupplierTerms(Public, Base):
    """What the supplier of a model answers for: for how long, from when, and what may be claimed.

    `labour_minor` is what the supplier pays for an hour, `freight_minor` for each claim.
    """

    __tablename__ = "rma_supplier_terms"
    __table_args__ = (
        CheckConstraint("months BETWEEN 0 AND 600", name="months"),
        CheckConstraint("basis IN ('production', 'sale')", name="basis"),
        CheckConstraint("labour_minor >= 0 AND freight_minor >= 0", name="amounts"),
        CheckConstraint("length(currency) = 3", name="currency"),
        Index("ix_rma_supplier_terms_supplier", "supplier_id"),
    )

    model_id: Mapped[int] = mapped_column(ForeignKey("device_models.id"), unique=True)
    supplier_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    months: Mapped[int]
    basis: Mapped[str] = mapped_column(String(16))
    currency: Mapped[str] = mapped_column(String(3))
    with_parts: Mapped[bool]
    labour_minor: Mapped[int] = mapped_column(BigInteger)
    freight_minor: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(128))

    model: Mapped[DeviceModel] = relationship(lazy="joined", innerjoin=True)
    supplier: Mapped[Location] = relationship(lazy="joined", innerjoin=True)


class ClaimMove(Move, Base):
    """A legal move of a claim. The rows are those of `claims.CLAIM`."""

    __tablename__ = "rma_claim_moves"
    __table_args__ = each_once("rma_claim_moves")


class ClaimBatch(Public, Base):
    """Claims that went to a supplier together, in one currency."""

    __tablename__ = "rma_claim_batches"
    __table_args__ = (
        CheckConstraint("length(currency) = 3", name="currency"),
        Index("ix_rma_claim_batches_supplier", "supplier_id", "id"),
    )

    ordinal: Mapped[int] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    supplier_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    currency: Mapped[str] = mapped_column(String(3))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(128))

    supplier: Mapped[Location] = relationship(lazy="joined", innerjoin=True)


class SupplierClaim(Public, Base):
    """What is claimed for one workshop order. What was done later is a further claim's.

    Its state is kept true as a case's is. What was claimed is the sum of its lines and stays;
    what was credited grows by each line of a credit note that names it.
    """

    __tablename__ = "rma_claims"
    __table_args__ = (
        CheckConstraint("event_seq > 0", name="event_seq"),
        CheckConstraint(ended_in(CLAIM, "ended_at"), name="ended"),
        CheckConstraint("length(currency) = 3", name="currency"),
        CheckConstraint("amount_minor > 0 AND credited_minor >= 0", name="amounts"),
        CheckConstraint("state = 'candidate' OR state = 'waived' OR batch_id > 0", name="sent"),
        ForeignKeyConstraint(
            ["id", "event_seq", "state", "held"],
            [
                "rma_claim_events.claim_id",
                "rma_claim_events.seq",
                "rma_claim_events.to_state",
                "rma_claim_events.to_held",
            ],
            name="fk_rma_claims_last_event",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        Index("ix_rma_claims_state", "state", "id"),
        Index("ix_rma_claims_supplier", "supplier_id", "state", "id"),
        Index("ix_rma_claims_batch", "batch_id", "id"),
        Index("ix_rma_claims_device", "device_id"),
        Index("ix_rma_claims_order", "order_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    ordinal: Mapped[int] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("rma_orders.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("rma_claim_batches.id"))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    credited_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(String(32))
    held: Mapped[bool] = mapped_column(default=False)
    event_seq: Mapped[int]
    entered_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    order: Mapped[WorkshopOrder] = relationship()
    device: Mapped[Device] = relationship()
    supplier: Mapped[Location] = relationship()
    batch: Mapped[ClaimBatch | None] = relationship()

    @property
    def position(self) -> Position:
        """Where it is."""
        return Position(self.state, self.held)

    @property
    def place(self) -> Place:
        """Where it is, in words."""
        return PLACES[self.state]

    @property
    def amount(self) -> Money:
        """What was claimed."""
        return Money(self.amount_minor, self.currency)

    @property
    def credited(self) -> Money:
        """What was credited so far."""
        return Money(self.credited_minor, self.currency)

    @property
    def outstanding_minor(self) -> int:
        """What is still to be credited."""
        return max(0, self.amount_minor - self.credited_minor)


class ClaimLine(Base):
    """A part, labour, the box itself or the freight of a claim, as it was worked out. Never changed.

    It names what it is for, and nothing is claimed twice: a part that was used, time that was
    worked, or the order whose box was returned or for which freight is paid.
    """

    __tablename__ = "rma_claim_lines"
    __table_args__ = (
        UniqueConstraint("claim_id", "position"),
        UniqueConstraint("order_part_id"),
        UniqueConstraint("labour_id"),
        UniqueConstraint("order_id", "kind"),
        CheckConstraint(_KINDS, name="kind"),
        CheckConstraint(_SOURCES, name="source"),
        CheckConstraint("quantity > 0 AND amount_minor > 0", name="amounts"),
    )

    claim_id: Mapped[int] = mapped_column(ForeignKey("rma_claims.id"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8))
    what: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[int]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    order_part_id: Mapped[int | None] = mapped_column(ForeignKey("rma_order_parts.id"))
    labour_id: Mapped[int | None] = mapped_column(ForeignKey("rma_labour.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("rma_orders.id"))


class ClaimEvent(Made, Base):
    """A step of a claim."""

    __tablename__ = "rma_claim_events"
    __table_args__ = legal_and_in_order("rma_claim_events", "rma_claim_moves", "claim_id")

    claim_id: Mapped[int] = mapped_column(ForeignKey("rma_claims.id"))


class CreditNote(Public, Base):
    """What a supplier credited, as its note says. Its number is entered once for each supplier."""

    __tablename__ = "rma_credit_notes"
    __table_args__ = (
        UniqueConstraint("supplier_id", "number_key"),
        CheckConstraint("number <> '' AND number_key <> ''", name="number"),
        Index("ix_rma_credit_notes_batch", "batch_id"),
    )

    supplier_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    number: Mapped[str] = mapped_column(String(64))
    number_key: Mapped[str] = mapped_column(String(200))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("rma_claim_batches.id"))
    issued_on: Mapped[date]
    entered_at: Mapped[datetime]
    entered_by: Mapped[str] = mapped_column(String(128))

    supplier: Mapped[Location] = relationship(lazy="joined", innerjoin=True)
    batch: Mapped[ClaimBatch | None] = relationship(lazy="joined")
    lines: Mapped[list[CreditLine]] = relationship(
        order_by="CreditLine.position", back_populates="note"
    )

    @property
    def sums(self) -> list[Money]:
        """What its lines come to, in each of their currencies."""
        found: dict[str, int] = {}
        for line in self.lines:
            found[line.currency] = found.get(line.currency, 0) + line.amount_minor
        return [Money(minor, code) for code, minor in sorted(found.items())]


class CreditLine(Base):
    """One line of a credit note, the claim that it names, and what came of it. Never changed."""

    __tablename__ = "rma_credit_lines"
    __table_args__ = (
        UniqueConstraint("note_id", "position"),
        CheckConstraint("length(currency) = 3", name="currency"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint(_MATCHES, name="match"),
        CheckConstraint("match = 'unknown' OR claim_id IS NOT NULL", name="claim"),
        Index("ix_rma_credit_lines_claim", "claim_id"),
    )

    note_id: Mapped[int] = mapped_column(ForeignKey("rma_credit_notes.id"))
    position: Mapped[int]
    reference: Mapped[str] = mapped_column(String(64))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    match: Mapped[str] = mapped_column(String(16))
    claim_id: Mapped[int | None] = mapped_column(ForeignKey("rma_claims.id"))

    note: Mapped[CreditNote] = relationship(back_populates="lines")
    claim: Mapped[SupplierClaim | None] = relationship(lazy="joined")

    @property
    def amount(self) -> Money:
        """What was credited."""
        return Money(self.amount_minor, self.currency)
