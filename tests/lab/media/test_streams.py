"""Real encoders, damage and real decoders; counts are held against FFmpeg's own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from io import BytesIO
from itertools import repeat

import av
import av.logging
import pytest

from lab.measures.fidelity import Fidelity, compare
from lab.measures.transport import TransportReport, examine, meant_of
from lab.media.content import Content, luma_of, pictures
from lab.media.damage import drop_clock, drop_key_picture, lose_datagrams, swap_continuity
from lab.media.decode import Account, _logged, decode, start_of
from lab.media.encode import CODECS, Cache, Recipe, encode
from lab.media.ts import NULL_PID, PCR_HZ, BadStream, join, packet_count, packets, tables_of
from lab.network.loss import GilbertElliott
from lab.scenarios.files import read_scenario, shipped
from lab.scenarios.schema import Stream
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


BURST_LOSS = read_scenario(shipped()["burst-loss"]).work
assert isinstance(BURST_LOSS, Stream)
assert BURST_LOSS.loss is not None
SHIPPED = BURST_LOSS.loss


@pytest.mark.parametrize("codec", IN_TS)
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("seed", range(1, 6))
def test_counts_agree_with_ffmpeg_and_with_what_was_removed(
    encoded: Encoded, codec: str, times: int, seed: int
) -> None:
    """The channel of burst-loss: its bursts are longer than the counters can count."""
    _, clean = encoded(codec)
    channel = replace(SHIPPED, p=SHIPPED.p * times)
    damaged, damage = lose_datagrams(clean, channel.losses(seed, codec))

    transport = examine(damaged, meant_of(clean))

    assert transport.lost_packets == len(damage.touched)
    assert len(damaged) == len(clean) - 188 * len(damage.touched)
    assert len(transport.breaks) == ffmpeg_breaks(damaged)


@pytest.mark.parametrize("codec", IN_TS)
def test_counters_count_every_packet_of_a_burst_of_one_datagram(
    encoded: Encoded, codec: str
) -> None:
    """Seven packets at most are lost together: the counters begin anew after sixteen."""
    _, clean = encoded(codec)
    damaged, damage = lose_datagrams(clean, GilbertElliott(0.01, 1.0).losses(4, codec))

    removed = sum(count for pid, count in damage.removed.items() if pid != NULL_PID)

    assert removed > 5
    assert examine(damaged).missing_packets == removed


def without(data: bytes, numbers: set[int]) -> bytes:
    return join(data, [n for n in range(packet_count(data)) if n not in numbers])


def video(data: bytes) -> list[int]:
    return [p.number for p in packets(data) if p.pid == 256 and p.has_payload]


@pytest.mark.parametrize(
    ("count", "missing"), [(1, [1]), (14, [14]), (15, [15]), (16, []), (17, [1])]
)
def test_a_burst_is_counted_modulo_16_by_the_counters_and_in_full_by_the_clock(
    encoded: Encoded, count: int, missing: list[int]
) -> None:
    _, clean = encoded("h264")
    first, last = video(clean)[200], video(clean)[200 + count - 1]
    gone = {p.number for p in packets(clean) if p.pid == 256 and first <= p.number <= last}
    damaged = without(clean, gone)

    transport = examine(damaged, meant_of(clean))

    assert [found.missing for found in transport.breaks] == missing
    assert len(transport.breaks) == ffmpeg_breaks(damaged)
    assert transport.lost_packets == len(gone)


def test_a_counter_that_stands_still_is_no_packet_sent_twice(encoded: Encoded) -> None:
    _, clean = encoded("h264")
    frozen = bytearray(clean)
    numbers = video(clean)[200:210]
    for number in numbers:
        frozen[number * 188 + 3] &= 0xF0

    assert len(examine(bytes(frozen)).breaks) >= 9


def test_what_is_flagged_as_in_error_is_counted_and_not_believed(encoded: Encoded) -> None:
    _, clean = encoded("h264")
    at = video(clean)[200] * 188
    broken = bytearray(clean)
    broken[at + 1] |= 0x80
    broken[at + 3] ^= 0x07

    transport = examine(bytes(broken))

    assert transport.transport_errors == 1
    assert [found.missing for found in transport.breaks] == [1]


@pytest.mark.parametrize(("start", "end"), [(0.0, 0.5), (0.5, 1.0), (0.0, 1.0)])
def test_a_clock_that_is_silent_to_an_end_is_found(
    encoded: Encoded, start: float, end: float
) -> None:
    _, clean = encoded("h264")
    damaged, _ = drop_clock(clean, start, end)

    transport = examine(damaged, meant_of(clean))

    assert transport.pcr_gap_ms == pytest.approx(4000 * (end - start), rel=0.08)
    assert (transport.pcr_jumps, transport.lost_packets) == (1, 0)


@pytest.mark.parametrize(("pid", "measure"), [(0, "pat_gap_ms"), (0x1000, "pmt_gap_ms")])
@pytest.mark.parametrize("late", [True, False])
def test_a_table_that_stops_or_comes_late_is_found(
    encoded: Encoded, pid: int, measure: str, late: bool
) -> None:
    _, clean = encoded("h264")
    half = packet_count(clean) // 2
    gone = {p.number for p in packets(clean) if p.pid == pid and (p.number < half) == late}
    stuffed = bytearray(clean)
    for number in gone:
        stuffed[number * 188 + 1 : number * 188 + 3] = b"\x1f\xff"

    transport = examine(bytes(stuffed), meant_of(clean))

    assert getattr(transport, measure) == pytest.approx(2000, rel=0.1)


def test_a_flagged_leap_of_the_clock_is_no_gap(encoded: Encoded) -> None:
    _, clean = encoded("h264")
    clocked = [p for p in packets(clean) if p.pcr is not None and p.number > 1000]
    leapt = bytearray(clean)
    for packet in clocked:
        assert packet.pcr is not None
        at = packet.number * 188
        base, rest = divmod(packet.pcr + 10 * PCR_HZ, 300)
        leapt[at + 6 : at + 12] = (base << 15 | 0x7E00 | rest).to_bytes(6, "big")
    unflagged = examine(bytes(leapt))
    leapt[clocked[0].number * 188 + 5] |= 0x80

    flagged = examine(bytes(leapt))

    assert (unflagged.pcr_jumps, flagged.pcr_jumps) == (1, 0)
    assert unflagged.pcr_gap_ms > 9_000
    assert max(flagged.pcr_gap_ms, flagged.pat_gap_ms, flagged.pmt_gap_ms) < 210


def test_moments_stay_where_they_are_when_the_head_is_lost(encoded: Encoded) -> None:
    _, clean = encoded("h264")
    meant = meant_of(clean)
    numbers = video(clean)
    first = numbers[len(numbers) // 2]
    later = set(range(first, first + 7))

    alone = examine(without(clean, later), meant)
    both = examine(without(clean, later | set(range(100 * 7))), meant)

    assert alone.breaks[0].at_s == pytest.approx(both.breaks[-1].at_s, abs=0.01)
    assert (alone.lost_packets, both.lost_packets) == (7, 707)


@pytest.mark.parametrize("data", [b"", b"\x00" * 1000])
def test_where_nothing_came_everything_is_missing(encoded: Encoded, data: bytes) -> None:
    _, clean = encoded("h264")

    transport = examine(data, meant_of(clean))

    assert transport.lost_packets == packet_count(clean)
    gaps = (transport.pat_gap_ms, transport.pmt_gap_ms, transport.pcr_gap_ms)
    assert gaps == pytest.approx((4000,) * 3, rel=0.05)


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
        (lambda data: drop_clock(data, 0.9, 0.6), "carries a PCR"),
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


def test_what_is_logged_is_counted_whatever_was_logged_before() -> None:
    """FFmpeg's lines come through a filter of PyAV that remembers the last one of the process."""
    counts = []
    for _ in range(2):
        account = Account()
        with _logged(account):
            for _ in range(3):
                av.logging.log(av.logging.ERROR, "h264", "the same again")
        counts.append(account.logged)

    assert counts == [Counter({"h264": 3})] * 2
