"""What a fault gets: worked out, read and worked out, and kept."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.devices.arrivals.operations import register_device
from stb_service.devices.demo import MODELS, load_demo
from stb_service.devices.models import Device
from stb_service.shared.access import SYSTEM
from stb_service.shared.db import Database
from stb_service.warranty import decisions, operations
from stb_service.warranty.cover import Fit, Known, Stay, cover, outcome_of
from stb_service.warranty.decisions import judge_box
from stb_service.warranty.holders import Held, told_by
from stb_service.warranty.policy import Basis, Cause, Policy, Tenure
from stb_service.warranty.terms import policy_of, presets
from tests.bench.figures import Figure, percentile, rounded
from tests.bench.registry import service

COUNT = 20_000
READ = 2_000
BOXES = 500
BEGIN = date(2022, 1, 1)
COMPONENTS = (None, "remote", "power_supply", "tuner")
SINCE = date(2015, 1, 1)


def made_up(chance: random.Random) -> tuple[Known, list[Held]]:
    """Return what could be known of a box: dated by some of the days, with a few returns, and held
    by some accounts one after the other.
    """
    sold = BEGIN + timedelta(days=chance.randrange(1200))
    days = {basis: sold + timedelta(days=chance.randrange(30)) for basis in Basis}
    kept = {basis: day for basis, day in days.items() if chance.random() < 0.7}
    stays = [sold + timedelta(days=chance.randrange(900)) for _ in range(chance.randrange(4))]
    held = [sold + timedelta(days=200 * n) for n in range(chance.randrange(4))]
    return Known(
        days=kept,
        stays=tuple(
            Stay(day, day + timedelta(days=9), frozenset({"tuner"}), chose_repair=True)
            for day in stays
        ),
        fits=tuple(Fit("tuner", day + timedelta(days=8)) for day in stays),
    ), [
        Held(n, n, Tenure.SOLD, datetime.combine(day, time(), UTC), day)
        for n, day in enumerate(held)
    ]


def timed(acts: Sequence[Callable[[], Any]]) -> list[float]:
    """Return the microseconds of each."""
    samples = []
    for act in acts:
        started = perf_counter()
        act()
        samples.append((perf_counter() - started) * 1_000_000)
    return samples


def worked_out(chance: random.Random) -> Iterator[Callable[[], Any]]:
    """Yield decisions by the pure function, under each of the presets in turn."""
    policies = [policy_of(c, 1, p["jurisdiction"], p["terms"]) for c, p in presets().items()]
    for number in range(COUNT):
        day = BEGIN + timedelta(days=chance.randrange(1800))
        policy = policies[number % len(policies)]
        component, cause = chance.choice(COMPONENTS), chance.choice((None, *Cause))
        yield partial(_decide, *made_up(chance), policy, component, day, cause)


def _decide(
    known: Known,
    held: list[Held],
    policy: Policy,
    component: str | None,
    day: date,
    cause: str | None,
) -> None:
    told = told_by(held, known.tenure, known.days)
    known = replace(known, days=told.days, transfers=told.transfers)
    outcome_of(cover(known, policy, component, day), policy, day, cause)


def read_and_kept(db: Database, chance: random.Random) -> tuple[list[float], list[float]]:
    """Return the microseconds of decisions that read their box, and of such as are kept too."""
    now = datetime.now(UTC)
    day = now.date()
    with db.write() as session:
        set_up(session, now)
    with db.read() as session:
        boxes = session.scalars(select(Device)).all()
        some = [chance.choice(boxes) for _ in range(READ)]
        read = timed(
            [partial(judge_box, session, box, day=day, component="", sources=()) for box in some]
        )
    with db.write() as session:
        keep = partial(decisions.decide, session, reported_on=day, sources=())
        kept = timed(
            [partial(keep, uid=box.public_id, actor=SYSTEM, now=now) for box in some[: READ // 10]]
        )
    return read, kept


def set_up(session: Session, now: datetime) -> None:
    """Add boxes, a policy of all of them, and one of each model."""
    chance = random.Random(BOXES)
    load_demo(session, actor=SYSTEM, now=now, seed=1, boxes=0)
    for number in range(BOXES):
        register_device(
            session,
            serial=f"BENCH{number:06d}",
            model=chance.choice(MODELS)["code"],
            sold_on=BEGIN + timedelta(days=chance.randrange(1200)),
            tenure="sold",
            actor=SYSTEM,
            now=now,
        )
    for number, model in enumerate([None, *(model["code"] for model in MODELS)]):
        preset = presets()["eu-consumer" if number % 2 else "twelve-months"]
        policy = operations.create_policy(
            session,
            code=f"p{number}",
            title="P",
            jurisdiction="-",
            terms=preset["terms"],
            actor=SYSTEM,
            now=now,
        )
        operations.publish(session, policy=policy, in_force_from=SINCE, actor=SYSTEM, now=now)
        operations.assign(session, policy=policy, from_on=SINCE, model=model, actor=SYSTEM, now=now)


def cover_decision_us(say: Callable[[str], None]) -> Figure:
    """Decide on faults of made-up boxes: the pure function; then with its reads; then kept."""
    chance = random.Random(COUNT)
    say(f"deciding {COUNT} times ...")
    pure = timed(list(worked_out(chance)))
    with tempfile.TemporaryDirectory() as folder, service(Path(folder) / "home") as (_, db):
        say("reading and keeping on SQLite ...")
        read, kept = read_and_kept(db, chance)
    detail = {
        "p99_us": rounded(percentile(pure, 0.99)),
        "with_reads_us": rounded(median(read)),
        "kept_us": rounded(median(kept)),
    }
    return Figure("cover_decision_us", median(pure), "us", len(pure), detail)
