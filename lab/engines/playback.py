"""Plays a programme on many boxes over one link, in virtual time."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from lab.box.player import Ladder, Player
from lab.box.profiles import Basis, Profile, refusals, shipped_profiles
from lab.engines.outcome import Line, Marks, Outcome, Plot, Progress, Table
from lab.engines.sharing import Usage, play
from lab.kernel import seeded
from lab.media.facts import VideoFacts
from lab.network.link import Supply
from lab.network.traces import Trace, constant, generate
from lab.scenarios.schema import Playback, Rung, Scenario, TraceSource
from lab.units import NS_PER_S, to_seconds

TOLD_EVERY = 512
SHOWN_RUNGS_S = 10


def run_playback(scenario: Scenario, *, seed: int, tell: Progress) -> Outcome:
    """Play a scenario to its end.

    Raises:
        ValueError: a box can play no rung.
    """
    work = scenario.work
    assert isinstance(work, Playback)
    trace = _trace(work.trace, seed)
    ladder = make_ladder(work, seed)
    players = _players(work, ladder, seed)
    total = len(players) * work.segments
    done = 0

    def received(_number: int) -> None:
        nonlocal done
        done += 1
        if done % TOLD_EVERY == 0:
            tell(done, total)

    supply = Supply(trace)
    usage = play(players, supply, round_trip_ns=work.round_trip_ns, tell=received)
    tell(total, total)
    return Outcome(
        measures=_figures(players, usage, supply, ladder),
        plots=_plots(players, usage, supply, ladder),
        tables=[_rungs_table(players, ladder, work.rungs)],
        facts={
            "trace": trace.origin,
            "trace sha256": trace.digest,
            **{f"trace {name}": told for name, told in trace.statistics().told().items()},
            "segments": str(usage.segments),
        },
    )


def _trace(source: TraceSource, seed: int) -> Trace:
    if source.read is not None:
        return source.read
    if source.constant_bps is not None:
        return constant(source.constant_bps)
    return generate(seed, **source.model)


def make_ladder(work: Playback, seed: int) -> Ladder:
    """Return the programme: a segment is as much larger or smaller than the mean in every rung."""
    rng = seeded(seed, "segments")
    low, high = 1 - work.variation, 1 + work.variation
    factors = [rng.uniform(low, high) for _ in range(work.segments)]
    rates = tuple(rung.rate_bps for rung in work.rungs)
    means = [rate * work.segment_ns / NS_PER_S for rate in rates]
    sizes = tuple(tuple(max(1, round(mean * part)) for part in factors) for mean in means)
    return Ladder(work.segment_ns, rates, sizes)


def _players(work: Playback, ladder: Ladder, seed: int) -> list[Player]:
    known = shipped_profiles()
    names = sorted(work.profiles)  # the same boxes in whichever order the file has them
    shares = [work.profiles[name] for name in names]
    rungs = {name: playable_rungs(known[name], work.rungs) for name in names}
    players = []
    for number in range(work.boxes):
        rng = seeded(seed, "box", number)
        name = rng.choices(names, shares)[0]
        began_ns = rng.randrange(work.start_within_ns + 1)
        players.append(Player(ladder, work.habits, rungs[name], began_ns))
    return players


def playable_rungs(profile: Profile, rungs: Sequence[Rung]) -> int:
    """Return how many rungs, from the lowest on, a box's firmware takes.

    Raises:
        ValueError: it takes not even the lowest.
    """
    for number, rung in enumerate(rungs):
        facts = VideoFacts(
            codec=rung.codec,
            profile=rung.profile,
            level=None,
            width=rung.width,
            height=rung.height,
            fps=Fraction(rung.fps),
            bit_depth=8,
            chroma="4:2:0",
            rate_bps=rung.rate_bps,
        )
        why = refusals(profile, facts, Basis.DECLARED) + refusals(profile, facts, Basis.NEEDED)
        if why:
            if not number:
                raise ValueError(f"{profile.name} plays no rung: {why[0]}")
            return number
    return len(rungs)


def _figures(
    players: Sequence[Player], usage: Usage, supply: Supply, ladder: Ladder
) -> dict[str, float]:
    startups = sorted(to_seconds(player.startup_ns or 0) for player in players)
    stalls = [span for player in players for _, span in player.stalls]
    played_s = len(players) * len(ladder.sizes[0]) * to_seconds(ladder.segment_ns)
    stalled_s = to_seconds(sum(stalls))
    rates = sorted(_mean_rate(player, ladder) / 1e6 for player in players)
    return {
        "startup_median_s": _share_of(startups, 0.5),
        "startup_p95_s": _share_of(startups, 0.95),
        "startup_worst_s": startups[-1],
        "stalled_boxes_share": sum(bool(player.stalls) for player in players) / len(players),
        "stalls_per_box": len(stalls) / len(players),
        "stall_ratio": stalled_s / (played_s + stalled_s),
        "worst_stall_s": to_seconds(max(stalls, default=0)),
        "bitrate_mean_mbps": sum(rates) / len(rates),
        "bitrate_p05_mbps": _share_of(rates, 0.05),
        "switches_per_minute": sum(player.switches for player in players) * 60 / played_s,
        "fairness": sum(rates) ** 2 / (len(rates) * sum(rate**2 for rate in rates)),
        "link_used_share": sum(player.bits for player in players)
        / max(1, supply.carried_bits(0, usage.ended_ns)),
    }


def _mean_rate(player: Player, ladder: Ladder) -> float:
    return sum(ladder.rates_bps[rung] for rung in player.picks) / len(player.picks)


def _share_of(ranked: Sequence[float], share: float) -> float:
    """Return the least value that is not exceeded by this share of them (nearest rank)."""
    return ranked[max(0, -(-round(share * 1000) * len(ranked) // 1000) - 1)]


def _plots(players: Sequence[Player], usage: Usage, supply: Supply, ladder: Ladder) -> list[Plot]:
    seconds = range(-(-usage.ended_ns // NS_PER_S))
    link = [
        (float(s), supply.carried_bits(s * NS_PER_S, (s + 1) * NS_PER_S) / 1e6) for s in seconds
    ]
    starting, stalled = Counter[int](), Counter[int]()
    for player in players:
        began = player.began_ns
        _count(starting, began, began + (player.startup_ns or 0))
        for at_ns, span_ns in player.stalls:
            _count(stalled, at_ns, at_ns + span_ns)
    first_stalls = sorted(to_seconds(at) for player in players for at, _ in player.stalls)
    return [
        Plot("Rate of the link", "Mbit/s", (Line("link", link),)),
        Plot(
            "Boxes that wait",
            "boxes",
            (
                Line("starting", [(float(s), float(starting[s])) for s in seconds]),
                Line("standing still", [(float(s), float(stalled[s])) for s in seconds]),
            ),
            (Marks("a box stands still", [round(at, 3) for at in first_stalls]),),
        ),
        _rates_plot(players, ladder),
    ]


def _count(counter: Counter[int], from_ns: int, to_ns: int) -> None:
    """Count one box in every second that it touches."""
    counter.update(range(from_ns // NS_PER_S, -(-to_ns // NS_PER_S)))


def _rates_plot(players: Sequence[Player], ladder: Ladder) -> Plot:
    """Draw the mean, the least and the most rate taken, by the programme's time."""
    every = max(1, round(SHOWN_RUNGS_S * NS_PER_S / ladder.segment_ns))
    lines: dict[str, list[tuple[float, float]]] = {"mean": [], "least": [], "most": []}
    for start in range(0, len(ladder.sizes[0]), every):
        rates = [
            ladder.rates_bps[rung] / 1e6
            for player in players
            for rung in player.picks[start : start + every]
        ]
        at_s = start * to_seconds(ladder.segment_ns)
        lines["mean"].append((at_s, sum(rates) / len(rates)))
        lines["least"].append((at_s, min(rates)))
        lines["most"].append((at_s, max(rates)))
    curves = tuple(Line(name, points) for name, points in lines.items())
    return Plot("Rate taken, by the programme's time", "Mbit/s", curves)


def _rungs_table(players: Sequence[Player], ladder: Ladder, rungs: Sequence[Rung]) -> Table:
    taken = Counter(rung for player in players for rung in player.picks)
    total = sum(taken.values())
    rows = tuple(
        (
            f"{rung.width}x{rung.height} {rung.fps} fps",
            f"{rung.rate_bps / 1e6:g}",
            f"{taken[number]}",
            f"{taken[number] * 100 / total:.1f} %",
        )
        for number, rung in enumerate(rungs)
    )
    return Table("Rungs taken", ("rung", "Mbit/s", "segments", "share"), rows)
