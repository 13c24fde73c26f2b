"""Verbs on policies: writing, publishing, retiring, assigning. Each is audited in the same unit of
work. What is decided for a box has its verbs in `decisions`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypedDict, Unpack

import marshmallow as ma
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from stb_service.devices.components import Component
from stb_service.devices.fields import References
from stb_service.devices.rules import Tenure
from stb_service.shared import audit
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict, Invalid, NotFound, Refused
from stb_service.shared.i18n import Text, foreign_text, text
from stb_service.warranty import queries
from stb_service.warranty.models import (
    PolicyAssignment,
    PolicyVersion,
    WarrantyPolicy,
)
from stb_service.warranty.promised import obstacles_to_assigning, obstacles_to_beginning
from stb_service.warranty.rules import obstacles_to_publishing, obstacles_to_retiring
from stb_service.warranty.terms import WarrantyTerms, presets


class VersionFields(TypedDict, total=False):
    """What a version says besides its terms."""

    title: str
    jurisdiction: str
    note: str


def subject_of(policy: WarrantyPolicy) -> tuple[str, str, str]:
    """Return what the audit calls a policy."""
    return "warranty_policy", policy.public_id, policy.code


def create_policy(
    session: Session,
    *,
    code: str,
    title: str,
    jurisdiction: str,
    terms: Mapping[str, Any],
    note: str = "",
    preset: str = "",
    actor: Actor,
    now: datetime,
) -> WarrantyPolicy:
    """Add a policy with its first draft.

    Raises:
        Conflict: there is a policy of this code.
        Invalid: the terms are none.
    """
    if queries.find_policy(session, code) is not None:
        raise Conflict(text("There is a policy %(code)s already.", code=code), code="code-taken")
    checked = read_terms(terms)
    policy = WarrantyPolicy(code=code, created_at=now, changed_at=now)
    policy.versions = [
        PolicyVersion(
            number=1,
            title=title,
            jurisdiction=jurisdiction,
            terms=checked,
            note=note,
            preset=preset,
            created_at=now,
            created_by=actor.label[:128],
        )
    ]
    session.add(policy)
    session.flush()
    changes = {"code": code, "title": title, "jurisdiction": jurisdiction}
    changes |= {"preset": preset} if preset else {}
    _record(session, policy, "warranty_policy.create", {**changes, "terms": checked}, actor, now)
    return policy


def load_preset(session: Session, *, preset: str, actor: Actor, now: datetime) -> WarrantyPolicy:
    """Add a policy that ships, as a draft that says it is to be checked by a lawyer.

    Raises:
        NotFound: no preset is called so.
        Conflict: it is loaded already.
    """
    found = presets().get(preset)
    if found is None:
        raise NotFound(text("There is no such preset."))
    return create_policy(
        session,
        code=preset,
        title=found["title"],
        jurisdiction=found["jurisdiction"],
        terms=found["terms"],
        note="\n".join(found["sources"]),
        preset=preset,
        actor=actor,
        now=now,
    )


def read_terms(terms: Mapping[str, Any], *, words: Collection[str] = frozenset()) -> dict[str, Any]:
    """Return terms as they are stored, each with its value.

    `words` for components that are not in the list may stay: they were written before it was.

    Raises:
        Invalid: they are none; each message stands at its place, such as `terms.starts.0.basis`.
    """
    schema = WarrantyTerms()
    try:
        loaded = schema.load(terms)
    except ma.ValidationError as error:
        raise Invalid(fields=dict(_messages(error.messages, "terms"))) from error
    for word in loaded["components"]:
        if word not in {*Component, *words}:
            values = {"word": word, "names": ", ".join(Component)}
            message = text("%(word)s is no component; one of: %(names)s", **values)
            raise Invalid.field("terms.components", message)
    stored: dict[str, Any] = schema.dump(loaded)
    return stored


def _messages(found: Any, place: str) -> Iterator[tuple[str, list[Text]]]:
    """Yield marshmallow's messages by the place that they are about."""
    if isinstance(found, dict):
        for name, inner in found.items():
            yield from _messages(inner, f"{place}.{name}")
    else:
        yield place, [m if isinstance(m, Text) else foreign_text(str(m)) for m in found]


def _held(session: Session, policy: WarrantyPolicy) -> WarrantyPolicy:
    """Return a policy, held against other writers, as it stands now."""
    lock_row(session, WarrantyPolicy, policy.id)
    session.expire(policy, ["versions"])
    return policy


def write_draft(
    session: Session,
    *,
    policy: WarrantyPolicy,
    terms: Mapping[str, Any] | None = None,
    actor: Actor,
    now: datetime,
    **fields: Unpack[VersionFields],
) -> WarrantyPolicy:
    """Change the draft of a policy; where there is none, begin one from the newest version.

    Raises:
        Invalid: the terms are none.
    """
    _held(session, policy)
    draft, former = policy.draft, policy.newest
    new: dict[str, Any] = dict(fields)
    if terms is not None:
        new["terms"] = read_terms(terms, words=former.terms["components"])
    if draft is None:
        draft = _next_version(former, actor, now)
        policy.versions.append(draft)
        audit.apply_changes(draft, new)
        changes: dict[str, Any] = {"version": draft.number} | audit.differences(former, new)
    else:
        changes = audit.apply_changes(draft, new)
    if not changes:
        return policy
    session.flush()
    _record(session, policy, "warranty_policy.draft", changes, actor, now)
    return policy


def _next_version(former: PolicyVersion, actor: Actor, now: datetime) -> PolicyVersion:
    return PolicyVersion(
        number=former.number + 1,
        title=former.title,
        jurisdiction=former.jurisdiction,
        terms=former.terms,
        note=former.note,
        preset=former.preset,
        created_at=now,
        created_by=actor.label[:128],
    )


def discard_draft(
    session: Session, *, policy: WarrantyPolicy, actor: Actor, now: datetime
) -> WarrantyPolicy:
    """Throw the draft of a policy away; the first draft of a policy only with the policy.

    Raises:
        Refused: there is no draft, or nothing but the draft.
    """
    _held(session, policy)
    draft = policy.draft
    if draft is None:
        raise Conflict(text("There is no draft."), code="no-draft")
    if not policy.published:
        message = text("A policy has a version at all times; change this draft instead.")
        raise Conflict(message, code="only-draft")
    policy.versions.remove(draft)
    session.flush()
    changes = {"version": draft.number}
    _record(session, policy, "warranty_policy.discard", changes, actor, now)
    return policy


def publish(
    session: Session,
    *,
    policy: WarrantyPolicy,
    in_force_from: date,
    checked_by: str = "",
    actor: Actor,
    now: datetime,
) -> WarrantyPolicy:
    """Bring the draft of a policy into force for boxes that are given out from a day on.

    From then on it never changes: the database refuses it.

    Raises:
        Refused: there is no draft, or the day lies in the past (see `obstacles_to_publishing`), or
            the policy would take over from another there (see `promised`).
    """
    _held(session, policy)
    draft, former = policy.draft, policy.published[-1:]
    obstacles = obstacles_to_publishing(
        in_force_from,
        former_from=former[0].in_force_from if former else None,
        has_draft=draft is not None,
        now=now,
    )
    if not former:
        obstacles += obstacles_to_beginning(
            session, policy_id=policy.id, in_force_from=in_force_from, now=now
        )
    if obstacles or draft is None:
        raise Refused(obstacles)
    draft.in_force_from, draft.published_at = in_force_from, now
    draft.published_by, draft.checked_by = actor.label[:128], checked_by
    session.flush()
    changes = {"version": draft.number, "in_force_from": in_force_from}
    changes |= {"checked_by": checked_by} if checked_by else {}
    _record(session, policy, "warranty_policy.publish", changes, actor, now)
    return policy


def retire(
    session: Session,
    *,
    policy: WarrantyPolicy,
    retired_on: date,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> WarrantyPolicy:
    """End the newest published version: boxes given out from that day on do not have it.

    A later version may take over; until then the next assignment that fits a box does.

    Raises:
        Refused: nothing was published, it is retired, or the day is too soon.
    """
    _held(session, policy)
    last = policy.published[-1] if policy.published else None
    obstacles = obstacles_to_retiring(
        retired_on,
        in_force_from=last.in_force_from if last else None,
        is_retired=last is not None and last.retired_on is not None,
        now=now,
    )
    if obstacles or last is None:
        raise Refused(obstacles)
    last.retired_on = retired_on
    session.flush()
    changes = {"version": last.number, "retired_on": retired_on, "reason": reason}
    _record(session, policy, "warranty_policy.retire", changes, actor, now)
    return policy


def assign(
    session: Session,
    *,
    policy: WarrantyPolicy | None,
    from_on: date,
    model: str | None = None,
    seller: str | None = None,
    tenure: str | None = None,
    actor: Actor,
    now: datetime,
) -> PolicyAssignment:
    """Give a policy to boxes like these that are given out from a day on; None ends that.

    What is not named fits every box. Named again for the same day, the policy takes the place of
    the one before. Decisions that were made stay as they are.

    Raises:
        Invalid: there is no such model, seller or tenure, or there is nothing to end.
        Refused: the day is past, and a policy by which boxes were decided on would give way.
    """
    named = _named(session, model=model, seller=seller, tenure=tenure)
    row = queries.assignment_of(session, named["key"], from_on)
    if row is not None:
        lock_row(session, PolicyAssignment, row.id)
    before = row.policy.code if row is not None and row.policy else None
    after = policy.code if policy else None
    if row is not None and before == after:
        raise Invalid.field("policy", text("It is assigned so already."))
    obstacles = obstacles_to_assigning(
        session, policy_id=policy.id if policy else None, named=named, from_on=from_on, now=now
    )
    if obstacles:
        raise Refused(obstacles)
    if row is None:
        row = PolicyAssignment(from_on=from_on, **named)
        session.add(row)
    row.policy, row.assigned_at, row.assigned_by = policy, now, actor.label[:128]
    session.flush()
    changes = {"policy": [before, after], "from_on": from_on}
    changes |= {"model": model, "seller": seller, "tenure": tenure}
    audit.record(
        session,
        actor=actor,
        verb="warranty_policy.assign",
        subject=("warranty_policy", row.public_id, after or before or "-"),
        changes={name: value for name, value in changes.items() if value is not None},
        now=now,
    )
    return row


def _named(
    session: Session, *, model: str | None, seller: str | None, tenure: str | None
) -> dict[str, Any]:
    """Return what an assignment names, as its columns."""
    refs = References(session)
    found_model = refs.model(model) if model else None
    found_seller = refs.organisation(seller, EVERYTHING) if seller else None
    problems = {}
    if model and found_model is None:
        problems["model"] = [text("There is no such model.")]
    if seller and found_seller is None:
        problems["seller"] = [text("There is no such organisation.")]
    if tenure and tenure not in set(Tenure):
        problems["tenure"] = [text("One of: %(names)s", names=", ".join(Tenure))]
    if problems:
        raise Invalid(fields=problems)
    model_id = found_model.id if found_model else None
    seller_id = found_seller.id if found_seller else None
    return {
        "model_id": model_id,
        "seller_id": seller_id,
        "tenure": tenure or None,
        "key": f"{model_id or 0}/{seller_id or 0}/{tenure or ''}",
    }


def _record(
    session: Session,
    policy: WarrantyPolicy,
    verb: str,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    """Audit a change and give the policy a new version, also where only its versions changed."""
    policy.changed_at = now
    flag_modified(policy, "changed_at")
    session.flush()
    audit.record(
        session, actor=actor, verb=verb, subject=subject_of(policy), changes=changes, now=now
    )
