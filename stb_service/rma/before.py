"""What the service knows of a box when somebody wants to return it: what might prevent the return."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from firmware.boxes.queries import find_box
from firmware.rollouts.queries import members_of_box
from firmware.rollouts.rules import IN_FLIGHT, MemberState
from stb_service.devices.models import Device
from stb_service.shared.i18n import Text, text

WAITING = frozenset({MemberState.WAITING, *IN_FLIGHT})


def findings(session: Session, device: Device) -> Mapping[str, Text]:
    """Return what is known, by the code of the check that it belongs to. Only the operator's own
    rooms tell it: what runs on a box, what waits for it, and when it was last heard of.
    """
    box = find_box(session, device.public_id)
    if box is None or box.last_seen_at is None:
        return {"firmware": text("Never seen by the service.")}
    runs = text(
        "Runs %(version)s; last seen on %(day)s.",
        version=box.running_version or "-",
        day=box.last_seen_at.date().isoformat(),
    )
    waiting = [m for m in members_of_box(session, box.id) if m.state in WAITING]
    if not waiting:
        return {"firmware": runs, "outage": runs}
    behind = text(
        "An update to %(version)s waits for it.", version=waiting[0].rollout.image.version
    )
    return {"firmware": behind, "outage": runs}
