"""Codecs that FFmpeg tells apart where one decoder decodes both."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from lab.box.profiles import (
    Basis,
    Profile,
    audio_refusals,
    refusals,
    shipped_profiles,
)
from lab.media.codecs import audio_layer, decoded_by, told_apart
from lab.media.facts import AudioFacts, VideoFacts

BOX = shipped_profiles()["sd-hd-2012"]
VCD = VideoFacts("mpeg1video", None, None, 352, 288, Fraction(25), 8, "4:2:0", rate_bps=1_150_000)


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("aac_latm", "aac"),
        ("mp1", "mp2"),
        ("mpeg1video", "mpeg2video"),
        ("pcm_bluray", "pcm"),
        ("pcm_dvd", "pcm"),
        ("pcm_s16le", "pcm"),
        ("pcm_s24be", "pcm"),
        ("pcm_u8", "pcm"),
        *((same, same) for same in ("aac", "mp2", "mp3", "eac3", "truehd", "mlp", "hevc", "pcm")),
        *((same, same) for same in ("pcm_f32le", "pcm_alaw", "pcm_mulaw", "s302m", "avs2", "avs3")),
    ],
)
def test_a_codec_is_judged_by_the_name_of_its_decoder(codec: str, name: str) -> None:
    assert decoded_by(codec) == name


def test_only_another_wrapping_is_spoken_of() -> None:
    assert told_apart("aac_latm") == (
        "aac_latm is AAC wrapped in LATM (ISO/IEC 14496-3 clause 1.7); judged as aac"
    )
    assert [told_apart(codec) for codec in ("aac", "pcm_s16le", "hevc")] == [None] * 3


@pytest.mark.parametrize(
    ("codec", "profile", "why"),
    [
        ("aac_latm", "LC", []),
        ("aac_latm", "HE-AAC", []),
        ("mp1", None, []),
        ("mp3", None, ["no decoder for mp3"]),
        ("eac3", "Dolby Digital Plus + Dolby Atmos", ["no decoder for eac3"]),
        ("pcm_bluray", None, ["no decoder for pcm_bluray"]),
    ],
)
def test_sound_is_judged_by_its_decoder(codec: str, profile: str | None, why: list[str]) -> None:
    assert audio_refusals(BOX, AudioFacts(codec, profile, 2, 48000)) == why


def test_atmos_is_played_without_its_objects() -> None:
    atmos = AudioFacts("eac3", "Dolby Digital Plus + Dolby Atmos", 6, 48000)
    assert audio_refusals(shipped_profiles()["uhd-2018"], atmos) == []


@pytest.mark.parametrize("listed", ["pcm", "pcm_s16le", "pcm_bluray"])
def test_a_profile_may_list_any_name_of_linear_pcm(listed: str) -> None:
    box = replace(BOX, audio=(listed,))
    assert audio_refusals(box, AudioFacts("pcm_s24be", None, 2, 48000)) == []


@pytest.mark.parametrize(
    ("change", "plays"),
    [
        ({}, True),
        ({"width": 352, "height": 240, "fps": Fraction(30)}, True),
        ({"width": 720, "height": 576}, False),
        ({"width": 352, "height": 288, "fps": Fraction(30)}, False),
        ({"width": 784, "height": 16}, False),
        ({"width": 16, "height": 592}, False),
        ({"width": 64, "height": 64, "fps": Fraction(50)}, False),
    ],
)
def test_mpeg_1_is_for_an_mpeg_2_decoder_within_its_constrained_parameters(
    change: dict[str, int], *, plays: bool
) -> None:
    found = refusals(BOX, replace(VCD, **change), Basis.DECLARED)  # type: ignore[arg-type]
    assert found == ([] if plays else ["no decoder for mpeg1video"])
    without: Profile = replace(BOX, video={"h264": BOX.video["h264"]})
    assert refusals(without, VCD, Basis.DECLARED) == ["no decoder for mpeg1video"]


@pytest.mark.parametrize(
    ("header", "codec"),
    [
        ("fffde404", "mp2"),
        ("fffbe404", "mp3"),
        ("ffffe404", "mp1"),
        ("fff5e404", "mp2"),  # lower sampling rates of ISO/IEC 13818-3
        ("fff9e404", None),  # the reserved layer, which ADTS has
        ("7ffde404", None),
        ("ff", None),
        ("", None),
    ],
)
def test_the_layer_of_mpeg_audio_is_read_from_its_header(header: str, codec: str | None) -> None:
    assert audio_layer(bytes.fromhex(header)) == codec
