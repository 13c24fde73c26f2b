"""What becomes of each box of the demonstration, drawn before anything happens."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from stb_service.demo.model import (
    BEYOND_REPAIR_SHARE,
    FORMER_SHARE,
    GIVEN_BACK_SHARE,
    LOST_SHARE,
    RELIABILITY,
    SHOPS,
    SOLD_SHARE,
    TENURES,
    TRANSFER_SHARE,
    Fault,
    chance_of,
    faults_of,
    opening,
    sale_days,
)
from stb_service.devices.demo import MODELS
from stb_service.devices.rules import Tenure

FORMER: Mapping[str, tuple[date, date, int]] = {
    "AUR-100": (date(2019, 3, 1), date(2021, 1, 1), 22),
    "AUR-300": (date(2023, 3, 1), date(2024, 2, 1), 55),
    "BOR-20": (date(2021, 1, 1), date(2024, 1, 1), 23),
}
"""Models that were given out before the history: when they were made, and in what shares."""
PRESENT: Mapping[str, int] = {"AUR-300": 45, "AUR-500": 30, "BOR-40": 25}
"""Models that come within the history, and their shares."""
AHEAD_DAYS = 20
"""A box comes so long before it is given out."""
RARE = ("AUR-300", "C0")
"""The revision that the first boxes of the history have, so that small demonstrations show it."""
FIRST_RARE = 2


class Turn(StrEnum):
    """What happens to a box that is out, besides its faults."""

    STAYS = "stays"
    TRANSFERRED = "transferred"
    GIVEN_BACK = "given_back"
    BEYOND_REPAIR = "beyond_repair"
    LOST = "lost"


@dataclass(frozen=True)
class Life:
    """One box: what it is, when it came, and what happens to it from the day it is given out."""

    serial: str
    model: str
    revision: str
    macs: tuple[str, str | None]
    made_on: date
    came_at: datetime
    shop: str
    given_at: datetime | None = None
    tenure: Tenure | None = None
    is_former: bool = False
    turn: Turn = Turn.STAYS
    turns_at: datetime | None = None
    faults: tuple[Fault, ...] = ()
    tags: tuple[str, ...] = ()


def draw_lives(seed: int, boxes: int, now: datetime) -> list[Life]:
    """Draw so many boxes: those that were taken over first, then those that came since."""
    begun = opening(now)
    chance = chance_of(seed, "lives")
    former = round(boxes * FORMER_SHARE)
    sold = round((boxes - former) * SOLD_SHARE)
    first = begun.date() + timedelta(days=AHEAD_DAYS + 5)
    days = sale_days(chance, sold, first, now.date() - timedelta(days=1))
    lives = [_former(seed, number, begun, now) for number in range(former)]
    lives += [_given(seed, former + n, day, begun, now) for n, day in enumerate(days)]
    lives += [_kept(seed, number, begun, now) for number in range(former + sold, boxes)]
    return lives


def _former(seed: int, number: int, begun: datetime, now: datetime) -> Life:
    chance = chance_of(seed, f"box/{number}")
    model = _one(chance, {code: share for code, (_, _, share) in FORMER.items()})
    first, last, _ = FORMER[model]
    made_on = first + timedelta(days=chance.randrange((last - first).days))
    given_on = made_on + timedelta(days=chance.randrange(40, 150))
    life = _new(chance, number, model, made_on, begun)
    return _given_out(chance, life, given_on, begun, now, is_former=True)


def _given(seed: int, number: int, day: date, begun: datetime, now: datetime) -> Life:
    chance = chance_of(seed, f"box/{number}")
    came_at = max(begun, _first_of_month(day - timedelta(days=AHEAD_DAYS)))
    life = _came(chance, number, came_at)
    return _given_out(chance, life, day, begun, now, is_former=False)


def _kept(seed: int, number: int, begun: datetime, now: datetime) -> Life:
    """Draw a box that came within the last months and stands on a shelf."""
    chance = chance_of(seed, f"box/{number}")
    day = now.date() - timedelta(days=chance.randrange(1, 150))
    return _came(chance, number, max(begun, _first_of_month(day)))


def _came(chance: random.Random, number: int, came_at: datetime) -> Life:
    made_on = came_at.date() - timedelta(days=chance.randrange(45, 90))
    return _new(chance, number, _one(chance, PRESENT), made_on, came_at)


def _new(chance: random.Random, number: int, model: str, made_on: date, came_at: datetime) -> Life:
    known = next(one for one in MODELS if one["code"] == model)
    revision = _one(chance, known["revisions"])
    if number < FIRST_RARE:
        model, revision = RARE
        known = next(one for one in MODELS if one["code"] == model)
        made_on = FORMER[model][0] + timedelta(days=number)
    low = f"{chance.randrange(2**8):02X}{number:06X}"
    return Life(
        serial=f"{known['maker'][:3]}{made_on:%y%m}{number:06d}".upper(),
        model=model,
        revision=revision,
        # 02: the locally administered half (IEEE 802c), which belongs to no maker
        macs=(f"02A0{low}", f"02B0{low}" if number % 3 else None),
        made_on=made_on,
        came_at=came_at,
        shop=_one(chance, SHOPS),
        tags=_tags(chance, number),
    )


def _tags(chance: random.Random, number: int) -> tuple[str, ...]:
    tags = ["friendly"] if number % 30 == 0 else []
    return (*tags, *(["vip"] if chance.random() < 0.05 else []))


def _given_out(
    chance: random.Random, life: Life, day: date, begun: datetime, now: datetime, *, is_former: bool
) -> Life:
    """Draw how a box is given out on a day, its faults, and whether it comes back."""
    day = max(day, life.made_on + timedelta(days=30))
    given_at = _working_hour(chance, day)
    tenure = Tenure(_one(chance, {str(tenure): share for tenure, share in TENURES.items()}))
    faults = faults_of(chance, RELIABILITY[life.model], day, begun.date(), now.date())
    turn = _turn(chance, tenure)
    out_from = max(given_at, begun)
    turns_at = out_from + timedelta(days=chance.randrange(40, 420), hours=chance.randrange(3))
    return Life(
        **{
            **vars(life),
            "given_at": given_at,
            "tenure": tenure,
            "is_former": is_former,
            "turn": turn,
            "turns_at": turns_at if turn != Turn.STAYS else None,
            "faults": tuple(faults),
        }
    )


def _turn(chance: random.Random, tenure: Tenure) -> Turn:
    draw, worse = chance.random(), chance.random()
    if tenure == Tenure.SOLD:
        return Turn.TRANSFERRED if draw < TRANSFER_SHARE else Turn.STAYS
    if draw < LOST_SHARE:
        return Turn.LOST
    if draw < LOST_SHARE + GIVEN_BACK_SHARE:
        return Turn.BEYOND_REPAIR if worse < BEYOND_REPAIR_SHARE else Turn.GIVEN_BACK
    return Turn.STAYS


def _one(chance: random.Random, shares: Mapping[str, float]) -> str:
    return chance.choices(list(shares), list(shares.values()))[0]


def _first_of_month(day: date) -> datetime:
    return datetime.combine(day.replace(day=1), time(7), UTC)


def _working_hour(chance: random.Random, day: date) -> datetime:
    return datetime.combine(day, time(8 + chance.randrange(9), chance.randrange(60)), UTC)


def by_delivery(lives: Sequence[Life]) -> Mapping[datetime, list[Life]]:
    """Return the boxes that come within the history, by the instant of their delivery."""
    found: dict[datetime, list[Life]] = {}
    for life in lives:
        if not life.is_former:
            found.setdefault(life.came_at, []).append(life)
    return dict(sorted(found.items()))
