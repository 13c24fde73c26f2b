"""The threshold and the law are no inputs of whoever compares repair and replacement."""

from __future__ import annotations

from typing import Any

import pytest

from stb_service.rma import comparing
from stb_service.rma.cases import CASE
from stb_service.rma.comparison import Inputs
from stb_service.rma.terms import set_model_terms
from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.errors import Invalid
from tests.stb_service.rma.conftest import House

TECHNICIAN = Actor("person", "tech", "tech", builtin_verbs("technician"))


@pytest.fixture
def covered(one: House) -> House:
    """A covered fault of a box whose model has a threshold of 60 % of 99.00."""
    one.do(set_model_terms, model="AUR-1", tau_permille=600, new_minor=9_900)
    return one.open(one.customers_box()).received_somewhere().judged()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tau_permille", 1),
        ("consumer_chooses", False),
        ("disproportion_permille", 1),
        ("unit_minor", 1),
        ("currency", "USD"),
    ],
)
def test_what_the_terms_and_the_law_say_is_not_typed(covered: House, name: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        covered.say(
            comparing.compare_repair,
            parts_minor=100,
            labour_minor=100,
            more={name: value},
            actor=TECHNICIAN,
        )
    assert list(refused.value.fields) == [name]


def test_a_cheap_repair_that_was_chosen_is_approved_whoever_compares(covered: House) -> None:
    made = covered.say(
        comparing.compare_repair,
        parts_minor=100,
        labour_minor=100,
        more={"bounce_permille": 1_000},
        actor=TECHNICIAN,
    )
    assert (made.result["limit_minor"], made.result["beyond_repair"]) == (5_940, False)
    covered.say(comparing.choose, comparison_ref=made.public_id, choice="repair")
    assert covered.on_case("approve_repair").states == ("approved_repair", "planned")


def test_the_price_of_a_replacement_is_typed_where_the_terms_have_none(covered: House) -> None:
    covered.do(set_model_terms, model="AUR-1", new_minor=0)
    made = covered.say(
        comparing.compare_repair, parts_minor=100, labour_minor=100, more={"unit_minor": 9_900}
    )
    assert made.result["beyond_repair"] is False


@pytest.mark.parametrize(("tenure", "chooses"), [("sold", True), ("rented", False)])
def test_a_consumer_chooses_for_a_box_that_was_bought(
    one: House, tenure: str, *, chooses: bool
) -> None:
    one.do(set_model_terms, model="AUR-1", tau_permille=600, new_minor=9_900)
    one.open(one.customers_box(tenure=tenure)).received_somewhere().judged()
    made = one.say(comparing.compare_repair, parts_minor=9_000, labour_minor=0)
    assert Inputs(**made.inputs).consumer_chooses is chooses
    assert made.result["may_refuse_choice"] is not chooses


def test_what_is_beyond_repair_is_so_by_the_terms_alone(covered: House) -> None:
    covered.say(comparing.compare_repair, parts_minor=9_000, labour_minor=0)
    assert "may_repair" in covered.refused(CASE, "approve_repair")
