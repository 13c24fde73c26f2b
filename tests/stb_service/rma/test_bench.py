"""What the bench may write down, and when."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from firmware.verdicts.models import LabRun
from stb_service.parts.catalogue.queries import part_by_ref
from stb_service.parts.models import StockMove
from stb_service.rma import bench
from stb_service.rma.cases import CASE
from stb_service.rma.swaps import swaps_of_box
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import EVERYTHING, Scope
from stb_service.shared.errors import Invalid, NotFound, Refused
from tests.conftest import NOW
from tests.stb_service.devices.test_queries import statements
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


# --- one out, one in -----------------------------------------------------------------------------


def moved(house: House) -> list[tuple[str, str, str]]:
    """Return where the pieces of the part went for the order: direction, place and condition."""
    with house.db.read() as session:
        rows = session.scalars(
            select(StockMove)
            .where(StockMove.reference == house.order.number)
            .order_by(StockMove.id)
        )
        return [
            (row.side, row.position.location.code, row.position.condition)
            for row in rows
            if row.side in {"in", "out"}
        ]


NEW_GOES_IN = [("out", "BENCH", "new"), ("in", "CUSTOMER", "new")]


@pytest.mark.parametrize(
    ("core", "said", "place"),
    [
        (False, {}, "SCRAP"),
        (True, {}, "BENCH"),
        (True, {"old_to": "MAIN"}, "MAIN"),
        (False, {"has_old": False}, None),
    ],
)
def test_the_old_piece_stands_somewhere(
    repairing: House, core: bool, said: dict[str, Any], place: str | None
) -> None:
    with repairing.db.write() as session:
        part_by_ref(session, PSU).returns_core = core
    planned = repairing.say(bench.plan_part, part=PSU)
    for _twice in range(2):
        repairing.say(bench.use_part, part=planned.public_id, **said)
    old = [("out", "CUSTOMER", "defective"), ("in", place, "defective")] if place else []
    assert moved(repairing) == [*NEW_GOES_IN, *old]


def test_no_old_piece_goes_to_a_customer(repairing: House) -> None:
    planned = repairing.say(bench.plan_part, part=PSU)
    with pytest.raises(Invalid) as refusal:
        repairing.say(bench.use_part, part=planned.public_id, old_to="ACME")
    assert list(refusal.value.fields) == ["old_to"]
    assert moved(repairing) == []


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"component": "unobtainium"}, "component"),
        ({"old_serial": ""}, "old_serial"),
        ({"new_serial": "A"}, "new_serial"),
    ],
)
def test_an_exchange_names_a_component_and_both_serials(
    repairing: House, said: dict[str, str], field: str
) -> None:
    plain = {"component": "disk", "old_serial": "A", "new_serial": "B"}
    with pytest.raises(Invalid) as refusal:
        repairing.say(bench.swap_component, **{**plain, **said})
    assert list(refusal.value.fields) == [field]


def test_what_is_in_a_box_is_known_and_is_in_no_other(repairing: House) -> None:
    first = repairing.say(bench.swap_component, component="disk", old_serial="A", new_serial="B")
    assert (first.old_serial, first.new_serial) == ("A", "B")
    for said in ({"old_serial": "A", "new_serial": "C"}, {"new_serial": "B"}):
        with pytest.raises(Invalid):
            repairing.say(bench.swap_component, component="disk", **said)
    with pytest.raises(NotFound):
        repairing.say(bench.swap_component, component="disk", new_serial="C", fault=77)
    second = repairing.say(bench.swap_component, component="disk", new_serial="C", fault=1)
    assert second.old_serial == "B"
    again = repairing.say(bench.swap_component, component="disk", new_serial="B")
    assert again.old_serial == "C"


def test_a_repair_says_what_was_done(repairing: House) -> None:
    repairing.say(bench.record_firmware, before="1.0.0", after="1.0.0")
    repairing.on_order("test").say(bench.record_test, passed=True)
    assert repairing.refused(ORDER, "finish") == ["work"]
    repairing.say(
        bench.record_test, passed=True, note="A plug was loose, and is in its place again"
    )
    assert repairing.on_order("finish").states == ("repaired", "repaired")


def test_a_box_tells_what_was_exchanged_in_all_its_repairs(repairing: House) -> None:
    box = repairing.case.device
    plain: dict[str, str] = {"component": "disk", "old_serial": "A"}
    repairing.say(bench.swap_component, **plain, new_serial="B")
    repairing.say(bench.swap_component, component="tuner", old_serial="T1", new_serial="T2")
    repairing.say(bench.swap_component, component="disk", new_serial="C")
    order = repairing.order.number

    def told(scope: Scope) -> list[tuple[str, str, str, str]]:
        with repairing.db.read() as session, statements(repairing.db) as asked:
            found = [
                (swap.component, swap.old_serial, swap.new_serial, swap.order.number)
                for swap in swaps_of_box(session, box.public_id, scope)
            ]
        assert len(asked) == 1
        return found

    assert told(EVERYTHING) == [
        ("disk", "B", "C", order),
        ("tuner", "T1", "T2", order),
        ("disk", "A", "B", order),
    ]
    assert told(Scope(-1)) == []
