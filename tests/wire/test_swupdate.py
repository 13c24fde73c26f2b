"""SWUpdate as Debian ships it, installing from the service."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import select

from firmware.boxes import models as registry
from tests.live import Live
from tests.wire.swupdate import Box, Signer

pytestmark = [
    pytest.mark.real("swupdate", "openssl", "cpio"),
    pytest.mark.xdist_group("swupdate"),
]


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("signer"))


def make_box(live: Live, signer: Signer, folder: Path, serial: str) -> Box:
    return Box(live, folder / serial, serial, live.box(serial), signer.certificate)


def stated(box: Box) -> tuple[str | None, str | None]:
    """Return the version and the boot that the service believes of a box."""
    with box.live.db.read() as session:
        found = session.scalars(select(registry.Box).where(registry.Box.serial == box.serial)).one()
        return found.running_version, found.boot_id


def test_installs_then_confirms_after_its_reboot_and_is_verified_by_its_version(
    live: Live, signer: Signer, tmp_path: Path
) -> None:
    box = make_box(live, signer, tmp_path, "SWU0000000000001")
    target, payload = tmp_path / "installed.bin", os.urandom(300_000)
    image = live.image("1.1.0", signer.image("1.1.0", target, payload=payload))
    rollout = live.rollout("swupdate installs", image)

    log = box.run(lambda: target.exists() and target.read_bytes() == payload)
    before = live.state(box.serial, rollout), stated(box)
    box.reboot("1.1.0")
    log += box.run(lambda: live.state(box.serial, rollout) == "verified", confirm=2)

    assert target.exists(), log
    assert target.read_bytes() == payload, log
    assert before == ("fetching", ("1.0.0", "boot-1")), log
    assert (live.state(box.serial, rollout), stated(box)) == ("verified", ("1.1.0", "boot-2")), log


def test_says_success_but_still_runs_its_old_version_and_has_failed(
    live: Live, signer: Signer, tmp_path: Path
) -> None:
    box = make_box(live, signer, tmp_path, "SWU0000000000005")
    target, payload = tmp_path / "lies.bin", os.urandom(50_000)
    image = live.image("1.5.0", signer.image("1.5.0", target, payload=payload))
    rollout = live.rollout("swupdate runs its old version", image)

    log = box.run(lambda: target.exists() and target.read_bytes() == payload)
    box.reboot("1.0.0")
    log += box.run(lambda: live.state(box.serial, rollout) == "failed", confirm=2)

    assert (live.state(box.serial, rollout), stated(box)) == ("failed", ("1.0.0", "boot-2")), log


def test_reports_the_failure_of_an_image_that_does_not_match_its_description(
    live: Live, signer: Signer, tmp_path: Path
) -> None:
    box = make_box(live, signer, tmp_path, "SWU0000000000002")
    content = signer.image(
        "1.2.0", tmp_path / "never.bin", payload=os.urandom(50_000), digest="0" * 64
    )
    rollout = live.rollout("swupdate fails", live.image("1.2.0", content))

    log = box.run(lambda: live.state(box.serial, rollout) == "failed")

    assert live.state(box.serial, rollout) == "failed", log


def test_reports_that_it_fell_back_after_the_reboot(
    live: Live, signer: Signer, tmp_path: Path
) -> None:
    box = make_box(live, signer, tmp_path, "SWU0000000000003")
    target, payload = tmp_path / "fallback.bin", os.urandom(50_000)
    image = live.image("1.3.0", signer.image("1.3.0", target, payload=payload))
    rollout = live.rollout("swupdate falls back", image)

    log = box.run(lambda: target.exists() and target.read_bytes() == payload)
    box.reboot("1.0.0")
    log += box.run(lambda: live.state(box.serial, rollout) == "failed", confirm=3)

    assert live.state(box.serial, rollout) == "failed", log


def test_stops_when_the_rollout_is_cancelled(live: Live, signer: Signer, tmp_path: Path) -> None:
    box = make_box(live, signer, tmp_path, "SWU0000000000004")
    target, payload = tmp_path / "cancelled.bin", os.urandom(50_000)
    image = live.image("1.4.0", signer.image("1.4.0", target, payload=payload))
    rollout = live.rollout("swupdate is cancelled", image)
    log = box.run(lambda: live.state(box.serial, rollout) == "fetching")

    live.cancel(rollout)
    cancelling = live.state(box.serial, rollout)
    log += box.run(lambda: live.state(box.serial, rollout) == "cancelled")

    assert cancelling == "cancelling"
    assert live.state(box.serial, rollout) == "cancelled", log
