"""Real decoders at work: which pictures come out of a stream, and what the decoder says of it.

FFmpeg by default conceals what it can; with `strict` it refuses what is damaged (`err_detect=
explode`), as some silicon does. HEVC pictures are never flagged as corrupt, only packets are.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import av.logging

from lab.media.content import Luma, luma_of
from lab.media.facts import VideoFacts
from lab.media.probe import video_facts

# Else what is counted would depend on what was logged before, by whomever in this process.
av.logging.set_skip_repeated(False)

EXACT_RATE = 1001  # the largest denominator of a rate in use: 30000/1001 and its like


@dataclass(frozen=True)
class Shown:
    """One picture that came out: its place in the programme, counted in frames from its start."""

    number: int
    luma: Luma
    pixels: str
    is_corrupt: bool


@dataclass
class Account:
    """What the decoder made of a stream. Numbers of corrupt pictures are those of `Shown`."""

    packets: int = 0
    corrupt_packets: int = 0
    frames: int = 0
    corrupt: list[int] = field(default_factory=list)
    refused: int = 0
    logged: Counter[str] = field(default_factory=Counter)


def start_of(data: bytes) -> Fraction:
    """Return when the first picture of a stream is to be shown, in seconds."""
    with av.open(BytesIO(data), "r") as source:
        stream = source.streams.video[0]
        base = stream.time_base or Fraction(1)
        first = min(p.pts for p in source.demux(stream) if p.pts is not None)
        return first * base


def decode(
    data: bytes, account: Account, *, fps: int, start_s: Fraction, strict: bool = False
) -> Iterator[Shown]:
    """Decode a stream, one thread, and hand out its pictures in the order of their showing.

    `start_s` is when the undamaged programme begins. What happened is written into `account`.
    """
    with _logged(account), av.open(BytesIO(data), "r") as source:
        stream = source.streams.video[0]
        stream.codec_context.thread_count = 1
        if strict:
            stream.codec_context.options = {"err_detect": "explode"}
        for packet in source.demux(stream):
            if packet.size:
                account.packets += 1
                account.corrupt_packets += packet.is_corrupt
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                account.refused += 1
                continue
            for frame in frames:
                shown = _shown(frame, fps, start_s)
                account.frames += 1
                if shown.is_corrupt:
                    account.corrupt.append(shown.number)
                yield shown


def _shown(frame: av.VideoFrame, fps: int, start_s: Fraction) -> Shown:
    at_s = Fraction(frame.pts or 0) * (frame.time_base or Fraction(1))
    number = round((at_s - start_s) * fps)
    return Shown(number, luma_of(frame), frame.format.name, frame.is_corrupt)


@contextmanager
def _logged(account: Account) -> Iterator[None]:
    """Count what FFmpeg logs meanwhile, by who says it."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture() as lines:
            yield
    finally:
        av.logging.set_level(level)
        account.logged.update(name for _, name, _ in lines)


@dataclass(frozen=True)
class Watched:
    """A stream that was decoded to its end. `facts` are those of its pictures, None where none
    came; `pictures` came whole, of so many that were `due`; `trouble` is what the decoder or the
    container said first.
    """

    facts: VideoFacts | None
    pictures: int
    due: int
    trouble: str = ""

    @property
    def faults(self) -> list[str]:
        """Why it does not play, whatever box it is on; nothing where every picture came."""
        if self.pictures >= self.due and not self.trouble:
            return []
        came = f"{self.pictures or 'none'} of {self.due} pictures came out of the decoder"
        return [f"{came} ({self.trouble})" if self.trouble else came]


def watch(path: Path, due: int, tell: Callable[[int, int], None]) -> Watched:
    """Decode a file to its end, one thread; `tell` hears of pictures (came, due). What the decoder
    refuses, or the file lacks, is returned and not raised.
    """
    seen, facts, trouble = _Seen(), None, ""
    try:
        with av.open(str(path), "r") as source:
            stream = source.streams.video[0]
            stream.codec_context.thread_count = 1
            for packet in source.demux(stream):
                try:
                    seen.add(packet)
                except av.error.FFmpegError as error:
                    trouble = trouble or _said(error)
                tell(min(seen.whole, due), due)
            facts = seen.facts(stream)
    except av.error.FFmpegError as error:
        trouble = trouble or _said(error)
    return Watched(facts, seen.whole, due, trouble)


def _said(error: av.error.FFmpegError) -> str:
    return str(error.strerror or error)


@dataclass
class _Seen:
    """What pictures were like: width, height and bits a sample of each, and when it was shown."""

    whole: int = 0
    bits: int = 0
    units: int = 0
    is_interlaced: bool = False
    sizes: set[tuple[int, int]] = field(default_factory=set)
    depths: set[int] = field(default_factory=set)
    at_s: list[Fraction] = field(default_factory=list)

    def add(self, packet: "av.Packet[av.VideoStream]") -> None:
        """Decode a packet.

        Raises:
            FFmpegError: the decoder refuses it.
        """
        self.bits += packet.size * 8
        self.units += bool(packet.size)
        for frame in packet.decode():
            self.whole += not frame.is_corrupt
            self.is_interlaced |= frame.interlaced_frame
            self.sizes.add((frame.width, frame.height))
            self.depths.add(max(part.bits for part in frame.format.components))
            if frame.pts is not None and frame.time_base:
                self.at_s.append(frame.pts * frame.time_base)

    def facts(self, stream: av.VideoStream) -> VideoFacts | None:
        """Return what the largest of the pictures need, at the rate at which they came; their
        profile is the one that the decoder read.
        """
        if not self.sizes:
            return None
        read = video_facts(stream)
        span_s = max(self.at_s) - min(self.at_s) if self.at_s else Fraction(0)
        fps = (len(self.at_s) - 1) / span_s if span_s else read.fps
        return replace(
            read,
            level=None,
            width=max(width for width, _ in self.sizes),
            height=max(height for _, height in self.sizes),
            fps=fps.limit_denominator(EXACT_RATE),
            bit_depth=max(self.depths),
            is_interlaced=self.is_interlaced,
            rate_bps=round(self.bits * fps / self.units),
        )
