"""Which box a row of a file is about: by external id, else by maker and serial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from stb_service.devices.fields import Reading
from stb_service.devices.identity.operations import Identity
from stb_service.devices.identity.rules import IdentifierKind, lookup_key, maker_key
from stb_service.devices.models import Device, DeviceIdentifier
from stb_service.devices.queries import with_row_details, within
from stb_service.shared.access import Scope

AT_ONCE = 500


@dataclass
class Found:
    """The boxes that some rows may be about."""

    by_external_id: dict[str, Device] = field(default_factory=dict)
    by_serial: dict[str, list[tuple[DeviceIdentifier, Device]]] = field(default_factory=dict)

    def box_of(self, reading: Reading) -> Device | None:
        """Return the box of a row.

        A scrapped box is still meant by its serial while no current one has it, so that an
        old file does not register it anew. Without a maker the serial alone decides,
        if only one box has it.
        """
        external_id = reading.values.get("external_id")
        if external_id in self.by_external_id:
            return self.by_external_id[external_id]
        rows = self.by_serial.get(reading.values.get("serial", ""), [])
        maker = reading.identity(Identity()).maker
        if maker:
            rows = [row for row in rows if row[0].issuer == maker_key(maker)]
        current = [device for row, device in rows if row.until is None]
        former = [
            device
            for row, device in rows
            if row.until is not None and device.serial == row.value and device.status == "scrapped"
        ]
        candidates = current or former[-1:]
        return candidates[0] if len(candidates) == 1 else None


def find_boxes(session: Session, readings: Sequence[Reading], scope: Scope) -> Found:
    """Look up the boxes of some rows at once; only those of the scope are found."""
    found = Found()
    ids = [id_ for reading in readings if (id_ := reading.values.get("external_id"))]
    serials = {serial for reading in readings if (serial := reading.values.get("serial"))}
    if ids:
        statement = with_row_details(select(Device)).where(
            Device.external_id.in_(ids), within(scope)
        )
        found.by_external_id = {str(row.external_id): row for row in session.scalars(statement)}
    if not serials:
        return found
    details = joinedload(DeviceIdentifier.device)
    rows = session.scalars(
        select(DeviceIdentifier)
        .join(DeviceIdentifier.device)
        .options(
            details.joinedload(Device.model),
            details.joinedload(Device.revision),
            details.joinedload(Device.seller),
            details.joinedload(Device.custodian),
            details.selectinload(Device.tags),
        )
        .where(
            DeviceIdentifier.lookup.in_({lookup_key(serial) for serial in serials}),
            DeviceIdentifier.kind == IdentifierKind.SERIAL,
            within(scope),
        )
        .order_by(DeviceIdentifier.id)
    )
    for row in rows:
        found.by_serial.setdefault(row.value, []).append((row, row.device))
    return found
