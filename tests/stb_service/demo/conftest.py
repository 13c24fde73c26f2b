"""A small operator whose history happened once, for all tests that look at it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from stb_service.app import wire_rooms
from stb_service.demo.history import write_history
from stb_service.demo.operator import Operator
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.staff.operations import new_password
from tests.conftest import NOW

BOXES = 80
SEED = 2026
LOCK = "nobody knows this word"


@dataclass
class Told:
    """A history that was written, and how many statements that took."""

    db: Database
    op: Operator
    files: FileStore
    statements: int


@pytest.fixture(scope="session")
def tell(
    staffed_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Told]]:
    """Write a history into a database of its own."""
    folder, made = tmp_path_factory.mktemp("histories"), list[Database]()

    def tell(*, seed: int = SEED, boxes: int, now: datetime = NOW) -> Told:
        path = folder / f"{len(made)}.sqlite3"
        shutil.copy(staffed_template, path)
        db = Database(f"sqlite:///{path}")
        made.append(db)
        seen: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
        lock, sources = new_password(LOCK, username=""), wire_rooms().warranty_facts
        files = FileStore(folder / f"{len(made)}-files")
        with db.write() as session:
            op = write_history(
                session, sources=sources, files=files, lock=lock, now=now, seed=seed, boxes=boxes
            )
        return Told(db, op, files, len(seen))

    yield tell
    for db in made:
        db.close()


@pytest.fixture(scope="session")
def told(tell: Callable[..., Told]) -> Told:
    """The history of a small operator; nobody writes into it."""
    return tell(boxes=BOXES)
