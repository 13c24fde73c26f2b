"""Emulated boxes of every temper, on both wires, share one rollout of the running service.

What the fleet knows of itself and what the service recorded must agree, box by box.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from firmware.boxes.models import Box, BoxReport
from firmware.rollouts.models import Member, MemberEvent
from lab.box.image import make_image
from tests.live import Live, live_service, wait_for

pytestmark = [pytest.mark.xdist_group("fleet"), pytest.mark.timeout(400)]

WANTED, FORMER = "1.2.0", "1.0.0"
TEMPERS = (
    *(["healthy"] * 14),
    *("power_cut", "boot_loop", "liar", "silent", "wrong_clock", "duplicate", "flaky_link"),
)
OUTCOME = {
    "healthy": "verified",
    "power_cut": "verified",
    "wrong_clock": "verified",
    "duplicate": "verified",
    "flaky_link": "verified",
    "boot_loop": "failed",
    "liar": "failed",
    "silent": "suspect",
}
CAP = 10


@dataclass
class Story:
    """What happened: as the boxes tell it, and as the service recorded it."""

    live: Live
    rollout: int
    boxes: list[dict[str, Any]]

    @property
    def told(self) -> dict[str, dict[str, Any]]:
        return {box["serial"]: box for box in self.boxes}


def write_identities(live: Live, path: Path) -> int:
    """Register boxes on both wires, each temper once on each, and write who they are."""
    rows = []
    for number, temper in enumerate(TEMPERS * 2):
        serial = f"FLEET{number:07}"
        mac = f"00:1A:79:00:00:{number:02X}"
        wire = "ddi" if number < len(TEMPERS) else "xconf"
        token = live.box(serial, mac=mac, revision="AB"[number % 2], has_token=wire == "ddi")
        rows.append(
            {
                "serial": serial,
                "mac": mac,
                "model": "AX1",
                "revision": "AB"[number % 2],
                "version": FORMER,
                "token": token,
                "wire": wire,
                "personality": temper,
                "client": "rauc" if number % 3 == 0 else "swupdate",
            }
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return len(rows)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("fleet")
    with live_service(folder / "home") as live:
        live.start("edge", "worker")
        count = write_identities(live, folder / "boxes.jsonl")
        image = live.image(WANTED, make_image(WANTED, 120_000, 7))
        rollout = live.rollout("both wires", image, shares=(300, 1000), cap=CAP)
        command = [sys.executable, "-m", "lab.cli", "fleet", "--url", live.edge_url]
        command += ["--tenant", "DEFAULT", "--identities", str(folder / "boxes.jsonl")]
        command += ["--min-poll", "0.5", "--xconf-poll", "1", "--time-scale", "0.5"]
        command += ["--seed", "7", "--summary", str(folder / "fleet.json"), "--duration", "380"]
        fleet = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(
                lambda: live.rollout_state(rollout) == "complete",
                seconds=300,
                what=f"the rollout of {count} boxes is complete",
            )
        finally:
            fleet.terminate()
            fleet.wait(30)
        summary = json.loads((folder / "fleet.json").read_text())
        yield Story(live, rollout, summary["boxes"])


def test_every_box_ends_where_its_temper_leads(story: Story) -> None:
    expected = {serial: OUTCOME[box["personality"]] for serial, box in story.told.items()}

    assert story.live.states(story.rollout) == expected


def test_the_service_believes_each_box_to_run_what_it_really_runs(story: Story) -> None:
    with story.live.db.read() as session:
        rows = session.execute(select(Box.serial, Box.running_version)).all()
    recorded = dict(rows)

    assert recorded == {serial: box["version"] for serial, box in story.told.items()}


def final_words(box: dict[str, Any]) -> set[tuple[str, str, str]]:
    """What a box said of how its updates ended, and was heard; repeats are one word."""
    return {
        (box["serial"], report["action_id"], report["finished"])
        for report in box["reports"]
        if (report["execution"], report["status"]) == ("closed", 200)
    }


def test_every_final_word_of_a_box_was_kept(story: Story) -> None:
    said = set().union(*(final_words(box) for box in story.boxes))
    with story.live.db.read() as session:
        kept = session.execute(
            select(Box.serial, BoxReport.action, BoxReport.finished)
            .join(BoxReport, BoxReport.box_id == Box.id)
            .where(BoxReport.execution == "closed")
        ).all()

    assert {tuple(row) for row in kept} == said


def test_no_box_saw_the_wire_broken(story: Story) -> None:
    broken = {serial: box["violations"] for serial, box in story.told.items() if box["violations"]}

    assert broken == {}


def test_no_more_boxes_updated_at_once_than_the_cap_allows(story: Story) -> None:
    in_flight = {"offered", "fetching", "awaiting_reboot", "cancelling"}
    with story.live.db.read() as session:
        events = session.execute(
            select(MemberEvent.from_state, MemberEvent.to_state)
            .join(Member, Member.id == MemberEvent.member_id)
            .where(Member.rollout_id == story.rollout)
            .order_by(MemberEvent.id)
        ).all()
    taken, most = 0, 0
    for former, later in events:
        taken += (later in in_flight) - (former in in_flight)
        most = max(most, taken)

    assert (taken, most) == (0, CAP)


def test_half_of_the_boxes_spoke_each_wire(story: Story) -> None:
    wires = Counter(box["wire"] for box in story.boxes)

    assert wires == {"ddi": len(TEMPERS), "xconf": len(TEMPERS)}
