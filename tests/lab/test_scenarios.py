"""Scenario files, runs and the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.cli import main
from lab.documents import BadDocument
from lab.report.result import as_text, read_result
from lab.scenarios.files import path_of, read_scenario, shipped

Lab = Callable[..., int]

SMALL_STREAM = """\
title: A small stream
about: For tests.
kind: stream
streams:
  one: {codec: h264, width: 320, height: 180, seconds: 4}
faults: []
expect:
  - {measure: one.continuity_errors, equals: 0}
  - {measure: one.pcr_jumps, equals: 0}
  - {measure: one.missing_frames, equals: 0}
  - {measure: one.corrupt_frames, equals: 0}
"""


@pytest.fixture
def lab(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Run a command with results in a folder of the test and one cache for all."""
    cache = tmp_path_factory.getbasetemp() / "lab-cache"

    def run(*words: str) -> int:
        return main(["run", *words, "--out", str(tmp_path / "out"), "--cache", str(cache)])

    return run


def result(tmp_path: Path, name: str) -> dict[str, Any]:
    """Return the result of a run; where values were set its folder bears a digest of them too."""
    (folder,) = (tmp_path / "out").glob(f"{name}*")
    return read_result(folder)


def failing(found: dict[str, Any]) -> list[str]:
    return [one["measure"] for one in found["expectations"] if not one["holds"]]


@pytest.mark.timeout(300)
def test_the_scenarios_that_ship_pass_twice_with_the_same_bytes(lab: Lab, tmp_path: Path) -> None:
    texts = []
    for _ in range(2):
        assert lab(*shipped(), "--jobs", "1") == 0
        texts.append(
            {
                path.relative_to(tmp_path): path.read_bytes()
                for path in (tmp_path / "out").rglob("*")
                if path.is_file() and path.name != "wall.json"
            }
        )
    assert texts[0] == texts[1]
    assert len(texts[0]) == 2 * len(shipped())


@pytest.mark.timeout(300)
def test_three_times_the_loss_fails_and_names_the_measure(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab("burst-loss", "--set", "loss.times=3") == 1
    assert "hevc.continuity_errors" in failing(result(tmp_path, "burst-loss-seed1"))
    assert "hevc.continuity_errors is" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("[]", []),
        ("[{kind: drop_key_picture, stream: one, number: 2}]", ["one.missing_frames"]),
        ("[{kind: swap_continuity, stream: one}]", ["one.continuity_errors"]),
        ("[{kind: drop_clock, stream: one}]", ["one.pcr_jumps"]),
    ],
)
def test_a_planted_fault_raises_the_measure_that_should_find_it(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str, raised: list[str]
) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL_STREAM)
    assert lab(str(path), "--set", f"faults={fault}") == int(bool(raised))
    found = failing(result(tmp_path, "small-seed1"))
    assert found == raised
    told = capsys.readouterr().out
    assert [f"{measure} is" in told for measure in raised] == [True] * len(raised)


@pytest.mark.parametrize(
    "fault", ["faults: []", "faults: [{kind: drop_clock, stream: one, start: 0.5, end: 1}]"]
)
def test_a_channel_that_loses_everything_fails_and_shows_black(
    lab: Lab, tmp_path: Path, fault: str
) -> None:
    path = tmp_path / "lost.yaml"
    loss = "loss: {p: 1, r: 0.000001, h: 1, k: 1, times: 1}\n"
    path.write_text(SMALL_STREAM.replace("faults: []\n", fault + "\n") + loss)

    assert lab(str(path)) == 1

    figures = result(tmp_path, "lost-seed1")["measures"]
    assert figures["one.missing_frames"]["value"] == 100
    assert figures["one.psnr_worst_second_db"]["value"] < 12
    assert figures["one.pcr_gap_ms"]["value"] > 3900
    assert figures["one.lost_packets"]["value"] > 1000


def test_what_is_expected_of_the_picture_is_a_line_in_its_plot(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "lined.yaml"
    path.write_text(SMALL_STREAM + "  - {measure: one.psnr_worst_second_db, at_least: 21}\n")

    assert lab(str(path)) == 0

    assert [plot["limit"] for plot in result(tmp_path, "lined-seed1")["plots"]] == [21]
    report = (tmp_path / "out" / "lined-seed1" / "report.html").read_text()
    assert "limit 21 dB" in report


def test_a_10_bit_stream_on_an_8_bit_box_is_a_false_promise(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "offer.yaml"
    path.write_text(
        "title: x\nabout: x\nkind: ladder\nprofiles: [fhd-hevc-2016, uhd-2018]\n"
        "streams:\n  bits: {codec: hevc, width: 320, height: 180, seconds: 1, bit_depth: 8}\n"
        "expect:\n  - {measure: false_promises, equals: 0}\n"
    )
    assert lab(str(path)) == 0
    assert lab(str(path), "--set", "streams.bits.bit_depth=10") == 1
    found = result(tmp_path, "offer-seed1-")
    assert failing(found) == ["false_promises"]
    assert found["measures"]["bits.fhd-hevc-2016.false_promise"]["value"] == 1
    assert found["measures"]["bits.uhd-2018.plays"]["value"] == 1


def test_runs_beside_each_other_give_what_they_give_alone(lab: Lab, tmp_path: Path) -> None:
    assert lab("peak-hour", "--seed", "1-3", "--jobs", "1") in {0, 1}
    alone = {seed: as_text(result(tmp_path, f"peak-hour-seed{seed}")) for seed in range(1, 4)}
    assert lab("peak-hour", "--seed", "1-3", "--jobs", "2") in {0, 1}
    assert alone == {
        seed: as_text(result(tmp_path, f"peak-hour-seed{seed}")) for seed in range(1, 4)
    }
    assert len(set(alone.values())) == 3


def test_a_link_from_a_file_is_read_beside_the_scenario(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "street.txt").write_text("0 50\n10 80\n")
    text = (
        shipped()["peak-hour"]
        .read_text()
        .replace("{mean_mbps: 140, variation", "{file: street.txt} # ")
    )
    (tmp_path / "mine.yaml").write_text(text)
    assert lab(str(tmp_path / "mine.yaml")) in {0, 1}
    assert result(tmp_path, "mine-seed1")["facts"]["trace"] == "columns file street.txt"


def test_one_run_that_cannot_be_made_does_not_hold_up_the_others(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text(SMALL_STREAM.replace("h264", "vvc"))
    assert lab("peak-hour", str(tmp_path / "bad.yaml"), "--jobs", "1") == 2
    assert result(tmp_path, "peak-hour-seed1")["verdict"] == "pass"
    assert "bad.yaml, line 5: streams.one.codec" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: stream", "kind: movie", "line 3: kind: Must be one of"),
        ("seconds: 4", "seconds: long", "line 5: streams.one.seconds: Not a valid number"),
        ("width: 320", "width: 321", "line 5: streams.one: pictures have even sides"),
        ("codec: h264", "codec: av1", "line 5: streams.one: goes into MP4"),
        ("title: A small stream\n", "", "line 1: title: Missing data"),
        ("one.pcr_jumps", "one.jitter", "line 9: expect.1.measure: no figure one.jitter"),
        ("one.pcr_jumps", "two.pcr_jumps", "line 9: expect.1.measure: no figure two.pcr_jumps"),
        ("faults: []", "faults: [{kind: boom, stream: one}]", "line 6: faults.0.kind"),
        ("faults: []", "faults: [{kind: drop_clock, stream: x}]", "line 6: faults.0.stream"),
        ("faults: []", "loss: {p: 2, r: 1}", "line 6: loss.p: Must be greater"),
        ("faults: []", "loss: {p: 0, r: 0}", "line 6: loss: p and r are both 0"),
        ("faults: []", "speed: 4", "line 6: speed: Unknown field"),
        ("faults: []", "kind: stream", "line 6: kind: is there twice"),
        ("faults: []", "faults: [", "not YAML"),
        ("equals: 0}", "equals: 0, at_most: 1}", "line 8: expect.0: exactly one of"),
        ("equals: 0}", "equals: high}", "line 8: expect.0.equals"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL_STREAM.replace(old, new, 1))
    with pytest.raises(BadDocument) as caught:
        read_scenario(path)
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n", "just words", "{" * 5000, "a: &x [*x]", "\x00"])
def test_what_is_no_scenario_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(BadDocument):
        read_scenario(path)


@pytest.mark.parametrize(
    "words",
    [
        ["nowhere"],
        ["nowhere.yaml"],
        ["peak-hour", "--set", "boxes"],
        ["peak-hour", "--set", "link.width=3"],
        ["peak-hour", "--set", "nobody.width=3"],
        ["peak-hour", "--set", "boxes=0"],
        ["peak-hour", "--set", "boxes={"],
        ["peak-hour", "--report-to", "http://127.0.0.1:1"],
    ],
)
def test_what_cannot_be_run_ends_with_2(
    lab: Lab, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STB_LAB_TOKEN", raising=False)
    assert lab(*words) == 2


@pytest.mark.parametrize("seed", ["", "x", "-1", "5-1", "1-9999", "1,,2"])
def test_what_is_no_seed_is_refused(lab: Lab, seed: str) -> None:
    with pytest.raises(SystemExit) as ended:
        lab("peak-hour", f"--seed={seed}")
    assert ended.value.code == 2


def test_what_ships_is_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    for name in shipped():
        assert main(["describe", name]) == 0
        assert name in listed
        assert "Expectations" in capsys.readouterr().out


def test_two_runs_are_compared(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab("peak-hour", "--seed", "1,2", "--jobs", "1")
    one, two = (str(tmp_path / "out" / f"peak-hour-seed{seed}") for seed in (1, 2))
    capsys.readouterr()
    assert main(["compare", one, two]) == 0
    told = capsys.readouterr().out
    assert "startup_p95_s" in told
    assert "worse" in told
    assert main(["compare", one, str(tmp_path)]) == 2
    (tmp_path / "no.json").write_text("{}")
    assert main(["compare", one, str(tmp_path / "no.json")]) == 2


def test_the_report_is_one_page_that_loads_and_runs_nothing(lab: Lab, tmp_path: Path) -> None:
    lab("peak-hour")
    page = (tmp_path / "out" / "peak-hour-seed1" / "report.html").read_text()
    assert page.count("<figure") == 3
    assert "default-src 'none'" in page
    assert not any(word in page for word in ("<script", "http://", "https://", "src="))
    wall = json.loads((tmp_path / "out" / "peak-hour-seed1" / "wall.json").read_text())
    assert wall["took_s"] > 0


def test_a_name_of_the_command_line_is_a_file_or_one_that_ships(tmp_path: Path) -> None:
    assert path_of("peak-hour").name == "peak-hour.yaml"
    assert path_of(str(tmp_path / "x.yaml")) == tmp_path / "x.yaml"
    with pytest.raises(ValueError, match="no scenario x"):
        path_of("x")
