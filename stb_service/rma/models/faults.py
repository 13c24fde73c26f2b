"""Faults with their verdicts, photographs, and what was asked and stated."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from stb_service.rma.fee import Fee
from stb_service.rma.lists import STATEMENTS
from stb_service.rma.models.cases import ReturnCase
from stb_service.rma.models.orders import WorkshopOrder
from stb_service.rma.verdicts import BILLING_CODES, Confirmed, FaultClass, FaultLine, Verdict
from stb_service.shared.db import Base, Key, new_public_id
from stb_service.warranty.models import WarrantyDecision


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the condition that a column holds one of some words, or nothing."""
    return "{} IN ({})".format(column, ", ".join(f"'{value}'" for value in values))


class Fault(Base):
    """One fault of a box, with its cause and its verdict; both verdicts stay where it was contested.

    Each verdict is that of the last judgement of its round, which it refers to; triggers refuse an
    older one, and DELETE. It belongs to a case, or to the order of a box admitted from stock.
    `found_seq` is how far the order was when it was written down. `hours_on` is what an inspector
    read off the counter of the box, None where that was not to be read.
    """

    __tablename__ = "rma_faults"
    __table_args__ = (
        UniqueConstraint("case_id", "number"),
        UniqueConstraint("order_id", "number"),
        CheckConstraint("(case_id IS NULL) <> (order_id IS NULL)", name="owner"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("reported_by IN ('customer', 'bench')", name="reported_by"),
        CheckConstraint(one_of("confirmed", Confirmed), name="confirmed"),
        CheckConstraint(one_of("fault_class", FaultClass), name="fault_class"),
        CheckConstraint(one_of("second_class", FaultClass), name="second_class"),
        CheckConstraint(one_of("verdict", Verdict), name="verdict"),
        CheckConstraint(one_of("second_verdict", Verdict), name="second_verdict"),
        CheckConstraint("NOT (agreed AND declined)", name="answer"),
        CheckConstraint("hours_on >= 0", name="hours_on"),
        CheckConstraint("second_hours_on >= 0", name="second_hours_on"),
        CheckConstraint("(verdict IS NULL) = (verdict_seq IS NULL)", name="judged"),
        CheckConstraint("(second_verdict IS NULL) = (second_seq IS NULL)", name="judged_again"),
        *(
            ForeignKeyConstraint(
                ["id", seq, verdict],
                [f"rma_judgements.{name}" for name in ("fault_id", "seq", verdict)],
                name=f"fk_rma_faults_{verdict}",
                deferrable=True,
                initially="DEFERRED",
                use_alter=True,
            )
            for seq, verdict in (("verdict_seq", "verdict"), ("second_seq", "second_verdict"))
        ),
        Index("ix_rma_faults_decision", "decision_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    public_id: Mapped[str] = mapped_column(String(16), default=new_public_id, unique=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("rma_cases.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("rma_orders.id"))
    number: Mapped[int]
    component: Mapped[str] = mapped_column(String(32), default="")
    symptom: Mapped[str] = mapped_column(String(500), default="")
    reported_by: Mapped[str] = mapped_column(String(16), default="customer")
    found_seq: Mapped[int | None]
    confirmed: Mapped[str | None] = mapped_column(String(16))
    fault_class: Mapped[str | None] = mapped_column(String(16))
    found_component: Mapped[str | None] = mapped_column(String(32))
    verdict: Mapped[str | None] = mapped_column(String(16))
    verdict_seq: Mapped[int | None]
    note: Mapped[str] = mapped_column(String(1000), default="")
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("warranty_decisions.id"))
    inspector_ref: Mapped[str] = mapped_column(String(64), default="")
    inspector: Mapped[str] = mapped_column(String(128), default="")
    inspected_at: Mapped[datetime | None]
    hours_on: Mapped[int | None]
    disputed: Mapped[bool] = mapped_column(default=False)
    dispute_reason: Mapped[str] = mapped_column(String(1000), default="")
    second_class: Mapped[str | None] = mapped_column(String(16))
    second_component: Mapped[str | None] = mapped_column(String(32))
    second_verdict: Mapped[str | None] = mapped_column(String(16))
    second_seq: Mapped[int | None]
    second_note: Mapped[str] = mapped_column(String(1000), default="")
    second_inspector_ref: Mapped[str] = mapped_column(String(64), default="")
    second_inspector: Mapped[str] = mapped_column(String(128), default="")
    second_at: Mapped[datetime | None]
    second_hours_on: Mapped[int | None]
    agreed: Mapped[bool] = mapped_column(default=False)
    declined: Mapped[bool] = mapped_column(default=False)
    goodwill_by: Mapped[str] = mapped_column(String(128), default="")
    added_at: Mapped[datetime]

    decision: Mapped[WarrantyDecision | None] = relationship()
    judgements: Mapped[list[Judgement]] = relationship(
        primaryjoin=lambda: Fault.id == foreign(Judgement.fault_id),
        order_by=lambda: Judgement.seq,
        viewonly=True,
    )

    @property
    def judges(self) -> frozenset[str]:
        """Who judged it before it was contested, the last of whom is the inspector."""
        former = {row.actor_ref for row in self.judgements if row.verdict is not None}
        return frozenset({*former, self.inspector_ref} - {""})

    @property
    def blamed_component(self) -> str:
        """The component that its cover goes by: named in an inspection, else as it was reported."""
        named = (self.second_component, self.found_component, self.component)
        return next((name for name in named if name is not None), "")

    @property
    def effective_verdict(self) -> Verdict | None:
        """The verdict that counts: the second where there is one."""
        found = self.second_verdict or self.verdict
        return Verdict(found) if found else None

    @property
    def counted_hours(self) -> int | None:
        """What counts of the counter: what was read last, None if it never was."""
        return self.hours_on if self.second_hours_on is None else self.second_hours_on

    @property
    def billing_code(self) -> str | None:
        """Who pays for what is done for it."""
        verdict = self.effective_verdict
        return BILLING_CODES[verdict] if verdict else None

    def as_line(self, photos: int) -> FaultLine:
        """Return it as the arithmetic of verdicts wants it."""
        return FaultLine(
            number=self.number,
            verdict=self.effective_verdict,
            photos=photos,
            judges=self.judges if self.disputed else frozenset(),
            second_inspector=self.second_inspector_ref,
            disputed=self.disputed,
            agreed=self.agreed,
            declined=self.declined,
        )


class Judgement(Base):
    """A verdict on a fault that somebody pronounced: the first or the second. Triggers refuse UPDATE
    and DELETE.
    """

    __tablename__ = "rma_judgements"
    __table_args__ = (
        UniqueConstraint("fault_id", "seq"),
        UniqueConstraint("fault_id", "seq", "verdict", name="uq_rma_judgements_verdict"),
        UniqueConstraint("fault_id", "seq", "second_verdict", name="uq_rma_judgements_second"),
        CheckConstraint("seq > 0", name="seq"),
        CheckConstraint("(verdict IS NULL) <> (second_verdict IS NULL)", name="one"),
        CheckConstraint(one_of("verdict", Verdict), name="verdict"),
        CheckConstraint(one_of("second_verdict", Verdict), name="second_verdict"),
    )

    fault_id: Mapped[int] = mapped_column(ForeignKey("rma_faults.id"))
    seq: Mapped[int]
    verdict: Mapped[str | None] = mapped_column(String(16))
    second_verdict: Mapped[str | None] = mapped_column(String(16))
    at: Mapped[datetime]
    actor_ref: Mapped[str] = mapped_column(String(64))
    actor_label: Mapped[str] = mapped_column(String(128))


class CasePhoto(Base):
    """A photograph of a box or of one of its faults; the file lies in the store by its digest."""

    __tablename__ = "rma_photos"
    __table_args__ = (
        CheckConstraint("media_type IN ('image/jpeg', 'image/png', 'image/webp')", name="type"),
        CheckConstraint("(case_id IS NULL) <> (order_id IS NULL)", name="owner"),
        Index("ix_rma_photos_case", "case_id", "id"),
        Index("ix_rma_photos_order", "order_id", "id"),
        Index("ix_rma_photos_fault", "fault_id"),
        Index("ix_rma_photos_sha256", "sha256"),
    )

    public_id: Mapped[str] = mapped_column(String(16), default=new_public_id, unique=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("rma_cases.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("rma_orders.id"))
    fault_id: Mapped[int | None] = mapped_column(ForeignKey("rma_faults.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(32))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(String(500), default="")
    taken_by: Mapped[str] = mapped_column(String(128))
    taken_at: Mapped[datetime]

    fault: Mapped[Fault | None] = relationship()


class Precheck(Base):
    """One of the checks that might have prevented the return, and what came of it."""

    __tablename__ = "rma_prechecks"
    __table_args__ = (
        UniqueConstraint("case_id", "code"),
        CheckConstraint("answer IN ('done', 'tried', 'not_possible', 'refused')", name="answer"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("rma_cases.id"))
    code: Mapped[str] = mapped_column(String(32))
    finding: Mapped[str] = mapped_column(String(500), default="")
    answer: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(500), default="")
    by: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime]


class Statement(Base):
    """What somebody states of a case or of an order. Triggers refuse UPDATE and DELETE, but for the
    words: they are emptied when their person is erased.

    The last one of a kind counts, and it may take the former back (`stands` is false). `seq` is
    how far the case or the order was. A fee that was agreed is kept as it was at that moment: its
    amount is without tax. `method`, `photo` and `lab_run` are of a wiping: how it was done, and what
    shows it.
    """

    __tablename__ = "rma_statements"
    __table_args__ = (
        CheckConstraint("(case_id IS NULL) <> (order_id IS NULL)", name="owner"),
        CheckConstraint(one_of("kind", STATEMENTS), name="kind"),
        CheckConstraint(
            "(fee_currency IS NULL) = (fee_tax_ppm IS NULL)"
            " AND (fee_currency IS NULL) = (late_credited IS NULL)"
            " AND (fee_currency IS NULL OR (kind = 'fee_agreed' AND amount_minor > 0))",
            name="fee",
        ),
        Index("ix_rma_statements_case", "case_id", "kind", "id"),
        Index("ix_rma_statements_order", "order_id", "kind", "id"),
    )

    case_id: Mapped[int | None] = mapped_column(ForeignKey("rma_cases.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("rma_orders.id"))
    kind: Mapped[str] = mapped_column(String(32))
    stands: Mapped[bool] = mapped_column(default=True)
    note: Mapped[str] = mapped_column(String(500), default="")
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    method: Mapped[str] = mapped_column(String(32), default="")
    photo: Mapped[str | None] = mapped_column(String(16))
    lab_run: Mapped[str | None] = mapped_column(String(16))
    fee_currency: Mapped[str | None] = mapped_column(String(3))
    fee_tax_ppm: Mapped[int | None]
    late_credited: Mapped[bool | None]
    seq: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(128))

    case: Mapped[ReturnCase | None] = relationship()
    order: Mapped[WorkshopOrder | None] = relationship()

    @property
    def fee(self) -> Fee | None:
        """The fee that was agreed, as it was then."""
        if self.amount_minor is None or self.fee_currency is None or self.fee_tax_ppm is None:
            return None
        late = bool(self.late_credited)
        return Fee(self.amount_minor, self.fee_tax_ppm, self.fee_currency, late)
