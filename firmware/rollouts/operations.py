"""What staff do with rollouts: plan, start, pause, resume, cancel, retry, widen, recall, stop all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload
from sqlalchemy.orm.attributes import flag_modified

from firmware.boxes.locks import hold
from firmware.images.models import Image
from firmware.images.operations import withdraw_image
from firmware.images.queries import fits, sequence_of
from firmware.rollouts import members, queries
from firmware.rollouts.drafts import (
    CAP_MOST,
    Plan,
    WavePlan,
    create_rollout,
    image_obstacles,
    plan_problems,
)
from firmware.rollouts.evidence import Step
from firmware.rollouts.models import Member, Rollout
from firmware.rollouts.moves import move_member, move_members, move_rollout, subject_of
from firmware.rollouts.rules import (
    IN_FLIGHT,
    RETRIABLE,
    MemberState,
    Reason,
    RolloutKind,
    RolloutState,
    reason,
)
from firmware.rollouts.selection import Selection, meant_boxes
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.errors import Conflict, Invalid, Obstacle, Refused
from stb_service.shared.i18n import text

__all__ = [
    "Plan",
    "WavePlan",
    "cancel",
    "create_rollout",
    "image_obstacles",
    "pause",
    "plan_problems",
    "recall",
    "recall_obstacles",
    "resume",
    "retry",
    "start",
    "start_obstacles",
    "stop_all",
    "widen",
]
WHY_CHARS = 500


def _by_hand(code: str, why: str) -> Reason:
    """Return the reason that a person gives.

    Raises:
        Invalid: it cannot be kept.
    """
    if len(why) > WHY_CHARS or not all(c.isprintable() or c in "\r\n\t" for c in why):
        raise Invalid.field("why", text("At most %(n)s printable characters.", n=WHY_CHARS))
    return reason(code, why=why)


def start_obstacles(session: Session, rollout: Rollout) -> list[Obstacle]:
    """Return why a draft may not be started."""
    obstacles = image_obstacles(rollout.image)
    selection = Selection.from_json(rollout.selection)
    meant = meant_boxes(selection, rollout.image_id, rollout.recalled_image_id)
    may_be_empty = rollout.kind == RolloutKind.RECALL  # boxes may still be on their way there
    if not may_be_empty and session.execute(meant.limit(1)).first() is None:
        obstacles.append(Obstacle("no_boxes", text("No box matches the filter and the image.")))
    return obstacles


def start(session: Session, *, rollout: Rollout, actor: Actor, now: datetime) -> Rollout:
    """Choose the boxes, sort them into waves, and open the first wave.

    Raises:
        Conflict: the rollout is no draft.
        Refused: the image was withdrawn, or no box is meant.
    """
    rollout = hold(session, Rollout, rollout.id)
    if rollout.state == RolloutState.DRAFT and (obstacles := start_obstacles(session, rollout)):
        raise Refused(obstacles)
    chosen = members.choose(session, rollout)
    why = reason("started", boxes=len(chosen), waves=len(rollout.waves))
    move_rollout(session, rollout=rollout, to=RolloutState.RUNNING, why=why, actor=actor, now=now)
    rollout.started_at = now
    rollout.waves[0].opened_at = now
    rollout.wave_open = rollout.waves[0].number
    session.flush()
    members.take_in(session, rollout, chosen, now=now)
    return rollout


def pause(session: Session, *, rollout: Rollout, why: str, actor: Actor, now: datetime) -> Rollout:
    """Offer nothing more for now; what is being installed goes on and is watched.

    Raises:
        Conflict: the rollout is not running.
    """
    rollout = hold(session, Rollout, rollout.id)
    move_rollout(
        session,
        rollout=rollout,
        to=RolloutState.PAUSED,
        why=_by_hand("by_hand", why),
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
    rollout = hold(session, Rollout, rollout.id)
    if obstacles := image_obstacles(rollout.image):
        raise Refused(obstacles)
    if rollout.state == RolloutState.HALTED:
        rollout.counted_from = now
    move_rollout(
        session,
        rollout=rollout,
        to=RolloutState.RUNNING,
        why=_by_hand("by_hand", why),
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
    rollout = hold(session, Rollout, rollout.id)
    move_rollout(
        session,
        rollout=rollout,
        to=RolloutState.CANCELLED,
        why=_by_hand("by_hand", why),
        actor=actor,
        now=now,
    )
    _let_go(session, rollout, now)
    return rollout


_TO_STOP = (MemberState.OFFERED, MemberState.FETCHING, MemberState.SUSPECT)


def _let_go(session: Session, rollout: Rollout, now: datetime) -> None:
    waiting = select(Member.id).where(
        Member.rollout_id == rollout.id,
        Member.state == MemberState.WAITING,
        Member.reported_at.is_(None),
    )
    step = Step(MemberState.CANCELLED, reason("cancel_unfetched"))
    move_members(session, chosen=waiting, step=step, now=now)
    for loaded in list(session.identity_map.values()):
        if isinstance(loaded, Member):
            session.expire(loaded)
    for member_id in session.scalars(
        select(Member.id)
        .where(Member.rollout_id == rollout.id, Member.state.in_(_TO_STOP))
        .order_by(Member.id)
    ).all():
        member = hold(session, Member, member_id)
        if member.state in _TO_STOP and member.reported_at is None:
            move_member(session, member=member, step=_stop_step(member), now=now)


def _stop_step(member: Member) -> Step:
    """Return how one box is stopped: a wire without a cancel can only let it go."""
    if MemberState(member.state) not in IN_FLIGHT:
        return Step(MemberState.CANCELLED, reason("cancel_unfetched"))
    if member.wire == "ddi":
        return Step(MemberState.CANCELLING, reason("cancel_asked"))
    return Step(MemberState.CANCELLED, reason("cancel_untold"))


def stop_all(session: Session, *, why: str, actor: Actor, now: datetime) -> list[Rollout]:
    """Pause every rollout that runs, in one unit of work; return them."""
    stopped = []
    for rollout_id in session.scalars(
        select(Rollout.id).where(Rollout.state == RolloutState.RUNNING).order_by(Rollout.id)
    ).all():
        rollout = hold(session, Rollout, rollout_id)
        if rollout.state != RolloutState.RUNNING:
            continue
        move_rollout(
            session,
            rollout=rollout,
            to=RolloutState.PAUSED,
            why=_by_hand("stop_all", why),
            actor=actor,
            now=now,
        )
        stopped.append(rollout)
    return stopped


def retry(session: Session, *, rollout: Rollout, actor: Actor, now: datetime) -> int:
    """Let the boxes that failed wait for another try; return how many boxes may try now.

    A complete rollout runs again for them, and for those that were first seen after it was
    complete; the limits count anew from here.

    Raises:
        Conflict: the rollout is a draft or was cancelled, or no box has failed or come late.
        Refused: the image was withdrawn.
    """
    rollout = hold(session, Rollout, rollout.id)
    if rollout.state in {RolloutState.DRAFT, RolloutState.CANCELLED}:
        raise Conflict(text("Only a rollout that was started can be retried."))
    if obstacles := image_obstacles(rollout.image):
        raise Refused(obstacles)
    failed = session.scalars(
        select(Member)
        .where(Member.rollout_id == rollout.id, Member.state.in_(RETRIABLE))
        .order_by(Member.id)
        .options(lazyload("*"))
        .with_for_update(of=Member, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    late = _came_late(session, rollout, now)
    if not failed and not late:
        raise Conflict(text("No box of this rollout has failed."))
    for member in failed:
        move_member(
            session, member=member, step=Step(MemberState.WAITING, reason("retried")), now=now
        )
        # a try begins anew: what the box still says of the former one moves nothing
        member.fetched_at = member.reported_at = member.attempted_at = member.action = None
        member.suspected = 0
    if rollout.state == RolloutState.COMPLETE:
        rollout.counted_from = now
        rollout.waves[-1].closed_at = None
        move_rollout(
            session,
            rollout=rollout,
            to=RolloutState.RUNNING,
            why=reason("retried"),
            actor=actor,
            now=now,
        )
    else:
        _renew(rollout)
        audit.record(
            session,
            actor=actor,
            verb="rollout.retry",
            subject=subject_of(rollout),
            changes={"boxes": len(failed)},
            now=now,
        )
    return len(failed) + late


def _renew(rollout: Rollout) -> None:
    """Give a rollout a new version (its ETag), though only its waves or boxes have changed."""
    flag_modified(rollout, "cap")


def _came_late(session: Session, rollout: Rollout, now: datetime) -> int:
    """Return how many boxes of a complete rollout wait and were seen."""
    if rollout.state != RolloutState.COMPLETE:
        return 0
    counts = queries.counts_of(session, rollout, now=now)
    return sum(count.reachable for count in counts if count.state == MemberState.WAITING)


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
    rollout = hold(session, Rollout, rollout.id)
    if rollout.state in {RolloutState.COMPLETE, RolloutState.CANCELLED}:
        raise Conflict(text("The rollout has ended."))
    former = rollout.shares_permille
    if not 1 <= cap <= CAP_MOST:
        raise Invalid.field("cap", text("From 1 to %(most)s.", most=CAP_MOST))
    if len(shares_permille) != len(former):
        raise Invalid.field("waves", text("The number of waves stays."))
    if any(new < old for new, old in zip(shares_permille, former, strict=True)):
        raise Invalid.field("waves", text("A share can be raised, not lowered."))
    plan = Plan(rollout.name, tuple(WavePlan(share) for share in shares_permille), cap=cap)
    problems = plan_problems(plan)
    if problems:
        raise Invalid(fields=problems)
    changes = audit.apply_changes(rollout, {"cap": cap})
    _renew(rollout)
    if list(shares_permille) != former:
        changes["waves"] = [former, list(shares_permille)]
        shares = iter(shares_permille)
        for wave in rollout.waves:
            wave.share_permille = next(shares) if wave.number > 0 else 0
        members.move_forward(session, rollout)
    audit.record(
        session,
        actor=actor,
        verb="rollout.widen",
        subject=subject_of(rollout),
        changes=changes,
        now=now,
    )
    return rollout


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
