"""What a scenario file holds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from lab.box.player import Habits
from lab.box.profiles import shipped_profiles
from lab.measures.catalogue import Kind, full_names
from lab.media.content import Content
from lab.media.encode import CODECS, Recipe
from lab.network.loss import GilbertElliott
from lab.network.trace_files import FORMATS
from lab.network.traces import Trace
from lab.units import NS_PER_MS, NS_PER_S, from_seconds

NAME = validate.Regexp(r"^[a-z0-9][a-z0-9_-]{0,39}$", error="Small letters, digits, - and _.")
Above = validate.Range


@dataclass(frozen=True)
class Expectation:
    """What one figure has to be. Exactly one of the three is set."""

    measure: str
    at_most: float | None = None
    at_least: float | None = None
    equals: float | None = None

    def holds(self, value: float) -> bool:
        """Tell whether a value is as expected."""
        if self.at_most is not None:
            return value <= self.at_most
        if self.at_least is not None:
            return value >= self.at_least
        return value == self.equals

    def __str__(self) -> str:
        """Return it as a sentence has it."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"exactly {self.equals:g}"


@dataclass(frozen=True)
class TraceSource:
    """Where a link's rate comes from: a file, a constant, or a seeded model.

    `read` is what the file holds, once the scenario is read.
    """

    file: str | None = None
    form: str | None = None
    read: Trace | None = None
    constant_bps: int | None = None
    model: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rung:
    """One rung of the ladder that boxes play from."""

    codec: str
    profile: str
    width: int
    height: int
    fps: int
    rate_bps: int


@dataclass(frozen=True)
class Playback:
    """N boxes that play a programme over one link."""

    boxes: int
    start_within_ns: int
    profiles: Mapping[str, int]
    round_trip_ns: int
    trace: TraceSource
    segment_ns: int
    segments: int
    variation: float
    rungs: tuple[Rung, ...]
    habits: Habits


@dataclass(frozen=True)
class Fault:
    """A fault planted in a stream: `drop_key_picture`, `swap_continuity` or `drop_clock`."""

    kind: str
    stream: str
    number: int = 1
    start: float = 0.5
    end: float = 0.6


@dataclass(frozen=True)
class Stream:
    """Streams that are damaged on their way, and decoded."""

    streams: Mapping[str, Recipe]
    loss: GilbertElliott | None
    faults: tuple[Fault, ...]
    strict: bool


@dataclass(frozen=True)
class LadderOffer:
    """Streams that are offered to boxes."""

    streams: Mapping[str, Recipe]
    profiles: tuple[str, ...]


Work = Playback | Stream | LadderOffer


@dataclass(frozen=True)
class Change:
    """A value of the file that was changed for one run, by its dotted path. Values are JSON text;
    `before` is None where the file has none.
    """

    name: str
    before: str | None
    now: str


@dataclass(frozen=True)
class Scenario:
    """A scenario; `name` comes from its file, `digest` from that and from the changes."""

    name: str
    digest: str
    title: str
    about: str
    kind: Kind
    work: Work
    expect: tuple[Expectation, ...]
    changes: tuple[Change, ...] = ()

    @property
    def measures(self) -> list[str]:
        """The full names of the figures that a run of it gives."""
        streams = () if isinstance(self.work, Playback) else tuple(self.work.streams)
        boxes = self.work.profiles if isinstance(self.work, LadderOffer) else ()
        return full_names(self.kind, streams, boxes)


class _Schema(ma.Schema):
    class Meta:
        """Times and rates may be written as 4 or 4.0."""

        unknown = ma.RAISE


class Number(fields.Float):
    """A number. Text that looks like one is refused, as it is where a whole number is wanted."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, str):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class ExpectationSchema(_Schema):
    """One line of `expect`."""

    measure = fields.String(required=True)
    at_most = Number()
    at_least = Number()
    equals = fields.Raw()

    @ma.validates_schema
    def _one(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) - ("measure" in data) != 1:
            raise ma.ValidationError("exactly one of at_most, at_least, equals")

    @ma.post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Expectation:
        if "equals" in data:
            if not isinstance(data["equals"], (bool, int, float)):
                raise ma.ValidationError("a number, true or false", "equals")
            data["equals"] = _finite(data["equals"])
        return Expectation(**data)


def _finite(number: float) -> float:
    """Return a number that a figure can be.

    Raises:
        ValidationError: none can.
    """
    try:
        found = float(number)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise ma.ValidationError("no figure is infinite, or no number", "equals")
    return found


class TraceSchema(_Schema):
    """`trace`: one of `file`, `constant_mbps`, `mean_mbps`."""

    file = fields.String(validate=validate.Length(1, 300))
    format = fields.String(validate=validate.OneOf(FORMATS))
    constant_mbps = Number(validate=Above(0.001, 100_000))
    mean_mbps = Number(validate=Above(0.001, 100_000))
    duration_s = Number(validate=Above(1, 604_800))
    variation = Number(validate=Above(0, 3))
    correlation = Number(validate=Above(0, 0.9999))
    step_s = Number(validate=Above(0.01, 3600))

    @ma.post_load
    def _made(self, data: dict[str, Any], **_: Any) -> TraceSource:
        named = [name for name in ("file", "constant_mbps", "mean_mbps") if name in data]
        if len(named) != 1:
            raise ma.ValidationError("exactly one of file, constant_mbps, mean_mbps")
        extra = set(data) - {*named, *({"format"} if named == ["file"] else ())}
        if extra and named != ["mean_mbps"]:
            raise ma.ValidationError(f"{', '.join(sorted(extra))} goes with mean_mbps alone")
        if named == ["file"]:
            return TraceSource(file=data["file"], form=data.get("format"))
        if named == ["constant_mbps"]:
            return TraceSource(constant_bps=round(data["constant_mbps"] * 1e6))
        model = {"mean_bps": round(data.pop("mean_mbps") * 1e6)}
        model["duration_ns"] = from_seconds(data.pop("duration_s", 300))
        if "step_s" in data:
            model["step_ns"] = from_seconds(data.pop("step_s"))
        return TraceSource(model={**model, **data})


class LinkSchema(_Schema):
    """`link`."""

    trace = fields.Nested(TraceSchema, required=True)
    round_trip_ms = Number(load_default=40.0, validate=Above(0, 60_000))


class RungSchema(_Schema):
    """One rung."""

    codec = fields.String(load_default="h264", validate=validate.OneOf(sorted(CODECS)))
    profile = fields.String(load_default="High")
    width = fields.Integer(required=True, strict=True, validate=Above(16, 8192))
    height = fields.Integer(required=True, strict=True, validate=Above(16, 4320))
    fps = fields.Integer(load_default=25, strict=True, validate=Above(1, 120))
    kbps = fields.Integer(required=True, strict=True, validate=Above(1, 1_000_000))

    @ma.post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Rung:
        return Rung(rate_bps=data.pop("kbps") * 1000, **data)


class ProgrammeSchema(_Schema):
    """`programme`."""

    segment_s = Number(load_default=4.0, validate=Above(0.1, 60))
    segments = fields.Integer(load_default=75, strict=True, validate=Above(1, 100_000))
    variation = Number(load_default=0.2, validate=Above(0, 0.9))
    rungs = fields.List(fields.Nested(RungSchema), required=True, validate=validate.Length(1, 20))

    @ma.validates("rungs")
    def _rise(self, rungs: list[Rung], **_: Any) -> None:
        rates = [rung.rate_bps for rung in rungs]
        if sorted(set(rates)) != rates:
            raise ma.ValidationError("the rates of the rungs rise")
        if len({rung.codec for rung in rungs}) != 1:
            raise ma.ValidationError("all rungs have one codec")


class PlayerSchema(_Schema):
    """`player`."""

    startup_s = Number(load_default=8.0, validate=Above(0.1, 600))
    resume_s = Number(load_default=4.0, validate=Above(0.1, 600))
    most_s = Number(load_default=30.0, validate=Above(0.1, 3600))
    safety = Number(load_default=0.85, validate=Above(0.05, 1))

    @ma.post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Habits:
        try:
            return Habits(
                startup_ns=from_seconds(data["startup_s"]),
                resume_ns=from_seconds(data["resume_s"]),
                most_ns=from_seconds(data["most_s"]),
                safety_permille=round(data["safety"] * 1000),
            )
        except ValueError as error:
            raise ma.ValidationError(str(error)) from error


class RecipeSchema(_Schema):
    """One stream to be encoded."""

    codec = fields.String(required=True, validate=validate.OneOf(sorted(CODECS)))
    width = fields.Integer(load_default=640, strict=True)
    height = fields.Integer(load_default=360, strict=True)
    fps = fields.Integer(load_default=25, strict=True)
    seconds = Number(load_default=10.0, validate=Above(0.2, 600))
    bit_depth = fields.Integer(load_default=8, strict=True)
    noise = fields.Integer(load_default=6, strict=True)
    quality = fields.Integer(load_default=26, strict=True)
    key_every_s = Number(load_default=1.0)
    mux_mbps = Number(load_default=1.5)
    declared_level = fields.String()

    @ma.post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Recipe:
        shape = ("width", "height", "fps", "bit_depth", "noise")
        frames = round(data["seconds"] * data["fps"])
        try:
            return Recipe(
                codec=data["codec"],
                content=Content(**{name: data[name] for name in shape}, frames=frames),
                quality=data["quality"],
                key_every_s=data["key_every_s"],
                mux_bps=round(data["mux_mbps"] * 1e6),
                declared_level=data.get("declared_level"),
            )
        except ValueError as error:
            raise ma.ValidationError(str(error)) from error


class LossSchema(_Schema):
    """`loss`: Gilbert-Elliott, by datagram; `times` multiplies the mean loss."""

    p = Number(required=True, validate=Above(0, 1))
    r = Number(required=True, validate=Above(0, 1))
    h = Number(load_default=1.0, validate=Above(0, 1))
    k = Number(load_default=0.0, validate=Above(0, 1))
    times = Number(load_default=1.0, validate=Above(0, 1000))

    @ma.post_load
    def _made(self, data: dict[str, Any], **_: Any) -> GilbertElliott:
        factor = data.pop("times")
        try:
            channel = GilbertElliott(**data)
            return channel if factor == 1 else channel.times(factor)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from error


class FaultSchema(_Schema):
    """One planted fault. `number` is of the key picture; `start` and `end` are shares of the length."""

    kind = fields.String(
        required=True,
        validate=validate.OneOf(["drop_key_picture", "swap_continuity", "drop_clock"]),
    )
    stream = fields.String(required=True)
    number = fields.Integer(strict=True, validate=Above(0, 100_000))
    start = Number(validate=Above(0, 1))
    end = Number(validate=Above(0, 1))

    @ma.post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Fault:
        return Fault(**data)


class _ScenarioSchema(_Schema):
    title = fields.String(required=True, validate=validate.Length(1, 100))
    about = fields.String(required=True, validate=validate.Length(1, 2000))
    kind = fields.String(required=True)
    expect = fields.List(
        fields.Nested(ExpectationSchema), required=True, validate=validate.Length(1, 200)
    )


class PlaybackSchema(_ScenarioSchema):
    """A file of kind `playback`."""

    boxes = fields.Integer(required=True, strict=True, validate=Above(1, 100_000))
    start_within_s = Number(load_default=60.0, validate=Above(0, 86_400))
    profiles = fields.Dict(
        keys=fields.String(validate=validate.OneOf(sorted(shipped_profiles()))),
        values=fields.Integer(strict=True, validate=Above(1, 1000)),
        required=True,
        validate=validate.Length(min=1),
    )
    link = fields.Nested(LinkSchema, required=True)
    programme = fields.Nested(ProgrammeSchema, required=True)
    player = fields.Nested(PlayerSchema, load_default=lambda: PlayerSchema().load({}))

    @ma.validates_schema(skip_on_field_errors=True)
    def _ahead(self, data: dict[str, Any], **_: Any) -> None:
        """A box asks for a segment when the buffer has room for it, and waits a round trip."""
        segment_s = data["programme"]["segment_s"]
        needed_ns = from_seconds(segment_s) + round(data["link"]["round_trip_ms"] * NS_PER_MS)
        if data["player"].most_ns <= needed_ns:
            why = (
                f"every box would stand still at every segment: more than {needed_ns / NS_PER_S:g}"
                " is needed, a segment and a round trip"
            )
            raise ma.ValidationError({"player": {"most_s": [why]}})

    def work(self, data: dict[str, Any]) -> Playback:
        """Return what is to be done."""
        programme = data["programme"]
        return Playback(
            boxes=data["boxes"],
            start_within_ns=from_seconds(data["start_within_s"]),
            profiles=data["profiles"],
            round_trip_ns=round(data["link"]["round_trip_ms"] * NS_PER_MS),
            trace=data["link"]["trace"],
            segment_ns=from_seconds(programme["segment_s"]),
            segments=programme["segments"],
            variation=programme["variation"],
            rungs=tuple(programme["rungs"]),
            habits=data["player"],
        )


_STREAMS = {
    "keys": fields.String(validate=NAME),
    "values": fields.Nested(RecipeSchema),
    "required": True,
    "validate": validate.Length(1, 20),
}


class StreamSchema(_ScenarioSchema):
    """A file of kind `stream`."""

    streams = fields.Dict(**_STREAMS)  # type: ignore[arg-type]
    loss = fields.Nested(LossSchema)
    faults = fields.List(fields.Nested(FaultSchema), load_default=list)
    strict = fields.Boolean(load_default=False, truthy={True}, falsy={False})

    @ma.validates_schema
    def _known(self, data: dict[str, Any], **_: Any) -> None:
        for name, recipe in data.get("streams", {}).items():
            if recipe.suffix != "ts":
                raise ma.ValidationError({"streams": {name: ["goes into MP4, not into MPEG-TS"]}})
        for number, fault in enumerate(data.get("faults", [])):
            if fault.stream not in data.get("streams", {}):
                raise ma.ValidationError({"faults": {number: {"stream": ["no such stream"]}}})

    def work(self, data: dict[str, Any]) -> Stream:
        """Return what is to be done."""
        faults = tuple(data["faults"])
        return Stream(data["streams"], data.get("loss"), faults, data["strict"])


class LadderSchema(_ScenarioSchema):
    """A file of kind `ladder`."""

    streams = fields.Dict(**_STREAMS)  # type: ignore[arg-type]
    profiles = fields.List(
        fields.String(validate=validate.OneOf(sorted(shipped_profiles()))),
        required=True,
        validate=validate.Length(min=1),
    )

    def work(self, data: dict[str, Any]) -> LadderOffer:
        """Return what is to be done."""
        return LadderOffer(data["streams"], tuple(data["profiles"]))


SCHEMAS: dict[str, type[PlaybackSchema] | type[StreamSchema] | type[LadderSchema]] = {
    Kind.PLAYBACK: PlaybackSchema,
    Kind.STREAM: StreamSchema,
    Kind.LADDER: LadderSchema,
}
