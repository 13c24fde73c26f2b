"""Reads about identifiers: whose they are and were, what is claimed twice, and the search by them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from stb_service.devices.identity.rules import (
    IDENTIFIER_NAMES,
    IdentifierKey,
    lookup_key,
    past,
    typed_keys,
)
from stb_service.devices.models import Device, DeviceIdentifier, IdentityDispute
from stb_service.devices.queries import check_cursor, within
from stb_service.devices.rules import STATUS_NAMES
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Page, keyset_page
from stb_service.shared.registries import Hit

AT_ONCE = 500
LEAST_TYPED = 3


def identifiers_of(session: Session, device: Device, scope: Scope) -> Sequence[DeviceIdentifier]:
    """Return what a box is called and was called, current ones first."""
    return session.scalars(
        select(DeviceIdentifier)
        .join(Device)
        .where(DeviceIdentifier.device_id == device.id, within(scope))
        .order_by(
            DeviceIdentifier.until.is_not(None),
            DeviceIdentifier.kind.desc(),
            DeviceIdentifier.role,
            DeviceIdentifier.id.desc(),
        )
    ).all()


def holders_of(
    session: Session, wanted: Collection[IdentifierKey], scope: Scope
) -> dict[IdentifierKey, Device]:
    """Return which current box holds each of these identifiers."""
    asked = set(wanted)
    lookups = sorted({lookup_key(value) for _, _, value in asked})
    found: dict[IdentifierKey, Device] = {}
    for at in range(0, len(lookups), AT_ONCE):
        rows = session.scalars(
            select(DeviceIdentifier)
            .join(Device)
            .options(joinedload(DeviceIdentifier.device).joinedload(Device.model))
            .where(
                DeviceIdentifier.lookup.in_(lookups[at : at + AT_ONCE]),
                DeviceIdentifier.until.is_(None),
                within(scope),
            )
        )
        found.update({(row.kind, row.issuer, row.value): row.device for row in rows})
    return {key: device for key, device in found.items() if key in asked}


def disputes_page(
    session: Session, scope: Scope, *, is_open: bool = True, cursor: str | None, limit: int
) -> Page[IdentityDispute]:
    """Return claims on what another box holds, the newest first."""
    order = [(IdentityDispute.id, True)]
    check_cursor(cursor, order)
    state = IdentityDispute.settled_at.is_(None)
    statement = (
        select(IdentityDispute)
        .join(Device, IdentityDispute.holder_id == Device.id)
        .options(joinedload(IdentityDispute.holder).joinedload(Device.model))
        .where(state if is_open else ~state, within(scope))
    )
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def open_disputes_count(session: Session, scope: Scope) -> int:
    """Return how many claims wait for review."""
    return (
        session.scalar(
            select(func.count())
            .select_from(IdentityDispute)
            .join(Device, IdentityDispute.holder_id == Device.id)
            .where(IdentityDispute.settled_at.is_(None), within(scope))
        )
        or 0
    )


def dispute_by_ref(session: Session, ref: str, scope: Scope) -> IdentityDispute:
    """Return a claim.

    Raises:
        NotFound: there is none in the scope.
    """
    found = session.scalar(
        select(IdentityDispute)
        .join(Device, IdentityDispute.holder_id == Device.id)
        .options(joinedload(IdentityDispute.holder).joinedload(Device.model))
        .where(IdentityDispute.public_id == ref, within(scope))
    )
    if found is None:
        raise NotFound(text("There is no such dispute."))
    return found


def disputes_of(session: Session, device: Device, scope: Scope) -> Sequence[IdentityDispute]:
    """Return the claims on what this box holds, open ones first."""
    return session.scalars(
        select(IdentityDispute)
        .join(Device, IdentityDispute.holder_id == Device.id)
        .where(IdentityDispute.holder_id == device.id, within(scope))
        .order_by(IdentityDispute.settled_at.is_not(None), IdentityDispute.id.desc())
    ).all()


def find_boxes(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the boxes whose serial or MAC, present or former, begins or ends with what was typed.

    Two ranges of indexes, two queries. Below three characters nothing is searched.
    """
    keys = [key for key in typed_keys(typed) if len(key) >= LEAST_TYPED]
    if not keys:
        return []
    column, backwards = DeviceIdentifier.lookup, DeviceIdentifier.lookup_reversed
    begins = [and_(column >= key, column < past(key)) for key in keys]
    turned = [key[::-1] for key in keys]
    ends = [and_(backwards >= key, backwards < past(key)) for key in turned]
    few = 2 * limit
    rows = [
        *session.scalars(_with_boxes(scope).where(or_(*begins)).order_by(column).limit(few)),
        *session.scalars(_with_boxes(scope).where(or_(*ends)).order_by(backwards).limit(few)),
    ]
    rows.sort(key=lambda row: (row.lookup not in keys, row.until is not None))
    best = {row.device_id: row for row in reversed(rows)}
    ranked = sorted(best.values(), key=rows.index)
    return [_hit(row) for row in ranked[:limit]]


def _with_boxes(scope: Scope) -> Select[DeviceIdentifier]:
    return (
        select(DeviceIdentifier)
        .join(DeviceIdentifier.device)
        .options(joinedload(DeviceIdentifier.device).joinedload(Device.model))
        .where(within(scope))
    )


def _hit(row: DeviceIdentifier) -> Hit:
    device = row.device
    known = [device.model_code, device.mac_ethernet or device.mac_wifi or ""]
    parts = [*(part for part in known if part), str(STATUS_NAMES[device.status])]
    if row.until is not None:
        former = text(
            "formerly %(kind)s %(value)s, until %(day)s",
            kind=IDENTIFIER_NAMES[row.kind, row.role],
            value=row.value,
            day=row.until.date().isoformat(),
        )
        parts.insert(0, str(former))
    return Hit(device.label, " · ".join(parts), f"/devices/{device.public_id}")
