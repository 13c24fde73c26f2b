"""A search over both machines and their guards: wherever a case and its box can come, somebody can
do something about it, and an end can be reached.

What people can bring about (a reason, a payment, a spare on the shelf, time that passes) is taken as
done. What nobody can change is the world of the search: the verdicts, what the customer answered,
what has left in exchange, whether the box is here and worth a repair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.facts import Content, Facts, Remedy
from stb_service.rma.history import Happened, Tally, tally_on
from stb_service.rma.machine import HOLD, NEW, RESUME, Position, Step
from stb_service.rma.needs import Need
from stb_service.rma.rules import Move, advance, obstacles
from stb_service.rma.verdicts import BILLABLE, FaultLine, Verdict
from stb_service.rma.workshop import ORDER, PARTING, OrderState
from tests.stb_service.rma.journey import ALL_WELL, START

_V = Verdict
FINDINGS: tuple[tuple[Verdict, ...], ...] = (
    *((_V.IN_WARRANTY,), (_V.DOA,), (_V.NFF,), (_V.USER_FAULT,)),
    (_V.OUT_OF_WARRANTY, _V.IN_WARRANTY),
)
"""What an inspection may come to: each outcome, and faults of which only one is covered."""
ON_THE_ROAD = frozenset({CaseState.OUTBOUND, CaseState.LOST_OUT, CaseState.UNDELIVERED})
INES = frozenset({"ines"})
SETTLED = FaultLine(1, _V.IN_WARRANTY, 1, INES)
NOWHERE, NOTHING_YET = Position(), Tally()
LOSSES = frozenset({OrderState.CONDEMNED, OrderState.WITH_SUPPLIER})
DROPS_ALL = frozenset({CaseState.UNREPAIRED, CaseState.CHOOSING, CaseState.REFUND})


@dataclass(frozen=True)
class World:
    """What nobody can change, but by the steps of the machines."""

    case: Position = NOWHERE
    order: Position = NOWHERE
    parted: bool = False
    tally: Tally = NOTHING_YET
    rented: bool = False
    not_worth_it: bool = False
    lines: tuple[FaultLine, ...] = (FaultLine(1),)
    remedy: str = Remedy.REPAIR
    """Of the quote."""
    promised: str = Remedy.REPAIR
    covered: bool = True

    @cache  # noqa: B019 - as many worlds as one search has
    def facts_of(self, silent: bool) -> Facts:
        """Return the facts of a case in this world."""
        given = SILENT if silent else ALL_WELL
        return replace(
            given,
            case=self.case,
            order=self.order,
            parted=self.parted,
            rented=self.rented,
            boxes_taken=self.tally.taken,
            boxes_given=self.tally.given,
            sent_ahead=self.tally.sent_ahead,
            fee_charged=self.tally.fee_charged,
            content=self.tally.content,
            lines=self.lines,
            beyond_repair=self.not_worth_it or self.order.state in LOSSES,
            quoted_remedy=self.remedy,
            remedy=self.promised,
            all_covered=self.covered,
            has_account=self.promised != Remedy.TO_STOCK,
        )

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be done for the customer, nor with the box."""
        started = self.case != NOWHERE or self.order != NOWHERE
        return started and all(
            position.state in {*machine.final_states, NEW}
            for machine, position in ((CASE, self.case), (ORDER, self.order))
        )

    def after(self, moves: list[Move]) -> World:
        """Return the world once these steps are made."""
        found = self
        for move in moves:
            step = move.step
            if move.machine == ORDER.name:
                parted = found.parted or step.event in PARTING
                found = replace(found, order=step.end, parted=parted)
                continue
            happened = Happened(step.event, step.start, step.end, START)
            now = tally_on(found.tally, happened)
            found = replace(found, case=step.end, tally=now, lines=found._marked(move))
        return found

    @property
    def plain(self) -> World:
        """The same world without what can make no difference any more."""
        if self.case.state in CASE.final_states or (self.case == NOWHERE and self.parted):
            return World(self.case, self.order, self.parted, lines=(SETTLED,))
        is_away = self.tally.sent_ahead or self.case.state in ON_THE_ROAD
        more = self.tally.taken - self.tally.given
        tally = replace(
            self.tally,
            taken=max(0, more),
            given=max(0, -more),
            disputes=0,
            second_inspections=0,
            content=self.tally.content if is_away else Content.OWN,
        )
        is_asked = self.case.state in {CaseState.QUOTED, CaseState.AWAITING_PAYMENT}
        remedy = self.remedy if is_asked else Remedy.REPAIR
        return replace(self, tally=tally, remedy=remedy)

    def _marked(self, move: Move) -> tuple[FaultLine, ...]:
        """Return the faults as a step of the case leaves them, with what the customer answered."""
        step = move.step
        if step.to_state in DROPS_ALL:
            return tuple(
                replace(line, agreed=False, declined=line.verdict in BILLABLE)
                if step.to_state == CaseState.UNREPAIRED
                else replace(line, agreed=False)
                for line in self.lines
            )
        agreed = step.event == "accept" and self.remedy == Remedy.REPAIR
        declined = step.event in {"decline_part", "lapse_part"}
        return tuple(
            replace(line, agreed=agreed, declined=declined)
            if line.verdict in BILLABLE and not (line.agreed or line.declined)
            else line
            for line in self.lines
        )

    def variants(self, moves: list[Move]) -> Iterator[World]:
        """Return what may turn out with a step that finds something out, or quotes something."""
        events = {move.step.event for move in moves}
        if "inspect" in events:
            for verdicts in FINDINGS:
                lines = tuple(FaultLine(n, v, 1, INES) for n, v in enumerate(verdicts, 1))
                yield replace(self, lines=lines)
                if set(verdicts) & {_V.IN_WARRANTY, _V.USER_FAULT}:
                    yield replace(self, lines=lines, not_worth_it=True)
        elif "dispute" in events:
            for verdict in (_V.USER_FAULT, _V.IN_WARRANTY):
                yield replace(
                    self,
                    lines=tuple(
                        replace(line, verdict=verdict, disputed=True, second_inspector="omar")
                        if line.verdict is _V.USER_FAULT
                        else line
                        for line in self.lines
                    ),
                )
        elif "find_more" in events:
            yield self
            if len(self.lines) < 2:
                more = FaultLine(len(self.lines) + 1, _V.OUT_OF_WARRANTY, 1, INES, "omar")
                yield replace(self, lines=(*self.lines, more))
        elif "send_quote" in events:
            offered = {Remedy.REPAIR, Remedy.REPLACE}
            for remedy in {self.promised} & {Remedy.ACCESSORY} or offered:
                yield replace(self, remedy=remedy)
        else:
            yield self


SILENT = replace(ALL_WELL, to_pay_minor=1, disposal_consent=False, quote_until=START)
"""What a customer leaves undone who never answers, pays or agrees to anything."""
OTHERWISE: Mapping[Need, dict[str, Any]] = {
    Need.OTHER_BOX: {"scanned": "SN7"},
    Need.QUOTE_LAPSED: {"quote_until": START},
    Need.PART_PAID: {"quote_paid_minor": 1},
}
"""What turns out in another way for the steps that need that."""


def facts_for(world: World, step: Step, *, silent: bool) -> Facts:
    """Return what somebody can make of a world for a step: the box came, or another; time passed."""
    facts = world.facts_of(silent)
    for need in OTHERWISE.keys() & set(step.needs):
        facts = replace(facts, **OTHERWISE[need])
    return facts


def following(world: World, *, silent: bool = False) -> set[World]:
    """Return the worlds that somebody can bring about from here."""
    found: set[World] = set()
    for machine, position in ((CASE, world.case), (ORDER, world.order)):
        for step in machine.steps_from(position):
            if step.event in {HOLD, RESUME} or not step.verb:
                continue
            facts = facts_for(world, step, silent=silent)
            if obstacles(machine, step.event, facts):
                continue
            moves = advance(machine, step.event, facts)
            found.update(one.plain for one in world.after(moves).variants(moves))
    return found - {world}


def search() -> dict[World, set[World]]:
    """Return every world that can come about, with what can follow it."""
    found: dict[World, set[World]] = {}
    waiting = [World(), World(rented=True), World(promised=Remedy.TO_STOCK)]
    waiting += [World(promised=Remedy.ACCESSORY, covered=covered) for covered in (True, False)]
    while waiting:
        here = waiting.pop()
        if here in found:
            continue
        found[here] = following(here)
        waiting.extend(found[here])
    return found


def without_end(graph: dict[World, set[World]]) -> list[World]:
    """Return the worlds from which no end can be reached."""
    before: dict[World, list[World]] = {}
    for world, after in graph.items():
        for one in after:
            before.setdefault(one, []).append(world)
    ends = [world for world in graph if world.is_over]
    good, waiting = set(ends), ends
    while waiting:
        for one in before.get(waiting.pop(), ()):
            if one not in good:
                good.add(one)
                waiting.append(one)
    return [world for world in graph if world not in good]


def told(world: World) -> str:
    """Return what a dead end looks like."""
    lines = ", ".join(
        f"{line.verdict}{'+' * line.agreed}{'-' * line.declined}" for line in world.lines
    )
    flags = [name for name in ("parted", "rented", "not_worth_it") if getattr(world, name)]
    ahead = "ahead" if world.tally.sent_ahead else ""
    return " ".join(
        [world.case.state, world.order.state, f"[{lines}]", ahead, *flags, world.remedy]
    )


@pytest.fixture(scope="module")
def everything() -> dict[World, set[World]]:
    """Every world that people who take part can bring about."""
    return search()


def test_wherever_a_case_and_its_box_come_an_end_can_be_reached(
    everything: dict[World, set[World]],
) -> None:
    assert sorted({told(world) for world in without_end(everything)}) == []
    assert {world.case.state for world in everything} == set(CASE.places)
    assert {world.order.state for world in everything} == set(ORDER.places)


def test_a_customer_who_never_answers_leaves_nothing_without_an_end(
    everything: dict[World, set[World]],
) -> None:
    """Not even where they did answer before."""
    graph = {world: following(world, silent=True) & set(everything) for world in everything}

    assert sorted({told(world) for world in without_end(graph)}) == []
