"""Real decoders at work: which pictures come out of a stream, and what the decoder says of it.

FFmpeg by default conceals what it can; with `strict` it refuses what is damaged (`err_detect=
explode`), as some silicon does. HEVC pictures are never flagged as corrupt, only packets are.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO

import av
import av.logging

from lab.media.content import Luma, luma_of


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
