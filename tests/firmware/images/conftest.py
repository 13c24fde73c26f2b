"""What tests of images have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from firmware.images import wiring
from firmware.images.models import Image
from firmware.images.operations import add_image
from stb_service.shared.access import FIRMWARE, Actor, builtin_verbs
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.http import StbFlask, make_flask
from stb_service.shared.http import pages as shell
from stb_service.shared.http.api import StbApi
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings, read_settings
from tests.conftest import with_stores

AddImage = Callable[..., Image]
FIRMWARE_MANAGER = Actor("person", "fm", "Fatima", builtin_verbs(FIRMWARE))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"STB_HOME": str(tmp_path), "STB_MAX_IMAGE_BYTES": str(2**20)})


@pytest.fixture
def files(settings: Settings) -> FileStore:
    return FileStore(settings.files_dir)


@pytest.fixture
def add(db: Database, files: FileStore, actor: Actor, now: datetime) -> AddImage:
    """Add an image in a unit of work of its own; what is not stated does not matter."""

    def add_one(data: bytes = b"firmware", **stated: Any) -> Image:
        values: dict[str, Any] = {
            "name": "Living-room firmware",
            "version": "1.0",
            "fits": [("X100", "r1")],
            "filename": "x100.swu",
            "actor": actor,
            "now": now,
        }
        with files.receiving() as incoming:
            incoming.write(data)
            with db.write() as session:
                return add_image(session, files, incoming=incoming, **{**values, **stated})

    return add_one


@pytest.fixture(scope="session")
def made_images_app(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> StbFlask:
    """The staff app with this room alone, and a firmware manager at the desk."""
    settings = read_settings({"STB_HOME": str(tmp_path_factory.mktemp("home"))})
    registries = Registries()
    wiring.wire(registries)
    flask = make_flask(
        "test",
        settings=settings,
        db=Database(f"sqlite:///{sqlite_template}"),
        registries=registries,
        authenticate=lambda _session: FIRMWARE_MANAGER,
    )
    flask.config["TESTING"] = True
    shell.install(flask)
    for blueprint in wiring.page_blueprints:
        flask.register_blueprint(blueprint)
    flask.config.update(API_TITLE="Test", API_VERSION="1", OPENAPI_VERSION="3.1.0")
    api = StbApi(flask)
    for blueprint in wiring.api_blueprints:
        api.register_blueprint(blueprint)
    return flask


@pytest.fixture
def app(made_images_app: StbFlask, db: Database, settings: Settings) -> StbFlask:
    return with_stores(made_images_app, settings, db)


@pytest.fixture
def client(app: StbFlask) -> FlaskClient:
    return app.test_client()
