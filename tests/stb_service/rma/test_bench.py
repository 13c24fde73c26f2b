"""What the bench may write down, and when."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.verdicts.models import LabRun
from stb_service.rma import bench
from stb_service.rma.cases import CASE
from stb_service.rma.workshop import ORDER
from stb_service.shared.errors import Invalid, Refused
from tests.conftest import NOW
from tests.stb_service.rma.conftest import PSU, House


@pytest.fixture
def repairing(one: House) -> House:
    """A covered fault whose repair is begun."""
    one.parts()
    one.open(one.customers_box(), "power_supply").received_somewhere().judged()
    return one.on_case("approve_repair").on_order("reserve").on_order("begin")


def run_of_lab(house: House) -> str:
    """Keep a run of the lab."""
    with house.db.write() as session:
        run = LabRun(
            name="soak", title="Soak test", form="stb-lab", evidence="emulated", verdict="pass",
            held=1, expected=1, changes=[], failing=[], result_sha256="0" * 64, sent_at=NOW,
            sent_by="rig", last_sent_at=NOW,
        )  # fmt: skip
        session.add(run)
        session.flush()
        return run.public_id


def why(house: House, verb: Any, **arguments: Any) -> list[str]:
    """Return the codes of what bars something on the bench."""
    with pytest.raises(Refused) as refusal:
        house.say(verb, **arguments)
    return [obstacle.code for obstacle in refusal.value.obstacles]


# --- runs of the lab -----------------------------------------------------------------------------


def test_a_run_that_the_lab_never_had_stands_behind_no_test(repairing: House) -> None:
    with pytest.raises(Invalid) as refusal:
        repairing.say(bench.record_test, passed=True, lab_run="nope")
    assert list(refusal.value.fields) == ["lab_run"]
    made = repairing.say(bench.record_test, passed=True)
    with pytest.raises(Invalid):
        repairing.say(bench.attach_lab_run, test=made.public_id, lab_run="nope")
    run = run_of_lab(repairing)
    assert repairing.say(bench.record_test, passed=True, lab_run=run).lab_run == run
    found = repairing.say(bench.attach_lab_run, test=made.public_id, lab_run=run)
    assert found.lab_run == run


# --- a test after the repair ---------------------------------------------------------------------


def repaired(house: House) -> House:
    """A covered fault that is repaired."""
    house.parts()
    house.open(house.customers_box(), "power_supply").received_somewhere().judged()
    return house.on_case("approve_repair").repaired()


def test_a_box_that_fails_after_its_repair_stays_until_it_passes(one: House) -> None:
    repaired(one).say(bench.record_test, passed=False)
    assert one.refused(CASE, "ship", tracking="1Z7") == ["not_failed"]
    assert one.refused(CASE, "hand_over", signed_by="Ada") == ["not_failed"]
    one.say(bench.record_test, passed=True)
    assert one.on_case("ship", tracking="1Z7").states == ("in_transit_out", "sent_back")


def test_the_repair_of_a_box_that_fails_is_taken_up_again(one: House) -> None:
    repaired(one).say(bench.record_test, passed=False)
    one.on_order("fail", reason="hums again")
    assert one.states == ("repairing", "in_repair")
    one.on_order("test")
    assert one.refused(ORDER, "finish") == ["tested"]
    one.say(bench.record_test, passed=True)
    one.on_order("finish").on_case("ship", tracking="1Z7")
    assert one.states == ("in_transit_out", "sent_back")


def test_time_is_worked_between_inspection_and_repair(one: House) -> None:
    labour = {"what": "looked", "minutes": 5}
    one.open(one.customers_box(), "power_supply").authorised()
    assert why(one, bench.record_labour, **labour) == ["not-now"]
    assert why(one, bench.record_test, passed=True) == ["not-now"]
    one.on_case("receive", scanned=one.case.device.serial, location="BENCH").judged()
    one.say(bench.record_labour, **labour)
    one.parts()
    one.on_case("approve_repair").repaired()
    assert why(one, bench.record_labour, **labour) == ["not-now"]


# --- on hold -------------------------------------------------------------------------------------


def test_nothing_is_done_to_a_box_whose_case_is_on_hold(repairing: House) -> None:
    planned = repairing.say(bench.plan_part, part=PSU)
    repairing.on_case("hold", reason="the customer asks us to stop")
    deeds: dict[Any, dict[str, Any]] = {
        bench.plan_part: {"part": PSU},
        bench.reserve_planned: {},
        bench.use_part: {"part": planned.public_id},
        bench.record_labour: {"what": "went on", "minutes": 5},
        bench.swap_component: {"component": "disk", "old_serial": "A", "new_serial": "B"},
        bench.record_test: {"passed": True},
        bench.record_firmware: {"before": "1"},
    }
    for verb, arguments in deeds.items():
        with pytest.raises(Refused) as refusal:
            repairing.say(verb, **arguments)
        (obstacle,) = refusal.value.obstacles
        assert (obstacle.code, "asks us to stop" in str(obstacle)) == ("held", True)
    for event in ("test", "wait_for_parts"):
        assert repairing.refused(ORDER, event, reason="why") == ["held"]
    repairing.on_case("resume").on_order("test")
    assert repairing.states == ("repairing", "testing")


def test_an_order_on_hold_says_why_too(repairing: House) -> None:
    repairing.on_order("hold", reason="the oscilloscope is away")
    assert why(repairing, bench.record_labour, what="x", minutes=5) == ["held"]
    repairing.on_order("resume").say(bench.record_labour, what="x", minutes=5)


def test_a_box_that_is_the_operators_is_seen_to_while_the_case_is_on_hold(one: House) -> None:
    one.open(one.customers_box(), "mainboard").received_somewhere().judged()
    one.on_case("approve_replace").on_case("hold", reason="on holiday")
    one.on_order("plan_refurbishment").say(bench.record_labour, what="cleaned", minutes=5)
    assert one.order.state == "planned"
