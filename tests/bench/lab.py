"""The lab's model of a street of boxes, and real streams through loss, decoder and measures."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from statistics import median

import av

from lab.engines.playback import make_ladder, run_playback
from lab.engines.streams import run_streams, with_seed
from lab.media.encode import Cache
from lab.scenarios.files import path_of, read_scenario
from lab.scenarios.schema import Playback, Stream
from lab.units import NS_PER_S
from tests.bench.figures import Figure, rounded

BOXES = 400
ROUNDS = 5
SECONDS = 30
SEED = 1
LINK_BPS = 20_000_000  # the link that bare arithmetic fills
LOSSY = """\
title: One stream with bursts of loss
about: The stream that is measured.
kind: stream
streams:
  h264: {{codec: h264, seconds: {seconds}, width: 640, height: 360, mux_mbps: 1.5}}
loss: {{p: 0.002, r: 0.3, h: 1, k: 0, times: 1}}
expect:
  - {{measure: h264.psnr_worst_second_db, at_least: 1}}
"""


def _quiet(_done: int, _total: int) -> None:
    """Nobody listens."""


def _spent(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def fill_link(sizes: tuple[int, ...], segment_ns: int, boxes: int) -> int:
    """Bare arithmetic: when each segment would be through, had every box its part of the link."""
    rate_bps = LINK_BPS // boxes
    last_ns = 0
    for _ in range(boxes):
        at_ns = buffered_ns = 0
        for size in sizes:
            took_ns = size * NS_PER_S // rate_bps
            at_ns += took_ns
            buffered_ns = max(0, buffered_ns - took_ns) + segment_ns
        last_ns = max(last_ns, at_ns)
    return last_ns


def lab_model_segments_per_s(
    say: Callable[[str], None], *, boxes: int = BOXES, rounds: int = ROUNDS
) -> Figure:
    """Replay the peak hour with more boxes, figures and plots included; each round beside it the
    bare arithmetic of as many segments.
    """
    scenario = read_scenario(path_of("peak-hour"), {"boxes": str(boxes)})
    assert isinstance(scenario.work, Playback)
    ladder = make_ladder(scenario.work, SEED)
    segments = boxes * scenario.work.segments
    say(f"replaying {segments} segments on {boxes} boxes, {rounds} times ...")
    model, bare = [], []
    for _ in range(rounds):
        model.append(_spent(lambda: run_playback(scenario, seed=SEED, tell=_quiet)))
        bare.append(_spent(lambda: fill_link(ladder.sizes[0], ladder.segment_ns, boxes)))
    detail = {
        "boxes": boxes,
        "bare_arithmetic_segments_per_s": rounded(segments / median(bare)),
        "of_bare_arithmetic": rounded(median(bare) / median(model)),
        "slowest_round": rounded(segments / max(model)),
    }
    return Figure(
        "lab_model_segments_per_s", segments / median(model), "segments/s", rounds, detail
    )


def decode_all(data: bytes) -> int:
    """Bare decoding with one thread: how many pictures there are."""
    with av.open(BytesIO(data), "r") as source:
        stream = source.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in source.decode(stream))


def lab_media_realtime_x(
    say: Callable[[str], None], *, seconds: int = SECONDS, rounds: int = ROUNDS
) -> Figure:
    """Send one encoded stream through loss, analysis, decoder and PSNR on one core; each round
    beside it the bare decoding of the undamaged stream.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "measured.yaml"
        path.write_text(LOSSY.format(seconds=seconds), encoding="utf-8")
        scenario, cache = read_scenario(path), Cache(Path(folder) / "cache")
        assert isinstance(scenario.work, Stream)
        say(f"encoding {seconds} s ...")
        clean = cache.path_of(with_seed(scenario.work.streams["h264"], SEED)).read_bytes()
        say(f"damaging and decoding it {rounds} times ...")
        whole, bare = [], []
        for _ in range(rounds):
            work = lambda: run_streams(scenario, seed=SEED, cache=cache, tell=_quiet)  # noqa: E731
            whole.append(_spent(work))
            bare.append(_spent(lambda: decode_all(clean)))
    detail = {
        "stream": f"640x360 H.264, {seconds} s, {len(clean)} bytes",
        "bare_decoding_realtime_x": rounded(seconds / median(bare)),
        "of_bare_decoding": rounded(median(bare) / median(whole)),
        "slowest_round": rounded(seconds / max(whole)),
    }
    return Figure("lab_media_realtime_x", seconds / median(whole), "x", rounds, detail)
