"""What the tests of this room stand on."""

from __future__ import annotations

from typing import Any

import pytest

from stb_service.shared.db import Database
from stb_service.shared.settings import Settings
from tests.conftest import with_stores


@pytest.fixture
def app(made_small_app: Any, settings: Settings, sqlite_db: Database, people: Any) -> Any:
    """This room and its neighbour alone, so that a fault elsewhere does not show here."""
    return with_stores(made_small_app, settings, sqlite_db)
