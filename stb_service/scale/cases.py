"""Returns with what happened to them: each a legal history of its two machines, cut where it stands.

Most are closed; `LIVE_PERMILLE` are under way, at any step, one for a box. They have their events,
their workshop orders and one fault each, and neither parcels nor money.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stb_service.rma.cases import CASE
from stb_service.rma.events import case_number, order_number
from stb_service.rma.history import TERM_OF, Terms
from stb_service.rma.machine import HOLD, Machine, Position
from stb_service.rma.models import CaseEvent, Fault, OrderEvent, ReturnCase, WorkshopOrder
from stb_service.rma.workshop import ORDER
from stb_service.scale.loading import Rows
from stb_service.scale.world import BY, World, public_id
from stb_service.staff.queries import operator

LIVE_PERMILLE = 20
HELD_SHARE = 0.05
"""So many of those under way are on hold."""
OLDEST_DAYS = 900
LONGEST_DAYS = 60
"""A return that has ended was begun before that."""
SYMPTOMS = ("Stays dark", "No signal", "Restarts by itself", "Remote control does not answer")

Deed = tuple[str, str]
"""What one person does: an event of the case and one of the order, of which the first carries the
second; `>` before the order's says that it is the order that carries the case.
"""
_COMES: Sequence[Deed] = (
    *(("request", ""), ("approve", "expect"), ("post", ""), ("receive", "arrive")),
    *(("inspect", ">inspect"), ("judge", ">judge")),
)
_GOES: Sequence[Deed] = (("ship", "send_back"), ("deliver", "deliver"), ("confirm", ""))
PATHS: Mapping[str, tuple[int, Sequence[Deed]]] = {
    "in_warranty": (
        620,
        (
            *_COMES,
            *(("approve_repair", "plan"), ("", "reserve"), ("begin", ">begin"), ("", "test")),
            *(("finish", ">finish"), *_GOES),
        ),
    ),
    "nff": (150, (*_COMES, ("return_nff", ""), *_GOES)),
    "out_of_warranty": (80, (*_COMES, ("withdraw", ""), *_GOES)),
    "user_fault": (
        50,
        (*_COMES, ("recover", "keep"), ("", "wipe"), ("", "scrap"), ("confirm", "")),
    ),
    "rejected": (60, (("request", ""), ("reject", ""))),
    "expired": (40, (("request", ""), ("approve", "expect"), ("expire", "cancel"))),
}
"""How returns go, so many of a thousand each, by the verdict or the end that they come to."""
REASONED = frozenset({"reject", "withdraw", "recover", "scrap", HOLD})


class _Tables:
    def __init__(self, world: World) -> None:
        rows = world.loader.rows
        public = ("id", "public_id", "row_version", "ordinal", "number")
        self.cases = rows(
            ReturnCase,
            *(*public, "device_id", "account_id", "handler_id", "remedy", "channel", "reported_on"),
            *("complaint", "state", "held", "event_seq", "entered_at", "due_at", "currency"),
            *("opened_at", "opened_by", "changed_at", "closed_at"),
        )
        self.orders = rows(
            WorkshopOrder,
            *(*public, "case_id", "device_id", "state", "held", "event_seq", "entered_at"),
            *("opened_at", "changed_at", "ended_at", "technician", "firmware_before"),
            *("firmware_after", "grade"),
        )
        event = (
            *("seq", "previous_seq", "predecessor_seq", "from_state", "from_held", "event"),
            *("to_state", "to_held", "at", "actor_ref", "actor_label", "reason", "stated"),
            "carried_by",
        )
        self.case_events = rows(CaseEvent, "id", "case_id", *event)
        self.order_events = rows(OrderEvent, "id", "order_id", *event)
        self.faults = rows(
            Fault,
            *("public_id", "case_id", "number", "component", "symptom", "reported_by"),
            *("confirmed", "fault_class", "verdict", "note", "inspector_ref", "inspector"),
            *("inspected_at", "disputed", "dispute_reason", "second_note", "second_inspector_ref"),
            *("second_inspector", "agreed", "declined", "goodwill_by", "added_at", "judges"),
        )


@dataclass
class _Track:
    """Where one machine of a return is, and the rows of its events."""

    machine: Machine
    rows: Rows
    owner: int
    position: Position = field(default_factory=Position)
    seq: int = 0
    entered_at: datetime | None = None

    def step(self, key: int, event: str, at: datetime, carried_by: int | None) -> None:
        step = self.machine.step(self.position, event)
        assert step is not None, (self.machine.name, self.position, event)
        self.seq += 1
        reason = "As agreed" if event in REASONED else ""
        self.rows.add(
            *(key, self.owner, self.seq, self.seq - 1, self.seq - 1 or None, step.from_state),
            *(step.from_held, event, step.to_state, step.to_held, at, BY, BY, reason, {}),
            carried_by,
        )
        if step.to_state != self.position.state:
            self.entered_at = at
        self.position = step.end

    @property
    def has_ended(self) -> bool:
        return self.position.state in self.machine.final_states


class Returns:
    """Writes returns, with ids from 1 on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tables = _Tables(world)
        self._cases = self._orders = self._case_events = self._order_events = 0
        self._terms = Terms()
        own = operator(world.session)
        self._own = own.id if own is not None else world.dealers[0]

    def add(
        self, chance: random.Random, device: int, verdict: str, deeds: Sequence[Deed], days: int
    ) -> None:
        """Add a return that was opened so many days ago, as far as its deeds go."""
        opened = self._world.now - timedelta(days=days, minutes=chance.randrange(600))
        self._cases += 1
        case = _Track(CASE, self._tables.case_events, self._cases)
        order: _Track | None = None
        at, gap = opened, min(timedelta(days=3), timedelta(days=days) / (len(deeds) + 1))
        judged: datetime | None = None
        for case_event, order_event in deeds:
            if order_event and order is None:
                self._orders += 1
                order = _Track(ORDER, self._tables.order_events, self._orders)
            self._make(case, order, case_event, order_event, at)
            last, at = at, at + gap * chance.uniform(0.3, 1.0)
            judged = last if case_event == "judge" else judged
        if not case.has_ended and chance.random() < HELD_SHARE:
            self._make(case, None, HOLD, "", last)
        self._add_case(chance, case, device, opened, last)
        if order is not None:
            self._add_order(chance, order, device, case.owner, opened, last)
        self._add_fault(chance, case.owner, verdict, opened, judged)

    def _make(
        self, case: _Track, order: _Track | None, case_event: str, order_event: str, at: datetime
    ) -> None:
        """Make what one person does: the step of one machine carries that of the other."""
        leads = order_event.startswith(">")
        order_event = order_event.removeprefix(">")
        self._case_events += bool(case_event)
        self._order_events += bool(order_event)
        if case_event:
            case.step(self._case_events, case_event, at, self._order_events if leads else None)
        if order_event:
            assert order is not None
            carried = self._case_events if case_event and not leads else None
            order.step(self._order_events, order_event, at, carried)

    def _add_case(
        self, chance: random.Random, case: _Track, device: int, opened: datetime, last: datetime
    ) -> None:
        account, state = self._world.holders[device], case.position.state
        assert case.entered_at is not None
        term = None if case.has_ended else TERM_OF.get(state)
        due = case.entered_at + timedelta(days=getattr(self._terms, term)) if term else None
        self._tables.cases.add(
            *(case.owner, public_id(chance), 1, case.owner, case_number(case.owner), device),
            *(account, self._world.seller_of(account) or self._own, "repair", "call"),
            *(opened.date(), chance.choice(SYMPTOMS), state, case.position.held, case.seq),
            *(case.entered_at, due, "EUR", opened, BY, last, last if case.has_ended else None),
        )

    def _add_order(
        self,
        chance: random.Random,
        order: _Track,
        device: int,
        case: int,
        opened: datetime,
        last: datetime,
    ) -> None:
        self._tables.orders.add(
            *(order.owner, public_id(chance), 1, order.owner, order_number(order.owner), case),
            *(device, order.position.state, order.position.held, order.seq, order.entered_at),
            *(opened, last, last if order.has_ended else None, "", "", "", ""),
        )

    def _add_fault(
        self,
        chance: random.Random,
        case: int,
        verdict: str,
        opened: datetime,
        judged: datetime | None,
    ) -> None:
        none = verdict == "nff"
        found = (
            ("no" if none else "yes", "none_found" if none else "component", verdict)
            if judged
            else (None, None, None)
        )
        said = ("", BY, BY, judged) if judged else ("", "", "", None)
        self._tables.faults.add(
            *(public_id(chance), case, 1, "power_supply", chance.choice(SYMPTOMS), "customer"),
            *(*found, *said, False, "", "", "", "", False, False, "", opened, []),
        )


def add_cases(world: World) -> None:
    """Add the returns: those that have ended, in the order of time, and then those under way."""
    chance, returns = world.chance("cases"), Returns(world)
    held = [device for device, account in enumerate(world.holders) if account]
    wanted = world.sizes.cases if held else 0
    live = min(len(held), wanted * LIVE_PERMILLE // 1000)
    names, shares = list(PATHS), [share for share, _ in PATHS.values()]
    ended = sorted(chance.randrange(LONGEST_DAYS, OLDEST_DAYS) for _ in range(wanted - live))
    for days in reversed(ended):
        verdict = chance.choices(names, shares)[0]
        returns.add(chance, chance.choice(held), verdict, PATHS[verdict][1], days)
    for device in chance.sample(held, live):
        verdict = chance.choices(names[:4], shares[:4])[0]
        deeds = PATHS[verdict][1]
        until = chance.randrange(1, len(deeds))
        returns.add(chance, device, verdict, deeds[:until], chance.randrange(1, 3 * until + 2))
