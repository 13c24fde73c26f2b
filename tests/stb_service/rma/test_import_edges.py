"""The page and the API by which open returns arrive in a file."""

from __future__ import annotations

from io import BytesIO

from flask.testing import FlaskClient

from tests.conftest import csrf_of

FILE = b"external_id,box,arrival\nT-1,SN-1,asked\n"


def test_the_page_takes_a_file_and_shows_how_its_import_goes(client: FlaskClient) -> None:
    page = client.get("/returns/import").text
    data = {
        "csrf_token": csrf_of(page),
        "file": (BytesIO(FILE), "returns.csv"),
        "dry_run": "true",
        "encoding": "auto",
    }

    answer = client.post("/returns/import", data=data)

    assert "external_id" in page
    assert "how far its return had come" in page
    assert answer.status_code == 303
    assert client.get(answer.headers["Location"]).status_code == 200


def test_the_page_asks_for_the_file(client: FlaskClient) -> None:
    token = csrf_of(client.get("/returns/import").text)

    assert client.post("/returns/import", data={"csrf_token": token}).status_code == 422
