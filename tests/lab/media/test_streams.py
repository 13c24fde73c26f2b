"""Real encoders, damage and real decoders; counts are held against FFmpeg's own."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from itertools import islice, repeat

import av
import av.logging
import pytest

from lab.measures.fidelity import Fidelity, compare
from lab.measures.transport import TransportReport, examine
from lab.media.content import Content, luma_of, pictures
from lab.media.damage import drop_clock, drop_key_picture, lose_datagrams, swap_continuity
from lab.media.decode import Account, decode, start_of
from lab.media.encode import CODECS, Cache, Recipe, encode
from lab.media.ts import NULL_PID, BadStream, packet_count, packets, tables_of
from lab.network.loss import GilbertElliott
from tests.lab.media.conftest import Encoded

IN_TS = ["h264", "hevc", "mpeg2video"]


def watch(recipe: Recipe, clean: bytes, data: bytes) -> tuple[TransportReport, Account, Fidelity]:
    account = Account()
    shown = decode(data, account, fps=recipe.content.fps, start_s=start_of(clean))
    return examine(data), account, compare(recipe.content, shown)


class Pipe(BytesIO):
    """A stream that cannot be wound back: FFmpeg reads and judges every packet once."""

    seek = None  # type: ignore[assignment]
    tell = None  # type: ignore[assignment]

    def seekable(self) -> bool:
        return False


def ffmpeg_breaks(data: bytes) -> int:
    """Count what FFmpeg's own demultiplexer says of continuity, at its most talkative."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.DEBUG)
    try:
        with av.logging.Capture() as lines, av.open(Pipe(data), "r", format="mpegts") as source:
            for _ in source.demux():
                pass
    finally:
        av.logging.set_level(level)
    return sum("Continuity check failed" in words for _, _, words in lines)


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_the_same_recipe_gives_the_same_bytes(codec: str, tmp_path: object) -> None:
    recipe = Recipe(codec, Content(width=320, height=180, frames=30))
    caches = [Cache(tmp_path / name) for name in ("one", "two")]  # type: ignore[operator]
    assert caches[0].path_of(recipe).read_bytes() == caches[1].path_of(recipe).read_bytes()


def test_a_stream_is_encoded_once(encoded: Encoded, cache: Cache) -> None:
    recipe, _ = encoded("h264")
    path = cache.path_of(recipe)
    before = path.stat().st_mtime_ns
    assert cache.path_of(recipe).stat().st_mtime_ns == before
    assert not list(cache.folder.glob("*.part"))


def test_a_stream_half_encoded_is_not_taken_for_whole(cache: Cache) -> None:
    recipe = Recipe("h264", Content(width=320, height=180, frames=5, seed=9))
    torn = cache.folder / "torn"
    with pytest.raises(av.error.FileNotFoundError):
        encode(recipe, torn / "nowhere.ts")
    assert cache.path_of(recipe).exists()


@pytest.mark.parametrize("codec", IN_TS)
def test_a_clean_stream_raises_nothing(encoded: Encoded, codec: str) -> None:
    recipe, clean = encoded(codec)
    transport, account, fidelity = watch(recipe, clean, clean)
    assert (transport.breaks, transport.sync_errors, transport.pcr_jumps) == ([], 0, 0)
    assert transport.pcr_gap_ms <= 40
    assert transport.pat_gap_ms <= 500 >= transport.pmt_gap_ms
    assert (account.frames, account.corrupt, account.corrupt_packets, account.refused) == (
        100,
        [],
        0,
        0,
    )
    assert account.logged == Counter()
    assert fidelity.missing == []
    assert fidelity.worst_second_db > 30


@pytest.mark.parametrize("codec", IN_TS)
@pytest.mark.parametrize("p", [0.003, 0.01])
def test_counts_agree_with_ffmpeg_and_with_what_was_removed(
    encoded: Encoded, codec: str, p: float
) -> None:
    """Each datagram has at most 7 packets of a PID, and channel bursts here are one datagram long:
    no gap reaches 16 packets, where the counters begin anew.
    """
    _, clean = encoded(codec)
    losses = islice(GilbertElliott(p, 1.0).losses(4, codec), 10_000)
    damaged, damage = lose_datagrams(clean, losses)
    transport = examine(damaged)
    removed = sum(count for pid, count in damage.removed.items() if pid != NULL_PID)
    assert removed > 5
    assert transport.missing_packets == removed
    assert len(transport.breaks) == ffmpeg_breaks(damaged)
    assert len(damaged) == len(clean) - 188 * len(damage.touched)


def test_a_burst_is_counted_modulo_16(encoded: Encoded) -> None:
    _, clean = encoded("h264")
    damaged, damage = lose_datagrams(clean, [n in range(40, 60) for n in range(2000)])
    transport = examine(damaged)
    removed = {pid: count for pid, count in damage.removed.items() if pid != NULL_PID}
    missing = Counter[int]()
    for found in transport.breaks:
        missing[found.pid] += found.missing
    assert removed[256] > 16
    assert {pid: count % 16 for pid, count in removed.items() if count % 16} == dict(missing)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_lost_key_picture_is_found_in_the_pictures_alone(encoded: Encoded, codec: str) -> None:
    recipe, clean = encoded(codec)
    damaged, damage = drop_key_picture(clean, 2)
    transport, _, fidelity = watch(recipe, clean, damaged)
    assert damage.touched
    assert transport.breaks == []
    assert fidelity.missing[0] == 50
    assert min(fidelity.by_frame_db()[50:75]) < fidelity.worst_second_db + 10


def test_swapped_counters_are_found_in_the_counters_alone(encoded: Encoded) -> None:
    recipe, clean = encoded("h264")
    damaged, damage = swap_continuity(clean, 0.5)
    transport, _, fidelity = watch(recipe, clean, damaged)
    assert len(transport.breaks) == 3
    assert transport.breaks[0].number == damage.touched[0]
    assert len(transport.breaks) == ffmpeg_breaks(damaged)
    assert (fidelity.missing, transport.pcr_jumps) == ([], 0)


def test_a_gap_in_the_clock_is_found_in_the_clock_alone(encoded: Encoded) -> None:
    recipe, clean = encoded("h264")
    damaged, _ = drop_clock(clean, 0.5, 0.75)
    transport, account, fidelity = watch(recipe, clean, damaged)
    assert 900 < transport.pcr_gap_ms < 1150
    assert 1.8 < transport.pcr_gap_at_s < 2.2
    assert (transport.pcr_jumps, transport.breaks) == (1, [])
    assert (account.corrupt, fidelity.missing) == ([], [])


def test_a_strict_decoder_refuses_what_another_conceals(encoded: Encoded) -> None:
    _recipe, clean = encoded("h264")
    damaged, _ = lose_datagrams(clean, GilbertElliott(0.03, 0.5).losses(1))
    counts = []
    for strict in (False, True):
        account = Account()
        list(decode(damaged, account, fps=25, start_s=start_of(clean), strict=strict))
        counts.append((account.frames, account.refused))
    assert counts[1][0] <= counts[0][0]
    assert counts[1][1] > counts[0][1] == 0


def test_nothing_at_all_is_a_black_screen(encoded: Encoded) -> None:
    recipe, _ = encoded("h264")
    fidelity = compare(recipe.content, [])
    assert len(fidelity.missing) == 100
    assert fidelity.worst_second_db < 12


def test_the_ratio_of_a_known_difference() -> None:
    """All samples 2 off in 8 bit: 10 log10(255² / 4) = 42.11 dB; none off: written as 100 dB."""
    assert Fidelity(25, 255, [4.0] * 25).worst_second_db == pytest.approx(42.1102)
    assert Fidelity(25, 255, [0.0] * 25).worst_second_db == 100
    assert Fidelity(2, 255, [0.0, 0.0, 4.0, 8.0, 4.0]).by_second_db() == pytest.approx(
        [100, 40.3493, 42.1102], abs=1e-3
    )


def test_pictures_are_those_of_their_seed() -> None:
    def first(seed: int) -> bytes:
        return luma_of(next(pictures(Content(width=320, height=180, seed=seed)))).tobytes()

    assert first(1) == first(1) != first(2)


def test_ten_bits_are_ten_bits(encoded: Encoded) -> None:
    recipe, clean = encoded("hevc", bit_depth=10)
    account = Account()
    shown = next(decode(clean, account, fps=25, start_s=start_of(clean)))
    assert shown.pixels == "yuv420p10le"
    assert shown.luma.max() > 255
    assert Fidelity(25, 1023).psnr_db(compare(recipe.content, [shown]).errors[0]) > 30


def test_tables_name_the_streams(encoded: Encoded) -> None:
    _, clean = encoded("h264")
    tables = tables_of(clean)
    assert tables.video_pid == tables.pcr_pid == 256
    assert tables.pids == (256,)
    assert {packet.pid for packet in packets(clean)} >= {0, tables.pmt_pid, 256}


@pytest.mark.parametrize(
    "data", [b"", b"G", b"x" * 500, b"G" + bytes(187), (b"G\x1f\xff\x10" + bytes(184)) * 5]
)
def test_what_is_no_transport_stream_is_refused(data: bytes) -> None:
    with pytest.raises(BadStream):
        examine(data)


def test_a_byte_out_of_sync_is_counted_and_passed_over(encoded: Encoded) -> None:
    _, clean = encoded("h264")
    at = 188 * 1000
    torn = clean[:at] + b"\x00" + clean[at + 1 :]
    assert examine(torn).sync_errors == 1
    assert packet_count(torn) == packet_count(clean)


def test_a_packet_sent_twice_is_no_error(encoded: Encoded) -> None:
    _, clean = encoded("h264")
    one = next(p for p in packets(clean) if p.pid == 256 and p.number > 500 and p.has_payload)
    at = one.number * 188
    twice = clean[: at + 188] + clean[at : at + 188] + clean[at + 188 :]
    thrice = twice[: at + 188] + clean[at : at + 188] + twice[at + 188 :]
    assert examine(twice).breaks == []
    assert len(examine(thrice).breaks) == 1


@pytest.mark.parametrize(
    ("plant", "why"),
    [
        (lambda data: drop_key_picture(data, 99), "key pictures"),
        (lambda data: swap_continuity(data, 1.0), "not two packets"),
    ],
)
def test_a_fault_without_a_place_is_refused(encoded: Encoded, plant: object, why: str) -> None:
    _, clean = encoded("h264")
    with pytest.raises(ValueError, match=why):
        plant(clean)  # type: ignore[operator]


def test_nothing_is_lost_where_nothing_is_to_be_lost(encoded: Encoded) -> None:
    _, clean = encoded("h264")
    same, damage = lose_datagrams(clean, repeat(False))
    assert (same, damage.touched, damage.datagrams_lost) == (clean, (), 0)


@pytest.mark.parametrize(
    "wrong",
    [{"codec": "vvc"}, {"quality": 0}, {"mux_bps": 1}, {"codec": "hevc", "declared_level": "5.1"}],
)
def test_a_recipe_that_cannot_be_encoded_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"codec|quality|transport|level"):
        Recipe(**{"codec": "h264", **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"width": 318}, {"height": 181}, {"fps": 0}, {"bit_depth": 12}, {"noise": 101}]
)
def test_pictures_that_no_encoder_takes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"range|even|bit"):
        Content(**wrong)
