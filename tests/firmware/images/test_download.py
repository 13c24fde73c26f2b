"""Downloads: conditions, ranges, and what is told of them (RFC 9110 sections 13 and 14)."""

from __future__ import annotations

import email
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import cast

import pytest
from flask import Request
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.http import http_date
from werkzeug.test import EnvironBuilder

from firmware.images.download import CHUNK_BYTES, Download, Kind, Served, serve
from firmware.images.models import Image
from stb_service.shared.db import Database
from stb_service.shared.errors import NotFound
from stb_service.shared.files import FileStore
from stb_service.shared.http import StbFlask

DATA = bytes(range(256)) * 4
MODIFIED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SHA1 = "a" * 40
Ask = Callable[..., Served]


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """What is tested here is not the database."""
    return sqlite_db


@pytest.fixture
def download(tmp_path: Path) -> Download:
    path = tmp_path / "image"
    path.write_bytes(DATA)
    return Download(path, "X100-1.0.swu", len(DATA), SHA1, MODIFIED)


@pytest.fixture
def ask(app: StbFlask, download: Download) -> Iterator[Ask]:
    """Ask for the file with headers given by name (`if_range=…`)."""
    answers = ExitStack()

    def ask_one(method: str = "GET", **headers: str) -> Served:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        environ = EnvironBuilder("/file", method=method, headers=Headers(named)).get_environ()
        with app.request_context(environ):
            served = serve(download, Request(environ))
        answers.callback(served.response.close)
        return served

    with answers:
        yield ask_one


def parts_of(served: Served) -> list[tuple[str, bytes]]:
    head = f"Content-Type: {served.response.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + served.response.get_data())
    parts = cast("list[Message]", message.get_payload())
    return [(part["Content-Range"], cast("bytes", part.get_payload(decode=True))) for part in parts]


def test_the_whole_file_comes_with_all_that_clients_read(ask: Ask) -> None:
    served = ask()

    assert (served.kind, served.first_byte, served.last_byte) == (Kind.FULL, 0, len(DATA) - 1)
    assert served.response.status_code == 200
    assert served.response.get_data() == DATA
    headers = served.response.headers
    assert headers["ETag"] == f'"{SHA1}"'
    assert headers["Content-Length"] == str(len(DATA))
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Last-Modified"] == "Sun, 22 Nov 2026 10:00:00 GMT"
    assert headers["Content-Disposition"] == "attachment;filename=X100-1.0.swu"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == "application/octet-stream"


def test_head_tells_the_length_and_sends_nothing(ask: Ask) -> None:
    served = ask("HEAD", range="bytes=0-1")

    assert served.kind == Kind.HEAD
    assert served.response.status_code == 200
    assert served.response.headers["Content-Length"] == str(len(DATA))
    assert served.response.get_data() == b""


def test_one_range_is_one_part(ask: Ask) -> None:
    served = ask(range="bytes=10-19")

    assert (served.kind, served.first_byte, served.last_byte) == (Kind.PARTIAL, 10, 19)
    assert served.response.status_code == 206
    assert served.response.headers["Content-Range"] == f"bytes 10-19/{len(DATA)}"
    assert served.response.headers["Content-Length"] == "10"
    assert served.response.get_data() == DATA[10:20]


def test_several_ranges_come_in_parts_in_their_order(ask: Ask) -> None:
    served = ask(range="bytes=500-509,0-4,-3")

    assert (served.kind, served.first_byte, served.last_byte) == (Kind.PARTIAL, 0, 1023)
    assert served.response.status_code == 206
    assert served.response.mimetype == "multipart/byteranges"
    assert "Content-Range" not in served.response.headers
    assert parts_of(served) == [
        ("bytes 500-509/1024", DATA[500:510]),
        ("bytes 0-4/1024", DATA[:5]),
        ("bytes 1021-1023/1024", DATA[-3:]),
    ]


def test_the_length_of_several_parts_is_stated_exactly(ask: Ask) -> None:
    served = ask(range="bytes=500-509,0-4")

    assert served.response.headers["Content-Length"] == str(len(served.response.get_data()))


def test_ranges_that_overlap_are_one_part(ask: Ask) -> None:
    served = ask(range="bytes=0-9,5-19")

    assert served.response.headers["Content-Range"] == f"bytes 0-19/{len(DATA)}"
    assert served.response.get_data() == DATA[:20]


def test_a_range_beyond_the_file_is_refused_with_its_length(ask: Ask) -> None:
    served = ask(range=f"bytes={len(DATA)}-")

    assert served.kind == Kind.REFUSED
    assert served.response.status_code == 416
    assert served.response.headers["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize("header", ["bytes=5-4", "lines=0-1", "bytes=x", "bytes=" + "0-0," * 17])
def test_a_range_that_cannot_be_read_is_ignored(ask: Ask, header: str) -> None:
    served = ask(range=header)

    assert (served.kind, served.response.status_code) == (Kind.FULL, 200)


@pytest.mark.parametrize(
    ("if_range", "status"),
    [
        (f'"{SHA1}"', 206),
        (f'W/"{SHA1}"', 200),
        ('"other"', 200),
        (SHA1, 200),
        (http_date(MODIFIED - timedelta(seconds=1)), 200),
        (http_date(MODIFIED), 206),
        (http_date(MODIFIED + timedelta(seconds=1)), 200),
        ("yesterday", 200),
    ],
)
def test_a_range_stands_only_for_the_file_it_began_with(
    ask: Ask, if_range: str, status: int
) -> None:
    assert ask(range="bytes=0-1", if_range=if_range).response.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_match": f'"{SHA1}"'}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": f'"x", "{SHA1}"'}, 200),
        ({"if_match": f'W/"{SHA1}"'}, 412),
        ({"if_match": '"x"'}, 412),
        ({"if_unmodified_since": http_date(MODIFIED - timedelta(seconds=1))}, 412),
        ({"if_unmodified_since": http_date(MODIFIED)}, 200),
        ({"if_unmodified_since": "never"}, 200),
        (
            {
                "if_match": f'"{SHA1}"',
                "if_unmodified_since": http_date(MODIFIED - timedelta(seconds=1)),
            },
            200,
        ),
        ({"if_none_match": f'"{SHA1}"'}, 304),
        ({"if_none_match": f'W/"{SHA1}"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"x"'}, 200),
        ({"if_none_match": '"x"', "if_modified_since": http_date(MODIFIED)}, 200),
        ({"if_modified_since": http_date(MODIFIED - timedelta(seconds=1))}, 200),
        ({"if_modified_since": http_date(MODIFIED)}, 304),
        ({"if_modified_since": http_date(MODIFIED + timedelta(seconds=1))}, 304),
        ({"if_match": '"x"', "if_none_match": f'"{SHA1}"'}, 412),
        ({"if_none_match": f'"{SHA1}"', "range": "bytes=0-1"}, 304),
        ({"if_match": '"x"', "range": "bytes=0-1"}, 412),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_are_weighed_in_the_order_of_the_standard(
    ask: Ask, method: str, headers: dict[str, str], status: int
) -> None:
    assert ask(method, **headers).response.status_code == status


def test_what_is_known_already_is_named_by_its_tag_and_not_sent(ask: Ask) -> None:
    served = ask(if_none_match=f'"{SHA1}"')

    assert served.kind == Kind.NOT_MODIFIED
    assert served.response.headers["ETag"] == f'"{SHA1}"'
    assert served.response.get_data() == b""


def test_a_file_that_is_gone_is_not_found(ask: Ask, download: Download) -> None:
    download.path.unlink()

    with pytest.raises(NotFound):
        ask()


def open_files() -> set[str]:
    return {os.path.realpath(handle) for handle in Path("/proc/self/fd").iterdir()}


def test_the_file_is_given_back_when_the_client_goes_away(ask: Ask, download: Download) -> None:
    download.path.write_bytes(b"x" * len(DATA))
    served = ask()
    sent = iter(served.response.response)
    next(sent)
    assert str(download.path) in open_files()

    served.response.close()

    assert str(download.path) not in open_files()


def test_an_answer_never_begun_gives_the_file_back(ask: Ask, download: Download) -> None:
    ask().response.close()

    assert str(download.path) not in open_files()


def test_the_file_is_read_in_chunks(app: StbFlask, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * (CHUNK_BYTES + 1))
    download = Download(path, "x.swu", CHUNK_BYTES + 1, SHA1, MODIFIED)
    environ = EnvironBuilder("/").get_environ()

    with app.request_context(environ):
        served = serve(download, Request(environ))

    assert [len(chunk) for chunk in served.response.response] == [CHUNK_BYTES, 1]
    served.response.close()


@pytest.mark.parametrize("url", ["/firmware/images/{}/file", "/api/v1/images/{}/file"])
def test_staff_download_an_image(client: FlaskClient, add: Callable[..., Image], url: str) -> None:
    image = add(b"firmware", name="Living room", version="1.0")

    response = client.get(url.format(image.public_id), headers={"Range": "bytes=4-"})

    assert response.status_code == 206
    assert response.data == b"ware"
    assert response.headers["ETag"] == f'"{image.sha1}"'
    assert response.headers["Content-Disposition"] == "attachment;filename=Living_room-1.0.swu"


def test_the_length_is_told_to_head_over_the_app(
    client: FlaskClient, add: Callable[..., Image]
) -> None:
    image = add(b"firmware")

    response = client.head(f"/api/v1/images/{image.public_id}/file")

    assert response.headers["Content-Length"] == "8"


def test_a_range_beyond_the_file_is_a_problem_in_the_api(
    client: FlaskClient, add: Callable[..., Image]
) -> None:
    image = add(b"firmware")

    response = client.get(f"/api/v1/images/{image.public_id}/file", headers={"Range": "bytes=8-"})

    assert response.status_code == 416
    assert response.mimetype == "application/problem+json"
    assert response.headers["Content-Range"] == "bytes */8"


def test_a_lost_file_is_not_found(
    client: FlaskClient, add: Callable[..., Image], files: FileStore
) -> None:
    image = add()
    files.path(image.sha256).unlink()

    assert client.get(f"/api/v1/images/{image.public_id}/file").status_code == 404
