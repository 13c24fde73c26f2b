"""The small app, made once: it costs a tenth of a second, and its templates as much again."""

from __future__ import annotations

from pathlib import Path

import pytest

from stb_service.shared.db import Database
from stb_service.shared.http import StbFlask
from stb_service.shared.settings import read_settings
from tests.stb_service.small_app import make_small_app


@pytest.fixture(scope="session")
def made_small_app(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> StbFlask:
    """People and administration alone; each test gives it its own stores."""
    settings = read_settings({"STB_HOME": str(tmp_path_factory.mktemp("home"))})
    return make_small_app(settings, Database(f"sqlite:///{sqlite_template}"))
