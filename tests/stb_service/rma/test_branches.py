"""The branches beside the ten stories: each played once through the operations."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import pytest
from sqlalchemy import select

from stb_service.parts.moves.queries import reservation_by_ref
from stb_service.rma import (
    bench,
    choosing,
    comparing,
    deciding,
    exchange,
    personal,
    photographs,
    queries,
)
from stb_service.rma.cases import CASE
from stb_service.rma.facts import Facts
from stb_service.rma.history import remember
from stb_service.rma.lists import CHECKLIST
from stb_service.rma.models import CasePhoto, Fault, InspectionCheck
from stb_service.rma.operations import change_case, open_case, open_order
from stb_service.rma.terms import set_model_terms
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Forbidden, Invalid, NotFound, Refused
from tests.stb_service.rma.conftest import ACME, BENCH, MAIN, OLD, PNG, PSU, REMOTE, House

TERMS = {"new_minor": 9_900, "refurbished_minor": 6_900, "unreturned_minor": 8_000}


def test_an_accessory_is_sent_lost_and_sent_again(one: House) -> None:
    one.parts(part=REMOTE, place=MAIN)
    one.open(one.customers_box(sold_on=date(2026, 1, 5)), "remote", remedy="accessory").checked()
    assert one.refused(CASE, "approve_accessory") == ["accessory"]
    one.say(exchange.reserve_accessory, part=REMOTE, location=MAIN)
    one.on_case("approve_accessory").on_case("ship", tracking="1Z1")
    one.on_case("lose", reason="no scan").state("loss_confirmed").on_case("send_again")
    assert one.refused(CASE, "ship", tracking="1Z2") == ["accessory"]

    one.say(exchange.reserve_accessory, part=REMOTE, location=MAIN)
    one.on_case("ship", tracking="1Z2").on_case("deliver").on_case("confirm")

    assert one.case.state == "closed"
    with one.db.read() as session:
        found = reservation_by_ref(session, f"{one.ref}/accessory/2", EVERYTHING)
        assert found.state == "used"


def test_further_faults_are_quoted_beside_what_was_paid(one: House) -> None:
    one.parts()
    device = one.customers_box(sold_on=OLD)
    one.open(device).received(device).judged().quoted(1_000).on_case("accept").pay(1_190)
    one.on_case("release_repair")
    one.say(bench.plan_part, part=PSU)
    one.on_order("reserve").on_order("begin")
    assert one.refused(ORDER, "find_more") == ["more_faults"]

    one.say(deciding.add_fault, component="mainboard", symptom="cracked")
    one.judge(2, "component").on_order("find_more")
    assert one.states == ("decision_pending", "inspected")
    one.quoted(2_000).on_case("decline_part").on_case("approve_repair")
    assert [line.declined for line in one.facts.lines] == [False, True]
    one.on_order("reserve").on_order("begin")

    assert one.states == ("repairing", "in_repair")


def test_beyond_repair_on_a_paid_repair_goes_back_to_the_customers_choice(one: House) -> None:
    one.do(set_model_terms, model="AUR-1", tau_permille=600, **TERMS)
    device, spare = one.customers_box(sold_on=OLD), one.spare()
    one.open(device).received(device).judged().quoted(1_000).on_case("accept").pay(1_190)
    one.on_case("release_repair").on_order("reserve").on_order("begin")

    made = one.say(comparing.compare_repair, parts_minor=8_000, labour_minor=4_000)
    assert made.result["beyond_repair"] is True
    assert [offer.choice for offer in choosing.offers_of(made)] == ["repair", "refurbished", "new"]
    one.on_order("condemn", reason="burnt")
    assert one.states == ("customer_choosing", "condemned")
    assert one.facts.balance_minor == -1_190
    one.say(comparing.choose, comparison_ref=made.public_id, choice="new")
    one.on_case("choose_replacement").quoted(9_900, remedy="replace")
    one.on_case("accept").pay_rest().on_case("release_replacement")
    one.allocated(spare).on_case("allocate").on_case("ship", tracking="1Z4").on_case("deliver")
    one.provisioned().on_case("confirm")

    assert one.states == ("closed", "kept")
    assert one.facts.balance_minor == 0


def test_a_replacement_ahead_that_came_back_and_a_cancelled_exchange(one: House) -> None:
    one.do(set_model_terms, model="AUR-1", may_send_ahead=True, **TERMS)
    device, spare = one.customers_box(), one.spare()
    one.open(device).authorised().allocated(spare).state("fee_agreed")
    one.on_case("send_ahead", tracking="1Z1")
    assert one.refused(CASE, "cancel", scanned="SN-0001", reason="no") == ["ahead_back"]
    one.on_case("ahead_undelivered", scanned=spare.serial, reason="no such street")
    assert one.place_of(spare) == (MAIN, "new")
    assert not one.has(spare)
    assert not one.facts.sent_ahead

    one.allocated(spare).on_case("send_ahead", tracking="1Z2")
    one.on_case("cancel", scanned=spare.serial, reason="found another way")

    assert one.states == ("cancelled", "cancelled")
    assert one.place_of(spare) == (MAIN, "new")
    assert one.has(device)


def test_undelivered_stored_abandoned_and_disposed_of(one: House) -> None:
    device = one.customers_box()
    one.open(device).received(device).judged("none_found", confirmed="no").on_case("return_nff")
    one.on_case("ship", tracking="1Z1").on_case("bounce", reason="moved away")
    assert one.states == ("undelivered", "stored")
    assert one.place_of(device) == (BENCH, "defective")
    assert one.refused(CASE, "ship", tracking="1Z2") == ["address"]
    one.tick(days=61)
    one.state("notice_sent").on_case("abandon")
    assert not one.has(device)
    assert one.refused(CASE, "dispose") == ["disposed"]

    one.state("wiped", method="storage_destroyed", note="report 3").on_order(
        "scrap", reason="consented", location="SCRAP"
    )
    one.on_case("dispose").on_case("confirm")

    assert one.states == ("closed", "scrapped")
    assert one.device(device).status == "scrapped"


def test_a_supplier_keeps_a_box_and_the_customer_gets_another(one: House) -> None:
    device, spare = one.customers_box(), one.spare()
    one.open(device, "mainboard").received(device).judged().on_case("approve_repair")
    one.on_order("reserve").on_order("begin").on_order("wait_for_supplier", tracking="S1")
    one.on_order("supplier_keeps", reason="exchanged there", location=ACME)
    assert one.states == ("decision_pending", "with_supplier")

    one.on_case("approve_replace").allocated(spare).on_case("allocate")
    one.on_case("hand_over", signed_by="Ada").provisioned().on_case("confirm")

    assert one.case.state == "closed"
    assert one.place_of(device) == (ACME, "defective")


def test_a_refund_is_no_more_than_was_paid_and_goodwill_is_granted_with_a_reason(
    one: House,
) -> None:
    device = one.customers_box(sold_on=OLD)
    one.open(device).received(device).judged()
    with pytest.raises(Invalid):
        one.say(deciding.grant_goodwill, number=1, reason=" ")
    one.say(deciding.grant_goodwill, number=1, reason="long loyal")
    one.on_case("approve_refund").state("price_paid", amount_minor=9_900, note="Receipt")
    one.state("refunded", amount_minor=10_000, note="Letter")
    assert one.refused(CASE, "refund") == ["refund"]
    one.state("refunded", amount_minor=9_900, note="Letter").on_case("refund").on_case("confirm")

    assert one.states == ("closed", "kept")
    assert [line.verdict for line in one.facts.lines] == ["goodwill"]


def test_a_box_from_stock_is_refurbished_without_a_case(one: House) -> None:
    one.parts(place=MAIN)
    device = one.spare("SN-7001")
    one.admit(device, MAIN)
    assert one.refused(ORDER, "plan_refurbishment") == ["step"]
    one.on_order("inspect")
    for code in CHECKLIST:
        one.say(bench.record_check, code=code, result="pass")
    one.judge(1, "wear").on_order("judge").on_order("shelve").on_order("plan_refurbishment")
    one.repaired().on_order("shelve").state(
        "wiped", method="factory_reset", note="report 4"
    ).on_order("wipe")
    one.say(bench.grade_box, grade="A")
    one.on_order("restock", location=MAIN)

    assert one.order.state == "restocked"
    assert one.place_of(device) == (MAIN, "refurbished")
    with pytest.raises(Refused):
        one.do(open_order, device=one.customers_box().public_id, location=MAIN)


def test_a_parts_shortage_waits_and_nothing_is_used_twice(one: House) -> None:
    device = one.customers_box()
    one.open(device, "power_supply").received(device).judged().on_case("approve_repair")
    planned = one.say(bench.plan_part, part=PSU, fault=1)
    assert planned.billing_code == "warranty"
    assert one.refused(ORDER, "reserve") == ["parts"]
    one.parts(quantity=2)
    assert one.say(bench.reserve_planned) == []
    spare_one = one.say(bench.plan_part, part=PSU)
    one.on_order("reserve").on_order("begin")
    one.say(bench.use_part, part=planned.public_id)
    one.say(bench.use_part, part=planned.public_id)
    one.on_order("test")
    one.say(bench.record_test, passed=True)
    one.say(bench.record_firmware, before="1", after="1")
    assert one.refused(ORDER, "finish") == ["parts_settled"]
    one.say(bench.drop_part, part=spare_one.public_id)
    one.on_order("fail", reason="hum").on_order("test")
    assert one.refused(ORDER, "finish") == ["tested"]
    one.say(bench.record_test, passed=True)
    one.on_order("finish")

    assert one.states == ("repaired", "repaired")


def test_people_of_others_see_and_do_only_what_is_theirs(one: House) -> None:
    device = one.customers_box(seller="north")
    north, south = one.somebody("nora", "north"), one.somebody("sam", "south")
    one.open(device, actor=north)
    scope = north.scope
    with one.db.read() as session:
        assert queries.case_by_ref(session, one.ref, scope).handler.code == "north"
        assert queries.cases_page(session, queries.CaseFilter(), scope, now=one.now).rows
        page = queries.cases_page(session, queries.CaseFilter(), south.scope, now=one.now)
        assert page.rows == []
        with pytest.raises(NotFound):
            queries.case_by_ref(session, one.ref, south.scope)
    with pytest.raises(NotFound):
        one.fire(CASE, "cancel", reason="mine", actor=south)
    with pytest.raises(Invalid):
        one.do(open_case, device=device.public_id, actor=south)
    nobody = one.somebody("nils")
    with pytest.raises(Forbidden):
        one.do(open_case, device=device.public_id, actor=type(nobody)("person", "n", "n"))


def test_photographs_are_pictures_complaints_are_corrected_and_erased(one: House) -> None:
    device = one.customers_box()
    one.open(device, complaint="Ada dropped it")
    with pytest.raises(Invalid):
        one.say(photographs.add_photo, data=b"<svg/>", files=one.files)
    photo = one.say(photographs.add_photo, data=PNG, note="front", files=one.files)
    assert one.files.path(photo.sha256).read_bytes() == PNG
    one.say(change_case, complaint="Ada says it fell", remedy="refund")
    assert one.case.complaint == "Ada says it fell"
    person = one.case.person
    assert person is not None
    erasing = {"uid": one.home.public_id, "person": person.public_id}
    with pytest.raises(Refused, match="not closed"):
        one.erase(**erasing)
    one.on_case("cancel", reason="works")
    one.erase(**erasing)

    assert one.case.complaint == ""


def test_a_second_inspection_keeps_its_own_evidence_beside_the_first(one: House) -> None:
    first, second = one.somebody("ines"), one.somebody("omar")
    device = one.customers_box()
    one.open(device).received(device).judged("liquid", photo=True, actor=first)
    one.on_case("dispute", reason="it never got wet")
    one.say(bench.record_check, code="power", result="fail", note="corroded", actor=second)
    one.say(photographs.add_photo, data=PNG, fault=1, files=one.files, actor=second)
    judged = {"number": 1, "confirmed": "yes", "fault_class": "liquid", "note": "salt inside"}
    one.say(deciding.judge_fault, **judged, actor=second)

    with one.db.read() as session:
        fault = session.scalars(select(Fault)).one()
        power = select(InspectionCheck).where(InspectionCheck.code == "power")
        checks = session.scalars(power.order_by(InspectionCheck.round)).all()
        photos = session.scalars(select(CasePhoto).order_by(CasePhoto.id)).all()
    assert (fault.inspector, fault.second_inspector) == ("ines", "omar")
    assert (fault.second_note, fault.second_class) == ("salt inside", "liquid")
    assert [(row.round, row.by) for row in checks] == [(1, "ines"), (2, "omar")]
    assert [row.taken_by for row in photos][-1] == "omar"
    assert fault.inspected_at is not None
    assert photos[-1].taken_at > fault.inspected_at


def test_what_a_customer_said_of_a_verdict_is_handed_out_and_erased(one: House) -> None:
    device = one.customers_box(sold_on=OLD)
    one.open(device).received(device)
    with one.db.write() as session:
        fault = session.scalars(select(Fault)).one()
        fault.disputed, fault.dispute_reason = True, "my son Ben spilled nothing"
    person = one.case.person
    assert person is not None
    theirs = (one.home.public_id, person.public_id)
    (told,) = one.ask(personal.export, *theirs)
    with one.db.write() as session:
        personal.erase(session, *theirs, one.now)

    (kept,) = one.ask(lambda session: session.scalars(select(Fault)).all())
    assert [fault["dispute_reason"] for fault in told["faults"]] == ["my son Ben spilled nothing"]
    assert (kept.disputed, kept.dispute_reason) == (True, "")


def test_every_fact_has_its_place(one: House) -> None:
    """Facts that nothing gathers would keep their defaults for ever: none is overlooked."""
    from inspect import getsource

    from stb_service.rma import bench_facts, case_facts, gathering

    rooms = (gathering, case_facts, bench_facts)
    source = "".join(getsource(room) for room in rooms) + getsource(remember)
    missing = {
        field.name
        for field in fields(Facts)
        if f'"{field.name}"' not in source and f"{field.name}=" not in source
    }

    assert missing == set()
