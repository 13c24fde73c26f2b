"""Faults, their verdicts, and what the verdicts of all lines make of a case."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stb_service.rma.verdicts import (
    BILLING_CODES,
    BLAMEABLE,
    OUTCOME_NAMES,
    STRICTEST_FIRST,
    VERDICT_NAMES,
    Confirmed,
    Cover,
    FaultClass,
    FaultLine,
    Outcome,
    Verdict,
    disputable,
    outcome_of,
    verdict_of,
    without_evidence,
)
from tests.stb_service.rma.journey import lines

F, V, O = FaultClass, Verdict, Outcome  # noqa: E741 - one letter each, as in the table
COVERED = Cover(covered=True, excluded=frozenset({*BLAMEABLE, F.WEAR, F.FIRMWARE}))
DOA = replace(COVERED, doa=True)
ENDED = replace(COVERED, covered=False)
CONTRACT = replace(ENDED, contract=True)
OWN = Cover(covered=False, own=True)


@pytest.mark.parametrize(
    ("fault", "cover", "expected"),
    [
        (F.MANUFACTURING, COVERED, V.IN_WARRANTY),
        (F.COMPONENT, COVERED, V.IN_WARRANTY),
        (F.COMPONENT, ENDED, V.OUT_OF_WARRANTY),
        (F.COMPONENT, CONTRACT, V.CONTRACT),
        (F.COMPONENT, DOA, V.DOA),
        (F.FIRMWARE, COVERED, V.IN_WARRANTY),  # excluded by mistake; it is our own
        (F.FIRMWARE, ENDED, V.OUT_OF_WARRANTY),
        (F.TRANSPORT, COVERED, V.IN_WARRANTY),
        (F.TRANSPORT, DOA, V.DOA),
        (F.USER_DAMAGE, COVERED, V.USER_FAULT),
        (F.USER_DAMAGE, DOA, V.USER_FAULT),
        (F.USER_DAMAGE, ENDED, V.USER_FAULT),
        (F.USER_DAMAGE, CONTRACT, V.CONTRACT),
        (F.USER_DAMAGE, OWN, V.USER_FAULT),
        (F.SURGE, OWN, V.OUT_OF_WARRANTY),
        (F.COMPONENT, OWN, V.OUT_OF_WARRANTY),
        (F.LIQUID, COVERED, V.USER_FAULT),
        (F.SURGE, replace(COVERED, excluded=frozenset()), V.IN_WARRANTY),
        (F.SURGE, replace(DOA, excluded=frozenset()), V.IN_WARRANTY),
        (F.THIRD_PARTY, COVERED, V.USER_FAULT),
        (F.WEAR, COVERED, V.OUT_OF_WARRANTY),
        (F.WEAR, replace(COVERED, excluded=frozenset()), V.IN_WARRANTY),
        (F.NONE_FOUND, COVERED, V.NFF),
        (F.NONE_FOUND, ENDED, V.NFF),
    ],
)
def test_a_fault_has_the_verdict_of_its_cause_and_cover(
    fault: FaultClass, cover: Cover, expected: Verdict
) -> None:
    assert verdict_of(fault, Confirmed.YES, cover) == expected


@pytest.mark.parametrize(
    ("most", "hours_on", "expected"),
    [
        (48, None, V.DOA),
        (48, 47, V.DOA),
        (48, 48, V.DOA),
        (48, 49, V.IN_WARRANTY),
        (0, 0, V.DOA),
        (0, 100_000, V.DOA),
    ],
)
def test_a_box_that_ran_too_long_is_in_warranty_as_others(
    most: int, hours_on: int | None, expected: Verdict
) -> None:
    cover = replace(DOA, doa_hours=most)

    assert verdict_of(F.COMPONENT, Confirmed.YES, cover, hours_on=hours_on) == expected


def test_a_fault_that_comes_and_goes_is_a_fault() -> None:
    assert verdict_of(F.COMPONENT, Confirmed.INTERMITTENT, COVERED) == V.IN_WARRANTY
    assert verdict_of(F.COMPONENT, Confirmed.NO, COVERED) == V.NFF


def test_goodwill_is_what_would_have_been_paid() -> None:
    assert verdict_of(F.COMPONENT, Confirmed.YES, ENDED, goodwill=True) == V.GOODWILL
    assert verdict_of(F.USER_DAMAGE, Confirmed.YES, COVERED, goodwill=True) == V.GOODWILL
    assert verdict_of(F.COMPONENT, Confirmed.YES, COVERED, goodwill=True) == V.IN_WARRANTY


@given(
    st.sampled_from(FaultClass),
    st.sampled_from(Confirmed),
    st.builds(Cover, st.booleans(), st.booleans(), st.frozensets(st.sampled_from(FaultClass))),
)
def test_only_what_a_user_can_have_done_is_ever_a_users_fault(
    fault: FaultClass, confirmed: Confirmed, cover: Cover
) -> None:
    found = verdict_of(fault, confirmed, cover)

    assert found != V.USER_FAULT or fault in BLAMEABLE
    assert found != V.DOA or fault not in BLAMEABLE


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], O.UNDECIDED),
        ([V.IN_WARRANTY, None], O.UNDECIDED),
        ([V.USER_FAULT, None], O.UNDECIDED),
        ([V.IN_WARRANTY], O.COVERED),
        ([V.CONTRACT], O.COVERED),
        ([V.GOODWILL, V.NFF], O.COVERED),
        ([V.DOA, V.IN_WARRANTY], O.DOA),
        ([V.DOA, V.USER_FAULT], O.BILLABLE),
        ([V.IN_WARRANTY, V.OUT_OF_WARRANTY], O.BILLABLE),
        ([V.NFF], O.NFF),
        ([V.NFF, V.NFF], O.NFF),
        ([V.NFF, V.USER_FAULT], O.BILLABLE),
    ],
)
def test_the_strictest_line_makes_the_outcome(
    verdicts: list[Verdict | None], expected: Outcome
) -> None:
    assert {outcome_of(order) for order in permutations(lines(*verdicts))} == {expected}


@pytest.mark.parametrize(
    ("line", "other", "expected"),
    [
        ({"agreed": True}, V.IN_WARRANTY, O.AGREED),
        ({"agreed": True}, V.USER_FAULT, O.BILLABLE),
        ({"declined": True}, V.IN_WARRANTY, O.COVERED),
        ({"declined": True}, V.NFF, O.NFF),
        ({"agreed": True}, V.DOA, O.AGREED),
    ],
)
def test_a_price_that_was_agreed_or_declined_is_asked_no_more(
    line: dict[str, Any], other: Verdict, expected: Outcome
) -> None:
    answered = replace(FaultLine(1, V.OUT_OF_WARRANTY), **line)

    assert outcome_of([answered, FaultLine(2, other)]) == expected


def test_all_declined_leaves_nothing_to_do() -> None:
    assert outcome_of(lines(V.USER_FAULT, declined=True)) == O.NOTHING_LEFT


@pytest.mark.parametrize(("photos", "expected"), [(0, [1]), (1, []), (2, [])])
def test_a_user_fault_is_shown_in_a_photograph(photos: int, expected: list[int]) -> None:
    assert without_evidence(lines(V.USER_FAULT, photos=photos)) == expected
    assert without_evidence(lines(V.OUT_OF_WARRANTY, photos=photos)) == []


def test_only_a_user_fault_that_nobody_else_judged_or_agreed_to_is_contested() -> None:
    assert disputable(lines(V.USER_FAULT, V.OUT_OF_WARRANTY)) == [1]
    assert disputable(lines(V.USER_FAULT, second_inspector="omar")) == []
    assert disputable(lines(V.USER_FAULT, agreed=True)) == []
    assert disputable(lines(V.USER_FAULT, declined=True)) == []


def test_every_verdict_and_outcome_has_its_name_place_and_billing() -> None:
    assert set(VERDICT_NAMES) == set(BILLING_CODES) == set(Verdict)
    assert set(OUTCOME_NAMES) == set(STRICTEST_FIRST) == set(Outcome)
