"""Models of box, their hardware revisions and capabilities."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.shared.db import Base, Public


class DeviceModel(Public, Base):
    """One model of box. `code` is what boxes and images name it by."""

    __tablename__ = "device_models"
    __table_args__ = (
        CheckConstraint("memory_mb IS NULL OR memory_mb > 0", name="memory"),
        CheckConstraint("flash_mb IS NULL OR flash_mb > 0", name="flash"),
        CheckConstraint(
            "end_of_service_on IS NULL OR end_of_sale_on IS NULL"
            " OR end_of_service_on >= end_of_sale_on",
            name="service_outlasts_sale",
        ),
    )

    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    maker: Mapped[str] = mapped_column(String(80))
    memory_mb: Mapped[int | None]
    flash_mb: Mapped[int | None]
    end_of_sale_on: Mapped[date | None]
    end_of_service_on: Mapped[date | None]
    notes: Mapped[str] = mapped_column(String(2000), default="")
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    revisions: Mapped[list[ModelRevision]] = relationship(
        back_populates="model", order_by="ModelRevision.code", cascade="all, delete-orphan"
    )
    capabilities: Mapped[list[ModelCapability]] = relationship(
        order_by="ModelCapability.kind, ModelCapability.name", cascade="all, delete-orphan"
    )


class ModelRevision(Base):
    """One hardware revision of a model."""

    __tablename__ = "model_revisions"
    __table_args__ = (UniqueConstraint("model_id", "code"),)

    model_id: Mapped[int] = mapped_column(ForeignKey("device_models.id"))
    code: Mapped[str] = mapped_column(String(64))
    notes: Mapped[str] = mapped_column(String(500), default="")
    model: Mapped[DeviceModel] = relationship(back_populates="revisions")


class ModelCapability(Base):
    """One codec (with profile and level) or content protection (with its level) of a model."""

    __tablename__ = "model_capabilities"
    __table_args__ = (
        UniqueConstraint("model_id", "kind", "name"),
        CheckConstraint("kind IN ('codec', 'protection')", name="kind"),
        Index("ix_model_capabilities_name", "kind", "name"),
    )

    model_id: Mapped[int] = mapped_column(ForeignKey("device_models.id"))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(String(64), default="")
