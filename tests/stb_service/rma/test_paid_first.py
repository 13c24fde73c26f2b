"""Nothing that the customer pays for is begun unpaid: accessories, parts and labour alike."""

from __future__ import annotations

import pytest

from stb_service.parts.moves.queries import reservation_by_ref
from stb_service.rma import answers, bench, deciding, exchange
from stb_service.rma.cases import CASE
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Refused
from tests.stb_service.rma.conftest import MAIN, OLD, PSU, REMOTE, House


def asked(house: House) -> House:
    """Ask for a remote control for a box that has been out of warranty for years."""
    house.parts(part=REMOTE, place=MAIN)
    house.open(house.customers_box(sold_on=OLD), "remote", remedy="accessory").checked()
    house.say(exchange.reserve_accessory, part=REMOTE, location=MAIN)
    return house


def held(house: House) -> str:
    """Return how the accessory of the case is reserved."""
    with house.db.read() as session:
        return str(reservation_by_ref(session, f"{house.ref}/accessory/1", EVERYTHING).state)


def test_an_accessory_out_of_warranty_is_quoted_and_paid_before_it_is_sent(house: House) -> None:
    asked(house)
    assert house.refused(CASE, "approve_accessory") == ["accessory_free"]
    house.on_case("quote_accessory").quoted(2_000, remedy="accessory")
    assert house.refused(CASE, "decline") == ["box_here"]
    house.on_case("accept")
    assert house.refused(CASE, "release_accessory") == ["paid"]

    house.pay(2_380).on_case("release_accessory").on_case("ship", tracking="1Z1")
    house.on_case("deliver").on_case("confirm")

    assert house.case.state == "closed"
    assert (held(house), house.facts.balance_minor) == ("used", 0)


def test_an_accessory_that_is_declined_is_let_go(one: House) -> None:
    asked(one).on_case("quote_accessory").quoted(2_000, remedy="accessory")

    one.on_case("decline_accessory")

    assert (one.case.state, held(one)) == ("cancelled", "released")


def test_the_quote_of_an_accessory_lapses_by_itself(one: House) -> None:
    asked(one).on_case("quote_accessory").quoted(2_000, remedy="accessory")
    one.on_case("accept")
    one.tick(days=30)

    one.do(lambda session, **_who: answers.let_time_pass(session, now=one.now))

    assert (one.case.state, held(one)) == ("closed_expired", "released")


def test_an_accessory_that_was_paid_is_not_cancelled_with_the_money(one: House) -> None:
    asked(one).on_case("quote_accessory").quoted(2_000, remedy="accessory")
    one.on_case("accept").pay(2_380).on_case("release_accessory")

    assert one.refused(CASE, "cancel", reason="changed their mind") == ["nothing_paid"]


def test_an_accessory_of_the_operators_own_box_is_sent_free(one: House) -> None:
    one.parts(part=REMOTE, place=MAIN)
    rented = one.customers_box(tenure="rented", sold_on=OLD)
    one.open(rented, "remote", remedy="accessory").checked()
    assert one.refused(CASE, "quote_accessory") == ["accessory_pays"]
    one.say(exchange.reserve_accessory, part=REMOTE, location=MAIN)
    one.on_case("approve_accessory")


def test_parts_and_labour_to_be_paid_for_need_a_price_that_was_agreed(one: House) -> None:
    one.parts()
    device = one.customers_box()
    one.open(device).received(device).judged().on_case("approve_repair")
    planned = one.say(bench.plan_part, part=PSU, billing_code="billable", reason="by choice")
    one.on_order("reserve").on_order("begin")
    for verb, said in (
        (bench.use_part, {"part": planned.public_id}),
        (
            bench.record_labour,
            {"what": "polish", "minutes": 30, "billing_code": "billable", "reason": "so"},
        ),
    ):
        with pytest.raises(Refused) as refusal:
            one.say(verb, **said)
        assert [obstacle.code for obstacle in refusal.value.obstacles] == ["not-agreed"]


def test_a_part_follows_a_fault_that_was_judged_to_be_paid_and_is_granted(one: House) -> None:
    one.parts()
    device = one.customers_box(sold_on=OLD)
    one.open(device).received(device).judged()
    planned = one.say(bench.plan_part, part=PSU, fault=1)
    assert planned.billing_code == "billable"
    one.say(deciding.grant_goodwill, number=1, reason="long loyal")
    one.on_case("approve_repair").on_order("reserve").on_order("begin")

    assert one.say(bench.use_part, part=planned.public_id).billing_code == "goodwill"
