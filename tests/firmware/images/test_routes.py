"""Images in the JSON API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from firmware.images.models import Image
from stb_service.shared.db import Database

AddImage = Callable[..., Image]


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """What is tested here is not the database."""
    return sqlite_db


def test_the_list_is_cut_into_pages_newest_first(
    client: FlaskClient, add: AddImage, now: datetime
) -> None:
    add(b"1", version="1", now=now)
    add(b"2", version="2", now=now)
    add(b"3", version="3", now=now + timedelta(seconds=1))

    first = client.get("/api/v1/images?limit=2").get_json()
    second = client.get(f"/api/v1/images?limit=2&cursor={first['next_cursor']}").get_json()

    assert [image["version"] for image in first["items"]] == ["3", "2"]
    assert [image["version"] for image in second["items"]] == ["1"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "versions"),
    [("model=X100", ["1"]), ("model=X200", ["2"]), ("state=withdrawn", []), ("model=X300", [])],
)
def test_the_list_is_filtered(
    client: FlaskClient, add: AddImage, query: str, versions: list[str]
) -> None:
    add(b"1", version="1", fits=[("X100", "*")])
    add(b"2", version="2", fits=[("X200", "*")])

    found = client.get(f"/api/v1/images?{query}").get_json()

    assert [image["version"] for image in found["items"]] == versions


@pytest.mark.parametrize(
    "query", ["model=%00", "state=lost", "cursor=x", "limit=0", "limit=201", "cursor=bnVsbA"]
)
def test_a_list_that_cannot_be_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/v1/images?{query}").status_code == 422


def test_an_image_is_told_with_its_version_for_changes(client: FlaskClient, add: AddImage) -> None:
    image = add()

    response = client.get(f"/api/v1/images/{image.public_id}")

    assert response.headers["ETag"] == '"1"'
    assert response.get_json()["sha1"] == image.sha1


def test_a_change_of_notes_gives_a_new_etag(client: FlaskClient, add: AddImage) -> None:
    address = f"/api/v1/images/{add().public_id}"

    response = client.patch(address, json={"notes": "New"}, headers={"If-Match": '"1"'})

    assert response.status_code == 200
    assert response.headers["ETag"] == '"2"'
    assert client.get(address).get_json()["notes"] == "New"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"notes": "New"}),
        ("POST", "/fits", {"fits": [{"model_code": "X300"}]}),
        ("POST", "/withdraw", {"reason": "boot loop"}),
        ("POST", "/restore", {}),
    ],
)
def test_a_change_of_another_version_is_refused(
    client: FlaskClient, add: AddImage, method: str, path: str, body: dict[str, Any]
) -> None:
    address = f"/api/v1/images/{add().public_id}{path}"

    response = client.open(address, method=method, json=body, headers={"If-Match": '"0"'})

    assert response.status_code == 412


def test_a_withdrawn_image_says_what_bars_it(client: FlaskClient, add: AddImage) -> None:
    address = f"/api/v1/images/{add().public_id}"

    response = client.post(f"{address}/withdraw", json={"reason": "boot loop"})

    assert response.status_code == 200
    assert response.get_json()["withdrawn_reason"] == "boot loop"
    assert response.get_json()["obstacles"] == [
        {"code": "image-withdrawn", "message": "The image was withdrawn."}
    ]


def test_a_second_withdrawal_is_refused_with_its_obstacle(
    client: FlaskClient, add: AddImage
) -> None:
    address = f"/api/v1/images/{add().public_id}/withdraw"
    client.post(address, json={"reason": "boot loop"})

    response = client.post(address, json={"reason": "boot loop"})

    assert response.status_code == 409
    assert response.get_json()["obstacles"][0]["code"] == "image-already-withdrawn"


def test_fits_added_are_told_with_their_places(client: FlaskClient, add: AddImage) -> None:
    address = f"/api/v1/images/{add(fits=[('X100', 'r1')]).public_id}/fits"

    response = client.post(address, json={"fits": [{"model_code": "X100", "revision_code": "r2"}]})

    assert [fit["revision_code"] for fit in response.get_json()["fits"]] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/fits", {"fits": []}),
        ("/fits", {"fits": [{"model_code": "a b"}]}),
        ("/fits", {"fits": [{"model_code": "X100", "revision_code": None}]}),
        ("/withdraw", {}),
        ("/withdraw", {"reason": ""}),
        ("/withdraw", {"reason": "\u0000"}),
        ("/withdraw", []),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused(
    client: FlaskClient, add: AddImage, path: str, body: Any
) -> None:
    response = client.post(f"/api/v1/images/{add().public_id}{path}", json=body)

    assert response.status_code == 422


def test_an_image_that_is_not_there_is_a_problem(client: FlaskClient) -> None:
    response = client.get("/api/v1/images/nothing")

    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
