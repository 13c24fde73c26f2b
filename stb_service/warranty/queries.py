"""Reads about policies, assignments and decisions.

Policies are the operator's own and are read by whoever holds the verb; what is about a box takes
the scope.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from stb_service.devices.models import Device, Holding
from stb_service.devices.queries import DeviceFilter, check_cursor, conditions, within
from stb_service.devices.rules import Tenure
from stb_service.shared.access import Scope
from stb_service.shared.db import once
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Page, keyset_page
from stb_service.subscribers.models import Site
from stb_service.warranty.holders import Held, day_of
from stb_service.warranty.models import (
    PolicyAssignment,
    PolicyVersion,
    WarrantyDecision,
    WarrantyOverride,
    WarrantyPolicy,
)
from stb_service.warranty.rules import Claim

# --- boxes ---------------------------------------------------------------------------------------


_STANDS = Site.__table__.alias()
_FIRST_ZONE = (
    select(Site.timezone)
    .where(Site.account_id == Holding.account_id)
    .order_by(Site.id)
    .limit(1)
    .correlate(Holding)
    .scalar_subquery()
)
_HELD = (
    select(Holding.id, Holding.account_id, Holding.tenure, Holding.since)
    .add_columns(_STANDS.c.timezone, _FIRST_ZONE)
    .outerjoin(_STANDS, Holding.site_id == _STANDS.c.id)
)
_HELD_OF_ONE = _HELD.where(Holding.device_id == bindparam("device"))
"""Made once: to make it takes as long as to read it."""


def held_by(session: Session, device: Device) -> list[Held]:
    """Return which accounts have and had a box, whoever asks: its warranty does not depend on that.

    A day is one where the box stands; where that is not said, where the account's first site is.
    """
    return [_held(*row) for row in session.execute(_HELD_OF_ONE, {"device": device.id})]


def held_by_each(session: Session, devices: Collection[int]) -> Mapping[int, list[Held]]:
    """Return the same of several boxes, by their internal ids, in one query."""
    rows = session.execute(
        _HELD.add_columns(Holding.device_id).where(Holding.device_id.in_(devices))
    )
    found: dict[int, list[Held]] = {}
    for *row, device in rows:
        found.setdefault(device, []).append(_held(*row))
    return found


def _held(
    number: int, account: int, tenure: str, since: datetime, zone: str | None, first: str | None
) -> Held:
    return Held(number, account, Tenure(tenure), since, day_of(since, zone or first))


# --- policies ------------------------------------------------------------------------------------


def policies_page(session: Session, *, cursor: str | None, limit: int) -> Page[WarrantyPolicy]:
    """Return policies by code with their versions, in 2 queries."""
    order: list[tuple[InstrumentedAttribute[Any], bool]] = [(WarrantyPolicy.code, False)]
    check_cursor(cursor, order)
    statement = select(WarrantyPolicy).options(selectinload(WarrantyPolicy.versions))
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def all_policies(session: Session) -> Sequence[WarrantyPolicy]:
    """Return every policy with its versions, by code."""
    statement = select(WarrantyPolicy).options(selectinload(WarrantyPolicy.versions))
    return session.scalars(statement.order_by(WarrantyPolicy.code)).all()


def find_policy(session: Session, code: str) -> WarrantyPolicy | None:
    """Return the policy of a code, or None."""
    return session.scalar(select(WarrantyPolicy).where(WarrantyPolicy.code == code))


def policy_by_ref(session: Session, ref: str) -> WarrantyPolicy:
    """Return the policy of a public id, with its versions.

    Raises:
        NotFound: there is none.
    """
    found = session.scalar(
        select(WarrantyPolicy)
        .options(selectinload(WarrantyPolicy.versions))
        .where(WarrantyPolicy.public_id == ref)
    )
    if found is None:
        raise NotFound(text("There is no such policy."))
    return found


def versions_on(
    session: Session, policies: Collection[int], day: date
) -> Mapping[int, PolicyVersion]:
    """Return of each policy the last version that had come into force by a day, retired or not."""
    if not policies:
        return {}
    found = session.scalars(
        select(PolicyVersion)
        .where(PolicyVersion.policy_id.in_(policies), PolicyVersion.in_force_from <= day)
        .order_by(PolicyVersion.in_force_from)
    )
    return {version.policy_id: version for version in found}


# --- assignments ---------------------------------------------------------------------------------


def assignments_page(session: Session, *, cursor: str | None, limit: int) -> Page[PolicyAssignment]:
    """Return assignments with what they name, the latest first."""
    order: list[tuple[InstrumentedAttribute[Any], bool]] = [(PolicyAssignment.id, True)]
    check_cursor(cursor, order)
    return keyset_page(session, select(PolicyAssignment), order=order, cursor=cursor, limit=limit)


def assignment_of(session: Session, key: str, from_on: date) -> PolicyAssignment | None:
    """Return the assignment that names this from this day on, or None."""
    return session.scalar(
        select(PolicyAssignment).where(
            PolicyAssignment.key == key, PolicyAssignment.from_on == from_on
        )
    )


def assignments_of(session: Session, policy: WarrantyPolicy) -> Sequence[PolicyAssignment]:
    """Return the assignments that name a policy, the latest day first."""
    return session.scalars(
        select(PolicyAssignment)
        .where(PolicyAssignment.policy_id == policy.id)
        .order_by(PolicyAssignment.from_on.desc(), PolicyAssignment.id)
    ).all()


def claims_on(session: Session, device: Device, tenure: Tenure) -> list[Claim]:
    """Return what is assigned to boxes like this one of a tenure, at any time."""
    row = PolicyAssignment
    named = [
        or_(column.is_(None), column == value)
        for column, value in (
            (row.model_id, device.model_id),
            (row.seller_id, device.seller_id),
            (row.tenure, tenure),
        )
    ]
    columns = (row.policy_id, row.from_on, row.model_id, row.seller_id, row.tenure)
    found = session.execute(
        select(*columns, WarrantyPolicy.code)
        .outerjoin(WarrantyPolicy, row.policy_id == WarrantyPolicy.id)
        .where(*named)
    )
    return [
        Claim(policy, day, _names(model=model, seller=seller, tenure=tenure), code or "")
        for policy, day, model, seller, tenure, code in found
    ]


def _names(**named: Any) -> frozenset[str]:
    return frozenset(name for name, value in named.items() if value is not None)


# --- decisions -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class DecisionFilter:
    """What the list of decisions can be narrowed to; empty means all."""

    text: str = ""
    device: str = ""
    outcome: str = ""
    policy: str = ""
    subject: str = ""
    overridden: bool | None = None

    def as_arguments(self) -> dict[str, Any]:
        """Return the parts that narrow."""
        pairs = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in pairs.items() if value not in {"", None}}


def decisions_page(
    session: Session, wanted: DecisionFilter, scope: Scope, *, cursor: str | None, limit: int
) -> Page[WarrantyDecision]:
    """Return decisions on the boxes of a scope, the newest first, in 2 queries (3 with a text)."""
    order: list[tuple[InstrumentedAttribute[Any], bool]] = [(WarrantyDecision.id, True)]
    check_cursor(cursor, order)
    statement = (
        select(WarrantyDecision)
        .join(WarrantyDecision.device)
        .options(joinedload(WarrantyDecision.device).joinedload(Device.model))
        .where(within(scope), *_conditions(session, wanted, scope))
    )
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def _conditions(
    session: Session, wanted: DecisionFilter, scope: Scope
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.text:
        found += conditions(session, DeviceFilter(text=wanted.text), scope)
    if wanted.device:
        found.append(Device.public_id == wanted.device)
    if wanted.outcome:
        found.append(WarrantyDecision.outcome == wanted.outcome)
    if wanted.subject:
        found.append(WarrantyDecision.subject_ref == wanted.subject)
    if wanted.policy:
        versions = (
            select(PolicyVersion.id)
            .join(WarrantyPolicy, PolicyVersion.policy_id == WarrantyPolicy.id)
            .where(WarrantyPolicy.code == wanted.policy)
        )
        found.append(WarrantyDecision.policy_version_id.in_(versions))
    if wanted.overridden is not None:
        granted = exists().where(WarrantyOverride.decision_id == WarrantyDecision.id)
        found.append(granted if wanted.overridden else ~granted)
    return found


def decision_by_ref(session: Session, ref: str, scope: Scope) -> WarrantyDecision:
    """Return a decision with what was granted beside it.

    Raises:
        NotFound: there is none on a box of the scope.
    """
    found = session.scalar(
        select(WarrantyDecision)
        .join(WarrantyDecision.device)
        .where(WarrantyDecision.public_id == ref, within(scope))
    )
    if found is None:
        raise NotFound(text("There is no such decision."))
    return found


@once
def decisions_of(
    session: Session, uid: str, scope: Scope, *, limit: int
) -> Sequence[WarrantyDecision]:
    """Return the decisions on a box, the newest first, in 2 queries."""
    return session.scalars(
        select(WarrantyDecision)
        .join(WarrantyDecision.device)
        .where(Device.public_id == uid, within(scope))
        .order_by(WarrantyDecision.id.desc())
        .limit(limit)
    ).all()
