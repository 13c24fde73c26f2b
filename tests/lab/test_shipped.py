"""What ships with the lab: archetypes of boxes that cite what they rest on, and scenarios."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from lab.box.profiles import read_profile, shipped_profiles
from lab.documents import BadDocument
from lab.engines.playback import run_playback
from lab.engines.streams import run_streams
from lab.media.encode import Cache
from lab.report.result import check
from lab.scenarios.files import read_scenario, shipped

UHD = "uhd-2018"


@pytest.mark.parametrize(
    ("profile", "where"),
    [
        (UHD, "video.av1.actual.level"),
        (UHD, "video.av1.advertised.profiles"),
        ("uhd-av1-2021", "video.av1.advertised.level"),
        ("uhd-av1-2021", "video.av1.advertised.profiles"),
        ("rdk-e-reference", "video.mpeg2video.advertised.level"),
    ],
)
def test_what_no_source_states_is_marked_as_assumed(profile: str, where: str) -> None:
    origin = shipped_profiles()[profile].origins[where]
    assert origin.source is None
    assert origin.assumed


def test_the_one_decoder_is_cited_as_what_was_found() -> None:
    source = shipped_profiles()[UHD].origins["decoders"].source
    assert source is not None
    assert "found by string search" in source
    assert "ExoPlayer" not in source


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (r"^audio: .*", "audio: {value: 3, assumed: none}", "audio: 3 is not a list of codecs"),
        (r"^memory_mb: .*", "memory_mb: {value: 0, assumed: none}", "0 is not a whole number"),
        (r"^decoders: .*", "decoders: {value: one, assumed: none}", "'one' is not a whole number"),
    ],
)
def test_a_value_of_a_profile_is_refused_by_its_own_kind(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = (files("lab.box") / "profiles" / f"{UHD}.yaml").read_text("utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(re.sub(old, new, text, count=1, flags=re.MULTILINE))
    with pytest.raises(BadDocument) as caught:
        read_profile(path)
    assert told in str(caught.value)


# what the scenarios that ship expect


def silent(_done: int, _total: int) -> None:
    """Nobody listens."""


def failing(name: str, seed: int, changes: dict[str, str], cache: Path) -> list[str]:
    scenario = read_scenario(shipped()[name], changes)
    outcome = (
        run_playback(scenario, seed=seed, tell=silent)
        if name == "peak-hour"
        else run_streams(scenario, seed=seed, cache=Cache(cache), tell=silent)
    )
    return [one.measure for one in check(scenario.expect, outcome.measures) if not one.holds]


def seeds(*sample: int) -> list[Any]:
    """The first thirty seeds, of which the suite tries a sample and `make prove` the others."""
    return [
        pytest.param(seed, marks=[] if seed in sample else pytest.mark.prove)
        for seed in range(1, 31)
    ]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "lab-cache"


@pytest.mark.parametrize("seed", seeds(1, 12, 23, 30))
def test_the_peak_hour_is_as_expected_at_each_of_many_seeds(seed: int, cache: Path) -> None:
    assert failing("peak-hour", seed, {}, cache) == []


@pytest.mark.parametrize("seed", seeds(1, 12, 23, 30))
def test_half_the_links_rate_fails_by_the_mean_rate(seed: int, cache: Path) -> None:
    found = failing("peak-hour", seed, {"link.trace.mean_mbps": "70"}, cache)
    assert "bitrate_mean_mbps" in found


@pytest.mark.parametrize("seed", seeds(18))
def test_bursts_of_loss_are_as_expected_and_three_times_the_loss_is_not(
    seed: int, cache: Path
) -> None:
    """Seed 18 has the longest bursts of the first 40."""
    assert failing("burst-loss", seed, {}, cache) == []
    assert "h264.continuity_errors" in failing("burst-loss", seed, {"loss.times": "3"}, cache)
