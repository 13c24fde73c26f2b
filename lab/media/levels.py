"""The level that a picture's size and rate need, whatever level a stream declares.

A declared level can lie; firmware refuses by what is declared, silicon fails by what is needed.
Units: samples, macroblocks (16 x 16 samples), pictures a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt


@dataclass(frozen=True)
class Limit:
    """One level: the largest picture, and the most of its units in a second."""

    level: str
    picture: int
    rate: int
    width: int | None = None
    height: int | None = None


# ITU-T H.264 (08/2021) table A-1: MaxFS and MaxMBPS, in macroblocks
H264 = (
    Limit("1", 99, 1_485),
    Limit("1.1", 396, 3_000),
    Limit("1.2", 396, 6_000),
    Limit("1.3", 396, 11_880),
    Limit("2", 396, 11_880),
    Limit("2.1", 792, 19_800),
    Limit("2.2", 1_620, 20_250),
    Limit("3", 1_620, 40_500),
    Limit("3.1", 3_600, 108_000),
    Limit("3.2", 5_120, 216_000),
    Limit("4", 8_192, 245_760),
    Limit("4.1", 8_192, 245_760),
    Limit("4.2", 8_704, 522_240),
    Limit("5", 22_080, 589_824),
    Limit("5.1", 36_864, 983_040),
    Limit("5.2", 36_864, 2_073_600),
    Limit("6", 139_264, 4_177_920),
    Limit("6.1", 139_264, 8_355_840),
    Limit("6.2", 139_264, 16_711_680),
)
# ITU-T H.265 (08/2021) tables A.8 and A.9: MaxLumaPs and MaxLumaSr, in luma samples
HEVC = (
    Limit("1", 36_864, 552_960),
    Limit("2", 122_880, 3_686_400),
    Limit("2.1", 245_760, 7_372_800),
    Limit("3", 552_960, 16_588_800),
    Limit("3.1", 983_040, 33_177_600),
    Limit("4", 2_228_224, 66_846_720),
    Limit("4.1", 2_228_224, 133_693_440),
    Limit("5", 8_912_896, 267_386_880),
    Limit("5.1", 8_912_896, 534_773_760),
    Limit("5.2", 8_912_896, 1_069_547_520),
    Limit("6", 35_651_584, 1_069_547_520),
    Limit("6.1", 35_651_584, 2_139_095_040),
    Limit("6.2", 35_651_584, 4_278_190_080),
)
# AV1 bitstream specification (2019-01-08), annex A.3: MaxPicSize, MaxDisplayRate, MaxHSize, MaxVSize
AV1 = (
    Limit("2.0", 147_456, 4_423_680, 2_048, 1_152),
    Limit("2.1", 278_784, 8_363_520, 2_816, 1_584),
    Limit("3.0", 665_856, 19_975_680, 4_352, 2_448),
    Limit("3.1", 1_065_024, 31_950_720, 5_504, 3_096),
    Limit("4.0", 2_359_296, 70_778_880, 6_144, 3_456),
    Limit("4.1", 2_359_296, 141_557_760, 6_144, 3_456),
    Limit("5.0", 8_912_896, 267_386_880, 8_192, 4_352),
    Limit("5.1", 8_912_896, 534_773_760, 8_192, 4_352),
    Limit("5.2", 8_912_896, 1_069_547_520, 8_192, 4_352),
    Limit("6.0", 35_651_584, 1_069_547_520, 16_384, 8_704),
    Limit("6.1", 35_651_584, 2_139_095_040, 16_384, 8_704),
    Limit("6.2", 35_651_584, 4_278_190_080, 16_384, 8_704),
)
# VP9 levels, webmproject.org/vp9/levels: luma picture size and luma sample rate
VP9 = (
    Limit("1", 36_864, 829_440),
    Limit("1.1", 73_728, 2_764_800),
    Limit("2", 122_880, 4_608_000),
    Limit("2.1", 245_760, 9_216_000),
    Limit("3", 552_960, 20_736_000),
    Limit("3.1", 983_040, 36_864_000),
    Limit("4", 2_228_224, 83_558_400),
    Limit("4.1", 2_228_224, 160_432_128),
    Limit("5", 8_912_896, 311_951_360),
    Limit("5.1", 8_912_896, 588_251_136),
    Limit("5.2", 8_912_896, 1_176_502_272),
    Limit("6", 35_651_584, 1_176_502_272),
    Limit("6.1", 35_651_584, 2_353_004_544),
    Limit("6.2", 35_651_584, 4_706_009_088),
)
# ISO/IEC 13818-2 table 8-11: a picture's width and height, and luma samples a second
MPEG2 = (
    Limit("Low", 352 * 288, 3_041_280, 352, 288),
    Limit("Main", 720 * 576, 10_368_000, 720, 576),
    Limit("High 1440", 1440 * 1152, 47_001_600, 1440, 1152),
    Limit("High", 1920 * 1152, 62_668_800, 1920, 1152),
)
TABLES: dict[str, Sequence[Limit]] = {
    "h264": H264,
    "hevc": HEVC,
    "av1": AV1,
    "vp9": VP9,
    "mpeg2video": MPEG2,
}


def needed_level(codec: str, width: int, height: int, fps: Fraction) -> str | None:
    """Return the lowest level that holds a picture and its rate; None where none does, or where the
    codec has no levels here.

    Bit rates and reference pictures, which may ask for more, are not looked at.
    """
    in_macroblocks = codec == "h264"
    across, down = (-(-width // 16), -(-height // 16)) if in_macroblocks else (width, height)
    for limit in TABLES.get(codec, ()):
        # H.264 A.3.1 and H.265 A.4.1: no side is longer than the root of 8 pictures
        longest = isqrt(8 * limit.picture) if codec in {"h264", "hevc"} else None
        sides_fit = across <= (longest or limit.width or across) and down <= (
            longest or limit.height or down
        )
        if sides_fit and across * down <= limit.picture and across * down * fps <= limit.rate:
            return limit.level
    return None


def is_within(codec: str, level: str, most: str) -> bool | None:
    """Tell whether a level is no higher than another; None where one of them is not known."""
    order = [limit.level for limit in TABLES.get(codec, ())]
    if level not in order or most not in order:
        return None
    return order.index(level) <= order.index(most)
