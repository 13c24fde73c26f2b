"""What the events tell: time in each step, whose time it was, what is due, what adds up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stb_service.rma.cases import CASE
from stb_service.rma.history import (
    TERM_OF,
    Happened,
    Terms,
    due_at,
    is_repeatable,
    tally,
    time_by_waits,
    time_in_states,
    time_on_hold,
    turnaround,
)
from stb_service.rma.machine import HOLD, RESUME, Position, Waits
from stb_service.rma.verdicts import Verdict
from tests.stb_service.rma.journey import DAY, START, Journey, lines

HOUR = timedelta(hours=1)
TERMS = Terms()


def case_events(*steps: tuple[str, float]) -> list[Happened]:
    """Return the events of a case, each so many hours after the one before it."""
    position, at, found = Position(), START, []
    for event, hours in steps:
        step = CASE.step(position, event)
        assert step is not None, (position, event)
        at += timedelta(hours=hours)
        found.append(Happened(event, step.start, step.end, at))
        position = step.end
    return found


REPAIRED = case_events(
    *(("request", 0), ("approve", 2), ("post", 24), ("receive", 48), ("inspect", 3)),
    *(("judge", 1), ("quote", 1), ("send_quote", 2), ("accept", 72), ("release_repair", 24)),
    *(("begin", 5), ("finish", 4), ("ship", 8), ("deliver", 48), ("confirm", 24)),
)


def test_each_step_has_its_time_and_what_has_ended_takes_none() -> None:
    found = time_in_states(CASE, REPAIRED, START + 365 * DAY)

    assert found["quoted"] == 72 * HOUR
    assert found["repairing"] == 4 * HOUR
    assert sum(found.values(), timedelta()) == REPAIRED[-1].at - START
    assert "closed" not in found


def test_the_present_step_lasts_until_now() -> None:
    asked = case_events(("request", 0))

    assert time_in_states(CASE, asked, START + 5 * HOUR) == {"requested": 5 * HOUR}
    assert time_in_states(CASE, asked, START - HOUR) == {"requested": timedelta()}


def test_the_customers_and_the_carriers_time_are_told_apart() -> None:
    found = time_by_waits(CASE, REPAIRED, START + 365 * DAY)

    assert found[Waits.CUSTOMER] == (24 + 72 + 24 + 24) * HOUR  # to post, quote, pay, confirm
    assert found[Waits.CARRIER] == (48 + 48) * HOUR
    assert sum(found.values(), timedelta()) == REPAIRED[-1].at - START


def test_the_turnaround_runs_from_receiving_to_shipping() -> None:
    found = turnaround(REPAIRED, START + 365 * DAY)

    assert found is not None
    assert found.whole == (3 + 1 + 1 + 2 + 72 + 24 + 5 + 4 + 8) * HOUR
    assert found.customer == (72 + 24) * HOUR
    assert found.ours == 24 * HOUR


def test_what_was_not_received_has_no_turnaround_and_what_is_here_counts_up_to_now() -> None:
    assert turnaround(REPAIRED[:3], START + 365 * DAY) is None

    here = turnaround(REPAIRED[:5], REPAIRED[4].at + HOUR)

    assert here is not None
    assert here.whole == 4 * HOUR


def test_time_on_hold_is_nobodys() -> None:
    events = case_events(("request", 0), (HOLD, 3), (RESUME, 10), ("approve", 2))

    assert time_in_states(CASE, events, events[-1].at)["requested"] == 5 * HOUR
    assert time_on_hold(events, events[-1].at) == 10 * HOUR


@pytest.mark.parametrize(
    ("events", "days"),
    [
        ((("request", 0),), 30),
        ((("request", 0), ("approve", 0)), 30),
        ((("request", 0), ("approve", 0), ("send_ahead", 0)), 14),
    ],
)
def test_each_wait_has_its_days(events: tuple[tuple[str, float], ...], days: int) -> None:
    assert due_at(case_events(*events), TERMS, START) == START + days * DAY


def test_a_hold_gives_its_time_back() -> None:
    over = case_events(("request", 0), (HOLD, 24), (RESUME, 48))
    lasting = case_events(("request", 0), (HOLD, 24))

    assert due_at(over, TERMS, START + 9 * DAY) == START + 32 * DAY
    assert due_at(lasting, TERMS, START + 9 * DAY) == START + 38 * DAY


def test_what_waits_for_nobody_is_never_due() -> None:
    assert due_at([], TERMS, START) is None
    assert due_at(REPAIRED[:4], TERMS, START) is None


def test_every_state_with_a_deadline_has_a_step_for_it() -> None:
    waiting = {s.from_state for s in CASE.moves if "deadline" in s.needs}

    assert waiting == set(TERM_OF)


@pytest.mark.parametrize(("days", "expected"), [(89, True), (90, False), (91, False)])
def test_a_case_is_repeated_for_as_many_days_as_the_terms_say(days: int, expected: bool) -> None:
    completed = REPAIRED[13].at

    assert is_repeatable(REPAIRED, TERMS, completed + days * DAY) == expected


def test_what_was_never_completed_is_not_repeated() -> None:
    assert not is_repeatable(case_events(("request", 0), ("cancel", 1)), TERMS, START)


def test_boxes_that_came_and_went_are_counted() -> None:
    ahead = Journey().to("ahead")
    assert (ahead.facts.boxes_taken, ahead.facts.boxes_given) == (0, 1)

    ahead.case("receive")
    assert (ahead.facts.boxes_taken, ahead.facts.boxes_given) == (1, 1)


def test_a_replacement_that_came_back_is_not_given() -> None:
    facts = Journey().to("ahead").case("ahead_undelivered").facts

    assert (facts.boxes_given, facts.sent_ahead) == (0, False)


def test_a_replacement_for_a_parcel_lost_on_its_way_here_is_one_for_one() -> None:
    journey = Journey().to("authorised").case("post", "lose", "approve_replace", "allocate")

    assert journey.facts.boxes_taken == 1


def test_disputes_and_second_inspections_are_counted() -> None:
    journey = Journey().know(lines=lines(Verdict.USER_FAULT)).to("deciding").case("dispute")
    assert tally(journey.happened["case"]).disputes == 1
    assert tally(journey.happened["case"]).second_inspections == 0


@given(st.lists(st.integers(0, 200), min_size=len(REPAIRED), max_size=len(REPAIRED)))
def test_the_times_of_all_steps_are_the_time_of_the_case(hours: list[int]) -> None:
    names = [event.event for event in REPAIRED]
    events = case_events(*zip(names, hours, strict=True))

    spent = time_in_states(CASE, events, events[-1].at)

    assert sum(spent.values(), timedelta()) == events[-1].at - events[0].at
