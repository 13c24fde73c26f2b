"""The operator of the demonstration while its history happens: a calendar, staff, places, customers.

Everything is done by somebody, at an instant of the calendar; what happens may bring about more.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count

from sqlalchemy.orm import Session

from stb_service.demo.inventions import Country, Inventor
from stb_service.demo.lives import Life
from stb_service.demo.model import chance_of
from stb_service.devices.rules import Tenure
from stb_service.shared.access import EVERYTHING, SYSTEM, Actor
from stb_service.staff.models import Organisation
from stb_service.staff.operations import (
    NewPassword,
    change_organisation,
    create_organisation,
    create_person,
)
from stb_service.staff.queries import actor_of, operator
from stb_service.warranty.facts import Sources

ORGANISATIONS: tuple[tuple[str, str, str], ...] = (
    ("dealer-a", "Παράδειγμα Ήχος & Εικόνα", "dealer"),
    ("dealer-b", "متجر المثال", "dealer"),
    ("dealer-c", "Exampleton Electronics", "dealer"),
    ("centre-n", "Sample Service North", "service_centre"),
    ("centre-s", "Sample Service South", "service_centre"),
)
LETTERHEAD: Mapping[str, str] = {
    "name": "Example Television",
    "address": "12 Sample Street\nX91 EX00 Exampleford\nIreland",
    "phone": "+353 20 915 0000",
    "mail": "service@operator.example",
}
"""What stands on the operator's letters; without an address no paper can be printed."""
STAFF: tuple[tuple[str, str, str, str], ...] = (
    ("agent.ada", "Ada Demoson", "agent", "operator"),
    ("agent.omar", "Omar Placeholder", "agent", "operator"),
    ("store.stella", "Stella Storeman", "technician", "operator"),
    ("shop.a", "Άννα Δειγματάκη", "agent", "dealer-a"),
    ("shop.b", "ليلى المثالي", "agent", "dealer-b"),
    ("shop.c", "Clara Exampleton", "agent", "dealer-c"),
    ("bench.n", "Nora Sampleworth", "technician", "centre-n"),
    ("bench.s", "Sean Fictionby", "technician", "centre-s"),
)
"""User name, name, role, organisation. None of them can sign in until they are given a password."""
SELLER: Mapping[str, str] = {"DEA-A": "dealer-a", "DEA-B": "dealer-b", "DEA-C": "dealer-c"}
AT_COUNTER: Mapping[str, str] = {
    "MAIN": "agent.ada",
    "DEA-A": "shop.a",
    "DEA-B": "shop.b",
    "DEA-C": "shop.c",
}
BENCH: Mapping[str, tuple[str, str, str]] = {
    "MAIN": ("CEN-N", "centre-n", "bench.n"),
    "DEA-A": ("CEN-S", "centre-s", "bench.s"),
    "DEA-B": ("CEN-S", "centre-s", "bench.s"),
    "DEA-C": ("CEN-N", "centre-n", "bench.n"),
}
"""Which place, organisation and person sees to the boxes of a shop's customers."""

Happening = Callable[[datetime], None]


class Calendar:
    """What is to happen, played in the order of time."""

    def __init__(self) -> None:
        self._queue: list[tuple[datetime, int, Happening]] = []
        self._order = count()

    def add(self, at: datetime, happening: Happening) -> None:
        """Let something happen at an instant; of two at the same, the one that was added first."""
        heapq.heappush(self._queue, (at, next(self._order), happening))

    def play(self, until: datetime) -> int:
        """Let everything happen that is due by an instant, and return how much did; the rest is
        left to the future.
        """
        played = 0
        while self._queue and self._queue[0][0] <= until:
            at, _, happening = heapq.heappop(self._queue)
            happening(at)
            played += 1
        return played


@dataclass(frozen=True)
class Customer:
    """An account as the history knows it."""

    uid: str
    number: str
    shop: str
    country: Country
    is_business: bool
    sites: tuple[str, ...]


@dataclass
class Box:
    """A box as the history knows it: its life as it was drawn, who has it now, on which shelf it
    stands, and whether a return is about it.
    """

    uid: str
    life: Life
    held_by: Customer | None = None
    held_since_on: date = date.max
    tenure: Tenure | None = None
    stands: str | None = None
    is_refurbished: bool = False
    in_return: bool = False

    @property
    def is_lent(self) -> bool:
        """Whether it is the operator's, whoever has it."""
        return self.tenure in {Tenure.RENTED, Tenure.ON_LOAN}

    def given_to(self, customer: Customer, tenure: Tenure | None, on: date) -> None:
        """Note who has it from a day on."""
        self.held_by, self.tenure, self.held_since_on = customer, tenure, on
        self.stands = None


@dataclass
class Operator:
    """What every part of the history stands on. `barred` are steps of returns that were refused."""

    session: Session
    seed: int
    begun: datetime
    now: datetime
    sources: Sources
    calendar: Calendar = field(default_factory=Calendar)
    inventor: Inventor = field(default_factory=Inventor)
    staff: dict[str, Actor] = field(default_factory=dict)
    customers: dict[str, list[Customer]] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)
    barred: list[str] = field(default_factory=list)

    def chance(self, topic: str) -> random.Random:
        """Return the chance of one topic."""
        return chance_of(self.seed, topic)

    def at_counter(self, shop: str) -> Actor:
        """Return who sells in a shop."""
        return self.staff[AT_COUNTER[shop]]

    @property
    def store(self) -> Actor:
        """Who sees to the warehouse."""
        return self.staff["store.stella"]

    @property
    def agent(self) -> Actor:
        """Who answers for the customers at the operator's."""
        return self.staff["agent.omar"]


def hire(op: Operator, lock: NewPassword) -> None:
    """Add the organisations and the staff; `lock` is a password that nobody knows."""
    session, now = op.session, op.begun
    own = operator(session)
    assert own is not None  # made at the first start
    change_organisation(session, organisation=own, actor=SYSTEM, now=now, **LETTERHEAD)
    houses: dict[str, Organisation] = {"operator": own}
    for code, name, kind in ORGANISATIONS:
        houses[code] = create_organisation(
            session, code=code, name=name, kind=kind, actor=SYSTEM, now=now
        )
    for username, name, role, house in STAFF:
        person = create_person(
            session,
            username=username,
            name=name,
            password=lock,
            organisation=houses[house],
            role=role,
            email=f"{username}@staff.example",
            actor=SYSTEM,
            now=now,
        )
        op.staff[username] = actor_of(person)
    assert all(op.staff[name].scope == EVERYTHING for name in ("agent.ada", "store.stella"))
