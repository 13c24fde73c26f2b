"""Filling an empty database, kind by kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy import text as sql

from firmware.boxes.models import Box, BoxTag
from stb_service.devices.models import (
    CustodyEvent,
    Device,
    DeviceIdentifier,
    DeviceModel,
    DeviceTag,
    Holding,
)
from stb_service.parts.models import Location, Part, StockMove
from stb_service.rma.models import (
    CaseEvent,
    Fault,
    Judgement,
    OrderEvent,
    ReturnCase,
    WorkshopOrder,
)
from stb_service.scale.accounts import add_accounts, add_sellers
from stb_service.scale.cases import add_cases
from stb_service.scale.devices import add_devices, add_models
from stb_service.scale.loading import Loader, unchecked
from stb_service.scale.stock import add_places, add_stock
from stb_service.scale.world import DEALERS, Sizes, World
from stb_service.shared.access import SYSTEM
from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Base, Database
from stb_service.shared.errors import Obstacle, Refused
from stb_service.shared.i18n import text
from stb_service.shared.personal import PersonalKey
from stb_service.staff.operations import create_organisation
from stb_service.subscribers.models import (
    Account,
    AccountSeller,
    AccountWord,
    Contact,
    Site,
    Subscriber,
)

EMPTY_OF: Sequence[type[Base]] = (DeviceModel, Device, Box, Account, Part, Location)
LOADED: Sequence[type[Base]] = (
    *(Account, AccountSeller, AccountWord, Subscriber, Contact, Site, PersonalKey),
    *(Device, DeviceIdentifier, DeviceTag, CustodyEvent, Holding, Box, BoxTag),
    *(ReturnCase, CaseEvent, WorkshopOrder, OrderEvent, Fault, Judgement),
    *(StockMove, AuditEntry),
)
KINDS: Sequence[tuple[str, Callable[[World], None]]] = (
    ("accounts", add_accounts),
    ("boxes and who has them", add_devices),
    ("who sold them", add_sellers),
    ("returns", add_cases),
    ("moves of stock", add_stock),
)
"""What is written, in this order; each kind may ask the world of those before it."""


def fill(db: Database, sizes: Sizes, *, now: datetime, say: Callable[[str], Any]) -> None:
    """Fill a database that knows no boxes, accounts or stock yet; all of it or nothing.

    Raises:
        Refused: there is something already.
    """
    with db.write() as session:
        if any(session.scalar(select(model.id).limit(1)) is not None for model in EMPTY_OF):
            reason = text("The database is not empty; a made-up operator goes into an empty one.")
            raise Refused([Obstacle("not-empty", reason)])
        world = World(session, Loader(session), sizes, now)
        _add_few(world)
        with unchecked(session, [model.__tablename__ for model in LOADED]):
            for name, add in KINDS:
                say(f"{name} ...")
                add(world)
                world.loader.flush()
            say("constraints and indexes ...")
    _settle(db)


def _add_few(world: World) -> None:
    """Add what there are few of, by the verbs."""
    for number in range(DEALERS):
        made = create_organisation(
            world.session,
            code=f"dealer-{number}",
            name=f"Dealer {number}",
            kind="dealer",
            actor=SYSTEM,
            now=world.now,
        )
        world.dealers.append(made.id)
    add_models(world)
    add_places(world)
    world.session.flush()


def _settle(db: Database) -> None:
    """Let PostgreSQL note which rows everyone sees, as it would in the quiet of a night."""
    if not db.is_sqlite:
        engine = db.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sql("VACUUM"))
