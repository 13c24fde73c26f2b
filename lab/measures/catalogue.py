"""Every figure that a run can give: its unit, what it means, where the definition comes from.

A figure of one stream is called `STREAM.NAME`, one of a stream on a box `STREAM.BOX.NAME`.
"""

from dataclasses import dataclass
from enum import StrEnum

TR_101_290 = "ETSI TR 101 290 V1.4.1 clause 5.2"


class Kind(StrEnum):
    """What a scenario replays."""

    PLAYBACK = "playback"
    STREAM = "stream"
    LADDER = "ladder"


class Subject(StrEnum):
    """What a figure is of."""

    RUN = "the run"
    STREAM = "a stream"
    BOX = "a stream on a box"


@dataclass(frozen=True)
class Measure:
    """One figure. `worse` is the direction in which it is bad: `more`, `less`, or neither."""

    name: str
    unit: str
    kind: Kind
    subject: Subject
    about: str
    source: str
    worse: str = "more"


_PLAYED = "played in virtual time by the model of lab.box.player"
_COUNTED = "counted among the decoder's output, FFmpeg, one thread"


def _playback(name: str, unit: str, about: str, worse: str = "more") -> Measure:
    return Measure(name, unit, Kind.PLAYBACK, Subject.RUN, about, _PLAYED, worse)


def _stream(name: str, unit: str, about: str, source: str, worse: str = "more") -> Measure:
    return Measure(name, unit, Kind.STREAM, Subject.STREAM, about, source, worse)


def _ladder(name: str, about: str, source: str, worse: str = "") -> Measure:
    return Measure(name, "yes/no", Kind.LADDER, Subject.BOX, about, source, worse)


MEASURES = (
    _playback(
        "startup_median_s", "s", "From switching on to the first picture, half of the boxes."
    ),
    _playback("startup_p95_s", "s", "The same, 95 of 100 boxes."),
    _playback("startup_worst_s", "s", "The same, the last of all boxes."),
    _playback("stalled_boxes_share", "share", "Boxes that stood still at least once."),
    _playback("stalls_per_box", "", "How often a box stood still, on average."),
    _playback("stall_ratio", "share", "Time stood still over time played and stood still."),
    _playback("worst_stall_s", "s", "The longest time that any box stood still."),
    _playback("bitrate_mean_mbps", "Mbit/s", "Rate of the rungs taken, on average.", "less"),
    _playback("bitrate_p05_mbps", "Mbit/s", "Average of the box that has it worst of 20.", "less"),
    _playback("switches_per_minute", "1/min", "Changes of rung in a minute of the programme."),
    _playback(
        "fairness", "", "Jain's index of the boxes' average rates: 1 if all are alike.", "less"
    ),
    _playback("link_used_share", "share", "What the link carried of what it could have.", ""),
    _stream(
        "datagrams_lost",
        "",
        "Datagrams of seven transport packets that the network lost.",
        "the channel of lab.network.loss",
        "",
    ),
    _stream(
        "packets_removed",
        "",
        "Packets with payload that were removed, stuffing left out.",
        "the damage",
        "",
    ),
    _stream("sync_byte_errors", "", "Packets that do not begin with 0x47.", f"{TR_101_290}, 1.2"),
    _stream("continuity_errors", "", "Breaks in a PID's continuity counter.", f"{TR_101_290}, 1.4"),
    _stream(
        "missing_packets",
        "",
        "Packets that the counters miss, modulo 16 at each break.",
        "ISO/IEC 13818-1 clause 2.4.3.3",
    ),
    _stream(
        "lost_packets",
        "",
        "Packets of any PID, stuffing too, that are missing by the clock at the constant rate.",
        "ISO/IEC 13818-1 clause 2.4.2.2, equation 2-5",
    ),
    _stream("transport_errors", "", "Packets flagged as in error.", f"{TR_101_290}, 2.1"),
    _stream(
        "pat_gap_ms",
        "ms",
        "Longest time without a PAT, the ends included.",
        f"{TR_101_290}, 1.3.a: 500 ms",
    ),
    _stream(
        "pmt_gap_ms",
        "ms",
        "Longest time without a PMT, the ends included.",
        f"{TR_101_290}, 1.5.a: 500 ms",
    ),
    _stream(
        "pcr_gap_ms", "ms", "Longest time without a PCR, the ends included.", f"{TR_101_290}, 2.3"
    ),
    _stream(
        "pcr_jumps",
        "",
        "Times without a PCR outside 0 to 100 ms, flagged ones left out.",
        f"{TR_101_290}, 2.3.b",
    ),
    _stream("corrupt_packets", "", "Access units flagged by the demultiplexer.", _COUNTED),
    _stream("corrupt_frames", "", "Pictures flagged as corrupt; HEVC flags none.", _COUNTED),
    _stream("refused_packets", "", "Access units that the decoder refused.", _COUNTED),
    _stream("missing_frames", "", "Pictures of the programme that never came.", _COUNTED),
    _stream("decoder_messages", "", "Warnings and errors that the decoder logged.", _COUNTED),
    _stream(
        "psnr_mean_db",
        "dB",
        "Luma PSNR, mean of the seconds, missing pictures replaced by the last shown.",
        "10 log10(peak² / mean squared error), against the programme's own pictures",
        "less",
    ),
    _stream(
        "psnr_worst_second_db",
        "dB",
        "Luma PSNR of the worst second.",
        "as psnr_mean_db",
        "less",
    ),
    _ladder("declared", "Whether the firmware would try, by what the stream declares.", "profile"),
    _ladder("needed", "The same, by what the pictures need.", "level tables of lab.media.levels"),
    _ladder(
        "plays",
        "Whether every picture comes, and lies within what the box can do.",
        _COUNTED,
        "less",
    ),
    _ladder(
        "false_promise",
        "The firmware tries, and no picture comes.",
        "declared, and not plays",
        "more",
    ),
    Measure(
        "false_promises",
        "",
        Kind.LADDER,
        Subject.RUN,
        "How many streams a box would try in vain.",
        "sum of false_promise",
    ),
    Measure(
        "streams_played_share",
        "share",
        Kind.LADDER,
        Subject.RUN,
        "Of all streams on all boxes, those that play.",
        "mean of plays",
        "less",
    ),
)
BY_NAME = {measure.name: measure for measure in MEASURES}


def measure_of(full_name: str) -> Measure | None:
    """Return what a figure's full name means."""
    return BY_NAME.get(full_name.rpartition(".")[2])


def full_names(kind: Kind, streams: tuple[str, ...] = (), boxes: tuple[str, ...] = ()) -> list[str]:
    """Return the names of all figures that a scenario gives."""
    names = []
    for measure in MEASURES:
        if measure.kind != kind:
            continue
        if measure.subject == Subject.RUN:
            names.append(measure.name)
        elif measure.subject == Subject.STREAM:
            names += [f"{stream}.{measure.name}" for stream in streams]
        else:
            names += [f"{stream}.{box}.{measure.name}" for stream in streams for box in boxes]
    return names
