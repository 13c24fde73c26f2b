"""The boxes of a rollout: chosen and sorted into its waves, all of them at once.

A fleet has a hundred thousand boxes: they are read and written as rows, not as objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, case, insert, select, update
from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from firmware.rollouts import queries
from firmware.rollouts.cohorts import plan_waves, position, wave_of_latecomer
from firmware.rollouts.evidence import Step
from firmware.rollouts.models import Member, Rollout
from firmware.rollouts.moves import move_members
from firmware.rollouts.rules import MemberState, RolloutKind, reason
from firmware.rollouts.selection import Selection, meant_boxes

MEMBERS = Member.__table__


class Planned(NamedTuple):
    """A box that a rollout is for, and its wave."""

    box_id: int
    uid: str
    model_code: str
    revision_code: str
    wave: int


def choose(session: Session, rollout: Rollout) -> list[Planned]:
    """Choose the boxes of a rollout and sort them into its waves."""
    selection = Selection.from_json(rollout.selection)
    meant = meant_boxes(selection, rollout.image_id, rollout.recalled_image_id)
    rows = session.execute(meant).all()
    spared = queries.spared_versions(session, rollout.image, RolloutKind(rollout.kind))
    needy, content = queries.parted(rows, spared)
    shares = rollout.shares_permille
    waves = plan_waves(
        ((row.uid, (row.model_code, row.revision_code)) for row in needy),
        salt=rollout.salt,
        shares_permille=shares,
        friendly=frozenset(rollout.friendly),
    )
    # boxes that need nothing take no other's place in a wave
    waves |= {row.uid: wave_of_latecomer(rollout.salt, row.uid, shares) for row in content}
    return [
        Planned(row.id, row.uid, row.model_code, row.revision_code, waves[row.uid]) for row in rows
    ]


def take_in(
    session: Session, rollout: Rollout, planned: Sequence[Planned], *, now: datetime
) -> None:
    """Write the boxes of a rollout that is being started; those on the version need nothing."""
    if not planned:
        return
    reasons = {wave: reason("planned", wave=wave) for wave in {box.wave for box in planned}}
    session.connection().execute(
        insert(MEMBERS),  # type: ignore[arg-type]
        [
            {
                "rollout_id": rollout.id,
                "box_id": box.box_id,
                "model_code": box.model_code,
                "revision_code": box.revision_code,
                "wave": box.wave,
                "place": position(rollout.salt, box.uid),
                "state": MemberState.WAITING.value,
                "state_at": now,
                "reason_code": reasons[box.wave].code,
                "reason_values": reasons[box.wave].values,
                "tries": 0,
                "suspected": 0,
            }
            for box in planned
        ],
    )
    _mark_already(session, rollout, now)


def _mark_already(session: Session, rollout: Rollout, now: datetime) -> None:
    """Boxes on the version need nothing and count for nothing; nor do those on a newer one."""
    step = Step(MemberState.ALREADY, reason("needs_nothing", version=rollout.image.version))
    kind = RolloutKind(rollout.kind)
    for model, spared in queries.spared_versions(session, rollout.image, kind).items():
        on_it = (
            select(Member.id)
            .join(Box, Box.id == Member.box_id)
            .where(
                Member.rollout_id == rollout.id,
                Member.state == MemberState.WAITING,
                Box.model_code == model,
                Box.running_version.in_(spared),
            )
        )
        move_members(session, chosen=on_it, step=step, now=now)


def move_forward(session: Session, rollout: Rollout) -> None:
    """Plan the waves anew; a box only ever moves forward."""
    session.flush()
    rows = session.execute(
        select(Member.id, Member.wave, Member.model_code, Member.revision_code, Box.uid)
        .join(Box, Box.id == Member.box_id)
        .where(
            Member.rollout_id == rollout.id,
            Member.wave > 0,
            Member.state != MemberState.ALREADY,
        )
    ).all()
    waves = plan_waves(
        ((row.uid, (row.model_code, row.revision_code)) for row in rows),
        salt=rollout.salt,
        shares_permille=rollout.shares_permille,
    )
    moved = [
        {
            "member": row.id,
            "earlier": waves[row.uid],
            "why": reason("planned", wave=waves[row.uid]).values,
        }
        for row in rows
        if waves[row.uid] < row.wave
    ]
    if not moved:
        return
    is_untouched = Member.reason_code == "planned"
    why = bindparam("why", type_=Member.reason_values.type)
    change = (
        update(MEMBERS)  # type: ignore[arg-type]
        .where(Member.id == bindparam("member"))
        .values(
            wave=bindparam("earlier"),
            reason_values=case((is_untouched, why), else_=Member.reason_values),
        )
    )
    session.connection().execute(change, moved)
    session.expire_all()
