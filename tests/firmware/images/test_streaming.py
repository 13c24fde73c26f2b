"""Uploads over a real socket that break off, and the memory a large one takes."""

from __future__ import annotations

import io
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import BaseWSGIServer, make_server

from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.http import StbFlask
from stb_service.shared.settings import Settings, read_settings

MB = 2**20
LARGE = 200 * MB
FIELDS = b"".join(
    b'--cut\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % pair
    for pair in ((b"name", b"Large"), (b"version", b"1.0"), (b"fits", b"X100"))
)
HEAD = FIELDS + (
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="large.swu"\r\n\r\n'
)
END = b"\r\n--cut--\r\n"
CONTENT_TYPE = "multipart/form-data; boundary=cut"


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """What is tested here is not the database."""
    return sqlite_db


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"STB_HOME": str(tmp_path), "STB_MAX_IMAGE_BYTES": str(LARGE)})


@pytest.fixture
def server(app: StbFlask) -> Iterator[BaseWSGIServer]:
    made = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def files_in(store: FileStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


def wait_for(fact: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while not fact() and time.monotonic() < until:
        time.sleep(0.02)
    return fact()


def begin_upload(server: BaseWSGIServer, *, stated: int, sent: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.server_port), timeout=10)
    length = len(HEAD) + stated + len(END)
    connection.sendall(
        f"POST /api/v1/images HTTP/1.1\r\nHost: test\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {length}\r\n\r\n".encode()
    )
    connection.sendall(HEAD + b"x" * sent)
    return connection


def test_an_upload_whose_line_breaks_leaves_nothing(
    server: BaseWSGIServer, files: FileStore
) -> None:
    connection = begin_upload(server, stated=2 * MB, sent=MB)
    assert wait_for(lambda: len(files_in(files)) == 1)  # it is on its way

    connection.close()

    assert wait_for(lambda: files_in(files) == [])


def test_an_upload_that_ends_early_is_told_so(server: BaseWSGIServer, files: FileStore) -> None:
    connection = begin_upload(server, stated=2 * MB, sent=MB)

    connection.shutdown(socket.SHUT_WR)

    with connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert files_in(files) == []


class LargeBody(io.RawIOBase):
    """A form with a file of `LARGE` zero bytes, made while it is read."""

    def __init__(self) -> None:
        pieces = [HEAD, *[bytes(MB)] * (LARGE // MB), END]
        self._pieces = iter(pieces)
        self._rest = b""

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or next(self._pieces, b"")
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def readable(self) -> bool:
        return True


def test_a_large_upload_takes_little_memory(client: FlaskClient, files: FileStore) -> None:
    length = len(HEAD) + LARGE + len(END)
    tracemalloc.start()
    try:
        response = client.post(
            "/api/v1/images",
            environ_overrides={
                "wsgi.input": LargeBody(),
                "CONTENT_LENGTH": str(length),
                "CONTENT_TYPE": CONTENT_TYPE,
            },
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert response.status_code == 201
    assert [path.stat().st_size for path in files_in(files)] == [LARGE]
    assert peak < 16 * MB
