"""What the events of a machine tell: how long each step took, what has been done, what is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.facts import Content, Facts
from stb_service.rma.machine import Machine, Position, Waits
from stb_service.rma.workshop import PARTING


@dataclass(frozen=True)
class Happened:
    """One event of a machine, as it is kept."""

    event: str
    start: Position
    end: Position
    at: datetime


@dataclass(frozen=True)
class Stay:
    """An unbroken time in one position; one that lasts has no end."""

    position: Position
    since: datetime
    until: datetime | None

    def lasted(self, now: datetime) -> timedelta:
        """Return how long it has lasted."""
        return (self.until or max(now, self.since)) - self.since


def stays(events: Sequence[Happened]) -> list[Stay]:
    """Return where a machine has been, in order; the last stay lasts."""
    ends: list[datetime | None] = [event.at for event in events[1:]]
    return [
        Stay(event.end, event.at, until) for event, until in zip(events, [*ends, None], strict=True)
    ]


def time_in_states(
    machine: Machine, events: Sequence[Happened], now: datetime
) -> dict[str, timedelta]:
    """Return the time spent in each state, holds left out, in the order in which they came.

    A final state takes no time: nothing is waited for.
    """
    found: dict[str, timedelta] = {}
    for stay in stays(events):
        state = stay.position.state
        if not stay.position.held and state not in machine.final_states:
            found[state] = found.get(state, timedelta()) + stay.lasted(now)
    return found


def time_on_hold(events: Sequence[Happened], now: datetime) -> timedelta:
    """Return the time spent on hold."""
    held = [stay for stay in stays(events) if stay.position.held]
    return sum((stay.lasted(now) for stay in held), timedelta())


def time_by_waits(
    machine: Machine, events: Sequence[Happened], now: datetime
) -> dict[Waits, timedelta]:
    """Return whom a case has waited for, and how long: the customer's time is not ours."""
    found = dict.fromkeys(Waits, timedelta())
    for state, time in time_in_states(machine, events, now).items():
        found[machine.places[state].waits] += time
    return found


SENT_OUT = frozenset({CaseState.OUTBOUND, CaseState.COMPLETED})


@dataclass(frozen=True)
class Turnaround:
    """From the box received to the box sent, or to the end for the customer where it stays; with what
    the customer took of it told apart.
    """

    whole: timedelta
    customer: timedelta
    on_hold: timedelta

    @property
    def ours(self) -> timedelta:
        """What is left for us and our suppliers to answer for."""
        return self.whole - self.customer - self.on_hold


def turnaround(events: Sequence[Happened], now: datetime) -> Turnaround | None:
    """Return the time between receiving and the first sending after it; None if not received.

    A case that is still here is counted up to now.
    """
    received = next((e.at for e in events if e.end == Position(CaseState.RECEIVED)), None)
    if received is None:
        return None
    after = [event for event in events if event.at >= received]
    sent = next((e.at for e in after if e.end.state in SENT_OUT), None)
    until = sent or max(now, received)
    inside = [event for event in after if sent is None or event.at < sent]
    waits = time_by_waits(CASE, inside, until)
    held = time_on_hold(inside, until)
    return Turnaround(until - received, waits[Waits.CUSTOMER], held)


@dataclass(frozen=True)
class Terms:
    """How many days each wait may take; settings of the operator."""

    request_days: int = 30
    authorised_days: int = 30
    ahead_days: int = 14
    choice_days: int = 30
    payment_days: int = 14
    storage_days: int = 60
    confirm_days: int = 14
    repeat_days: int = 90


_S = CaseState
TERM_OF: Mapping[str, str] = {
    _S.REQUESTED: "request_days",
    _S.AUTHORISED: "authorised_days",
    _S.AHEAD: "ahead_days",
    _S.CHOOSING: "choice_days",
    _S.AWAITING_PAYMENT: "payment_days",
    _S.UNDELIVERED: "storage_days",
    _S.COMPLETED: "confirm_days",
}
"""What a state's deadline is counted by. The quote's is written on the quote."""


def due_at(events: Sequence[Happened], terms: Terms, now: datetime) -> datetime | None:
    """Return when the time of the present state is over; None where it has no limit.

    Counted from the day it was entered; time on hold is added, since nobody could act in it.
    """
    if not events:
        return None
    term = TERM_OF.get(events[-1].end.state)
    if term is None:
        return None
    here = _present_stays(events)
    held = sum((stay.lasted(now) for stay in here if stay.position.held), timedelta())
    return here[0].since + timedelta(days=getattr(terms, term)) + held


def _present_stays(events: Sequence[Happened]) -> list[Stay]:
    found: list[Stay] = []
    for stay in reversed(stays(events)):
        if stay.position.state != events[-1].end.state:
            break
        found.append(stay)
    return found[::-1]


def is_repeatable(events: Sequence[Happened], terms: Terms, now: datetime) -> bool:
    """Tell whether a new case may be linked to this one as its repeat: it was completed lately."""
    done = [event.at for event in events if event.end.state == CaseState.COMPLETED]
    return bool(done) and now < done[0] + timedelta(days=terms.repeat_days)


@dataclass(frozen=True)
class Tally:
    """What the events of a case add up to.

    `taken` counts boxes received from the customer, or lost while on their way here; `given` those
    that went out as replacements, and were not lost or brought back.
    """

    taken: int = 0
    given: int = 0
    sent_ahead: bool = False
    fee_charged: bool = False
    disputes: int = 0
    second_inspections: int = 0
    content: str = Content.OWN


SWAPPING = frozenset({"swap_at_counter", "swap_at_door"})
TAKING = frozenset({"receive", "accept_other"}) | SWAPPING
GONE_AHEAD = frozenset({"ahead_undelivered", "ahead_lost"})
SETTLING = frozenset({"approve_replace", "approve_refund", "settle_ahead"})


def tally(events: Iterable[Happened]) -> Tally:
    """Return what the events of a case add up to."""
    found = Tally()
    for happened in events:
        found = tally_on(found, happened)
    return found


def tally_on(so_far: Tally, happened: Happened) -> Tally:
    """Return what the events add up to with one more."""
    event, start = happened.event, happened.start.state
    content = _content(so_far.content, event, start)
    back = content == Content.SPARE and _takes_back(event, start)
    ahead, charged = so_far.sent_ahead, so_far.fee_charged or event == "charge_fee"
    if event in {"send_ahead", *GONE_AHEAD}:
        ahead, charged = event == "send_ahead", False
    return Tally(
        so_far.taken + (event in TAKING or (start == _S.LOST_IN and event in SETTLING)),
        so_far.given + _gives(event, start) - back,
        ahead,
        charged,
        so_far.disputes + (event == "dispute"),
        so_far.second_inspections + (event == "judge_again"),
        content,
    )


def _content(content: str, event: str, start: str) -> str:
    if event in {*SWAPPING, "send_ahead"} or (start == _S.REPLACING and event == "ship"):
        return Content.SPARE
    if start == _S.ACCESSORY and event == "ship":
        return Content.ACCESSORY
    return Content.OWN if event == "ship" and start != _S.UNDELIVERED else content


def _gives(event: str, start: str) -> bool:
    leaves = start == _S.REPLACING and event in {"ship", "hand_over"}
    return leaves or event in SWAPPING or event == "send_ahead"


def _takes_back(event: str, start: str) -> bool:
    """Tell whether a replacement is no longer with the customer or on its way to them."""
    lost = start == _S.LOST_OUT and event in SETTLING
    back = event in {*GONE_AHEAD, "unclaimed"}
    return lost or back or (start == _S.AHEAD and event == "cancel")


def remember(facts: Facts, case: Sequence[Happened], order: Sequence[Happened]) -> Facts:
    """Return the facts with all that follows from what has happened to the case and the box."""
    sums = tally(case)
    return replace(
        facts,
        case=case[-1].end if case else Position(),
        order=order[-1].end if order else Position(),
        parted=any(happened.event in PARTING for happened in order),
        boxes_taken=sums.taken,
        boxes_given=sums.given,
        sent_ahead=sums.sent_ahead,
        fee_charged=sums.fee_charged,
        content=sums.content,
    )
