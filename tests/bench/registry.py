"""Importing boxes, and finding them among many."""

from __future__ import annotations

import itertools
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import func, select

from stb_service.app import make_app
from stb_service.devices.arrivals.columns import COLUMNS
from stb_service.devices.arrivals.imports import import_file
from stb_service.devices.demo import load_demo
from stb_service.devices.jobs import rows_of
from stb_service.devices.models import Device
from stb_service.devices.queries import DeviceFilter
from stb_service.scale.filling import fill
from stb_service.scale.world import Sizes
from stb_service.shared import migrate
from stb_service.shared.access import EVERYTHING, SYSTEM
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings, read_settings
from stb_service.shared.tables import write_csv as write_table
from tests.bench.figures import Figure, percentile, rounded
from tests.bench.operator import sign_in
from tests.conftest import People

IMPORTED = 20_000
BOXES = 100_000
ROUNDS = 60
NOT_BROUGHT = ("seller", "custodian", "account")
LEFT_OUT = [n for n, column in enumerate(COLUMNS) if column.name in NOT_BROUGHT]


@contextmanager
def service(home: Path) -> Iterator[tuple[Settings, Database]]:
    """An empty service, on SQLite."""
    home.mkdir(exist_ok=True)
    settings = read_settings({"STB_HOME": str(home), "STB_LOG_LEVEL": "ERROR"})
    db = Database(settings.database_url)
    migrate.upgrade(db)
    yield settings, db
    db.close()


def models_of(db: Database) -> list[tuple[str, str]]:
    """Return the models and revisions that boxes can be of."""
    from stb_service.devices.catalogue.queries import all_models

    with db.read() as session:
        return [(m.code, r.code) for m in all_models(session) for r in m.revisions]


def write_csv(path: Path, count: int) -> None:
    """Write the boxes of a made-up operator as an import file, without who has and sold them."""
    with tempfile.TemporaryDirectory() as folder, service(Path(folder) / "home") as (_, db):
        fill(db, Sizes(count), now=datetime.now(UTC), say=lambda _: None)
        rows = rows_of(db, DeviceFilter(), EVERYTHING, lambda _: None)
        with path.open("wb") as file:
            write_table(file, ([c for n, c in enumerate(row) if n not in LEFT_OUT] for row in rows))


def run_import(db: Database, path: Path) -> tuple[float, dict[str, Any]]:
    """Import a file as the worker does; return the seconds and the counts."""
    started = time.perf_counter()
    report = import_file(db, path, name=path.name, actor=SYSTEM, clock=lambda: datetime.now(UTC))
    return time.perf_counter() - started, report.figures()


def import_rows_per_s(say: Callable[[str], None], *, rows: int = IMPORTED) -> Figure:
    """Import a file of new boxes, then the same file again."""
    with tempfile.TemporaryDirectory() as folder, service(Path(folder) / "home") as (_, db):
        path = Path(folder) / "boxes.csv"
        write_csv(path, rows)
        with db.write() as session:
            load_demo(session, actor=SYSTEM, now=datetime.now(UTC), seed=1, boxes=0)
        say(f"importing {rows} new boxes ...")
        seconds, figures = run_import(db, path)
        if figures["created"] != rows:
            raise RuntimeError(str(figures))
        say("importing the same file again ...")
        again, second = run_import(db, path)
        if second["unchanged"] != rows:
            raise RuntimeError(str(second))
    detail = {"seconds": rounded(seconds), "again_rows_per_s": rounded(rows / again)}
    return Figure("import_rows_per_s", rows / seconds, "rows/s", rows, detail)


def requests_of(db: Database, rounds: int) -> list[tuple[str, str]]:
    """Return what people look for: kinds and addresses, each round about another box."""
    chance = random.Random(rounds)
    with db.read() as session:
        count = session.scalar(select(func.count()).select_from(Device)) or 0
        ids = [chance.randrange(1, count + 1) for _ in range(rounds)]
        found = session.scalars(select(Device).where(Device.id.in_(ids))).all()
        kinds = models_of(db)
        made: list[list[tuple[str, str]]] = []
        for device, (model, revision) in zip(found, itertools.cycle(kinds), strict=False):
            mac = str(device.mac_ethernet)
            made.append(
                [
                    ("search mac", f"/api/v1/search?q={mac}"),
                    ("search end of mac", f"/api/v1/search?q={mac[-6:]}"),
                    ("search serial", f"/api/v1/search?q={device.serial}"),
                    ("search end of serial", f"/api/v1/search?q={device.serial[-5:]}"),
                    ("search beginning", f"/api/v1/search?q={device.serial[:5]}"),
                    ("search model", f"/api/v1/search?q={model}"),
                    ("search tag", "/api/v1/search?q=hotel"),
                    ("page of results", f"/search/results?q={device.serial[-6:]}"),
                    ("list", "/api/v1/devices?limit=50"),
                    ("list model", f"/api/v1/devices?model={model}&revision={revision}"),
                    ("list tag", "/api/v1/devices?tag=vip&sort=serial"),
                    ("list text", f"/api/v1/devices?text={mac[-5:]}"),
                    ("page of boxes", "/devices"),
                    ("page of a model", f"/devices?model={model}&status=active"),
                    ("card", f"/devices/{device.public_id}"),
                ]
            )
    return [pair for group in made for pair in group]


def search_100k_ms(
    say: Callable[[str], None], *, boxes: int = BOXES, rounds: int = ROUNDS
) -> Figure:
    """Search and list as people do, whole requests in one process, one at a time."""
    with tempfile.TemporaryDirectory() as folder, service(Path(folder) / "home") as (settings, db):
        say(f"making an operator of {boxes} boxes ...")
        fill(db, Sizes(boxes), now=datetime.now(UTC), say=lambda _: None)
        people = People(db, SYSTEM, datetime.now(UTC))
        person = people.person("administrator", username="bench.admin")
        app = make_app(settings, db)
        browser = app.test_client()
        sign_in(browser, person.username)
        headers = {"Authorization": f"Bearer {people.token(person)}"}
        wanted = requests_of(db, rounds)
        for url in dict(wanted).values():
            browser.get(url, headers=headers).close()  # templates are compiled once
        say(f"asking {len(wanted)} times ...")
        samples: list[tuple[str, float]] = []
        for kind, url in wanted:
            started = time.perf_counter()
            answer = browser.get(url, headers=headers)
            samples.append((kind, (time.perf_counter() - started) * 1000))
            if answer.status_code != 200:
                raise RuntimeError(f"{url} {answer.status_code}")
    every = [spent for _, spent in samples]
    kinds = sorted({kind for kind, _ in samples})
    medians = {k: rounded(median([s for kind, s in samples if kind == k])) for k in kinds}
    detail = {
        "p99_ms": rounded(percentile(every, 0.99)),
        "boxes": boxes,
        "median_ms_of": medians,
    }
    return Figure("search_100k_ms", median(every), "ms", len(every), detail)
