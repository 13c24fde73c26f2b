"""What the card of a box shows of its firmware: what it runs, what it should run, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import has_request_context, request
from flask_babel import get_timezone
from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from firmware.boxes.queries import find_box, reports_of, tokens_of
from firmware.rollouts import queries
from firmware.rollouts.models import DecisionRecord, Member
from firmware.rollouts.rules import (
    IN_FLIGHT,
    LIVE_ROLLOUTS,
    MEMBER_STATE_NAMES,
    MemberState,
)
from stb_service.shared.access import Actor
from stb_service.shared.i18n import text
from stb_service.shared.registries import TimelineEntry

UPDATES_SHOWN = 5
_SETTLED = {MemberState.ALREADY, MemberState.CANCELLED, MemberState.VERIFIED}


def moment_asked(now: datetime) -> datetime:
    """Return the moment that the address names (`at`, in the reader's zone), or now."""
    typed = request.args.get("at", "") if has_request_context() else ""
    try:
        asked = datetime.fromisoformat(typed)
    except ValueError:
        return now
    if not 1970 <= asked.year <= 9000:
        return now
    if asked.tzinfo is None:
        asked = get_timezone().localize(asked)
    return asked.astimezone(UTC)


def _as_typed(moment: datetime) -> str:
    """Return a moment as the picker holds it: in the reader's zone, UTC where nobody reads."""
    zone = get_timezone() if has_request_context() else UTC
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


@dataclass(frozen=True)
class Brief:
    """What anyone who may see a box is told of its firmware: no address, no raw word of the box."""

    running_version: str | None
    version_at: datetime | None
    wanted_version: str | None
    last_seen_at: datetime | None
    at: datetime
    decision: DecisionRecord | None


def brief_of(session: Session, uid: str, *, at: datetime) -> Brief | None:
    """Return the short account of a box; None where the update service has no such box.

    `at` is the moment asked about: `decision` is the last one up to then. Whether the caller may
    see the box was settled by whoever asks.
    """
    box = find_box(session, uid)
    return (
        None if box is None else _brief(session, box, queries.members_of_box(session, box.id), at)
    )


def _brief(session: Session, box: Box, members: Sequence[Member], at: datetime) -> Brief:
    wanted = wanted_member(members)
    return Brief(
        running_version=box.running_version,
        version_at=box.version_at,
        wanted_version=wanted.rollout.image.version if wanted else None,
        last_seen_at=box.last_seen_at,
        at=at,
        decision=queries.decision_at(session, box, at=at),
    )


def load_card(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return the values of the card's section; nothing where the update service has no such box.

    Whether the actor may see the box was settled by whoever shows the card. People of a dealer or
    a service centre get the short account alone.
    """
    box = find_box(session, uid)
    if box is None:
        return {"brief": None}
    asked = moment_asked(now)
    members = queries.members_of_box(session, box.id)
    values = {
        "brief": _brief(session, box, members, asked),
        "at_typed": _as_typed(asked),
        "is_past": asked < now,
    }
    if not actor.scope.is_everything:
        return values
    shown = members[:UPDATES_SHOWN]
    return values | {
        "box": box,
        "decisions": queries.decisions_of(session, box, limit=10),
        "wanted": wanted_member(members),
        "updates": shown,
        "events": queries.events_of_members(session, shown),
        "reports": reports_of(session, box, limit=10),
        "tokens": tokens_of(session, box),
    }


def wanted_member(members: Sequence[Member]) -> Member | None:
    """Return the part in a rollout that says which version a box should run."""
    standing = (member for member in members if member.state in IN_FLIGHT)
    awaited = (
        member
        for member in members
        if member.rollout.state in LIVE_ROLLOUTS and member.state not in _SETTLED
    )
    return next(standing, None) or next(awaited, None)


def timeline(session: Session, uid: str, actor: Actor, limit: int) -> list[TimelineEntry]:
    """Return what happened to a box in rollouts and what it was told, the newest first.

    People of a dealer or a service centre are not shown rollouts, nor what the box reported.
    """
    if not actor.can("boxes.view") or not actor.scope.is_everything:
        return []
    box: Box | None = find_box(session, uid)
    if box is None:
        return []
    moves = [
        TimelineEntry(
            event.at,
            "refresh",
            str(
                text(
                    "%(state)s: %(version)s",
                    state=MEMBER_STATE_NAMES[MemberState(event.to_state)],
                    version=rollout.image.version,
                )
            ),
            f"{rollout.name} · {event.reason}",
        )
        for event, rollout in queries.moves_of_box(session, box.id, limit=limit)
    ]
    told = [
        TimelineEntry(decision.at, "message", str(text("It was told why")), str(decision.reason))
        for decision in queries.decisions_of(session, box, limit=limit)
    ]
    return sorted([*moves, *told], key=lambda entry: entry.at, reverse=True)[:limit]
