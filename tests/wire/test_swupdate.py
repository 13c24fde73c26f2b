"""SWUpdate as Debian ships it, installing from the service."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import requests

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


def say_version(box: Box, version: str, boot_id: str) -> None:
    """State what the box runs, as its next SWUpdate configuration would."""
    answer = requests.put(
        f"{box.live.edge_url}/{box.live.settings.tenant}/controller/v1/{box.serial}/configData",
        json={"mode": "merge", "data": {"sw_version": version, "boot_id": boot_id}},
        headers={"Authorization": f"TargetToken {box.token}"},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text


def test_installs_then_confirms_after_its_reboot_and_is_verified_by_its_version(
    live: Live, signer: Signer, tmp_path: Path
) -> None:
    box = make_box(live, signer, tmp_path, "SWU0000000000001")
    say_version(box, "1.0.0", "boot-1")
    target, payload = tmp_path / "installed.bin", os.urandom(300_000)
    image = live.image("1.1.0", signer.image("1.1.0", target, payload=payload))
    rollout = live.rollout("swupdate installs", image)

    log = box.run(lambda: target.exists() and target.read_bytes() == payload)
    installed = live.state(box.serial, rollout)
    log += box.run(lambda: live.state(box.serial, rollout) == "awaiting_reboot", confirm=2)
    confirmed = live.state(box.serial, rollout)
    say_version(box, "1.1.0", "boot-2")

    assert target.read_bytes() == payload, log
    assert (installed, confirmed) == ("fetching", "awaiting_reboot"), log
    assert live.state(box.serial, rollout) == "verified"


def test_reports_the_failure_of_an_image_that_does_not_match_its_description(
    live: Live, signer: Signer, tmp_path: Path
) -> None:
    box = make_box(live, signer, tmp_path, "SWU0000000000002")
    say_version(box, "1.0.0", "boot-1")
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
    say_version(box, "1.0.0", "boot-1")
    target, payload = tmp_path / "fallback.bin", os.urandom(50_000)
    image = live.image("1.3.0", signer.image("1.3.0", target, payload=payload))
    rollout = live.rollout("swupdate falls back", image)

    log = box.run(lambda: target.exists() and target.read_bytes() == payload)
    log += box.run(lambda: live.state(box.serial, rollout) == "failed", confirm=3)

    assert live.state(box.serial, rollout) == "failed", log


def test_stops_when_the_rollout_is_cancelled(live: Live, signer: Signer, tmp_path: Path) -> None:
    box = make_box(live, signer, tmp_path, "SWU0000000000004")
    say_version(box, "1.0.0", "boot-1")
    target, payload = tmp_path / "cancelled.bin", os.urandom(50_000)
    image = live.image("1.4.0", signer.image("1.4.0", target, payload=payload))
    rollout = live.rollout("swupdate is cancelled", image)
    log = box.run(lambda: live.state(box.serial, rollout) == "fetching")

    live.cancel(rollout)
    cancelling = live.state(box.serial, rollout)
    log += box.run(lambda: live.state(box.serial, rollout) == "cancelled")

    assert cancelling == "cancelling"
    assert live.state(box.serial, rollout) == "cancelled", log
