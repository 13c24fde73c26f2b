"""What a scenario file may hold, and what its digest stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.documents import BadDocument
from lab.engines.playback import run_playback
from lab.scenarios.files import read_scenario

PLAYBACK = """\
title: A small street
about: For tests.
kind: playback
boxes: 12
start_within_s: 4
profiles: {sd-hd-2012: 1, uhd-2018: 1}
link:
  round_trip_ms: 50
  trace: {file: street.txt}
programme:
  segment_s: 2
  segments: 6
  rungs:
    - {width: 640, height: 360, kbps: 500}
    - {width: 3840, height: 2160, kbps: 4000}
player: {startup_s: 2, resume_s: 2, most_s: 10}
expect:
  - {measure: fairness, at_least: 0}
"""
LADDER = """\
title: An offer
about: For tests.
kind: ladder
streams:
  one: {codec: h264}
  two: {codec: hevc, seconds: 2}
profiles: [uhd-2018]
expect:
  - {measure: false_promises, equals: 0}
"""


@pytest.fixture
def street(tmp_path: Path) -> Path:
    (tmp_path / "street.txt").write_text("0 40\n10 30\n")
    path = tmp_path / "street.yaml"
    path.write_text(PLAYBACK)
    return path


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def silent(_done: int, _total: int) -> None:
    """Nobody listens."""


def told(path: Path) -> str:
    with pytest.raises(BadDocument) as caught:
        read_scenario(path)
    return str(caught.value)


def test_the_order_of_profiles_changes_neither_digest_nor_figures(street: Path) -> None:
    before = read_scenario(street)
    changed(street, "sd-hd-2012: 1, uhd-2018: 1", "uhd-2018: 1, sd-hd-2012: 1")
    after = read_scenario(street)
    one, two = (run_playback(scenario, seed=1, tell=silent) for scenario in (before, after))
    assert after.digest == before.digest
    assert two == one


def test_another_trace_under_the_same_name_is_another_scenario(street: Path) -> None:
    before = read_scenario(street).digest
    assert read_scenario(street).digest == before
    (street.parent / "street.txt").write_text("0 40\n10 31\n")
    assert read_scenario(street).digest != before


def test_the_trace_that_is_played_is_the_one_in_the_digest(street: Path) -> None:
    scenario = read_scenario(street)
    (street.parent / "street.txt").unlink()
    facts = run_playback(scenario, seed=1, tell=silent).facts
    assert facts["trace"] == "columns file street.txt"
    assert facts["trace p05"] == "30.00 Mbit/s"
    assert facts["trace variation"] == "0.143"
    assert facts["trace outage"] == "0.00% of the time"


def test_the_order_of_streams_is_the_reports_and_so_in_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "offer.yaml"
    path.write_text(LADDER)
    before = read_scenario(path).digest
    one, two = "  one: {codec: h264}\n", "  two: {codec: hevc, seconds: 2}\n"
    assert read_scenario(changed(path, one + two, two + one)).digest != before


@pytest.mark.parametrize("kind", ["stream", "ladder", "movie"])
def test_a_kind_that_the_file_does_not_fit_is_refused(street: Path, kind: str) -> None:
    with pytest.raises(BadDocument, match=r"boxes: Unknown field|kind: Must be one of"):
        read_scenario(street, {"kind": kind})


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("start_within_s: 4", 'start_within_s: "4"', "line 5: start_within_s: Not a valid number"),
        ("round_trip_ms: 50", "round_trip_ms: '50'", "line 8: link.round_trip_ms: Not a valid"),
        ("segment_s: 2", 'segment_s: "2"', "line 11: programme.segment_s: Not a valid number"),
        ("most_s: 10", 'most_s: "10"', "line 16: player.most_s: Not a valid number"),
        ("at_least: 0", 'at_least: "0"', "line 18: expect.0.at_least: Not a valid number"),
        ("at_least: 0", "at_most: .inf", "line 18: expect.0.at_most: Special numeric values"),
        ("at_least: 0", "equals: .nan", "line 18: expect.0.equals: no figure is infinite"),
        ("at_least: 0", "equals: -.inf", "line 18: expect.0.equals: no figure is infinite"),
        pytest.param(
            "at_least: 0", f"equals: 1{'0' * 400}", "expect.0.equals: no figure", id="400 digits"
        ),
        ("at_least: 0", 'equals: "0"', "line 18: expect.0.equals: a number, true or false"),
    ],
)
def test_what_is_no_number_is_refused_with_its_line(
    street: Path, old: str, new: str, why: str
) -> None:
    assert why in told(changed(street, old, new))


@pytest.mark.parametrize("most_s", ["2", "2.05"])
def test_a_buffer_that_is_dry_before_each_segment_comes_is_refused(
    street: Path, most_s: str
) -> None:
    why = told(changed(street, "most_s: 10", f"most_s: {most_s}"))
    assert "line 16: player.most_s: every box would stand still at every segment" in why
    assert "more than 2.05 is needed" in why


def test_a_buffer_that_holds_a_little_more_is_taken(street: Path) -> None:
    scenario = read_scenario(changed(street, "most_s: 10", "most_s: 2.051"))
    figures = run_playback(scenario, seed=1, tell=silent).measures
    assert figures["stalled_boxes_share"] == 1  # on this link


def test_a_word_is_no_yes_or_no(tmp_path: Path) -> None:
    path = tmp_path / "stream.yaml"
    path.write_text(
        LADDER.replace("kind: ladder", "kind: stream")
        .replace("profiles: [uhd-2018]", 'strict: "yes"')
        .replace("false_promises", "one.missing_frames")
    )
    assert "strict: Not a valid boolean" in told(path)
    assert read_scenario(changed(path, '"yes"', "yes")).digest
