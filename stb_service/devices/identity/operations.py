"""Verbs on identifiers, and on claims to what another box holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from stb_service.devices.identity import queries
from stb_service.devices.identity.rules import (
    IDENTIFIER_NAMES,
    ClaimSource,
    IdentifierKey,
    IdentifierKind,
    MacRole,
    lookup_key,
    maker_key,
)
from stb_service.devices.models import Device, DeviceIdentifier, IdentityDispute
from stb_service.shared import audit
from stb_service.shared.access import EVERYTHING, Actor, Scope
from stb_service.shared.errors import Conflict, Invalid
from stb_service.shared.i18n import Text, text


@dataclass(frozen=True)
class Identity:
    """What a box is called: canonical serial and MACs, and the maker that gave the serial."""

    maker: str = ""
    serial: str = ""
    mac_ethernet: str | None = None
    mac_wifi: str | None = None

    @classmethod
    def of(cls, device: Device) -> Identity:
        """Return what a box is called now."""
        return cls(device.maker, device.serial, device.mac_ethernet, device.mac_wifi)

    @property
    def keys(self) -> dict[str, IdentifierKey]:
        """The identifiers it holds, by the field they stand in."""
        found: dict[str, IdentifierKey] = {}
        if self.serial:
            found["serial"] = (IdentifierKind.SERIAL, maker_key(self.maker), self.serial)
        if self.mac_ethernet:
            found["mac_ethernet"] = (IdentifierKind.MAC, "", self.mac_ethernet)
        if self.mac_wifi:
            found["mac_wifi"] = (IdentifierKind.MAC, "", self.mac_wifi)
        return found


ROLES = {"serial": "", "mac_ethernet": MacRole.ETHERNET, "mac_wifi": MacRole.WIFI}


@dataclass(frozen=True)
class Claim:
    """One identifier that was claimed while another current box holds it."""

    field: str
    key: IdentifierKey
    holder_id: int
    message: Text


class Disputed(Conflict, Invalid):
    """Another box holds what was claimed; `fields` says it of each field.

    The refusal undoes the unit of work, so whoever caught it lists the claim for review in
    another one (`list_for_review`): the page, the API, the import.
    """

    title = text("Another box holds this")

    def __init__(
        self, claims: Sequence[Claim], *, claimant: str, details: Mapping[str, Any]
    ) -> None:
        messages = {claim.field: [claim.message] for claim in claims}
        Invalid.__init__(self, claims[0].message, fields=messages)
        self.code = "identity-disputed"
        self.claims = tuple(claims)
        self.claimant = claimant
        self.details = plain_values(details)


def plain_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was said of a box as JSON can hold it."""
    return {name: _plain(value) for name, value in fields.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple, set, frozenset)):
        return sorted(value)
    return value if isinstance(value, (str, int)) else str(value)


@dataclass
class Holders:
    """Who holds which identifiers, as far as asked; rows of one import claim from each other too."""

    by_key: dict[IdentifierKey, Device] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, identities: Sequence[Identity]) -> Holders:
        """Look up all identifiers of some boxes at once."""
        wanted = {key for identity in identities for key in identity.keys.values()}
        return cls(queries.holders_of(session, wanted, EVERYTHING))

    def claims(self, identity: Identity, *, but: int | None, scope: Scope) -> list[Claim]:
        """Return what is held by another box than `but`. A foreign box is not named."""
        found = []
        for name, key in identity.keys.items():
            holder = self.by_key.get(key)
            if holder is not None and holder.id != but:
                found.append(Claim(name, key, holder.id, _who_holds(name, key, holder, scope)))
        return found


def _who_holds(name: str, key: IdentifierKey, holder: Device, scope: Scope) -> Text:
    what = {"kind": IDENTIFIER_NAMES[key[0], ROLES[name]], "value": key[2]}
    organisation = scope.organisation_id
    if not scope.is_everything and organisation not in {holder.seller_id, holder.custodian_id}:
        return text("%(kind)s %(value)s is held by another box.", **what)
    return text(
        "%(kind)s %(value)s is held by box %(label)s %(model)s.",
        **what,
        label=holder.label,
        model=holder.model_code,
    )


def check_identity(identity: Identity) -> None:
    """Refuse one MAC on both interfaces.

    Raises:
        Invalid: they are the same.
    """
    if identity.mac_ethernet and identity.mac_ethernet == identity.mac_wifi:
        raise Invalid.field("mac_wifi", text("The Ethernet interface has this MAC already."))


def identifier_values(
    device_id: int, identity: Identity, now: datetime, *, only: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a box's identifiers that begin now."""
    return [
        {
            "device_id": device_id,
            "kind": kind,
            "role": ROLES[name],
            "issuer": issuer,
            "value": value,
            "lookup": lookup_key(value),
            "lookup_reversed": lookup_key(value)[::-1],
            "since": now,
            "until": None,
        }
        for name, (kind, issuer, value) in identity.keys.items()
        if only is None or name in only
    ]


def rename(session: Session, *, device: Device, to: Identity, now: datetime) -> None:
    """End the identifiers that a box no longer has and begin its new ones; history keeps both."""
    before, after = Identity.of(device).keys, to.keys
    gone = [name for name, key in before.items() if after.get(name) != key]
    end_identifiers(session, device=device, fields=gone, now=now)
    new = [name for name, key in after.items() if before.get(name) != key]
    session.add_all(
        DeviceIdentifier(**values) for values in identifier_values(device.id, to, now, only=new)
    )
    device.maker, device.maker_key = to.maker, maker_key(to.maker)
    device.serial, device.mac_ethernet, device.mac_wifi = to.serial, to.mac_ethernet, to.mac_wifi
    session.flush()


def end_identifiers(
    session: Session, *, device: Device, fields: Sequence[str], now: datetime
) -> None:
    """End some current identifiers of a box, so that another may have them."""
    for name in fields:
        session.execute(
            update(DeviceIdentifier)
            .where(
                DeviceIdentifier.device_id == device.id,
                DeviceIdentifier.until.is_(None),
                DeviceIdentifier.role == ROLES[name],
            )
            .values(until=now)
        )


def list_for_review(
    session: Session,
    *,
    refusal: Disputed,
    source: ClaimSource,
    place: str = "",
    actor: Actor,
    now: datetime,
) -> list[IdentityDispute]:
    """Keep refused claims for review; a claim that is open already is not listed twice.

    `place` says where it was made: file and line of an import, for one.
    """
    listed = []
    for claim in refusal.claims:
        kind, issuer, value = claim.key
        claimant = refusal.claimant[:128]
        known = session.scalar(
            select(IdentityDispute.id).where(
                IdentityDispute.kind == kind,
                IdentityDispute.issuer == issuer,
                IdentityDispute.value == value,
                IdentityDispute.claimant == claimant,
                IdentityDispute.settled_at.is_(None),
            )
        )
        if known is not None:
            continue
        dispute = IdentityDispute(
            kind=kind,
            issuer=issuer,
            value=value,
            holder_id=claim.holder_id,
            claimant=claimant,
            claim=refusal.details,
            source=source,
            place=place[:200],
            raised_at=now,
            raised_by=actor.label[:128],
        )
        session.add(dispute)
        session.flush()
        listed.append(dispute)
    return listed


def settle_dispute(
    session: Session, *, ref: str, note: str, actor: Actor, now: datetime
) -> IdentityDispute:
    """Close a claim with a note of what was found out. Boxes are corrected by their own verbs.

    Raises:
        NotFound: there is none in the actor's scope.
        Conflict: it is settled.
        Invalid: the note is empty.
    """
    dispute = queries.dispute_by_ref(session, ref, actor.scope)
    if not dispute.is_open:
        raise Conflict(text("This dispute was settled by %(who)s.", who=dispute.settled_by))
    if not note.strip():
        raise Invalid.field("note", text("Say what was found out."))
    dispute.settled_at, dispute.settled_by = now, actor.label[:128]
    dispute.settled_note = note.strip()[:1000]
    audit.record(
        session,
        actor=actor,
        verb="dispute.settle",
        subject=("dispute", dispute.public_id, dispute.value),
        changes={"note": dispute.settled_note, "claimant": dispute.claimant},
        now=now,
    )
    return dispute
