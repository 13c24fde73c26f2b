"""A made-up operator: whole, the same from the same seed, and only in an empty database."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, inspect, select, text
from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from stb_service.cli import main
from stb_service.devices.arrivals.operations import register_device
from stb_service.devices.holdings.operations import give_to_account
from stb_service.devices.identity.queries import find_boxes
from stb_service.devices.models import CustodyEvent, Device, DeviceIdentifier, Holding
from stb_service.parts.models import Part, StockMove
from stb_service.parts.operations import move_stock
from stb_service.rma.cases import CASE
from stb_service.rma.events import case_history
from stb_service.rma.lists import Stated
from stb_service.rma.machine import NEW, Position
from stb_service.rma.models import Fault, ReturnCase, WorkshopOrder
from stb_service.rma.operations import act
from stb_service.rma.workshop import ORDER
from stb_service.scale.cases import PATHS
from stb_service.scale.filling import fill
from stb_service.scale.world import Sizes
from stb_service.shared.access import EVERYTHING, SYSTEM
from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Base, Database
from stb_service.shared.errors import Refused
from stb_service.subscribers.models import Account, AccountSeller, Subscriber
from stb_service.subscribers.operations import create_account
from stb_service.subscribers.queries import find_accounts
from tests.conftest import NOW
from tests.databases import KINDS, Databases

BOXES = 400
pytestmark = pytest.mark.xdist_group("scale")
WHO: dict[str, Any] = {"actor": SYSTEM, "now": NOW}


@pytest.fixture(scope="module", params=KINDS)
def full(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database with a made-up operator; nobody keeps anything in it."""
    made = Databases(request, tmp_path_factory.mktemp("scale"))
    db = made.make(request.param)
    make(db)
    yield db
    made.close()


def make(db: Database, devices: int = BOXES) -> None:
    fill(db, Sizes(devices), now=NOW, say=lambda _: None)


def count(session: Session, model: type[Base], *where: Any) -> int:
    found: int | None = session.scalar(select(func.count()).select_from(model).where(*where))
    return found or 0


def test_there_are_as_many_of_each_kind_as_the_model_says(full: Database) -> None:
    with full.read() as session:
        held = count(session, Holding, Holding.until.is_(None))

        assert count(session, Device) == count(session, Box) == BOXES
        assert count(session, Account) == BOXES // 2
        assert count(session, StockMove) == 2 * 2 * BOXES
        assert count(session, Device, Device.status.in_(["active", "sold"])) == held
        assert count(session, AuditEntry, AuditEntry.verb == "device.give") == held
        assert count(session, Holding, Holding.until.is_not(None)) > BOXES // 20
        assert count(session, Holding, Holding.follows_id.is_not(None)) > BOXES // 40
        assert count(session, CustodyEvent, CustodyEvent.until.is_(None)) == BOXES
        assert 0 < count(session, Subscriber) < BOXES // 2
        assert count(session, AccountSeller) > 0
        assert count(session, ReturnCase) == count(session, Fault) == BOXES // 5
        assert count(session, ReturnCase, ReturnCase.closed_at.is_(None)) == BOXES // 5 // 50
        assert 0 < count(session, WorkshopOrder) < BOXES // 5


def test_returns_stand_where_their_events_led_and_can_go_on(full: Database) -> None:
    with contextlib.closing(full.open(writes=True)) as session:  # nothing of it is kept
        for case in session.scalars(select(ReturnCase)):
            events = case_history(session, case)
            assert len(events) == case.event_seq
            assert events[-1].end == case.position
            assert events[-1].at == case.changed_at <= NOW
        live = session.scalars(select(ReturnCase).where(ReturnCase.closed_at.is_(None))).one()
        ref = act(session, ref=live.number, machine=CASE, event=next_of(live), stated=WHY, **WHO)
        assert ref.event_seq == live.event_seq


WHY = Stated(reason="It works again")


def next_of(case: ReturnCase) -> str:
    return "resume" if case.held else "hold"


def test_every_path_of_returns_is_legal_and_ends() -> None:
    assert sum(share for share, _ in PATHS.values()) == 1000
    for _, deeds in PATHS.values():
        case, order = Position(), Position()
        for case_event, said in deeds:
            first, second = CASE.step(case, case_event), ORDER.step(order, said.removeprefix(">"))
            assert (first is None) == (not case_event)
            assert (second is None) == (not said)
            if first and second:
                leads, follows = (second, case_event) if said.startswith(">") else (first, said)
                assert follows in leads.carries
            case, order = (first.end if first else case), (second.end if second else order)
        assert case.state in CASE.final_states
        assert order.state in {*ORDER.final_states, NEW}


def test_what_stands_somewhere_is_the_sum_of_its_moves(full: Database) -> None:
    with full.read() as session:
        rows = session.scalars(select(StockMove).order_by(StockMove.position_id, StockMove.seq))
        last = {row.position_id: row for row in rows}
        moved = {"in": 1, "out": -1}
        sums = dict.fromkeys(last, 0)
        for row in session.scalars(select(StockMove)):
            sums[row.position_id] += moved[row.side] * row.quantity

    assert len(last) > 400
    assert {key: row.on_hand for key, row in last.items()} == sums


def test_every_constraint_and_index_stands_afterwards(full: Database, databases: Databases) -> None:
    empty = databases.make("sqlite" if full.is_sqlite else "postgresql")

    assert schema_of(full) == schema_of(empty)
    assert broken_keys(full) == []


def schema_of(db: Database) -> dict[str, set[str]]:
    """Return the names of keys, unique constraints and indexes of every table."""
    found = inspect(db.engine)
    return {
        table: {
            *(
                f"key {key['name']} {key['constrained_columns']}"
                for key in found.get_foreign_keys(table)
            ),
            *(f"unique {row['name']}" for row in found.get_unique_constraints(table)),
            *(f"index {row['name']} {row['unique']}" for row in found.get_indexes(table)),
        }
        for table in found.get_table_names()
    }


def broken_keys(db: Database) -> list[Any]:
    """Return the rows that refer to nothing (PostgreSQL has looked when it made the keys)."""
    with db.read() as session:
        return list(session.execute(text("PRAGMA foreign_key_check"))) if db.is_sqlite else []


def test_what_is_made_up_is_found_and_goes_on_by_the_verbs(full: Database) -> None:
    with contextlib.closing(full.open(writes=True)) as session:  # nothing of it is kept
        device = session.scalars(select(Device).where(Device.id == 7)).one()
        account = session.scalars(select(Account).where(Account.id == 3)).one()
        part = session.scalars(select(Part).order_by(Part.id).limit(1)).one()
        hits = [
            find_boxes(session, device.serial[-6:], EVERYTHING, 5),
            find_boxes(session, str(device.mac_ethernet), EVERYTHING, 5),
            find_accounts(session, account.name, EVERYTHING, 5),
        ]
        new = register_device(session, serial="NEW-1", model="AUR-300", **WHO)
        opened = create_account(session, kind="person", name="New One", currency="EUR", **WHO)
        give_to_account(session, uid=new.public_id, account=opened.number, tenure="sold", **WHO)
        move = move_stock(
            session, part=part.sku, from_location="ACME", to_location="MAIN", quantity=5, **WHO
        )

        assert all(hits)
        assert (new.id, opened.number) == (BOXES + 1, f"A-{BOXES // 2 + 1:06d}")
        assert move.number


def test_the_same_seed_and_day_make_the_same_operator(databases: Any) -> None:
    made = [facts_of(databases.make("sqlite")) for _ in range(2)]

    assert made[0] == made[1]


def facts_of(db: Database) -> list[Any]:
    make(db, 30)
    with db.read() as session:
        columns = (Device.public_id, Device.serial, Device.status, Device.sold_on)
        boxes = session.execute(select(*columns).order_by(Device.id)).all()
        names = session.scalars(select(DeviceIdentifier.value).order_by(DeviceIdentifier.id)).all()
        return [*boxes, *names]


def test_an_operator_goes_only_into_an_empty_database(full: Database) -> None:
    with pytest.raises(Refused) as refusal:
        make(full, 1)

    assert [obstacle.code for obstacle in refusal.value.obstacles] == ["not-empty"]


def test_one_that_is_cut_off_leaves_nothing(db: Database) -> None:
    class Cut(Exception):
        pass

    def cut(words: str) -> None:
        if words.startswith("moves"):
            raise Cut

    before = schema_of(db)
    with pytest.raises(Cut):
        fill(db, Sizes(BOXES), now=NOW, say=cut)

    with db.read() as session:
        left = count(session, Device) + count(session, Account) + count(session, Part)
    assert left == 0
    assert schema_of(db) == before


# --- the command ---------------------------------------------------------------------------------

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    environ = {"STB_HOME": str(tmp_path / "home")}
    return lambda *words: CliRunner().invoke(main, ["demo", *words], env=environ)


def test_the_command_fills_the_database_that_is_named(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'large.sqlite3'}"

    first, again = run("--scale", "20", "--database", url), run("--scale", "20", "--database", url)

    db = Database(url)
    with db.read() as session:
        made = count(session, Device)
    db.close()
    assert first.exit_code == 0, first.output
    assert "20 boxes, 10 accounts and 40 moves of stock in" in first.output
    assert made == 20
    assert again.exit_code == 1
    assert "not empty" in again.output


@pytest.mark.parametrize("words", [("--scale", "0"), ("--scale", "x"), ("--database", "sqlite://")])
def test_what_the_command_cannot_do_is_a_sentence(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)

    assert done.exit_code == 2
    assert "Traceback" not in done.output
