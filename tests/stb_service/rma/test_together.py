"""Everything that the two machines can do together, walked to the end and not drawn by chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from stb_service.rma.cases import CASE
from stb_service.rma.facts import Facts
from stb_service.rma.history import Happened, remember
from stb_service.rma.machine import HOLD, Position
from stb_service.rma.rules import MACHINES, Move, advance, obstacles, position_of
from stb_service.rma.verdicts import FaultLine, Verdict
from stb_service.rma.workshop import ORDER
from tests.stb_service.rma.journey import ALL_WELL, START, lines

pytestmark = pytest.mark.xdist_group("returns")  # walked once

V = Verdict


def contested(second: str) -> tuple[FaultLine, ...]:
    return lines(V.USER_FAULT, disputed=True, second_inspector=second)


KNOWN: tuple[Facts, ...] = tuple(
    replace(ALL_WELL, **changes)
    for changes in (
        {},
        {"scanned": "SN7"},
        {"beyond_repair": True},
        {"rented": True},
        {"rented": True, "lines": lines(V.USER_FAULT)},
        {"lines": lines(V.DOA)},
        {"lines": lines(V.NFF)},
        {"lines": lines(V.OUT_OF_WARRANTY)},
        {"lines": lines(V.OUT_OF_WARRANTY), "beyond_repair": True},
        {"lines": lines(V.OUT_OF_WARRANTY), "quote_until": START},
        {"lines": lines(V.USER_FAULT, V.IN_WARRANTY)},
        {"lines": lines(V.USER_FAULT, V.IN_WARRANTY), "quote_until": START},
        {"lines": contested("")},
        {"lines": contested("omar")},
        {"lines": lines(V.USER_FAULT, agreed=True)},
        {"lines": lines(V.USER_FAULT, agreed=True), "beyond_repair": True},
        {"quoted_remedy": "replace"},
        {"quote_paid_minor": 1},
        {"quote_gone": True},
        {"remedy": "accessory"},
        {"remedy": "accessory", "all_covered": False, "quoted_remedy": "accessory"},
        {"remedy": "accessory", "all_covered": False, "quote_until": START},
        {"remedy": "to_stock", "has_account": False},
    )
)
"""What may be known; each lets other events happen."""

Key = tuple[Position, Position, bool, int, int, bool, bool, str]


@dataclass(frozen=True)
class Spot:
    """Where a case and its box are, and how they came there."""

    case: tuple[Happened, ...] = ()
    order: tuple[Happened, ...] = ()

    def facts(self, known: Facts = ALL_WELL) -> Facts:
        return remember(known, self.case, self.order)

    @property
    def key(self) -> Key:
        facts = self.facts()
        return (
            *(facts.case, facts.order, facts.parted, facts.boxes_taken, facts.boxes_given),
            *(facts.sent_ahead, facts.fee_charged, facts.content),
        )

    def after(self, moves: list[Move]) -> Spot:
        told = {"case": self.case, "order": self.order}
        for move in moves:
            step = move.step
            told[move.machine] += (Happened(step.event, step.start, step.end, START),)
        return Spot(**told)


@dataclass(frozen=True)
class World:
    """Every spot that can be reached, what leads on from it, and every step that was made."""

    spots: dict[Key, Spot]
    next: dict[Key, set[Key]]
    made: set[tuple[str, Position, str]]


def ways_on(spot: Spot) -> Iterator[list[Move]]:
    """Yield what can happen next, holds left out: they lead back."""
    for machine in MACHINES.values():
        for step in machine.steps_from(position_of(machine, spot.facts())):
            found = []
            for known in KNOWN if step.event != HOLD else ():
                facts = spot.facts(known)
                if not obstacles(machine, step.event, facts):
                    found.append(advance(machine, step.event, facts))
                    if len(step.carries) < 2:
                        break
            yield from found


@pytest.fixture(scope="module")
def world() -> World:
    start = Spot()
    found, waiting = World({start.key: start}, {}, set()), [start]
    while waiting:
        spot = waiting.pop(0)
        leads = found.next.setdefault(spot.key, set())
        for moves in ways_on(spot):
            found.made.update((m.machine, m.step.start, m.step.event) for m in moves)
            then = spot.after(moves)
            leads.add(then.key)
            if then.key not in found.spots:
                found.spots[then.key] = then
                waiting.append(then)
    return found


def can_reach(world: World, ends: set[Key]) -> set[Key]:
    """Return the spots from which one of these is reached."""
    before: dict[Key, set[Key]] = {}
    for here, leads in world.next.items():
        for there in leads:
            before.setdefault(there, set()).add(here)
    found, waiting = set(ends), list(ends)
    while waiting:
        new = before.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found


def test_every_step_of_both_tables_can_really_be_made(world: World) -> None:
    steps = {(m.name, step.start, step.event) for m in MACHINES.values() for step in m.moves}

    assert steps - world.made == set()


def test_from_everywhere_the_case_can_still_be_ended(world: World) -> None:
    ends = {*CASE.final_states, "new"}  # a box of the operator's own has no case
    ended = {k for k in world.spots if k[0].state in ends}

    assert {k[:2] for k in world.spots.keys() - can_reach(world, ended)} == set()


def test_from_everywhere_the_box_can_still_find_its_end(world: World) -> None:
    ended = {k for k in world.spots if k[1].state in ORDER.final_states}
    stuck = world.spots.keys() - can_reach(world, ended)

    assert {k[:2] for k in stuck if k[1] != Position()} == set()


TOGETHER: dict[str, set[str]] = {
    "received": {"arrived"},
    "inspecting": {"inspecting"},
    "second_inspection": {"second_inspection"},
    "decision_pending": {"inspected", "condemned"},
    "customer_choosing": {"inspected", "condemned"},
    "quoting": {"inspected", "condemned", "new"},  # new: an accessory's, without its box
    "quoted": {"inspected", "condemned", "new"},  # new: an accessory's, without its box
    "awaiting_payment": {"inspected", "condemned", "new"},  # new: an accessory's, without its box
    "approved_repair": {"planned", "parts_reserved"},
    "repairing": {"in_repair", "waiting_parts", "waiting_supplier", "testing"},
    "repaired": {"repaired"},
    "nff_return": {"inspected", "condemned"},
    "return_unrepaired": {"arrived", "inspected", "condemned"},
}
NEED_THE_BOX = {"received", "inspecting", "second_inspection", "approved_repair", "repairing"}
NEED_THE_BOX |= {"repaired", "nff_return", "return_unrepaired"}


def test_the_box_is_where_the_promise_says_until_the_two_part(world: World) -> None:
    apart = {
        key[:2]
        for key in world.spots
        if not key[2] and key[1].state not in TOGETHER.get(key[0].state, {key[1].state})
    }

    assert apart == set()


def test_what_is_promised_of_a_box_is_promised_only_while_it_is_the_customers(
    world: World,
) -> None:
    assert {k[:2] for k in world.spots if k[2] and k[0].state in NEED_THE_BOX} == set()


def test_no_more_boxes_are_given_than_taken_but_for_one_ahead(world: World) -> None:
    assert all(0 <= key[4] <= key[3] + key[5] for key in world.spots)


def test_a_case_that_has_ended_leaves_no_customers_box_behind(world: World) -> None:
    spots = [spot.facts() for spot in world.spots.values()]
    here = [
        (facts.case.state, facts.order.state)
        for facts in spots
        if facts.case.state in CASE.final_states
        and not facts.parted
        and facts.order.state not in {*ORDER.final_states, "new"}
    ]

    assert here == []
