"""What people of a dealer or a service centre are told of a box, and what they may do with it.

A box that the north sold was held by the carrier east, came to the north, and went on to the south.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.devices import operations, queries
from stb_service.devices.identity import queries as identity
from stb_service.devices.jobs import rows_of
from stb_service.devices.models import Device
from stb_service.devices.queries import DeviceFilter
from stb_service.devices.rules import (
    SELLER_STATUSES,
    TRANSITIONS,
    VERDICTS,
    Status,
    next_statuses,
    obstacles_to_seller,
)
from stb_service.devices.timeline import entries
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Invalid, Refused
from tests.conftest import People, csrf_of
from tests.stb_service.devices.conftest import Registry

FOREIGN = ("south", "South", "east.carrier", "agent.south", "test-admin")


@pytest.fixture
def box(one: Registry) -> Device:
    """A box that the north sold and held for a while; the south has it now."""
    found = one.box("SN-1", seller="north", status="sold")
    uid = found.public_id
    one.do(operations.move_custody, uid=uid, holder="east.carrier")
    one.do(operations.move_custody, uid=uid, organisation="north", reason="repair")
    one.do(operations.move_custody, uid=uid, organisation="south")
    one.do(operations.change_device, uid=uid, notes="seen", actor=one.dealer("south"))
    return found


@pytest.fixture
def north(one: Registry, people: People, sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    """A browser of an agent of the north."""
    people.person("agent", "north", username="counter.north")
    return sign_in("counter.north")


def foreign_words(said: str) -> list[str]:
    return [word for word in FOREIGN if word in said]


# --- what they are told ---------------------------------------------------------------------------


def test_the_card_of_a_box_that_was_sold_on_names_nobody_else(
    north: FlaskClient, client: FlaskClient, box: Device
) -> None:
    seen = north.get(f"/devices/{box.public_id}").text
    whole = client.get(f"/devices/{box.public_id}").text

    assert "repair" in seen
    assert "It left the custody of your organisation" in seen
    assert foreign_words(seen.replace('value="south"', "")) == []
    assert {"South", "east.carrier", "agent.south"} <= set(foreign_words(whole))


def test_the_list_names_no_other_seller(north: FlaskClient, one: Registry) -> None:
    one.box("SN-2", seller="south", custodian="north")

    page = north.get("/devices").text

    assert "SN-2" in page
    assert foreign_words(page) == []


def test_the_api_tells_a_seller_only_of_itself(
    api_as: Callable[..., Any], one: Registry, box: Device
) -> None:
    one.box("SN-2", seller="south", custodian="north")
    asked = api_as("agent", "north")

    card = asked("GET", f"/devices/{box.public_id}")
    listed = asked("GET", "/devices?sort=serial")

    assert foreign_words(card.text + listed.text) == []
    assert [row["organisation"]["code"] for row in card.json["custody"]] == ["north"]
    assert (card.json["seller"]["code"], card.json["custodian"]) == ("north", None)
    (sold, held) = listed.json["items"]
    assert (sold["custodian"], held["seller"], held["custodian"]["code"]) == (None, None, "north")


def test_the_operator_is_told_all_by_the_api(api: Any, one: Registry, box: Device) -> None:
    card = api("GET", f"/devices/{box.public_id}").json

    held = [row["organisation"] and row["organisation"]["code"] for row in card["custody"]]
    assert held == ["south", "north", None, None]
    assert (card["custodian"]["code"], card["custody"][0]["actor_label"]) == ("south", "test-admin")


def test_a_seller_does_not_find_out_by_filters_who_holds_its_box(
    one: Registry, box: Device
) -> None:
    scope = one.dealer("north").scope

    def count(wanted: DeviceFilter, within: Any) -> int:
        found: int = one.ask(queries.devices_count, wanted, within)
        return found

    assert count(DeviceFilter(custodian="south"), scope) == 0
    assert count(DeviceFilter(custodian="south"), EVERYTHING) == 1
    assert count(DeviceFilter(seller="north"), scope) == 1


def test_the_search_names_no_other_organisation(one: Registry, box: Device) -> None:
    hits = one.ask(identity.find_boxes, "SN-1", one.dealer("north").scope, 5)

    assert [hit.title for hit in hits] == ["SN-1"]
    assert foreign_words(hits[0].detail) == []


@pytest.mark.parametrize(
    ("reader", "seller", "custodian"), [("north", "north", ""), ("south", "", "south")]
)
def test_an_export_names_only_the_organisation_that_asked(
    one: Registry, box: Device, reader: str, seller: str, custodian: str
) -> None:
    scope = one.dealer(reader).scope
    rows = [list(row) for row in rows_of(one.db, DeviceFilter(), scope, lambda _done: None)]
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    file.seek(0)

    (row,) = csv.DictReader(file)

    assert (row["serial"], row["seller"], row["custodian"]) == ("SN-1", seller, custodian)


def test_the_timeline_tells_a_seller_what_it_did_and_when_it_had_the_box(
    one: Registry, box: Device, api_as: Callable[..., Any], people: People
) -> None:
    one.do(operations.move_custody, uid=box.public_id, organisation="north")
    asked = api_as("agent", "north")
    asked("PATCH", f"/devices/{box.public_id}", json={"batch": "B1"})
    one.do(operations.move_custody, uid=box.public_id, organisation="south")

    told = one.ask(lambda s: list(entries(s, box.public_id, one.dealer("north"), 10)))

    sentences = [entry.sentence for entry in told]
    assert sorted(sentence for sentence in sentences if "Batch" not in sentence) == [
        "It came into the custody of your organisation",
        "It came into the custody of your organisation",
        "It left the custody of your organisation",
        "It left the custody of your organisation",
    ]
    assert len(sentences) == 5


# --- what they may do -----------------------------------------------------------------------------


@pytest.mark.parametrize("current", Status)
@pytest.mark.parametrize("wanted", Status)
def test_a_seller_moves_a_box_between_stock_sale_and_return_alone(
    current: Status, wanted: Status
) -> None:
    may = wanted in SELLER_STATUSES and current not in VERDICTS

    assert (obstacles_to_seller(current, wanted, has_custody=True) == []) is may
    assert obstacles_to_seller(current, wanted, has_custody=False) != []
    offered = wanted in next_statuses(current, of_seller=True)
    assert offered is (may and wanted in TRANSITIONS[current])


@pytest.mark.parametrize("status", ["sold", "in_rma"])
@pytest.mark.parametrize("held", [{"custodian": "north"}, {"seller": "north"}])
def test_a_seller_sells_what_it_has_and_takes_it_back(
    one: Registry, held: dict[str, str], status: str
) -> None:
    box = one.box(**held)

    done = one.do(
        operations.change_status, uid=box.public_id, status=status, actor=one.dealer("north")
    )

    assert done.status == status


@pytest.mark.parametrize("status", ["scrapped", "lost", "quarantined"])
def test_a_seller_neither_retires_nor_writes_off(one: Registry, status: str) -> None:
    box = one.box(custodian="north")

    with pytest.raises(Refused, match="Only the operator marks"):
        one.do(
            operations.change_status, uid=box.public_id, status=status, actor=one.dealer("north")
        )

    assert one.do(operations.change_status, uid=box.public_id, status=status).status == status


def test_a_seller_does_not_lift_what_the_operator_decided(one: Registry) -> None:
    box = one.box(custodian="north", status="quarantined")

    with pytest.raises(Refused, match="only the operator moves it on"):
        one.do(
            operations.change_status,
            uid=box.public_id,
            status="in_stock",
            actor=one.dealer("north"),
        )


@pytest.mark.parametrize("to", [{"organisation": "south"}, {"holder": "the customer"}])
def test_a_seller_moves_on_no_box_that_it_does_not_hold(one: Registry, to: dict[str, str]) -> None:
    box = one.box(seller="north", status="sold")
    one.do(operations.move_custody, uid=box.public_id, **to)

    with pytest.raises(Refused, match="not in the custody"):
        one.do(
            operations.change_status,
            uid=box.public_id,
            status="in_rma",
            actor=one.dealer("north"),
        )


def test_a_seller_takes_its_box_back_from_a_customer_but_from_no_organisation(
    one: Registry,
) -> None:
    box = one.box(seller="north", status="sold")
    who = {"uid": box.public_id, "organisation": "north", "actor": one.dealer("north")}
    one.do(operations.move_custody, uid=box.public_id, holder="the customer")
    taken = one.do(operations.move_custody, **who)
    one.do(operations.move_custody, uid=box.public_id, organisation="south")

    with pytest.raises(Refused, match="not in the custody"):
        one.do(operations.move_custody, **who)

    assert taken.custodian_id == one.dealer("north").organisation_id


@pytest.mark.parametrize("status", sorted(SELLER_STATUSES))
def test_a_seller_registers_boxes_in_its_own_statuses(one: Registry, status: str) -> None:
    assert one.box(status=status, actor=one.dealer("north")).status == status


@pytest.mark.parametrize("status", sorted(set(Status) - SELLER_STATUSES))
def test_a_seller_registers_boxes_in_no_other_status(one: Registry, status: str) -> None:
    with pytest.raises(Invalid) as refusal:
        one.box(status=status, actor=one.dealer("north"))

    assert list(refusal.value.fields) == ["status"]


def test_the_api_refuses_a_seller_with_the_obstacle_that_its_card_shows(
    api_as: Callable[..., Any], north: FlaskClient, one: Registry, box: Device
) -> None:
    asked = api_as("agent", "north")
    path = f"/devices/{box.public_id}"

    refused = asked("POST", f"{path}/status", json={"status": "scrapped"})
    kept = asked("POST", f"{path}/custody", json={"organisation": "north"})
    page = north.get(path).text

    assert (refused.status_code, kept.status_code) == (409, 409)
    assert refused.json["obstacles"][0]["code"] == kept.json["obstacles"][0]["code"] == "custody"
    assert page.count("The box is not in the custody of your organisation.") == 5
    assert asked("GET", path).json["next_statuses"] == []


CORRECTIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("PATCH", "", {"serial": "SN-9"}),
    ("POST", "/board", {"mac_ethernet": "02:00:00:00:00:09"}),
    ("PUT", "/capabilities", {"overrides": []}),
]


@pytest.mark.parametrize(("method", "path", "body"), CORRECTIONS)
def test_a_seller_corrects_a_box_by_the_api_only_while_it_holds_it(
    api_as: Callable[..., Any],
    one: Registry,
    box: Device,
    method: str,
    path: str,
    body: dict[str, Any],
) -> None:
    asked, address = api_as("agent", "north"), f"/devices/{box.public_id}{path}"

    refused = asked(method, address, json=body)
    one.do(operations.move_custody, uid=box.public_id, organisation="north")
    done = asked(method, address, json=body)

    assert (refused.status_code, refused.json["obstacles"][0]["code"]) == (409, "custody")
    assert done.status_code == 200


def test_a_seller_tags_boxes_only_while_it_holds_them_all(
    api_as: Callable[..., Any], one: Registry, box: Device
) -> None:
    own, asked = one.box("SN-2", seller="north"), api_as("agent", "north")
    body = {"devices": [own.public_id, box.public_id], "add": ["vip"]}

    refused = asked("POST", "/devices/tags", json=body)
    kept = one.ask(queries.device_by_uid, own.public_id, EVERYTHING)
    one.do(operations.move_custody, uid=box.public_id, organisation="north")
    done = asked("POST", "/devices/tags", json=body)

    assert (refused.status_code, refused.json["obstacles"][0]["code"]) == (409, "custody")
    assert kept.tag_names == []
    assert done.json == {"changed": 2}


def test_a_box_gives_its_board_only_for_who_holds_it(one: Registry, box: Device) -> None:
    giver = one.box("SN-3", seller="north", mac_ethernet="02:00:00:00:00:03")
    taker = one.box("SN-4", custodian="north")
    one.do(operations.move_custody, uid=giver.public_id, organisation="south")

    with pytest.raises(Refused, match="not in the custody"):
        one.do(
            operations.swap_board,
            uid=taker.public_id,
            donor=giver.public_id,
            actor=one.dealer("north"),
        )


def test_the_pages_refuse_a_correction_with_the_reason(
    north: FlaskClient, one: Registry, box: Device
) -> None:
    card = north.get(f"/devices/{box.public_id}").text
    token = {"csrf_token": csrf_of(card)}

    edited = north.post(f"/devices/{box.public_id}/edit", data={**token, "serial": "SN-9"})
    tags = {**token, "devices": box.public_id, "add": "vip", "confirmed": "true"}
    listed = north.post("/devices/tags", data=tags, follow_redirects=True)

    for path in ("edit", "board", "capabilities"):
        assert f"/devices/{box.public_id}/{path}" not in card
    assert "not in the custody of your organisation" in edited.text
    assert "not in the custody of your organisation" in listed.text
    after = one.ask(queries.device_by_uid, box.public_id, EVERYTHING)
    assert (after.serial, after.tag_names) == ("SN-1", [])


def test_the_tags_of_a_retired_box_stay(one: Registry) -> None:
    box = one.box("SN-2", tags=["old"])
    one.do(operations.change_status, status=Status.SCRAPPED, uid=box.public_id)

    assert one.do(operations.tag_devices, uids=[box.public_id], add=["new"]) == 0

    assert one.ask(queries.device_by_uid, box.public_id, EVERYTHING).tag_names == ["old"]


def test_the_card_offers_a_seller_its_own_steps(north: FlaskClient, one: Registry) -> None:
    box = one.box(custodian="north")

    page = north.get(f"/devices/{box.public_id}").text

    assert '<option value="sold"' in page
    assert '<option value="scrapped"' not in page


def test_a_centre_corrects_a_box_that_another_sold(north: FlaskClient, one: Registry) -> None:
    box = one.box("SN-2", seller="south", custodian="north")
    form = north.get(f"/devices/{box.public_id}/edit").text

    answer = north.post(
        f"/devices/{box.public_id}/edit",
        data={"csrf_token": csrf_of(form), "serial": "SN-22", "model": "AUR-1"},
    )

    after = one.ask(queries.device_by_uid, box.public_id, EVERYTHING)
    assert (answer.status_code, after.serial) == (303, "SN-22")
    assert after.seller is not None
    assert 'name="seller"' not in form


def test_a_seller_is_offered_only_what_it_may_say_of_a_new_box(
    north: FlaskClient, client: FlaskClient, one: Registry
) -> None:
    page, whole = north.get("/devices/new").text, client.get("/devices/new").text

    assert '<option value="in_rma"' in page
    assert '<option value="scrapped"' not in page
    assert '<option value="operator"' not in page
    assert '<option value="scrapped"' in whole
