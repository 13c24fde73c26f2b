"""Boxes as an import would have registered them, and as the update service knows them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from sqlalchemy import select

from firmware.boxes.models import Box, BoxTag
from firmware.boxes.rules import BoxState
from stb_service.devices.catalogue.models import DeviceModel
from stb_service.devices.demo import MODELS, SHARES
from stb_service.devices.demo import load_demo as load_models
from stb_service.devices.identity.rules import IdentifierKind, MacRole, maker_key
from stb_service.devices.models import CustodyEvent, Device, DeviceIdentifier, DeviceTag
from stb_service.devices.rules import Status, Tenure
from stb_service.scale.accounts import MADE_BY, audit_rows
from stb_service.scale.holdings import Holdings
from stb_service.scale.loading import Rows
from stb_service.scale.world import BY, NEWEST_DAYS, OLDEST_DAYS, World, public_id
from stb_service.shared.access import SYSTEM
from stb_service.subscribers.rules import account_number

STATUSES = (
    *(str(Status.ACTIVE), str(Status.SOLD), str(Status.IN_STOCK)),
    *(str(Status.IN_RMA), str(Status.REFURB), str(Status.LOST)),
)
STATUS_SHARES = list(accumulate((78, 6, 8, 3, 3, 2)))
WITH_CUSTOMER = frozenset({Status.ACTIVE, Status.SOLD})
TENURES = tuple(str(tenure) for tenure in (Tenure.SOLD, Tenure.RENTED, Tenure.ON_LOAN))
TENURE_SHARES = list(accumulate((30, 60, 10)))
TAGS = (("hotel", 0.1), ("vip", 0.05))


@dataclass(frozen=True)
class _Kind:
    """A revision of a model, as its boxes' rows name it."""

    model: int
    revision: int
    model_code: str
    revision_code: str
    maker: str

    @property
    def prefix(self) -> str:
        return self.maker[:3].upper()


class _Tables:
    def __init__(self, world: World) -> None:
        rows = world.loader.rows
        self.devices = rows(
            Device,
            *("id", "public_id", "row_version", "external_id", "maker", "maker_key", "serial"),
            *("mac_ethernet", "mac_wifi", "model_id", "revision_id", "batch", "made_on"),
            *("shipped_on", "sold_on", "activated_on", "tenure", "status", "seller_id", "notes"),
            *("registered_at", "changed_at"),
        )
        self.identifiers = rows(
            DeviceIdentifier,
            *("device_id", "kind", "role", "issuer", "value", "lookup", "lookup_reversed", "since"),
        )
        self.tags = rows(DeviceTag, "device_id", "name")
        self.custody = rows(
            CustodyEvent, "device_id", "holder", "reason", "actor_label", "since", "until"
        )
        self.boxes = rows(
            Box,
            *("id", "uid", "serial", "mac_ethernet", "mac_wifi", "model_code", "revision_code"),
            *("state", "created_at", "attributes", "attributes_wanted", "attributes_asked"),
        )
        self.box_tags = rows(BoxTag, "box_id", "tag")
        self.audit: Rows = audit_rows(world)


def add_models(world: World) -> None:
    """Add the demonstration's models, by the verbs."""
    load_models(world.session, actor=SYSTEM, now=world.now, seed=world.sizes.seed, boxes=0)


def _kinds(world: World) -> tuple[list[_Kind], list[float]]:
    """Return the revisions of all models, and their shares, summed up."""
    found, shares = [], []
    models = {row.code: row for row in world.session.scalars(select(DeviceModel))}
    for said, share in zip(MODELS, SHARES, strict=True):
        model = models[said["code"]]
        for revision in model.revisions:
            found.append(_Kind(model.id, revision.id, model.code, revision.code, model.maker))
            shares.append(share * said["revisions"][revision.code] / 100)
    return found, list(accumulate(shares))


def add_devices(world: World) -> None:
    """Add boxes, who has and had them, and what the audit says of them."""
    chance, tables, holdings = world.chance("devices"), _Tables(world), Holdings(world)
    kinds, shares = _kinds(world)
    instants = world.instants()
    days = [at.date() for at in instants]
    months = [f"{day:%y%m}" for day in days]
    for number in range(1, world.sizes.devices + 1):
        kind = chance.choices(kinds, cum_weights=shares)[0]
        status = chance.choices(STATUSES, cum_weights=STATUS_SHARES)[0]
        made = chance.randrange(NEWEST_DAYS, OLDEST_DAYS)
        shipped = made - chance.randrange(10, 60)
        sold = shipped - chance.randrange(1, 60) if status != Status.IN_STOCK else 0
        tenure = chance.choices(TENURES, cum_weights=TENURE_SHARES)[0] if sold else None
        is_held = status in WITH_CUSTOMER
        account = holdings.draw_account(chance) if is_held else 0
        uid, month = public_id(chance), months[made]
        serial = f"{kind.prefix}{month}{number:07d}"
        macs = _macs(chance, number)
        began = instants[shipped]
        changed = instants[sold] if sold else began
        tables.devices.add(
            *(number, uid, 1, f"ERP-{number}", kind.maker, maker_key_of(kind.maker), serial),
            *(*macs, kind.model, kind.revision, f"{kind.model_code}-20{month}", days[made]),
            *(days[shipped], days[sold] if sold else None),
            *(days[sold] if status == Status.ACTIVE else None, tenure if is_held else None),
            *(status, world.seller_of(account) if account else None, "", began, changed),
        )
        _add_names(tables, number, maker_key_of(kind.maker), serial, macs, began)
        _add_custody(tables, number, account, began, changed)
        tables.boxes.add(
            *(number, uid, serial, *macs, kind.model_code, kind.revision_code),
            *(str(BoxState.KNOWN), began, {}, False, 0),
        )
        _add_tags(tables, chance, number)
        said = {"serial": serial, "model": kind.model_code, "status": str(Status.IN_STOCK)}
        tables.audit.add(began, *MADE_BY, "device.create", "device", uid, serial, said)
        if account:
            given = {"account": [None, account_number(account)], "tenure": [None, tenure]}
            tables.audit.add(changed, *MADE_BY, "device.give", "device", uid, serial, given)
        if sold:
            assert tenure is not None
            holdings.add(chance, number, account, tenure, sold)
        world.holders.append(account)
        world.sold_days_ago.append(sold)


_MAKERS = {model["maker"]: maker_key(model["maker"]) for model in MODELS}


def maker_key_of(maker: str) -> str:
    """Return the key of one of the demonstration's makers."""
    return _MAKERS[maker]


def _macs(chance: random.Random, number: int) -> tuple[str, str | None]:
    """Return the MACs of a box, of the locally administered half (IEEE 802c)."""
    batch = chance.randrange(2**8)
    tail = f"{batch:02X}:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}"
    return f"02:A0:{tail}", f"02:B0:{tail}" if number % 3 else None


def _add_names(
    tables: _Tables,
    number: int,
    issuer: str,
    serial: str,
    macs: tuple[str, str | None],
    since: datetime,
) -> None:
    add = tables.identifiers.add
    add(number, str(IdentifierKind.SERIAL), "", issuer, serial, serial, serial[::-1], since)
    for role, mac in zip((MacRole.ETHERNET, MacRole.WIFI), macs, strict=True):
        if mac is not None:
            digits = mac.replace(":", "")
            kind = str(IdentifierKind.MAC)
            add(number, kind, str(role), "", mac, digits, digits[::-1], since)


def _add_custody(
    tables: _Tables, number: int, account: int, began: datetime, given: datetime
) -> None:
    tables.custody.add(number, "", "", BY, began, given if account else None)
    if account:
        tables.custody.add(number, account_number(account), "", BY, given, None)


def _add_tags(tables: _Tables, chance: random.Random, number: int) -> None:
    for tag, share in TAGS:
        if chance.random() < share:
            tables.tags.add(number, tag)
            tables.box_tags.add(number, tag)
