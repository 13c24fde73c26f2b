"""A stock to test with: a power supply and whole boxes, and places of the operator and of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest

from stb_service.devices.arrivals.operations import register_device
from stb_service.devices.catalogue.operations import create_model
from stb_service.devices.models import Device
from stb_service.parts import operations, queries
from stb_service.parts.catalogue.operations import create_location, create_part
from stb_service.parts.catalogue.queries import part_by_ref
from stb_service.parts.ledger import Place, balance_of, find_position
from stb_service.parts.models import StockMove
from stb_service.parts.rules import Balance
from stb_service.shared.access import EVERYTHING, Actor, builtin_verbs
from stb_service.shared.db import Database
from stb_service.staff.models import Organisation

PSU, REMOTE, BOX = "PSU-12", "RC-5", "BOX-AUR-1"
MAIN, VAN, QUARANTINE, SCRAP = "MAIN", "VAN-1", "QUAR", "SCRAP"
SUPPLIER, NORTH, CENTRE = "ACME", "SHOP-N", "CENTRE-1"
PLACES = (
    (MAIN, "warehouse", None),
    (VAN, "van", None),
    (QUARANTINE, "quarantine", None),
    (SCRAP, "scrap", None),
    (SUPPLIER, "supplier", None),
    (NORTH, "dealer", "north"),
    (CENTRE, "centre", "fixit"),
)


class Stock:
    """Makes and moves stock in a database, each in a unit of work of its own."""

    def __init__(self, db: Database, actor: Actor, now: datetime) -> None:
        self.db, self.actor, self.now = db, actor, now
        self._organisations: dict[str, int] = {}
        with db.write() as session:
            for code, kind in (("north", "dealer"), ("fixit", "service_centre")):
                row = Organisation(code=code, name=code.title(), kind=kind, created_at=now)
                session.add(row)
                session.flush()
                self._organisations[code] = row.id
            who: dict[str, Any] = {"actor": actor, "now": now}
            create_model(session, code="AUR-1", name="Aurora One", maker="Aurora", **who)
            create_model(session, code="BOR-2", name="Boreal Two", maker="Boreal", **who)
            create_part(
                session,
                sku=PSU,
                name="Power supply 12 V",
                currency="EUR",
                ean="4006381333931",
                component="power_supply",
                fits={"AUR-1": 1},
                **who,
            )
            create_part(session, sku=REMOTE, name="Remote control", currency="EUR", **who)
            create_part(session, sku=BOX, name="Aurora One", currency="EUR", model="AUR-1", **who)
            for code, kind, organisation in PLACES:
                create_location(
                    session,
                    code=code,
                    name=code.title(),
                    kind=kind,
                    organisation=organisation,
                    **who,
                )

    def of(self, organisation: str, role: str = "agent") -> Actor:
        """Return somebody of a dealer or a service centre."""
        verbs = builtin_verbs(role)
        key = self._organisations[organisation]
        return Actor("person", f"of-{organisation}", f"of.{organisation}", verbs, key)

    def box(self, serial: str = "SN-0001", **fields: Any) -> Device:
        """Register a box."""
        fields = {"model": "AUR-1", "actor": self.actor, "now": self.now, **fields}
        with self.db.write() as session:
            return register_device(session, serial=serial, **fields)

    def receive(self, quantity: int, cost: int = 100, to: str = MAIN, **more: Any) -> StockMove:
        """Receive power supplies."""
        more = {"part": PSU, "from_location": SUPPLIER, **more}
        found: StockMove = self.do(
            operations.receive_stock,
            to_location=to,
            quantity=quantity,
            unit_cost_minor=cost,
            **more,
        )
        return found

    def move(self, to: str, quantity: int = 1, **more: Any) -> StockMove:
        """Move power supplies out of the warehouse, or whatever is named."""
        if "device" not in more:
            more = {"part": PSU, "from_location": MAIN, **more}
        found: StockMove = self.do(operations.move_stock, to_location=to, quantity=quantity, **more)
        return found

    def reserve(self, quantity: int = 1, key: str = "repair/1", **more: Any) -> Any:
        """Reserve power supplies in the warehouse."""
        more = {"part": PSU, "location": MAIN, **more}
        return self.do(operations.reserve_parts, key=key, quantity=quantity, **more)

    def balance(self, place: str = MAIN, part: str = PSU, condition: str = "new") -> Balance:
        """Return what stands somewhere."""
        with self.db.read() as session:
            location = queries.location_by_ref(session, place, EVERYTHING)
            found = part_by_ref(session, part)
            return balance_of(session, find_position(session, found, Place(location, condition)))

    def numbers(
        self, place: str = MAIN, part: str = PSU, condition: str = "new"
    ) -> tuple[int, int]:
        """Return how many are there, and how many of them are reserved."""
        found = self.balance(place, part, condition)
        return found.on_hand, found.reserved

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
def stock(db: Database, actor: Actor, now: datetime) -> Stock:
    """A stock on SQLite and on PostgreSQL."""
    return Stock(db, actor, now)


@pytest.fixture
def one(sqlite_db: Database, actor: Actor, now: datetime) -> Stock:
    """A stock on SQLite, for tests that are not about the database."""
    return Stock(sqlite_db, actor, now)


def codes(rows: Sequence[Any]) -> list[str]:
    """Return the codes of refusals, in order."""
    return [row.code for row in rows]
