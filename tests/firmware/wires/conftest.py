"""Boxes that speak HTTP to the real edge app."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from firmware.boxes.models import Box, BoxReport, BoxToken
from firmware.boxes.operations import add_token, create_gateway_token
from firmware.boxes.presence import Presence
from firmware.edge import make_edge
from firmware.rollouts import engine
from firmware.wires.contact import Edge
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.http import StbFlask
from stb_service.shared.settings import Settings, read_settings
from tests.conftest import with_stores
from tests.firmware.world import World

TOKEN = "0123456789abcdef0123456789abcdef"
FIRMWARE = b"firmware " * 1000


class Wire:
    """The edge, its clock, and one box that speaks to it."""

    def __init__(self, app: Any, world: World, clock: time_machine.Traveller) -> None:
        self.app, self.world, self.clock = app, world, clock
        self.client: FlaskClient = app.test_client()
        self.headers = {"Authorization": f"TargetToken {TOKEN}"}
        self.base = "/DEFAULT/controller/v1/S00000"

    def wait(self, **span: float) -> None:
        self.clock.shift(timedelta(**span))
        self.world.wait(**span)

    def tick(self) -> None:
        """Write what was seen, and let time do its work on the first rollout."""
        self.app.extensions["edge"].presence.flush()
        with self.world.db.write() as session:
            engine.tick(session, rollout_id=1, now=self.world.now)

    def call(self, method: str, path: str = "", **arguments: Any) -> Any:
        headers = {**self.headers, **arguments.pop("headers", {})}
        if "json" in arguments:  # as ASCII, so that halves of pairs travel
            arguments["data"] = json.dumps(arguments.pop("json"))
        return self.client.open(self.base + path, method=method, headers=headers, **arguments)

    def poll(self) -> dict[str, Any]:
        """Poll, and return the links."""
        answer = self.call("GET")
        assert answer.status_code == 200, answer.text
        links: dict[str, Any] = answer.get_json()["_links"]
        return links

    def order(self) -> dict[str, Any]:
        """Return the work order that the poll points at."""
        href = self.poll()["deploymentBase"]["href"]
        answer = self.client.get(href, headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def artifact(self) -> dict[str, Any]:
        found: dict[str, Any] = self.order()["deployment"]["chunks"][0]["artifacts"][0]
        return found

    def download(self) -> Any:
        return self.client.get(self.artifact()["_links"]["download"]["href"], headers=self.headers)

    def feedback(
        self, action: object, execution: str, finished: str, kind: str = "deploymentBase"
    ) -> Any:
        status = {"execution": execution, "result": {"finished": finished}, "details": ["a", "b"]}
        return self.call(
            "POST", f"/{kind}/{action}/feedback", json={"id": str(action), "status": status}
        )

    def config(self, mode: str | None = None, **data: str | None) -> Any:
        body: dict[str, Any] = {"data": data} | ({"mode": mode} if mode else {})
        return self.call("PUT", "/configData", json=body)

    def reports(self) -> list[BoxReport]:
        with self.world.db.read() as session:
            return list(session.scalars(select(BoxReport).order_by(BoxReport.id)))

    def forget_tokens(self) -> None:
        with self.world.db.write() as session:
            session.execute(delete(BoxToken))

    def add_token(self, uid: str, token: str = TOKEN) -> None:
        with self.world.db.write() as session:
            box = session.scalars(select(Box).where(Box.uid == uid)).one()
            add_token(session, box=box, token=token, now=self.world.now)

    def gateway(self, days: int | None = None) -> tuple[int, dict[str, str]]:
        with self.world.db.write() as session:
            row, secret = create_gateway_token(
                session, name="gate", days=days, actor=self.world.actor, now=self.world.now
            )
            return row.id, {"Authorization": f"GatewayToken {secret}"}


@pytest.fixture
def files(settings: Settings) -> FileStore:
    return FileStore(settings.files_dir)


@pytest.fixture
def clock(now: datetime) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(now, tick=False) as traveller:
        yield traveller


MakeWire = Callable[..., Wire]


@pytest.fixture(scope="session")
def made_edge(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> StbFlask:
    """The box edge, made once; each test gives it its own stores."""
    settings = read_settings({"STB_HOME": str(tmp_path_factory.mktemp("home"))})
    made = make_edge(settings, Database(f"sqlite:///{sqlite_template}"))
    made.extensions["edge"].presence.close()
    return made


@pytest.fixture
def make_wire(
    made_edge: StbFlask,
    make_settings: Callable[..., Settings],
    actor: Actor,
    now: datetime,
    clock: time_machine.Traveller,
) -> Iterator[MakeWire]:
    """Give the edge a database, and settings by environment; a box with a token polls it."""
    gatherers = []

    def make(db: Database, **environ: str) -> Wire:
        settings = make_settings(**environ)
        app = with_stores(made_edge, settings, db)
        app.extensions["edge"] = Edge(Presence(db))
        gatherers.append(app.extensions["edge"].presence)
        world = World(db, FileStore(settings.files_dir), actor, now)
        world.image("1.0")
        (uid,) = world.boxes(1)
        wire = Wire(app, world, clock)
        wire.add_token(uid)
        return wire

    yield make
    for gatherer in gatherers:
        gatherer.close()


@pytest.fixture
def wire(make_wire: MakeWire, small_db: Database) -> Wire:
    return make_wire(small_db)


@pytest.fixture
def both_wire(make_wire: MakeWire, both: Database) -> Wire:
    """On SQLite and on PostgreSQL."""
    return make_wire(both)


@pytest.fixture
def ordered(wire: Wire) -> Wire:
    """The box was offered 2.0."""
    wire.world.rollout(wire.world.image("2.0", data=FIRMWARE))
    wire.poll()
    return wire
