"""A registry to look at: invented models of box, and boxes that differ from one another."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices.arrivals.operations import draft_of, register_many
from stb_service.devices.catalogue.operations import create_model
from stb_service.devices.fields import DeviceFields, References, read_fields
from stb_service.devices.models import Device
from stb_service.devices.queries import devices_by_uids
from stb_service.devices.rules import Capability, CapabilityKind, Status, Tenure
from stb_service.shared.access import EVERYTHING, Actor

CODEC, PROTECTION = CapabilityKind.CODEC, CapabilityKind.PROTECTION

# code, name, maker, memory, flash, end of sale, end of service, revisions with shares, capabilities
MODELS: Sequence[dict[str, Any]] = (
    {
        "code": "AUR-100",
        "name": "Aurora 100 HD",
        "maker": "Aurora",
        "memory_mb": 512,
        "flash_mb": 256,
        "end_of_sale_on": date(2021, 6, 30),
        "end_of_service_on": date(2027, 6, 30),
        "revisions": {"1.0": 30, "1.1": 70},
        "capabilities": (
            (CODEC, "h264", "High@4.1"),
            (CODEC, "mpeg2", "Main@High"),
            (PROTECTION, "widevine", "L3"),
        ),
    },
    {
        "code": "AUR-300",
        "name": "Aurora 300 UHD",
        "maker": "Aurora",
        "memory_mb": 2048,
        "flash_mb": 8192,
        "end_of_sale_on": None,
        "end_of_service_on": None,
        "revisions": {"A": 60, "B": 36, "C0": 4},
        "capabilities": (
            (CODEC, "h264", "High@5.1"),
            (CODEC, "hevc", "Main10@5.1"),
            (CODEC, "vp9", "2"),
            (PROTECTION, "widevine", "L1"),
            (PROTECTION, "playready", "SL3000"),
        ),
    },
    {
        "code": "AUR-500",
        "name": "Aurora 500 AV1",
        "maker": "Aurora",
        "memory_mb": 4096,
        "flash_mb": 16384,
        "end_of_sale_on": None,
        "end_of_service_on": None,
        "revisions": {"A": 100},
        "capabilities": (
            (CODEC, "av1", "Main@5.1"),
            (CODEC, "h264", "High@5.2"),
            (CODEC, "hevc", "Main10@5.2"),
            (CODEC, "vp9", "2"),
            (PROTECTION, "widevine", "L1"),
            (PROTECTION, "playready", "SL3000"),
        ),
    },
    {
        "code": "BOR-20",
        "name": "Boreal Mini",
        "maker": "Boreal",
        "memory_mb": 1024,
        "flash_mb": 4096,
        "end_of_sale_on": date(2024, 12, 31),
        "end_of_service_on": date(2029, 12, 31),
        "revisions": {"r2": 55, "r3": 45},
        "capabilities": (
            (CODEC, "h264", "High@4.2"),
            (CODEC, "hevc", "Main@4.1"),
            (PROTECTION, "widevine", "L3"),
        ),
    },
    {
        "code": "BOR-40",
        "name": "Boreal Home",
        "maker": "Boreal",
        "memory_mb": 2048,
        "flash_mb": 8192,
        "end_of_sale_on": None,
        "end_of_service_on": None,
        "revisions": {"r1": 100},
        "capabilities": (
            (CODEC, "h264", "High@5.1"),
            (CODEC, "hevc", "Main10@5.0"),
            (PROTECTION, "playready", "SL2000"),
            (PROTECTION, "widevine", "L1"),
        ),
    },
)
SHARES = (15, 35, 20, 15, 15)
FIRST_RARE = 2
"""So many boxes have the rare revision in any case, so that small demos show it too."""


def load_demo(
    session: Session, *, actor: Actor, now: datetime, seed: int, boxes: int = 300
) -> list[Device]:
    """Add five models and so many boxes; the same seed gives the same boxes."""
    add_models(session, actor=actor, now=now)
    chance = random.Random(seed)  # noqa: S311 - a demonstration
    refs = References(session)
    drafts = []
    for number in range(boxes):
        reading = read_fields(_box(chance, number, now), refs, scope=EVERYTHING)
        reading.refuse()
        drafts.append(draft_of(session, reading, adopt=False))
    if not drafts:
        return []
    register_many(session, drafts, actor=actor, now=now)
    return list(devices_by_uids(session, [draft.uid for draft in drafts], EVERYTHING))


def add_models(session: Session, *, actor: Actor, now: datetime) -> None:
    """Add the five models."""
    for model in MODELS:
        fields = {
            **model,
            "revisions": list(model["revisions"]),
            "capabilities": [Capability(*found) for found in model["capabilities"]],
        }
        create_model(session, **fields, actor=actor, now=now)


def _box(chance: random.Random, number: int, now: datetime) -> DeviceFields:
    model = chance.choices(MODELS, SHARES)[0]
    revisions: dict[str, int] = model["revisions"]
    revision = chance.choices(list(revisions), list(revisions.values()))[0]
    if number < FIRST_RARE:
        model, revision = MODELS[1], "C0"
    made = now.date() - timedelta(days=chance.randrange(120, 1500))
    shipped = made + timedelta(days=chance.randrange(10, 60))
    status = chance.choices(
        (Status.ACTIVE, Status.IN_STOCK, Status.SOLD, Status.IN_RMA, Status.REFURB, Status.LOST),
        (78, 8, 6, 3, 3, 2),
    )[0]
    fields: DeviceFields = {
        "serial": f"{model['maker'][:3]}{made:%y%m}{number:06d}".upper(),
        "model": model["code"],
        "revision": revision,
        # 02: the locally administered half (IEEE 802c), which belongs to no maker
        "mac_ethernet": f"02A0{chance.randrange(2**8):02X}{number:06X}",
        "batch": f"{model['code']}-{made:%Y%m}",
        "made_on": made,
        "shipped_on": shipped,
        "status": status,
        "tags": _tags(chance, number),
    }
    if number % 3:
        fields["mac_wifi"] = f"02B0{chance.randrange(2**8):02X}{number:06X}"
    if status != Status.IN_STOCK:
        fields["tenure"] = chance.choices(tuple(Tenure), (30, 60, 10))[0]
        fields["sold_on"] = shipped + timedelta(days=chance.randrange(1, 60))
    if status == Status.ACTIVE:
        fields["activated_on"] = fields["sold_on"]
    return fields


def _tags(chance: random.Random, number: int) -> list[str]:
    tags = ["friendly"] if number % 30 == 0 else []
    if chance.random() < 0.1:
        tags.append("hotel")
    if chance.random() < 0.05:
        tags.append("vip")
    return tags
