"""The registry's tables: boxes, what they are called, who holds them, what is disputed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.devices.catalogue.models import DeviceModel, ModelCapability, ModelRevision
from stb_service.devices.rules import Status, Tenure
from stb_service.shared.db import Base, Key, Public
from stb_service.staff.models import Organisation
from stb_service.subscribers.models import Account, Site

__all__ = [
    "CustodyEvent",
    "Device",
    "DeviceCapability",
    "DeviceIdentifier",
    "DeviceModel",
    "DeviceTag",
    "Holding",
    "IdentityDispute",
    "ModelCapability",
    "ModelRevision",
]


def Exact(length: int) -> Any:  # noqa: N802 - used like a type
    """Return a text type ordered by code point on both databases, so that a prefix is a range."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def _one_of(column: str, values: type[Status | Tenure]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


class Device(Public, Base):
    """One box. Its `public_id` is the box's uid in every room.

    Serial and MACs repeat the current identifiers, for lists; `device_identifiers` is what
    keeps them unique and remembers former ones. A box that announced itself may lack a
    serial, and has no model where it named an unknown one, until somebody says which it is.
    """

    __tablename__ = "devices"
    __table_args__ = (
        CheckConstraint(_one_of("status", Status), name="status"),
        CheckConstraint(_one_of("tenure", Tenure), name="tenure"),
        Index("ix_devices_status_id", "status", "id"),
        Index("ix_devices_model_id", "model_id", "id"),
        Index("ix_devices_revision_id", "revision_id", "id"),
        Index("ix_devices_batch_id", "batch", "id"),
        Index("ix_devices_serial_id", "serial", "id"),
        Index("ix_devices_changed_id", "changed_at", "id"),
        Index("ix_devices_seller_id", "seller_id", "id"),
        Index("ix_devices_custodian_id", "custodian_id", "id"),
    )

    external_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    maker: Mapped[str] = mapped_column(String(80), default="")
    maker_key: Mapped[str] = mapped_column(String(80), default="")
    serial: Mapped[str] = mapped_column(String(64))
    mac_ethernet: Mapped[str | None] = mapped_column(String(17))
    mac_wifi: Mapped[str | None] = mapped_column(String(17))
    model_id: Mapped[int | None] = mapped_column(ForeignKey("device_models.id"))
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("model_revisions.id"))
    batch: Mapped[str] = mapped_column(String(64), default="")
    made_on: Mapped[date | None]
    shipped_on: Mapped[date | None]
    sold_on: Mapped[date | None]
    activated_on: Mapped[date | None]
    tenure: Mapped[str | None] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16), default=Status.IN_STOCK)
    seller_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    custodian_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    notes: Mapped[str] = mapped_column(String(2000), default="")
    registered_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    model: Mapped[DeviceModel | None] = relationship()
    revision: Mapped[ModelRevision | None] = relationship()
    seller: Mapped[Organisation | None] = relationship(foreign_keys=[seller_id])
    custodian: Mapped[Organisation | None] = relationship(foreign_keys=[custodian_id])
    tags: Mapped[list[DeviceTag]] = relationship(
        order_by="DeviceTag.name", cascade="all, delete-orphan"
    )
    capabilities: Mapped[list[DeviceCapability]] = relationship(
        order_by="DeviceCapability.kind, DeviceCapability.name", cascade="all, delete-orphan"
    )

    @property
    def label(self) -> str:
        """What people call it: its serial, else a MAC, else its uid."""
        return self.serial or self.mac_ethernet or self.mac_wifi or self.public_id

    @property
    def tag_names(self) -> list[str]:
        """Its tags, by name."""
        return sorted(tag.name for tag in self.tags)

    @property
    def model_code(self) -> str:
        """The code of its model, empty where it is not known."""
        return self.model.code if self.model else ""

    @property
    def revision_code(self) -> str:
        """The code of its hardware revision, empty where it is not known."""
        return self.revision.code if self.revision else ""


class DeviceTag(Base):
    """A word by which boxes are gathered."""

    __tablename__ = "device_tags"
    __table_args__ = (
        UniqueConstraint("device_id", "name"),
        Index("ix_device_tags_name_device", "name", "device_id"),
    )

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    name: Mapped[str] = mapped_column(Exact(32))


class DeviceCapability(Base):
    """Where one box differs from its model: it has a capability (or another level), or lacks it."""

    __tablename__ = "device_capabilities"
    __table_args__ = (
        UniqueConstraint("device_id", "kind", "name"),
        CheckConstraint("kind IN ('codec', 'protection')", name="kind"),
        Index("ix_device_capabilities_name", "kind", "name", "is_present"),
    )

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(String(64), default="")
    is_present: Mapped[bool] = mapped_column(default=True)


class DeviceIdentifier(Base):
    """What a box is or was called. Two current boxes never share one: the index sees to it.

    `issuer` is the maker's key for a serial and empty for a MAC. `lookup` holds letters
    and digits only, `lookup_reversed` the same backwards, so that the search box
    finds the last digits that a caller reads out by a range of an index.
    """

    __tablename__ = "device_identifiers"
    __table_args__ = (
        CheckConstraint("kind IN ('serial', 'mac')", name="kind"),
        CheckConstraint("role IN ('', 'ethernet', 'wifi')", name="role"),
        Index(
            "uq_device_identifiers_current",
            "kind",
            "issuer",
            "value",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        Index("ix_device_identifiers_lookup", "lookup"),
        Index("ix_device_identifiers_lookup_reversed", "lookup_reversed"),
        Index("ix_device_identifiers_device", "device_id", "id"),
    )

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    kind: Mapped[str] = mapped_column(String(8))
    role: Mapped[str] = mapped_column(String(8), default="")
    issuer: Mapped[str] = mapped_column(String(80), default="")
    value: Mapped[str] = mapped_column(String(64))
    lookup: Mapped[str] = mapped_column(Exact(64))
    lookup_reversed: Mapped[str] = mapped_column(Exact(64))
    since: Mapped[datetime]
    until: Mapped[datetime | None]

    device: Mapped[Device] = relationship()


class CustodyEvent(Base):
    """Who held a box, from when to when, and why it went there.

    The holder is an organisation, or somebody who is none (a subscriber, a carrier) in words.
    """

    __tablename__ = "custody_events"
    __table_args__ = (
        Index(
            "uq_custody_events_current",
            "device_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        Index("ix_custody_events_device", "device_id", "id"),
    )

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    holder: Mapped[str] = mapped_column(String(128), default="")
    reason: Mapped[str] = mapped_column(String(500), default="")
    actor_label: Mapped[str] = mapped_column(String(128))
    since: Mapped[datetime]
    until: Mapped[datetime | None]

    organisation: Mapped[Organisation | None] = relationship()


class Holding(Public, Base):
    """An account that has a box, from when to when, and how.

    A box is one account's at a time. One that passes from an account to another names the holding
    that it took over, of the same box, which no other can, and begins at the instant it ended.
    """

    __tablename__ = "holdings"
    __table_args__ = (
        CheckConstraint(_one_of("tenure", Tenure), name="tenure"),
        CheckConstraint("until IS NULL OR until >= since", name="span"),
        UniqueConstraint("follows_id"),
        UniqueConstraint("id", "device_id", "until"),
        ForeignKeyConstraint(
            ["follows_id", "device_id", "since"],
            ["holdings.id", "holdings.device_id", "holdings.until"],
        ),
        Index(
            "uq_holdings_current",
            "device_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        Index("ix_holdings_device", "device_id", "id"),
        Index("ix_holdings_account_since", "account_id", "since", "id"),
        Index("ix_holdings_site_id", "site_id"),
    )

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("sites.id"))
    follows_id: Mapped[int | None] = mapped_column(Key)
    tenure: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(500), default="")
    proof: Mapped[str] = mapped_column(String(500), default="")
    ended_reason: Mapped[str] = mapped_column(String(500), default="")
    since: Mapped[datetime]
    until: Mapped[datetime | None]

    device: Mapped[Device] = relationship()
    account: Mapped[Account] = relationship()
    site: Mapped[Site | None] = relationship()


class IdentityDispute(Public, Base):
    """A claim on an identifier that another box holds, listed until somebody looks into it.

    The same claim made again while it is open is the same dispute.
    """

    __tablename__ = "identity_disputes"
    __table_args__ = (
        CheckConstraint("source IN ('form', 'import', 'api', 'box')", name="source"),
        Index(
            "uq_identity_disputes_open",
            "kind",
            "issuer",
            "value",
            "claimant",
            unique=True,
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
        Index("ix_identity_disputes_holder", "holder_id"),
    )

    kind: Mapped[str] = mapped_column(String(8))
    issuer: Mapped[str] = mapped_column(String(80))
    value: Mapped[str] = mapped_column(String(64))
    holder_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    claimant: Mapped[str] = mapped_column(String(128))
    claim: Mapped[dict[str, Any]]
    source: Mapped[str] = mapped_column(String(8))
    place: Mapped[str] = mapped_column(String(200), default="")
    raised_at: Mapped[datetime]
    raised_by: Mapped[str] = mapped_column(String(128))
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None] = mapped_column(String(128))
    settled_note: Mapped[str | None] = mapped_column(String(1000))

    holder: Mapped[Device] = relationship()

    @property
    def is_open(self) -> bool:
        """Whether nobody has settled it yet."""
        return self.settled_at is None
