"""A world to tell stories in."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import pytest

from tests.conftest import People
from tests.stories.caller import Clock, World


@pytest.fixture
def world(app: Any, people: People, now: datetime, monkeypatch: pytest.MonkeyPatch) -> World:
    """An operator behind the whole app, at a time of its own."""
    clock = Clock(now)
    monkeypatch.setattr(sys.modules["stb_service.shared.http.unit"], "utc_now", clock)
    return World(app.test_client(), people, clock)
