"""What the packets of an open file tell: sizes, times, scan, the layer of MPEG audio."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av

from lab.media.codecs import AUDIO_LAYERS, audio_layer
from lab.media.rates import Clock, told_leaps

PICTURES_LOOKED_AT = 8
MOST_TRIES = 100


def first_bytes(most_bytes: int) -> str:
    """Return in words how much of a file was read."""
    return f"the first {most_bytes // 1_000_000} MB"


@dataclass
class Measured:
    """What the packets of a file tell. Sizes in bits, by a stream's index."""

    sizes: Counter[int] = field(default_factory=Counter)
    clocks: dict[int, Clock] = field(default_factory=dict)
    interlaced: set[int] = field(default_factory=set)
    layers: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    is_whole: bool = True

    def add(self, packet: "av.Packet[Any]") -> None:
        """Count a packet, if it has a time."""
        if not packet.size or packet.dts is None or not packet.time_base:
            return
        index, tick = packet.stream.index, packet.time_base
        self.sizes[index] += packet.size * 8
        clock = self.clocks.setdefault(index, Clock())
        clock.add(packet.dts * Fraction(tick), Fraction(packet.duration or 0) * tick)

    def rates(self) -> dict[int, int]:
        """Return the mean rate of each stream: bit/s."""
        return {
            index: round(size / self.clocks[index].length_s)
            for index, size in self.sizes.items()
            if self.clocks[index].length_s
        }

    def told(self) -> Iterator[str]:
        """Return what is to be known of the figures."""
        if words := told_leaps(self.clocks.values()):
            length = "rates and length are" if self.is_whole else "rates are"
            yield f"{words}; {length} those of the parts added up"
        yield from self.notes

    def length_s(self, opened: av.container.InputContainer) -> float | None:
        """Return how long a file is. Where its clock leaps the difference of its last and its first
        time stamp is no length: its packets are added up, if all of them were read.
        """
        if not any(clock.leaps for clock in self.clocks.values()):
            return opened.duration / av.time_base if opened.duration else None
        if not self.is_whole:
            return None
        return float(max(clock.length_s for clock in self.clocks.values()))


def measure(
    opened: av.container.InputContainer,
    timed: Collection[int],
    looked_at: Collection[int],
    most_bytes: int,
) -> Measured:
    """Read packets up to a number of bytes, time those of some streams, and look into the first of
    some. What cannot be read is a note and not raised.
    """
    measured = Measured()
    looks = {index: _Look(opened.streams[index], measured) for index in looked_at}
    left = most_bytes
    try:
        for packet in opened.demux():
            index = packet.stream.index
            if index in timed:
                measured.add(packet)
            if index in looks:
                looks[index].into(packet)
            left -= packet.size
            if left < 0:
                measured.notes.append(f"rates: of {first_bytes(most_bytes)}")
                measured.is_whole = False
                break
    except IndexError:  # PyAV knows only the streams that were there when it opened the file
        measured.notes.append("another stream begins later in the file; it is not told here")
        measured.is_whole = False
    except av.error.FFmpegError as error:
        measured.notes.append(f"the file cannot be read to its end ({error.strerror or error})")
        measured.is_whole = False
    return measured


class _Look:
    """Looks into the first packets of a stream. What does not decode is nothing seen."""

    def __init__(self, stream: av.stream.Stream, measured: Measured) -> None:
        self._index, self._measured = stream.index, measured
        self._pictures, self._tries = PICTURES_LOOKED_AT, MOST_TRIES
        codec = stream.codec_context.codec.canonical_name
        self._is_video = isinstance(stream, av.VideoStream)
        self._seeks_layer = codec in AUDIO_LAYERS.values()
        stream.codec_context.thread_count = 1

    def into(self, packet: "av.Packet[Any]") -> None:
        """Note whether one of the pictures that a packet completes is interlaced, and which layer
        of MPEG audio it is.
        """
        if self._pictures <= 0 or self._tries <= 0:
            return
        self._tries -= 1
        if self._is_video and self._is_interlaced(packet):
            self._measured.interlaced.add(self._index)
        if self._seeks_layer and (layer := audio_layer(bytes(packet))):
            self._measured.layers[self._index] = layer
            self._tries = 0

    def _is_interlaced(self, packet: "av.Packet[Any]") -> bool:
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            return False
        self._pictures -= len(frames)
        return any(isinstance(f, av.VideoFrame) and f.interlaced_frame for f in frames)
