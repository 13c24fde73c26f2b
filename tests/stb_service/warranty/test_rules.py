"""Whose policy comes first, what may be done when, and what a change takes away."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from stb_service.warranty.cover import Outcome
from stb_service.warranty.periods import LastDay
from stb_service.warranty.policy import (
    Basis,
    OnReplacement,
    OnTransfer,
    Policy,
    Repairs,
    Start,
    Tenure,
)
from stb_service.warranty.rules import (
    GRANTED,
    PRECEDENCE,
    Claim,
    first_day_running,
    given_out,
    in_order,
    last_day_begun,
    obstacles_to_override,
    obstacles_to_publishing,
    obstacles_to_retiring,
    shortened,
)
from tests.conftest import NOW

TODAY = NOW.date()
OLD, NEW = date(2024, 1, 1), date(2025, 1, 1)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({"sale": NEW, "delivery": OLD, "production": OLD}, ("sale", NEW)),
        ({"delivery": NEW, "activation": OLD}, ("delivery", NEW)),
        ({"activation": NEW, "shipment": OLD}, ("activation", NEW)),
        ({"shipment": NEW, "production": OLD}, ("shipment", NEW)),
        ({"production": OLD}, ("production", OLD)),
        ({}, None),
    ],
)
def test_the_day_a_box_was_given_out_is_that_of_its_contract_first(
    known: dict[str, date], found: tuple[str, date] | None
) -> None:
    assert given_out({Basis(name): day for name, day in known.items()}) == found


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (datetime(2026, 3, 2, 9, 59, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 3, 2, 10, 0, tzinfo=UTC), date(2026, 3, 3)),
        (datetime(2026, 3, 2, 10, 1, tzinfo=UTC), date(2026, 3, 3)),
    ],
)
def test_a_day_begins_first_in_the_east(now: datetime, last: date) -> None:
    assert last_day_begun(now) == last


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2026, 3, 2, 11, 59, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2026, 3, 2, 12, 0, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 3, 2, 12, 1, tzinfo=UTC), date(2026, 3, 2)),
    ],
)
def test_a_day_ends_last_in_the_west(now: datetime, first: date) -> None:
    assert first_day_running(now) == first


def claim(policy: int | None, *names: str, since: date = OLD) -> Claim:
    return Claim(policy, since, frozenset(names))


def first(*claims: Claim, day: date = NEW) -> list[int | None]:
    return [found.policy_id for found in in_order(claims, day)]


def test_no_two_assignments_of_one_box_weigh_the_same() -> None:
    names = [set(some) for n in range(4) for some in itertools.combinations(PRECEDENCE, n)]

    assert len({sum(PRECEDENCE[name] for name in some) for some in names}) == len(names) == 8


def test_the_model_comes_before_the_seller_before_the_tenure_before_all() -> None:
    claims = [
        claim(1),
        claim(2, "tenure"),
        claim(3, "seller"),
        claim(4, "seller", "tenure"),
        claim(5, "model"),
        claim(6, "model", "seller", "tenure"),
    ]

    assert first(*claims) == first(*claims[::-1]) == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("day", "found"),
    [(date(2024, 12, 31), [1]), (date(2025, 1, 1), [2]), (date(2025, 1, 2), [2])],
)
def test_a_later_assignment_takes_over_from_its_day(day: date, found: list[int]) -> None:
    assert first(claim(1), claim(2, since=NEW), day=day) == found


@pytest.mark.parametrize(
    ("day", "found"), [(date(2023, 12, 31), []), (date(2024, 1, 1), [1]), (date(2025, 1, 1), [])]
)
def test_an_assignment_holds_from_its_day_until_it_is_ended(day: date, found: list[int]) -> None:
    assert first(claim(1), claim(None, since=NEW), day=day) == found


# --- publishing, retiring, granting --------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "former", "code"),
    [
        (date(1999, 1, 1), None, None),
        (date(2026, 2, 28), OLD, "in-the-past"),
        (date(2026, 3, 1), OLD, None),  # still running in the west
        (date(2026, 3, 2), OLD, None),
        (date(2026, 3, 3), OLD, None),
        (date(2026, 3, 9), date(2026, 3, 10), "not-after"),
        (date(2026, 3, 10), date(2026, 3, 10), "not-after"),
        (date(2026, 3, 11), date(2026, 3, 10), None),
    ],
)
def test_only_the_first_version_begins_in_the_past(
    day: date, former: date | None, code: str | None
) -> None:
    found = obstacles_to_publishing(day, former_from=former, has_draft=True, now=NOW)

    assert [obstacle.code for obstacle in found] == ([code] if code else [])


def test_nothing_is_published_without_a_draft() -> None:
    (found,) = obstacles_to_publishing(TODAY, former_from=None, has_draft=False, now=NOW)

    assert found.code == "no-draft"


@pytest.mark.parametrize(
    ("day", "since", "is_retired", "code"),
    [
        (date(2026, 2, 28), OLD, False, "too-soon"),
        (date(2026, 3, 1), OLD, False, None),
        (date(2026, 3, 2), OLD, False, None),
        (date(2026, 3, 3), OLD, False, None),
        (date(2026, 4, 1), date(2026, 4, 1), False, "too-soon"),
        (date(2026, 4, 2), date(2026, 4, 1), False, None),
        (date(2026, 4, 2), date(2026, 4, 1), True, "retired"),
        (date(2026, 4, 2), None, False, "not-published"),
    ],
)
def test_a_version_ends_today_at_the_soonest_and_once(
    day: date, since: date | None, is_retired: bool, code: str | None
) -> None:
    found = obstacles_to_retiring(day, in_force_from=since, is_retired=is_retired, now=NOW)

    assert [obstacle.code for obstacle in found] == ([code] if code else [])


@pytest.mark.parametrize("wanted", Outcome)
def test_dates_are_not_granted(wanted: Outcome) -> None:
    found = obstacles_to_override(Outcome.NOT_YET, wanted)

    assert (found == []) is (wanted in GRANTED)


def test_what_counts_already_is_not_granted() -> None:
    (found,) = obstacles_to_override(Outcome.COVERED, Outcome.COVERED)

    assert found.code == "decided-so"


# --- what a change takes away --------------------------------------------------------------------

POLICY = Policy(
    code="p",
    version=1,
    jurisdiction="EU",
    starts=(Start(Basis.SALE),),
    months=24,
    last_day=LastDay.ANNIVERSARY,
    doa_days=14,
    doa_hours=48,
    components={"remote": 6},
    repairs=Repairs(suspends=True, tail_days=90, extend_months=12, restarts_component=True),
    replacement=OnReplacement.AT_LEAST,
    replacement_days=90,
    transfer=OnTransfer.ONCE,
    excluded=frozenset({"liquid"}),
    tenures=frozenset({Tenure.SOLD, Tenure.RENTED}),
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"months": 23}, ["The box: 23 months, not 24."]),
        ({"components": {"remote": 5}}, ["Remote control: 5 months, not 6."]),
        ({"components": {"remote": 6, "psu": 12}}, ["psu: 12 months, not 24."]),
        ({"doa_days": 13}, ["Fewer days of dead on arrival."]),
        ({"doa_hours": 47}, ["Dead on arrival up to fewer hours of operation."]),
        ({"last_day": LastDay.DAY_BEFORE}, ["Every term ends a day sooner."]),
        (
            {"starts": (Start(Basis.SHIPMENT),)},
            ["Cover begins by another chain of days, perhaps sooner."],
        ),
        ({"repairs": Repairs(False, 90, 12, True)}, ["Days in our hands are no longer added."]),
        (
            {"repairs": Repairs(True, 89, 12, True)},
            ["What was repaired is covered for fewer days."],
        ),
        ({"repairs": Repairs(True, 90, 11, True)}, ["Who chooses repair is given fewer months."]),
        (
            {"repairs": Repairs(True, 90, 12, False)},
            ["A part that was fitted no longer has its term anew."],
        ),
        (
            {"replacement": OnReplacement.REMAINDER},
            ["A box given for another is covered for less."],
        ),
        ({"replacement_days": 89}, ["A box given for another is covered for less."]),
        ({"transfer": OnTransfer.NEVER}, ["Cover goes with the box to fewer owners."]),
        ({"excluded": frozenset({"liquid", "surge"})}, ["More causes are excluded."]),
        ({"tenures": frozenset({Tenure.SOLD})}, ["Boxes of some tenure lose their cover."]),
    ],
)
def test_a_change_that_gives_less_is_told(change: Mapping[str, Any], words: list[str]) -> None:
    assert [str(found) for found in shortened(POLICY, replace(POLICY, **change))] == words


@pytest.mark.parametrize(
    "change",
    [
        {"months": 25},
        {"components": {"remote": 7}},
        {"components": {}},
        {"doa_days": 15},
        {"doa_hours": 48},
        {"doa_hours": 49},
        {"doa_hours": 0},
        {"replacement": OnReplacement.RESTART},
        {"replacement_days": 91},
        {"transfer": OnTransfer.ALWAYS},
        {"excluded": frozenset()},
        {"tenures": frozenset(Tenure)},
    ],
)
def test_a_change_that_gives_more_is_no_warning(change: Mapping[str, Any]) -> None:
    assert shortened(POLICY, replace(POLICY, **change)) == []


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [((14, 0), (14, 48), 1), ((0, 0), (14, 48), 0), ((14, 0), (0, 48), 1), ((0, 48), (0, 1), 0)],
)
def test_a_limit_of_hours_takes_from_those_only_who_had_days(
    before: tuple[int, int], after: tuple[int, int], count: int
) -> None:
    old, new = (replace(POLICY, doa_days=days, doa_hours=hours) for days, hours in (before, after))

    assert len(shortened(old, new)) == count


def test_a_policy_that_stays_takes_nothing_away() -> None:
    assert shortened(POLICY, replace(POLICY, version=2)) == []
