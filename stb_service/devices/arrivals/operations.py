"""Registering boxes: one from a form, many from a file, one that announced itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from firmware.boxes.operations import forget_tokens, know_box, know_boxes
from firmware.boxes.queries import (
    box_by_mac,
    boxes_by_controller_id,
    find_box,
    pending_count,
)
from firmware.boxes.rules import BoxState
from stb_service.devices.fields import DeviceFields, Reading, References, read_fields
from stb_service.devices.identity.operations import (
    Disputed,
    Holders,
    Identity,
    check_identity,
    identifier_values,
    list_for_review,
    plain_values,
)
from stb_service.devices.identity.rules import (
    ClaimSource,
    maker_key,
    normalise_mac,
    normalise_serial,
)
from stb_service.devices.models import CustodyEvent, Device, DeviceIdentifier, DeviceTag
from stb_service.devices.operations import check_external_id
from stb_service.devices.queries import device_by_uid
from stb_service.devices.rules import Status
from stb_service.shared.access import EVERYTHING, SYSTEM, Actor
from stb_service.shared.audit import AuditEntry, entry_values
from stb_service.shared.db import new_public_id
from stb_service.shared.i18n import text
from stb_service.shared.identifiers import Malformed


@dataclass(frozen=True)
class Draft:
    """A box that is about to be registered: read, checked, and not yet in the database."""

    uid: str
    reading: Reading
    identity: Identity


def adopts(session: Session, actor: Actor) -> bool:
    """Tell whether drafts are to look for boxes that wait for approval: there are some, and
    the actor may approve them.
    """
    return actor.can("boxes.approve") and pending_count(session) > 0


def draft_of(session: Session, reading: Reading, *, adopt: bool) -> Draft:
    """Make a draft of what was read. One that is to `adopt` a box which waits for approval
    under this serial or MAC keeps the uid it waits under.
    """
    identity = reading.identity(Identity())
    check_identity(identity)
    uid = _waiting_uid(session, identity) if adopt else None
    return Draft(uid or new_public_id(), reading, identity)


def _waiting_uid(session: Session, identity: Identity) -> str | None:
    found = boxes_by_controller_id(session, identity.serial, ["serial"])
    macs = (identity.mac_ethernet, identity.mac_wifi)
    found += [box for mac in macs if mac and (box := box_by_mac(session, mac))]
    uids = [box.uid for box in found if box.state == BoxState.PENDING]
    known = select(Device.id).where(Device.public_id.in_(uids[:1]))
    return uids[0] if uids and session.scalar(known) is None else None


def register_device(
    session: Session, *, actor: Actor, now: datetime, **fields: Unpack[DeviceFields]
) -> Device:
    """Register a box. A dealer's or a service centre's people register into their own scope.

    Raises:
        Invalid: a field cannot be read, names something unknown, or there is no serial.
        Disputed: another current box holds the serial or a MAC.
        Conflict: the external id is taken.
    """
    reading = read_fields(fields, References(session), scope=actor.scope)
    if "serial" not in reading.values:
        reading.problems.setdefault("serial", [text("A box has a serial.")])
    reading.refuse()
    draft = draft_of(session, reading, adopt=adopts(session, actor))
    claims = Holders.of(session, [draft.identity]).claims(
        draft.identity, but=None, scope=actor.scope
    )
    if claims:
        raise Disputed(claims, claimant=draft.identity.serial, details=reading.as_typed)
    check_external_id(session, reading.values.get("external_id"), but=None)
    register_many(session, [draft], actor=actor, now=now)
    return device_by_uid(session, draft.uid, EVERYTHING)


def register_many(
    session: Session, drafts: Sequence[Draft], *, actor: Actor, now: datetime
) -> None:
    """Register drafts that were checked against each other and against the registry.

    A race with another writer ends in the constraint's `IntegrityError`.
    """
    session.execute(insert(Device), [_device_values(draft, now) for draft in drafts])
    named = Device.public_id.in_([draft.uid for draft in drafts])
    rows = session.execute(select(Device.public_id, Device.id).where(named))
    ids = {row.public_id: row.id for row in rows}
    made = [(ids[draft.uid], draft) for draft in drafts]
    identifiers = [
        row for id_, draft in made for row in identifier_values(id_, draft.identity, now)
    ]
    if identifiers:
        session.execute(insert(DeviceIdentifier), identifiers)
    tags = [{"device_id": id_, "name": tag} for id_, draft in made for tag in draft.reading.tags]
    if tags:
        session.execute(insert(DeviceTag), tags)
    session.execute(insert(CustodyEvent), [_first_custody(*pair, actor, now) for pair in made])
    _tell_new(session, drafts, actor=actor, now=now)
    session.execute(insert(AuditEntry), [_entry(draft, actor, now) for draft in drafts])


def _entry(draft: Draft, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return the audit's row of a new box (`audit.record` would write them one by one)."""
    identity = draft.identity
    label = identity.serial or identity.mac_ethernet or identity.mac_wifi or draft.uid
    said, read = draft.reading.as_typed, draft.reading.values
    return entry_values(
        actor=actor,
        verb="device.create",
        subject=("device", draft.uid, label),
        changes=plain_values({**said, **{n: v for n, v in read.items() if n in said}}),
        now=now,
    )


def _device_values(draft: Draft, now: datetime) -> dict[str, Any]:
    identity = draft.identity
    return {
        **NEW_BOX,
        **draft.reading.columns,
        "public_id": draft.uid,
        "maker": identity.maker,
        "maker_key": maker_key(identity.maker),
        "serial": identity.serial,
        "mac_ethernet": identity.mac_ethernet,
        "mac_wifi": identity.mac_wifi,
        "registered_at": now,
        "changed_at": now,
    }


NEW_BOX: Mapping[str, Any] = {
    "external_id": None,
    "model_id": None,
    "revision_id": None,
    "batch": "",
    "made_on": None,
    "shipped_on": None,
    "sold_on": None,
    "activated_on": None,
    "tenure": None,
    "status": Status.IN_STOCK,
    "seller_id": None,
    "custodian_id": None,
    "notes": "",
    "row_version": 1,
}


def _first_custody(device_id: int, draft: Draft, actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "device_id": device_id,
        "organisation_id": draft.reading.columns.get("custodian_id"),
        "holder": "",
        "reason": "",
        "actor_label": actor.label[:128],
        "since": now,
        "until": None,
    }


def _tell_new(session: Session, drafts: Sequence[Draft], *, actor: Actor, now: datetime) -> None:
    """Tell the firmware room; one box alone may be known there already, many are new.

    A box that is still waiting there is adopted without its tokens: anyone may have polled under
    its name. Those of a box that was approved by hand stay.
    """
    rows: list[dict[str, Any]] = [
        {
            "uid": draft.uid,
            "serial": draft.identity.serial,
            "mac_ethernet": draft.identity.mac_ethernet,
            "mac_wifi": draft.identity.mac_wifi,
            "model_code": draft.reading.model_code,
            "revision_code": draft.reading.revision_code,
            "tags": draft.reading.tags,
        }
        for draft in drafts
    ]
    if len(rows) == 1 or pending_count(session):
        for row in rows:
            met = find_box(session, row["uid"])
            if met is not None and met.state == BoxState.PENDING:
                forget_tokens(session, box=met)
            know_box(session, **row, actor=actor, now=now)
    else:
        know_boxes(session, rows, now=now)


def register_unclaimed(session: Session, payload: Mapping[str, Any], now: datetime) -> None:
    """Register a box that announced itself (outbox topic `box.appeared`).

    What it says wrongly of itself is left out; a serial or MAC that another box holds is listed
    for review and the box stays out of the registry. Doing it twice changes nothing.
    """
    uid = str(payload["uid"])
    if session.scalar(select(Device.id).where(Device.public_id == uid)) is not None:
        return
    refs = References(session)
    model = refs.model(str(payload.get("model_code") or ""))
    revision = str(payload.get("revision_code") or "")
    said: dict[str, Any] = {"status": Status.ACTIVE}
    said["serial"] = _readable(normalise_serial, payload.get("serial"))
    said["mac_ethernet"] = _readable(
        normalise_mac, payload.get("mac_ethernet") or payload.get("mac")
    )
    if model is not None:
        said["model"] = model.code
        said["revision"] = revision if refs.revision(model, revision) else None
    reading = read_fields({k: v for k, v in said.items() if v}, refs, scope=EVERYTHING)  # type: ignore[arg-type]
    draft = Draft(uid, reading, reading.identity(Identity()))
    claims = Holders.of(session, [draft.identity]).claims(
        draft.identity, but=None, scope=EVERYTHING
    )
    if claims:
        refusal = Disputed(claims, claimant=uid, details=dict(payload))
        list_for_review(session, refusal=refusal, source=ClaimSource.BOX, actor=SYSTEM, now=now)
        return
    register_many(session, [draft], actor=SYSTEM, now=now)


def _readable(read: Any, raw: object) -> str | None:
    try:
        return str(read(str(raw))) if raw else None
    except Malformed:
        return None
