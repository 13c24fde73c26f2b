"""Players on links, held against arithmetic done by hand."""

from fractions import Fraction

import pytest

from lab.box.player import Habits, Ladder, Player
from lab.engines.playback import run_playback
from lab.engines.sharing import Usage, play
from lab.network.link import Supply
from lab.network.traces import Step, Trace, constant, generate
from lab.scenarios.files import read_scenario, shipped
from lab.units import NS_PER_MS, NS_PER_S

SEGMENT = 4 * NS_PER_S
HABITS = Habits(startup_ns=8 * NS_PER_S, resume_ns=4 * NS_PER_S, most_ns=20 * NS_PER_S)
RTT = 50 * NS_PER_MS


def ladder(*rates: int, segments: int = 10) -> Ladder:
    return Ladder(SEGMENT, rates, tuple((rate * 4,) * segments for rate in rates))


def watch(players: list[Player], trace: Trace, rtt: int = RTT) -> Usage:
    return play(players, Supply(trace), round_trip_ns=rtt)


def alone(trace: Trace, programme: Ladder, began_ns: int = 0) -> Player:
    player = Player(programme, HABITS, len(programme.rates_bps), began_ns)
    watch([player], trace)
    return player


def test_a_box_alone_starts_after_the_segments_that_fill_its_threshold() -> None:
    """2 segments of 4 Mbit at 2 Mbit/s, each 50 ms after it was asked for: 2 * 2.05 s."""
    player = alone(constant(2_000_000), ladder(1_000_000), began_ns=7)
    assert player.startup_ns == 4_100 * NS_PER_MS
    assert player.stalls == []
    assert player.bits == 10 * 4_000_000


def test_a_box_alone_on_a_link_that_is_too_slow_stalls_as_computed_by_hand() -> None:
    """A segment of 4 s is 4 Mbit: at 0.8 Mbit/s it takes 5.05 s.

    Playing starts at 10.1 s with 8 s buffered. Received at 15.15: 8 - 5.05 + 4 = 6.95 s left; at
    20.2: 5.9; 25.25: 4.85; at 30.3 the buffer has been dry since 25.25 + 4.85 = 30.1 s: a stall
    of 0.2 s, ended by the 4 s just received. From then on 4 s last until 1.05 s before the
    next segment comes, every time: at 35.35, 40.4, 45.45 and 50.5.
    """
    player = alone(constant(800_000), ladder(1_000_000))
    ms = NS_PER_MS
    assert player.startup_ns == 10_100 * ms
    assert player.stalls == [
        (30_100 * ms, 200 * ms),
        (34_300 * ms, 1_050 * ms),
        (39_350 * ms, 1_050 * ms),
        (44_400 * ms, 1_050 * ms),
        (49_450 * ms, 1_050 * ms),
    ]


def peak_hour_of_one_box(seed: int, mbps: float) -> dict[str, float]:
    """Return the figures of the scenario that ships, with one box, one rung and a constant link."""
    changes = {
        "boxes": "1",
        "link.trace": f"{{constant_mbps: {mbps}}}",
        "programme.variation": "0",
        "programme.rungs": "[{profile: Main, width: 640, height: 360, kbps: 800}]",
    }
    scenario = read_scenario(shipped()["peak-hour"], changes)
    return run_playback(scenario, seed=seed, tell=lambda _done, _total: None).measures


@pytest.mark.parametrize("seed", [1, 2])
def test_the_peak_hour_of_one_box_starts_as_computed_by_hand(seed: int) -> None:
    """A segment of 4 s is 3.2 Mbit: at 2 Mbit/s, after 40 ms, it takes 1.64 s. Two fill the 8 s that
    playing starts with; from then on each comes long before the 4 s of the last are over.
    """
    figures = peak_hour_of_one_box(seed, mbps=2)
    assert (
        figures["startup_median_s"] == figures["startup_worst_s"] == pytest.approx(3.28, abs=1e-9)
    )
    assert figures["stalled_boxes_share"] == figures["stall_ratio"] == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_the_peak_hour_of_one_box_on_a_slow_link_stalls_as_computed_by_hand(seed: int) -> None:
    """At 0.64 Mbit/s a segment takes 5.04 s; the nth has come after 5.04 n.

    Playing starts at 10.08 s and would be dry at 10.08 + 20 = 30.08 s with five segments; the sixth
    comes at 30.24: a stall of 0.16 s. Each of the 69 that follow comes 5.04 s after its
    predecessor, whose 4 s are over by then for 1.04 s. In all 0.16 + 69 * 1.04 = 71.92 s, beside the
    300 s of the programme.
    """
    figures = peak_hour_of_one_box(seed, mbps=0.64)
    assert figures["startup_worst_s"] == pytest.approx(10.08, abs=1e-9)
    assert figures["stalls_per_box"] == 70
    assert figures["worst_stall_s"] == pytest.approx(1.04, abs=1e-9)
    assert figures["stall_ratio"] == pytest.approx(71.92 / 371.92, abs=1e-9)


def test_a_full_buffer_asks_for_nothing_more() -> None:
    """Segments take 0.45 s; 5 of them fill 20 s, and from then on one is asked for every 4 s."""
    player = Player(ladder(1_000_000, segments=20), HABITS, 1, 0)
    usage = watch([player], constant(10_000_000))
    filled_ns = 5 * 450 * NS_PER_MS
    assert player.startup_ns == 900 * NS_PER_MS
    assert usage.segments == 20
    # at the fifth: 20 s less the 1.35 s played since the start
    room_ns = filled_ns + 4 * NS_PER_S - 1350 * NS_PER_MS
    assert usage.ended_ns == room_ns + 14 * 4 * NS_PER_S + 450 * NS_PER_MS


def test_the_latency_of_a_trace_delays_the_first_bit() -> None:
    """Segments of 4 Mbit at 2 Mbit/s: the first takes 1 s of latency, 50 ms and 2 s; asked for at
    3.05 s, when the latency is 0, the second is through at 5.1 s.
    """
    trace = Trace((Step(3 * NS_PER_S, 2_000_000, NS_PER_S), Step(60 * NS_PER_S, 2_000_000)), "x")
    assert alone(trace, ladder(1_000_000)).startup_ns == 5_100 * NS_PER_MS
    steady = constant(2_000_000, latency_ns=NS_PER_S)
    assert alone(steady, ladder(1_000_000)).startup_ns == 6_100 * NS_PER_MS


def test_two_boxes_share_a_link_in_halves() -> None:
    """Both ask at 0; 8 Mbit at 2 Mbit/s are through at 4 s and 50 ms, for both."""
    players = [Player(ladder(1_000_000, segments=1), HABITS, 1, 0) for _ in range(2)]
    watch(players, constant(2_000_000))
    assert [player.startup_ns for player in players] == [4_050 * NS_PER_MS] * 2


def test_a_box_that_comes_later_takes_half_of_what_is_left() -> None:
    """The first has 2 of its 4 Mbit after 1 s; then both get 1 Mbit/s until it is through at 3 s;
    the second has 2 Mbit by then and gets 2 Mbit/s for the rest: through at 4 s.
    """
    players = [Player(ladder(1_000_000, segments=1), HABITS, 1, n * NS_PER_S) for n in range(2)]
    watch(players, constant(2_000_000), rtt=0)
    assert [player.startup_ns for player in players] == [3 * NS_PER_S, 3 * NS_PER_S]


def test_the_link_carries_every_bit_once() -> None:
    """Work is neither lost nor made: what the players got is what the busy link could carry."""
    programme = ladder(500_000, 1_000_000, 2_000_000, segments=30)
    players = [Player(programme, HABITS, 3, n * 300 * NS_PER_MS) for n in range(25)]
    supply = Supply(generate(4, mean_bps=30_000_000, duration_ns=60 * NS_PER_S))
    usage = play(players, supply, round_trip_ns=RTT)
    idle = sum(supply.work_at(end) - supply.work_at(start) for start, end in usage.idle)
    busy = Fraction(supply.work_at(usage.ended_ns) - idle, NS_PER_S)
    got = sum(player.bits for player in players)
    assert usage.segments == 25 * 30
    assert 0 <= busy - got < 1


def test_an_outage_stalls_everybody() -> None:
    trace = Trace((Step(20 * NS_PER_S, 8_000_000), Step(60 * NS_PER_S, 0)), "cut")
    players = [Player(ladder(1_000_000, segments=15), HABITS, 1, 0) for _ in range(3)]
    watch(players, trace)
    assert [len(player.stalls) for player in players] == [1, 1, 1]
    assert all(player.stalls[0][1] > 30 * NS_PER_S for player in players)


def test_the_rung_follows_the_rate() -> None:
    programme = ladder(500_000, 1_000_000, 2_000_000, segments=40)
    fast = alone(constant(20_000_000), programme)
    slow = alone(constant(1_400_000), programme)
    assert set(fast.picks[1:]) == {2}
    assert set(slow.picks[-20:]) == {1}
    assert fast.picks[0] == slow.picks[0] == 0


def test_a_box_takes_no_rung_above_what_it_can_play() -> None:
    player = Player(ladder(500_000, 1_000_000, 2_000_000), HABITS, 2, 0)
    watch([player], constant(50_000_000))
    assert max(player.picks) == 1


def test_one_more_box_does_not_change_how_the_run_repeats() -> None:
    def run(count: int) -> list[tuple[int | None, int, list[tuple[int, int]]]]:
        players = [Player(ladder(500_000, 900_000), HABITS, 2, n * 7) for n in range(count)]
        watch(players, generate(2, mean_bps=9_000_000, duration_ns=30 * NS_PER_S))
        return [(player.startup_ns, player.bits, player.stalls) for player in players]

    assert run(12) == run(12)
    assert run(12) != run(13)[:12]


@pytest.mark.parametrize(
    ("rates", "sizes"),
    [((), ()), ((1, 2), ((1,),)), ((2, 1), ((1,), (1,))), ((1, 2), ((1, 1), (1,))), ((1,), ((),))],
)
def test_what_is_no_ladder_is_refused(
    rates: tuple[int, ...], sizes: tuple[tuple[int, ...], ...]
) -> None:
    with pytest.raises(ValueError, match=r"ladder|rung|strict"):
        Ladder(SEGMENT, rates, sizes)


@pytest.mark.parametrize(
    "wrong", [{"startup_ns": 0}, {"resume_ns": 31 * NS_PER_S}, {"safety_permille": 1001}]
)
def test_habits_with_which_nothing_would_play_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"thresholds|permille"):
        Habits(**wrong)
