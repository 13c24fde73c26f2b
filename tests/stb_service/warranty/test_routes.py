"""The API of warranty."""

from __future__ import annotations

from typing import Any

from tests.stb_service.warranty.conftest import Desk, terms

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
