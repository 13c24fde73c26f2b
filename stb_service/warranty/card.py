"""What people are told of a box's warranty: its section of the card, its timeline, and the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices.models import Device
from stb_service.devices.queries import device_row
from stb_service.shared.access import Actor, Scope
from stb_service.shared.i18n import day_here, text
from stb_service.shared.registries import TIMELINE_LENGTH, TimelineEntry
from stb_service.warranty import queries
from stb_service.warranty.cover import Rule
from stb_service.warranty.facts import Sources
from stb_service.warranty.judging import Judgement, judge, standing_of
from stb_service.warranty.models import PolicyVersion, WarrantyDecision
from stb_service.warranty.rules import OUTCOME_NAMES
from stb_service.warranty.sentences import sentence_of, sentences_of
from stb_service.warranty.traces import trace_of
from stb_service.warranty.wording import words

DECISIONS_SHOWN = 3


def load_card(
    sources: Sources, session: Session, uid: str, actor: Actor, now: datetime
) -> dict[str, Any]:
    """Return the values of the card's section: covered until, and why; the last decisions."""
    device = device_row(session, uid, actor.scope)
    day = day_here(now)
    values = cover_now(session, device, day=day, component="", sources=sources)
    decisions = queries.decisions_of(session, uid, actor.scope, limit=TIMELINE_LENGTH)
    return {**words(), **values, "device": device, "decisions": decisions[:DECISIONS_SHOWN]}


def cover_now(
    session: Session,
    device: Device,
    *,
    day: date,
    component: str,
    cause: str | None = None,
    sources: Sources,
) -> dict[str, Any]:
    """Return what a fault of a box would get: what is `known`, what was `found` (None without a
    policy), the `trace` and its `sentences`.
    """
    standing = standing_of(session, device, day, sources)
    values: dict[str, Any] = {"known": standing.known, "found": None, "trace": standing.trace}
    if standing.version is None:
        return {**values, "sentences": sentences_of(standing.trace)}
    found = judge(
        standing.version,
        standing.known,
        component=component,
        day=day,
        cause=cause,
        found=standing.trace,
    )
    values |= {"found": found, "trace": found.trace}
    return {**values, "sentences": sentences_of(found.trace)}


def timeline(session: Session, uid: str, actor: Actor, limit: int) -> list[TimelineEntry]:
    """Return what was decided on a box, and what was granted beside it, the newest first."""
    if not actor.can("warranty.view"):
        return []
    found = []
    for decision in queries.decisions_of(session, uid, actor.scope, limit=limit):
        outcome = OUTCOME_NAMES[decision.outcome]
        words = text("Warranty decided: %(outcome)s", outcome=outcome)
        detail = str(sentence_of(trace_of(decision.trace)[-1]))
        found.append(TimelineEntry(decision.decided_at, "shield-check", str(words), detail))
        for granted in decision.overrides:
            outcome = OUTCOME_NAMES[granted.outcome]
            words = text("Granted instead: %(outcome)s", outcome=outcome)
            found.append(TimelineEntry(granted.granted_at, "shield", str(words), granted.reason))
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]


# --- the wire ------------------------------------------------------------------------------------


def cover_as_wire(values: Mapping[str, Any], *, day: date, component: str) -> dict[str, Any]:
    """Return what `cover_now` found by the names of `CoverSchema`."""
    found: Judgement | None = values["found"]
    covered = found.cover if found else None
    return {
        "component": component,
        "day": day,
        "policy": _applied(found.version) if found else None,
        "outcome": found.outcome.value if found else None,
        "started_on": covered.started_on if covered else None,
        "covered_until": covered.last if covered else None,
        "is_presumed": covered is not None and covered.is_presumed,
        "spans": covered.spans if covered else (),
        "trace": _rules(values["trace"]),
    }


def decision_as_wire(decision: WarrantyDecision, scope: Scope) -> dict[str, Any]:
    """Return a decision by the names of `WarrantyDecisionSchema`; who decided is named to the operator
    alone.
    """
    names = (
        *("public_id", "device", "component", "reported_on", "cause", "subject_ref"),
        *("outcome", "effective_outcome", "started_on", "covered_until", "is_presumed"),
        "decided_at",
    )
    values = {name: getattr(decision, name) for name in names}
    return values | {
        "policy": _applied(decision.version),
        "trace": _rules(trace_of(decision.trace)),
        "decided_by": decision.decided_by if scope.is_everything else "",
        "overrides": [
            {
                "number": row.number,
                "outcome": row.outcome,
                "reason": row.reason,
                "granted_at": row.granted_at,
                "granted_by": row.granted_by if scope.is_everything else "",
            }
            for row in decision.overrides
        ],
    }


def _applied(version: PolicyVersion) -> dict[str, Any]:
    return {
        "code": version.policy.code,
        "version": version.number,
        "title": version.title,
        "jurisdiction": version.jurisdiction,
        "needs_check": version.needs_check,
    }


def _rules(trace: Iterable[Rule]) -> list[dict[str, Any]]:
    return [
        {"name": rule.name, "day": rule.day, "sentence": str(sentence_of(rule))} for rule in trace
    ]
