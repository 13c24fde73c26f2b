"""Workshop orders, the moves that they may make, and those that they made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.devices.models import Device
from stb_service.parts.models import Location
from stb_service.rma.machine import Phase, Position
from stb_service.rma.models.cases import ReturnCase, ended_in
from stb_service.rma.models.steps import Made, Move, each_once, legal_and_in_order
from stb_service.rma.workshop import ORDER, PLACES
from stb_service.shared.db import Base, Key, Public


class OrderMove(Move, Base):
    """A legal move of a workshop order. The rows are those of `workshop.ORDER`."""

    __tablename__ = "rma_order_moves"
    __table_args__ = each_once("rma_order_moves")


class WorkshopOrder(Public, Base):
    """What happens to one box. One that was admitted from stock belongs to no case.

    Its state is kept true as a case's is. A box has one order at a time that has not ended.
    """

    __tablename__ = "rma_orders"
    __table_args__ = (
        CheckConstraint("event_seq > 0", name="event_seq"),
        CheckConstraint(ended_in(ORDER, "ended_at"), name="ended"),
        UniqueConstraint("case_id"),
        ForeignKeyConstraint(
            ["id", "event_seq", "state", "held"],
            [
                "rma_order_events.order_id",
                "rma_order_events.seq",
                "rma_order_events.to_state",
                "rma_order_events.to_held",
            ],
            name="fk_rma_orders_last_event",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        Index(
            "uq_rma_orders_live_device",
            "device_id",
            unique=True,
            sqlite_where=sql("ended_at IS NULL"),
            postgresql_where=sql("ended_at IS NULL"),
        ),
        Index("ix_rma_orders_device", "device_id", "id"),
        Index("ix_rma_orders_state", "state", "entered_at"),
        Index("ix_rma_orders_location", "location_id", "state"),
        Index("ix_rma_orders_destination", "destination_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    ordinal: Mapped[int] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("rma_cases.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))
    destination_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))
    state: Mapped[str] = mapped_column(String(32))
    held: Mapped[bool] = mapped_column(default=False)
    event_seq: Mapped[int]
    entered_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    technician: Mapped[str] = mapped_column(String(128), default="")
    firmware_before: Mapped[str] = mapped_column(String(128), default="")
    firmware_after: Mapped[str] = mapped_column(String(128), default="")
    grade: Mapped[str] = mapped_column(String(8), default="")

    case: Mapped[ReturnCase | None] = relationship()
    device: Mapped[Device] = relationship()
    location: Mapped[Location | None] = relationship(foreign_keys=[location_id])
    destination: Mapped[Location | None] = relationship(foreign_keys=[destination_id])

    @property
    def position(self) -> Position:
        """Where it is."""
        return Position(self.state, self.held)

    @property
    def phase(self) -> Phase:
        """Which column of the board it stands in."""
        return PLACES[self.state].phase

    @property
    def is_live(self) -> bool:
        """Whether anything can follow."""
        return self.ended_at is None


class OrderEvent(Made, Base):
    """A step of a workshop order. One that the case carried names the case's."""

    __tablename__ = "rma_order_events"
    __table_args__ = legal_and_in_order("rma_order_events", "rma_order_moves", "order_id")

    order_id: Mapped[int] = mapped_column(ForeignKey("rma_orders.id"))
    carried_by: Mapped[int | None] = mapped_column(
        ForeignKey(
            "rma_case_events.id",
            name="fk_rma_order_events_carried_by",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        )
    )
