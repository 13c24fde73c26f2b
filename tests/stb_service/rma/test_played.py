"""Returns as they go, through the operations, with real warranty, billing and stock."""

from __future__ import annotations

from datetime import date

import pytest

from stb_service.devices.holdings.operations import give_to_account
from stb_service.rma.bench import grade_box
from stb_service.rma.cases import CASE
from stb_service.rma.exchange import allocate_spare
from stb_service.rma.terms import set_model_terms
from stb_service.rma.workshop import ORDER
from stb_service.shared.errors import Refused
from tests.stb_service.rma.conftest import BENCH, MAIN, OLD, SHOP, TAX, House


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


def test_a_box_dead_on_arrival_is_replaced_by_a_new_one(one: House) -> None:
    device, spare = one.customers_box(sold_on=date(2026, 2, 25)), one.spare()
    one.open(device, "mainboard").received(device).judged()
    assert [line.verdict for line in one.facts.lines] == ["doa"]

    one.on_case("approve_replace").allocated(spare).on_case("allocate")
    one.on_case("ship", carrier="Post", tracking="1Z9").on_case("deliver")
    assert one.refused(CASE, "confirm") == ["provisioned", "pins"]
    one.provisioned().on_case("confirm")

    assert one.states == ("closed", "kept")
    assert one.device(device).status == "replaced"
    assert one.device(spare).status == "sold"
    assert one.has(spare)
    assert not one.has(device)
    assert one.place_of(spare) == ("CUSTOMER", "new")


def test_a_user_fault_disputed_and_upheld_quoted_accepted_paid_repaired_shipped(
    house: House,
) -> None:
    house.parts()
    device = house.customers_box()
    first, second = house.somebody("ines"), house.somebody("omar")
    house.open(device, "mainboard").received(device).judged("liquid", photo=True, actor=first)
    assert [line.verdict for line in house.facts.lines] == ["user_fault"]

    house.on_case("dispute", reason="it never got wet")
    with pytest.raises(Refused, match="somebody else"):
        house.judge(1, "liquid", actor=first)
    house.judge(1, "liquid", actor=second).on_order("judge_again", actor=second)
    house.quoted(5_000).on_case("accept", reason="by phone")
    assert house.states == ("awaiting_payment", "inspected")
    assert house.refused(CASE, "release_repair") == ["paid"]
    house.pay(5_950).on_case("release_repair").repaired()
    house.on_case("ship", tracking="1Z2").on_case("deliver").on_case("confirm")

    assert house.states == ("closed", "given_back")
    assert house.facts.balance_minor == 0


def test_out_of_warranty_declined_and_returned(one: House) -> None:
    device = one.customers_box(sold_on=OLD)
    one.open(device).received(device).judged().quoted()
    assert one.refused(CASE, "lapse") == ["quote_lapsed"]

    one.on_case("decline")
    assert one.states == ("return_unrepaired", "inspected")
    one.on_case("ship", tracking="1Z2").on_case("deliver").on_case("confirm")

    assert one.states == ("closed", "given_back")
    assert one.has(device)


def test_an_advance_replacement_that_is_not_returned(one: House) -> None:
    device, spare = one.customers_box(), one.spare()
    one.do(set_model_terms, model="AUR-1", may_send_ahead=True, unreturned_minor=8_000, tax_ppm=TAX)
    one.open(device).authorised().allocated(spare)
    assert one.refused(CASE, "send_ahead", tracking="1Z3") == ["fee_agreed"]
    one.state("fee_agreed").on_case("send_ahead", carrier="Post", tracking="1Z3")
    assert one.has(spare)
    assert one.has(device)

    assert one.refused(CASE, "charge_fee") == ["deadline"]
    one.tick(days=15)
    one.on_case("charge_fee")
    assert one.facts.balance_minor == 9_520
    assert one.refused(CASE, "settle_fee") == ["balance"]
    one.pay_account(9_520).on_case("settle_fee").provisioned().on_case("confirm")

    assert one.states == ("closed", "missing")
    assert one.device(device).status == "lost"
    assert one.has(spare)
    assert not one.has(device)


def test_a_swap_at_a_dealers_counter(house: House) -> None:
    """The dealer sold the box, so the household and the shelf are the dealer's to see."""
    dealer = house.somebody("nora", "north")
    device = house.customers_box(seller="north")
    spare = house.spare(place=SHOP)
    house.open(device, channel="counter", remedy="swap_counter", actor=dealer)
    house.authorised()
    house.say(allocate_spare, device=spare.serial, actor=dealer)

    said = {"scanned": device.serial, "location": SHOP}
    assert house.refused(CASE, "swap_at_counter", actor=dealer, **said) == ["signature"]
    house.on_case("swap_at_counter", actor=dealer, signed_by="A. Lovelace", **said)
    house.provisioned().on_case("confirm")

    assert house.states == ("closed", "arrived")
    assert house.place_of(device) == (SHOP, "defective")
    assert house.has(spare)
    assert not house.has(device)
    assert house.device(device).status == "replaced"


def test_another_box_in_the_parcel(one: House) -> None:
    device, other = one.customers_box(), one.customers_box("SN-0002")
    stranger = one.box("SN-0003")
    one.open(device).authorised().on_case("post", tracking="1Z1")
    assert one.refused(CASE, "receive", scanned=stranger.serial, location=BENCH) == ["same_box"]

    one.on_case("mismatch", scanned=stranger.serial, location=BENCH)
    assert one.refused(CASE, "accept_other", reason="same") == ["other_fits"]
    assert one.refused(CASE, "return_other") == ["stray_gone"]
    one.on_case("return_other", tracking="1Z2")
    one.on_case("mismatch", scanned=other.serial, location=BENCH)
    assert one.refused(CASE, "return_other") == ["stray_gone"]  # said of the stranger alone
    one.on_case("accept_other", reason="the customer mixed them up", location=BENCH)

    assert one.states == ("received", "arrived")
    assert one.case.device.serial == one.order.device.serial == other.serial
    assert one.place_of(other) == (BENCH, "defective")


def test_a_parcel_is_lost_on_its_way_here_and_another_on_its_way_back(one: House) -> None:
    device, spare, another = one.customers_box(), one.spare(), one.spare("SN-9002")
    one.open(device).authorised().on_case("post", tracking="1Z1").on_case("lose", reason="scan")
    assert one.refused(CASE, "approve_replace") == ["loss_confirmed"]
    one.state("loss_confirmed").on_case("approve_replace")
    assert one.device(device).status == "lost"

    one.allocated(spare).on_case("allocate").on_case("ship", tracking="1Z2")
    one.on_case("lose", reason="no scan").state("loss_confirmed").on_case("approve_replace")
    assert one.device(spare).status == "lost"
    one.allocated(another).on_case("allocate").on_case("ship", tracking="1Z3").on_case("deliver")
    one.provisioned().on_case("confirm")

    assert one.states == ("closed", "missing")
    assert one.has(another)


def test_no_fault_found(one: House) -> None:
    device = one.customers_box()
    one.open(device).received(device).judged("none_found", confirmed="no")

    assert one.refused(CASE, "approve_repair") == ["may_repair"]
    one.on_case("return_nff").on_case("hand_over", signed_by="A. Lovelace")
    one.tick(days=15)
    one.on_case("close")

    assert one.states == ("closed", "given_back")


def test_a_rented_damaged_box_is_recovered_refurbished_and_redeployed(house: House) -> None:
    house.parts(place=MAIN)
    house.do(set_model_terms, model="AUR-1", damage_minor=4_000, tax_ppm=TAX)
    device = house.customers_box(tenure="rented")
    house.open(device).received(device, location=MAIN).judged("user_damage", photo=True)
    house.on_case("recover", reason="damaged, and ours")
    assert house.facts.balance_minor == 4_760
    house.pay_account(4_760)
    assert house.states == ("completed", "kept")
    assert not house.has(device)

    house.on_order("plan_refurbishment").repaired()
    house.on_order("shelve")
    assert house.refused(ORDER, "wipe") == ["wiped"]
    house.state("wiped", method="overwritten", note="certificate 17").on_order("wipe")
    assert house.refused(ORDER, "restock") == ["graded"]
    house.say(grade_box, grade="B")
    house.on_order("restock", location=MAIN).on_case("confirm")

    assert house.states == ("closed", "restocked")
    assert house.place_of(device) == (MAIN, "refurbished")
    assert house.device(device).status == "refurb"
    house.do(give_to_account, uid=device.public_id, account=house.home.number, tenure="rented")
    assert house.has(device)
