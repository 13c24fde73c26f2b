"""A box that is in a return or in the workshop is not taken from under it by other verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stb_service.devices.holdings.operations import give_to_account, take_back, transfer
from stb_service.devices.models import Device
from stb_service.devices.operations import change_status, move_custody
from stb_service.parts.operations import CUSTOMERS, move_stock
from stb_service.rma.keeping import why_kept
from stb_service.shared.errors import Refused
from stb_service.subscribers.operations import create_account
from tests.stb_service.rma.conftest import MAIN, SCRAP, House


def codes(house: House, verb: Callable[..., Any], **said: Any) -> list[str]:
    """Return what bars a verb of another room on a box."""
    with pytest.raises(Refused) as refusal:
        house.do(verb, **said, keepers=[why_kept])
    return [obstacle.code for obstacle in refusal.value.obstacles]


def taken(house: House, device: Device, other: str) -> list[list[str]]:
    """Return what bars each verb that would take a customer's box."""
    uid: dict[str, Any] = {"uid": device.public_id}
    ends: dict[str, Any] = {"from_location": CUSTOMERS, "to_location": SCRAP}
    if house.place_of(device) is not None:
        del ends["from_location"]
    return [
        codes(house, transfer, **uid, account=other, proof="a letter"),
        codes(house, take_back, **uid),
        codes(house, change_status, **uid, status="lost"),
        codes(house, move_custody, **uid, holder="a friend"),
        codes(house, move_stock, device=device.public_id, **ends),
    ]


def test_a_box_in_a_return_stays_where_it_is_until_the_return_lets_it_go(one: House) -> None:
    device = one.customers_box()
    other = one.do(create_account, kind="person", name="Bob", currency="EUR").number
    one.open(device, "mainboard")

    asked = taken(one, device, other)
    one.parts()
    one.received(device).judged()
    on_the_bench = taken(one, device, other)
    one.on_case("approve_repair").repaired().on_case("ship", tracking="1Z2")
    on_its_way = taken(one, device, other)
    one.on_case("deliver")

    assert asked == [["in-return"]] * 5
    assert on_the_bench == on_its_way == [["in-workshop"]] * 5
    assert one.case.state == "completed"
    uid = device.public_id
    one.do(transfer, uid=uid, account=other, proof="sold", keepers=[why_kept])


def test_a_box_that_is_kept_as_a_replacement_stays_on_the_shelf(one: House) -> None:
    device, spare = one.customers_box(), one.spare()
    one.open(device, "mainboard").allocated(spare)
    uid = spare.public_id

    barred = [
        codes(one, give_to_account, uid=uid, account=one.home.number, tenure="sold"),
        codes(one, change_status, uid=uid, status="scrapped"),
        codes(one, move_stock, device=uid, to_location=SCRAP),
    ]

    assert barred == [["spare-kept"]] * 3
    assert one.place_of(spare) == (MAIN, "new")


def test_pages_and_api_ask_who_keeps_a_box(one: House, people: Any, api: Any, client: Any) -> None:
    device = one.customers_box()
    one.open(device, "mainboard").received(device)
    path = f"/devices/{device.public_id}"
    etag = {"If-Match": api("GET", path).headers["ETag"]}

    moves = {"device": device.public_id, "to_location": SCRAP}
    answers = [
        api("POST", f"{path}/status", json={"status": "scrapped"}, headers=etag),
        api("POST", f"{path}/custody", json={"holder": "a friend"}, headers=etag),
        api("POST", f"{path}/holdings/end", json={}, headers=etag),
        api("POST", "/stock-moves", json=moves),
    ]
    page = client.get(path).text

    assert [answer.status_code for answer in answers] == [409] * 4
    assert all("in-workshop" in answer.text for answer in answers)
    assert "what becomes of it is a step there" in page
