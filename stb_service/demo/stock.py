"""Parts and places of the demonstration: the catalogue, supply, repairs' use of it, counting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from stb_service.demo.operator import BENCH, SELLER, Box, Operator
from stb_service.devices.components import Component
from stb_service.devices.demo import MODELS
from stb_service.parts.catalogue.operations import (
    create_location,
    create_part,
    set_stock_rule,
)
from stb_service.parts.catalogue.queries import part_by_ref
from stb_service.parts.counts.operations import (
    cancel_count,
    close_count,
    count_part,
    open_count,
)
from stb_service.parts.ledger import Place, balance_of, find_position
from stb_service.parts.models import Part
from stb_service.parts.operations import (
    CUSTOMERS,
    consume_reservation,
    move_stock,
    receive_stock,
    release_reservation,
    reserve_parts,
)
from stb_service.parts.ordering.queries import Shortage, shortages_page
from stb_service.parts.queries import location_by_ref
from stb_service.parts.rules import Condition, LocationKind
from stb_service.shared.access import EVERYTHING

CURRENCY = "EUR"
PLACES: Sequence[tuple[str, str, LocationKind, str | None]] = (
    ("MAIN", "Main warehouse", LocationKind.WAREHOUSE, None),
    ("CEN-N", "Bench north", LocationKind.CENTRE, "centre-n"),
    ("CEN-S", "Bench south", LocationKind.CENTRE, "centre-s"),
    ("DEA-A", "Shop in Παραδειγματούπολη", LocationKind.DEALER, SELLER["DEA-A"]),
    ("DEA-B", "Shop in مدينة المثال", LocationKind.DEALER, SELLER["DEA-B"]),
    ("DEA-C", "Shop in Exampleford", LocationKind.DEALER, SELLER["DEA-C"]),
    ("VAN-1", "Van of Demoson", LocationKind.VAN, None),
    ("VAN-2", "Van of Placeholder", LocationKind.VAN, None),
    ("QUAR", "Quarantine", LocationKind.QUARANTINE, None),
    ("SCRAP", "Scrap", LocationKind.SCRAP, None),
    ("AURORA", "Aurora, maker of boxes", LocationKind.SUPPLIER, None),
    ("BOREAL", "Boreal, maker of boxes", LocationKind.SUPPLIER, None),
    ("PARTS", "Sample Parts Trading", LocationKind.SUPPLIER, None),
)
BOX_PRICE = {"AUR-100": 2_900, "AUR-300": 6_400, "AUR-500": 9_800, "BOR-20": 3_100, "BOR-40": 5_600}
"""What a box costs the operator, in cents."""
REFURBISHED_WORTH = 0.4
"""What a box that came back is worth, of what a new one costs."""
INFLATION = 0.04
"""By so much all prices rise in a year."""


@dataclass(frozen=True)
class Spare:
    """A spare part: its number, what it is, what it costs in cents and which models it fits; how
    many the warehouse and a bench keep.
    """

    sku: str
    name: str
    component: Component
    cost: int
    fits: Sequence[str]
    kept: int
    at_bench: int
    lead_days: int = 14
    supersedes: str | None = None
    returns_core: bool = False


_C = Component
_ALL = tuple(model["code"] for model in MODELS)
SPARES: Sequence[Spare] = (
    Spare("PSU-12V", "Power supply 12 V 2 A", _C.POWER_SUPPLY, 640, ("AUR-300", "AUR-500"), 20, 6),
    Spare("PSU-5V", "Power supply 5 V 3 A", _C.POWER_SUPPLY, 420, ("BOR-20", "BOR-40"), 12, 4),
    Spare("PSU-9V", "Power supply 9 V 1.5 A", _C.POWER_SUPPLY, 510, ("AUR-100",), 6, 3, 30),
    Spare("RCU-1", "Remote control", _C.REMOTE, 380, ("AUR-100", "BOR-20"), 10, 4),
    Spare("RCU-2", "Voice remote control", _C.REMOTE, 790, _ALL[1:], 30, 8, supersedes="RCU-1"),
    Spare("MB-A3", "Mainboard", _C.MAINBOARD, 3_900, ("AUR-300",), 6, 3, 35, returns_core=True),
    Spare("MB-A5", "Mainboard", _C.MAINBOARD, 5_700, ("AUR-500",), 5, 3, 35, returns_core=True),
    Spare("MB-B", "Mainboard", _C.MAINBOARD, 2_400, ("BOR-20", "BOR-40"), 5, 3, 35),
    Spare("TUN-S2", "Satellite tuner", _C.TUNER, 1_150, ("AUR-300", "AUR-500"), 6, 2, 21),
    Spare("WIFI-6", "Wi-Fi module", _C.WIFI, 830, ("AUR-300", "AUR-500", "BOR-40"), 8, 3, 21),
    Spare("HDD-1T", "Disk 1 TB", _C.DISK, 4_100, ("AUR-300", "AUR-500"), 4, 2),
    Spare("CASE-A", "Case, black", _C.CASE, 560, ("AUR-100", "AUR-300", "AUR-500"), 6, 2, 40),
    Spare("CASE-B", "Case, white", _C.CASE, 490, ("BOR-20", "BOR-40"), 5, 2, 40),
    Spare("HDMI-2M", "HDMI cable 2 m", _C.CABLE, 190, _ALL, 40, 8, 7),
)
SOLD_AT_COUNTER = ("RCU-2", "HDMI-2M", "PSU-12V")
PACK = 5
EVERY_DAYS = 30
"""So often somebody looks at what to order; the last such day lies some weeks back."""


# --- the catalogue -------------------------------------------------------------------------------


def add_catalogue(op: Operator) -> None:
    """Add places, parts, whole boxes and what is to be kept where."""
    session, now = op.session, op.begun
    for code, name, kind, owner in PLACES:
        create_location(
            session, code=code, name=name, kind=kind, organisation=owner, actor=op.agent, now=now
        )
    for number, spare in enumerate(SPARES):
        part = create_part(
            session,
            sku=spare.sku,
            name=spare.name,
            currency=CURRENCY,
            component=spare.component,
            ean=_ean(number),
            lead_time_days=spare.lead_days,
            min_order=PACK,
            pack_size=PACK,
            supersedes=spare.supersedes,
            returns_core=spare.returns_core,
            fits=dict.fromkeys(spare.fits, 1),
            actor=op.agent,
            now=now,
        )
        _keep_ready(op, part, spare)
    for model in MODELS:
        create_part(
            session,
            sku=f"BOX-{model['code']}",
            name=model["name"],
            currency=CURRENCY,
            model=model["code"],
            actor=op.agent,
            now=now,
        )


def _ean(number: int) -> str:
    """Return a barcode number of the range that GS1 leaves to companies' own use (020 to 029)."""
    digits = f"02{number + 1:010d}"
    weighed = sum(int(d) * (3 if at % 2 else 1) for at, d in enumerate(digits))
    return f"{digits}{-weighed % 10}"


def _keep_ready(op: Operator, part: Part, spare: Spare) -> None:
    kept = {"MAIN": spare.kept, "CEN-N": spare.at_bench, "CEN-S": spare.at_bench}
    if spare.sku in SOLD_AT_COUNTER:
        kept |= {"DEA-A": 4, "DEA-B": 4, "DEA-C": 3, "VAN-1": 3, "VAN-2": 2}
    for code, minimum in kept.items():
        set_stock_rule(
            op.session,
            part=part,
            location=location_by_ref(op.session, code, EVERYTHING),
            minimum=minimum,
            maximum=2 * minimum,
            actor=op.agent,
            now=op.begun,
        )


def price(op: Operator, cents: int, now: datetime) -> int:
    """Return what something costs at an instant, as prices have risen since the beginning."""
    risen: float = (1 + INFLATION) ** ((now - op.begun).days / 365)
    return round(cents * risen)


# --- supply --------------------------------------------------------------------------------------


def plan_supply(op: Operator) -> None:
    """Let somebody look at the shortages every month, from the first day on."""
    at = op.begun + timedelta(hours=2)
    while at < op.now - timedelta(days=20):
        op.calendar.add(at, partial(_look_at_shortages, op))
        at += timedelta(days=EVERY_DAYS)


def _look_at_shortages(op: Operator, now: datetime) -> None:
    """Order for the warehouse, and bring to the other places what it has."""
    found = list(shortages_page(op.session, EVERYTHING, cursor=None, limit=500).rows)
    for shortage in found:
        if shortage.rule.location.code == "MAIN":
            _order(op, shortage, now)
    for shortage in found:
        if shortage.rule.location.code != "MAIN":
            at = now + timedelta(days=2)
            op.calendar.add(at, partial(_bring, op, shortage))


def _order(op: Operator, shortage: Shortage, now: datetime) -> None:
    """What was ordered comes after its lead time; the first stock was ordered beforehand."""
    lead = timedelta(hours=3) if now.date() == op.begun.date() else _lead(shortage)
    op.calendar.add(now + lead, partial(_receive, op, shortage.rule.part.sku, shortage.order))


def _lead(shortage: Shortage) -> timedelta:
    return timedelta(days=shortage.rule.part.lead_time_days)


def _receive(op: Operator, sku: str, quantity: int, now: datetime) -> None:
    cost = next(spare.cost for spare in SPARES if spare.sku == sku)
    receive_stock(
        op.session,
        part=sku,
        quantity=quantity,
        unit_cost_minor=price(op, cost, now),
        from_location="PARTS",
        to_location="MAIN",
        reference=f"DN-{now:%y%m%d}-{sku}",
        actor=op.store,
        now=now,
    )


def _bring(op: Operator, shortage: Shortage, now: datetime) -> None:
    """Take to a place what it lacks, as far as the warehouse has it."""
    sku, to = shortage.rule.part.sku, shortage.rule.location.code
    quantity = min(shortage.rule.maximum - shortage.available, free_at(op, sku, "MAIN"))
    if quantity > 0:
        move_stock(
            op.session,
            part=sku,
            quantity=quantity,
            from_location="MAIN",
            to_location=to,
            reason="Monthly round",
            actor=op.store,
            now=now,
        )


def free_at(op: Operator, sku: str, code: str) -> int:
    """Return how many new pieces of a part are free at a place."""
    place = Place(location_by_ref(op.session, code, EVERYTHING), Condition.NEW)
    position = find_position(op.session, part_by_ref(op.session, sku), place)
    return balance_of(op.session, position).free


# --- use -----------------------------------------------------------------------------------------


def spare_for(model: str, component: str) -> Spare | None:
    """Return what mends a component of a model; of two, the newer."""
    fitting = [s for s in SPARES if s.component == component and model in s.fits]
    return fitting[-1] if fitting else None


def use_part(op: Operator, box: Box, component: str, now: datetime) -> None:
    """Set a part aside for a box at its bench, and use it a day later; none where it needs none."""
    spare = spare_for(box.life.model, component)
    place, _, bench = BENCH[box.life.shop]
    if spare is None or free_at(op, spare.sku, place) == 0:
        return
    key = f"demo-{box.life.serial}-{now:%y%m%d}"
    reserve_parts(
        op.session,
        key=key,
        part=spare.sku,
        location=place,
        quantity=1,
        purpose=f"Repair of {box.life.serial}",
        actor=op.staff[bench],
        now=now,
    )
    op.calendar.add(now + timedelta(days=1), partial(_consume, op, key, bench, box))


def _consume(op: Operator, key: str, bench: str, box: Box, now: datetime) -> None:
    consume_reservation(
        op.session, ref=key, reference=box.life.serial, actor=op.staff[bench], now=now
    )


def plan_counter_sales(op: Operator) -> None:
    """Let remotes, cables and power supplies be bought in the shops, about three in two weeks."""
    chance = op.chance("counter")
    at = op.begun + timedelta(days=6, hours=4)
    while at < op.now:
        shop, sku = chance.choice(sorted(SELLER)), chance.choice(SOLD_AT_COUNTER)
        op.calendar.add(at, partial(_sell_spare, op, shop, sku))
        at += timedelta(days=chance.randrange(2, 9))


def _sell_spare(op: Operator, shop: str, sku: str, now: datetime) -> None:
    if free_at(op, sku, shop) > 0:
        move_stock(
            op.session,
            part=sku,
            from_location=shop,
            to_location=CUSTOMERS,
            reason="Sold at the counter",
            actor=op.at_counter(shop),
            now=now,
        )


# --- pieces that are no good ---------------------------------------------------------------------


def plan_defects(op: Operator) -> None:
    """Let a batch of power supplies turn out bad: some are scrapped, some go back."""
    found, ended = op.begun + timedelta(days=200), op.begun + timedelta(days=230)
    op.calendar.add(found, partial(_set_apart, op))
    op.calendar.add(ended, partial(_send_away, op))


_BAD, _BACK = 4, 3


def _set_apart(op: Operator, now: datetime) -> None:
    move_stock(
        op.session,
        part="HDMI-2M",
        quantity=_BAD,
        from_location="MAIN",
        to_location="QUAR",
        reason="Contacts of one batch are loose",
        actor=op.store,
        now=now,
    )
    move_stock(
        op.session,
        part="HDMI-2M",
        quantity=_BAD,
        from_location="QUAR",
        to_location="QUAR",
        to_condition=Condition.DEFECTIVE,
        actor=op.store,
        now=now + timedelta(minutes=5),
    )


def _send_away(op: Operator, now: datetime) -> None:
    for to, quantity in (("PARTS", _BACK), ("SCRAP", _BAD - _BACK)):
        move_stock(
            op.session,
            part="HDMI-2M",
            quantity=quantity,
            condition=Condition.DEFECTIVE,
            from_location="QUAR",
            to_location=to,
            reason="Complaint about a batch",
            actor=op.store,
            now=now,
        )


# --- counting ------------------------------------------------------------------------------------


def plan_counts(op: Operator) -> None:
    """Count a bench in the ninth month, begin and call off a shop's, and count the warehouse now."""
    op.calendar.add(op.begun + timedelta(days=270), partial(_count_bench, op))
    op.calendar.add(op.begun + timedelta(days=400), partial(_call_off, op))
    op.calendar.add(op.now - timedelta(hours=20), partial(_count_warehouse, op))
    op.calendar.add(op.now - timedelta(days=3), partial(_hold_back, op))


def _count_bench(op: Operator, now: datetime) -> None:
    """Everything is there but one cable."""
    actor = op.staff["bench.n"]
    count = open_count(op.session, location="CEN-N", reason="Yearly", actor=actor, now=now)
    for spare in SPARES:
        there = free_at(op, spare.sku, "CEN-N")
        counted = there - 1 if spare.sku == "HDMI-2M" and there else there
        count_part(
            op.session, ref=count.public_id, part=spare.sku, counted=counted, actor=actor, now=now
        )
    later = now + timedelta(hours=2)
    close_count(op.session, ref=count.public_id, reason="Yearly", actor=actor, now=later)


def _call_off(op: Operator, now: datetime) -> None:
    actor = op.staff["shop.c"]
    count = open_count(op.session, location="DEA-C", actor=actor, now=now)
    cancel_count(op.session, ref=count.public_id, reason="Too busy today", actor=actor, now=now)


def _count_warehouse(op: Operator, now: datetime) -> None:
    count = open_count(op.session, location="MAIN", reason="Yearly", actor=op.store, now=now)
    for n, spare in enumerate(SPARES[:8]):
        count_part(
            op.session,
            ref=count.public_id,
            part=spare.sku,
            counted=max(0, free_at(op, spare.sku, "MAIN") - (n == 4)),
            actor=op.store,
            now=now + timedelta(minutes=10 * n),
        )


def _hold_back(op: Operator, now: datetime) -> None:
    """Keep something back for a visit, and let something go."""
    for key, sku in (("visit-next-week", "HDMI-2M"), ("visit-called-off", "WIFI-6")):
        if free_at(op, sku, "MAIN") > 0:
            reserve_parts(
                op.session,
                key=key,
                part=sku,
                location="MAIN",
                quantity=1,
                purpose="Visit of the van",
                actor=op.store,
                now=now,
            )
            if key == "visit-called-off":
                later = now + timedelta(hours=6)
                release_reservation(
                    op.session, ref=key, reason="Called off", actor=op.store, now=later
                )
