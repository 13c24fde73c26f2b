"""Verbs on what a fault of a box gets: deciding by the rules, and granting another outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from stb_service.devices.components import Component
from stb_service.devices.models import Device
from stb_service.devices.queries import device_row
from stb_service.shared import audit, outbox
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Invalid, Obstacle, Refused
from stb_service.shared.i18n import text
from stb_service.warranty.facts import Sources
from stb_service.warranty.judging import Judgement, judge, standing_of
from stb_service.warranty.models import WarrantyDecision, WarrantyOverride
from stb_service.warranty.policy import Cause
from stb_service.warranty.rules import last_day_begun, obstacles_to_override
from stb_service.warranty.traces import facts_json, trace_json

OVERRIDDEN = "warranty.overridden"
"""The outbox topic by which other rooms are told that another outcome was granted."""
NO_POLICY = Obstacle(
    "no-policy", text("No warranty policy was in force for this box; assign one first.")
)


def subject_of(decision: WarrantyDecision) -> tuple[str, str, str]:
    """Return what the audit calls a decision."""
    return "warranty_decision", decision.public_id, decision.device.label


def decide(
    session: Session,
    *,
    uid: str,
    reported_on: date,
    component: str = "",
    cause: str | None = None,
    hours_on: int | None = None,
    subject_ref: str = "",
    sources: Sources,
    actor: Actor,
    now: datetime,
) -> WarrantyDecision:
    """Decide what a fault gets that was reported on a day, and keep that with all its reasons.

    `cause` is what an inspection found, None before it; decided again with a cause, the former
    decision stays. `hours_on` is what it read off the counter of the box, None if that was not to
    be read. `sources` are the registries' `warranty_facts`.

    Raises:
        NotFound: there is no such box in the actor's scope.
        Invalid: the day has not begun anywhere, or the component or the cause is none.
        Refused: no policy was in force for the box.
    """
    device = device_row(session, uid, actor.scope)
    check_day(reported_on, now, "reported_on")
    if component and component not in set(Component):
        raise Invalid.field("component", text("One of: %(names)s", names=", ".join(Component)))
    if cause is not None and cause not in set(Cause):
        raise Invalid.field("cause", text("One of: %(names)s", names=", ".join(Cause)))
    found = judge_box(
        session,
        device,
        day=reported_on,
        component=component,
        cause=cause,
        hours_on=hours_on,
        sources=sources,
    )
    decision = WarrantyDecision(
        reported_on=reported_on,
        component=component,
        cause=cause,
        subject_ref=subject_ref,
        outcome=found.outcome,
        started_on=found.cover.started_on,
        covered_until=found.cover.last,
        is_presumed=found.cover.is_presumed,
        facts=facts_json(found.known),
        trace=trace_json(found.trace),
        decided_at=now,
        decided_by=actor.label[:128],
        overrides=[],
    )
    decision.device, decision.version = device, found.version
    session.add(decision)
    session.flush()
    changes = {
        "outcome": found.outcome.value,
        "reported_on": reported_on,
        "policy": found.version.policy.code,
        "version": found.version.number,
        "component": component or None,
        "cause": cause,
        "hours_on": hours_on,
        "covered_until": found.cover.last,
    }
    audit.record(
        session,
        actor=actor,
        verb="warranty_decision.make",
        subject=subject_of(decision),
        changes={name: value for name, value in changes.items() if value is not None},
        now=now,
    )
    return decision


def judge_box(
    session: Session,
    device: Device,
    *,
    day: date,
    component: str,
    cause: str | None = None,
    hours_on: int | None = None,
    sources: Sources,
) -> Judgement:
    """Return what a fault of a box would get, keeping nothing.

    Raises:
        Refused: no policy was in force for the box.
    """
    standing = standing_of(session, device, day, sources)
    if standing.version is None:
        raise Refused([NO_POLICY])
    return judge(
        standing.version,
        replace(standing.known, hours_on=hours_on),
        component=component,
        day=day,
        cause=cause,
        found=standing.trace,
    )


def check_day(day: date, now: datetime, field: str) -> None:
    """Refuse a day that has begun nowhere yet.

    Raises:
        Invalid: it has not.
    """
    if day > last_day_begun(now):
        raise Invalid.field(field, text("This day is still to come."))


def override(
    session: Session,
    *,
    decision: WarrantyDecision,
    outcome: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> WarrantyDecision:
    """Grant another outcome than the rules gave, with the reason; the decision stays beside it.

    Raises:
        Invalid: no reason is given.
        Refused: the outcome is not one to grant, or it counts already.
    """
    if not reason.strip():
        raise Invalid.field("reason", text("An override needs its reason."))
    lock_row(session, WarrantyDecision, decision.id)
    session.refresh(decision, ["overrides"])
    before = decision.effective_outcome
    if obstacles := obstacles_to_override(before, outcome):
        raise Refused(obstacles)
    granted = WarrantyOverride(
        number=len(decision.overrides) + 1,
        outcome=outcome,
        reason=reason.strip(),
        granted_at=now,
        granted_by=actor.label[:128],
    )
    decision.overrides.append(granted)
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="warranty_decision.override",
        subject=subject_of(decision),
        changes={"outcome": [before, outcome], "reason": reason.strip()},
        now=now,
    )
    told = {"decision": decision.public_id, "subject_ref": decision.subject_ref}
    key = f"{OVERRIDDEN}:{decision.public_id}/{granted.number}"
    outbox.emit(session, topic=OVERRIDDEN, key=key, payload=told, now=now)
    return decision


def carry_override(
    session: Session,
    *,
    former: WarrantyDecision,
    decision: WarrantyDecision,
    actor: Actor,
    now: datetime,
) -> bool:
    """Let what was granted count for a later decision on the same fault; tell whether it does.

    Where the later one knows a cause that the policy excludes and the former did not, it does not:
    that was not known to whoever granted it, and is to be asked again.
    """
    if not former.overrides:
        return False
    is_excluded = decision.cause in decision.version.as_policy().excluded
    if is_excluded and former.cause != decision.cause:
        return False
    last = former.overrides[-1]
    before = decision.effective_outcome
    if before == last.outcome:
        return True
    decision.overrides.append(
        WarrantyOverride(
            number=len(decision.overrides) + 1,
            outcome=last.outcome,
            reason=last.reason,
            granted_at=last.granted_at,
            granted_by=last.granted_by,
        )
    )
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="warranty_decision.carry",
        subject=subject_of(decision),
        changes={"outcome": [before, last.outcome], "reason": last.reason},
        now=now,
    )
    return True
