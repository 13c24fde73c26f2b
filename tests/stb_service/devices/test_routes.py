"""The API of boxes, models and disputes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from stb_service.devices.identity import queries as identity
from stb_service.shared.access import EVERYTHING
from stb_service.shared.jobs import Job
from tests.stb_service.devices.conftest import Registry

MAC = "02:00:00:00:00:01"


def test_a_box_is_made_read_and_changed(api: Any, one: Registry) -> None:
    made = api(
        "POST",
        "/devices",
        json={
            "serial": "sn-1",
            "model": "AUR-1",
            "mac_ethernet": "0200.0000.0001",
            "tags": ["vip"],
        },
    )
    path = f"/devices/{made.json['id']}"
    changed = api("PATCH", path, json={"batch": "B1", "mac_ethernet": None})
    read = api("GET", path)

    assert (made.status_code, made.json["mac_ethernet"], made.json["tags"]) == (201, MAC, ["vip"])
    assert (changed.status_code, changed.json["batch"], changed.json["mac_ethernet"]) == (
        200,
        "B1",
        None,
    )
    assert read.json == changed.json
    assert [row["value"] for row in read.json["identifiers"]] == ["SN-1", MAC]
    assert read.json["capabilities"][0] == {
        "kind": "codec",
        "name": "hevc",
        "detail": "Main10@5.1",
    }


def test_a_change_needs_the_version_it_was_based_on(api: Any, one: Registry) -> None:
    path = f"/devices/{one.box().public_id}"
    tag = api("GET", path).headers["ETag"]

    first = api("PATCH", path, json={"tags": ["a"]}, headers={"If-Match": tag})
    second = api("PATCH", path, json={"tags": ["b"]}, headers={"If-Match": tag})

    assert (first.status_code, second.status_code) == (200, 412)
    assert first.headers["ETag"] != tag


def test_a_disputed_box_is_a_problem_with_its_fields_and_is_listed(api: Any, one: Registry) -> None:
    one.box("SN-1", mac_ethernet=MAC)

    answer = api("POST", "/devices", json={"serial": "SN-2", "model": "AUR-1", "mac_wifi": MAC})

    assert answer.status_code == 409
    assert answer.mimetype == "application/problem+json"
    assert answer.json["type"] == "urn:stb:problem:identity-disputed"
    assert list(answer.json["errors"]) == ["mac_wifi"]
    (dispute,) = api("GET", "/disputes").json["items"]
    assert (dispute["claimant"], dispute["holder"]["serial"]) == ("SN-2", "SN-1")


def test_a_dispute_is_settled_once(api: Any, one: Registry) -> None:
    one.box("SN-1", mac_ethernet=MAC)
    api("POST", "/devices", json={"serial": "SN-2", "model": "AUR-1", "mac_wifi": MAC})
    (dispute,) = one.ask(identity.disputes_page, EVERYTHING, cursor=None, limit=9).rows
    path = f"/disputes/{dispute.public_id}"

    first = api("POST", f"{path}/settle", json={"note": "typing error"})
    second = api("POST", f"{path}/settle", json={"note": "again"})

    assert (first.status_code, second.status_code) == (200, 409)
    assert api("GET", path).json["settled_note"] == "typing error"
    assert len(api("GET", "/disputes?state=settled").json["items"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "serial"),
        ({"serial": "x", "model": "AUR-1", "colour": "red"}, "colour"),
        ({"serial": "x", "model": "NONE"}, "model"),
        ({"serial": "x\u0000", "model": "AUR-1"}, "serial"),
        ({"serial": "x", "model": "AUR-1", "made_on": "yesterday"}, "made_on"),
        ({"serial": "x", "model": "AUR-1", "tags": ["a"] * 21}, "tags"),
        ({"serial": "x", "model": "AUR-1", "status": "new"}, "status"),
    ],
)
def test_a_body_that_cannot_be_is_refused_at_its_field(
    api: Any, one: Registry, body: dict[str, Any], field: str
) -> None:
    answer = api("POST", "/devices", json=body)

    assert answer.status_code == 422
    assert field in answer.json["errors"]


def test_a_step_that_is_none_returns_its_obstacles(api: Any, one: Registry) -> None:
    path = f"/devices/{one.box().public_id}/status"

    done = api("POST", path, json={"status": "sold", "reason": "counter"})
    refused = api("POST", path, json={"status": "replaced"})

    assert (done.status_code, done.json["status"]) == (200, "sold")
    assert refused.status_code == 409
    assert refused.json["obstacles"][0]["code"] == "status"


def test_custody_board_and_capabilities_have_verbs_of_their_own(api: Any, one: Registry) -> None:
    path = f"/devices/{one.box('SN-1').public_id}"
    donor = one.box("SN-2", mac_ethernet=MAC)

    moved = api("POST", f"{path}/custody", json={"organisation": "north", "reason": "repair"})
    swapped = api("POST", f"{path}/board", json={"donor": donor.public_id})
    able = api(
        "PUT",
        f"{path}/capabilities",
        json={"overrides": [{"kind": "codec", "name": "AV1"}]},
    )

    assert (moved.status_code, swapped.status_code, able.status_code) == (204, 200, 200)
    card = api("GET", path).json
    assert (card["custodian"]["code"], card["mac_ethernet"]) == ("north", MAC)
    assert card["capabilities"][0]["name"] == "av1"


def test_boxes_are_tagged_and_listed_by_tag_page_by_page(api: Any, one: Registry) -> None:
    uids = [one.box(f"SN-{n}").public_id for n in (1, 2, 3)]

    tagged = api("POST", "/devices/tags", json={"devices": uids[:2], "add": ["VIP"]})
    first = api("GET", "/devices?tag=vip&sort=serial&limit=1").json
    second = api("GET", f"/devices?tag=vip&sort=serial&limit=1&cursor={first['next_cursor']}").json

    assert tagged.json == {"changed": 2}
    assert [first["items"][0]["serial"], second["items"][0]["serial"]] == ["SN-1", "SN-2"]
    assert second["next_cursor"] is None
    assert api("GET", "/devices/summary").json == {"by_status": {"in_stock": 3}}


@pytest.mark.parametrize("query", ["sort=notes", "cursor=x", "limit=0", "limit=201", "status=new"])
def test_a_list_that_cannot_be_is_refused(api: Any, one: Registry, query: str) -> None:
    assert api("GET", f"/devices?{query}").status_code == 422


def test_an_import_and_an_export_are_work_to_follow(api: Any, one: Registry) -> None:
    file = (io.BytesIO(b"serial,model\nSN-1,AUR-1\n"), "boxes.csv")

    asked = api("POST", "/devices/imports", data={"file": file, "dry_run": "true"})
    exported = api("POST", "/devices/exports", json={"format": "xlsx", "tag": "vip"})

    assert (asked.status_code, asked.json["kind"]) == (202, "devices.import")
    assert (exported.status_code, exported.json["kind"]) == (202, "devices.export")
    assert api("GET", f"/jobs/{asked.json['id']}").json["state"] == "queued"


def test_the_file_of_a_trial_is_imported_once_by_the_api(api: Any, one: Registry) -> None:
    file = (io.BytesIO(b"serial,model\nSN-1,AUR-1\n"), "boxes.csv")
    trial = api("POST", "/devices/imports", data={"file": file, "dry_run": "true"}).json["id"]

    first = api("POST", f"/devices/imports/{trial}/import")
    second = api("POST", f"/devices/imports/{trial}/import")
    again = api("POST", f"/devices/imports/{first.json['id']}/import")

    assert (first.status_code, first.json["id"]) == (202, second.json["id"])
    assert first.json["id"] != trial
    assert again.status_code == 404
    job = one.ask(lambda s: s.scalar(select(Job).where(Job.public_id == first.json["id"])))
    assert (job.arguments["name"], job.arguments["dry_run"]) == ("boxes.csv", False)


def test_an_export_is_no_trial(api: Any, one: Registry) -> None:
    export = api("POST", "/devices/exports", json={"format": "csv"}).json["id"]

    assert api("POST", f"/devices/imports/{export}/import").status_code == 404
    assert api("POST", "/devices/imports/nothing/import").status_code == 404


def test_a_model_is_made_and_changed(api: Any, one: Registry) -> None:
    body = {
        "code": "NEW-1",
        "name": "New",
        "maker": "Aurora",
        "revisions": ["A"],
        "capabilities": [{"kind": "codec", "name": "H.265", "detail": "Main10"}],
        "end_of_sale_on": "2026-01-01",
    }

    made = api("POST", "/models", json=body)
    path = f"/models/{made.json['id']}"
    changed = api("PATCH", path, json={"revisions": ["B"], "memory_mb": 512})
    refused = api("PATCH", path, json={"end_of_service_on": "2025-12-31"})

    assert (made.status_code, made.json["capabilities"][0]["name"]) == (201, "hevc")
    assert (changed.json["revisions"], changed.json["memory_mb"]) == (["A", "B"], 512)
    assert refused.status_code == 422
    assert api("POST", "/models", json=body).status_code == 409
    assert [row["code"] for row in api("GET", "/models").json["items"]] == [
        "AUR-1",
        "BOR-2",
        "NEW-1",
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"batch": "B1"}),
        ("POST", "/status", {"status": "sold"}),
        ("POST", "/custody", {"holder": "me"}),
        ("POST", "/board", {"mac_ethernet": MAC}),
        ("PUT", "/capabilities", {"overrides": []}),
    ],
)
def test_a_dealer_meets_a_foreign_box_nowhere(
    api_as: Callable[..., Any], one: Registry, method: str, path: str, body: Any
) -> None:
    own, foreign = one.box("SN-1", seller="north"), one.box("SN-2", seller="south")
    north = api_as("agent", "north")

    assert north(method, f"/devices/{foreign.public_id}{path}", json=body).status_code == 404
    assert north(method, f"/devices/{own.public_id}{path}", json=body).status_code in {200, 204}


def test_a_dealer_lists_only_its_own(api_as: Callable[..., Any], one: Registry) -> None:
    one.box("SN-1", seller="north")
    one.box("SN-2", seller="south")
    north = api_as("agent", "north")

    assert [row["serial"] for row in north("GET", "/devices").json["items"]] == ["SN-1"]
    assert north("GET", "/disputes").status_code == 403
    assert north("POST", "/devices/imports").status_code == 403
