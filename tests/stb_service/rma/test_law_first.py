"""A model's threshold is the operator's; a consumer who may choose the repair gets it all the same."""

from __future__ import annotations

import pytest

from stb_service.rma import comparing
from stb_service.rma.cases import CASE
from stb_service.rma.terms import set_model_terms
from tests.stb_service.rma.conftest import House


def compared(house: House, choice: str, *, parts: int = 4_500) -> House:
    """Compare a repair that costs more than the threshold, and let the customer choose."""
    made = house.say(
        comparing.compare_repair, parts_minor=parts, labour_minor=2_000, more={"bounce_permille": 0}
    )
    assert made.result["beyond_repair"] is True
    if choice:
        house.say(comparing.choose, comparison_ref=made.public_id, choice=choice)
    return house


@pytest.fixture
def covered(one: House) -> House:
    """A covered fault of a box whose model has a threshold of 60 %."""
    one.do(set_model_terms, model="AUR-1", tau_permille=600, new_minor=9_900)
    return one.open(one.customers_box()).received_somewhere().judged()


def test_a_repair_that_may_not_be_refused_and_was_chosen_is_approved(covered: House) -> None:
    compared(covered, "repair")
    assert covered.on_case("approve_repair").states == ("approved_repair", "planned")


@pytest.mark.parametrize("choice", ["", "new"])
def test_a_repair_that_was_not_chosen_goes_by_the_threshold(covered: House, choice: str) -> None:
    compared(covered, choice)
    assert "may_repair" in covered.refused(CASE, "approve_repair")


def test_a_repair_out_of_proportion_is_refused_whatever_was_chosen(covered: House) -> None:
    compared(covered, "repair", parts=30_000)
    assert "may_repair" in covered.refused(CASE, "approve_repair")


def test_a_choice_made_before_the_last_comparison_still_counts(covered: House) -> None:
    compared(compared(covered, "repair"), "", parts=4_600)
    assert covered.on_case("approve_repair").states == ("approved_repair", "planned")
