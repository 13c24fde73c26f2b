"""What decisions stand on: comparisons, quotes about a case, the terms of models and of waiting."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.billing.models import Quote
from stb_service.devices.models import DeviceModel
from stb_service.rma.history import Terms
from stb_service.shared.db import Base, Json, Public, new_public_id


class Comparison(Base):
    """Repair and replacement held side by side: what went in, what came out, what was chosen."""

    __tablename__ = "rma_comparisons"
    __table_args__ = (
        CheckConstraint("case_id IS NOT NULL OR order_id IS NOT NULL", name="owner"),
        CheckConstraint("(choice = '') = (chosen_at IS NULL)", name="chosen"),
        Index("ix_rma_comparisons_case", "case_id", "id"),
        Index("ix_rma_comparisons_order", "order_id", "id"),
    )

    public_id: Mapped[str] = mapped_column(String(16), default=new_public_id, unique=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("rma_cases.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("rma_orders.id"))
    form: Mapped[int]
    inputs: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any]]
    offers: Mapped[list[dict[str, Any]]]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(128))
    choice: Mapped[str] = mapped_column(String(16), default="")
    choice_note: Mapped[str] = mapped_column(String(500), default="")
    chosen_at: Mapped[datetime | None]
    chosen_by: Mapped[str] = mapped_column(String(128), default="")


class CaseQuote(Base):
    """A quote about a case: for which remedy, and which faults it has a price for."""

    __tablename__ = "rma_quotes"
    __table_args__ = (
        CheckConstraint("remedy IN ('repair', 'replace', 'accessory')", name="remedy"),
        Index("ix_rma_quotes_case", "case_id", "id"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("rma_cases.id"))
    quote_id: Mapped[int] = mapped_column(ForeignKey("quotes.id"), unique=True)
    remedy: Mapped[str] = mapped_column(String(16))
    faults: Mapped[list[int]] = mapped_column(Json)

    quote: Mapped[Quote] = relationship(lazy="joined", innerjoin=True)


class ModelTerms(Public, Base):
    """What returns of a model of box go by: prices, the threshold, whether a box may go ahead."""

    __tablename__ = "rma_model_terms"
    __table_args__ = (
        CheckConstraint("tau_permille BETWEEN 0 AND 1000", name="tau"),
        CheckConstraint("length(currency) = 3", name="currency"),
        CheckConstraint(
            "new_minor >= 0 AND refurbished_minor >= 0 AND unreturned_minor >= 0"
            " AND damage_minor >= 0 AND handling_minor >= 0"
            " AND labour_minor >= 0 AND tax_ppm BETWEEN 0 AND 1000000",
            name="amounts",
        ),
        CheckConstraint(
            "repaired_life_months >= 0 AND replacement_life_months >= 0", name="months"
        ),
    )

    model_id: Mapped[int] = mapped_column(ForeignKey("device_models.id"), unique=True)
    currency: Mapped[str] = mapped_column(String(3))
    tau_permille: Mapped[int]
    new_minor: Mapped[int] = mapped_column(BigInteger)
    refurbished_minor: Mapped[int] = mapped_column(BigInteger)
    unreturned_minor: Mapped[int] = mapped_column(BigInteger)
    damage_minor: Mapped[int] = mapped_column(BigInteger)
    handling_minor: Mapped[int] = mapped_column(BigInteger)
    labour_minor: Mapped[int] = mapped_column(BigInteger)
    tax_ppm: Mapped[int]
    may_send_ahead: Mapped[bool]
    late_credited: Mapped[bool]
    repaired_life_months: Mapped[int]
    replacement_life_months: Mapped[int]
    supported_until_on: Mapped[date | None]
    new_supported_until_on: Mapped[date | None]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(128))

    model: Mapped[DeviceModel] = relationship(lazy="joined", innerjoin=True)


class ReturnTerms(Public, Base):
    """How many days each wait may take. There is one row; without it, `history.Terms` counts."""

    __tablename__ = "rma_terms"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    request_days: Mapped[int]
    authorised_days: Mapped[int]
    ahead_days: Mapped[int]
    choice_days: Mapped[int]
    payment_days: Mapped[int]
    storage_days: Mapped[int]
    confirm_days: Mapped[int]
    repeat_days: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(128))

    @property
    def as_terms(self) -> Terms:
        """The days as the arithmetic of histories wants them."""
        names = Terms.__dataclass_fields__
        return Terms(**{name: getattr(self, name) for name in names})
