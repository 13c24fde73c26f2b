"""The model of the demonstration: its numbers, and what each of them means.

Nothing of it was measured; it is meant to be believable, and to show every page.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from stb_service.devices.components import Component
from stb_service.devices.rules import Tenure
from stb_service.warranty.policy import Cause

# --- time and sales ------------------------------------------------------------------------------

DAYS = 548
"""How far back the history goes: 18 months."""
SEASON: Mapping[int, float] = {
    1: 0.8,
    2: 0.7,
    3: 0.8,
    4: 0.8,
    5: 0.9,
    6: 1.3,
    7: 0.7,
    8: 0.9,
    9: 1.2,
    10: 1.1,
    11: 1.7,
    12: 2.0,
}
"""Sales of a month against an even month: a summer of football, an autumn, a strong year's end."""
WEEKDAYS: Sequence[float] = (0.9, 0.9, 0.9, 1.0, 1.3, 1.6, 0.0)
"""Sales of a day against an even day, from Monday on; shops are closed on Sundays."""
GROWTH = 1.4
"""Sales on the last day against those on the first, season aside."""
FORMER_SHARE = 0.5
"""So many of the boxes were with customers before the history begins, and were taken over."""
SOLD_SHARE = 0.8
"""So many of the boxes that came since were given out; the rest stand on shelves."""
TENURES: Mapping[Tenure, float] = {Tenure.SOLD: 0.62, Tenure.RENTED: 0.32, Tenure.ON_LOAN: 0.06}
"""How boxes are given out."""
SHOPS: Mapping[str, float] = {"MAIN": 0.4, "DEA-A": 0.25, "DEA-B": 0.2, "DEA-C": 0.15}
"""Where boxes are given out: from the warehouse by parcel, or over the counter of three dealers."""
BUSINESS_SHARE = 0.12
"""So many new accounts are of a business, which has credit, several sites and several boxes."""
KNOWN_SHARE = 0.35
"""So many boxes go to an account that has some already."""

# --- what happens to a box that is out -----------------------------------------------------------

TRANSFER_SHARE = 0.05
"""So many of the boxes that were sold pass to another owner."""
GIVEN_BACK_SHARE = 0.15
"""So many of the boxes that are rented or on loan come back."""
LOST_SHARE = 0.02
"""So many of those are never found again; their holders pay for them."""
BEYOND_REPAIR_SHARE = 0.25
"""So many of the boxes that come back are scrapped; the others are refurbished and given out."""


class Phase(StrEnum):
    """Which part of the bathtub curve a fault is of."""

    EARLY = "early"
    CONSTANT = "constant"
    WEAR = "wear"


@dataclass(frozen=True)
class Reliability:
    """How a model of box fails: the three parts of a bathtub curve.

    `weak_share` of its boxes have a weakness of their making, which shows early. Any box has
    `yearly` faults of no particular age in a year. `wear_years` is the age by which 63 % of its
    boxes have worn out (the scale of a Weibull distribution).
    """

    weak_share: float
    yearly: float
    wear_years: float


EARLY_MEAN_DAYS = 30.0
"""How long a weakness takes to show, on average (exponential)."""
WEAR_SHAPE = 5.0
"""How sharply wear sets in: the shape of the Weibull distribution; 1 would be by chance."""
QUIET_DAYS = 45
"""A box that was just seen to has no other fault for so long."""
RELIABILITY: Mapping[str, Reliability] = {
    "AUR-100": Reliability(0.04, 0.14, 6.5),
    "AUR-300": Reliability(0.1, 0.13, 6.5),
    "AUR-500": Reliability(0.2, 0.12, 8.0),
    "BOR-20": Reliability(0.06, 0.26, 5.0),
    "BOR-40": Reliability(0.08, 0.1, 8.0),
}
"""An old model that wears, a sound one, a new one with teething troubles, a cheap one, a good one."""


@dataclass(frozen=True)
class Trouble:
    """What a fault is about: what the customer says, what is behind it, and what mends it."""

    symptom: str
    component: str
    cause: Cause
    weight: float


_C = Component
TROUBLES: Mapping[Phase, Sequence[Trouble]] = {
    Phase.EARLY: (
        Trouble("Does not start", _C.MAINBOARD, Cause.MANUFACTURING, 4),
        Trouble("Picture freezes", _C.TUNER, Cause.MANUFACTURING, 2),
        Trouble("Loses the Wi-Fi", _C.WIFI, Cause.MANUFACTURING, 2),
        Trouble("Case was broken on arrival", _C.CASE, Cause.TRANSPORT, 1),
    ),
    Phase.CONSTANT: (
        Trouble("Remote control does not answer", _C.REMOTE, Cause.COMPONENT, 3),
        Trouble("Power supply is dead", _C.POWER_SUPPLY, Cause.COMPONENT, 3),
        Trouble("Something was spilled on it", _C.MAINBOARD, Cause.LIQUID, 2),
        Trouble("Dead after a thunderstorm", _C.POWER_SUPPLY, Cause.SURGE, 1),
        Trouble("Fell from the shelf", _C.CASE, Cause.USER_DAMAGE, 1),
        Trouble("Stutters in the evening", "", Cause.NO_FAULT_FOUND, 3),
        Trouble("Restarts after the last update", "", Cause.FIRMWARE, 1),
    ),
    Phase.WEAR: (
        Trouble("Power supply hums and drops out", _C.POWER_SUPPLY, Cause.WEAR, 4),
        Trouble("Keys of the remote control are worn", _C.REMOTE, Cause.WEAR, 3),
        Trouble("Gets hot and restarts", _C.MAINBOARD, Cause.COMPONENT, 2),
        Trouble("Recordings are damaged", _C.DISK, Cause.WEAR, 1),
    ),
}


@dataclass(frozen=True)
class Fault:
    """A fault that a box has some day, and the day on which its holder calls."""

    happens_on: date
    reported_on: date
    phase: Phase
    trouble: Trouble


def faults_of(
    chance: random.Random, kind: Reliability, since: date, seen_from: date, until: date
) -> list[Fault]:
    """Draw the faults of a box that runs from `since` on, until a day; those before `seen_from`
    nobody remembers.
    """
    drawn = sorted(_drawn(chance, kind, since, until))
    found: list[Fault] = []
    last = since - timedelta(days=QUIET_DAYS)
    for day, phase in drawn:
        trouble = chance.choices(TROUBLES[phase], [one.weight for one in TROUBLES[phase]])[0]
        called_on = day + timedelta(days=min(int(chance.expovariate(0.5)), 14))
        if day >= last + timedelta(days=QUIET_DAYS):
            last = day
            found.append(Fault(day, called_on, phase, trouble))
    return [fault for fault in found if seen_from <= fault.reported_on <= until]


def _drawn(
    chance: random.Random, kind: Reliability, since: date, until: date
) -> list[tuple[date, Phase]]:
    """Draw days: of a weakness, by chance at any age, and of wear, which a new part begins anew."""
    days: list[tuple[float, Phase]] = []
    span = float((until - since).days)
    if chance.random() < kind.weak_share:
        days.append((chance.expovariate(1 / EARLY_MEAN_DAYS), Phase.EARLY))
    for phase in (Phase.CONSTANT, Phase.WEAR):
        at = _next(chance, kind, phase)
        while at <= span:
            days.append((at, phase))
            at += _next(chance, kind, phase)
    return [(since + timedelta(days=int(at)), phase) for at, phase in days if at <= span]


def _next(chance: random.Random, kind: Reliability, phase: Phase) -> float:
    """Draw after how many days the next fault of a phase comes."""
    if phase == Phase.CONSTANT:
        return chance.expovariate(kind.yearly / 365)
    return chance.weibullvariate(kind.wear_years * 365, WEAR_SHAPE)


# --- what becomes of a fault ---------------------------------------------------------------------

RETURN_SHARE = 0.4
"""So many calls about a fault end in a return; the others are settled at the desk, which also
keeps the demonstration quick to write.
"""

# --- days on which something is sold -------------------------------------------------------------


def sale_days(chance: random.Random, count: int, first: date, last: date) -> list[date]:
    """Draw days of sales, in order, by season, weekday and growth."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    weights = [
        SEASON[day.month] * WEEKDAYS[day.weekday()] * GROWTH ** (n / len(days))
        for n, day in enumerate(days)
    ]
    return sorted(chance.choices(days, weights, k=count))


def chance_of(seed: int, topic: str) -> random.Random:
    """Return the chance of one topic: what is drawn for another does not change it."""
    return random.Random(f"{seed}/{topic}")  # noqa: S311 - a demonstration


def opening(now: datetime) -> datetime:
    """Return when the history begins: the morning of its first day."""
    return (now - timedelta(days=DAYS)).replace(hour=6, minute=0, second=0, microsecond=0)
