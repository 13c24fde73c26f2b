"""Cases, the moves that they may make, and those that they made."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stb_service.devices.models import Device
from stb_service.rma.cases import CASE, PLACES, CaseState
from stb_service.rma.facts import Remedy
from stb_service.rma.lists import Channel
from stb_service.rma.machine import Machine, Phase, Position
from stb_service.rma.models.steps import Made, Move, each_once, legal_and_in_order
from stb_service.shared.db import Base, Key, Public
from stb_service.staff.models import Organisation
from stb_service.subscribers.models import Account, Site, Subscriber


def ended_in(machine: Machine, column: str) -> str:
    """Return the condition that the instant of the end stands beside final states, and only there."""
    states = ", ".join(f"'{state}'" for state in sorted(machine.final_states))
    return f"({column} IS NOT NULL) = (state IN ({states}))"


OPEN = f"closed_at IS NULL AND state <> '{CaseState.COMPLETED}'"
"""The condition that something is still to be done in a case, but for its end."""


class CaseMove(Move, Base):
    """A legal move of a case. The rows are those of `cases.CASE`."""

    __tablename__ = "rma_case_moves"
    __table_args__ = each_once("rma_case_moves")


class ReturnCase(Public, Base):
    """The promise to a customer about one box.

    `state` and `held` are where the last event led to: a reference that is checked when the unit
    of work ends says so, and a trigger keeps a case from showing an event before the last. A box
    has one case at a time that is open: one that is completed waits for its customer's word alone,
    and stands beside the next. `handler` took the case on: it is theirs to see.
    `due_at` is when the time of the present state is over; None where nothing runs out.
    """

    __tablename__ = "rma_cases"
    __table_args__ = (
        CheckConstraint(
            "remedy IN ({})".format(", ".join(f"'{remedy}'" for remedy in Remedy)), name="remedy"
        ),
        CheckConstraint(
            "channel IN ({})".format(", ".join(f"'{channel}'" for channel in Channel)),
            name="channel",
        ),
        CheckConstraint("event_seq > 0", name="event_seq"),
        CheckConstraint(ended_in(CASE, "closed_at"), name="closed"),
        CheckConstraint("length(currency) = 3", name="currency"),
        ForeignKeyConstraint(
            ["id", "event_seq", "state", "held"],
            [
                "rma_case_events.case_id",
                "rma_case_events.seq",
                "rma_case_events.to_state",
                "rma_case_events.to_held",
            ],
            name="fk_rma_cases_last_event",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        Index(
            "uq_rma_cases_live_device",
            "device_id",
            unique=True,
            sqlite_where=sql(OPEN),
            postgresql_where=sql(OPEN),
        ),
        Index("ix_rma_cases_device", "device_id", "id"),
        Index("ix_rma_cases_state", "state", "entered_at"),
        Index("ix_rma_cases_account", "account_id", "id"),
        Index("ix_rma_cases_handler", "handler_id", "id"),
        Index("ix_rma_cases_person", "person_id"),
        Index("ix_rma_cases_previous", "previous_id"),
        Index(
            "ix_rma_cases_due",
            "due_at",
            "id",
            sqlite_where=sql("due_at IS NOT NULL"),
            postgresql_where=sql("due_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    ordinal: Mapped[int] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    external_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("subscribers.id"))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("sites.id"))
    handler_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    remedy: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(16))
    tenure: Mapped[str | None] = mapped_column(String(16))
    reported_on: Mapped[date]
    complaint: Mapped[str] = mapped_column(String(2000), default="")
    language: Mapped[str | None] = mapped_column(String(16))
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("rma_cases.id"))
    state: Mapped[str] = mapped_column(String(32))
    held: Mapped[bool] = mapped_column(default=False)
    event_seq: Mapped[int]
    entered_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    currency: Mapped[str] = mapped_column(String(3))
    opened_at: Mapped[datetime]
    opened_by: Mapped[str] = mapped_column(String(128))
    changed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    device: Mapped[Device] = relationship()
    account: Mapped[Account | None] = relationship()
    person: Mapped[Subscriber | None] = relationship()
    site: Mapped[Site | None] = relationship()
    handler: Mapped[Organisation] = relationship()
    previous: Mapped[ReturnCase | None] = relationship(remote_side="ReturnCase.id")

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
        return self.closed_at is None

    @property
    def is_rented(self) -> bool:
        """Whether the box was the operator's when the case was opened."""
        return self.tenure in {"rented", "on_loan"}


class CaseEvent(Made, Base):
    """A step of a case. One that the order carried names the order's."""

    __tablename__ = "rma_case_events"
    __table_args__ = legal_and_in_order("rma_case_events", "rma_case_moves", "case_id")

    case_id: Mapped[int] = mapped_column(ForeignKey("rma_cases.id"))
    carried_by: Mapped[int | None] = mapped_column(
        ForeignKey(
            "rma_order_events.id",
            name="fk_rma_case_events_carried_by",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        )
    )
