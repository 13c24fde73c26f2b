"""A POST that is sent again is answered as it was the first time."""

from __future__ import annotations

from io import BytesIO

import pytest
from flask import Response, g, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from stb_service.shared.access import requires
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings
from tests.conftest import People
from tests.stb_service.small_app import make_small_app


@requires("self.use")
def make_thing() -> Response:
    answer = Response(b'{"id": 1}', 201, content_type="application/json")
    answer.headers.update({"Location": "/api/v1/things/1", "ETag": '"7"', "X-Own": "ö"})
    return answer


@requires("self.use")
def make_secret() -> Response:
    g.answer_is_secret = True
    return Response(b"secret", 201, headers={"Location": "/secret"})


@requires("self.use")
def read_body() -> Response:
    parts = [*request.files.values()] if request.files else []
    return Response(b"".join(part.read() for part in parts) or request.get_data(), 201)


@pytest.fixture
def browser(settings: Settings, sqlite_db: Database, people: People) -> FlaskClient:
    app = make_small_app(settings, sqlite_db)
    app.add_url_rule("/api/v1/things", "things", make_thing, methods=["POST"])
    app.add_url_rule("/api/v1/secrets", "secrets", make_secret, methods=["POST"])
    app.add_url_rule("/api/v1/bodies", "bodies", read_body, methods=["POST"])
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {people.token(people.person('viewer'))}"
    return client


def post(browser: FlaskClient, path: str) -> TestResponse:
    return browser.post(f"/api/v1{path}", headers={"Idempotency-Key": "one"})


def test_a_replay_has_the_headers_of_the_first_answer(browser: FlaskClient) -> None:
    first, again = post(browser, "/things"), post(browser, "/things")

    told = dict(again.headers)
    assert told.pop("Idempotency-Replayed") == "true"
    assert told.pop("X-Request-ID") != first.headers["X-Request-ID"]
    assert told == {k: v for k, v in first.headers if k != "X-Request-ID"}
    assert (told["Location"], told["ETag"], told["X-Own"]) == ("/api/v1/things/1", '"7"', "ö")
    assert (again.status_code, again.data) == (first.status_code, first.data)


def test_of_an_answer_with_a_secret_nothing_is_kept(browser: FlaskClient) -> None:
    post(browser, "/secrets")
    again = post(browser, "/secrets")

    assert again.status_code == 409
    assert "Location" not in again.headers


def test_of_two_uploads_with_one_key_each_is_answered_for_itself(browser: FlaskClient) -> None:
    answers = [
        browser.post(
            "/api/v1/bodies",
            data={"file": (BytesIO(content), "a.swu")},
            headers={"Idempotency-Key": "one"},
        )
        for content in (b"the one", b"the other", b"the other")
    ]

    assert [answer.data for answer in answers] == [b"the one", b"the other", b"the other"]
    assert not any("Idempotency-Replayed" in answer.headers for answer in answers)


@pytest.mark.parametrize("content_type", ["application/vnd.thing+json", "text/plain"])
def test_the_same_key_never_answers_for_another_body(
    browser: FlaskClient, content_type: str
) -> None:
    first, second = (
        browser.post(
            "/api/v1/bodies",
            data=body,
            content_type=content_type,
            headers={"Idempotency-Key": "one"},
        )
        for body in (b"1", b"2")
    )

    assert first.data == b"1"
    assert second.status_code == 409 or second.data == b"2"
