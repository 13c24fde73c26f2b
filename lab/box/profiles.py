"""What boxes can decode: archetypes as data, each value with where it comes from.

Three limits are kept apart. What a box *advertises* decides whether its firmware tries at all; what
a stream *needs* may be less or more than it declares; what the box can *actually* do decides
whether pictures come. Where `actual` is silent the advertisement is true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from lab.documents import load_document, read_document
from lab.media.codecs import decoded_by, is_constrained
from lab.media.facts import AudioFacts, VideoFacts
from lab.media.levels import TABLES, is_within


@dataclass(frozen=True)
class Sourced:
    """A value and where it comes from: a source, or the reason why it was assumed."""

    value: Any
    source: str | None
    assumed: str | None


@dataclass(frozen=True)
class Limits:
    """What a decoder of one codec takes. Of `chroma` and `interlaced` a file may be silent: the
    pictures that every decoder takes, 4:2:0, and interlaced ones too.
    """

    profiles: tuple[str, ...]
    level: str
    width: int
    height: int
    fps: Fraction
    bit_depth: int
    rate_bps: int
    chroma: tuple[str, ...] = ("4:2:0",)
    interlaced: bool = True


@dataclass(frozen=True)
class Decoder:
    """One codec on one box."""

    advertised: Limits
    actual: Limits


@dataclass(frozen=True)
class Profile:
    """One kind of box. `origins` has every value of the file by its path, with its provenance."""

    name: str
    title: str
    about: str
    memory_mb: int
    decoders: int
    video: Mapping[str, Decoder]
    audio: tuple[str, ...]
    origins: Mapping[str, Sourced]


class Basis(StrEnum):
    """By what a stream is held against a box."""

    DECLARED = "declared"
    NEEDED = "needed"
    ACTUAL = "actual"


def refusals(profile: Profile, video: VideoFacts, basis: Basis) -> list[str]:
    """Return why a box does not play a stream, by what the stream declares or needs, or by what
    the box can actually do. Nothing returned: it plays.
    """
    decoder = _decoder(profile, video)
    if decoder is None:
        return [f"no decoder for {video.codec}"]
    limits = decoder.actual if basis == Basis.ACTUAL else decoder.advertised
    found = []
    if basis != Basis.NEEDED and video.profile and video.profile not in limits.profiles:
        known = ", ".join(limits.profiles)
        found.append(f"profile {video.profile} is not among {known}")
    level = video.level if basis == Basis.DECLARED else video.needed_level
    if level and is_within(video.codec, level, limits.level) is False:
        found.append(f"level {level} is above {limits.level}")
    if video.bit_depth > limits.bit_depth:
        found.append(f"{video.bit_depth} bit is more than {limits.bit_depth}")
    if video.chroma not in {*limits.chroma, "?"}:
        found.append(f"{video.chroma} is not among {', '.join(limits.chroma)}")
    if video.is_interlaced and not limits.interlaced:
        found.append("interlaced pictures are not decoded")
    if video.width > limits.width or video.height > limits.height:
        size = f"{video.width}x{video.height}"
        found.append(f"{size} is larger than {limits.width}x{limits.height}")
    if video.fps > limits.fps:
        found.append(f"{float(video.fps):g} frames a second are more than {float(limits.fps):g}")
    if video.rate_bps and video.rate_bps > limits.rate_bps:
        found.append(f"{video.rate_bps / 1e6:.1f} Mbit/s are more than {limits.rate_bps / 1e6:g}")
    return found


def _decoder(profile: Profile, video: VideoFacts) -> Decoder | None:
    """Return what decodes a stream, where it can: MPEG-1 is for an MPEG-2 decoder within limits."""
    if video.codec == "mpeg1video" and not is_constrained(video):
        return None
    return profile.video.get(decoded_by(video.codec))


def audio_refusals(profile: Profile, audio: AudioFacts) -> list[str]:
    """Return why a box does not play a sound."""
    known = {decoded_by(codec) for codec in profile.audio}
    return [] if decoded_by(audio.codec) in known else [f"no decoder for {audio.codec}"]


# reading the files


class _SourcedSchema(ma.Schema):
    value = fields.Raw(required=True)
    source = fields.String(validate=validate.Length(min=3))
    assumed = fields.String(validate=validate.Length(min=3))

    @ma.validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("source" in data) == ("assumed" in data):
            raise ma.ValidationError("either `source` or `assumed` says where the value comes from")

    @ma.post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Sourced:
        return Sourced(data["value"], data.get("source"), data.get("assumed"))


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(w, str) for w in value)


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_count(side) for side in value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 10_000_000


KINDS = {
    "profiles": (_is_words, "a list of profiles"),
    "codecs": (_is_words, "a list of codecs"),
    "level": (lambda value: isinstance(value, str), "a level in quotes"),
    "size": (_is_size, "[width, height]"),
    "count": (_is_count, "a whole number above 0"),
    "chroma": (_is_words, "a list of samplings such as 4:2:0"),
    "yes_no": (lambda value: isinstance(value, bool), "true or false"),
}
LIMITS = {
    "profiles": "profiles",
    "level": "level",
    "size": "size",
    "fps": "count",
    "bit_depth": "count",
    "rate_kbps": "count",
    "chroma": "chroma",
    "interlaced": "yes_no",
}
OPTIONAL = frozenset({"chroma", "interlaced"})


class _Sourced(fields.Nested):
    """A value of one kind with its provenance."""

    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__(_SourcedSchema, **options)
        self._is_right, self._wanted = KINDS[kind]

    def _deserialize(
        self,
        value: Any,
        attr: str | None,
        data: Mapping[str, Any] | None,
        partial: Any = None,
        **options: Any,
    ) -> Any:
        found = super()._deserialize(value, attr, data, partial, **options)
        if not self._is_right(found.value):
            raise ma.ValidationError(f"{found.value!r} is not {self._wanted}")
        return found


def _limits_schema(*, is_whole: bool) -> type[ma.Schema]:
    made: dict[str, fields.Field[Any]] = {
        name: _Sourced(kind, required=is_whole and name not in OPTIONAL)
        for name, kind in LIMITS.items()
    }
    return ma.Schema.from_dict(made, name="Advertised" if is_whole else "Actual")


class _DecoderSchema(ma.Schema):
    advertised = fields.Nested(_limits_schema(is_whole=True), required=True)
    actual = fields.Nested(_limits_schema(is_whole=False), load_default=dict)


class ProfileSchema(ma.Schema):
    """A file of a box archetype."""

    title = fields.String(required=True, validate=validate.Length(1, 100))
    about = fields.String(required=True, validate=validate.Length(1, 1000))
    memory_mb = _Sourced("count", required=True)
    decoders = _Sourced("count", required=True)
    video = fields.Dict(
        keys=fields.String(validate=validate.OneOf(sorted(TABLES))),
        values=fields.Nested(_DecoderSchema),
        required=True,
        validate=validate.Length(min=1),
    )
    audio = _Sourced("codecs", required=True)


def read_profile(path: Path) -> Profile:
    """Read a profile from a file; its name is the file's.

    Raises:
        BadDocument: the file is no profile.
        OSError: it cannot be read.
    """
    return _profile(path.stem, read_document(path, ProfileSchema()))


def shipped_profiles() -> dict[str, Profile]:
    """Return the archetypes that ship with the lab, by name."""
    folder = files("lab.box") / "profiles"
    found = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            data = load_document(file.read_text("utf-8"), ProfileSchema(), name=file.name)
            name = file.name.removesuffix(".yaml")
            found[name] = _profile(name, data)
    return found


def _profile(name: str, data: dict[str, Any]) -> Profile:
    video = {}
    for codec, decoder in data["video"].items():
        advertised = _limits({key: sourced.value for key, sourced in decoder["advertised"].items()})
        changes = {key: sourced.value for key, sourced in decoder["actual"].items()}
        video[codec] = Decoder(advertised, _changed(advertised, changes))
    return Profile(
        name=name,
        title=data["title"],
        about=data["about"].strip(),
        memory_mb=data["memory_mb"].value,
        decoders=data["decoders"].value,
        video=video,
        audio=tuple(data["audio"].value),
        origins=dict(_origins(data)),
    )


def _limits(values: Mapping[str, Any]) -> Limits:
    return Limits(
        profiles=tuple(values["profiles"]),
        level=values["level"],
        width=values["size"][0],
        height=values["size"][1],
        fps=Fraction(values["fps"]),
        bit_depth=values["bit_depth"],
        rate_bps=values["rate_kbps"] * 1000,
        chroma=tuple(values.get("chroma", ("4:2:0",))),
        interlaced=values.get("interlaced", True),
    )


def _changed(limits: Limits, values: Mapping[str, Any]) -> Limits:
    whole = {
        "profiles": list(limits.profiles),
        "level": limits.level,
        "size": [limits.width, limits.height],
        "fps": limits.fps,
        "bit_depth": limits.bit_depth,
        "rate_kbps": limits.rate_bps // 1000,
        "chroma": list(limits.chroma),
        "interlaced": limits.interlaced,
    }
    return replace(limits, **vars(_limits({**whole, **values})))


def _origins(data: Any, where: Sequence[str] = ()) -> list[tuple[str, Sourced]]:
    if isinstance(data, Sourced):
        return [(".".join(where), data)]
    if not isinstance(data, Mapping):
        return []
    return [pair for key, part in data.items() for pair in _origins(part, (*where, str(key)))]
