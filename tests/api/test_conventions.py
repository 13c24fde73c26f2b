"""What every route of the API and every page has in common."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from sqlalchemy import func, select

from stb_service.shared.http.idempotency import IdempotencyKey
from stb_service.staff.models import Organisation
from tests.api.conftest import Served

PROBLEM = "application/problem+json"


def new(code: str, name: str = "Some") -> dict[str, str]:
    return {"code": code, "name": name, "kind": "dealer"}


@pytest.fixture(scope="module")
def document(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = served.app.test_client().get("/api/v1/openapi.json").get_json()
    return found


# The document


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(document).validate()

    assert document["openapi"] == "3.1.0"


def test_every_route_of_the_api_is_in_the_document(
    served: Served, document: dict[str, Any]
) -> None:
    described = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method in {"get", "post", "put", "patch", "delete"}
    }
    real = {
        (method, plain(rule.rule))
        for rule in served.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and not rule.rule.endswith(".json")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert described == real


def plain(rule: str) -> str:
    """Return a rule as OpenAPI writes it."""
    parts = rule.replace("<", "{").replace(">", "}").split("{")
    return "{".join([parts[0], *(part.rpartition(":")[2] for part in parts[1:])])


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    silent = [
        f"{method} {path}"
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and not (operation.get("summary") and operation.get("tags"))
    ]

    assert silent == []


# Errors


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no-such-thing", 404),
        ("GET", "/organisations/no-such-thing", 404),
        ("DELETE", "/organisations", 405),
        ("GET", "/people?limit=x", 422),
        ("GET", "/people?limit=0", 422),
        ("GET", "/people?limit=201", 422),
        ("GET", "/people?cursor=forged", 422),
        ("POST", "/organisations", 422),
    ],
)
def test_a_refusal_is_a_problem(served: Served, method: str, path: str, status: int) -> None:
    answer = served.api(method, path, **({"json": {}} if method == "POST" else {}))

    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (status, PROBLEM)
    assert problem["status"] == status
    assert problem["type"].startswith("urn:stb:problem:")
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]


def test_a_method_that_is_not_allowed_names_those_that_are(served: Served) -> None:
    answer = served.api("DELETE", "/organisations")

    assert {word.strip() for word in answer.headers["Allow"].split(",")} >= {"GET", "POST"}


def test_who_sends_no_token_is_told_how(served: Served) -> None:
    answer = served.app.test_client().get("/api/v1/me")

    assert (answer.status_code, answer.mimetype) == (401, PROBLEM)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "content_type", "statuses"),
    [
        (b"{", "application/json", {400, 422}),
        (b"[]", "application/json", {400, 422}),
        (b"\xff\xfe", "application/json", {400, 422}),
        (b"null", "application/json", {400, 422}),
        (b"<a/>", "application/xml", {400, 415, 422}),
        (b"code=x", "application/x-www-form-urlencoded", {400, 415, 422}),
        (b"[" * 100_000, "application/json", {400, 413, 422}),
        (b'{"code": %s}' % (b"1" * 5000), "application/json", {400, 422}),
        (b'{"code": 1e999}', "application/json", {400, 422}),
        (b'{"code": NaN}', "application/json", {400, 422}),
        (b'{"code": "\\u0000"}', "application/json", {422}),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem(
    served: Served, body: bytes, content_type: str, statuses: set[int]
) -> None:
    answer = served.api("POST", "/organisations", data=body, content_type=content_type)

    assert answer.status_code in statuses
    assert answer.mimetype == PROBLEM


def sized(length: int) -> bytes:
    """Return a JSON body of so many bytes."""
    frame = json.dumps(new("large", "")).encode()
    return frame.replace(b'"name": ""', b'"name": "%s"' % (b"x" * (length - len(frame))))


@pytest.mark.parametrize(("beyond", "status"), [(-1, 422), (0, 422), (1, 413)])
def test_a_body_has_a_limit(served: Served, beyond: int, status: int) -> None:
    body = sized(2 * 2**20 + beyond)

    answer = served.api("POST", "/organisations", data=body, content_type="application/json")

    assert len(body) == 2 * 2**20 + beyond
    assert (answer.status_code, answer.mimetype) == (status, PROBLEM)


# Idempotency-Key


def post(served: Served, body: dict[str, str], key: str) -> Any:
    return served.api("POST", "/organisations", json=body, headers={"Idempotency-Key": key})


def test_the_same_key_and_body_is_carried_out_once(served: Served) -> None:
    first, second = post(served, new("once"), "key-1"), post(served, new("once"), "key-1")

    assert first.status_code == second.status_code == 201
    assert first.get_json() == second.get_json()
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.mimetype == first.mimetype


def test_the_same_key_for_another_body_is_refused(served: Served) -> None:
    post(served, new("first"), "key-2")
    answer = post(served, new("second"), "key-2")

    assert answer.status_code == 409
    assert answer.get_json()["type"].endswith("key-reused")


def test_a_refused_request_leaves_its_key_free(served: Served) -> None:
    refused = post(served, {"code": "x"}, "key-3")
    answer = post(served, new("after-refusal"), "key-3")

    assert (refused.status_code, answer.status_code) == (422, 201)


@pytest.mark.parametrize(("length", "status"), [(1, 201), (128, 201), (129, 422)])
def test_a_key_has_1_to_128_characters(served: Served, length: int, status: int) -> None:
    assert post(served, new(f"of-length-{length}"), "k" * length).status_code == status


def test_a_key_belongs_to_whoever_sent_it(served: Served) -> None:
    from stb_service.shared.access import SYSTEM
    from stb_service.shared.clock import utc_now
    from stb_service.staff import operations, queries
    from tests.conftest import NOW, PASSWORD

    with served.db.write() as session:
        operator = queries.operator(session)
        assert operator is not None
        person = operations.create_person(
            session,
            username="second.admin",
            name="Second",
            password=PASSWORD,
            organisation=operator,
            role="administrator",
            actor=SYSTEM,
            now=NOW,
        )
        _, secret = operations.create_token(
            session, person=person, name="t", days=30, actor=SYSTEM, now=utc_now()
        )
    post(served, new("mine"), "shared-key")
    other = Served(served.app, served.db, served.settings, secret)

    assert post(other, new("theirs"), "shared-key").status_code == 201


def test_racing_requests_with_one_key_are_carried_out_once(served: Served) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: post(served, new("raced"), "raced-key"), range(6)))

    with served.db.read() as session:
        made = session.scalar(select(func.count()).where(Organisation.code == "raced"))
        keys = session.scalar(select(func.count()).where(IdempotencyKey.key == "raced-key"))
    assert (made, keys) == (1, 1)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert (
        sum("Idempotency-Replayed" not in a.headers for a in answers if a.status_code == 201) == 1
    )


# ETag and If-Match


def test_a_change_needs_the_version_that_was_read(served: Served) -> None:
    made = post(served, new("versioned"), "key-4").get_json()
    path = f"/organisations/{made['id']}"
    first = served.api("GET", path).headers["ETag"]

    changed = served.api("PATCH", path, json={"name": "A"}, headers={"If-Match": first})
    stale = served.api("PATCH", path, json={"name": "B"}, headers={"If-Match": first})
    either = f'"0", {changed.headers["ETag"]}'
    listed = served.api("PATCH", path, json={"name": "C"}, headers={"If-Match": either})
    star = served.api("PATCH", path, json={"name": "D"}, headers={"If-Match": "*"})

    assert [a.status_code for a in (changed, stale, listed, star)] == [200, 412, 200, 200]
    assert stale.mimetype == PROBLEM
    assert changed.headers["ETag"] != first
    assert served.api("GET", path).get_json()["name"] == "D"


# Cursors


@pytest.mark.parametrize("path", ["/devices", "/audit", "/boxes", "/people"])
def test_pages_neither_skip_nor_repeat(served: Served, path: str) -> None:
    whole = served.api("GET", f"{path}?limit=200").get_json()["items"]
    seen: list[Any] = []
    cursor: str | None = ""
    for _ in range(len(whole) + 1):
        page = served.api("GET", f"{path}?limit=3" + (f"&cursor={cursor}" if cursor else ""))
        seen += page.get_json()["items"]
        cursor = page.get_json()["next_cursor"]
        if cursor is None:
            break

    assert cursor is None
    assert seen[: len(whole)] == whole
    assert len(seen) >= min(len(whole), 1)


# Headers


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abcdefgh", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("abcdefg", False),
        ("with space in it", False),
        ("<script>alert(1)", False),
    ],
)
def test_a_request_id_is_echoed_if_it_is_one(served: Served, given: str, kept: bool) -> None:
    answer = served.app.test_client().get("/healthz", headers={"X-Request-ID": given})

    assert (answer.headers["X-Request-ID"] == given) is kept
    assert len(answer.headers["X-Request-ID"]) >= 8


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/me", "/healthz", "/no-such-page"])
def test_every_answer_has_the_headers_that_protect_it(served: Served, path: str) -> None:
    headers = served.app.test_client().get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))

    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_the_cookie_of_a_sign_in_is_kept_from_scripts_and_other_sites(served: Served) -> None:
    answer = served.app.test_client().get("/sign-in")

    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_behind_https_cookies_and_browsers_stay_there(served: Served) -> None:
    from stb_service.app import make_app
    from stb_service.shared.settings import read_settings

    environ = {"STB_HOME": str(served.settings.home), "STB_PUBLIC_URL": "https://tv.example.com"}
    answer = make_app(read_settings(environ), served.db).test_client().get("/sign-in")

    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_static_files_with_a_version_are_kept_by_browsers(served: Served) -> None:
    browser = served.app.test_client()
    with browser.get("/static/stb.css?v=1") as versioned, browser.get("/static/stb.css") as plain_:
        found = (versioned.headers["Cache-Control"], plain_.headers.get("Cache-Control", ""))

    assert "immutable" in found[0]
    assert "immutable" not in found[1]


def test_what_is_counted_cannot_be_made_endless_by_callers(served: Served) -> None:
    browser = served.app.test_client()
    for number in range(5):
        browser.open(f"/no/{number}", method=f"MADEUP{number}")

    told = browser.get("/metrics").text

    assert "MADEUP" not in told
    assert 'method="other"' in told
    assert "/no/" not in told


def test_an_old_idempotency_key_is_forgotten(served: Served) -> None:
    from stb_service.shared.clock import utc_now
    from stb_service.shared.http import idempotency

    post(served, new("kept-a-day"), "kept-a-day")
    with served.db.write() as session:
        idempotency.forget_old(session, now=utc_now() + timedelta(days=1, seconds=1))
    with served.db.read() as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0
