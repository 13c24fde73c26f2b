"""One app with a few rows of everything, and the tokens of people who may use it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.clock import utc_now
from stb_service.shared.db import Database
from stb_service.shared.http import StbFlask
from stb_service.shared.settings import Settings, read_settings
from tests.conftest import Api, with_stores
from tests.operations.filling import fill


@dataclass
class Served:
    """An app, its database, and a token of an administrator."""

    app: Any
    db: Database
    settings: Settings
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}

    @property
    def api(self) -> Api:
        return Api(self.app.test_client(), self.secret)


@pytest.fixture(scope="module")
def served(
    made_app: StbFlask, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Served]:
    from stb_service.staff.operations import create_token
    from stb_service.staff.queries import person_by_username

    home = tmp_path_factory.mktemp("served")
    shutil.copy(sqlite_template, home / "stb.sqlite3")
    settings = read_settings({"STB_HOME": str(home)})
    db = Database(settings.database_url)
    actor = Actor("person", "test", "test", builtin_verbs("administrator"))
    fill(db, settings, actor)
    with db.write() as session:
        person = person_by_username(session, "some.admin")
        assert person is not None
        _, secret = create_token(
            session, person=person, name="api", days=30, actor=actor, now=utc_now()
        )
    app = with_stores(made_app, settings, db)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield Served(app, db, settings, secret)
    structlog.reset_defaults()
    db.close()
