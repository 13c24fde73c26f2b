"""A day of a return is a day where the box stands, whatever day it is elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from stb_service.app import wire_rooms
from stb_service.devices.holdings.operations import give_to_account
from stb_service.devices.models import Device
from stb_service.rma import bench, exchange
from stb_service.rma.models import Fault
from stb_service.subscribers.operations import add_site, create_account
from stb_service.warranty.facts import Fit, Replaced
from tests.stb_service.rma.conftest import MAIN, PSU, House

EVENING = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
"""The evening of 2 March in Los Angeles."""
LOCAL = date(2026, 3, 2)
LATER = datetime(2026, 3, 12, 1, 0, tzinfo=UTC)
"""The evening of 11 March there."""
THEN = date(2026, 3, 11)


def in_los_angeles(house: House, serial: str = "SN-LA") -> Device:
    """Give a box to an account with a first site in Berlin and the box's in Los Angeles; its cover
    ends on 2 March 2026.
    """
    away = house.do(create_account, kind="person", name="Grace", currency="EUR")
    house.do(add_site, uid=away.public_id, name="Office", timezone="Europe/Berlin")
    site = house.do(add_site, uid=away.public_id, name="Home", timezone="America/Los_Angeles")
    box = house.box(serial, tenure="sold", sold_on=date(2024, 3, 2), status="sold")
    house.do(
        give_to_account,
        uid=box.public_id,
        account=away.number,
        site=site.public_id,
        tenure="sold",
        moves=False,
    )
    return box


def test_the_last_day_of_cover_is_the_customers(one: House) -> None:
    box = in_los_angeles(one)
    one.now = EVENING
    one.open(box, "mainboard")
    assert one.case.reported_on == LOCAL
    with one.db.read() as session:
        fault = session.scalars(select(Fault)).one()
        assert fault.decision is not None
        assert (fault.decision.outcome, fault.decision.covered_until) == ("covered", LOCAL)


@pytest.mark.parametrize(
    ("zone", "day"), [("America/Los_Angeles", LOCAL), ("Asia/Tokyo", date(2026, 3, 3))]
)
def test_a_box_of_nobody_is_reported_on_the_operators_day(one: House, zone: str, day: date) -> None:
    box = one.box("SN-SHOP", status="in_stock", custodian="north")
    one.now = EVENING
    one.open(box, zone=zone)
    assert one.case.reported_on == day


def known(house: House, box: Device, zone: str = "UTC") -> list[object]:
    """Return what the wired room tells of a box."""
    (source,) = wire_rooms(zone).warranty_facts
    with house.db.read() as session:
        return list(source(session, box.public_id))


def test_a_component_is_fitted_on_the_customers_day(one: House) -> None:
    box = in_los_angeles(one)
    one.parts()
    one.open(box, "power_supply").received_somewhere().judged().on_case("approve_repair")
    planned = one.say(bench.plan_part, part=PSU)
    one.on_order("reserve").on_order("begin")
    one.say(bench.use_part, part=planned.public_id)
    one.say(bench.swap_component, component="power_supply", old_serial="A", new_serial="B")
    one.say(bench.record_firmware, before="1.0.0", after="1.1.0")
    one.on_order("test")
    one.say(bench.record_test, passed=True)
    one.now = LATER
    one.on_order("finish")
    assert Fit("power_supply", THEN) in known(one, box)


def test_a_replacement_begins_on_the_day_on_which_it_arrived(one: House) -> None:
    box, spare = in_los_angeles(one), one.spare()
    one.open(box, "mainboard").received_somewhere().judged().on_case("approve_replace")
    one.say(exchange.allocate_spare, device=spare.serial)
    one.on_case("allocate").on_case("ship", tracking="1Z7")
    sent_on = one.now.date()
    assert [fact.on for fact in known(one, spare) if isinstance(fact, Replaced)] == [sent_on]
    one.now = LATER
    one.on_case("deliver")
    assert [fact.on for fact in known(one, spare) if isinstance(fact, Replaced)] == [THEN]


def test_a_box_of_the_operators_own_goes_by_the_operators_zone(one: House) -> None:
    box = one.spare()
    one.parts(place=MAIN)
    one.admit(box).judged().on_order("shelve").on_order("plan_refurbishment")
    planned = one.say(bench.plan_part, part=PSU)
    one.on_order("reserve").on_order("begin")
    one.say(bench.use_part, part=planned.public_id)
    one.say(bench.swap_component, component="power_supply", old_serial="A", new_serial="B")
    one.say(bench.record_firmware, before="1.0.0", after="1.1.0")
    one.on_order("test")
    one.say(bench.record_test, passed=True)
    one.now = LATER
    one.on_order("finish")
    assert Fit("power_supply", THEN) in known(one, box, "America/Los_Angeles")
    assert Fit("power_supply", date(2026, 3, 12)) in known(one, box)
