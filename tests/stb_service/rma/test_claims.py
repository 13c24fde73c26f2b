"""Claims from suppliers, and their credit notes held against them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stb_service.rma.claims import (
    CLAIM,
    EVENT_OF,
    MATCH_NAMES,
    Claimed,
    Credited,
    Match,
    reconcile,
)
from stb_service.rma.machine import NEW, Position
from stb_service.shared.access import VERBS


def test_every_claim_can_be_ended_and_what_has_ended_moves_no_more() -> None:
    ends = {step.from_state for step in CLAIM.moves if step.to_state in CLAIM.final_states}
    before = {step.from_state for step in CLAIM.moves if step.to_state in ends}

    assert ends | before | CLAIM.final_states >= set(CLAIM.places) - {NEW}
    assert all(CLAIM.steps_from(Position(state)) == [] for state in CLAIM.final_states)


def test_every_event_of_a_claim_is_in_its_table() -> None:
    assert {step.event for step in CLAIM.steps} == set(CLAIM.events)
    assert {step.verb for step in CLAIM.steps} <= set(VERBS)
    assert set(EVENT_OF.values()) <= set(CLAIM.events)


@pytest.mark.parametrize(
    ("credited", "match"), [(4_999, Match.SHORT), (5_000, Match.MATCHED), (5_001, Match.OVER)]
)
def test_a_credit_is_held_against_its_claim(credited: int, match: Match) -> None:
    found = reconcile([Claimed("C-1", 5_000, "EUR")], [Credited(" c-1 ", credited, "EUR")])

    assert [(one.number, one.match, one.credited_minor) for one in found] == [
        ("C-1", match, credited)
    ]


def test_lines_under_one_number_add_up_and_the_rest_is_named() -> None:
    claims = [Claimed("C-1", 5_000, "EUR"), Claimed("C-2", 700, "EUR"), Claimed("C-3", 1, "EUR")]
    credit = [
        Credited("C-1", 3_000, "EUR"),
        Credited("C-9", 50, "EUR"),
        Credited("C-1", 2_000, "EUR"),
        Credited("C-3", 1, "USD"),
    ]

    assert [(one.number, one.match) for one in reconcile(claims, credit)] == [
        ("C-1", Match.MATCHED),
        ("C-2", Match.MISSING),
        ("C-3", Match.CURRENCY),
        ("C-9", Match.UNKNOWN),
    ]


NUMBERS = st.sampled_from(["C-1", "C-2", "C-3", "C-4"])
CLAIMS = st.dictionaries(NUMBERS, st.integers(1, 999), max_size=4).map(
    lambda found: [Claimed(number, amount, "EUR") for number, amount in found.items()]
)
CREDIT = st.lists(st.builds(Credited, NUMBERS, st.integers(-99, 999), st.just("EUR")), max_size=6)


@given(CLAIMS, CREDIT)
def test_nothing_that_was_claimed_or_credited_is_lost(
    claims: list[Claimed], credit: list[Credited]
) -> None:
    found = reconcile(claims, credit)

    assert sum(one.claimed_minor for one in found) == sum(c.amount_minor for c in claims)
    assert sum(one.credited_minor for one in found) == sum(c.amount_minor for c in credit)
    assert len({one.number for one in found}) == len(found)


@given(CLAIMS, st.permutations([Credited(f"C-{n}", n, "EUR") for n in range(1, 5)]))
def test_the_order_of_the_note_does_not_matter(
    claims: list[Claimed], credit: list[Credited]
) -> None:
    backwards = reconcile(claims, credit[::-1])

    assert set(reconcile(claims, credit)) == set(backwards)


def test_every_match_has_its_name() -> None:
    assert set(MATCH_NAMES) == set(Match)
