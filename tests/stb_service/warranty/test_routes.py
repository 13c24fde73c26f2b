"""The API of warranty."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.warranty.facts import Happened
from stb_service.warranty.policy import Basis
from tests.stb_service.warranty.conftest import SOLD, Desk, terms

NEW = {"code": "p", "title": "P", "jurisdiction": "EU", "terms": terms()}


def test_a_policy_is_written_published_and_decides(api: Any, one: Desk) -> None:
    made = api("POST", "/warranty/policies", json=NEW)
    path = f"/warranty/policies/{made.json['id']}"
    published = api("POST", f"{path}/publish", json={"in_force_from": "2020-01-01"})
    assigned = api(
        "POST",
        "/warranty/assignments",
        json={"policy": "p", "model": "AUR-1", "from_on": "2020-01-01"},
    )
    box = one.sold()
    decided = api(
        "POST",
        f"/devices/{box.public_id}/warranty/decisions",
        json={"reported_on": "2026-01-31", "subject_ref": "R-1"},
    )

    assert (made.status_code, published.status_code, assigned.status_code) == (201, 200, 201)
    assert published.json["versions"][0]["in_force_from"] == "2020-01-01"
    assert decided.status_code == 201, decided.text
    assert (decided.json["outcome"], decided.json["covered_until"]) == ("covered", "2027-05-05")
    assert decided.json["policy"]["code"] == "p"
    assert decided.json["trace"][-1]["sentence"] == "Reported on 31 Jan 2026, when it was covered."


def test_cover_is_told_and_nothing_is_kept(api: Any, one: Desk) -> None:
    path = f"/devices/{one.sold().public_id}/warranty"

    found = api("GET", f"{path}?day=2025-11-05&component=remote").json

    assert (found["outcome"], found["covered_until"]) == ("covered", "2025-11-05")
    assert api("GET", "/warranty/decisions").json["items"] == []


def path_of(api: Any) -> str:
    (policy,) = api("GET", "/warranty/policies").json["items"]
    return f"/warranty/policies/{policy['id']}"


# --- policies ------------------------------------------------------------------------------------


def test_a_change_needs_the_version_it_was_based_on(api: Any, one: Desk) -> None:
    path = path_of(api)
    tag = api("GET", path).headers["ETag"]

    first = api("PUT", f"{path}/draft", json={"title": "A"}, headers={"If-Match": tag})
    second = api("PUT", f"{path}/draft", json={"title": "B"}, headers={"If-Match": tag})

    assert (first.status_code, second.status_code) == (200, 412)
    assert first.headers["ETag"] != tag


def test_a_draft_says_what_it_takes_away_and_is_thrown_away(api: Any, one: Desk) -> None:
    path = path_of(api)

    written = api("PUT", f"{path}/draft", json={"terms": terms(months=12)})
    gone = api("DELETE", f"{path}/draft")
    again = api("DELETE", f"{path}/draft")

    assert written.json["versions"][1]["warnings"] == ["The box: 12 months, not 24."]
    assert (gone.status_code, again.status_code) == (204, 409)
    assert len(api("GET", path).json["versions"]) == 1


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("publish", {"in_force_from": "2090-01-01"}, "no-draft"),
        ("retire", {"retired_on": "2020-01-01"}, "too-soon"),
    ],
)
def test_what_bars_a_step_is_listed(
    api: Any, one: Desk, verb: str, body: dict[str, str], code: str
) -> None:
    answer = api("POST", f"{path_of(api)}/{verb}", json=body)

    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert answer.json["obstacles"][0]["code"] == code


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": ""}, "code"),
        ({"title": None}, "title"),
        ({"terms": {**terms(), "months": 241}}, "terms.months"),
        ({"terms": {**terms(), "starts": [{"basis": "rumour"}]}}, "terms.starts.0.basis"),
        ({"terms": {**terms(), "excluded": ["firmware"]}}, "terms.excluded.0"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_at_its_field(
    api: Any, one: Desk, change: dict[str, Any], field: str
) -> None:
    answer = api("POST", "/warranty/policies", json={**NEW, **change})

    assert answer.status_code == 422
    assert field in answer.json["errors"]


def test_a_post_with_a_key_is_carried_out_once(api: Any, one: Desk) -> None:
    key = {"Idempotency-Key": "once"}

    first = api("POST", "/warranty/policies", json=NEW, headers=key)
    second = api("POST", "/warranty/policies", json=NEW, headers=key)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json


def test_presets_are_listed_and_loaded_once(api: Any, one: Desk) -> None:
    first = api("POST", "/warranty/presets", json={"preset": "eu-consumer"})
    second = api("POST", "/warranty/presets", json={"preset": "eu-consumer"})
    unknown = api("POST", "/warranty/presets", json={"preset": "mars"})
    listed = api("GET", "/warranty/presets").json["items"]

    assert [a.status_code for a in (first, second, unknown)] == [201, 409, 404]
    assert first.json["versions"][0]["needs_check"] is True
    assert {row["code"]: row["is_loaded"] for row in listed} == {
        "eu-consumer": True,
        "twelve-months": False,
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"policy": "none", "from_on": "2026-01-01"}, "policy"),
        ({"policy": "plain"}, "from_on"),
        ({"policy": "plain", "from_on": "2026-01-01", "model": "NONE"}, "model"),
        ({"policy": "plain", "from_on": "2026-01-01", "tenure": "stolen"}, "tenure"),
    ],
)
def test_an_assignment_that_cannot_be_is_refused_at_its_field(
    api: Any, one: Desk, body: dict[str, str], field: str
) -> None:
    answer = api("POST", "/warranty/assignments", json=body)

    assert answer.status_code == 422
    assert field in answer.json["errors"]


def test_assignments_are_listed(api: Any, one: Desk) -> None:
    one.assign("plain", model="AUR-1", seller="north", tenure="sold")

    newest, oldest = api("GET", "/warranty/assignments").json["items"]

    assert [newest[name] for name in ("policy", "model", "seller", "tenure")] == [
        "plain",
        "AUR-1",
        "north",
        "sold",
    ]
    assert [oldest[name] for name in ("model", "seller", "tenure")] == [None, None, None]


# --- decisions -----------------------------------------------------------------------------------


def test_a_box_without_policy_is_told_so(api: Any, one: Desk) -> None:
    one.assign(None, since=SOLD)
    path = f"/devices/{one.sold().public_id}/warranty"

    found = api("GET", path)
    refused = api("POST", f"{path}/decisions", json={"reported_on": "2026-01-31"})

    assert (found.status_code, found.json["policy"], found.json["outcome"]) == (200, None, None)
    assert found.json["trace"]
    assert (refused.status_code, refused.json["obstacles"][0]["code"]) == (409, "no-policy")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reported_on"),
        ({"reported_on": "soon"}, "reported_on"),
        ({"reported_on": "2090-01-01"}, "reported_on"),
        ({"reported_on": "2026-01-01", "cause": "ghosts"}, "cause"),
        ({"reported_on": "2026-01-01", "component": "engine"}, "component"),
        ({"reported_on": "2026-01-01", "subject_ref": "a\u0000b"}, "subject_ref"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_at_its_field(
    api: Any, one: Desk, body: dict[str, str], field: str
) -> None:
    answer = api("POST", f"/devices/{one.sold().public_id}/warranty/decisions", json=body)

    assert answer.status_code == 422
    assert field in answer.json["errors"]


@pytest.mark.parametrize(
    ("day", "status"),
    [("1989-12-31", 422), ("1990-01-01", 200), ("2200-01-01", 200), ("2200-01-02", 422)],
)
def test_a_day_that_is_asked_about_is_one_that_a_box_can_live_to_see(
    api: Any, one: Desk, day: str, status: int
) -> None:
    path = f"/devices/{one.sold().public_id}/warranty"

    assert api("GET", f"{path}?day={day}").status_code == status


def test_an_override_stands_beside_the_decision(api: Any, one: Desk) -> None:
    path = f"/warranty/decisions/{one.decide(one.sold(), cause='liquid').public_id}"
    tag = api("GET", path).headers["ETag"]
    body = {"outcome": "goodwill", "reason": "long loyal"}

    granted = api("POST", f"{path}/override", json=body, headers={"If-Match": tag})
    stale = api("POST", f"{path}/override", json=body, headers={"If-Match": tag})
    again = api("POST", f"{path}/override", json=body)
    silent = api("POST", f"{path}/override", json={"outcome": "covered", "reason": " "})
    dated = api("POST", f"{path}/override", json={**body, "outcome": "expired"})

    assert (granted.json["outcome"], granted.json["effective_outcome"]) == ("excluded", "goodwill")
    assert granted.json["overrides"][0]["granted_by"] == "api.admin"
    assert [a.status_code for a in (granted, stale, again, silent, dated)] == [
        200,
        412,
        409,
        422,
        422,
    ]


def test_decisions_are_listed_page_by_page(api: Any, one: Desk) -> None:
    box = one.sold()
    made = [one.decide(box).public_id for _ in range(3)]

    first = api("GET", f"/warranty/decisions?limit=2&device={box.public_id}").json
    rest = api("GET", f"/warranty/decisions?limit=2&cursor={first['next_cursor']}").json

    assert [row["id"] for row in first["items"] + rest["items"]] == made[::-1]
    assert api("GET", "/warranty/decisions?outcome=magic").status_code == 422


# --- who may, and who sees what ------------------------------------------------------------------


def test_a_dealer_sees_the_cover_of_its_boxes_and_no_policy(
    one: Desk, api_as: Callable[..., Any]
) -> None:
    own, other = one.sold("SN-1", seller="north"), one.sold("SN-2", seller="south")
    decision, foreign = one.decide(own), one.decide(other)
    one.grant(decision, "goodwill")
    north = api_as("agent", "north")

    seen = north("GET", f"/warranty/decisions/{decision.public_id}").json
    statuses = [
        north("GET", path).status_code
        for path in (
            f"/devices/{own.public_id}/warranty",
            f"/devices/{other.public_id}/warranty",
            f"/warranty/decisions/{foreign.public_id}",
            "/warranty/policies",
            "/warranty/assignments",
        )
    ]

    assert statuses == [200, 404, 404, 403, 403]
    assert (seen["decided_by"], seen["overrides"][0]["granted_by"]) == ("", "")
    assert [row["id"] for row in north("GET", "/warranty/decisions").json["items"]] == [
        decision.public_id
    ]


@pytest.mark.parametrize(
    ("role", "decides", "grants", "edits"),
    [
        ("administrator", 201, 200, 201),
        ("agent", 201, 403, 403),
        ("technician", 201, 403, 403),
        ("viewer", 403, 403, 403),
    ],
)
def test_deciding_granting_and_editing_are_three_verbs(
    one: Desk, api_as: Callable[..., Any], role: str, decides: int, grants: int, edits: int
) -> None:
    box = one.sold()
    decision = one.decide(box)
    somebody = api_as(role)

    answers = [
        somebody(
            "POST",
            f"/devices/{box.public_id}/warranty/decisions",
            json={"reported_on": "2026-01-31"},
        ),
        somebody(
            "POST",
            f"/warranty/decisions/{decision.public_id}/override",
            json={"outcome": "goodwill", "reason": "long loyal"},
        ),
        somebody("POST", "/warranty/policies", json=NEW),
    ]

    assert [answer.status_code for answer in answers] == [decides, grants, edits]


def test_facts_of_other_rooms_count_for_api_and_card(
    app: Any, api: Any, client: FlaskClient, one: Desk
) -> None:
    box = one.sold()
    source = app.extensions["stb"].registries.warranty_facts
    source.append(lambda _session, _uid: [Happened(Basis.SALE, date(2025, 6, 1))])

    found = api("GET", f"/devices/{box.public_id}/warranty").json

    assert found["covered_until"] == "2027-06-01"
    assert "1 Jun 2027" in client.get(f"/devices/{box.public_id}/warranty").text
