"""What the tests of this room stand on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings
from stb_service.staff import operations
from stb_service.staff.models import Person
from tests.conftest import with_stores

PASSWORD = "correct horse battery staple"


@pytest.fixture
def app(made_small_app: Any, settings: Settings, sqlite_db: Database, people: Any) -> Any:
    """This room and its neighbour alone, so that a fault elsewhere does not show here."""
    return with_stores(made_small_app, settings, sqlite_db)


@pytest.fixture
def ann(session: Session, actor: Actor, now: datetime) -> Person:
    """An administrator, the only one, in a unit of work on each kind of database."""
    operations.install_builtin_roles(session)
    operator = operations.create_organisation(
        session, code="operator", name="The operator", kind="operator", actor=actor, now=now
    )
    return operations.create_person(
        session,
        username="ann",
        name="Ann",
        password=PASSWORD,
        organisation=operator,
        role="administrator",
        actor=actor,
        now=now,
    )
