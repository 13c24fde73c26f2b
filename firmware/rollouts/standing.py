"""What rollouts hold for one box: the few light reads that every poll makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from firmware.boxes.models import Box, BoxTag
from firmware.images.models import Image, ImageFit, ModelVersion
from firmware.images.rules import EVERY_REVISION
from firmware.rollouts.decisions import Candidate
from firmware.rollouts.models import Attempt, Member, Rollout
from firmware.rollouts.rules import (
    BAD,
    IN_FLIGHT,
    LIVE_ROLLOUTS,
    MemberState,
    RolloutKind,
    RolloutState,
)
from firmware.rollouts.selection import Selection, means

_Recalled = aliased(Image)
_WATCHED = (*IN_FLIGHT, MemberState.SUSPECT)
_JUDGED = (*IN_FLIGHT, *BAD, MemberState.SUSPECT, MemberState.VERIFIED, MemberState.UNVERIFIED)


def _fits(
    model: BindParameter[str],
    revision: BindParameter[str],
    image_id: ColumnElement[Any] = Rollout.image_id.expression,
) -> ColumnElement[bool]:
    """Return the condition that a rollout's image is for a box as it is now."""
    return exists().where(
        ImageFit.image_id == image_id,
        ImageFit.model_code == model,
        or_(ImageFit.revision_code == revision, ImageFit.revision_code == EVERY_REVISION),
    )


# Built once: most of what a poll costs is not the database but the making of statements.
_BOX = bindparam("box", type_=Member.box_id.type)
_MODEL = bindparam("model", type_=Box.model_code.type)
_REVISION = bindparam("revision", type_=Box.revision_code.type)
_VERSION = bindparam("version", type_=ModelVersion.version.type)


def _candidates() -> Select[*tuple[Any, ...]]:
    newest = select(func.max(Member.id)).where(Member.box_id == _BOX).scalar_subquery()
    running = (
        select(ModelVersion.sequence)
        .where(ModelVersion.model_code == _MODEL, ModelVersion.version == _VERSION)
        .scalar_subquery()
    )
    reported = and_(Member.state == MemberState.WAITING, Member.reported_at.is_not(None))
    is_open = or_(
        Rollout.state.in_(LIVE_ROLLOUTS), Member.state.in_(_WATCHED), reported, Member.id == newest
    )
    return (
        select(
            Member.id,
            Member.rollout_id,
            Rollout.name,
            Rollout.kind,
            Rollout.state.label("rollout_state"),
            Member.wave,
            Rollout.wave_open,
            Member.state,
            Image.version,
            ModelVersion.sequence,
            Rollout.cap,
            Member.model_code,
            Member.action,
            _Recalled.version.label("recalled_version"),
            Image.state.label("image_state"),
            _fits(_MODEL, _REVISION).label("fits"),
            Member.reported_at,
            Member.suspected,
            Member.state_at,
            running.label("running_sequence"),
        )
        .join(Rollout, Rollout.id == Member.rollout_id)
        .join(Image, Image.id == Rollout.image_id)
        .outerjoin(_Recalled, _Recalled.id == Rollout.recalled_image_id)
        .outerjoin(
            ModelVersion,
            and_(ModelVersion.model_code == _MODEL, ModelVersion.version == Image.version),
        )
        .where(Member.box_id == _BOX, Rollout.state != RolloutState.DRAFT, is_open)
        .order_by(Member.id.desc())
    )


_CANDIDATES = _candidates()
_UNJOINED = (
    select(Rollout.id, Rollout.selection)
    .where(
        Rollout.state == RolloutState.RUNNING,
        ~exists().where(Member.rollout_id == Rollout.id, Member.box_id == _BOX),
        _fits(_MODEL, _REVISION),
        or_(
            Rollout.recalled_image_id.is_(None),
            _fits(_MODEL, _REVISION, Rollout.recalled_image_id.expression),
        ),
    )
    .order_by(Rollout.id)
)
_IN_FLIGHT_COUNT = select(func.count()).where(
    Member.rollout_id == bindparam("rollout", type_=Member.rollout_id.type),
    Member.state.in_(IN_FLIGHT),
)
_LAST_INSTALLED = (
    select(Member.action)
    .where(
        Member.box_id == _BOX,
        Member.state == MemberState.VERIFIED,
        Member.action.is_not(None),
    )
    .order_by(Member.decided_at.desc(), Member.id.desc())
    .limit(1)
)


def _known_of(box: Box) -> dict[str, Any]:
    return {
        "box": box.id,
        "model": box.model_code,
        "revision": box.revision_code,
        "version": box.running_version,
    }


def candidates_of_box(session: Session, box: Box) -> tuple[list[Candidate], int | None]:
    """Return the rollouts that concern a box now, and the place of the version it runs.

    Those are the live ones, those in which something is still open, and the newest (to say why
    there is nothing); what ended before is history.
    """
    rows = session.execute(_CANDIDATES, _known_of(box)).all()
    place = rows[0].running_sequence if rows else None
    return [_candidate(row) for row in rows], place


def _candidate(row: Row[*tuple[Any, ...]]) -> Candidate:
    return Candidate(
        member_id=row.id,
        rollout_id=row.rollout_id,
        rollout=row.name,
        kind=RolloutKind(row.kind),
        rollout_state=RolloutState(row.rollout_state),
        wave=row.wave,
        wave_open=row.wave_open,
        state=MemberState(row.state),
        version=row.version,
        sequence=row.sequence or 0,
        cap=row.cap,
        model_code=row.model_code,
        action=row.action,
        recalled_version=row.recalled_version,
        image_withdrawn=row.image_state == "withdrawn",
        fits=bool(row.fits),
        reported=row.reported_at is not None,
        suspected=row.suspected,
        state_at=row.state_at,
    )


def unjoined_rollouts(session: Session, box: Box) -> list[int]:
    """Return the running rollouts that mean a box but were planned before it was there."""
    rows = session.execute(_UNJOINED, _known_of(box)).all()
    if not rows:
        return []
    tags = set(session.scalars(select(BoxTag.tag).where(BoxTag.box_id == box.id)))
    return [row.id for row in rows if means(Selection.from_json(row.selection), box, tags)]


def is_first_of_its_kind(session: Session, rollout_id: int, box: Box) -> bool:
    """Tell whether a rollout holds no box of this model and revision yet."""
    return not session.scalar(
        select(
            exists().where(
                Member.rollout_id == rollout_id,
                Member.model_code == box.model_code,
                Member.revision_code == box.revision_code,
            )
        )
    )


def in_flight_count(session: Session, rollout_id: int) -> int:
    """Return how many places of the cap are taken."""
    return session.scalar(_IN_FLIGHT_COUNT, {"rollout": rollout_id}) or 0


def judged_members(session: Session, box_id: int) -> Sequence[Member]:
    """Return a box's parts in rollouts on which a statement may throw light, the newest first."""
    untaken = and_(
        Member.state == MemberState.WAITING,
        or_(Rollout.state.in_(LIVE_ROLLOUTS), Member.reported_at.is_not(None)),
    )
    let_go = and_(Member.state == MemberState.CANCELLED, Member.touched_at.is_not(None))
    return session.scalars(
        select(Member)
        .join(Rollout, Rollout.id == Member.rollout_id)
        .where(Member.box_id == box_id, or_(Member.state.in_(_JUDGED), untaken, let_go))
        .order_by(Member.id.desc())
    ).all()


def last_installed_action(session: Session, box_id: int) -> int | None:
    """Return the action of the newest verified update of a box (DDI `installedBase`)."""
    return session.scalar(_LAST_INSTALLED, {"box": box_id})


def member_of_action(session: Session, box_id: int, action: int) -> Member | None:
    """Return the part of a box in a rollout that an action id belongs to."""
    return session.scalar(
        select(Member)
        .join(Attempt, Attempt.member_id == Member.id)
        .where(Attempt.id == action, Member.box_id == box_id)
    )


def member_with_order(session: Session, box_id: int, image_id: int) -> Member | None:
    """Return the newest part of a box in a rollout of an image that it may be fetching."""
    return session.scalar(
        select(Member)
        .join(Rollout, Rollout.id == Member.rollout_id)
        .where(
            Member.box_id == box_id, Rollout.image_id == image_id, Member.state.in_(MAY_DOWNLOAD)
        )
        .order_by(Member.id.desc())
        .limit(1)
    )


# a suspect may be a box whose download hung: to refuse it the rest would make it a failure
MAY_DOWNLOAD = frozenset(
    {
        MemberState.OFFERED,
        MemberState.FETCHING,
        MemberState.AWAITING,
        MemberState.SUSPECT,
        MemberState.CANCELLING,
    }
)
