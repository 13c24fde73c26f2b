"""Boxes for the stories: registered, and switched on as a fleet of the lab."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from firmware.boxes.operations import rotate_token
from lab.box.image import make_image
from stb_service.devices.arrivals.operations import register_device
from stb_service.devices.catalogue.operations import create_model
from stb_service.devices.operations import move_custody
from stb_service.shared.access import SYSTEM
from tests.live import Live

FORMER = "1.0.0"


def hand_to(session: Session, uid: str, organisation: str) -> None:
    """Hand a box to an organisation, whose people then see it."""
    move_custody(session, uid=uid, organisation=organisation, actor=SYSTEM, now=datetime.now(UTC))


class Boxes:
    """Boxes of one test, all of one model of its own, so that no other rollout means them."""

    def __init__(self, live: Live, folder: Path) -> None:
        self._live, self._folder = live, folder
        self._fleets: list[subprocess.Popen[bytes]] = []
        self._rows: list[dict[str, str]] = []

    def register(self, model: str, **revisions: int) -> list[str]:
        """Register so many boxes of each revision of a new model; return their uids."""
        now = datetime.now(UTC)
        uids = []
        with self._live.db.write() as session:
            create_model(
                session,
                code=model,
                name=f"Model {model}",
                maker="Aurora",
                revisions=list(revisions),
                actor=SYSTEM,
                now=now,
            )
            for revision, count in revisions.items():
                for number in range(count):
                    serial = f"{model}{revision}{number:05}"
                    device = register_device(
                        session,
                        serial=serial,
                        model=model,
                        revision=revision,
                        status="active",
                        actor=SYSTEM,
                        now=now,
                    )
                    box = session.scalars(select(Box).where(Box.uid == device.public_id)).one()
                    token = rotate_token(session, box=box, actor=SYSTEM, now=now)
                    uids.append(device.public_id)
                    self._rows.append(_identity(serial, model, revision, token, len(self._rows)))
        return uids

    def switch_on(self) -> None:
        """Let the registered boxes poll."""
        path = self._folder / "boxes.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in self._rows))
        command = [sys.executable, "-m", "lab.cli", "fleet", "--url", self._live.edge_url]
        command += ["--tenant", self._live.settings.tenant, "--identities", str(path)]
        command += ["--min-poll", "0.5", "--time-scale", "0.1", "--start-spread", "0.5"]
        self._fleets.append(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )

    def image(self, version: str, *refuses: str, size: int = 100_000) -> Path:
        """Write an image file that does not boot on some revisions."""
        path = self._folder / f"fw-{version}.swu"
        path.write_bytes(make_image(version, size, 7, refuses))
        return path

    def switch_off(self) -> None:
        """End the fleets."""
        for fleet in self._fleets:
            fleet.terminate()
        for fleet in self._fleets:
            fleet.wait(20)


def _identity(serial: str, model: str, revision: str, token: str, number: int) -> dict[str, str]:
    return {
        "serial": serial,
        "mac": f"02:C0:00:00:00:{number:02X}",
        "model": model,
        "revision": revision,
        "version": FORMER,
        "token": token,
        "wire": "ddi",
        "personality": "healthy",
    }
