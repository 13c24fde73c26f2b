"""What the service knows of a box when somebody wants to return it: what might prevent the return."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from firmware.boxes.queries import find_box
from firmware.images.queries import newer_version
from firmware.rollouts.queries import members_of_box
from firmware.rollouts.rules import IN_FLIGHT, MemberState
from stb_service.devices.models import Device
from stb_service.rma.neighbours import Near, neighbours
from stb_service.shared.i18n import Text, text

WAITING = frozenset({MemberState.WAITING, *IN_FLIGHT})
SILENT: Mapping[Near, Text] = {
    Near.SITE: text("Silent for two hours, of the %(all)d other boxes at the site: %(silent)d."),
    Near.AREA: text("Silent for two hours, of the %(all)d other boxes in the area: %(silent)d."),
    Near.SELLER: text(
        "Silent for two hours, of the %(all)d other boxes of the same seller: %(silent)d."
    ),
}
SEEN = text("Last seen on %(day)s.")


def findings(session: Session, device: Device, now: datetime) -> Mapping[str, Text]:
    """Return what is known, by the code of the check that it belongs to: when the box was started
    last, what it runs and should run, and how many of those around it are silent too.
    """
    box = find_box(session, device.public_id)
    if box is None or box.last_seen_at is None:
        never = text("Never seen by the service.")
        found = {"firmware": never}
    else:
        found = {"firmware": _firmware(session, box), "outage": _said(SEEN, box.last_seen_at)}
        if box.boot_at is not None:
            found["restart"] = _said(text("Last started on %(day)s."), box.boot_at)
    around = neighbours(session, device, now)
    if around is not None:
        silent = Text(SILENT[around.near].msgid, {"all": around.known, "silent": around.silent})
        seen = found.get("outage", "")
        found["outage"] = text("%(seen)s %(silent)s", seen=seen, silent=silent) if seen else silent
    return found


def _said(sentence: Text, at: datetime) -> Text:
    return Text(sentence.msgid, {"day": at.strftime("%Y-%m-%d %H:%M UTC")})


def _firmware(session: Session, box: Box) -> Text:
    waiting = [m for m in members_of_box(session, box.id) if m.state in WAITING]
    if waiting:
        version = waiting[0].rollout.image.version
        return text("An update to %(version)s waits for it.", version=version)
    newest = newer_version(session, box.model_code, box.revision_code, box.running_version)
    if newest is None:
        return text("Runs %(version)s.", version=box.running_version or "-")
    return text(
        "Runs %(version)s; for this model there is %(newest)s.",
        version=box.running_version or "-",
        newest=newest,
    )
