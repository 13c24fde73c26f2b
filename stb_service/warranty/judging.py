"""Which version of a policy a box has, and what a fault of it gets: read, then worked out.

One policy for each box: what is assigned on the day the box was given out, in the order of
`rules.PRECEDENCE`, and of it the version that was in force on that day (decision 35).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from stb_service.devices.models import Device
from stb_service.warranty import queries
from stb_service.warranty.cover import (
    Cover,
    Known,
    Outcome,
    Rule,
    cover,
    is_doa_by_days,
    outcome_of,
)
from stb_service.warranty.facts import Sources, facts_of
from stb_service.warranty.models import PolicyVersion
from stb_service.warranty.policy import Policy
from stb_service.warranty.rules import Claim, given_out, in_order

RAN_TOO_LONG = "ran_too_long"
"""The rule that takes dead on arrival away from a box that ran for longer than the policy says."""


@dataclass(frozen=True)
class Judgement:
    """What a fault of a box gets under a version of a policy, with the whole trace."""

    version: PolicyVersion
    known: Known
    cover: Cover
    outcome: Outcome
    trace: Sequence[Rule]


@dataclass(frozen=True)
class Standing:
    """Which version a box has (None: there is no policy for it), and how that was found."""

    version: PolicyVersion | None
    known: Known
    trace: Sequence[Rule]


def standing_of(session: Session, device: Device, day: date, sources: Sources) -> Standing:
    """Return which version of a policy a box has, in 3 queries and those of the sources.

    `day` stands for the day on which the box was given out where that is not known.
    """
    facts = facts_of(session, device, sources)
    known = facts.known
    trace = [rule for rule in facts.trace if not _is_to_come(rule, day)]
    given = given_out(known.days)
    if given is None:
        reference = day
        trace.append(Rule("given_out_unknown", day))
    else:
        basis, reference = given
        trace.append(Rule("given_out", reference, {"basis": basis.value}))
    claims = in_order(queries.claims_on(session, device, known.tenure), reference)
    policies = [claim.policy_id for claim in claims if claim.policy_id is not None]
    versions = queries.versions_on(session, policies, reference)
    return _first(claims, versions, known, reference, trace)


def _is_to_come(rule: Rule, day: date) -> bool:
    """Tell whether a change of owner had not been yet on the day that is asked about."""
    return rule.name == "passed_on" and rule.day is not None and rule.day > day


def _first(
    claims: Sequence[Claim],
    versions: Mapping[int, PolicyVersion],
    known: Known,
    reference: date,
    trace: list[Rule],
) -> Standing:
    """Return the first claim whose policy has a version in force; what is passed over is told."""
    for claim in claims:
        version = versions.get(claim.policy_id or 0)
        if version is not None and version.holds_on(reference):
            values = {"code": claim.code, "version": version.number, "by": sorted(claim.names)}
            return Standing(version, known, [*trace, Rule("policy", values=values)])
        trace.append(Rule("passed", reference, {"code": claim.code}))
    return Standing(None, known, trace)


def judge(
    version: PolicyVersion,
    known: Known,
    *,
    component: str,
    day: date,
    cause: str | None = None,
    found: Sequence[Rule] = (),
) -> Judgement:
    """Return what a fault gets under a version; `found` is the trace that led to the version."""
    policy = version.as_policy()
    covered = cover(known, policy, component or None, day)
    outcome = outcome_of(covered, policy, day, cause, known.hours_on)
    trace = [*found, *covered.trace, _said(outcome, policy, known, day, cause)]
    if outcome == Outcome.COVERED and is_doa_by_days(covered, policy, day):
        trace.append(Rule(RAN_TOO_LONG, day, _hours(policy, known)))
    return Judgement(version, known, covered, outcome, trace)


def _hours(policy: Policy, known: Known) -> dict[str, object]:
    return {"hours": known.hours_on, "most": policy.doa_hours}


def _said(outcome: Outcome, policy: Policy, known: Known, day: date, cause: str | None) -> Rule:
    values: dict[str, object] = {}
    if outcome == Outcome.EXCLUDED:
        values = {"cause": cause}
    elif outcome == Outcome.DEAD_ON_ARRIVAL:
        values = {"days": policy.doa_days}
        if policy.doa_hours:
            values |= _hours(policy, known)
    return Rule(outcome.value, None if outcome == Outcome.NO_COVER else day, values)
