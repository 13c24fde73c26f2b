"""Where the two machines meet: what may happen next, what bars it, and what happens with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stb_service.rma.cases import CASE
from stb_service.rma.facts import Facts
from stb_service.rma.guards import STATED, obstacles_of
from stb_service.rma.machine import HOLD, NEW, RESUME, Machine, Position, Step
from stb_service.rma.needs import Need
from stb_service.rma.workshop import ORDER
from stb_service.shared.errors import Obstacle, Refused
from stb_service.shared.i18n import Text, text

MACHINES: Mapping[str, Machine] = {CASE.name: CASE, ORDER.name: ORDER}


@dataclass(frozen=True)
class Move:
    """One step of one of the machines."""

    machine: str
    step: Step


def position_of(machine: Machine, facts: Facts) -> Position:
    """Return where the machine is."""
    return facts.case if machine is CASE else facts.order


def other_of(machine: Machine) -> Machine:
    """Return the machine that this one refers to."""
    return ORDER if machine is CASE else CASE


def obstacles(machine: Machine, event: str, facts: Facts) -> list[Obstacle]:
    """Return why an event may not happen; empty if it may.

    An event that the other machine carries alone is none that anybody may make by hand.
    """
    step = machine.step(position_of(machine, facts), event)
    if step is not None and not step.verb:
        message = text(
            "“%(event)s” follows from what happens elsewhere, and is not said by hand.",
            event=machine.events[event],
        )
        return [Obstacle("follows", message)]
    return _plan(machine, event, facts)[1]


def obstacles_ahead(machine: Machine, event: str, facts: Facts) -> list[Obstacle]:
    """Return what bars an event before whoever makes it was asked anything: it greys a button."""
    return [o for o in obstacles(machine, event, facts) if o.code not in STATED]


def advance(machine: Machine, event: str, facts: Facts) -> list[Move]:
    """Return the steps that an event makes: its own, then that of the other machine, if any.

    Raises:
        Refused: something bars it.
    """
    found = obstacles(machine, event, facts)
    if found:
        raise Refused(found)
    return _plan(machine, event, facts)[0]


def _plan(machine: Machine, event: str, facts: Facts) -> tuple[list[Move], list[Obstacle]]:
    position = position_of(machine, facts)
    step = machine.step(position, event)
    missing = machine.obstacle_to_step(position, event)
    if step is None or missing:
        return [], [missing] if missing else []
    if machine is ORDER and event not in {HOLD, RESUME} and is_held_up(facts):
        return [], [on_hold(facts.held_because)]
    moves, found = [Move(machine.name, step)], obstacles_of(step.needs, facts)
    if carries_along(machine, step, facts):
        followers, more = _follow(other_of(machine), step, facts)
        moves, found = moves + followers, found + more
    return moves, found


def is_held_up(facts: Facts) -> bool:
    """Tell whether nothing is done to a box because its case is on hold."""
    return facts.case.held and not facts.parted


def on_hold(reason: str) -> Obstacle:
    """Return that nothing is done to a box, with the reason of the hold."""
    message = text("The return is on hold: %(reason)s. Resume it first.", reason=reason)
    return Obstacle("held", message)


def carries_along(machine: Machine, step: Step, facts: Facts) -> bool:
    """Tell whether the other machine moves too: not once promise and box have parted."""
    if not step.carries or facts.parted:
        return False
    other = other_of(machine)
    return position_of(other, facts).state != NEW or other.starts_with(step.carries)


def _follow(other: Machine, step: Step, facts: Facts) -> tuple[list[Move], list[Obstacle]]:
    position = position_of(other, facts)
    possible = [s for event in step.carries if (s := other.step(position, event))]
    if not possible:
        reason = other.obstacle_to_step(position, step.carries[0])
        assert reason is not None
        return [], [Obstacle(other.name, reason.message)]
    barred = [(follower, obstacles_of(follower.needs, facts)) for follower in possible]
    for follower, found in barred:
        if not found:
            return [Move(other.name, follower)], []
    return [], barred[0][1]


@dataclass(frozen=True)
class Action:
    """Something that may come next: for a button, or for the API."""

    machine: str
    event: str
    title: Text
    verb: str
    asks: tuple[Need, ...]
    obstacles: tuple[Obstacle, ...]


def actions(machine: Machine, facts: Facts, can: Callable[[str], bool]) -> list[Action]:
    """Return what people who may do so could do next, each with what bars it."""
    return [
        Action(
            machine.name,
            step.event,
            machine.events[step.event],
            step.verb,
            tuple(need for need in step.needs if need in STATED),
            tuple(obstacles_ahead(machine, step.event, facts)),
        )
        for step in machine.steps_from(position_of(machine, facts))
        if step.verb and can(step.verb)
    ]
