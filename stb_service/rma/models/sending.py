"""What comes and goes: parcels, boxes given in exchange, accessories."""

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
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.devices.models import Device
from stb_service.parts.models import Part, Reservation
from stb_service.shared.db import Base, Key, Public

EXCHANGE_MOVES = (
    ("new", "allocated"),
    ("allocated", "released"),
    ("allocated", "given"),
    ("given", "returned"),
    ("given", "lost"),
)
"""What may become of a box that is given for another."""
_LIVE = "state IN ('allocated', 'given')"


class Parcel(Public, Base):
    """A parcel to us, to the customer, or to the supplier and back; None of `ending`: on its way."""

    __tablename__ = "rma_parcels"
    __table_args__ = (
        CheckConstraint("direction IN ('in', 'out', 'supplier', 'stray')", name="direction"),
        CheckConstraint("content IN ('own', 'spare', 'accessory', 'stray')", name="content"),
        CheckConstraint(
            "ending IN ('delivered', 'lost', 'refused', 'bounced', 'found')", name="ending"
        ),
        CheckConstraint("(ending IS NULL) = (ended_at IS NULL)", name="ended"),
        Index("ix_rma_parcels_case", "case_id", "id"),
        Index("ix_rma_parcels_order", "order_id", "id"),
        Index("ix_rma_parcels_tracking", "tracking"),
    )

    case_id: Mapped[int | None] = mapped_column(ForeignKey("rma_cases.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("rma_orders.id"))
    direction: Mapped[str] = mapped_column(String(8))
    content: Mapped[str] = mapped_column(String(16))
    carrier: Mapped[str] = mapped_column(String(64), default="")
    tracking: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[datetime]
    ending: Mapped[str | None] = mapped_column(String(16))
    ended_at: Mapped[datetime | None]


class Exchange(Public, Base):
    """A box that is given for another. A spare is in one exchange at a time, and a case has one.
    Its state is where its last event led to.

    `provision_key` names the effect that tells provisioning. It is over for the customer once
    provisioning is acknowledged and what was pinned to the old box is released.
    """

    __tablename__ = "rma_exchanges"
    __table_args__ = (
        CheckConstraint(
            "state IN ('allocated', 'released', 'given', 'returned', 'lost')", name="state"
        ),
        UniqueConstraint("provision_key"),
        ForeignKeyConstraint(
            ["id", "event_seq", "state"],
            [f"rma_exchange_events.{name}" for name in ("exchange_id", "seq", "to_state")],
            name="fk_rma_exchanges_last_event",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        Index(
            "uq_rma_exchanges_spare",
            "device_id",
            unique=True,
            sqlite_where=sql("state = 'allocated'"),
            postgresql_where=sql("state = 'allocated'"),
        ),
        Index(
            "uq_rma_exchanges_case",
            "case_id",
            unique=True,
            sqlite_where=sql(_LIVE),
            postgresql_where=sql(_LIVE),
        ),
        Index("ix_rma_exchanges_device", "device_id", "id"),
        Index("ix_rma_exchanges_replaced", "replaced_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("rma_cases.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    replaced_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))
    condition: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    event_seq: Mapped[int] = mapped_column(default=0)
    provision_key: Mapped[str] = mapped_column(String(64))
    allocated_at: Mapped[datetime]
    allocated_by: Mapped[str] = mapped_column(String(128))
    given_at: Mapped[datetime | None]
    provisioned_at: Mapped[datetime | None]
    provisioned_by: Mapped[str] = mapped_column(String(128), default="")
    pins_released_at: Mapped[datetime | None]
    pins_released_by: Mapped[str] = mapped_column(String(128), default="")
    ended_at: Mapped[datetime | None]

    device: Mapped[Device] = relationship(foreign_keys=[device_id])
    replaced: Mapped[Device] = relationship(foreign_keys=[replaced_id])


class ExchangeEvent(Base):
    """What became of a box that is given for another: a legal move, beginning where the one before
    it ended. Triggers refuse UPDATE and DELETE.
    """

    __tablename__ = "rma_exchange_events"
    __table_args__ = (
        UniqueConstraint("exchange_id", "seq"),
        UniqueConstraint("exchange_id", "seq", "to_state", name="uq_rma_exchange_events_end"),
        CheckConstraint(
            "from_state || '>' || to_state IN ({})".format(
                ", ".join(f"'{start}>{end}'" for start, end in EXCHANGE_MOVES)
            ),
            name="move",
        ),
        CheckConstraint("(seq = 1) = (from_state = 'new')", name="begins"),
        CheckConstraint("seq > 0 AND coalesce(predecessor_seq, 0) = seq - 1", name="follows"),
        ForeignKeyConstraint(
            ["exchange_id", "predecessor_seq", "from_state"],
            [f"rma_exchange_events.{name}" for name in ("exchange_id", "seq", "to_state")],
            name="fk_rma_exchange_events_predecessor",
        ),
    )

    exchange_id: Mapped[int] = mapped_column(ForeignKey("rma_exchanges.id"))
    seq: Mapped[int]
    predecessor_seq: Mapped[int | None]
    from_state: Mapped[str] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    actor_ref: Mapped[str] = mapped_column(String(64))
    actor_label: Mapped[str] = mapped_column(String(128))


class Accessory(Base):
    """An accessory that is held back for a case, and then sent."""

    __tablename__ = "rma_accessories"
    __table_args__ = (
        CheckConstraint("quantity BETWEEN 1 AND 100", name="quantity"),
        UniqueConstraint("reservation_id"),
        Index("ix_rma_accessories_case", "case_id", "id"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("rma_cases.id"))
    part_id: Mapped[int] = mapped_column(ForeignKey("parts.id"))
    quantity: Mapped[int]
    reservation_id: Mapped[int] = mapped_column(ForeignKey("reservations.id"))
    reserved_at: Mapped[datetime]
    reserved_by: Mapped[str] = mapped_column(String(128))

    part: Mapped[Part] = relationship(lazy="joined", innerjoin=True)
    reservation: Mapped[Reservation] = relationship(lazy="joined", innerjoin=True)
