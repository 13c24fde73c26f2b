"""What leaves the house, becomes scrap or comes back moves in stock, whether or not a place is named."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from stb_service.parts.catalogue.operations import create_location
from stb_service.parts.catalogue.queries import part_by_ref
from stb_service.parts.ledger import Place, balance_of, find_position
from stb_service.parts.queries import location_by_ref
from stb_service.parts.rules import Balance
from stb_service.rma import bench, exchange
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Invalid
from tests.stb_service.rma.conftest import ACME, BENCH, MAIN, REMOTE, SCRAP, House

PROOF = {"method": "overwritten", "note": "report 17"}


def kept(house: House) -> Any:
    """Let a rented box be recovered and wiped."""
    device = house.customers_box(tenure="rented")
    house.open(device).received_somewhere().judged()
    house.on_case("recover", reason="ours").state("wiped", **PROOF)
    return device


def second(house: House, kind: str) -> None:
    """Add another place of a kind."""
    house.do(create_location, code="OTHER", name="Other", kind=kind)


def test_a_box_that_is_scrapped_leaves_for_the_only_place_of_scrap(one: House) -> None:
    device = kept(one)
    assert one.place_of(device) == (BENCH, "defective")

    one.on_order("scrap", reason="worn")

    assert one.place_of(device) == (SCRAP, "defective")


def test_a_box_that_is_claimed_leaves_for_the_only_supplier(one: House) -> None:
    device = kept(one)

    one.on_order("claim", tracking="S1")

    assert one.place_of(device) == (ACME, "defective")


def test_a_box_that_the_supplier_keeps_leaves_for_the_only_supplier(one: House) -> None:
    device = one.customers_box()
    one.open(device, "mainboard").received(device).judged().on_case("approve_repair")
    one.on_order("reserve").on_order("begin").on_order("wait_for_supplier", tracking="S1")

    one.on_order("supplier_keeps", reason="exchanged there")

    assert one.place_of(device) == (ACME, "defective")


@pytest.mark.parametrize(
    ("event", "kind"), [("scrap", "scrap"), ("claim", "supplier"), ("scrap", "")]
)
def test_which_of_several_places_is_said(one: House, event: str, kind: str) -> None:
    device = kept(one)
    second(one, kind or "scrap")
    wrong = {} if kind else {"location": MAIN}

    with pytest.raises(Invalid) as refusal:
        one.on_order(event, reason="worn", tracking="S1", **wrong)

    assert set(refusal.value.fields) == {"location"}
    assert one.place_of(device) == (BENCH, "defective")
    assert one.device(device).status != "scrapped"


@pytest.mark.parametrize("kind", ["scrap", "supplier", "quarantine", "van"])
def test_a_box_is_put_in_stock_on_a_shelf_alone(one: House, kind: str) -> None:
    kept(one)
    one.on_order("wipe")
    one.say(bench.grade_box, grade="B")
    one.say(bench.record_test, passed=True)
    one.state("wiped", **PROOF)
    second(one, kind)

    with pytest.raises(Invalid) as refusal:
        one.on_order("restock", location="OTHER")

    assert set(refusal.value.fields) == {"location"}
    assert one.on_order("restock", location=MAIN).order.state == "restocked"


# --- an accessory that nobody takes --------------------------------------------------------------


def remotes(house: House, place: str = MAIN) -> Balance:
    """Return what there is of the remotes at a place."""
    with house.db.read() as session:
        location = location_by_ref(session, place, EVERYTHING)
        part = part_by_ref(session, REMOTE)
        return balance_of(session, find_position(session, part, Place(location, "new")))


def unclaimed(house: House, **stated: str) -> House:
    """Let an accessory be sent, lost, sent again, and come back for good."""
    house.parts(part=REMOTE, place=MAIN)
    house.open(house.customers_box(sold_on=date(2026, 1, 5)), "remote", remedy="accessory")
    house.checked().say(exchange.reserve_accessory, part=REMOTE, location=MAIN)
    house.on_case("approve_accessory").on_case("ship", tracking="1Z1")
    house.on_case("lose", reason="no scan").state("loss_confirmed").on_case("send_again")
    house.say(exchange.reserve_accessory, part=REMOTE, location=MAIN, quantity=2, reason="two")
    house.on_case("ship", tracking="1Z2").on_case("bounce", reason="moved away")
    assert (remotes(house).on_hand, remotes(house).value_minor) == (2, 1_400)
    house.state("address_confirmed").on_case("ship", tracking="1Z3")
    house.on_case("refuse", reason="not wanted").tick(days=61)
    return house.state("notice_sent").on_case("unclaimed", **stated)


def test_an_accessory_that_nobody_takes_is_in_stock_again_and_what_was_lost_is_not(
    one: House,
) -> None:
    unclaimed(one)

    assert (remotes(one).on_hand, remotes(one).value_minor) == (4, 2_800)
    assert one.case.state == "completed"


def test_an_accessory_that_nobody_takes_goes_where_it_is_said(one: House) -> None:
    unclaimed(one, location=BENCH)

    assert (remotes(one).on_hand, remotes(one, BENCH).on_hand) == (2, 2)


def test_an_accessory_that_nobody_takes_goes_to_a_shelf_alone(one: House) -> None:
    with pytest.raises(Invalid) as refusal:
        unclaimed(one, location=SCRAP)

    assert set(refusal.value.fields) == {"location"}
    assert one.case.state == "undelivered"
