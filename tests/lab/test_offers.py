"""What boxes make of streams: the pictures that come are counted and looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from lab.engines.offers import run_offers
from lab.engines.outcome import Outcome, counted, part_of
from lab.media.content import Content, pictures
from lab.media.decode import Watched, watch
from lab.media.encode import Cache, Recipe
from lab.media.probe import probe
from lab.scenarios.files import read_scenario

DUE = 50
OFFER = """\
title: One stream on one box
about: For tests.
kind: ladder
profiles: [uhd-2018]
streams:
  one: {codec: CODEC, width: 320, height: 180, seconds: 2}
expect:
  - {measure: one.uhd-2018.plays, equals: true}
"""
Offered = Callable[..., Outcome]


class Damaged(Cache):
    """A cache whose streams are damaged after they were taken from it."""

    def __init__(self, folder: Path, damage: Callable[[bytes], bytes]) -> None:
        super().__init__(folder)
        self.damage = damage

    def path_of(self, recipe: Recipe, tell: Callable[[int, int], None] = lambda *_: None) -> Path:
        path = super().path_of(recipe, tell)
        damaged = path.with_name(f"damaged.{recipe.suffix}")
        damaged.write_bytes(self.damage(path.read_bytes()))
        return damaged


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("offers")


@pytest.fixture
def offer(folder: Path, tmp_path: Path) -> Offered:
    def run(
        codec: str, damage: Callable[[bytes], bytes], heard: list[int] | None = None
    ) -> Outcome:
        path = tmp_path / "offer.yaml"
        path.write_text(OFFER.replace("CODEC", codec))

        def tell(done: int, total: int) -> None:
            assert total == 2 * DUE
            if heard is not None:
                heard.append(done)

        cache = Damaged(folder, damage)
        return run_offers(read_scenario(path), seed=1, cache=cache, tell=tell)

    return run


def cut(data: bytes) -> bytes:
    return data[: len(data) // 50 // 188 * 188]


def spoilt(data: bytes) -> bytes:
    """Overwrite the second half of the media: AV1 has no way to conceal it."""
    at = len(data) // 2
    return data[:at] + b"\xa5" * (len(data) - at)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_a_whole_stream_plays_and_every_picture_is_told(offer: Offered, codec: str) -> None:
    heard: list[int] = []

    outcome = offer(codec, lambda data: data, heard)

    assert outcome.measures["one.uhd-2018.plays"] == 1
    assert [row.cells for row in outcome.grids[0].rows] == [("plays",)]
    assert outcome.tables[0].rows[0][3] == "50 of 50 pictures, 320x180p25 8 bit"
    assert outcome.facts["decoder"].startswith("FFmpeg")
    assert heard == sorted(heard)
    assert set(heard) >= {1, DUE - 1, DUE, DUE + 1, 2 * DUE}


@pytest.mark.parametrize(("codec", "damage"), [("hevc", cut), ("h264", cut), ("av1", spoilt)])
def test_a_stream_whose_pictures_do_not_come_does_not_play(
    offer: Offered, codec: str, damage: Callable[[bytes], bytes]
) -> None:
    outcome = offer(codec, damage)

    assert outcome.measures["one.uhd-2018.declared"] == 1
    assert outcome.measures["one.uhd-2018.plays"] == 0
    assert outcome.measures["one.uhd-2018.false_promise"] == 1
    assert [row.cells for row in outcome.grids[0].rows] == [("false promise",)]
    assert "of 50 pictures came out of the decoder" in outcome.tables[1].rows[0][-1]


def test_what_the_decoder_refuses_is_told(offer: Offered) -> None:
    assert "Invalid data" in offer("av1", spoilt).tables[1].rows[0][-1]


def watched(path: Path, due: int) -> Watched:
    return watch(path, due, lambda *_: None)


def test_what_is_no_media_gives_no_pictures_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "x.ts").write_bytes(b"no media at all" * 100)

    seen = watched(tmp_path / "x.ts", DUE)

    assert (seen.facts, seen.pictures) == (None, 0)
    assert "none of 50 pictures" in seen.faults[0]
    assert "Invalid data" in seen.faults[0]


def test_the_size_is_that_of_the_pictures_and_not_of_the_first_header(folder: Path) -> None:
    """A stream that grows after its first second, as at a change of programme."""
    parts = [Content(width=w, height=h, frames=25) for w, h in ((320, 180), (640, 360))]
    paths = [Cache(folder).path_of(Recipe("mpeg2video", content)) for content in parts]
    grown = folder / "grown.ts"
    grown.write_bytes(b"".join(path.read_bytes() for path in paths))

    with av.open(str(grown)) as source:
        assert source.streams.video[0].codec_context.width == 320
    facts = watched(grown, DUE).facts

    assert facts is not None
    assert (facts.width, facts.height) == (640, 360)


def test_the_rate_is_that_at_which_pictures_come(folder: Path, tmp_path: Path) -> None:
    """The sequence headers say 25 a second; the pictures come twice as often."""
    slow = Cache(folder).path_of(Recipe("mpeg2video", Content(320, 180, frames=20)))
    fast = tmp_path / "fast.ts"
    with av.open(str(slow)) as source, av.open(str(fast), "w", format="mpegts") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None and packet.pts is not None:
                packet.pts, packet.dts = packet.pts // 2, packet.dts // 2
                packet.stream = stream
                out.mux(packet)

    facts = watched(fast, 20).facts

    assert probe(fast)[0].video[0].fps == 25
    assert facts is not None
    assert facts.fps == 50


def test_interlace_and_depth_are_those_of_the_pictures(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "fields.ts"
    with av.open(str(path), "w", format="mpegts") as out:
        params = {"preset": "ultrafast", "x264-params": "tff=1:threads=1"}
        stream = out.add_stream("libx264", rate=25, options=params)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for frame in pictures(Content(width=320, height=180, frames=10)):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    deep = Cache(folder).path_of(Recipe("hevc", Content(320, 180, frames=5, bit_depth=10)))

    fields, ten = watched(path, 10).facts, watched(deep, 5).facts

    assert fields is not None
    assert ten is not None
    assert (fields.is_interlaced, fields.bit_depth) == (True, 8)
    assert (ten.is_interlaced, ten.bit_depth, ten.profile) == (False, 10, "Main 10")
    assert ten.fps == 25


def test_a_part_of_the_work_is_told_as_a_part() -> None:
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    assert list(counted("abc", 2, part_of(tell, 10, 20))) == ["a", "b", "c"]
    assert told == [(11, 20), (12, 20), (12, 20)]
