"""Reads about rollouts and the boxes in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, Row, and_, case, false, func, not_, or_, select
from sqlalchemy.orm import Session, contains_eager

from firmware.boxes.models import Box
from firmware.boxes.rules import BoxState
from firmware.images.models import Image, ImageFit, ModelVersion
from firmware.images.queries import fits, sequences_of_model
from firmware.rollouts.cohorts import plan_waves
from firmware.rollouts.models import (
    DecisionRecord,
    Member,
    MemberEvent,
    Rollout,
    RolloutEvent,
)
from firmware.rollouts.rules import (
    IN_FLIGHT,
    LIVE_ROLLOUTS,
    MemberState,
    RolloutKind,
    RolloutState,
)
from firmware.rollouts.safety import Count
from firmware.rollouts.selection import Selection, meant_boxes
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Page, keyset_page

Meant = Row[int, str, str, str, str | None]


def rollout_by_public_id(session: Session, public_id: str) -> Rollout:
    """Return a rollout.

    Raises:
        NotFound: there is none.
    """
    found = None
    if public_id.isprintable():
        found = session.scalar(select(Rollout).where(Rollout.public_id == public_id))
    if found is None:
        raise NotFound(text("There is no such rollout."))
    return found


def rollouts_page(
    session: Session, *, state: str | None = None, cursor: str | None = None, limit: int = 50
) -> Page[Rollout]:
    """Return rollouts, the newest first."""
    statement = select(Rollout)
    if state:
        statement = statement.where(Rollout.state == state)
    return keyset_page(session, statement, order=[(Rollout.id, True)], cursor=cursor, limit=limit)


def live_rollouts(session: Session) -> Sequence[Rollout]:
    """Return the rollouts that still concern boxes, the oldest first."""
    return session.scalars(
        select(Rollout).where(Rollout.state.in_(LIVE_ROLLOUTS)).order_by(Rollout.id)
    ).all()


def counts_of(
    session: Session, rollout: Rollout, *, now: datetime, up_to_wave: int | None = None
) -> list[Count]:
    """Return the tally of a rollout: one row for each wave, model, revision and state.

    A box that is not served (any more) cannot be reached.
    """
    seen_since = now - timedelta(days=rollout.seen_within_days)
    counted: ColumnElement[bool] = Member.attempted_at.is_not(None)
    if rollout.counted_from is not None:
        late = or_(Member.decided_at.is_(None), Member.decided_at > rollout.counted_from)
        counted = and_(counted, late)
    reachable = and_(Box.last_seen_at >= seen_since, Box.state == BoxState.KNOWN)
    begun = [] if up_to_wave is None else [Member.wave <= up_to_wave]
    rows = session.execute(
        select(
            Member.wave,
            Member.model_code,
            Member.revision_code,
            Member.state,
            func.count(),
            func.sum(case((reachable, 1), else_=0)).cast(Integer),
            func.sum(case((counted, 1), else_=0)).cast(Integer),
        )
        .join(Box, Box.id == Member.box_id)
        .where(Member.rollout_id == rollout.id, *begun)
        .group_by(Member.wave, Member.model_code, Member.revision_code, Member.state)
    )
    return [
        Count(wave, model, revision, MemberState(state), boxes, seen or 0, attempted or 0)
        for wave, model, revision, state, boxes, seen, attempted in rows
    ]


def anyone_seen(session: Session, rollout: Rollout, *, now: datetime) -> bool:
    """Tell whether any box of a rollout was seen within the stated days."""
    seen_since = now - timedelta(days=rollout.seen_within_days)
    found = session.scalar(
        select(Member.id)
        .join(Box, Box.id == Member.box_id)
        .where(Member.rollout_id == rollout.id, Box.last_seen_at >= seen_since)
        .limit(1)
    )
    return found is not None


def members_of_box(session: Session, box_id: int) -> Sequence[Member]:
    """Return a box's part in rollouts that are not drafts, the newest first."""
    return session.scalars(
        select(Member)
        .join(Member.rollout)
        .join(Member.box)
        .options(contains_eager(Member.rollout), contains_eager(Member.box))
        .where(Member.box_id == box_id, Rollout.state != RolloutState.DRAFT)
        .order_by(Member.id.desc())
    ).all()


def not_seen(
    session: Session, rollout: Rollout, *, now: datetime, limit: int = 200
) -> Sequence[Member]:
    """Return boxes that wait but were not seen within the stated days."""
    since = now - timedelta(days=rollout.seen_within_days)
    return session.scalars(
        select(Member)
        .join(Box, Box.id == Member.box_id)
        .where(Member.rollout_id == rollout.id, Member.state == MemberState.WAITING)
        .where(or_(Box.last_seen_at.is_(None), Box.last_seen_at < since))
        .order_by(Member.place)
        .limit(limit)
    ).all()


def events_of(session: Session, rollout: Rollout) -> Sequence[RolloutEvent]:
    """Return what happened to a rollout, the newest first."""
    return session.scalars(
        select(RolloutEvent)
        .where(RolloutEvent.rollout_id == rollout.id)
        .order_by(RolloutEvent.seq.desc())
    ).all()


def decision_at(session: Session, box: Box, *, at: datetime) -> DecisionRecord | None:
    """Return what the box was told at a moment, and why: the last decision up to then."""
    return session.scalar(
        select(DecisionRecord)
        .where(DecisionRecord.box_id == box.id, DecisionRecord.at <= at)
        .order_by(DecisionRecord.at.desc(), DecisionRecord.id.desc())
        .limit(1)
    )


def decisions_of(session: Session, box: Box, *, limit: int = 20) -> Sequence[DecisionRecord]:
    """Return the decisions about a box, the newest first."""
    return session.scalars(
        select(DecisionRecord)
        .where(DecisionRecord.box_id == box.id)
        .order_by(DecisionRecord.id.desc())
        .limit(limit)
    ).all()


@dataclass(frozen=True)
class Preview:
    """How many boxes a selection means, by wave and by model and revision, and some of them."""

    total: int
    by_wave: dict[int, int]
    by_code: dict[tuple[str, str], int]
    never_seen: int
    on_version: int
    sample: list[tuple[str, str, str, int]]


def spared_versions(session: Session, image: Image, kind: RolloutKind) -> dict[str, set[str]]:
    """Return by model the versions that need nothing: the wanted one and, but in a recall, newer."""
    spared = {}
    for model in sorted({fit.model_code for fit in fits(session, image.id)}):
        places = sequences_of_model(session, model)
        wanted = places[image.version]
        newer = {version for version, place in places.items() if place >= wanted}
        spared[model] = {image.version} if kind == RolloutKind.RECALL else newer
    return spared


def parted(
    rows: Sequence[Meant], spared: Mapping[str, set[str]]
) -> tuple[list[Meant], list[Meant]]:
    """Part boxes into those that need the image and those that need nothing."""
    needy: list[Meant] = []
    content: list[Meant] = []
    for row in rows:
        is_content = row.running_version in spared[row.model_code]
        (content if is_content else needy).append(row)
    return needy, content


def preview(
    session: Session,
    *,
    selection: Selection,
    image: Image,
    shares_permille: Sequence[int],
    friendly: frozenset[str],
    salt: str,
    recalled: Image | None = None,
    sample: int = 20,
) -> Preview:
    """Return what a rollout would do if it were started now, without doing it.

    Waves are told of the boxes that need the image, the rest of all.
    """
    recalled_id = None if recalled is None else recalled.id
    meant = meant_boxes(selection, image.id, recalled_id)
    rows = session.execute(meant).all()
    kind = RolloutKind.UPDATE if recalled is None else RolloutKind.RECALL
    needy, content = parted(rows, spared_versions(session, image, kind))
    waves = plan_waves(
        ((row.uid, (row.model_code, row.revision_code)) for row in needy),
        salt=salt,
        shares_permille=shares_permille,
        friendly=friendly,
    )
    found = meant.subquery()
    never = session.scalar(
        select(func.count())
        .select_from(Box)
        .join(found, found.c.id == Box.id)
        .where(Box.last_seen_at.is_(None))
    )
    ranked = sorted(needy, key=lambda row: (waves[row.uid], row.uid))
    return Preview(
        total=len(rows),
        by_wave=dict(sorted(Counter(waves.values()).items())),
        by_code=dict(sorted(Counter((r.model_code, r.revision_code) for r in rows).items())),
        never_seen=never or 0,
        on_version=len(content),
        sample=[(r.uid, r.model_code, r.revision_code, waves[r.uid]) for r in ranked[:sample]],
    )


def ticking_ids(session: Session) -> Sequence[int]:
    """Return the rollouts that time may move: live ones, and ended ones with boxes not final."""
    timed = select(Member.rollout_id).where(
        or_(
            Member.state.in_((*IN_FLIGHT, MemberState.SUSPECT)),
            and_(Member.state == MemberState.WAITING, Member.reported_at.is_not(None)),
        )
    )
    return session.scalars(
        select(Rollout.id)
        .where(or_(Rollout.state.in_(LIVE_ROLLOUTS), Rollout.id.in_(timed)))
        .order_by(Rollout.id)
    ).all()


def tallies_of(session: Session, rollouts: Sequence[Rollout]) -> dict[int, dict[MemberState, int]]:
    """Return how many boxes are in each state, by rollout: one query however many they are."""
    rows = session.execute(
        select(Member.rollout_id, Member.state, func.count())
        .where(Member.rollout_id.in_([rollout.id for rollout in rollouts]))
        .group_by(Member.rollout_id, Member.state)
    )
    found: dict[int, dict[MemberState, int]] = {rollout.id: {} for rollout in rollouts}
    for rollout_id, state, count in rows:
        found[rollout_id][MemberState(state)] = count
    return found


@dataclass(frozen=True)
class Part:
    """Which boxes of a rollout; what is empty does not matter. `seen`: within its stated days."""

    states: frozenset[MemberState] = frozenset()
    wave: int | None = None
    seen: bool | None = None


def part_page(
    session: Session, rollout: Rollout, *, part: Part, now: datetime, cursor: str | None, limit: int
) -> Page[Member]:
    """Return boxes of a rollout in its own order."""
    statement = (
        select(Member)
        .join(Member.box)
        .options(contains_eager(Member.box))
        .where(Member.rollout_id == rollout.id)
    )
    if part.states:
        statement = statement.where(Member.state.in_(part.states))
    if part.wave is not None:
        statement = statement.where(Member.wave == part.wave)
    if part.seen is not None:
        since = now - timedelta(days=rollout.seen_within_days)
        spoke = func.coalesce(Box.last_seen_at >= since, false())
        seen = and_(spoke, Box.state == BoxState.KNOWN)
        statement = statement.where(seen if part.seen else not_(seen))
    order = ((Member.wave, False), (Member.place, False), (Member.id, False))
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def events_of_members(session: Session, members: Sequence[Member]) -> dict[int, list[MemberEvent]]:
    """Return what happened to boxes in rollouts, the newest first, by member."""
    found: dict[int, list[MemberEvent]] = {member.id: [] for member in members}
    for event in session.scalars(
        select(MemberEvent).where(MemberEvent.member_id.in_(found)).order_by(MemberEvent.id.desc())
    ):
        found[event.member_id].append(event)
    return found


def moves_of_box(session: Session, box_id: int, *, limit: int) -> list[tuple[MemberEvent, Rollout]]:
    """Return what happened to a box in all its rollouts, the newest first."""
    rows = session.execute(
        select(MemberEvent, Rollout)
        .join(Member, Member.id == MemberEvent.member_id)
        .join(Rollout, Rollout.id == Member.rollout_id)
        .where(Member.box_id == box_id)
        .order_by(MemberEvent.id.desc())
        .limit(limit)
    )
    return [(event, rollout) for event, rollout in rows]


def rollouts_in_states(session: Session) -> dict[str, int]:
    """Return how many rollouts there are in each state."""
    rows = session.execute(select(Rollout.state, func.count()).group_by(Rollout.state))
    return {state: count for state, count in rows}  # noqa: C416 - rows are no pairs to mypy


def live_members_in_states(session: Session) -> dict[str, int]:
    """Return how many boxes of live rollouts are in each state."""
    rows = session.execute(
        select(Member.state, func.count())
        .join(Rollout, Rollout.id == Member.rollout_id)
        .where(Rollout.state.in_(LIVE_ROLLOUTS))
        .group_by(Member.state)
    )
    return {state: count for state, count in rows}  # noqa: C416 - rows are no pairs to mypy


def images_before(session: Session, image: Image) -> list[Image]:
    """Return the images that boxes on this one can be brought back to, the newest first.

    They fit all its models, are older in each, and are in use.
    """
    places = session.execute(
        select(ImageFit.model_code, ModelVersion.sequence)
        .join(ModelVersion, _placed)
        .where(ImageFit.image_id == image.id)
    ).all()
    ceilings = {row.model_code: row.sequence for row in places}
    rows = session.execute(
        select(Image, ImageFit.model_code, ModelVersion.sequence)
        .join(ImageFit, ImageFit.image_id == Image.id)
        .join(ModelVersion, _placed)
        .where(ImageFit.model_code.in_(ceilings), Image.state == "available")
        .order_by(ModelVersion.sequence.desc())
    ).all()
    older: dict[Image, set[str]] = {}
    for found, model, sequence in rows:
        if sequence < ceilings[model]:
            older.setdefault(found, set()).add(model)
    return [found for found, models in older.items() if models == set(ceilings)]


_placed = and_(
    ModelVersion.model_code == ImageFit.model_code, ModelVersion.version == ImageFit.version
)


def rollouts_named(session: Session, words: str, *, limit: int) -> Sequence[Rollout]:
    """Return the newest rollouts in whose name these words stand, or whose id they are."""
    named = or_(Rollout.name.icontains(words, autoescape=True), Rollout.public_id == words)
    return session.scalars(
        select(Rollout).where(named).order_by(Rollout.id.desc()).limit(limit)
    ).all()
