"""What was quoted or chosen, a new or a refurbished box, binds what is allocated and sent."""

from __future__ import annotations

from typing import Any

import pytest

from stb_service.parts.operations import move_stock
from stb_service.rma import comparing, exchange
from stb_service.rma.cases import CASE
from stb_service.rma.models import Comparison
from stb_service.rma.terms import set_model_terms
from stb_service.shared.errors import Invalid
from tests.stb_service.rma.conftest import MAIN, OLD, House
from tests.stb_service.rma.test_branches import TERMS


def refurbished(house: House, serial: str = "SN-9002") -> Any:
    """Put a refurbished box on the shelf."""
    spare = house.spare(serial)
    more = {"to_location": MAIN, "to_condition": "refurbished"}
    house.do(move_stock, device=spare.public_id, **more)
    return spare


def paid(house: House, choice: str = "") -> Comparison:
    """Let another box be quoted, beside what was chosen, accepted and paid."""
    house.do(set_model_terms, model="AUR-1", **TERMS)
    device = house.customers_box(sold_on=OLD)
    house.open(device).received(device).judged()
    made: Comparison = house.say(comparing.compare_repair, parts_minor=0, labour_minor=1_000)
    if choice:
        house.say(comparing.choose, comparison_ref=made.public_id, choice=choice)
    house.quoted(9_900, remedy="replace").on_case("accept").pay_rest()
    house.on_case("release_replacement")
    return made


@pytest.mark.parametrize("choice", ["", "new"])
def test_who_paid_for_a_new_box_gets_none_that_is_refurbished(one: House, choice: str) -> None:
    paid(one, choice)
    one.allocated(refurbished(one))

    assert one.refused(CASE, "allocate") == ["spare_promised"]
    one.say(exchange.release_spare)
    one.allocated(one.spare()).on_case("allocate")


@pytest.mark.parametrize("condition", ["new", "refurbished"])
def test_who_chose_a_refurbished_box_gets_that_or_a_better_one(one: House, condition: str) -> None:
    paid(one, "refurbished")
    spare = one.spare() if condition == "new" else refurbished(one)

    one.allocated(spare).on_case("allocate")
    assert one.case.state == "replacing"


def test_a_box_that_was_put_in_the_place_of_the_allocated_one_is_asked_the_same(
    one: House,
) -> None:
    paid(one)
    one.allocated(one.spare()).on_case("allocate")
    one.say(exchange.release_spare)

    assert one.refused(CASE, "ship", tracking="1Z2")[:1] == ["spare"]
    one.allocated(refurbished(one))
    assert one.refused(CASE, "ship", tracking="1Z2") == ["spare_promised"]
    assert one.refused(CASE, "hand_over", signed_by="Ada") == ["spare_promised"]


def test_another_choice_after_the_quote_was_accepted_says_how_that_was_agreed(one: House) -> None:
    made = paid(one, "new")
    one.allocated(refurbished(one))
    other = {"comparison_ref": made.public_id, "choice": "refurbished"}

    with pytest.raises(Invalid) as refusal:
        one.say(comparing.choose, **other)
    one.say(comparing.choose, **other, note="By phone: rather today than a new one in May")

    assert set(refusal.value.fields) == {"note"}
    assert one.on_case("allocate").case.state == "replacing"
