"""What is done to a box on the bench: checks, parts, labour, components, tests."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.parts.models import Part, Reservation
from stb_service.rma.models.orders import WorkshopOrder
from stb_service.shared.db import Base, new_public_id

_CODE = "billing_code IN ('warranty', 'goodwill', 'contract', 'billable', 'supplier', 'own')"


class InspectionCheck(Base):
    """One point of the checklist, as it was found in one round of inspection."""

    __tablename__ = "rma_checks"
    __table_args__ = (
        UniqueConstraint("order_id", "round", "code"),
        CheckConstraint("result IN ('pass', 'fail', 'not_applicable')", name="result"),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("rma_orders.id"))
    round: Mapped[int]
    code: Mapped[str] = mapped_column(String(32))
    result: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(500), default="")
    by: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime]


class OrderPart(Base):
    """A part that a repair needs: planned, reserved, and then used or let go."""

    __tablename__ = "rma_order_parts"
    __table_args__ = (
        CheckConstraint("quantity BETWEEN 1 AND 1000", name="quantity"),
        CheckConstraint("used BETWEEN 0 AND quantity", name="used"),
        CheckConstraint(_CODE, name="billing_code"),
        UniqueConstraint("reservation_id"),
        Index("ix_rma_order_parts_order", "order_id", "id"),
        Index("ix_rma_order_parts_part", "part_id"),
    )

    public_id: Mapped[str] = mapped_column(String(16), default=new_public_id, unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("rma_orders.id"))
    part_id: Mapped[int] = mapped_column(ForeignKey("parts.id"))
    quantity: Mapped[int]
    condition: Mapped[str] = mapped_column(String(16))
    fault_number: Mapped[int | None]
    billing_code: Mapped[str] = mapped_column(String(16))
    code_reason: Mapped[str] = mapped_column(String(500), default="")
    reservation_id: Mapped[int | None] = mapped_column(ForeignKey("reservations.id"))
    used: Mapped[int] = mapped_column(default=0)
    dropped_at: Mapped[datetime | None]
    planned_at: Mapped[datetime]
    planned_by: Mapped[str] = mapped_column(String(128))

    part: Mapped[Part] = relationship(lazy="joined", innerjoin=True)
    reservation: Mapped[Reservation | None] = relationship(lazy="joined")


class Labour(Base):
    """Time that was worked on a box, and who pays for it."""

    __tablename__ = "rma_labour"
    __table_args__ = (
        CheckConstraint("minutes BETWEEN 1 AND 6000", name="minutes"),
        CheckConstraint("rate_minor >= 0 AND length(currency) = 3", name="rate"),
        CheckConstraint(_CODE, name="billing_code"),
        Index("ix_rma_labour_order", "order_id", "id"),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("rma_orders.id"))
    what: Mapped[str] = mapped_column(String(200))
    minutes: Mapped[int]
    rate_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    fault_number: Mapped[int | None]
    billing_code: Mapped[str] = mapped_column(String(16))
    code_reason: Mapped[str] = mapped_column(String(500), default="")
    by: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime]


class ComponentSwap(Base):
    """A component that was exchanged, with the serials of the old and the new one."""

    __tablename__ = "rma_components"
    __table_args__ = (
        CheckConstraint("component <> '' AND new_serial <> ''", name="named"),
        Index("ix_rma_components_order", "order_id", "id"),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("rma_orders.id"))
    component: Mapped[str] = mapped_column(String(32))
    old_serial: Mapped[str] = mapped_column(String(64), default="")
    new_serial: Mapped[str] = mapped_column(String(64))
    fault_number: Mapped[int | None]
    by: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime]

    order: Mapped[WorkshopOrder] = relationship()


class BoxTest(Base):
    """What a test of a box came to; `order_seq` is how far the order was. A run of the lab may
    stand behind it.
    """

    __tablename__ = "rma_tests"
    __table_args__ = (Index("ix_rma_tests_order", "order_id", "id"),)

    public_id: Mapped[str] = mapped_column(String(16), default=new_public_id, unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("rma_orders.id"))
    order_seq: Mapped[int]
    passed: Mapped[bool]
    note: Mapped[str] = mapped_column(String(500), default="")
    lab_run: Mapped[str | None] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime]
