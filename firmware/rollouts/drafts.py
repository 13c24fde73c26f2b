"""Rollouts to be: what a plan holds, what is wrong with it, and writing it down as a draft."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from firmware.images.models import Image
from firmware.rollouts.cohorts import PERMILLE
from firmware.rollouts.models import Rollout, Wave
from firmware.rollouts.moves import subject_of
from firmware.rollouts.rules import RolloutKind, Timing
from firmware.rollouts.safety import Limits
from firmware.rollouts.selection import Selection
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import new_public_id
from stb_service.shared.errors import Conflict, Invalid, Obstacle, Refused
from stb_service.shared.i18n import Text, text

NAME_CHARS = 128
CAP_MOST = 1_000_000
SPAN_LEAST = timedelta(seconds=1)
SPAN_MOST = timedelta(days=5 * 366)


@dataclass(frozen=True)
class WavePlan:
    """One wave to be: its cumulative share in permille (0 for the friendly one) and limits."""

    share_permille: int
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Plan:
    """A rollout to be."""

    name: str
    waves: tuple[WavePlan, ...]
    selection: Selection = field(default_factory=Selection)
    friendly: tuple[str, ...] = ()
    cap: int = 100
    timing: Timing = field(default_factory=Timing)
    salt: str | None = None


def plan_problems(plan: Plan) -> dict[str, list[Text]]:
    """Return what is wrong with a plan, by field."""
    problems: dict[str, list[Text]] = {}
    name = plan.name.strip()
    if not name:
        problems["name"] = [text("A rollout needs a name.")]
    elif len(name) > NAME_CHARS or not name.isprintable():
        problems["name"] = [text("At most %(n)s printable characters.", n=NAME_CHARS)]
    if not 1 <= plan.cap <= CAP_MOST:
        problems["cap"] = [text("From 1 to %(most)s.", most=CAP_MOST)]
    words = [word for part in plan.selection.as_json().values() for word in part]
    if not all(word.isprintable() for word in (*words, *plan.friendly)):
        problems["selection"] = [text("Words are printable.")]
    if found := _share_problem([wave.share_permille for wave in plan.waves]):
        problems["waves"] = [found]
    if not all(SPAN_LEAST <= span <= SPAN_MOST for span in asdict(plan.timing).values()):
        problems["timing"] = [text("Every span of time lies between a second and 5 years.")]
    for wave in plan.waves:
        problems |= _limit_problems(wave.limits)
    return problems


def _share_problem(shares: list[int]) -> Text | None:
    if not shares:
        return text("At least one wave.")
    if not all(0 < share <= PERMILLE for share in shares):
        return text("A share lies above 0 and at most at 100 %%.")
    if any(later <= earlier for earlier, later in pairwise(shares)):
        return text("Shares are cumulative: each is above the one before.")
    if shares[-1] != PERMILLE:
        return text("The last wave reaches 100 %%.")
    return None


def _limit_problems(limits: Limits) -> dict[str, list[Text]]:
    shares = (limits.success_permille, limits.failure_permille, limits.suspect_permille)
    if not all(0 <= share <= 1000 for share in shares):
        return {"limits": [text("A share lies between 0 and 100 %%.")]}
    if limits.failure_count < 1 or limits.suspect_count < 1:
        return {"limits": [text("A count that halts is at least 1.")]}
    too_few = limits.min_decided is not None and limits.min_decided < 1
    if not timedelta(0) <= limits.soak <= SPAN_MOST or too_few:
        return {"limits": [text("A soak is not negative, and at least 1 box is decided.")]}
    return {}


def create_rollout(
    session: Session,
    *,
    plan: Plan,
    image: Image,
    actor: Actor,
    now: datetime,
    kind: RolloutKind = RolloutKind.UPDATE,
    recalled_image: Image | None = None,
) -> Rollout:
    """Write a rollout down as a draft; nothing is offered before it is started.

    Raises:
        Invalid: the plan cannot be carried out.
        Conflict: the name is taken.
        Refused: the image was withdrawn.
    """
    if problems := plan_problems(plan):
        raise Invalid(fields=problems)
    if session.scalar(select(Rollout.id).where(Rollout.name == plan.name.strip())) is not None:
        raise Conflict(text("There is a rollout of this name already."))
    if obstacles := image_obstacles(image):
        raise Refused(obstacles)
    timing = plan.timing
    rollout = Rollout(
        name=plan.name.strip(),
        kind=kind,
        image=image,
        recalled_image=recalled_image,
        selection=plan.selection.as_json(),
        friendly=sorted(set(plan.friendly)),
        salt=plan.salt or new_public_id(),
        cap=plan.cap,
        offer_s=int(timing.offer.total_seconds()),
        silence_s=int(timing.silence.total_seconds()),
        install_s=int(timing.install.total_seconds()),
        grace_s=int(timing.grace.total_seconds()),
        seen_within_days=max(1, timing.seen_within.days),
        waves=_waves(plan),
        created_at=now,
        created_by=actor.label,
    )
    session.add(rollout)
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="rollout.create",
        subject=subject_of(rollout),
        changes={
            "image": image.version,
            "selection": {part: words for part, words in rollout.selection.items() if words},
            "waves": [wave.share_permille for wave in rollout.waves],
            "cap": plan.cap,
        },
        now=now,
    )
    return rollout


def image_obstacles(image: Image) -> list[Obstacle]:
    """Return why an image may not be rolled out."""
    if image.state == "withdrawn":
        return [Obstacle("withdrawn", text("The image was withdrawn."))]
    return []


def _waves(plan: Plan) -> list[Wave]:
    planned = list(enumerate(plan.waves, start=1))
    if plan.friendly:
        planned.insert(0, (0, WavePlan(0, plan.waves[0].limits)))
    return [
        Wave(
            number=number,
            share_permille=wave.share_permille,
            soak_s=int(wave.limits.soak.total_seconds()),
            success_permille=wave.limits.success_permille,
            failure_permille=wave.limits.failure_permille,
            failure_count=wave.limits.failure_count,
            suspect_permille=wave.limits.suspect_permille,
            suspect_count=wave.limits.suspect_count,
            min_decided=wave.limits.min_decided,
        )
        for number, wave in planned
    ]
