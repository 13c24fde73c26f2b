"""Returns as they go, through the operations, with real warranty, billing and stock."""

from __future__ import annotations

from tests.stb_service.rma.conftest import BENCH, House


def test_a_repair_in_warranty(house: House) -> None:
    device = house.customers_box()
    house.parts()
    house.open(device, "power_supply", complaint="stays dark")

    house.received(device)
    assert house.states == ("received", "arrived")
    assert house.place_of(device) == (BENCH, "defective")
    assert house.device(device).status == "in_rma"

    house.judged()
    assert house.states == ("decision_pending", "inspected")
    house.on_case("approve_repair").repaired()
    assert house.states == ("repaired", "repaired")

    house.on_case("ship", carrier="Post", tracking="1Z2").on_case("deliver")
    assert house.place_of(device) == ("CUSTOMER", "defective")
    assert house.device(device).status == "sold"
    house.on_case("confirm")

    assert house.states == ("closed", "given_back")
    assert house.case.closed_at is not None
    assert house.facts.balance_minor == 0
