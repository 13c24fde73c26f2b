"""What ships with the lab: archetypes of boxes that cite what they rest on, and scenarios."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from lab.box.profiles import read_profile, shipped_profiles
from lab.documents import BadDocument

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
