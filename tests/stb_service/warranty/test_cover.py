"""What cover a box has, worked out by hand; boundaries in threes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from stb_service.warranty.cover import Cover, Fit, Known, Outcome, Replaced, Stay, cover, outcome_of
from stb_service.warranty.periods import LastDay, last_of_months
from stb_service.warranty.policy import (
    Basis,
    OnReplacement,
    OnTransfer,
    Policy,
    Repairs,
    Start,
    Tenure,
)

A, B = LastDay.ANNIVERSARY, LastDay.DAY_BEFORE
LATER = date(2040, 1, 1)
EU = Policy(
    code="eu-consumer",
    version=1,
    jurisdiction="EU",
    starts=(
        Start(Basis.DELIVERY),
        Start(Basis.SALE),
        Start(Basis.ACTIVATION),
        Start(Basis.PRODUCTION, after_days=180),
    ),
    months=24,
    last_day=A,
    doa_days=14,
    components={"remote": 6, "psu": 12},
    repairs=Repairs(suspends=True, tail_days=90, extend_months=12),
    excluded=frozenset({"liquid", "surge"}),
)
B2B = replace(
    EU,
    code="b2b",
    starts=(
        Start(Basis.ACTIVATION, at_most_after=Basis.SHIPMENT, at_most_days=90),
        Start(Basis.SHIPMENT),
    ),
    months=12,
    last_day=B,
    repairs=Repairs(),
)


def day(text: str) -> date:
    return date.fromisoformat(text)


def delivered(text: str, **known: object) -> Known:
    return replace(Known(days={Basis.DELIVERY: day(text)}), **known)  # type: ignore[arg-type]


def last_of(known: Known, policy: Policy, component: str | None = None, as_of: date = LATER) -> str:
    return str(cover(known, policy, component, as_of).last)


@pytest.mark.parametrize(
    ("first", "months", "anniversary", "day_before"),
    [
        ("2024-03-01", 24, "2026-03-01", "2026-02-28"),
        ("2023-03-01", 12, "2024-03-01", "2024-02-29"),
        ("2024-02-28", 12, "2025-02-28", "2025-02-27"),
        ("2024-02-29", 12, "2025-02-28", "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29", "2028-02-28"),
        ("2025-01-30", 1, "2025-02-28", "2025-02-28"),
        ("2025-01-31", 1, "2025-02-28", "2025-02-28"),
        ("2024-01-31", 1, "2024-02-29", "2024-02-29"),
        ("2025-01-28", 1, "2025-02-28", "2025-02-27"),
        ("2025-08-31", 6, "2026-02-28", "2026-02-28"),
        ("2025-12-31", 2, "2026-02-28", "2026-02-28"),
        ("2025-12-01", 1, "2026-01-01", "2025-12-31"),
    ],
)
def test_a_term_of_months_ends_by_either_convention(
    first: str, months: int, anniversary: str, day_before: str
) -> None:
    found = [str(last_of_months(day(first), months, convention)) for convention in (A, B)]

    assert found == [anniversary, day_before]


@pytest.mark.parametrize(
    ("days", "policy", "first", "presumed"),
    [
        ({"delivery": "2025-05-05", "sale": "2025-05-01"}, EU, "2025-05-05", False),
        ({"sale": "2025-05-01", "activation": "2025-05-09"}, EU, "2025-05-01", True),
        ({"activation": "2025-05-09", "production": "2025-01-01"}, EU, "2025-05-09", True),
        ({"production": "2025-01-01"}, EU, "2025-06-30", True),
        ({"activation": "2025-05-01", "shipment": "2025-01-31"}, B2B, "2025-05-01", False),
        ({"activation": "2025-05-02", "shipment": "2025-01-31"}, B2B, "2025-05-01", False),
        ({"activation": "2025-04-30", "shipment": "2025-01-31"}, B2B, "2025-04-30", False),
        ({"activation": "2026-05-02"}, B2B, "2026-05-02", False),
        ({"shipment": "2025-01-31"}, B2B, "2025-01-31", True),
    ],
)
def test_cover_begins_with_the_first_day_of_the_chain_that_is_known(
    days: dict[str, str], policy: Policy, first: str, presumed: bool
) -> None:
    known = Known(days={Basis(basis): day(when) for basis, when in days.items()})

    found = cover(known, policy, None, LATER)

    assert (str(found.started_on), found.is_presumed) == (first, presumed)


def test_without_any_evidence_there_is_no_cover_and_the_trace_says_so() -> None:
    found = cover(Known(), EU, None, LATER)

    assert found.spans == ()
    assert [rule.name for rule in found.trace] == ["start_unknown"] * 4 + ["no_evidence"]


@pytest.mark.parametrize("tenure", [Tenure.RENTED, Tenure.ON_LOAN])
def test_a_box_that_is_the_operators_has_no_consumer_warranty(tenure: Tenure) -> None:
    found = cover(delivered("2025-05-05", tenure=tenure), EU, None, LATER)

    assert (found.spans, [rule.name for rule in found.trace]) == ((), ["tenure"])


@pytest.mark.parametrize(
    ("component", "last"),
    [
        (None, "2027-05-05"),
        ("mainboard", "2027-05-05"),
        ("psu", "2026-05-05"),
        ("remote", "2025-11-05"),
    ],
)
def test_a_component_may_have_a_term_of_its_own(component: str | None, last: str) -> None:
    assert last_of(delivered("2025-05-05"), EU, component) == last


STAYS = [
    # received, delivered, ... and the last day of 24 months from 2025-05-05
    ([("2025-06-10", "2025-06-19")], "2027-05-15"),
    ([("2025-06-10", "2025-06-10")], "2027-05-06"),
    ([("2025-06-10", "2025-06-19"), ("2025-06-15", "2025-06-25")], "2027-05-21"),
    ([("2025-06-10", "2025-06-19"), ("2025-06-19", "2025-06-20")], "2027-05-16"),
    ([("2025-06-10", "2025-06-19"), ("2025-06-20", "2025-06-29")], "2027-05-25"),
    ([("2025-06-10", "2025-06-29"), ("2025-06-15", "2025-06-16")], "2027-05-25"),
    ([("2027-05-04", "2027-05-13")], "2027-05-15"),
    ([("2027-05-05", "2027-05-14")], "2027-05-15"),
    ([("2027-05-06", "2027-05-15")], "2027-05-05"),
    # in what the first one added, and one day after it
    ([("2025-06-10", "2025-06-19"), ("2027-05-15", "2027-05-15")], "2027-05-16"),
    ([("2025-06-10", "2025-06-19"), ("2027-05-16", "2027-05-16")], "2027-05-15"),
]


@pytest.mark.parametrize(("stays", "last"), STAYS)
def test_days_in_our_hands_are_added_once(stays: list[tuple[str, str]], last: str) -> None:
    made = tuple(Stay(day(first), day(end)) for first, end in stays)

    assert last_of(delivered("2025-05-05", stays=made), EU) == last
    assert last_of(delivered("2025-05-05", stays=made[::-1]), EU) == last
    assert last_of(delivered("2025-05-05", stays=made), B2B_BY_DELIVERY) == "2026-05-04"


B2B_BY_DELIVERY = replace(B2B, starts=(Start(Basis.DELIVERY),))


@pytest.mark.parametrize(
    ("as_of", "last"),
    [("2025-06-09", "2027-05-05"), ("2025-06-10", "2027-05-06"), ("2025-06-14", "2027-05-10")],
)
def test_a_stay_that_lasts_counts_up_to_the_day_that_is_asked_about(as_of: str, last: str) -> None:
    known = delivered("2025-05-05", stays=(Stay(day("2025-06-10")),))

    assert last_of(known, EU, as_of=day(as_of)) == last


REPAIR = Stay(day("2027-04-20"), day("2027-04-29"), frozenset({"tuner"}))


@pytest.mark.parametrize(
    ("component", "chose", "last"),
    [
        (None, False, "2027-05-15"),  # 10 days in our hands
        ("mainboard", False, "2027-05-15"),
        ("tuner", False, "2027-07-28"),  # 90 days after 29 April
        (None, True, "2028-05-15"),  # 10 days and a year
        ("tuner", True, "2028-05-15"),
    ],
)
def test_a_repair_gives_a_tail_to_what_was_repaired_and_a_year_to_who_chose_it(
    component: str | None, chose: bool, last: str
) -> None:
    known = delivered("2025-05-05", stays=(replace(REPAIR, chose_repair=chose),))

    assert last_of(known, EU, component) == last


def test_the_year_for_choosing_repair_is_given_once() -> None:
    one = Stay(day("2025-06-10"), day("2025-06-10"), chose_repair=True)
    two = Stay(day("2026-06-10"), day("2026-06-10"), chose_repair=True)

    assert last_of(delivered("2025-05-05", stays=(one,)), EU) == "2028-05-06"
    assert last_of(delivered("2025-05-05", stays=(two, one)), EU) == "2028-05-07"


@pytest.mark.parametrize(
    ("received", "last"),
    [("2027-05-04", "2028-05-06"), ("2027-05-05", "2028-05-06"), ("2027-05-06", "2027-05-05")],
)
def test_the_year_is_given_only_where_the_repair_began_in_cover(received: str, last: str) -> None:
    stay = Stay(day(received), day(received), chose_repair=True)

    assert last_of(delivered("2025-05-05", stays=(stay,)), EU) == last


RESTARTS = replace(EU, repairs=Repairs(restarts_component=True))


@pytest.mark.parametrize(
    ("fitted", "last"), [("2025-05-06", "2026-05-06"), ("2026-03-31", "2027-03-31")]
)
def test_a_part_fitted_in_a_repair_has_its_term_anew(fitted: str, last: str) -> None:
    known = delivered("2025-05-05", fits=(Fit("psu", day(fitted)),))

    assert last_of(known, RESTARTS, "psu") == last
    assert last_of(known, RESTARTS, "remote") == "2025-11-05"
    assert last_of(known, RESTARTS) == "2027-05-05"


def test_a_part_fitted_after_the_term_leaves_a_gap_that_is_not_covered() -> None:
    known = delivered("2025-05-05", fits=(Fit("psu", day("2026-06-01")),))

    found = cover(known, RESTARTS, "psu", LATER)

    days = [day(text) for text in ("2026-05-05", "2026-05-06", "2026-05-31", "2026-06-01")]
    assert [found.holds_on(one) for one in days] == [True, False, False, True]
    assert str(found.last) == "2027-06-01"


@pytest.mark.parametrize(
    ("rule", "days", "other", "last"),
    [
        (OnReplacement.REMAINDER, 0, "2026-01-31", "2026-01-31"),
        (OnReplacement.REMAINDER, 0, "2025-11-10", "2025-11-10"),
        (OnReplacement.REMAINDER, 0, "2025-11-09", "None"),
        (OnReplacement.REMAINDER, 0, None, "None"),
        (OnReplacement.AT_LEAST, 90, "2026-02-07", "2026-02-08"),
        (OnReplacement.AT_LEAST, 90, "2026-02-08", "2026-02-08"),
        (OnReplacement.AT_LEAST, 90, "2026-02-09", "2026-02-09"),
        (OnReplacement.AT_LEAST, 90, None, "2026-02-08"),
        (OnReplacement.RESTART, 0, "2026-01-31", "2027-11-10"),
    ],
)
def test_a_replacement_inherits_by_rule(
    rule: OnReplacement, days: int, other: str | None, last: str
) -> None:
    policy = replace(EU, replacement=rule, replacement_days=days)
    other_last = None if other is None else day(other)
    known = delivered("2020-01-01", replaced=Replaced(day("2025-11-10"), other_last))

    assert last_of(known, policy) == last


@pytest.mark.parametrize(
    ("rule", "transfers", "last"),
    [
        (OnTransfer.ALWAYS, ["2025-07-01", "2026-07-01"], "2027-05-05"),
        (OnTransfer.ONCE, ["2025-07-01"], "2027-05-05"),
        (OnTransfer.ONCE, ["2026-07-01", "2025-07-01"], "2026-06-30"),
        (OnTransfer.NEVER, ["2025-07-01"], "2025-06-30"),
        (OnTransfer.NEVER, ["2025-05-05"], "None"),
        (OnTransfer.NEVER, ["2027-05-06"], "2027-05-05"),
        (OnTransfer.NEVER, [], "2027-05-05"),
    ],
)
def test_another_owner_has_cover_by_rule(rule: OnTransfer, transfers: list[str], last: str) -> None:
    known = delivered("2025-05-05", transfers=tuple(day(one) for one in transfers))

    assert last_of(known, replace(EU, transfer=rule)) == last


@pytest.mark.parametrize(
    ("reported", "cause", "outcome"),
    [
        ("2025-05-04", None, Outcome.NOT_YET),
        ("2025-05-05", None, Outcome.DEAD_ON_ARRIVAL),
        ("2025-05-18", None, Outcome.DEAD_ON_ARRIVAL),
        ("2025-05-19", None, Outcome.DEAD_ON_ARRIVAL),
        ("2025-05-20", None, Outcome.COVERED),
        ("2025-05-18", "liquid", Outcome.EXCLUDED),
        ("2025-05-18", "manufacturing", Outcome.DEAD_ON_ARRIVAL),
        ("2027-05-04", "manufacturing", Outcome.COVERED),
        ("2027-05-05", "manufacturing", Outcome.COVERED),
        ("2027-05-05", "surge", Outcome.EXCLUDED),
        ("2027-05-06", "manufacturing", Outcome.EXPIRED),
    ],
)
def test_what_a_fault_gets(reported: str, cause: str | None, outcome: Outcome) -> None:
    found = cover(delivered("2025-05-05"), EU, None, day(reported))

    assert outcome_of(found, EU, day(reported), cause) == outcome


@pytest.mark.parametrize(
    ("most", "hours", "outcome"),
    [
        (48, None, Outcome.DEAD_ON_ARRIVAL),
        (48, 0, Outcome.DEAD_ON_ARRIVAL),
        (48, 47, Outcome.DEAD_ON_ARRIVAL),
        (48, 48, Outcome.DEAD_ON_ARRIVAL),
        (48, 49, Outcome.COVERED),
        (0, 49, Outcome.DEAD_ON_ARRIVAL),
    ],
)
def test_what_ran_too_long_is_not_dead_on_arrival(
    most: int, hours: int | None, outcome: Outcome
) -> None:
    policy = replace(EU, doa_hours=most)
    found = cover(delivered("2025-05-05"), policy, None, day("2025-05-06"))

    assert outcome_of(found, policy, day("2025-05-06"), None, hours) == outcome


def test_every_date_has_its_rule() -> None:
    known = delivered("2025-05-05", stays=(replace(REPAIR, chose_repair=True),))

    found: Cover = cover(known, EU, "tuner", LATER)

    assert [(rule.name, str(rule.day)) for rule in found.trace] == [
        ("start", "2025-05-05"),
        ("term", "2027-05-05"),
        ("suspended", "2027-05-15"),
        ("extended", "2028-05-15"),
    ]
    assert found.last == found.trace[-1].day
    assert found.spans[0].first == day("2027-05-05") - timedelta(days=730)
