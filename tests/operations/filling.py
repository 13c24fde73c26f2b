"""A service with a row of nearly every kind, made by the verbs that make them in life."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import MetaData, Table, func, inspect, select, table

from firmware.edge import make_edge
from firmware.verdicts.operations import take_run
from firmware.verdicts.rules import Evidence, read_junit
from stb_service.devices.demo import load_demo
from stb_service.metadata import metadata
from stb_service.shared import jobs, leases, outbox
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.http.idempotency import IdempotencyKey
from stb_service.shared.settings import Settings
from tests.conftest import NOW, People
from tests.live import Live

SERIALS = tuple(f"FILLED00000000{number:02d}" for number in range(6))
IMAGE = bytes(range(256)) * 400
JUNIT = b'<testsuite name="rig"><testcase name="zap"/></testsuite>'


def fill(db: Database, settings: Settings, actor: Actor) -> dict[str, str]:
    """Fill a database and the files beside it; return the tokens of six boxes by serial."""
    people = People(db, actor, NOW)
    people.organisation("dealer")
    people.token(people.person("administrator", username="some.admin"))
    with db.write() as session:
        load_demo(session, actor=actor, now=NOW, seed=7, boxes=12)
        leases.take(session, name="some", holder="one", span=timedelta(seconds=10), now=NOW)
        outbox.emit(session, topic="some", key="k", payload={"ä": [1, None]}, now=NOW)
        jobs.enqueue(session, kind="k", title="t", arguments={"a": 1}, actor=actor, now=NOW)
        session.add(
            IdempotencyKey(
                actor_ref="a",
                key="k",
                fingerprint="f" * 64,
                status=201,
                headers={"Content-Type": "application/json"},
                body=b"\x00\xff{}",
                created_at=NOW,
            )
        )
    live = Live(settings, {}, db, FileStore(settings.files_dir))
    tokens = {serial: live.box(serial) for serial in SERIALS}
    live.rollout("filled", live.image("2.0.0", IMAGE))
    speak(db, settings, tokens)
    with db.write() as session:
        take_run(
            session,
            sent=read_junit(JUNIT),
            evidence=Evidence.REAL_BOX,
            result=live.files.keep_bytes(JUNIT),
            report=None,
            image=None,
            actor=actor,
            now=NOW,
        )
    return tokens


def speak(db: Database, settings: Settings, tokens: dict[str, str]) -> None:
    """Let every box state a version, poll, and report on what it is offered."""
    edge = make_edge(settings, db)
    browser = edge.test_client()
    orders: dict[str, str] = {}
    for serial, token in tokens.items():
        base = f"/{settings.tenant}/controller/v1/{serial}"
        headers = {"Authorization": f"TargetToken {token}"}
        stated = {"mode": "merge", "data": {"sw_version": "1.0.0", "boot_id": "b1"}}
        assert browser.put(f"{base}/configData", json=stated, headers=headers).status_code == 200
        answer = browser.get(base, headers=headers).get_json()
        href = answer["_links"]["deploymentBase"]["href"]
        orders[serial] = href.partition("/deploymentBase/")[2].partition("?")[0]
    for serial, token in tokens.items():
        said = browser.post(
            f"/{settings.tenant}/controller/v1/{serial}/deploymentBase/{orders[serial]}/feedback",
            json={
                "id": orders[serial],
                "status": {
                    "execution": "closed",
                    "result": {"finished": "failure"},
                    "details": ["ö"],
                },
            },
            headers={"Authorization": f"TargetToken {token}"},
        )
        assert said.status_code == 200
    edge.extensions["edge"].presence.close()


def tables(db: Database) -> list[Table]:
    """Return the tables as they are in the database."""
    found = MetaData()
    found.reflect(db.engine)
    return [one for one in found.sorted_tables if one.name != "alembic_version"]


def contents(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, in the order of their keys."""
    with db.read() as session:
        return {
            one.name: [tuple(row) for row in session.execute(select(one).order_by(one.c.id))]
            for one in metadata.sorted_tables
        }


def counts(db: Database) -> dict[str, int]:
    """Return the number of rows of each table there is."""
    names = sorted(set(inspect(db.engine).get_table_names()) - {"alembic_version"})
    with db.read() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table(name))) or 0
            for name in names
        }
