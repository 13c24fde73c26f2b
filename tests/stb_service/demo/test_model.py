"""What the model of the demonstration draws: seasons, and faults along the bathtub curve."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from statistics import mean

import pytest

from stb_service.demo.model import (
    QUIET_DAYS,
    SEASON,
    TROUBLES,
    Phase,
    Reliability,
    chance_of,
    faults_of,
    sale_days,
)

FIRST = date(2024, 1, 1)
NEVER = 1e9


def ages(kind: Reliability, phase: Phase, *, years: int = 10) -> list[int]:
    """The ages, in days, at which 200 boxes of a kind have faults of a phase."""
    until = FIRST + timedelta(days=365 * years)
    return [
        (fault.happens_on - FIRST).days
        for box in range(200)
        for fault in faults_of(chance_of(box, "box"), kind, FIRST, FIRST, until)
        if fault.phase == phase
    ]


def test_a_weakness_of_its_making_shows_early() -> None:
    found = ages(Reliability(weak_share=1.0, yearly=1e-9, wear_years=NEVER), Phase.EARLY)

    assert len(found) == 200
    assert 20 < mean(found) < 40


def test_faults_of_no_particular_age_come_at_their_yearly_rate() -> None:
    found = ages(Reliability(weak_share=0.0, yearly=0.1, wear_years=NEVER), Phase.CONSTANT)

    assert 160 < len(found) < 240
    assert 4.5 < mean(found) / 365 < 5.5


def test_wear_sets_in_about_its_age_and_not_before() -> None:
    found = ages(Reliability(weak_share=0.0, yearly=1e-9, wear_years=6.0), Phase.WEAR, years=8)

    assert 5.0 < mean(found) / 365 < 6.5
    assert len([age for age in found if age < 365]) < 3


def test_a_box_that_was_just_seen_to_has_no_other_fault_for_a_while() -> None:
    kind = Reliability(weak_share=1.0, yearly=8.0, wear_years=1.0)
    found = faults_of(chance_of(1, "x"), kind, FIRST, FIRST, FIRST + timedelta(days=3000))

    days = [fault.happens_on for fault in found]
    assert len(days) > 10
    assert min((b - a).days for a, b in pairwise(days)) >= QUIET_DAYS


def test_only_faults_that_are_reported_within_the_history_are_told() -> None:
    kind = Reliability(weak_share=1.0, yearly=8.0, wear_years=1.0)
    since, until = FIRST + timedelta(days=400), FIRST + timedelta(days=800)

    found = faults_of(chance_of(1, "x"), kind, FIRST, since, until)

    assert found
    assert all(since <= fault.reported_on <= until for fault in found)
    assert all(fault.happens_on <= fault.reported_on for fault in found)


@pytest.mark.parametrize("phase", list(Phase))
def test_a_phase_has_troubles_of_its_own(phase: Phase) -> None:
    assert sum(trouble.weight for trouble in TROUBLES[phase]) > 0


def test_sales_follow_the_season_and_rest_on_sundays() -> None:
    days = sale_days(chance_of(1, "sales"), 6_000, date(2024, 1, 1), date(2025, 12, 31))

    months = Counter(day.month for day in days)
    assert months[12] > 2 * months[2]
    assert {day.weekday() for day in days} == set(range(6))
    assert days == sorted(days)
    assert set(SEASON) == set(range(1, 13))


def test_sales_grow() -> None:
    days = sale_days(chance_of(1, "sales"), 6_000, date(2024, 1, 1), date(2025, 12, 31))

    years = Counter(day.year for day in days)
    assert 1.05 < years[2025] / years[2024] < 1.4


def test_what_is_drawn_for_one_topic_does_not_change_another() -> None:
    first, second = chance_of(1, "one"), chance_of(1, "two")

    assert first.random() != second.random()
    assert chance_of(1, "one").random() == chance_of(1, "one").random()
