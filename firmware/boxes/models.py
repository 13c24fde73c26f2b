"""Boxes as the update service knows them, their tokens and their reports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from firmware.boxes.rules import BoxState
from stb_service.shared.db import Base, Public


class Box(Base):
    """One box. `uid` is its public id in every room; no foreign key leads upward from here.

    `met_from` is the origin (`rules.origin_of`) of the first poll of a box that nobody knew;
    `ddi_at` is when it first spoke DDI with a token, its own or a gateway's.
    """

    __tablename__ = "fw_boxes"
    __table_args__ = (
        CheckConstraint("state IN ('known', 'pending', 'refused', 'retired')", name="state"),
        Index("ix_fw_boxes_code_version", "model_code", "revision_code", "running_version"),
    )

    uid: Mapped[str] = mapped_column(String(16), unique=True)
    serial: Mapped[str | None] = mapped_column(String(64), index=True)
    mac_ethernet: Mapped[str | None] = mapped_column(String(17), index=True)
    mac_wifi: Mapped[str | None] = mapped_column(String(17), index=True)
    alias: Mapped[str | None] = mapped_column(String(256), unique=True)
    model_code: Mapped[str] = mapped_column(String(64), default="")
    revision_code: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[str] = mapped_column(String(16), default=BoxState.KNOWN, index=True)
    created_at: Mapped[datetime]
    met_from: Mapped[str | None] = mapped_column(String(45), index=True)

    running_version: Mapped[str | None] = mapped_column(String(128))
    version_at: Mapped[datetime | None]
    boot_id: Mapped[str | None] = mapped_column(String(128))
    boot_at: Mapped[datetime | None]
    attributes: Mapped[dict[str, str]] = mapped_column(default=dict)
    attributes_at: Mapped[datetime | None]
    attributes_wanted: Mapped[bool] = mapped_column(default=False)
    attributes_asked: Mapped[int] = mapped_column(default=0)

    last_seen_at: Mapped[datetime | None] = mapped_column(index=True)
    ddi_at: Mapped[datetime | None]
    last_wire: Mapped[str | None] = mapped_column(String(16))
    last_address: Mapped[str | None] = mapped_column(String(45))
    bytes_at: Mapped[datetime | None]
    decision_key: Mapped[str | None] = mapped_column(String(64))

    tags: Mapped[list[BoxTag]] = relationship(cascade="all, delete-orphan", order_by="BoxTag.tag")


class BoxTag(Base):
    """A word by which boxes are selected."""

    __tablename__ = "fw_box_tags"
    __table_args__ = (UniqueConstraint("box_id", "tag"), Index("ix_fw_box_tags_tag", "tag"))

    box_id: Mapped[int] = mapped_column(ForeignKey("fw_boxes.id"))
    tag: Mapped[str] = mapped_column(String(64))


class BoxToken(Base):
    """A target token. The former one is accepted until its overlap ends."""

    __tablename__ = "fw_box_tokens"

    box_id: Mapped[int] = mapped_column(ForeignKey("fw_boxes.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    hint: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class GatewayToken(Public, Base):
    """A token that may speak for any box."""

    __tablename__ = "fw_gateway_tokens"

    name: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class BoxReport(Base):
    """One thing a box said about an action, as it said it (cut to 4,000 characters)."""

    __tablename__ = "fw_box_reports"
    __table_args__ = (
        Index("ix_fw_box_reports_box", "box_id", "id"),
        Index("ix_fw_box_reports_action", "action", "id"),
    )

    box_id: Mapped[int] = mapped_column(ForeignKey("fw_boxes.id"))
    at: Mapped[datetime]
    wire: Mapped[str] = mapped_column(String(16))
    action: Mapped[str | None] = mapped_column(String(32))
    execution: Mapped[str | None] = mapped_column(String(32))
    finished: Mapped[str | None] = mapped_column(String(32))
    details: Mapped[str] = mapped_column(Text, default="")
    unread: Mapped[str | None] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text, default="")
