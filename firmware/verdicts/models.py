"""Tables: runs that were sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from firmware.images.models import Image
from stb_service.shared.db import Base, Json, Public


class LabRun(Public, Base):
    """One run of a scenario or of a test rig, on one image.

    `scenario_digest` tells the scenario with its changes, as the lab counts it; `changes` are what
    was not as in its file. A rig has neither. The same bytes sent again for the same image as the same evidence are one run: a scenario and its
    seed give the same result each night.
    """

    __tablename__ = "lab_runs"
    __table_args__ = (
        CheckConstraint("evidence IN ('emulated', 'real_box')", name="evidence"),
        CheckConstraint("verdict IN ('pass', 'fail')", name="verdict"),
        CheckConstraint("held >= 0 AND expected > 0 AND held <= expected", name="counts"),
        CheckConstraint("(verdict = 'pass') = (held = expected)", name="worked_out"),
        CheckConstraint("times_sent > 0", name="sent"),
        UniqueConstraint("result_sha256", "evidence", "image_id"),
        Index(
            "uq_lab_runs_without_image",
            "result_sha256",
            "evidence",
            unique=True,
            sqlite_where=sql("image_id IS NULL"),
            postgresql_where=sql("image_id IS NULL"),
        ),
        Index("ix_lab_runs_newest", "sent_at", "id"),
    )

    name: Mapped[str] = mapped_column(String(100), index=True)
    title: Mapped[str] = mapped_column(String(200))
    form: Mapped[str] = mapped_column(String(16))
    evidence: Mapped[str] = mapped_column(String(16))
    verdict: Mapped[str] = mapped_column(String(8))
    held: Mapped[int]
    expected: Mapped[int]
    seed: Mapped[int | None] = mapped_column(BigInteger)
    scenario_digest: Mapped[str | None] = mapped_column(String(64))
    changes: Mapped[list[Any]] = mapped_column(Json)
    failing: Mapped[list[Any]] = mapped_column(Json)
    result_sha256: Mapped[str] = mapped_column(String(64))
    report_sha256: Mapped[str | None] = mapped_column(String(64))
    image_id: Mapped[int | None] = mapped_column(ForeignKey("images.id"), index=True)
    sent_at: Mapped[datetime]
    sent_by: Mapped[str] = mapped_column(String(128))
    times_sent: Mapped[int] = mapped_column(default=1)
    last_sent_at: Mapped[datetime]

    image: Mapped[Image | None] = relationship(lazy="joined")
