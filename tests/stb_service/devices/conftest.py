"""A registry to test with: two models, two dealers, and boxes of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from stb_service.devices.arrivals.operations import register_device
from stb_service.devices.catalogue.operations import create_model
from stb_service.devices.models import Device
from stb_service.devices.operations import change_device
from stb_service.devices.rules import Capability
from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.db import Database
from stb_service.staff.models import Organisation
from tests.conftest import NOW
from tests.databases import KINDS, Databases

SHELF_MAC, FORMER_MAC = "02:00:00:00:AB:01", "02:00:00:00:CD:02"


class Registry:
    """Makes models, organisations and boxes in a database, each in a unit of work of its own."""

    def __init__(self, db: Database, actor: Actor, now: datetime) -> None:
        self.db, self.actor, self.now = db, actor, now
        self._organisations: dict[str, int] = {}
        with db.write() as session:
            for code in ("north", "south"):
                row = Organisation(code=code, name=code.title(), kind="dealer", created_at=now)
                session.add(row)
                session.flush()
                self._organisations[code] = row.id
            create_model(
                session,
                code="AUR-1",
                name="Aurora One",
                maker="Aurora",
                revisions=["A", "B"],
                capabilities=[
                    Capability("codec", "hevc", "Main10@5.1"),
                    Capability("protection", "widevine", "L1"),
                ],
                actor=actor,
                now=now,
            )
            create_model(
                session,
                code="BOR-2",
                name="Boreal Two",
                maker="Boreal",
                capabilities=[Capability("codec", "h264", "High@4.1")],
                actor=actor,
                now=now,
            )

    def dealer(self, code: str) -> Actor:
        """Return an agent of a dealer."""
        verbs = builtin_verbs("agent")
        return Actor("person", f"agent-{code}", f"agent.{code}", verbs, self._organisations[code])

    def box(self, serial: str = "SN-0001", **fields: Any) -> Device:
        """Register a box."""
        fields = {"model": "AUR-1", "actor": self.actor, "now": self.now, **fields}
        with self.db.write() as session:
            return register_device(session, serial=serial, **fields)

    def do(self, verb: Callable[..., Any], **arguments: Any) -> Any:
        """Carry out an operation in a unit of work of its own, as the administrator."""
        arguments = {"actor": self.actor, "now": self.now, **arguments}
        with self.db.write() as session:
            return verb(session, **arguments)

    def ask(self, query: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Read in a unit of work of its own."""
        with self.db.read() as session:
            return query(session, *arguments, **more)


@pytest.fixture
def registry(db: Database, actor: Actor, now: datetime) -> Registry:
    """A registry on SQLite and on PostgreSQL."""
    return Registry(db, actor, now)


@pytest.fixture
def one(sqlite_db: Database, actor: Actor, now: datetime) -> Registry:
    """A registry on SQLite, for tests that are not about the database."""
    return Registry(sqlite_db, actor, now)


@pytest.fixture(scope="module", params=KINDS)
def shelf(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    """Four boxes that a module's tests only read: two of the north, one of the south, one of
    nobody; one of the north's had another MAC before.
    """
    databases = Databases(request, tmp_path_factory.mktemp("shelf"))
    admin = Actor("person", "test-admin", "test-admin", builtin_verbs("administrator"))
    registry = Registry(databases.make(request.param), admin, NOW)
    first = registry.box(
        "SN-0001",
        revision="A",
        seller="north",
        mac_ethernet=FORMER_MAC,
        batch="B1",
        tags=["friendly"],
        status="sold",
        tenure="rented",
        external_id="crm-1",
    )
    registry.box("SN-0002", custodian="north", batch="B2", maker="Contract Works")
    registry.box("SN-0003", model="BOR-2", seller="south", tags=["hotel"])
    registry.box("SN-0004", model="BOR-2")
    registry.do(change_device, uid=first.public_id, mac_ethernet=SHELF_MAC)
    yield registry
    databases.close()
