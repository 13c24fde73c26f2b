"""A running service for the tests of the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import Live, live_service


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The box edge and the worker as they really run, on SQLite."""
    home: Path = tmp_path_factory.mktemp("live")
    with live_service(home) as service:
        service.start("edge")
        yield service
