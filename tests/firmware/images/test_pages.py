"""The pages of images."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from firmware.images import wiring
from firmware.images.models import Image
from stb_service.shared.access import EVERYTHING, Scope
from stb_service.shared.db import Database
from stb_service.shared.http import StbFlask

AddImage = Callable[..., Image]


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """What is tested here is not the database."""
    return sqlite_db


@pytest.fixture
def client(app: StbFlask) -> FlaskClient:
    """A browser that sends the token of our forms with everything."""
    browser = app.test_client()
    found = re.search(
        r'name="csrf_token" value="([^"]+)"', browser.get("/firmware/images/new").text
    )
    assert found is not None
    browser.environ_base["HTTP_X_CSRFTOKEN"] = found[1]
    return browser


def page(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def test_an_empty_list_says_what_to_do_first(client: FlaskClient) -> None:
    assert "Upload the first firmware image" in page(client, "/firmware/images")


def test_the_list_is_filtered_by_model(client: FlaskClient, add: AddImage) -> None:
    add(b"one", name="For the living room", fits=[("X100", "*")])
    add(b"two", name="For the kitchen", fits=[("X200", "*")])

    shown = page(client, "/firmware/images?model=X200")

    assert "For the kitchen" in shown
    assert "For the living room" not in shown


@pytest.mark.parametrize("query", ["model=%00", "model=a%20b", "state=lost", "model=&state="])
def test_a_filter_that_cannot_be_is_no_error(client: FlaskClient, query: str) -> None:
    assert client.get(f"/firmware/images?{query}").status_code == 200


def test_the_list_goes_on_after_its_first_page(
    client: FlaskClient, add: AddImage, now: Any
) -> None:
    add_many = [
        add(str(n).encode(), name=f"Image no{n}", version=str(n), now=now + timedelta(hours=n))
        for n in range(26)
    ]

    shown = page(client, "/firmware/images")

    assert add_many[-1].name in shown
    assert f"{add_many[0].name}<" not in shown
    assert "Next page" in shown


def test_the_list_asks_the_database_as_often_for_many_as_for_one(
    client: FlaskClient, add: AddImage, db: Database
) -> None:
    asked: list[str] = []
    event.listen(
        db.engine, "before_cursor_execute", lambda _c, _k, statement, *_: asked.append(statement)
    )
    add(b"1", version="1")
    asked.clear()
    page(client, "/firmware/images")
    for_one = len(asked)
    add(b"2", version="2")
    add(b"3", version="3")
    asked.clear()

    page(client, "/firmware/images")

    assert len(asked) == for_one == 4  # BEGIN, images, their fits, the models of the filter


def test_the_page_of_an_image_shows_digests_fits_and_order(
    client: FlaskClient, add: AddImage
) -> None:
    add(b"old", version="0.9", fits=[("X100", "*")])
    image = add(fits=[("X100", "r1"), ("X200", "*")], notes="First line\nSecond <line>")

    shown = page(client, f"/firmware/images/{image.public_id}")

    assert image.sha256 in shown
    assert image.sha1 in shown
    assert image.md5 in shown
    assert "0.9" in shown
    assert "X100-1.0.swu" in shown
    assert "Second &lt;line&gt;" in shown


@pytest.mark.parametrize("public_id", ["nothing", "%00", "a%20b"])
def test_an_image_that_is_not_there_is_not_found(client: FlaskClient, public_id: str) -> None:
    assert client.get(f"/firmware/images/{public_id}").status_code == 404


def test_a_refused_form_keeps_what_was_typed(client: FlaskClient) -> None:
    response = client.post(
        "/firmware/images",
        data={
            "name": "Living room",
            "version": "1 0",
            "fit_model": ["X100", ""],
            "fit_revision": ["r1", ""],
            "notes": "Faster zapping",
            "file": (io.BytesIO(b"firmware"), "x.swu"),
        },
    )

    assert response.status_code == 422
    shown = response.get_data(as_text=True)
    assert 'value="Living room"' in shown
    assert 'value="1 0"' in shown
    assert 'value="X100"' in shown
    assert 'value="r1"' in shown
    assert "Faster zapping" in shown
    assert "A version is up to 64 letters" in shown


def test_the_form_without_script_leads_to_the_image(client: FlaskClient) -> None:
    response = client.post(
        "/firmware/images",
        data={
            "name": "Living room",
            "version": "1.0",
            "fit_model": ["X100", ""],
            "fit_revision": ["", ""],
            "file": (io.BytesIO(b"firmware"), "x.swu"),
        },
    )

    assert response.status_code == 303
    assert "every one" in page(client, response.headers["Location"])


def test_an_image_is_withdrawn_and_brought_back(client: FlaskClient, add: AddImage) -> None:
    address = f"/firmware/images/{add().public_id}"

    withdrawn = client.post(f"{address}/withdraw", data={"reason": "boot loop on r1"})
    assert withdrawn.status_code == 303
    assert "boot loop on r1" in page(client, address)

    restored = client.post(f"{address}/restore")
    assert restored.status_code == 303
    assert "boot loop on r1" not in page(client, address)


@pytest.mark.parametrize(
    ("action", "data", "status", "said"),
    [
        ("withdraw", {"reason": " "}, 422, "Say why"),
        ("restore", {}, 409, "already available"),
        ("fits", {"fit_model": "X100", "fit_revision": "r1"}, 422, "name the same boxes"),
        ("fits", {}, 422, "Name at least one model"),
        ("notes", {"notes": "x" * 10_001}, 422, "At most 10000 characters"),
    ],
)
def test_a_refused_change_is_told_on_the_page(
    client: FlaskClient, add: AddImage, action: str, data: dict[str, str], status: int, said: str
) -> None:
    image = add()

    response = client.post(f"/firmware/images/{image.public_id}/{action}", data=data)

    assert response.status_code == status
    assert said in response.get_data(as_text=True)


def test_notes_and_fits_are_changed(client: FlaskClient, add: AddImage) -> None:
    address = f"/firmware/images/{add().public_id}"

    notes = client.post(f"{address}/notes", data={"notes": "Two\r\nlines"})
    fits = client.post(f"{address}/fits", data={"fit_model": "X300", "fit_revision": ""})

    assert (notes.status_code, fits.status_code) == (303, 303)
    shown = page(client, address)
    assert "Two<br>lines<br>" in shown
    assert "X300" in shown


def test_the_script_of_the_upload_is_served(client: FlaskClient) -> None:
    with client.get("/firmware/images/static/upload.js") as response:
        assert response.status_code == 200
        assert response.mimetype == "text/javascript"


@pytest.mark.parametrize(
    ("typed", "found"),
    [("1.0", 1), ("livin", 1), ("LIVIN", 1), ("2", 0), ("%", 0), ("_", 0), (" ", 0), ("\x00", 0)],
)
def test_the_search_finds_images_by_version_and_name(
    app: StbFlask, add: AddImage, db: Database, typed: str, found: int
) -> None:
    add(name="Living room", version="1.0")

    with app.test_request_context(), db.read() as session:
        assert len(wiring.find_images(session, typed, EVERYTHING, 10)) == found


def test_the_search_finds_no_image_for_dealers(app: StbFlask, add: AddImage, db: Database) -> None:
    add(version="1.0")

    with app.test_request_context(), db.read() as session:
        assert wiring.find_images(session, "1.0", Scope(7), 10) == []
