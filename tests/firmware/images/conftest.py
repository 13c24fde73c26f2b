"""What tests of images have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firmware.images.models import Image
from firmware.images.operations import add_image
from stb_service.shared.access import SYSTEM, Actor
from stb_service.shared.db import Base, Database
from stb_service.shared.files import FileStore

AddImage = Callable[..., Image]


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
def actor() -> Actor:
    return SYSTEM


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    Base.metadata.create_all(database.engine)
    yield database
    database.close()


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
