"""Profiles of boxes: where their values come from, what is refused in their files, and how what is
declared, needed and really possible refuse apart from each other.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.box.profiles import (
    Basis,
    Decoder,
    Limits,
    Profile,
    audio_refusals,
    read_profile,
    refusals,
    shipped_profiles,
)
from lab.documents import BadDocument
from lab.media.facts import AudioFacts, VideoFacts
from lab.media.levels import TABLES

SHIPPED = shipped_profiles()
GOOD = """\
title: A box
about: For tests.
memory_mb: {value: 512, assumed: for tests}
decoders: {value: 1, assumed: for tests}
video:
  hevc:
    advertised:
      profiles: {value: [Main, Main 10], assumed: for tests}
      level: {value: "4.1", source: a data sheet}
      size: {value: [1920, 1088], assumed: for tests}
      fps: {value: 60, assumed: for tests}
      bit_depth: {value: 10, assumed: for tests}
      rate_kbps: {value: 50000, assumed: for tests}
    actual:
      bit_depth: {value: 8, source: "measured"}
audio: {value: [aac, ac3], assumed: for tests}
"""

LIMITS = Limits(
    profiles=("Main", "Main 10"),
    level="4.1",
    width=1920,
    height=1088,
    fps=Fraction(60),
    bit_depth=10,
    rate_bps=20_000_000,
)
BOX = Profile(
    name="box",
    title="A box",
    about="For tests.",
    memory_mb=512,
    decoders=1,
    video={"hevc": Decoder(LIMITS, LIMITS)},
    audio=("aac",),
    origins={},
)
FITS = VideoFacts(
    codec="hevc",
    profile="Main 10",
    level="4.1",
    width=1920,
    height=1080,
    fps=Fraction(60),
    bit_depth=10,
    chroma="4:2:0",
    rate_bps=20_000_000,
)


def with_actual(**changes: Any) -> Profile:
    return replace(BOX, video={"hevc": Decoder(LIMITS, replace(LIMITS, **changes))})


def refusing(box: Profile, video: VideoFacts) -> set[str]:
    return {basis.value for basis in Basis if refusals(box, video, basis)}


# provenance


@pytest.mark.parametrize("name", SHIPPED)
def test_every_value_of_a_shipped_profile_says_where_it_comes_from(name: str) -> None:
    """Counted in the file itself: each mapping with a `value` is one of `origins`."""

    def values(part: Any, where: str = "") -> list[str]:
        if not isinstance(part, dict):
            return []
        if "value" in part:
            return [where]
        inner = (values(more, f"{where}.{key}".lstrip(".")) for key, more in part.items())
        return [path for paths in inner for path in paths]

    text = (files("lab.box") / "profiles" / f"{name}.yaml").read_text("utf-8")
    data = yaml.safe_load(text)
    profile = SHIPPED[name]
    assert sorted(profile.origins) == sorted(values(data))
    assert sorted({path.split(".")[0] for path in profile.origins}) == [
        key for key in sorted(data) if key not in {"title", "about"}
    ]
    for path, origin in profile.origins.items():
        assert (origin.source is None) != (origin.assumed is None), path
        assert (origin.source or origin.assumed or "").strip(), path


@pytest.mark.parametrize("name", SHIPPED)
def test_the_values_of_a_shipped_profile_can_be_held_against_streams(name: str) -> None:
    profile = SHIPPED[name]
    for codec, decoder in profile.video.items():
        levels = [limit.level for limit in TABLES[codec]]
        for limits in (decoder.advertised, decoder.actual):
            assert limits.level in levels, codec
        assert decoder.actual.width <= decoder.advertised.width
        assert decoder.actual.bit_depth <= decoder.advertised.bit_depth
        assert set(decoder.actual.profiles) <= set(decoder.advertised.profiles)


def test_the_brief_of_an_archetype_says_that_it_is_one() -> None:
    for name, profile in SHIPPED.items():
        assert "archetype" in profile.about or name == "rdk-e-reference"


# files


def test_a_profile_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    profile = read_profile(path)
    decoder = profile.video["hevc"]
    assert (profile.name, profile.memory_mb, profile.audio) == ("mine", 512, ("aac", "ac3"))
    assert decoder.advertised == replace(LIMITS, rate_bps=50_000_000)
    assert decoder.actual == replace(decoder.advertised, bit_depth=8)
    assert profile.origins["video.hevc.advertised.level"].source == "a data sheet"
    assert profile.origins["video.hevc.actual.bit_depth"].source == "measured"


@pytest.mark.parametrize(
    ("old", "new", "line", "where", "why"),
    [
        (", source: a data sheet}", "}", 9, "video.hevc.advertised.level", "either `source` or"),
        (
            "source: a data sheet",
            "source: a data sheet, assumed: also",
            9,
            "video.hevc.advertised.level",
            "either `source` or",
        ),
        ("source: a data sheet", 'source: ""', 9, "advertised.level.source", "Shorter than"),
        ('value: "4.1"', "value: 4.1", 9, "advertised.level", "4.1 is not a level in quotes"),
        ("value: [1920, 1088]", "value: 1920x1088", 10, "advertised.size", "[width, height]"),
        ("value: [1920, 1088]", "value: [1920, 0]", 10, "advertised.size", "[width, height]"),
        ("{value: 60,", "{value: 59.94,", 11, "advertised.fps", "a whole number above 0"),
        ("{value: 8,", "{value: true,", 15, "actual.bit_depth", "a whole number above 0"),
        ("[Main, Main 10]", "Main", 8, "advertised.profiles", "a list of profiles"),
        ("  hevc:", "  h265:", 6, "video.h265", "Must be one of"),
        ("      fps: ", "      frames: ", 11, "advertised.frames", "Unknown field"),
        ("decoders: {value: 1, assumed: for tests}\n", "", 1, "decoders", "Missing data"),
        ("audio:", "title: again\naudio:", 16, "title", "is there twice"),
        ("video:", "video: [", 6, "", "not YAML"),
        (GOOD, "just words", 1, "", "not a list of"),
    ],
)
def test_a_broken_profile_is_refused_with_file_line_and_reason(
    tmp_path: Path, old: str, new: str, line: int, where: str, why: str
) -> None:
    assert old in GOOD
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(BadDocument) as refused:
        read_profile(path)
    found = [mistake for mistake in refused.value.mistakes if why in mistake[2]]
    assert found, refused.value
    assert found[0][1].endswith(where)
    if why != "not YAML":
        assert found[0][0] == line
    assert str(refused.value).startswith("mine.yaml, line ")


# declared, needed, actual


def test_a_stream_at_every_limit_is_played() -> None:
    assert refusing(BOX, FITS) == set()


@pytest.mark.parametrize(
    ("change", "bases", "why"),
    [
        # what is declared alone
        ({"level": "5"}, {"declared"}, "level 5 is above 4.1"),
        ({"level": "5.1", "width": 640, "height": 360}, {"declared"}, "level 5.1 is above 4.1"),
        # what the pictures need, whatever is declared
        ({"width": 1920, "height": 1088}, set(), ""),
        (
            {"level": "4", "width": 1922},
            {"declared", "needed", "actual"},
            "1922x1080 is larger than 1920x1088",
        ),
        (
            {"height": 1090},
            {"declared", "needed", "actual"},
            "1920x1090 is larger than 1920x1088",
        ),
        (
            {"fps": Fraction(61)},
            {"declared", "needed", "actual"},
            "61 frames a second are more than 60",
        ),
        ({"fps": Fraction(60_000, 1001)}, set(), ""),
        ({"bit_depth": 12}, {"declared", "needed", "actual"}, "12 bit is more than 10"),
        (
            {"rate_bps": 20_000_001},
            {"declared", "needed", "actual"},
            "20.0 Mbit/s are more than 20",
        ),
        ({"rate_bps": None}, set(), ""),
        (
            {"profile": "Rext", "chroma": "4:2:2"},
            {"declared", "needed", "actual"},
            "4:2:2 is not among 4:2:0",
        ),
        ({"chroma": "?"}, set(), ""),
        ({"is_interlaced": True}, set(), ""),
        # nothing is held against a stream that declares nothing
        ({"profile": None, "level": None}, set(), ""),
        ({"level": "9.9"}, set(), ""),
        ({"codec": "vvc"}, {"declared", "needed", "actual"}, "no decoder for vvc"),
        ({"codec": "h264"}, {"declared", "needed", "actual"}, "no decoder for h264"),
    ],
)
def test_one_more_than_a_limit_is_refused(
    change: dict[str, Any], bases: set[str], why: str
) -> None:
    video = replace(FITS, **change)
    assert refusing(BOX, video) == bases
    for basis in bases:
        assert why in refusals(BOX, video, Basis(basis))


def test_a_low_declaration_does_not_hide_what_the_pictures_need() -> None:
    big = replace(BOX, video={"hevc": Decoder(replace(LIMITS, width=9999, height=9999), LIMITS)})
    video = replace(FITS, level="3", width=3840, height=2160)
    assert refusals(big, video, Basis.DECLARED) == []
    assert refusals(big, video, Basis.NEEDED) == ["level 5.1 is above 4.1"]
    assert refusals(big, video, Basis.ACTUAL) == [
        "level 5.1 is above 4.1",
        "3840x2160 is larger than 1920x1088",
    ]


@pytest.mark.parametrize(
    ("actual", "why"),
    [
        ({"profiles": ("Main",)}, "profile Main 10 is not among Main"),
        ({"level": "4"}, "level 4.1 is above 4"),
        ({"width": 1280}, "1920x1080 is larger than 1280x1088"),
        ({"height": 720}, "1920x1080 is larger than 1920x720"),
        ({"fps": Fraction(30)}, "60 frames a second are more than 30"),
        ({"bit_depth": 8}, "10 bit is more than 8"),
        ({"chroma": ("4:0:0",)}, "4:2:0 is not among 4:0:0"),
        ({"rate_bps": 10_000_000}, "20.0 Mbit/s are more than 10"),
    ],
)
def test_what_a_box_only_says_of_itself_is_found_by_what_it_can_do(
    actual: dict[str, Any], why: str
) -> None:
    box = with_actual(**actual)
    assert refusing(box, FITS) == {"actual"}
    assert refusals(box, FITS, Basis.ACTUAL) == [why]


def test_interlaced_pictures_are_refused_where_they_cannot_be_decoded(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    line = '      bit_depth: {value: 8, source: "measured"}\n'
    path.write_text(
        GOOD.replace(line, f"{line}      interlaced: {{value: false, assumed: for tests}}\n")
    )
    video = replace(FITS, profile="Main", bit_depth=8, is_interlaced=True)
    box = read_profile(path)
    assert refusing(box, video) == {"actual"}
    assert refusals(box, video, Basis.ACTUAL) == ["interlaced pictures are not decoded"]
    assert refusing(box, replace(video, is_interlaced=False)) == set()
    assert box.origins["video.hevc.actual.interlaced"].assumed == "for tests"


@pytest.mark.parametrize(("codec", "why"), [("aac", []), ("dts", ["no decoder for dts"])])
def test_sound_is_refused_by_its_codec(codec: str, why: list[str]) -> None:
    assert audio_refusals(BOX, AudioFacts(codec, None, 2, 48000)) == why
