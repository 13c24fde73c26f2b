"""The box card: everything the registry knows of one box, for its page and for the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from stb_service.devices import queries
from stb_service.devices.identity import queries as identity
from stb_service.devices.identity.rules import identity_warnings, made_on_hint
from stb_service.devices.models import (
    CustodyEvent,
    Device,
    DeviceIdentifier,
    IdentityDispute,
)
from stb_service.devices.rules import (
    Capability,
    Status,
    effective_capabilities,
    next_statuses,
    obstacles_to_change,
    obstacles_to_handing_over,
    obstacles_to_seller,
)
from stb_service.shared.access import Scope
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import Text, text
from stb_service.staff.models import Organisation


@dataclass(frozen=True)
class Card:
    """A box with what follows from its rows. What is asked of the card itself is the box's."""

    device: Device
    identifiers: Sequence[DeviceIdentifier]
    custody: Sequence[CustodyEvent]
    disputes: Sequence[IdentityDispute]
    scope: Scope
    has_custody: bool

    @property
    def capabilities(self) -> list[Capability]:
        """What the box can do: its model's capabilities and its own differences."""
        model = self.device.model
        of_model = [_capability(row) for row in (model.capabilities if model else ())]
        own = [(_capability(row), row.is_present) for row in self.device.capabilities]
        return effective_capabilities(of_model, own)

    @property
    def next_statuses(self) -> list[Status]:
        """Where the reader may move the box on to."""
        if not self.has_custody:
            return []
        return next_statuses(self.device.status, of_seller=not self.scope.is_everything)

    @property
    def seller(self) -> Organisation | None:
        """Who sold the box, as far as the reader is told."""
        return queries.told_of(self.device.seller, self.scope)

    @property
    def custodian(self) -> Organisation | None:
        """Which organisation holds the box, as far as the reader is told."""
        return queries.told_of(self.device.custodian, self.scope)

    @property
    def obstacles_to_moving_on(self) -> list[Obstacle]:
        """Why the reader may move the box on to no other status."""
        if self.next_statuses:
            return []
        return obstacles_to_seller(
            self.device.status, Status.IN_STOCK, has_custody=self.has_custody
        )

    @property
    def obstacles_to_handing_over(self) -> list[Obstacle]:
        """Why the reader may not hand the box over."""
        return obstacles_to_handing_over(self.device.custodian_id, self.scope.organisation_id)

    @property
    def obstacles(self) -> list[Obstacle]:
        """Why the box may not be changed."""
        return obstacles_to_change(self.device.status)

    @property
    def obstacles_to_correcting(self) -> list[Obstacle]:
        """Why the reader may not correct what is known of the box."""
        return obstacles_to_change(self.device.status, has_custody=self.has_custody)

    @property
    def warnings(self) -> list[Text]:
        """What is odd about its identifiers, and what its serial hints at."""
        device = self.device
        macs = (device.mac_ethernet, device.mac_wifi)
        found = identity_warnings(serial=device.serial, maker=device.maker, macs=macs)
        hint = made_on_hint(device.serial)
        if hint and device.made_on is None:
            found.append(
                text("The serial hints at a box made in %(month)s.", month=f"{hint:%Y-%m}")
            )
        return found


def _capability(row: object) -> Capability:
    return Capability(row.kind, row.name, row.detail)  # type: ignore[attr-defined]


def card_of(session: Session, uid: str, scope: Scope) -> Card:
    """Return the card of a box, in a fixed number of queries.

    Raises:
        NotFound: there is no such box in the scope.
    """
    device = queries.device_by_uid(session, uid, scope)
    return Card(
        device,
        identity.identifiers_of(session, device, scope),
        queries.custody_of(session, device, scope),
        identity.disputes_of(session, device, scope),
        scope,
        queries.has_custody(session, device, scope),
    )


def row_values(device: Device, scope: Scope) -> dict[str, object]:
    """Return a box by the names of `DeviceSchema`, as far as the reader is told of it."""
    names = (
        *("public_id", "external_id", "maker", "serial", "mac_ethernet", "mac_wifi"),
        *("model_code", "revision_code", "batch", "made_on", "shipped_on", "sold_on"),
        *("activated_on", "tenure", "status", "tag_names", "notes"),
        *("registered_at", "changed_at"),
    )
    values: dict[str, object] = {name: getattr(device, name) for name in names}
    return values | {
        "seller": queries.told_of(device.seller, scope),
        "custodian": queries.told_of(device.custodian, scope),
    }


def as_wire(card: Card) -> dict[str, object]:
    """Return the card's values by the names of `DeviceCardSchema`."""
    return row_values(card.device, card.scope) | {
        "capabilities": card.capabilities,
        "identifiers": card.identifiers,
        "custody": [_custody_values(event, card.scope) for event in card.custody],
        "next_statuses": card.next_statuses,
        "warnings": [str(warning) for warning in card.warnings],
    }


def _custody_values(event: CustodyEvent, scope: Scope) -> dict[str, object]:
    """Return an entry of the history; who handed the box over is named to the operator alone."""
    names = ("organisation", "holder", "reason", "actor_label", "since", "until")
    values = {name: getattr(event, name) for name in names}
    return values if scope.is_everything else values | {"actor_label": ""}
