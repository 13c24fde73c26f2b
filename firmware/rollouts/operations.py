"""What staff do with rollouts: plan, start, pause, resume, cancel, retry, widen, recall, stop all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from firmware.images.models import Image
from firmware.images.operations import withdraw_image
from firmware.images.queries import fits, sequence_of, sequences_of_model
from firmware.rollouts import queries
from firmware.rollouts.cohorts import plan_waves, position
from firmware.rollouts.evidence import Step
from firmware.rollouts.models import Member, Rollout, Wave
from firmware.rollouts.moves import move_member, move_rollout, subject_of
from firmware.rollouts.rules import (
    IN_FLIGHT,
    RETRIABLE,
    MemberState,
    RolloutKind,
    RolloutState,
    Timing,
    reason,
)
from firmware.rollouts.safety import Limits
from firmware.rollouts.selection import Selection, meant_boxes
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row, new_public_id
from stb_service.shared.errors import Conflict, Invalid, Obstacle, Refused
from stb_service.shared.i18n import Text, text


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
    if not plan.name.strip():
        problems["name"] = [text("A rollout needs a name.")]
    if plan.cap < 1:
        problems["cap"] = [text("At least 1.")]
    shares = [wave.share_permille for wave in plan.waves]
    if not shares:
        problems["waves"] = [text("At least one wave.")]
    elif not all(0 < share <= 1000 for share in shares):
        problems["waves"] = [text("A share lies above 0 and at most at 100 %%.")]
    elif any(later <= earlier for earlier, later in pairwise(shares)):
        problems["waves"] = [text("Shares are cumulative: each is above the one before.")]
    elif shares[-1] != 1000:
        problems["waves"] = [text("The last wave reaches 100 %%.")]
    timing = asdict(plan.timing)
    if any(span <= timedelta(0) for span in timing.values()):
        problems["timing"] = [text("Every span of time is above zero.")]
    for wave in plan.waves:
        problems |= _limit_problems(wave.limits)
    return problems


def _limit_problems(limits: Limits) -> dict[str, list[Text]]:
    shares = (limits.success_permille, limits.failure_permille, limits.suspect_permille)
    if not all(0 <= share <= 1000 for share in shares):
        return {"limits": [text("A share lies between 0 and 100 %%.")]}
    if limits.failure_count < 1 or limits.suspect_count < 1:
        return {"limits": [text("A count that halts is at least 1.")]}
    if limits.soak < timedelta(0) or (limits.min_decided is not None and limits.min_decided < 1):
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
            "selection": rollout.selection,
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


def start_obstacles(session: Session, rollout: Rollout) -> list[Obstacle]:
    """Return why a draft may not be started."""
    obstacles = image_obstacles(rollout.image)
    meant = meant_boxes(Selection.from_json(rollout.selection), rollout.image_id)
    if session.execute(meant.limit(1)).first() is None:
        obstacles.append(Obstacle("no_boxes", text("No box matches the filter and the image.")))
    return obstacles


def start(session: Session, *, rollout: Rollout, actor: Actor, now: datetime) -> Rollout:
    """Choose the boxes, sort them into waves, and open the first wave.

    Raises:
        Conflict: the rollout is no draft.
        Refused: the image was withdrawn, or no box is meant.
    """
    rollout = lock_row(session, Rollout, rollout.id) or rollout
    if rollout.state == RolloutState.DRAFT and (obstacles := start_obstacles(session, rollout)):
        raise Refused(obstacles)
    rows = session.execute(
        meant_boxes(Selection.from_json(rollout.selection), rollout.image_id)
    ).all()
    waves = plan_waves(
        ((uid, (model, revision)) for _, uid, model, revision in rows),
        salt=rollout.salt,
        shares_permille=rollout.shares_permille,
        friendly=frozenset(rollout.friendly),
    )
    why = reason("started", boxes=len(rows), waves=len(rollout.waves))
    move_rollout(session, rollout=rollout, to=RolloutState.RUNNING, why=why, actor=actor, now=now)
    rollout.started_at = rollout.counted_from = now
    rollout.waves[0].opened_at = now
    rollout.wave_open = rollout.waves[0].number
    session.execute(insert(Member), [_member_row(rollout, row, waves, now) for row in rows])
    _mark_already(session, rollout, now)
    return rollout


def _member_row(rollout: Rollout, row: Any, waves: dict[str, int], now: datetime) -> dict[str, Any]:
    return {
        "rollout_id": rollout.id,
        "box_id": row.id,
        "model_code": row.model_code,
        "revision_code": row.revision_code,
        "wave": waves[row.uid],
        "place": position(rollout.salt, row.uid),
        "state": MemberState.WAITING,
        "state_at": now,
        "reason_code": "planned",
        "reason_values": {"wave": waves[row.uid]},
        "tries": 0,
    }


def _mark_already(session: Session, rollout: Rollout, now: datetime) -> None:
    """Boxes on the version need nothing and count for nothing; nor do those on a newer one."""
    for model in {fit.model_code for fit in fits(session, rollout.image_id)}:
        places = sequences_of_model(session, model)
        wanted = places[rollout.image.version]
        spared = {version for version, place in places.items() if place >= wanted}
        if rollout.kind == RolloutKind.RECALL:
            spared = {rollout.image.version}
        runs_it = select(Box.id).where(Box.model_code == model, Box.running_version.in_(spared))
        session.execute(
            update(Member)
            .where(Member.rollout_id == rollout.id, Member.box_id.in_(runs_it))
            .values(
                state=MemberState.ALREADY,
                reason_code="needs_nothing",
                reason_values={"version": rollout.image.version},
            )
            .execution_options(synchronize_session=False)
        )
    session.expire_all()


def pause(session: Session, *, rollout: Rollout, why: str, actor: Actor, now: datetime) -> Rollout:
    """Offer nothing more for now; what is being installed goes on and is watched.

    Raises:
        Conflict: the rollout is not running.
    """
    rollout = lock_row(session, Rollout, rollout.id) or rollout
    move_rollout(
        session,
        rollout=rollout,
        to=RolloutState.PAUSED,
        why=reason("by_hand", why=why),
        actor=actor,
        now=now,
    )
    return rollout


def resume(session: Session, *, rollout: Rollout, why: str, actor: Actor, now: datetime) -> Rollout:
    """Go on. After a halt the limits count anew from here: the failures so far are accepted
    by the person who resumes, with the reason given.

    Raises:
        Conflict: the rollout is neither paused nor halted.
        Refused: the image was withdrawn.
    """
    rollout = lock_row(session, Rollout, rollout.id) or rollout
    if obstacles := image_obstacles(rollout.image):
        raise Refused(obstacles)
    if rollout.state == RolloutState.HALTED:
        rollout.counted_from = now
    move_rollout(
        session,
        rollout=rollout,
        to=RolloutState.RUNNING,
        why=reason("by_hand", why=why),
        actor=actor,
        now=now,
    )
    return rollout


def cancel(session: Session, *, rollout: Rollout, why: str, actor: Actor, now: datetime) -> Rollout:
    """End a rollout: boxes that wait are let go, boxes that install are asked to stop.

    Boxes that have reported success are watched until they state what they run.

    Raises:
        Conflict: it has ended already.
    """
    rollout = lock_row(session, Rollout, rollout.id) or rollout
    move_rollout(
        session,
        rollout=rollout,
        to=RolloutState.CANCELLED,
        why=reason("by_hand", why=why),
        actor=actor,
        now=now,
    )
    _let_go(session, rollout, now)
    return rollout


_TO_LET_GO = (MemberState.WAITING, MemberState.OFFERED, MemberState.FETCHING, MemberState.SUSPECT)


def _let_go(session: Session, rollout: Rollout, now: datetime) -> None:
    session.execute(
        update(Member)
        .where(Member.rollout_id == rollout.id, Member.state == MemberState.WAITING)
        .values(
            state=MemberState.CANCELLED,
            state_at=now,
            reason_code="cancel_unfetched",
            reason_values={},
        )
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    members = session.scalars(
        select(Member).where(Member.rollout_id == rollout.id, Member.state.in_(_TO_LET_GO))
    ).all()
    for member in members:
        move_member(session, member=member, step=_stop_step(member), now=now)


def _stop_step(member: Member) -> Step:
    """Return how one box is stopped: a wire without a cancel can only be let go."""
    if member.wire == "ddi" and MemberState(member.state) in IN_FLIGHT:
        return Step(MemberState.CANCELLING, reason("cancel_asked"))
    return Step(MemberState.CANCELLED, reason("cancel_unfetched"))


def stop_all(session: Session, *, why: str, actor: Actor, now: datetime) -> list[Rollout]:
    """Pause every rollout that runs, in one unit of work; return them."""
    stopped = []
    for rollout_id in session.scalars(
        select(Rollout.id).where(Rollout.state == RolloutState.RUNNING).order_by(Rollout.id)
    ).all():
        rollout = lock_row(session, Rollout, rollout_id)
        if rollout is None or rollout.state != RolloutState.RUNNING:
            continue
        move_rollout(
            session,
            rollout=rollout,
            to=RolloutState.PAUSED,
            why=reason("stop_all", why=why),
            actor=actor,
            now=now,
        )
        stopped.append(rollout)
    return stopped


def retry_failed(session: Session, *, rollout: Rollout, actor: Actor, now: datetime) -> int:
    """Let the boxes that failed wait for another try; return how many.

    A complete rollout runs again for them; the limits count anew from here.

    Raises:
        Conflict: the rollout is a draft or was cancelled, or nothing has failed.
        Refused: the image was withdrawn.
    """
    rollout = lock_row(session, Rollout, rollout.id) or rollout
    if rollout.state in {RolloutState.DRAFT, RolloutState.CANCELLED}:
        raise Conflict(text("Only a rollout that was started can be retried."))
    if obstacles := image_obstacles(rollout.image):
        raise Refused(obstacles)
    members = session.scalars(
        select(Member).where(Member.rollout_id == rollout.id, Member.state.in_(RETRIABLE))
    ).all()
    if not members:
        raise Conflict(text("No box of this rollout has failed."))
    for member in members:
        member.fetched_at = member.reported_at = member.attempted_at = None
        move_member(
            session, member=member, step=Step(MemberState.WAITING, reason("retried")), now=now
        )
    if rollout.state == RolloutState.COMPLETE:
        rollout.counted_from = now
        move_rollout(
            session,
            rollout=rollout,
            to=RolloutState.RUNNING,
            why=reason("retried"),
            actor=actor,
            now=now,
        )
    else:
        audit.record(
            session,
            actor=actor,
            verb="rollout.retry",
            subject=subject_of(rollout),
            changes={"boxes": len(members)},
            now=now,
        )
    return len(members)


def widen(
    session: Session,
    *,
    rollout: Rollout,
    shares_permille: Sequence[int],
    cap: int,
    actor: Actor,
    now: datetime,
) -> Rollout:
    """Change the cap and the shares of the waves, never below what a wave had.

    A box moves to an earlier wave or stays: nobody who was invited is un-invited.

    Raises:
        Invalid: a share is lowered, or the shares do not rise to 100 %.
        Conflict: the rollout has ended.
    """
    rollout = lock_row(session, Rollout, rollout.id) or rollout
    if rollout.state in {RolloutState.COMPLETE, RolloutState.CANCELLED}:
        raise Conflict(text("The rollout has ended."))
    former = rollout.shares_permille
    if len(shares_permille) != len(former):
        raise Invalid.field("waves", text("The number of waves stays."))
    if any(new < old for new, old in zip(shares_permille, former, strict=True)):
        raise Invalid.field("waves", text("A share can be raised, not lowered."))
    plan = Plan(rollout.name, tuple(WavePlan(share) for share in shares_permille), cap=cap)
    problems = plan_problems(plan)
    if problems:
        raise Invalid(fields=problems)
    changes = audit.apply_changes(rollout, {"cap": cap})
    if list(shares_permille) != former:
        changes["waves"] = [former, list(shares_permille)]
        shares = iter(shares_permille)
        for wave in rollout.waves:
            wave.share_permille = next(shares) if wave.number > 0 else 0
        _move_forward(session, rollout)
    audit.record(
        session,
        actor=actor,
        verb="rollout.widen",
        subject=subject_of(rollout),
        changes=changes,
        now=now,
    )
    return rollout


def _move_forward(session: Session, rollout: Rollout) -> None:
    """Plan the waves anew; a box only ever moves forward."""
    members = session.scalars(
        select(Member).where(Member.rollout_id == rollout.id, Member.wave > 0)
    ).all()
    waves = plan_waves(
        ((member.box.uid, (member.model_code, member.revision_code)) for member in members),
        salt=rollout.salt,
        shares_permille=rollout.shares_permille,
    )
    for member in members:
        member.wave = min(member.wave, waves[member.box.uid])


def recall_obstacles(session: Session, *, image: Image, target: Image) -> list[Obstacle]:
    """Return why boxes on an image cannot be brought back to another."""
    obstacles = image_obstacles(target)
    models = {fit.model_code for fit in fits(session, image.id)}
    if not models <= {fit.model_code for fit in fits(session, target.id)}:
        obstacles.append(
            Obstacle("other_models", text("The named version does not fit all these models."))
        )
    for model in sorted(models):
        newer = sequence_of(session, model_code=model, version=image.version)
        older = sequence_of(session, model_code=model, version=target.version)
        if newer is not None and older is not None and older >= newer:
            obstacles.append(
                Obstacle("not_older", text("The named version is not older than the recalled one."))
            )
            break
    return obstacles


def recall(
    session: Session,
    *,
    image: Image,
    target: Image,
    plan: Plan,
    why: str,
    actor: Actor,
    now: datetime,
) -> Rollout:
    """Withdraw an image, end its rollouts, and bring its boxes back to a named older version.

    This is the only way down: no other rollout offers a box an older version.

    Raises:
        Refused: the named version is not older, was withdrawn, or does not fit.
        Invalid: the plan cannot be carried out.
    """
    if obstacles := recall_obstacles(session, image=image, target=target):
        raise Refused(obstacles)
    for rollout in queries.live_rollouts(session):
        if rollout.image_id == image.id:
            cancel(session, rollout=rollout, why=why, actor=actor, now=now)
    if image.state != "withdrawn":
        withdraw_image(session, image=image, reason=why, actor=actor, now=now)
    on_it = replace(plan.selection, versions=(image.version,))
    rollout = create_rollout(
        session,
        plan=replace(plan, selection=on_it),
        image=target,
        actor=actor,
        now=now,
        kind=RolloutKind.RECALL,
        recalled_image=image,
    )
    return start(session, rollout=rollout, actor=actor, now=now)
