"""The API of people, roles, organisations, tokens and oneself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stb_service.shared.db import Database
from stb_service.shared.http.idempotency import IdempotencyKey
from tests.conftest import PASSWORD

BOB = {
    "username": "bob",
    "name": "Bob",
    "organisation": "operator",
    "role": "viewer",
    "password": "first fine password",
}


def test_people_are_listed_in_slices(api: Any) -> None:
    api("POST", "/people", json=BOB)
    first = api("GET", "/people?limit=1").json
    assert [person["username"] for person in first["items"]] == ["api.admin"]
    second = api("GET", f"/people?limit=1&cursor={first['next_cursor']}").json
    assert [person["username"] for person in second["items"]] == ["bob"]
    assert second["next_cursor"] is None


def test_a_person_is_added_read_and_changed(api: Any) -> None:
    made = api("POST", "/people", json=BOB)
    assert made.status_code == 201
    path = f"/people/{made.json['id']}"
    assert api("GET", path).headers["ETag"] == made.headers["ETag"] == '"1"'
    changed = api("PATCH", path, json={"role": "agent"}, headers={"If-Match": '"1"'})
    assert changed.status_code == 200
    assert (changed.json["role"], changed.json["name"]) == ("agent", "Bob")
    assert changed.headers["ETag"] == '"2"'


def test_a_change_of_an_older_version_is_refused(api: Any) -> None:
    path = f"/people/{api('POST', '/people', json=BOB).json['id']}"
    api("PATCH", path, json={"name": "Robert"})
    answer = api("PATCH", path, json={"name": "Bobby"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 412
    assert answer.mimetype == "application/problem+json"
    assert api("GET", path).json["name"] == "Robert"


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"username": "bob"}, 409, None),
        ({"username": "Not A Name"}, 422, "username"),
        ({"username": "carl", "password": "short"}, 422, "password"),
        ({"username": "carl", "role": "emperor"}, 422, "role"),
        ({"username": "carl", "organisation": "nowhere"}, 422, "organisation"),
        ({"username": "carl", "name": "a\x00b"}, 422, "name"),
        ({"username": "carl", "name": 7}, 422, "name"),
        ({"username": "carl", "email": "nobody"}, 422, "email"),
        ({"username": "carl", "timezone": "Moon/Crater"}, 422, "timezone"),
        ({"username": "carl", "is_god": True}, 422, "is_god"),
    ],
)
def test_bad_input_is_answered_with_the_field(
    api: Any, change: dict[str, Any], status: int, field: str | None
) -> None:
    api("POST", "/people", json=BOB)
    answer = api("POST", "/people", json={**BOB, **change})
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert list(answer.json.get("errors", {})) == ([field] if field else [])


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"null", b'"x"', b"\xff\xfe"])
def test_a_body_that_is_no_object_is_a_clear_refusal(api: Any, body: bytes) -> None:
    answer = api("POST", "/people", data=body, content_type="application/json")
    assert answer.status_code in {400, 422}
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("cursor", ["x", "W10", "bnVsbA", "eyJhIjoxfQ", "%00", "WzFd"])
def test_a_cursor_of_another_list_is_refused_or_read(api: Any, cursor: str) -> None:
    assert api("GET", f"/people?cursor={cursor}").status_code in {200, 422}


@pytest.mark.parametrize("ref", ["nobody", "%00", "a%2Fb", "%F0%9F%A6%84"])
def test_a_person_that_is_not_there_is_not_found(api: Any, ref: str) -> None:
    assert api("GET", f"/people/{ref}").status_code == 404


def test_a_given_password_must_be_changed(api: Any) -> None:
    person = api("POST", "/people", json=BOB).json
    path = f"/people/{person['id']}"
    answer = api("PUT", f"{path}/password", json={"password": "given fine password"})
    assert answer.status_code == 204
    assert api("GET", path).json["must_change_password"] is True


def test_a_role_is_added_and_changed(api: Any) -> None:
    role = {"name": "clerk", "label": "Clerk", "verbs": ["self.use"]}
    assert api("POST", "/roles", json=role).status_code == 201
    answer = api("PATCH", "/roles/clerk", json={"verbs": ["jobs.view"]})
    assert (answer.status_code, answer.json["verbs"]) == (200, ["jobs.view"])
    assert answer.headers["ETag"] == '"2"'
    assert api("PATCH", "/roles/agent", json={"label": "X"}).status_code == 409
    assert api("PATCH", "/roles/nobody", json={"label": "X"}).status_code == 404


def test_an_organisation_is_added_and_renamed(api: Any) -> None:
    dealer = {"code": "cairo", "name": "Cairo", "kind": "dealer"}
    made = api("POST", "/organisations", json=dealer)
    assert made.status_code == 201
    answer = api("PATCH", f"/organisations/{made.json['id']}", json={"name": "Cairo Centre"})
    assert (answer.status_code, answer.json["name"]) == (200, "Cairo Centre")
    assert api("POST", "/organisations", json=dealer).status_code == 409


def test_me_says_what_i_may_do(api_as: Callable[..., Any]) -> None:
    viewer = api_as("viewer")
    me = viewer("GET", "/me").json
    assert "devices.view" in me["verbs"]
    assert "staff.view" not in me["verbs"]
    answer = viewer("PATCH", "/me", json={"timezone": "Asia/Riyadh"})
    assert (answer.status_code, answer.json["timezone"]) == (200, "Asia/Riyadh")
    assert "password_hash" not in answer.json


def test_a_token_is_made_listed_and_revoked(api: Any) -> None:
    made = api("POST", "/tokens", json={"name": "script", "days": 30})
    assert made.status_code == 201
    assert made.json["secret"].startswith("stb_")
    assert all("secret" not in token for token in api("GET", "/tokens").json)
    assert api("DELETE", f"/tokens/{made.json['id']}").status_code == 204
    assert api("DELETE", f"/tokens/{made.json['id']}").status_code == 404


def test_the_secret_of_a_token_is_not_kept_for_repeated_requests(
    api: Any, sqlite_db: Database
) -> None:
    body = {"name": "script", "days": 30}
    first = api("POST", "/tokens", json=body, headers={"Idempotency-Key": "once"})
    again = api("POST", "/tokens", json=body, headers={"Idempotency-Key": "once"})

    with sqlite_db.read() as session:
        kept = session.query(IdempotencyKey).one()
    assert (first.status_code, again.status_code) == (201, 409)
    assert (again.json["type"], kept.body) == ("urn:stb:problem:secret-shown-once", b"")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/people"),
        ("POST", "/people"),
        ("GET", "/people/x"),
        ("PATCH", "/people/x"),
        ("PUT", "/people/x/password"),
        ("GET", "/people/x/sessions"),
        ("DELETE", "/people/x/sessions"),
        ("GET", "/roles"),
        ("POST", "/roles"),
        ("PATCH", "/roles/agent"),
        ("GET", "/organisations"),
        ("POST", "/organisations"),
        ("PATCH", "/organisations/operator"),
        ("GET", "/audit"),
    ],
)
def test_nobody_else_may(
    api_as: Callable[..., Any], people: Any, anonymous: Any, method: str, path: str
) -> None:
    people.organisation("cairo")
    assert api_as("viewer")(method, path).status_code == 403
    assert api_as("administrator", "cairo")(method, path).status_code == 403
    assert anonymous.open(f"/api/v1{path}", method=method).status_code == 401


def test_the_own_password_is_changed_with_the_present_one_and_ends_the_sign_ins(
    people: Any, app: Any, api: Any, sign_in: Callable[[str], Any]
) -> None:
    browser = sign_in("api.admin")
    new = "another fine password"
    wrong = api("PUT", "/me/password", json={"old": "wrong", "new": new})
    weak = api("PUT", "/me/password", json={"old": PASSWORD, "new": "short"})
    done = api("PUT", "/me/password", json={"old": PASSWORD, "new": new})

    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["old"])
    assert (weak.status_code, list(weak.json["errors"])) == (422, ["new"])
    assert done.status_code == 204
    assert browser.get("/me").status_code == 303
    assert api("PUT", "/me/password", json={"old": PASSWORD, "new": new}).status_code == 422


def test_a_token_cannot_guess_the_password_of_its_person(api: Any) -> None:
    new = "another fine password"
    for _ in range(5):
        api("PUT", "/me/password", json={"old": "wrong", "new": new})

    answer = api("PUT", "/me/password", json={"old": PASSWORD, "new": new})

    assert (answer.status_code, "locked" in answer.json["errors"]["old"][0]) == (422, True)


def test_own_sign_ins_are_listed_and_ended(
    people: Any, api: Any, sign_in: Callable[[str], Any]
) -> None:
    people.person("agent", username="ann")
    browser, other = sign_in("api.admin"), sign_in("ann")
    listed = api("GET", "/me/sessions").json
    answers = [api("DELETE", f"/me/sessions/{listed[0]['id']}").status_code for _ in range(2)]

    assert set(listed[0]) == {"id", "address", "agent", "created_at", "seen_at", "expires_at"}
    assert (len(listed), answers) == (1, [204, 404])
    assert (browser.get("/me").status_code, other.get("/me").status_code) == (303, 200)


def test_an_administrator_ends_the_sign_ins_of_another(
    people: Any, api: Any, sign_in: Callable[[str], Any]
) -> None:
    path = f"/people/{people.person('agent', username='ann').public_id}/sessions"
    browser = sign_in("ann")
    listed = api("GET", path).json

    assert (len(listed), api("DELETE", path).status_code) == (1, 204)
    assert (api("GET", path).json, browser.get("/me").status_code) == ([], 303)


def test_somebody_elses_sign_in_is_not_there(
    people: Any, api: Any, api_as: Callable[..., Any], sign_in: Callable[[str], Any]
) -> None:
    path = f"/people/{people.person('agent', username='ann').public_id}/sessions"
    browser = sign_in("ann")
    ref = api("GET", path).json[0]["id"]

    assert api_as("viewer")("DELETE", f"/me/sessions/{ref}").status_code == 404
    assert browser.get("/me").status_code == 200
