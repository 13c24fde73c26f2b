"""Tables: runs that were sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from firmware.images.models import Image
from stb_service.shared.db import Base, Json, Public


class LabRun(Public, Base):
    """One run of a scenario or of a test rig. The same bytes sent twice are one run."""

    __tablename__ = "lab_runs"
    __table_args__ = (
        CheckConstraint("evidence IN ('emulated', 'real_box')", name="evidence"),
        CheckConstraint("verdict IN ('pass', 'fail')", name="verdict"),
        CheckConstraint("held >= 0 AND expected > 0 AND held <= expected", name="counts"),
        CheckConstraint("(verdict = 'pass') = (held = expected)", name="worked_out"),
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
    failing: Mapped[list[Any]] = mapped_column(Json)
    result_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    report_sha256: Mapped[str | None] = mapped_column(String(64))
    image_id: Mapped[int | None] = mapped_column(ForeignKey("images.id"), index=True)
    sent_at: Mapped[datetime]
    sent_by: Mapped[str] = mapped_column(String(128))

    image: Mapped[Image | None] = relationship(lazy="joined")
