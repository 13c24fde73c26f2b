"""The pages of returns in the whole app, on one filled database that each test gets a copy of."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from stb_service.devices.models import Device
from stb_service.rma.cases import CASE
from stb_service.rma.models import CaseEvent, ReturnCase
from stb_service.shared.access import EVERYTHING
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.settings import Settings
from stb_service.staff import operations as staff
from tests.conftest import ADMIN, NOW, KeptSqlite, People, csrf_of, with_stores
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.rma.conftest import BENCH, MAIN, PNG, SHOP, House

count_statements = statements


@dataclass(frozen=True)
class Filled:
    """A file with an operator, a dealer and some returns, and what they are called."""

    path: Path
    files: Path
    names: SimpleNamespace


@pytest.fixture(scope="module")
def filled(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Returns at every second step: asked for, authorised, on their way, on the bench, quoted."""
    return fill(tmp_path_factory.mktemp("returns"), sqlite_template)


def fill(folder: Path, template: Path) -> Filled:
    """Fill a copy of an empty database."""
    path = folder / "filled.sqlite3"
    shutil.copy(template, path)
    db = Database(f"sqlite:///{path}")
    with db.write() as session:
        staff.install_builtin_roles(session)
    house = House(db, ADMIN, NOW)
    house.files = FileStore(folder / "files")
    names = SimpleNamespace(account=house.home.number)

    def case(name: str, serial: str, *components: str, **fields: Any) -> Device:
        device = house.customers_box(serial, **fields)
        house.open(device, *components, complaint="No picture since Monday")
        setattr(names, name, house.ref)
        return device

    case("asked", "SN-0001", "tuner")
    case("authorised", "SN-0002", mac_ethernet="02:00:00:00:AA:02")
    house.authorised()
    case("posted", "SN-0003")
    house.authorised().on_case("post", carrier="Post", tracking="1Z-POSTED")
    case("received", "SN-0004")
    house.received_somewhere()
    case("deciding", "SN-0005", "mainboard")
    house.received_somewhere().judged("liquid", photo=True)
    case("quoted", "SN-0006", sold_on=NOW.date().replace(year=2020))
    house.received_somewhere().judged("component").quoted()
    case("cancelled", "SN-0007")
    house.on_case("cancel", reason="It works again")
    names.uids = {row.serial: row.public_id for row in _boxes(db)}
    house.box("SN-0008", tenure="sold", status="sold")
    house.spare("SN-9001")
    shop = house.box("SN-0100", custodian="north", status="in_stock")
    house.do_as_dealer = None
    people = People(db, ADMIN, NOW)
    for role, organisation, username in (
        ("administrator", "operator", "root.admin"),
        ("agent", "operator", "amir.agent"),
        ("viewer", "operator", "vic.viewer"),
        ("agent", "north", "dora.dealer"),
    ):
        people.person(role, organisation, username)
    dealer = house.dealer("north")
    from stb_service.rma.operations import open_case

    names.dealers = house.do(
        open_case, device=shop.public_id, channel="counter", actor=dealer
    ).number
    names.uids = {row.serial: row.public_id for row in _boxes(db)}
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return Filled(path, folder / "files", names)


def _boxes(db: Database) -> list[Device]:
    with db.read() as session:
        return list(session.scalars(select(Device)))


@pytest.fixture
def db_of_pages(filled: Filled, kept_sqlite: KeptSqlite) -> Database:
    return kept_sqlite.fresh(filled.path)


@pytest.fixture
def app(made_app: Any, settings: Settings, filled: Filled, db_of_pages: Database) -> Any:
    shutil.copytree(filled.files, settings.files_dir, dirs_exist_ok=True)
    return with_stores(made_app, settings, db_of_pages)


@pytest.fixture
def names(filled: Filled) -> SimpleNamespace:
    return filled.names


@pytest.fixture
def client(sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in("root.admin")


@pytest.fixture
def dealer(sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in("dora.dealer")


def test_smoke(client: FlaskClient, dealer: FlaskClient, names: SimpleNamespace) -> None:
    paths = ["/returns", "/returns/list", "/returns/new", "/returns/intake", "/returns/intake?place=BENCH",
             f"/returns/new?device=SN-0008", f"/returns/new?device=SN-0001", f"/returns/new?account={names.account}",
             f"/returns/{names.quoted}/edit", f"/returns/{names.quoted}/quote", "/returns/new?device=NOPE"]
    paths += [f"/returns/{getattr(names, n)}" for n in ("asked","authorised","posted","received","deciding","quoted","cancelled","dealers")]
    paths += [f"/devices/{names.uids['SN-0001']}"]
    import time
    for p in paths:
        t = time.time(); a = client.get(p); print(p, a.status_code, round(time.time()-t,3), len(a.text))
        assert a.status_code in (200, 422), a.text[:3000]
    for p in ("/returns", "/returns/list", "/returns/intake", f"/returns/{names.dealers}", f"/returns/{names.asked}"):
        a = dealer.get(p); print(p, a.status_code)
