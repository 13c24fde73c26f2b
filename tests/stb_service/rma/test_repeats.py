"""A box that comes back with the same fault is known to, whoever opens the new case."""

from __future__ import annotations

from typing import Any

import pytest

from stb_service.rma.cases import CASE
from stb_service.rma.models import ReturnCase
from stb_service.rma.operations import act
from stb_service.rma.queries import case_by_ref
from stb_service.rma.queries import previous_of as previous_in
from stb_service.shared.access import EVERYTHING, Scope
from stb_service.shared.errors import Refused
from tests.stb_service.rma.conftest import House


def given_back(house: House) -> ReturnCase:
    """Let the box of the case go back without a fault, and the case be closed."""
    house.received_somewhere().judged("none_found", confirmed="no")
    house.on_case("return_nff").on_case("ship", tracking="1Z2").on_case("deliver")
    house.on_case("confirm")
    return house.case


def previous_of(house: House) -> str | None:
    """Return the number of the case that the present one repeats."""
    return house.case.previous.number if house.case.previous else None


def test_the_same_fault_within_the_days_is_linked_by_itself_and_another_is_not(one: House) -> None:
    device = one.customers_box()
    first = given_back(one.open(device, "mainboard"))
    one.tick(days=10)

    other_fault = given_back(one.open(device, "disk"))
    found_other = previous_of(one)
    one.open(device, "power_supply", "mainboard")

    assert (found_other, other_fault.previous_id) == (None, None)
    assert previous_of(one) == first.number
    one.on_case("cancel", reason="a mistake")
    one.tick(days=100)
    one.open(device, "mainboard")
    assert previous_of(one) is None


def test_a_box_repeats_what_the_one_had_that_it_took_the_place_of(one: House) -> None:
    device, spare = one.customers_box(), one.spare()
    one.open(device, "mainboard").received(device).judged()
    one.allocated(spare).on_case("approve_replace").on_case("allocate")
    one.on_case("ship", tracking="1Z3").on_case("deliver").provisioned().on_case("confirm")
    first = one.case

    one.tick(days=3)
    one.open(spare, "mainboard")

    assert previous_of(one) == first.number


def test_the_page_and_the_api_show_what_is_repeated_to_those_who_may_see_it(
    one: House, people: Any, api: Any, client: Any
) -> None:
    device = one.customers_box()
    first = given_back(one.open(device, "mainboard"))
    one.open(device, "mainboard")

    shown = api("GET", f"/returns/{one.ref}").json
    page = client.get(f"/returns/{one.ref}").text
    elsewhere = people.organisation("far").id
    with one.db.read() as session:
        case = session.get_one(ReturnCase, one.case.id)
        seen = [previous_in(session, case, scope) for scope in (EVERYTHING, Scope(elsewhere))]

    assert shown["previous"]["number"] == first.number
    assert f"/returns/{first.number}" in page
    assert [found.number if found else None for found in seen] == [first.number, None]


def test_a_box_that_fails_again_the_day_after_it_came_home_is_taken_in(one: House) -> None:
    device = one.customers_box()
    one.open(device, "mainboard").received_somewhere().judged("none_found", confirmed="no")
    one.on_case("return_nff").on_case("ship", tracking="1Z2").on_case("deliver")
    first = one.case
    one.tick(days=1)

    one.open(device, "mainboard")

    assert (first.state, previous_of(one)) == ("completed", first.number)
    with pytest.raises(Refused) as second:
        one.open(device, "disk")
    assert [obstacle.code for obstacle in second.value.obstacles] == ["only_case"]
    one.received_somewhere().judged()
    with one.db.write() as session:
        act(
            session,
            ref=first.number,
            machine=CASE,
            event="confirm",
            actor=one.actor,
            now=one.now,
        )
    assert (one.ask(case_by_ref, first.number, EVERYTHING).state, one.case.state) == (
        "closed",
        "decision_pending",
    )
