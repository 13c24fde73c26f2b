"""Warranty to look at: both presets in force, and decisions on some of the boxes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from stb_service.devices.components import Component
from stb_service.devices.models import Device
from stb_service.devices.rules import Status, Tenure
from stb_service.shared.access import Actor
from stb_service.warranty import decisions, operations
from stb_service.warranty.cover import Outcome
from stb_service.warranty.facts import Sources
from stb_service.warranty.models import WarrantyPolicy
from stb_service.warranty.policy import Cause

SINCE = date(2018, 1, 1)
SHARE = 0.1
"""So many of the boxes that were given out have had a fault."""
COMPONENTS = ("", "", "", Component.REMOTE, Component.POWER_SUPPLY, Component.TUNER)
CAUSES = (None, Cause.MANUFACTURING, Cause.COMPONENT, Cause.LIQUID, Cause.WEAR)
OF_MODEL = "BOR-20"


def load_demo(
    session: Session,
    devices: Sequence[Device],
    *,
    sources: Sources,
    actor: Actor,
    now: datetime,
    seed: int,
) -> list[WarrantyPolicy]:
    """Load the presets, assign one to all boxes and the other to one model, and decide on faults.

    The same seed and boxes give the same decisions.
    """
    made = []
    for preset, model in (("eu-consumer", None), ("twelve-months", OF_MODEL)):
        policy = operations.load_preset(session, preset=preset, actor=actor, now=now)
        operations.publish(session, policy=policy, in_force_from=SINCE, actor=actor, now=now)
        operations.assign(session, policy=policy, from_on=SINCE, model=model, actor=actor, now=now)
        made.append(policy)
    operations.write_draft(
        session, policy=made[0], title=f"{made[0].newest.title} (draft)", actor=actor, now=now
    )
    chance = random.Random(seed)  # noqa: S311 - a demonstration
    out = [box for box in devices if box.sold_on and box.tenure == Tenure.SOLD]
    chosen = [box for box in out if chance.random() < SHARE or box.status == Status.IN_RMA]
    faults = [_fault(box, chance, now) for box in chosen]
    faults += [Fault(box, box.sold_on or SINCE, "", Cause.LIQUID) for box in out[:1]]
    for fault in faults:
        _decide(session, fault, sources, actor, now)
    return made


@dataclass(frozen=True)
class Fault:
    """A fault that a box had some day."""

    box: Device
    reported_on: date
    component: str
    cause: Cause | None


def _fault(box: Device, chance: random.Random, now: datetime) -> Fault:
    assert box.sold_on is not None
    days = max(1, (now.date() - box.sold_on).days)
    reported_on = min(now.date(), box.sold_on + timedelta(days=chance.randrange(days)))
    return Fault(box, reported_on, chance.choice(COMPONENTS), chance.choice(CAUSES))


def _decide(session: Session, fault: Fault, sources: Sources, actor: Actor, now: datetime) -> None:
    """Decide on a fault; what is excluded by its cause is granted to customers of many years."""
    decision = decisions.decide(
        session,
        uid=fault.box.public_id,
        reported_on=fault.reported_on,
        component=fault.component,
        cause=fault.cause,
        sources=sources,
        actor=actor,
        now=now,
    )
    if decision.outcome == Outcome.EXCLUDED:
        decisions.override(
            session,
            decision=decision,
            outcome=Outcome.GOODWILL,
            reason="A customer of many years.",
            actor=actor,
            now=now,
        )
