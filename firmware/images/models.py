"""Tables: images, the versions of a model in their order, and which boxes an image fits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from firmware.images.rules import State
from stb_service.shared.db import Base, Public


class Image(Public, Base):
    """One firmware file. Its bytes never change; its SHA-256 names them in the store."""

    __tablename__ = "images"
    __table_args__ = (
        # what `ImageFit` refers to, so that a fit cannot state another version
        UniqueConstraint("id", "version"),
        CheckConstraint("size_bytes > 0", name="not_empty"),
        CheckConstraint(
            "(state = 'available' AND withdrawn_at IS NULL AND withdrawn_reason IS NULL)"
            " OR (state = 'withdrawn' AND withdrawn_at IS NOT NULL"
            " AND withdrawn_reason IS NOT NULL)",
            name="withdrawn_with_reason",
        ),
        Index("ix_images_newest", "uploaded_at", "id"),
    )

    name: Mapped[str] = mapped_column(String(128))
    version: Mapped[str] = mapped_column(String(64), index=True)
    filename: Mapped[str] = mapped_column(String(128))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    sha1: Mapped[str] = mapped_column(String(40))
    md5: Mapped[str] = mapped_column(String(32))
    notes: Mapped[str] = mapped_column(Text)
    uploaded_at: Mapped[datetime]
    uploaded_by: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16), default=State.AVAILABLE.value)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str | None] = mapped_column(String(500))


class ModelVersion(Base):
    """The place of one version in the order of a model's versions.

    The order belongs to the version, not to the image: two revisions of a model may have
    a file each under the same version, and both have the same place.
    """

    __tablename__ = "image_versions"
    __table_args__ = (
        UniqueConstraint("model_code", "version"),
        UniqueConstraint("model_code", "sequence"),
    )

    model_code: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
    sequence: Mapped[int]


class ImageFit(Base):
    """An image is for the boxes of a model, of one revision or (`*`) of every one.

    That `*` does not stand beside a revision with the same version is refused by the
    operation, which holds the row of `ModelVersion` while it looks.
    """

    __tablename__ = "image_fits"
    __table_args__ = (
        UniqueConstraint("model_code", "revision_code", "version"),
        ForeignKeyConstraint(["image_id", "version"], ["images.id", "images.version"]),
        ForeignKeyConstraint(
            ["model_code", "version"], ["image_versions.model_code", "image_versions.version"]
        ),
    )

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), index=True)
    model_code: Mapped[str] = mapped_column(String(64))
    revision_code: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
