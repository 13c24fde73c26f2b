"""Real HTTP, real time, real signals; the service is the tiny reference one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.box.image import make_image, read_image
from lab.cli import main
from tests.lab.reference_service import ReferenceService, serve
from tests.lab.world import NEW, OLD, a_service

QUICK = [
    "--time-scale",
    "0.02",
    "--poll-scale",
    "0.02",
    "--start-spread",
    "0.1",
    "--xconf-poll",
    "10",
]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def service() -> Iterator[ReferenceService]:
    with serve(a_service(most_orders=1)) as running:
        yield running


def fleet(service: ReferenceService, path: Path, *more: str) -> tuple[int, dict[str, Any]]:
    fixed = ["fleet", "--url", service.url, "--models", "MAG524:A1=1", "--summary", str(path)]
    code = main([*fixed, *QUICK, "--until-idle", "1", "--duration", "15", *more])
    return code, json.loads(path.read_text())


def recorded(service: ReferenceService, box: dict[str, Any]) -> tuple[str, list[str]]:
    known = service.boxes[box["controller_id" if box["wire"] == "ddi" else "mac"]]
    return known.version, known.finals


def summed_up(box: dict[str, Any]) -> tuple[str, list[str]]:
    return box["version"], [
        report["finished"] for report in box["reports"] if report["execution"] == "closed"
    ]


def test_a_fleet_of_all_tempers_and_the_service_agree_box_by_box(
    service: ReferenceService, tmp_path: Path
) -> None:
    mix = "healthy=10,power_cut=2,boot_loop=2,liar=2,wrong_clock=2,duplicate=2,flaky_link=4"
    service.most_orders = 2
    code, summary = fleet(service, tmp_path / "s.json", "--boxes", "24", "--personalities", mix)
    boxes = summary["boxes"]
    assert code == 0
    assert [summed_up(box) for box in boxes] == [recorded(service, box) for box in boxes]
    assert summary["totals"]["by_personality"]["healthy"] == {NEW: 10}
    assert summary["totals"]["by_personality"]["liar"] == {OLD: 2}
    assert summary["totals"]["boxes_with_violation"] == {}
    assert summary["totals"]["downloads_resumed"] >= 4
    assert summary["run"]["ended_by"] == "idle"


def test_a_real_connection_that_is_cut_is_continued_with_a_range(
    service: ReferenceService, tmp_path: Path
) -> None:
    service.break_after_bytes.extend([40_000, 20_000])
    code, summary = fleet(service, tmp_path / "s.json", "--boxes", "1", "--wires", "ddi")
    (box,) = summary["boxes"]
    assert (code, box["version"], box["downloads"]["resumed"]) == (0, NEW, 2)
    assert box["violations"] == []


def test_a_moved_file_is_followed_and_a_proxy_of_the_machine_is_not_used(
    service: ReferenceService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    service.moved_files = True
    _, summary = fleet(service, tmp_path / "s.json", "--boxes", "2", "--wires", "ddi,xconf")
    assert [box["version"] for box in summary["boxes"]] == [NEW, NEW]
    assert service.asked("GET", "/stored/")


def test_the_fleet_takes_identities_from_a_file(service: ReferenceService, tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(
        "serial,mac,model,version,wire,controller_id,token,personality\n"
        "S1,00:1A:79:00:00:01,MAG524,0.9,ddi,box-1,t1,\n"
        "S2,00:1A:79:00:00:02,MAG524,0.9,xconf,,,liar\n"
    )
    code, summary = fleet(service, tmp_path / "s.json", "--identities", str(path))
    first, second = summary["boxes"]
    assert code == 0
    assert (first["controller_id"], first["version_at_start"], first["version"]) == (
        "box-1",
        "0.9",
        NEW,
    )
    assert (second["personality"], second["version"]) == ("liar", "0.9")
    assert service.asked("GET", "controller/v1/box-1")[0]["Authorization"] == "TargetToken t1"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_background_fleet_with_its_summary(
    service: ReferenceService, tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "s.json"
    command = [sys.executable, "-m", "lab.cli", "fleet", "--url", service.url, "--boxes", "3"]
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command, "--summary", str(path), *QUICK],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for_requests(service, 10)
    os.kill(process.pid, number)
    printed, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(path.read_text())["run"]["ended_by"] == "signal"
    assert "3 boxes" in printed


def wait_for_requests(service: ReferenceService, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(service.requests) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(service.requests) >= count


def test_a_fleet_nobody_answers_could_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.json"
    arguments = ["--url", "http://127.0.0.1:9", "--boxes", "2", "--duration", "1"]
    assert main(["fleet", *arguments, *QUICK, "--summary", str(path)]) == 2
    assert "no box got any answer" in capsys.readouterr().err
    assert json.loads(path.read_text())["totals"]["updated"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--boxes", "0"],
        ["--boxes", "1", "--personalities", "grumpy=1"],
        ["--boxes", "1", "--wires", "telex"],
        ["--boxes", "1", "--wires", "ddi", "--clients", "curl"],
        ["--boxes", "1", "--attribute", "colour=x"],
        ["--identities", "no-such-file.csv"],
    ],
)
def test_a_fleet_that_makes_no_sense_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fleet", "--url", "http://127.0.0.1:9", "--duration", "1", *arguments]) == 2
    assert capsys.readouterr().err.startswith("stb-lab: ")


@pytest.mark.parametrize("arguments", [["--duration", "0"], ["--poll-scale", "-1"], ["--url", "x"]])
def test_a_number_or_address_that_cannot_be_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["fleet", "--url", "http://127.0.0.1:9", *arguments])
    assert refused.value.code == 2


def test_identities_and_images_are_made_on_the_command_line(tmp_path: Path) -> None:
    boxes, image = tmp_path / "boxes.csv", tmp_path / "fw.swu"
    made = main(["identities", "--boxes", "9", "--seed", "7", "--out", str(boxes)])
    baked = main(
        ["make-image", "--version", "2.0", "--size", "5000", "--refuses", "B2", "--out", str(image)]
    )
    assert (made, baked) == (0, 0)
    assert len(boxes.read_text().splitlines()) == 10
    assert image.read_bytes() == make_image("2.0", 5000, 1, ("B2",))
    assert not read_image(image.read_bytes(), otherwise="").boots_on("B2")


def test_help_names_every_personality(capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):
        main(["fleet", "--help"])
    told = capsys.readouterr().out
    assert "boot_loop" in told
    assert "says success before the reboot" in told
