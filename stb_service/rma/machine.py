"""A state machine as data: its states, its steps, and what can be read off them.

The table of steps is read by pages, API, database, tests and the drawing. A hold is no state of
its own but the other side of each state, so that resuming leads nowhere but back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from stb_service.rma.needs import Need
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import Text, text

NEW = "new"
"""Where a machine is before its first event."""
HOLD, RESUME = "hold", "resume"


class Phase(StrEnum):
    """What a state is a part of: the columns of the board, the layers of the drawing."""

    ASKED = "asked"
    ARRIVING = "arriving"
    BENCH = "bench"
    DECISION = "decision"
    CUSTOMER = "customer"
    WORK = "work"
    LEAVING = "leaving"
    ENDED = "ended"


PHASE_NAMES: Mapping[str, Text] = {
    Phase.ASKED: text("Just asked for"),
    Phase.ARRIVING: text("On its way here"),
    Phase.BENCH: text("On the bench"),
    Phase.DECISION: text("To be decided"),
    Phase.CUSTOMER: text("With the customer"),
    Phase.WORK: text("In work"),
    Phase.LEAVING: text("On its way out"),
    Phase.ENDED: text("Ended"),
}


class Waits(StrEnum):
    """Whom a state waits for; what customers and carriers take is told apart from our own time."""

    US = "us"
    CUSTOMER = "customer"
    CARRIER = "carrier"
    SUPPLIER = "supplier"
    NOBODY = "nobody"


WAITS_NAMES: Mapping[str, Text] = {
    Waits.US: text("us"),
    Waits.CUSTOMER: text("the customer"),
    Waits.CARRIER: text("the carrier"),
    Waits.SUPPLIER: text("the supplier"),
    Waits.NOBODY: text("nobody"),
}


@dataclass(frozen=True)
class Place:
    """One state: what it is called, what it is a part of, whom it waits for."""

    state: str
    title: Text
    phase: Phase
    waits: Waits

    @property
    def is_final(self) -> bool:
        """Whether nothing follows."""
        return self.phase is Phase.ENDED and self.waits is Waits.NOBODY


@dataclass(frozen=True)
class Position:
    """Where a machine is: its state, and whether it is on hold there."""

    state: str = NEW
    held: bool = False


@dataclass(frozen=True)
class Step:
    """One legal step.

    `verb` is what a person must be allowed to make it; an empty one is made by the other machine
    alone. `carries` are the events of the other machine of which one happens in the same
    transaction: the first that nothing bars.
    """

    from_state: str
    event: str
    to_state: str
    verb: str = ""
    needs: tuple[Need, ...] = ()
    carries: tuple[str, ...] = ()
    from_held: bool = False
    to_held: bool = False

    @property
    def start(self) -> Position:
        """Where it begins."""
        return Position(self.from_state, self.from_held)

    @property
    def end(self) -> Position:
        """Where it leads."""
        return Position(self.to_state, self.to_held)


@dataclass(frozen=True)
class Machine:
    """States, events and steps, with what is read off them."""

    name: str
    title: Text
    places: Mapping[str, Place]
    events: Mapping[str, Text]
    moves: tuple[Step, ...]
    hold_verb: str

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The whole table: the moves, and holding and resuming in each state that is not final."""
        held = [
            Step(state, HOLD, state, self.hold_verb, (Need.REASON,), to_held=True)
            for state in self.live_states
        ]
        back = [
            replace(step, event=RESUME, needs=(), from_held=True, to_held=False) for step in held
        ]
        return (*self.moves, *held, *back)

    @cached_property
    def _by_start(self) -> Mapping[tuple[Position, str], Step]:
        return {(step.start, step.event): step for step in self.steps}

    @cached_property
    def live_states(self) -> tuple[str, ...]:
        """The states that something follows, but for the one before the first event."""
        return tuple(s for s, place in self.places.items() if s != NEW and not place.is_final)

    @cached_property
    def final_states(self) -> frozenset[str]:
        """The states that nothing follows."""
        return frozenset(state for state, place in self.places.items() if place.is_final)

    @cached_property
    def legal_moves(self) -> frozenset[tuple[str, bool, str, str, bool]]:
        """The rows of the database's table: from, held, event, to, held."""
        return frozenset(
            (step.from_state, step.from_held, step.event, step.to_state, step.to_held)
            for step in self.steps
        )

    def step(self, position: Position, event: str) -> Step | None:
        """Return the step that an event makes from here; None where there is none."""
        return self._by_start.get((position, event))

    def steps_from(self, position: Position) -> Sequence[Step]:
        """Return the steps from here, in the order of the table."""
        return [step for step in self.steps if step.start == position]

    def starts_with(self, events: Iterable[str]) -> bool:
        """Tell whether one of the events is a first one."""
        return any((Position(), event) in self._by_start for event in events)

    def obstacle_to_step(self, position: Position, event: str) -> Obstacle | None:
        """Return why there is no such step from here; None where there is one."""
        if event not in self.events:
            raise KeyError(event)
        if self.step(position, event):
            return None
        names = {"state": self.places[position.state].title, "event": self.events[event]}
        if position.state in self.final_states:
            message = text("It has ended as “%(state)s” and moves no more.", state=names["state"])
        elif position.held and self.step(replace(position, held=False), event):
            message = text("It is on hold at “%(state)s”; resume it first.", state=names["state"])
        else:
            message = text("From “%(state)s” there is no step “%(event)s”.", **names)
        return Obstacle("step", message)


def table(
    places: Iterable[tuple[str, Text, Phase, Waits]],
) -> Mapping[str, Place]:
    """Return the states of a machine by name, the one before its first event among them."""
    made = (Place(NEW, text("New"), Phase.ASKED, Waits.US), *(Place(*row) for row in places))
    return {place.state: place for place in made}
