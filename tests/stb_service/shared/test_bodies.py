"""Large bodies are refused unread where no file is expected, and to strangers everywhere."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

LIMIT = 2 * 2**20


class Counted:
    """A body that tells how much of it was read."""

    def __init__(self, size: int) -> None:
        self.left, self.taken = size, 0

    def read(self, size: int = -1) -> bytes:
        size = self.left if size < 0 else min(size, self.left)
        self.left -= size
        self.taken += size
        return b"x" * size


def post(client: FlaskClient, path: str, size: int) -> tuple[int, int]:
    body: Any = Counted(size)
    answer = client.post(
        path,
        content_type="multipart/form-data; boundary=b",
        environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": str(size)},
    )
    return answer.status_code, body.taken


@pytest.mark.parametrize("path", ["/sign-in", "/people/new"])
def test_a_stranger_cannot_make_us_read_a_large_form(anonymous: FlaskClient, path: str) -> None:
    status, taken = post(anonymous, path, 300 * 2**20)

    assert status in {303, 413}
    assert taken <= LIMIT


def test_a_stranger_cannot_make_us_read_a_file(anonymous: FlaskClient) -> None:
    assert post(anonymous, "/devices/import", 300 * 2**20) == (303, 0)


def test_an_administrator_may_send_a_large_file_but_no_large_form(client: FlaskClient) -> None:
    assert post(client, "/people/new", 3 * 2**20) == (413, 0)
    assert post(client, "/devices/import", 3 * 2**20)[1] > LIMIT
