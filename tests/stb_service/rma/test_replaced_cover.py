"""What warranty a box has that was given for another: what was left of it, or, bought, its own."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from stb_service.rma import deciding
from stb_service.rma.cover_facts import facts
from stb_service.rma.terms import set_model_terms
from stb_service.warranty.facts import Stay
from stb_service.warranty.models import WarrantyDecision
from tests.stb_service.rma.conftest import BENCH, OLD, House
from tests.stb_service.rma.test_branches import TERMS


def cover_of(house: House, device: Any, component: str = "") -> WarrantyDecision:
    """Decide today on a fault of a box."""
    return house.decide(device, reported_on=house.now.date(), component=component, sources=(facts,))


def exchanged(house: House, device: Any, component: str, spare: Any) -> House:
    """Let a box be replaced within its warranty."""
    house.open(device, component).received(device).judged()
    house.allocated(spare).on_case("approve_replace").on_case("allocate")
    return house.on_case("ship", tracking="1Z3").on_case("deliver")


def test_a_replacement_has_what_was_left_of_the_box_component_by_component(one: House) -> None:
    device, spare = one.customers_box(), one.spare()

    exchanged(one, device, "mainboard", spare).provisioned()

    assert cover_of(one, spare).covered_until == date(2027, 5, 5)
    assert cover_of(one, spare, "mainboard").covered_until == date(2027, 5, 5)
    assert cover_of(one, spare, "remote").outcome == "no_cover"


def test_a_fault_of_a_component_with_a_short_term_does_not_shorten_the_new_box(one: House) -> None:
    device, spare = one.customers_box(sold_on=date(2025, 12, 1)), one.spare()

    exchanged(one, device, "remote", spare).provisioned()

    assert cover_of(one, spare).covered_until == date(2027, 12, 1)
    assert cover_of(one, spare, "remote").covered_until == date(2026, 6, 1)


def bought(house: House, spare: Any) -> House:
    """Let the customer of a box whose warranty is over buy another in its place."""
    device = house.customers_box(sold_on=OLD)
    house.open(device, "mainboard").received(device).judged()
    house.quoted(9_900, remedy="replace").on_case("accept").pay_rest()
    house.on_case("release_replacement").allocated(spare).on_case("allocate")
    return house.on_case("ship", tracking="1Z3").on_case("deliver")


@pytest.mark.parametrize("rule", ["remainder", "at_least", "restart"])
def test_a_box_that_was_bought_has_a_warranty_of_its_own(one: House, rule: str) -> None:
    spare = one.spare()
    one.in_force(rule, replacement=rule, replacement_days=90)
    one.assign(rule)

    bought(one, spare).provisioned()

    first = one.now.date()
    made = cover_of(one, spare)
    assert made.outcome == "dead_on_arrival"
    assert (made.started_on, made.covered_until) == (first, first.replace(year=first.year + 2))
    assert "bought" in [row["name"] for row in made.trace]
    assert "start_replaced" not in [row["name"] for row in made.trace]


def test_who_pays_the_fee_for_a_replacement_has_bought_it(one: House) -> None:
    device, spare = one.customers_box(sold_on=OLD), one.spare()
    one.do(set_model_terms, model="AUR-1", may_send_ahead=True, **TERMS)
    one.open(device, "mainboard").authorised().allocated(spare).state("fee_agreed")
    one.on_case("send_ahead", tracking="1Z9")
    one.on_case("receive", scanned=device.serial, location=BENCH).judged()
    one.on_case("settle_uncovered")

    assert cover_of(one, spare).covered_until == date(2028, 3, 2)


def test_days_in_our_hands_are_added_to_what_was_left(one: House) -> None:
    one.in_force("whole", repairs={"suspends": True, "tail_days": 90})
    one.assign("whole")
    device, spare = one.customers_box(), one.spare()
    one.open(device, "mainboard").received(device)
    one.tick(days=9)
    one.judged().allocated(spare).on_case("approve_replace").on_case("allocate")
    one.on_case("ship", tracking="1Z3").on_case("deliver").provisioned()

    assert cover_of(one, spare).covered_until == date(2027, 5, 5 + 11)


def chosen(house: House) -> Any:
    """Let the customer of a covered box choose its repair, where that brings longer cover."""
    repairs = {"suspends": True, "tail_days": 400, "extend_months": 12}
    house.in_force("longer", repairs=repairs)
    house.assign("longer")
    house.parts()
    device = house.customers_box()
    house.open(device, "power_supply").received(device).judged()
    house.state("remedy_chosen").on_case("approve_repair")
    return device


def given_back(house: House) -> date:
    """Let the box of the case go home; return the day on which it came."""
    house.on_case("ship", tracking="1Z2").on_case("deliver").on_case("confirm")
    return house.now.date()


def test_a_covered_box_that_goes_home_unrepaired_has_only_the_days_it_was_away(one: House) -> None:
    device = chosen(one)
    one.on_case("withdraw", reason="moves abroad")
    went = given_back(one)

    with one.db.read() as session:
        assert list(facts(session, device.public_id)) == [Stay(date(2026, 3, 2), went)]
    days = (went - date(2026, 3, 2)).days + 1
    for component in ("", "power_supply"):
        assert cover_of(one, device, component).covered_until == date(2027, 5, 5 + days)


def test_a_repair_that_failed_its_test_afterwards_and_was_withdrawn_gives_nothing(
    one: House,
) -> None:
    device = chosen(one)
    one.repaired().on_order("fail", reason="no picture")
    one.judge(one.say(deciding.add_fault, symptom="no picture").number, "wear")
    one.on_order("find_more").on_case("withdraw", reason="moves abroad")
    went = given_back(one)

    with one.db.read() as session:
        assert Stay(date(2026, 3, 2), went) in list(facts(session, device.public_id))


def test_a_repair_that_was_done_gives_what_the_policy_promises(one: House) -> None:
    device = chosen(one)
    one.repaired()
    went = given_back(one)

    stay = Stay(date(2026, 3, 2), went, frozenset({"power_supply"}), chose_repair=True)
    with one.db.read() as session:
        assert stay in list(facts(session, device.public_id))
