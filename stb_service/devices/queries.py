"""Reads about boxes. Every one takes the scope: a dealer or a service centre finds only boxes
that it sold or holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload
from sqlalchemy.types import TypeEngine

from stb_service.devices.identity.rules import maker_key, past, typed_keys
from stb_service.devices.models import (
    CustodyEvent,
    Device,
    DeviceCapability,
    DeviceIdentifier,
    DeviceModel,
    DeviceTag,
    Holding,
    ModelCapability,
    ModelRevision,
)
from stb_service.devices.rules import CapabilityKind, capability_name
from stb_service.shared import jobs
from stb_service.shared.access import Actor, Scope
from stb_service.shared.audit import AuditEntry, entries_of
from stb_service.shared.db import UtcDateTime, once
from stb_service.shared.errors import Invalid, NotFound
from stb_service.shared.i18n import text
from stb_service.shared.identifiers import Malformed
from stb_service.shared.jobs import Job
from stb_service.shared.paging import Narrowing, Page, decode_cursor, keyset_page
from stb_service.shared.registries import Hit
from stb_service.staff.models import Organisation, Person
from stb_service.subscribers.queries import find_account

JOB_KINDS = IMPORT, EXPORT = "devices.import", "devices.export"
COUNT_LIMIT = 10_000
MANY = 1_000
SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "registered": Device.id,
    "serial": Device.serial,
    "status": Device.status,
    "batch": Device.batch,
    "changed": Device.changed_at,
}


@dataclass(frozen=True)
class DeviceFilter(Narrowing):
    """What the registry list can be narrowed to; empty means all. Organisations by code or id."""

    text: str = ""
    model: str = ""
    revision: str = ""
    maker: str = ""
    status: str = ""
    tenure: str = ""
    tag: str = ""
    batch: str = ""
    seller: str = ""
    custodian: str = ""
    codec: str = ""
    protection: str = ""
    account: str = ""


def within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a box lies in the scope: sold by the organisation, or held by it."""
    if scope.is_everything:
        return true()
    return or_(
        Device.seller_id == scope.organisation_id, Device.custodian_id == scope.organisation_id
    )


def told_of(organisation: Organisation | None, scope: Scope) -> Organisation | None:
    """Return an organisation that has to do with a box, as far as the reader is told of it.

    People of a dealer or a service centre are told of their own alone (decision 14).
    """
    if organisation is None or scope.is_everything:
        return organisation
    return organisation if organisation.id == scope.organisation_id else None


def has_custody(session: Session, device: Device, scope: Scope) -> bool:
    """Tell whether the reader's organisation holds a box: it is stated to, or it sold the box and
    nobody is stated to hold it. The operator has a say in every box.
    """
    if scope.is_everything or device.custodian_id == scope.organisation_id:
        return True
    holder = select(CustodyEvent.holder).where(
        CustodyEvent.device_id == device.id, CustodyEvent.until.is_(None)
    )
    return device.custodian_id is None and not session.scalar(holder)


def devices_page(
    session: Session,
    wanted: DeviceFilter,
    scope: Scope,
    *,
    sort: str = "-registered",
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Device]:
    """Return one page of the registry list with what its rows show, in 2 queries
    (3 where a text narrows it).

    Raises:
        Invalid: the order is unknown, or the cursor is not of this list.
    """
    order = _order(sort)
    check_cursor(cursor, order)
    statement = with_row_details(select(Device).where(*conditions(session, wanted, scope)))
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def devices_count(
    session: Session, wanted: DeviceFilter, scope: Scope, *, most: int | None = COUNT_LIMIT + 1
) -> int:
    """Return how many boxes match, counting no further than `most` (just past `COUNT_LIMIT`)."""
    found = select(Device.id).where(*conditions(session, wanted, scope)).limit(most)
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def devices_after(
    session: Session, wanted: DeviceFilter, scope: Scope, *, after_id: int, limit: int
) -> Sequence[Device]:
    """Return the matching boxes in the order of registration, for export."""
    return session.scalars(
        with_row_details(select(Device))
        .where(*conditions(session, wanted, scope), Device.id > after_id)
        .order_by(Device.id)
        .limit(limit)
    ).all()


def with_row_details(statement: Select[Device]) -> Select[Device]:
    """Load what a row of a list shows together with the boxes."""
    return statement.options(
        joinedload(Device.model),
        joinedload(Device.revision),
        joinedload(Device.seller),
        joinedload(Device.custodian),
        selectinload(Device.tags),
    )


def _order(sort: str) -> list[tuple[InstrumentedAttribute[Any], bool]]:
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if name not in SORTS:
        raise Invalid.field("sort", text("One of: %(names)s", names=", ".join(SORTS)))
    if name == "registered":
        return [(Device.id, down)]
    return [(SORTS[name], down), (Device.id, down)]


def check_cursor(
    cursor: str | None, order: Sequence[tuple[InstrumentedAttribute[Any], bool]]
) -> None:
    """Refuse a cursor whose values cannot be compared with the columns of the order."""
    if not cursor:
        return
    values = decode_cursor(cursor, length=len(order))
    for (column, _), value in zip(order, values, strict=True):
        if not _comparable(column.type, value):
            raise Invalid.field("cursor", text("This cursor belongs to another list."))


def _comparable(column: TypeEngine[Any], value: object) -> bool:
    if isinstance(column, UtcDateTime):
        return isinstance(value, datetime) and value.tzinfo is not None
    if isinstance(column, Integer):
        return type(value) is int and abs(value) < 2**63
    return isinstance(value, str) and value.isprintable()


def conditions(session: Session, wanted: DeviceFilter, scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter within a scope."""
    found = [within(scope)]
    found += [column == value for column, value in _plain(wanted) if value]
    found += _by_reference(wanted, scope)
    if wanted.account:
        found.append(_held_by(session, wanted.account, scope))
    if wanted.tag:
        tagged = select(DeviceTag.device_id).where(DeviceTag.name == wanted.tag.lower())
        found.append(Device.id.in_(tagged))
    if wanted.codec:
        found.append(_can(CapabilityKind.CODEC, wanted.codec))
    if wanted.protection:
        found.append(_can(CapabilityKind.PROTECTION, wanted.protection))
    if wanted.text:
        found.append(_named(session, wanted.text))
    return found


def _plain(wanted: DeviceFilter) -> list[tuple[InstrumentedAttribute[Any], str]]:
    return [
        (Device.status, wanted.status),
        (Device.tenure, wanted.tenure),
        (Device.batch, wanted.batch),
        (Device.maker_key, maker_key(wanted.maker)),
    ]


def _by_reference(wanted: DeviceFilter, scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions on what other rows are called: model, revision, organisations.

    People of a dealer or a service centre find no box by another organisation (`told_of`).
    """
    own = true() if scope.is_everything else Organisation.id == scope.organisation_id
    found: list[ColumnElement[bool]] = []
    if wanted.model:
        model = select(DeviceModel.id).where(DeviceModel.code == wanted.model)
        found.append(Device.model_id == model.scalar_subquery())
    if wanted.revision:
        revisions = select(ModelRevision.id).where(ModelRevision.code == wanted.revision)
        found.append(Device.revision_id.in_(revisions))
    for column, called in (
        (Device.seller_id, wanted.seller),
        (Device.custodian_id, wanted.custodian),
    ):
        if called:
            names = or_(Organisation.code == called, Organisation.public_id == called)
            found.append(column.in_(select(Organisation.id).where(names, own)))
    return found


def _held_by(session: Session, called: str, scope: Scope) -> ColumnElement[bool]:
    """Return the condition that an account, by its number or id elsewhere, has a box now."""
    account = find_account(session, called, scope)
    if account is None:
        return false()
    held = select(Holding.device_id).where(
        Holding.account_id == account.id, Holding.until.is_(None)
    )
    return Device.id.in_(held)


def _can(kind: CapabilityKind, raw: str) -> ColumnElement[bool]:
    """Return the condition that a box has a capability: its own word first, then its model's."""
    try:
        name = capability_name(raw)
    except Malformed as refusal:
        raise Invalid.field(kind, refusal.reason) from refusal
    models = select(ModelCapability.model_id).where(
        ModelCapability.kind == kind, ModelCapability.name == name
    )
    own = select(DeviceCapability.device_id).where(
        DeviceCapability.kind == kind, DeviceCapability.name == name
    )
    has, lacks = own.where(DeviceCapability.is_present), own.where(~DeviceCapability.is_present)
    # One expression, not OR: SQLite would walk an index for each side and sort what both found.
    return case(
        (Device.id.in_(has), true()),
        (Device.id.in_(lacks), false()),
        else_=Device.model_id.in_(models),
    )


def _named(session: Session, typed: str) -> ColumnElement[bool]:
    """Return the condition that a box is or was called so (beginning or end), or is of the
    batch or the tag, or has this external id.

    What few boxes match is looked up by index; what many match (a maker's prefix) is found
    sooner by walking the list in its order.
    """
    exact = typed.strip()
    of_device = [
        select(Device.id).where(Device.batch == exact),
        select(Device.id).where(Device.external_id == exact),
        select(DeviceTag.device_id).where(DeviceTag.name == exact.lower()),
    ]
    called = _called(typed)
    rows = select(DeviceIdentifier.device_id)
    few = [*of_device, *(rows.where(condition) for condition in called)]
    limited = [part.limit(MANY).subquery() for part in few]
    parts = [select(part.c[0]) for part in limited]
    count = select(func.count()).select_from(union_all(*parts).subquery())
    if (session.scalar(count) or 0) < MANY:
        return Device.id.in_(few[0].union(*few[1:]))
    of_row = DeviceIdentifier.device_id == Device.id
    return or_(
        Device.batch == exact,
        Device.external_id == exact,
        exists().where(DeviceTag.device_id == Device.id, DeviceTag.name == exact.lower()),
        exists().where(of_row, or_(false(), *called)),
    )


def _called(typed: str) -> list[ColumnElement[bool]]:
    lookup, backwards = DeviceIdentifier.lookup, DeviceIdentifier.lookup_reversed
    found = []
    for key in typed_keys(typed):
        found.append(and_(lookup >= key, lookup < past(key)))
        found.append(and_(backwards >= key[::-1], backwards < past(key[::-1])))
    return found


@once
def device_row(session: Session, uid: str, scope: Scope) -> Device:
    """Return a box by its row alone, for what asks for no more than its columns.

    Raises:
        NotFound: there is none in the scope.
    """
    device = session.scalar(select(Device).where(Device.public_id == uid, within(scope)))
    if device is None:
        raise NotFound(text("There is no such box."))
    return device


def device_by_uid(session: Session, uid: str, scope: Scope) -> Device:
    """Return a box with what its card shows.

    Raises:
        NotFound: there is none in the scope.
    """
    statement = (
        with_row_details(select(Device))
        .options(
            selectinload(Device.capabilities),
            joinedload(Device.model).selectinload(DeviceModel.capabilities),
        )
        .where(Device.public_id == uid, within(scope))
    )
    device = session.scalar(statement)
    if device is None:
        raise NotFound(text("There is no such box."))
    return device


def device_to_change(session: Session, uid: str, scope: Scope) -> Device:
    """Return a box for a verb: without what its card shows, in one query.

    Raises:
        NotFound: there is none in the scope.
    """
    device = session.scalar(
        select(Device)
        .options(joinedload(Device.model), joinedload(Device.revision))
        .where(Device.public_id == uid, within(scope))
    )
    if device is None:
        raise NotFound(text("There is no such box."))
    return device


def devices_by_uids(session: Session, uids: Collection[str], scope: Scope) -> Sequence[Device]:
    """Return those of the named boxes that lie in the scope, by registration."""
    statement = select(Device).where(Device.public_id.in_(uids), within(scope)).order_by(Device.id)
    return session.scalars(with_row_details(statement)).all()


def custody_of(session: Session, device: Device, scope: Scope) -> Sequence[CustodyEvent]:
    """Return who held a box, the last one first; to people of a dealer or a service centre
    only when they held it themselves.
    """
    own = true() if scope.is_everything else CustodyEvent.organisation_id == scope.organisation_id
    return session.scalars(
        select(CustodyEvent)
        .join(Device, CustodyEvent.device_id == Device.id)
        .options(joinedload(CustodyEvent.organisation))
        .where(CustodyEvent.device_id == device.id, within(scope), own)
        .order_by(CustodyEvent.id.desc())
    ).all()


def entries_of_box(session: Session, uid: str, scope: Scope, *, limit: int) -> Sequence[AuditEntry]:
    """Return what was done to a box, the newest first; to people of a dealer or a service centre
    only what they did themselves.
    """
    statement = entries_of("device", uid, limit=limit)
    if not scope.is_everything:
        own = select(Person.public_id).where(Person.organisation_id == scope.organisation_id)
        statement = statement.where(AuditEntry.actor_ref.in_(own))
    return session.scalars(statement).all()


def find_tags(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the tags in use that begin so, as hits of the search box."""
    start = "-".join(typed.lower().split())
    if not start or not start.isprintable():
        return []
    statement = (
        select(DeviceTag.name)
        .distinct()
        .where(DeviceTag.name >= start, DeviceTag.name < past(start))
        .order_by(DeviceTag.name)
        .limit(limit)
    )
    if not scope.is_everything:
        statement = statement.join(Device).where(within(scope))
    return [
        Hit(name, str(text("Boxes with this tag")), f"/devices?{urlencode({'tag': name})}")
        for name in session.scalars(statement)
    ]


def count_by_status(session: Session, scope: Scope) -> dict[str, int]:
    """Return how many boxes have each status."""
    rows = session.execute(
        select(Device.status, func.count()).where(within(scope)).group_by(Device.status)
    )
    return {row[0]: row[1] for row in rows}


def job_by_ref(session: Session, ref: str, actor: Actor) -> Job:
    """Return long work of this room (see `jobs.work_by_ref`)."""
    return jobs.work_by_ref(session, ref, JOB_KINDS, actor)
