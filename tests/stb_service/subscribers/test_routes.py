"""The API of accounts: each answer once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import People
from tests.stb_service.subscribers.conftest import Desk

ADA = {"kind": "person", "name": "Ada Lovelace", "currency": "EUR"}
PHONE = "+49301234567"


@pytest.fixture
def ada(api: Any) -> dict[str, Any]:
    """An account opened over the API."""
    answer = api("POST", "/accounts", json={**ADA, "phones": ["+49 30 1234567"]})
    assert answer.status_code == 201
    found: dict[str, Any] = answer.get_json()
    return found


def test_an_account_is_opened_read_and_corrected(api: Any, ada: dict[str, Any]) -> None:
    read = api("GET", f"/accounts/{ada['id']}")
    stale = {"If-Match": read.headers["ETag"]}

    changed = api("PATCH", f"/accounts/{ada['id']}", json={"language": "el"}, headers=stale)
    late = api("PATCH", f"/accounts/{ada['id']}", json={"language": "hi"}, headers=stale)

    assert read.get_json() == ada
    assert ada["people"][0]["phones"] == [PHONE]
    assert (changed.status_code, changed.get_json()["language"]) == (200, "el")
    assert late.status_code == 412


def test_the_same_key_opens_one_account(api: Any) -> None:
    first, second = (
        api("POST", "/accounts", json=ADA, headers={"Idempotency-Key": "k"}) for _ in range(2)
    )

    assert first.get_json() == second.get_json()
    assert len(api("GET", "/accounts").get_json()["items"]) == 1


def test_people_and_sites_are_added_and_corrected(api: Any, ada: dict[str, Any]) -> None:
    path = f"/accounts/{ada['id']}"
    added = api("POST", f"{path}/people", json={"name": "Byron", "emails": ["b@example.org"]})
    ref = added.get_json()["people"][1]["id"]
    corrected = api("PATCH", f"{path}/people/{ref}", json={"emails": []})
    placed = api(
        "POST", f"{path}/sites", json={"name": "Home", "timezone": "Asia/Kolkata", "street": "1 Rd"}
    )
    site = placed.get_json()["sites"][0]["id"]
    moved = api("PATCH", f"{path}/sites/{site}", json={"city": "Pune"})

    assert (added.status_code, placed.status_code) == (201, 201)
    assert corrected.get_json()["people"][1]["emails"] == []
    assert moved.get_json()["sites"][0]["city"] == "Pune"
    assert moved.headers["ETag"] != added.headers["ETag"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/accounts", {"kind": "person"}, 422),
        ("POST", "/accounts", {**ADA, "currency": "EUX"}, 422),
        ("POST", "/accounts", {**ADA, "name": "a\x00b"}, 422),
        ("POST", "/accounts", {**ADA, "phones": ["x"]}, 422),
        ("POST", "/accounts", {**ADA, "credit_days": 10**30}, 422),
        ("PATCH", "/accounts/{id}", {"dealer": "nobody"}, 422),
        ("PATCH", "/accounts/nothing", {"name": "X"}, 404),
        ("GET", "/accounts/nothing", None, 404),
        ("POST", "/accounts/{id}/people", {"name": " "}, 422),
        ("PATCH", "/accounts/{id}/people/nothing", {"name": "X"}, 404),
        ("POST", "/accounts/{id}/sites", {"name": "Home", "timezone": "Mars/Base"}, 422),
        ("PATCH", "/accounts/{id}/sites/nothing", {"name": "X"}, 404),
        ("GET", "/accounts/{id}/people/nothing/data", None, 404),
        ("POST", "/accounts/{id}/people/nothing/erasure", None, 404),
        ("GET", "/accounts?kind=robot", None, 422),
        ("GET", "/accounts?cursor=forged", None, 422),
        ("GET", "/accounts?sort=phone", None, 422),
    ],
)
def test_a_refusal_is_a_problem(
    api: Any, ada: dict[str, Any], method: str, path: str, body: Any, status: int
) -> None:
    arguments = {} if body is None else {"json": body}

    answer = api(method, path.format(**ada), **arguments)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_an_external_id_that_is_taken_is_a_conflict(api: Any, ada: dict[str, Any]) -> None:
    api("PATCH", f"/accounts/{ada['id']}", json={"external_id": "crm-1"})

    answer = api("POST", "/accounts", json={**ADA, "external_id": "crm-1"})

    assert (answer.status_code, answer.get_json()["type"]) == (
        409,
        "urn:stb:problem:external-id-taken",
    )


def test_a_viewer_reads_accounts_without_what_is_personal(
    api: Any, api_as: Callable[..., Any], ada: dict[str, Any]
) -> None:
    api(
        "POST",
        f"/accounts/{ada['id']}/sites",
        json={"name": "Home", "timezone": "UTC", "street": "S"},
    )
    viewer = api_as("viewer")

    seen = viewer("GET", f"/accounts/{ada['id']}").get_json()
    listed = viewer("GET", "/accounts?text=1234567").get_json()["items"]

    assert seen["name"] == "Ada Lovelace"
    assert (seen["people"][0]["phones"], seen["people"][0]["emails"]) == (None, None)
    assert (seen["sites"][0]["street"], seen["sites"][0]["name"]) == (None, "Home")
    assert listed == []
    assert viewer("GET", "/search?q=1234567").get_json() == []
    assert viewer("PATCH", f"/accounts/{ada['id']}", json={"name": "X"}).status_code == 403


@pytest.mark.parametrize(
    ("typed", "group"), [("lovel", "Accounts"), ("234567", "Phones and mail addresses")]
)
def test_the_search_box_finds_accounts(
    api: Any, ada: dict[str, Any], typed: str, group: str
) -> None:
    (found,) = api("GET", f"/search?q={typed}").get_json()

    assert found["name"] == group
    assert found["hits"][0]["url"] == f"/accounts/{ada['id']}"
    assert found["hits"][0]["title"] == "Ada Lovelace"


def test_a_dealers_agent_reads_only_what_the_dealer_brought(
    api: Any, api_as: Callable[..., Any], people: People, one: Desk, ada: dict[str, Any]
) -> None:
    agent = api_as("agent", "north")
    own = agent("POST", "/accounts", json={**ADA, "dealer": "north"}).get_json()

    assert [row["id"] for row in agent("GET", "/accounts").get_json()["items"]] == [own["id"]]
    assert own["dealer"]["code"] == "north"
    assert agent("GET", f"/accounts/{ada['id']}").status_code == 404
    assert agent("PATCH", f"/accounts/{own['id']}", json={"dealer": "south"}).status_code == 422


def test_pages_of_accounts_neither_skip_nor_repeat(api: Any) -> None:
    for name in ("Cleo", "Ada", "Byron", "Ada", "Zoe"):
        api("POST", "/accounts", json={**ADA, "name": name})
    names: list[str] = []
    cursor = ""
    for _ in range(3):
        page = api("GET", f"/accounts?sort=name&limit=2{cursor}").get_json()
        names += [row["name"] for row in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"

    assert names == ["Ada", "Ada", "Byron", "Cleo", "Zoe"]
    assert page["next_cursor"] is None


def test_the_audit_shows_personal_values_to_whoever_may_see_them(
    api: Any, ada: dict[str, Any]
) -> None:
    (made,) = api("GET", "/audit?verb=account.create").get_json()["items"]

    assert made["changes"]["name"] == "Ada Lovelace"
    assert made["subject_label"] == ada["number"]
