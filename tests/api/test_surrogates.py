"""Half of a surrogate pair, which JSON can write and UTF-8 cannot, is refused wherever it comes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings
from tests.conftest import PASSWORD, Api, People, csrf_of, with_stores

HALF = "\ud800"
PERSON = {"username": "ann", "name": "Ann", "role": "agent", "password": PASSWORD}
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("PUT", "/me/password", {"old": HALF, "new": "another fine password"}),
    ("PUT", "/me/password", {"old": PASSWORD, "new": f"another fine {HALF}"}),
    *(("POST", "/people", {**PERSON, name: f"a long enough {HALF}"}) for name in PERSON),
    ("POST", "/organisations", {"code": "x", "name": HALF, "kind": "dealer"}),
    ("POST", "/organisations", {"code": "x", "name": "X", "kind": "dealer", HALF: 1}),
    ("POST", "/roles", {"name": "r", "label": "R", "verbs": [HALF]}),
    ("POST", "/tokens", {"name": HALF, "days": 3}),
    ("POST", "/devices", {"serial": HALF, "model": HALF}),
    ("POST", "/devices/tags", {"devices": [HALF], "add": [HALF]}),
    ("POST", "/devices/exports", {"format": "csv", "q": HALF}),
    ("POST", "/rollouts", {"name": HALF, "image": HALF}),
]


@pytest.fixture
def admin(made_app: Any, settings: Settings, db: Database, actor: Actor, now: datetime) -> Api:
    """The API as an administrator, on both kinds of database."""
    people = People(db, actor, now)
    secret = people.token(people.person("administrator", username="api.admin"))
    return Api(with_stores(made_app, settings, db).test_client(), secret)


@pytest.mark.parametrize(("method", "path", "body"), BODIES)
def test_no_endpoint_takes_half_a_character(
    admin: Api, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = admin(method, path, data=json.dumps(body), content_type="application/json")

    assert answer.status_code in {400, 422}, answer.text
    assert answer.mimetype == "application/problem+json"


def test_a_whole_pair_is_a_character(admin: Api) -> None:
    body = b'{"code": "x", "kind": "dealer", "name": "\\ud83d\\udcfa"}'

    answer = admin("POST", "/organisations", data=body, content_type="application/json")

    assert (answer.status_code, answer.json["name"]) == (201, "\U0001f4fa")


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart"])
def test_a_form_cannot_bring_one(
    made_app: Any, settings: Settings, db: Database, actor: Actor, now: datetime, content_type: str
) -> None:
    """Of a form the bytes that are no UTF-8 are replaced, so that the name is just unknown."""
    People(db, actor, now)
    browser = with_stores(made_app, settings, db).test_client()
    csrf = csrf_of(browser.get("/sign-in").text)
    typed = {"username": b"\xed\xa0\x80", "password": b"\xed\xa0\x80", "csrf_token": csrf.encode()}
    body = b"&".join(
        name.encode() + b"=" + value.replace(b"\xed\xa0\x80", b"%ED%A0%80")
        for name, value in typed.items()
    )
    if content_type == "multipart":
        content_type = "multipart/form-data; boundary=b"
        body = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (n.encode(), v)
            for n, v in typed.items()
        )
        body += b"--b--\r\n"

    answer = browser.post("/sign-in", data=body, content_type=content_type)

    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "path", ["/people?q=%ED%A0%80", "/devices?q=%ED%A0%80", "/people/%ED%A0%80"]
)
def test_nor_can_an_address(admin: Api, path: str) -> None:
    assert admin("GET", path).status_code < 500
