"""Verbs on boxes that are registered: changing, moving on, another board, tags, capabilities.

Each is audited and told to the firmware room in the same unit of work; none reaches a box
outside the actor's scope.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from firmware.boxes.operations import forget_box, know_box
from stb_service.devices import queries
from stb_service.devices.fields import DeviceFields, References, read_fields
from stb_service.devices.holdings.chain import current_holding, end_holding, seller_changed
from stb_service.devices.holdings.rules import obstacles_to_shelving
from stb_service.devices.identity.operations import (
    Disputed,
    Holders,
    Identity,
    check_identity,
    end_identifiers,
    rename,
)
from stb_service.devices.models import CustodyEvent, Device, DeviceCapability, DeviceTag
from stb_service.devices.rules import (
    GONE,
    NOT_IN_CUSTODY,
    RETIRED,
    Capability,
    normalise_tag,
    obstacles_to_change,
    obstacles_to_handing_over,
    obstacles_to_seller,
    obstacles_to_status,
)
from stb_service.shared import audit
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict, Invalid, Refused
from stb_service.shared.i18n import text
from stb_service.shared.identifiers import Malformed
from stb_service.shared.registries import Keeper, Loser, why_kept
from stb_service.staff.models import Organisation


def subject_of(device: Device) -> tuple[str, str, str]:
    """Return what the audit calls a box: the same subject as the firmware room's."""
    return "device", device.public_id, device.label


def touch(session: Session, uid: str, *, actor: Actor, retired: bool = False) -> Device:
    """Return a box of the actor's scope, held against other writers.

    Raises:
        NotFound: there is none.
        Refused: it is retired, and that was not asked for.
    """
    device = queries.device_to_change(session, uid, actor.scope)
    lock_row(session, Device, device.id)
    obstacles = obstacles_to_change(device.status)
    if obstacles and not retired:
        raise Refused(obstacles)
    return device


def _touch_held(session: Session, uid: str, *, actor: Actor) -> Device:
    """Return a box that the actor may say something of (see `touch`).

    Raises:
        NotFound: there is none.
        Refused: it is retired, or not in the custody of the actor's organisation.
    """
    device = touch(session, uid, actor=actor)
    held = queries.has_custody(session, device, actor.scope)
    if obstacles := obstacles_to_change(device.status, has_custody=held):
        raise Refused(obstacles)
    return device


def check_external_id(session: Session, external_id: str | None, *, but: int | None) -> None:
    """Refuse an external id that another box has.

    Raises:
        Conflict: it is taken.
    """
    if external_id is None:
        return
    holder = session.scalar(select(Device.id).where(Device.external_id == external_id))
    if holder is not None and holder != but:
        message = text("Another box has the external id %(id)s.", id=external_id)
        raise Conflict(message, code="external-id-taken")


def renew(device: Device, now: datetime) -> None:
    """Give the row a new version, also where only its tags, MACs or custody changed."""
    device.changed_at = now
    flag_modified(device, "changed_at")


def change_device(
    session: Session, *, uid: str, actor: Actor, now: datetime, **fields: Unpack[DeviceFields]
) -> Device:
    """Correct what is known of a box. Status and custody have verbs of their own.

    A corrected serial or MAC begins anew, and the former one stays in the history.

    Raises:
        NotFound: there is no such box in the actor's scope.
        Invalid: a field cannot be read or names something unknown.
        Disputed: another current box holds the serial or a MAC.
        Refused: the box is retired, or the actor's organisation does not hold it.
    """
    device = _touch_held(session, uid, actor=actor)
    reading = read_fields(fields, References(session), scope=actor.scope, device=device)
    if "serial" in reading.values and not reading.values["serial"]:
        reading.problems.setdefault("serial", [text("A box has a serial.")])
    reading.refuse()
    check_external_id(session, reading.values.get("external_id"), but=device.id)
    before = Identity.of(device)
    after = reading.identity(before)
    changes = audit.differences(device, reading.columns)
    _rename_checked(session, device, before, after, reading.as_typed, actor, now)
    changes |= {
        name: [getattr(before, name), getattr(after, name)]
        for name in ("maker", "serial", "mac_ethernet", "mac_wifi")
        if getattr(before, name) != getattr(after, name)
    }
    audit.apply_changes(device, reading.columns)
    if "tags" in fields:
        changes |= _set_tags(device, reading.tags)
    if changes:
        session.flush()
        session.expire(device, ["model", "revision", "seller"])
        if "seller_id" in changes:
            seller_changed(session, device)
        _finish(session, device, "device.change", changes, actor, now)
    return device


def _rename_checked(
    session: Session,
    device: Device,
    before: Identity,
    after: Identity,
    details: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    if before == after:
        return
    check_identity(after)
    claims = Holders.of(session, [after]).claims(after, but=device.id, scope=actor.scope)
    if claims:
        raise Disputed(claims, claimant=device.label, details=details)
    rename(session, device=device, to=after, now=now)


def _finish(
    session: Session,
    device: Device,
    verb: str,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    """Audit a change, give the row a new version and tell the firmware room."""
    renew(device, now)
    session.flush()
    audit.record(
        session, actor=actor, verb=verb, subject=subject_of(device), changes=changes, now=now
    )
    know_box(
        session,
        uid=device.public_id,
        serial=device.serial,
        mac_ethernet=device.mac_ethernet,
        mac_wifi=device.mac_wifi,
        model_code=device.model_code,
        revision_code=device.revision_code,
        tags=device.tag_names,
        actor=actor,
        now=now,
    )


def change_status(
    session: Session,
    *,
    uid: str,
    status: str,
    reason: str = "",
    keepers: Sequence[Keeper] = (),
    losers: Sequence[Loser] = (),
    actor: Actor,
    now: datetime,
) -> Device:
    """Move a box on in its life, by the table of transitions. `keepers` and `losers` are the
    registries'.

    Scrapping retires it: its identifiers are free for others, its custody ends, and
    it is served no more. People of a dealer or a service centre mark what they hold as in
    stock, sold or in return, and nothing else.

    Raises:
        NotFound: there is no such box in the actor's scope.
        Refused: there is no step between the two, it is not the actor's to take, another room
            keeps the box, or one that an account has would go on the shelf.
    """
    device = touch(session, uid, actor=actor, retired=True)
    obstacles = obstacles_to_status(device.status, status)
    if not (obstacles or actor.scope.is_everything):
        held = queries.has_custody(session, device, actor.scope)
        obstacles = obstacles_to_seller(device.status, status, has_custody=held)
    obstacles += obstacles_to_shelving(status, is_held=current_holding(session, device) is not None)
    obstacles += why_kept(session, keepers, uid)
    if obstacles:
        raise Refused(obstacles)
    changes: dict[str, Any] = {"status": [device.status, status]}
    if reason:
        changes["reason"] = reason
    for lose in losers if status in GONE else ():
        lose(session, device.public_id, status, reason, actor, now)
    device.status = status
    renew(device, now)
    if status in RETIRED:
        end_identifiers(session, device=device, fields=list(Identity.of(device).keys), now=now)
        _end_custody(session, device, now)
        end_holding(session, device, at=now, reason=reason)
        forget_box(session, uid=device.public_id, actor=actor, now=now)
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="device.status",
        subject=subject_of(device),
        changes=changes,
        now=now,
    )
    return device


def move_custody(
    session: Session,
    *,
    uid: str,
    organisation: str | None = None,
    holder: str = "",
    reason: str = "",
    keepers: Sequence[Keeper] = (),
    actor: Actor,
    now: datetime,
) -> Device:
    """Hand a box to an organisation (its code or public id), or to a holder in words. `keepers` are
    the registries'.

    A dealer may hand what it holds to anyone; having handed on a box that it did not sell, it
    sees the box no more.

    Raises:
        NotFound: there is no such box in the actor's scope.
        Invalid: there is no such organisation, or it holds the box already.
        Refused: another organisation than the actor's holds it, or another room keeps it.
    """
    device = touch(session, uid, actor=actor)
    obstacles = obstacles_to_handing_over(device.custodian_id, actor.organisation_id)
    if obstacles := obstacles + why_kept(session, keepers, uid):
        raise Refused(obstacles)
    found = organisation_of(session, organisation) if organisation else None
    current = _current_custody(session, device)
    present = (device.custodian_id, current.holder if current else "")
    if present == (found.id if found else None, holder) and (found or holder):
        raise Invalid.field("organisation", text("The box is there already."))
    before = device.custodian.code if device.custodian else None
    hand_over(session, device, found, holder=holder, reason=reason, actor=actor, now=now)
    after = found.code if found else None
    moved = {} if before == after else {"custodian": [before, after]}
    renew(device, now)
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="device.custody",
        subject=subject_of(device),
        changes={**moved, "holder": holder, "reason": reason},
        now=now,
    )
    return device


def organisation_of(session: Session, called: str) -> Organisation:
    """Return an organisation by its code or public id.

    Raises:
        Invalid: there is none.
    """
    found = References(session).organisation(called, EVERYTHING)
    if found is None:
        raise Invalid.field("organisation", text("There is no such organisation."))
    return found


def hand_over(
    session: Session,
    device: Device,
    to: Organisation | None,
    *,
    holder: str = "",
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> None:
    """Write that a box is with somebody else now; no rule is asked here."""
    _end_custody(session, device, now)
    event = CustodyEvent(device_id=device.id, since=now, actor_label=actor.label[:128])
    event.organisation, event.holder, event.reason = to, holder[:128], reason[:500]
    session.add(event)
    device.custodian = to


def _current_custody(session: Session, device: Device) -> CustodyEvent | None:
    return session.scalar(
        select(CustodyEvent).where(
            CustodyEvent.device_id == device.id, CustodyEvent.until.is_(None)
        )
    )


def _end_custody(session: Session, device: Device, now: datetime) -> None:
    current = _current_custody(session, device)
    if current is not None:
        current.until = now
        session.flush()


def swap_board(
    session: Session,
    *,
    uid: str,
    mac_ethernet: str | None = None,
    mac_wifi: str | None = None,
    donor: str | None = None,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> Device:
    """Put another board into a box: its MACs end and the board's begin; the serial stays.

    The board comes from stores (its MACs are given) or out of another box, the
    `donor`, which loses the MACs that move.

    Raises:
        NotFound: there is no such box, or no such donor, in the actor's scope.
        Invalid: no MAC is given, or the donor has none.
        Disputed: another box than the donor holds one of the MACs.
        Refused: one of the boxes is retired, or the actor's organisation does not hold it.
    """
    device = _touch_held(session, uid, actor=actor)
    changes: dict[str, Any] = {"reason": reason} if reason else {}
    if donor is not None:
        giver = _touch_held(session, donor, actor=actor)
        mac_ethernet, mac_wifi = _take_board(session, device, giver, actor, now)
        changes["donor"] = giver.label
    reading = read_fields(
        {"mac_ethernet": mac_ethernet, "mac_wifi": mac_wifi}, References(session), scope=actor.scope
    )
    reading.refuse()
    before = Identity.of(device)
    after = reading.identity(before)
    if not (after.mac_ethernet or after.mac_wifi):
        raise Invalid.field("mac_ethernet", text("The new board has at least one MAC."))
    _rename_checked(session, device, before, after, reading.as_typed, actor, now)
    for name in ("mac_ethernet", "mac_wifi"):
        changes[name] = [getattr(before, name), getattr(after, name)]
    _finish(session, device, "device.board", changes, actor, now)
    return device


def _take_board(
    session: Session, device: Device, giver: Device, actor: Actor, now: datetime
) -> tuple[str | None, str | None]:
    """Take the MACs out of the box that gives its board."""
    if giver.id == device.id:
        raise Invalid.field("donor", text("A box cannot give itself a board."))
    macs = giver.mac_ethernet, giver.mac_wifi
    if not any(macs):
        raise Invalid.field("donor", text("Box %(label)s has no MAC to give.", label=giver.label))
    rename(session, device=giver, to=Identity(giver.maker, giver.serial), now=now)
    changes = {"mac_ethernet": [macs[0], None], "mac_wifi": [macs[1], None], "to": device.label}
    _finish(session, giver, "device.board-given", changes, actor, now)
    return macs


# --- tags and capabilities -----------------------------------------------------------------------


def tag_devices(
    session: Session,
    *,
    uids: Collection[str],
    add: Collection[str] = (),
    remove: Collection[str] = (),
    actor: Actor,
    now: datetime,
) -> int:
    """Put tags on boxes and take tags off; return how many boxes changed.

    Boxes outside the actor's scope and retired ones are passed over.

    Raises:
        Invalid: a tag cannot be read, or none is given.
        Refused: the actor's organisation does not hold one of the boxes; none is changed.
    """
    adds, removes = _tags("add", add), _tags("remove", remove)
    if not adds | removes:
        raise Invalid.field("add", text("Name at least one tag."))
    found = queries.devices_by_uids(session, uids, actor.scope)
    devices = [device for device in found if device.status not in RETIRED]
    if not all(queries.has_custody(session, device, actor.scope) for device in devices):
        raise Refused([NOT_IN_CUSTODY])
    changed = 0
    for device in devices:
        changes = _set_tags(device, (set(device.tag_names) | adds) - removes)
        if changes:
            _finish(session, device, "device.tag", changes, actor, now)
            changed += 1
    return changed


def _tags(field: str, raw: Collection[str]) -> set[str]:
    try:
        return {normalise_tag(tag) for tag in raw}
    except Malformed as refusal:
        raise Invalid.field(field, refusal.reason) from refusal


def _set_tags(device: Device, wanted: Collection[str]) -> dict[str, list[Any]]:
    before = device.tag_names
    if before == sorted(wanted):
        return {}
    held = {tag.name: tag for tag in device.tags}
    for name in set(held) - set(wanted):
        device.tags.remove(held[name])
    device.tags.extend(DeviceTag(name=name) for name in sorted(set(wanted) - set(held)))
    return {"tags": [before, sorted(wanted)]}


def set_capabilities(
    session: Session,
    *,
    uid: str,
    overrides: Sequence[tuple[Capability, bool]],
    actor: Actor,
    now: datetime,
) -> Device:
    """Say where one box differs from its model: what it has besides, and what it lacks.

    Raises:
        NotFound: there is no such box in the actor's scope.
        Refused: the box is retired, or the actor's organisation does not hold it.
    """
    device = _touch_held(session, uid, actor=actor)
    before = [_override_words(row) for row in device.capabilities]
    device.capabilities = []
    session.flush()  # the old rows go before new ones of the same name come
    unique = {(found.kind, found.name): (found, present) for found, present in overrides}
    device.capabilities = [
        DeviceCapability(kind=found.kind, name=found.name, detail=found.detail, is_present=present)
        for _, (found, present) in sorted(unique.items())
    ]
    after = [_override_words(row) for row in device.capabilities]
    if before != after:
        _finish(
            session, device, "device.capabilities", {"capabilities": [before, after]}, actor, now
        )
    return device


def _override_words(row: DeviceCapability) -> str:
    sign = "+" if row.is_present else "-"
    return f"{sign}{row.kind} {row.name} {row.detail}".strip()
