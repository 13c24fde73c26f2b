"""What follows from whose a box is: another box in the parcel, and one that no customer has."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from stb_service.rma import bench, deciding
from stb_service.rma.cases import CASE
from stb_service.rma.models import Fault
from stb_service.rma.operations import change_case, open_case
from stb_service.rma.verdicts import Verdict
from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.errors import Forbidden, Invalid
from tests.stb_service.rma.conftest import BENCH, MAIN, OLD, House


def decided_on(house: House) -> int:
    """Return the box that the warranty of the first fault was decided for."""
    with house.db.read() as session:
        fault = session.scalars(select(Fault).filter_by(case_id=house.case.id)).one()
        assert fault.decision is not None
        return fault.decision.device_id


def test_another_box_that_is_accepted_brings_its_own_tenure_and_warranty(house: House) -> None:
    first = house.customers_box("SN-0001")
    rented = house.customers_box("SN-0002", tenure="rented", sold_on=OLD)
    house.open(first).authorised().state("price_paid", amount_minor=9_900, note="Receipt")
    assert decided_on(house) == first.id
    house.on_case("mismatch", scanned=rented.serial, location=BENCH)
    house.on_case("accept_other", reason="mixed up", location=BENCH)

    assert (house.case.device_id, house.case.tenure) == (rented.id, "rented")
    assert decided_on(house) == rented.id
    assert house.facts.price_minor == 0
    house.judged()
    assert house.refused(CASE, "quote") == ["is_billable"]
    house.on_case("recover", reason="it is ours")
    assert house.states == ("completed", "kept")


def test_a_box_that_no_account_has_is_repaired_to_stock_without_a_quote(one: House) -> None:
    one.parts(place=MAIN)
    device = one.box("SN-0003", sold_on=OLD, tenure="sold", status="sold")
    one.open(device, remedy="to_stock").received(device, MAIN).judged()
    assert one.facts.outcome == "billable"
    assert one.refused(CASE, "quote") == ["payer"]

    one.on_case("to_stock").on_order("plan_refurbishment").repaired()
    one.on_order("shelve").state("wiped", method="overwritten", note="tool 7").on_order("wipe")
    one.say(bench.grade_box, grade="A")
    one.on_order("restock", location=MAIN).on_case("confirm")

    assert one.states == ("closed", "restocked")
    assert one.place_of(device) == (MAIN, "refurbished")


def test_a_box_that_a_customer_bought_is_not_repaired_to_stock(one: House) -> None:
    bought = one.customers_box()
    with pytest.raises(Invalid):
        one.do(open_case, device=bought.public_id, remedy="to_stock")
    one.open(bought)
    with pytest.raises(Invalid):
        one.say(change_case, remedy="to_stock")
    one.received(bought).judged()
    assert one.refused(CASE, "to_stock") == ["own_stock"]


def test_a_contract_is_said_to_cover_a_fault_by_whoever_decides_and_is_named(one: House) -> None:
    bought = one.customers_box(sold_on=OLD)
    one.open(bought).received(bought).on_order("inspect")
    said = {"number": 1, "confirmed": "yes", "fault_class": "component", "contract": True}
    verbs = builtin_verbs("technician")
    with pytest.raises(Forbidden):
        one.say(
            deciding.judge_fault,
            note="Gold 17",
            actor=Actor("person", "t", "T", verbs),
            **said,
        )
    with pytest.raises(Invalid):
        one.say(deciding.judge_fault, note=" ", **said)

    assert one.say(deciding.judge_fault, note="Gold 17", **said).verdict == Verdict.CONTRACT
