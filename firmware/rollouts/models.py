"""Rollouts, their waves, the boxes in them, and everything that happened to either."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from firmware.boxes.models import Box
from firmware.images.models import Image
from firmware.rollouts.rules import (
    IN_FLIGHT,
    MemberState,
    Reason,
    RolloutKind,
    RolloutState,
    Timing,
)
from firmware.rollouts.safety import Limits
from stb_service.shared.db import Base, Public

_in_flight = "state IN ({})".format(", ".join(f"'{state}'" for state in sorted(IN_FLIGHT)))


class RolloutMove(Base):
    """A legal move of a rollout. The rows are those of `rules.ROLLOUT_MOVES`."""

    __tablename__ = "fw_rollout_moves"
    __table_args__ = (UniqueConstraint("from_state", "to_state"),)

    from_state: Mapped[str] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))


class Rollout(Public, Base):
    """One image on its way to a selection of boxes."""

    __tablename__ = "fw_rollouts"
    __table_args__ = (
        CheckConstraint("kind IN ('update', 'recall')", name="kind"),
        CheckConstraint("cap > 0", name="cap"),
    )

    name: Mapped[str] = mapped_column(String(128), unique=True)
    kind: Mapped[str] = mapped_column(String(16), default=RolloutKind.UPDATE)
    state: Mapped[str] = mapped_column(String(16), default=RolloutState.DRAFT, index=True)
    event_seq: Mapped[int] = mapped_column(default=0)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), index=True)
    recalled_image_id: Mapped[int | None] = mapped_column(ForeignKey("images.id"))
    selection: Mapped[dict[str, Any]]
    friendly: Mapped[list[str]]
    salt: Mapped[str] = mapped_column(String(32))
    cap: Mapped[int]
    offer_s: Mapped[int]
    silence_s: Mapped[int]
    install_s: Mapped[int]
    grace_s: Mapped[int]
    seen_within_days: Mapped[int]
    wave_open: Mapped[int] = mapped_column(default=-1)
    reason_code: Mapped[str] = mapped_column(String(32), default="")
    reason_values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    counted_from: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(128))
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    image: Mapped[Image] = relationship(foreign_keys=[image_id], lazy="joined")
    recalled_image: Mapped[Image | None] = relationship(
        foreign_keys=[recalled_image_id], lazy="joined"
    )
    waves: Mapped[list[Wave]] = relationship(cascade="all, delete-orphan", order_by="Wave.number")

    @property
    def timing(self) -> Timing:
        """How long this rollout waits for a box."""
        return Timing(
            offer=timedelta(seconds=self.offer_s),
            silence=timedelta(seconds=self.silence_s),
            install=timedelta(seconds=self.install_s),
            grace=timedelta(seconds=self.grace_s),
            seen_within=timedelta(days=self.seen_within_days),
        )

    @property
    def shares_permille(self) -> list[int]:
        """The cumulative shares of the waves from 1 on."""
        return [wave.share_permille for wave in self.waves if wave.number > 0]

    @property
    def reason(self) -> Reason:
        """Why the rollout is in its state."""
        return Reason(self.reason_code, self.reason_values)


class Wave(Base):
    """One wave: its share and the limits that let it go on or halt it."""

    __tablename__ = "fw_waves"
    __table_args__ = (
        UniqueConstraint("rollout_id", "number"),
        CheckConstraint("share_permille BETWEEN 0 AND 1000", name="share"),
    )

    rollout_id: Mapped[int] = mapped_column(ForeignKey("fw_rollouts.id"))
    number: Mapped[int]
    share_permille: Mapped[int]
    soak_s: Mapped[int]
    success_permille: Mapped[int]
    failure_permille: Mapped[int]
    failure_count: Mapped[int]
    suspect_permille: Mapped[int]
    suspect_count: Mapped[int]
    min_decided: Mapped[int | None]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    @property
    def limits(self) -> Limits:
        """The limits as the arithmetic wants them."""
        return Limits(
            soak=timedelta(seconds=self.soak_s),
            success_permille=self.success_permille,
            failure_permille=self.failure_permille,
            failure_count=self.failure_count,
            suspect_permille=self.suspect_permille,
            suspect_count=self.suspect_count,
            min_decided=self.min_decided,
        )


class RolloutEvent(Base):
    """A move of a rollout: legal, and beginning where the move before it ended.

    Both are enforced by the database: (from, to) refers to a legal move, and (rollout, previous
    number, from) to the (rollout, number, to) of the event before.
    """

    __tablename__ = "fw_rollout_events"
    __table_args__ = (
        UniqueConstraint("rollout_id", "seq"),
        UniqueConstraint("rollout_id", "seq", "to_state"),
        CheckConstraint("previous_seq = seq - 1", name="follows"),
        CheckConstraint(
            "(seq = 1 AND from_state = 'draft') OR (seq > 1 AND predecessor_seq IS NOT NULL)",
            name="begins",
        ),
        CheckConstraint(
            "predecessor_seq IS NULL OR predecessor_seq = previous_seq", name="predecessor"
        ),
        ForeignKeyConstraint(
            ["from_state", "to_state"], ["fw_rollout_moves.from_state", "fw_rollout_moves.to_state"]
        ),
        ForeignKeyConstraint(
            ["rollout_id", "predecessor_seq", "from_state"],
            [
                "fw_rollout_events.rollout_id",
                "fw_rollout_events.seq",
                "fw_rollout_events.to_state",
            ],
            name="fk_fw_rollout_events_predecessor",
        ),
    )

    rollout_id: Mapped[int] = mapped_column(ForeignKey("fw_rollouts.id"))
    seq: Mapped[int]
    previous_seq: Mapped[int]
    predecessor_seq: Mapped[int | None]
    from_state: Mapped[str] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    actor_label: Mapped[str] = mapped_column(String(128))
    reason_code: Mapped[str] = mapped_column(String(32))
    reason_values: Mapped[dict[str, Any]]

    @property
    def reason(self) -> Reason:
        """Why it moved."""
        return Reason(self.reason_code, self.reason_values)


class Member(Base):
    """One box in one rollout. A box has at most one update in flight, whatever the rollouts.

    `touched_at` is when it first took bytes or reported, in any try; what belongs to one try
    (`offered_at`, `fetched_at`, `reported_at`) begins anew with each. `suspected` counts how often
    it fell silent since it was planned or a retry was asked for.
    """

    __tablename__ = "fw_members"
    __table_args__ = (
        UniqueConstraint("rollout_id", "box_id"),
        Index(
            "uq_fw_members_in_flight",
            "box_id",
            unique=True,
            sqlite_where=text(_in_flight),
            postgresql_where=text(_in_flight),
        ),
        Index("ix_fw_members_state", "rollout_id", "state", "wave"),
        Index("ix_fw_members_box", "box_id"),
    )

    rollout_id: Mapped[int] = mapped_column(ForeignKey("fw_rollouts.id"))
    box_id: Mapped[int] = mapped_column(ForeignKey("fw_boxes.id"))
    model_code: Mapped[str] = mapped_column(String(64))
    revision_code: Mapped[str] = mapped_column(String(64))
    wave: Mapped[int]
    place: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), default=MemberState.WAITING)
    state_at: Mapped[datetime]
    reason_code: Mapped[str] = mapped_column(String(32))
    reason_values: Mapped[dict[str, Any]]
    action: Mapped[int | None] = mapped_column(Integer, index=True)
    wire: Mapped[str | None] = mapped_column(String(16))
    former_version: Mapped[str | None] = mapped_column(String(128))
    boot_before: Mapped[str | None] = mapped_column(String(128))
    offered_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
    attempted_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    contact_at: Mapped[datetime | None]
    touched_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    suspected: Mapped[int] = mapped_column(default=0)

    rollout: Mapped[Rollout] = relationship(lazy="joined", innerjoin=True)
    box: Mapped[Box] = relationship(lazy="joined", innerjoin=True)

    @property
    def reason(self) -> Reason:
        """Why the box is in its state."""
        return Reason(self.reason_code, self.reason_values)


class Attempt(Base):
    """One offer to one box. Its id is the action id on the wire: a decimal, never reused."""

    __tablename__ = "fw_attempts"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("fw_members.id"), index=True)
    offered_at: Mapped[datetime]


class MemberEvent(Base):
    """A move of a box in a rollout."""

    __tablename__ = "fw_member_events"
    __table_args__ = (Index("ix_fw_member_events_member", "member_id", "id"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("fw_members.id"))
    at: Mapped[datetime]
    from_state: Mapped[str] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))
    action: Mapped[int | None] = mapped_column(Integer)
    reason_code: Mapped[str] = mapped_column(String(32))
    reason_values: Mapped[dict[str, Any]]

    @property
    def reason(self) -> Reason:
        """Why it moved."""
        return Reason(self.reason_code, self.reason_values)


class DecisionRecord(Base):
    """What a box was told, and why, from this moment on until the next row."""

    __tablename__ = "fw_decisions"
    __table_args__ = (Index("ix_fw_decisions_box", "box_id", "at"),)

    box_id: Mapped[int] = mapped_column(ForeignKey("fw_boxes.id"))
    at: Mapped[datetime] = mapped_column(index=True)
    wire: Mapped[str] = mapped_column(String(16))
    rollout: Mapped[str | None] = mapped_column(String(128))
    reason_code: Mapped[str] = mapped_column(String(32))
    reason_values: Mapped[dict[str, Any]]

    @property
    def reason(self) -> Reason:
        """Why it was decided so."""
        return Reason(self.reason_code, self.reason_values)
