"""Uploads through the pages and the API: what is kept, what is refused, what stays behind."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from firmware.images.models import Image
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.http import StbFlask

LIMIT = 2**20
BOUNDARY = "cut-here"
Post = Callable[..., TestResponse]


def typed(data: bytes = b"firmware", **changed: Any) -> dict[str, Any]:
    values = {
        "name": "Living room",
        "version": "1.0",
        "fits": ["X100/r1", "X200"],
        "file": (io.BytesIO(data), "x100.swu"),
    }
    return {name: value for name, value in {**values, **changed}.items() if value is not None}


def files_in(store: FileStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


def images_in(db: Database) -> int:
    with db.read() as session:
        return session.scalar(select(func.count(Image.id))) or 0


def csrf_token(client: FlaskClient) -> str:
    found = re.search(
        r'name="csrf_token" value="([^"]+)"', client.get("/firmware/images/new").get_data(True)
    )
    assert found is not None
    return found[1]


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    given = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{given}\r\n\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
FIELDS = part("name", b"Living room") + part("version", b"1.0") + part("fits", b"X100")
FORM = FIELDS + part("file", b"firmware", "x100.swu")


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """What is tested here is not the database."""
    return sqlite_db


@pytest.fixture
def post(client: FlaskClient) -> Post:
    """Post a body as it stands to the API."""

    def post_one(
        body: bytes, boundary: str = f"; boundary={BOUNDARY}", **more: Any
    ) -> TestResponse:
        return client.post(
            "/api/v1/images", data=body, content_type=f"multipart/form-data{boundary}", **more
        )

    return post_one


def test_an_upload_answers_with_what_was_computed(client: FlaskClient, files: FileStore) -> None:
    data = b"firmware" * 10_000

    response = client.post("/api/v1/images", data=typed(data))

    assert response.status_code == 201
    assert response.headers["ETag"] == '"1"'
    image = response.get_json()
    assert image["sha256"] == hashlib.sha256(data).hexdigest()
    assert image["size_bytes"] == len(data)
    assert image["uploaded_by"] == "Fatima"
    assert image["filename"] == "x100.swu"
    assert image["obstacles"] == []
    assert image["fits"] == [
        {"model_code": "X100", "revision_code": "r1", "sequence": 1000},
        {"model_code": "X200", "revision_code": "*", "sequence": 1000},
    ]
    assert [path.read_bytes() for path in files_in(files)] == [data]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"version": "1 0"}, 422),
        ({"file": None}, 422),
        ({"file": (io.BytesIO(b""), "")}, 422),
        ({"sequence": "first"}, 422),
        ({"sequence": "٣"}, 422),
        ({"fits": None}, 422),
        ({"after": "0.9"}, 422),
        ({"other": (io.BytesIO(b"x"), "x.swu")}, 400),
        ({"file": None, "image": (io.BytesIO(b"x"), "x.swu")}, 400),
        ({"notes": "x" * 10_001}, 422),
    ],
)
def test_a_refused_upload_leaves_nothing(
    client: FlaskClient, db: Database, files: FileStore, changed: dict[str, Any], status: int
) -> None:
    response = client.post(
        "/api/v1/images", data=typed(**changed), content_type="multipart/form-data"
    )

    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert files_in(files) == []
    assert images_in(db) == 0


@pytest.mark.parametrize(
    ("size", "status"), [(LIMIT - 1, 201), (LIMIT, 201), (LIMIT + 1, 413), (3 * LIMIT, 413)]
)
def test_a_file_may_be_as_large_as_the_limit(
    post: Post, files: FileStore, size: int, status: int
) -> None:
    response = post(FIELDS + part("file", b"x" * size, "x100.swu") + END)

    assert response.status_code == status
    assert len(files_in(files)) == (status == 201)


def test_fields_may_not_fill_the_memory(post: Post, files: FileStore) -> None:
    response = post(part("notes", b"x" * (LIMIT + 1)) + FORM + END)

    assert response.status_code == 413
    assert files_in(files) == []


@pytest.mark.parametrize(
    "body",
    [
        FORM[:200],
        FORM[: FORM.index(b"firmware\r\n") + 4],
        FORM,
        FORM + END[:5],
        b"--" + BOUNDARY.encode() + b"\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END,
        b"no form at all",
    ],
)
def test_a_body_that_is_cut_off_or_no_form_leaves_nothing(
    post: Post, db: Database, files: FileStore, body: bytes
) -> None:
    response = post(body)

    assert response.status_code == 400
    assert files_in(files) == []
    assert images_in(db) == 0


def test_an_empty_body_lacks_every_field(post: Post, files: FileStore) -> None:
    response = post(b"")

    assert response.status_code == 422
    assert set(response.get_json()["errors"]) == {"file", "name", "version", "fits"}
    assert files_in(files) == []


def test_the_same_body_with_its_end_is_kept(post: Post, db: Database) -> None:
    assert post(FORM + END).status_code == 201
    assert images_in(db) == 1


def test_a_length_beyond_the_body_is_cut_off(post: Post, files: FileStore) -> None:
    response = post(FORM, headers={"Content-Length": str(len(FORM) + 100)})

    assert response.status_code == 400
    assert files_in(files) == []


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=élan", "; boundary=other"])
def test_a_form_without_its_boundary_is_refused(
    post: Post, files: FileStore, boundary: str
) -> None:
    assert post(FORM + END, boundary).status_code == 400
    assert files_in(files) == []


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_an_upload_of_another_type_is_refused(client: FlaskClient, content_type: str) -> None:
    response = client.post("/api/v1/images", data=b"{}", content_type=content_type)

    assert response.status_code == 415


def test_the_same_bytes_are_refused_by_name(client: FlaskClient, files: FileStore) -> None:
    client.post("/api/v1/images", data=typed(b"same"))

    response = client.post("/api/v1/images", data=typed(b"same", version="2.0"))

    assert response.status_code == 409
    assert response.get_json()["type"] == "urn:stb:problem:image-same-bytes"
    assert "Living room, version 1.0" in response.get_json()["detail"]
    assert len(files_in(files)) == 1


def test_no_unit_of_work_is_open_while_bytes_come_in(
    app: StbFlask, client: FlaskClient, db: Database
) -> None:
    class Body(io.BytesIO):
        """Writes to the database in the middle of being read, as another request would."""

        def read(self, size: int | None = -1) -> bytes:
            with db.write() as session:
                session.execute(select(func.count(Image.id)))
            return super().read(size)

        def readinto(self, buffer: Any) -> int:
            data = self.read(len(buffer))
            buffer[: len(data)] = data
            return len(data)

    body = FORM + END
    response = client.post(
        "/api/v1/images",
        input_stream=Body(body),
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
        headers={"Content-Length": str(len(body)), "Idempotency-Key": "once"},
    )

    assert response.status_code == 201


def test_an_upload_that_is_sent_again_is_known_by_its_bytes(
    client: FlaskClient, db: Database
) -> None:
    key = {"Idempotency-Key": "once"}
    first = client.post("/api/v1/images", data=typed(), headers=key)

    second = client.post("/api/v1/images", data=typed(), headers=key)

    assert (first.status_code, second.status_code) == (201, 409)
    assert images_in(db) == 1


def test_the_script_is_told_where_to_go(client: FlaskClient) -> None:
    headers = {"X-CSRFToken": csrf_token(client), "Accept": "application/json"}

    response = client.post("/firmware/images", data=typed(), headers=headers)

    assert response.status_code == 201
    shown = client.get(response.get_json()["location"])
    assert "Living room 1.0" in shown.get_data(as_text=True)


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"version": "1 0"}, 422, "version"),
        ({"fits": None}, 422, "fits"),
        ({"file": None}, 422, "file"),
        ({"after": "7"}, 422, "after"),
        ({"file": (io.BytesIO(b"known"), "x.swu"), "version": "2"}, 409, "file"),
        ({"version": "0.1"}, 409, "version"),
        ({"sequence": "1000"}, 409, "sequence"),
    ],
)
def test_the_script_is_told_the_field_of_a_refusal(
    client: FlaskClient,
    add: Callable[..., Image],
    changed: dict[str, Any],
    status: int,
    field: str,
) -> None:
    add(b"known", version="0.1", fits=[("X100", "r1")])
    headers = {"X-CSRFToken": csrf_token(client), "Accept": "application/json"}

    response = client.post(
        "/firmware/images",
        data=typed(**changed),
        headers=headers,
        content_type="multipart/form-data",
    )

    assert response.status_code == status
    assert list(response.get_json()["errors"]) == [field]


def test_an_upload_of_a_foreign_page_is_refused_before_it_is_read(
    client: FlaskClient, files: FileStore
) -> None:
    headers = {"X-CSRFToken": "forged", "Accept": "application/json"}

    response = client.post("/firmware/images", data=typed(), headers=headers)

    assert response.status_code == 400
    assert files_in(files) == []


def test_a_form_without_script_brings_its_token_in_a_field(
    client: FlaskClient, db: Database
) -> None:
    token = csrf_token(client)

    response = client.post("/firmware/images", data=typed(csrf_token=token))

    assert response.status_code == 303
    assert images_in(db) == 1


@pytest.mark.parametrize("token", [None, "forged"])
def test_a_form_of_a_foreign_page_leaves_nothing(
    client: FlaskClient, db: Database, files: FileStore, token: str | None
) -> None:
    response = client.post("/firmware/images", data=typed(csrf_token=token))

    assert response.status_code == 400
    assert files_in(files) == []
    assert images_in(db) == 0


def test_files_are_swept_of_none_that_an_image_has(add: Callable[..., Image], db: Database) -> None:
    from firmware.images.queries import digests_in_use

    image = add()

    with db.read() as session:
        assert digests_in_use(session, [image.sha256, "0" * 64]) == {image.sha256}
