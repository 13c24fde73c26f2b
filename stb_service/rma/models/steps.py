"""What the rows of every machine have in common: its legal moves, and the steps that were made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.schema import SchemaItem

from stb_service.rma.history import Happened
from stb_service.rma.machine import Position

MOVE = ("from_state", "from_held", "event", "to_state", "to_held")


class Move:
    """A legal move. The rows are those of the machine's table."""

    from_state: Mapped[str] = mapped_column(String(32))
    from_held: Mapped[bool]
    event: Mapped[str] = mapped_column(String(32))
    to_state: Mapped[str] = mapped_column(String(32))
    to_held: Mapped[bool]


def each_once(moves: str) -> tuple[SchemaItem, ...]:
    """Return what a table of legal moves promises."""
    return (UniqueConstraint(*MOVE, name=f"uq_{moves}_move"),)


class Made(Move):
    """A step that was made: legal, and beginning where the step before it ended.

    Both are enforced by the database, as for rollouts; triggers refuse UPDATE and DELETE.
    `stated` is what whoever made it said with it.
    """

    seq: Mapped[int]
    previous_seq: Mapped[int]
    predecessor_seq: Mapped[int | None]
    at: Mapped[datetime]
    actor_ref: Mapped[str] = mapped_column(String(64))
    actor_label: Mapped[str] = mapped_column(String(128))
    reason: Mapped[str] = mapped_column(String(1000), default="")
    stated: Mapped[dict[str, Any]]

    @property
    def happened(self) -> Happened:
        """The step as the arithmetic of histories wants it."""
        start = Position(self.from_state, self.from_held)
        return Happened(self.event, start, Position(self.to_state, self.to_held), self.at)


def legal_and_in_order(events: str, moves: str, owner: str) -> tuple[SchemaItem, ...]:
    """Return what a table of steps promises: each is one of the `moves`, and begins where the step of
    the same `owner` (a column) before it ended.
    """
    end = ("to_state", "to_held")
    return (
        UniqueConstraint(owner, "seq"),
        UniqueConstraint(owner, "seq", *end, name=f"uq_{events}_end"),
        CheckConstraint("previous_seq = seq - 1", name="follows"),
        CheckConstraint(
            "(seq = 1 AND from_state = 'new' AND NOT from_held)"
            " OR (seq > 1 AND predecessor_seq IS NOT NULL)",
            name="begins",
        ),
        CheckConstraint(
            "predecessor_seq IS NULL OR predecessor_seq = previous_seq", name="predecessor"
        ),
        ForeignKeyConstraint(MOVE, [f"{moves}.{name}" for name in MOVE], name=f"fk_{events}_move"),
        ForeignKeyConstraint(
            [owner, "predecessor_seq", "from_state", "from_held"],
            [f"{events}.{name}" for name in (owner, "seq", *end)],
            name=f"fk_{events}_predecessor",
        ),
    )
