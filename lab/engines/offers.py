"""Offers real streams to boxes: which play, by what is declared, by what is needed, and really.

The decoder of a box is FFmpeg's, in place of its own, and what its profile says that it can
actually do: a stream plays where every picture comes out of the one, and all of them lie within the
other.
"""

from collections.abc import Sequence

from lab.box.profiles import Basis, Profile, refusals, shipped_profiles
from lab.engines.outcome import Grid, GridRow, Outcome, Progress, Sign, Table, part_of
from lab.engines.streams import with_seed
from lab.media.decode import Watched, watch
from lab.media.encode import Cache
from lab.media.facts import VideoFacts
from lab.media.probe import probe
from lab.scenarios.schema import LadderOffer, Scenario

DECODER = "FFmpeg, in place of each box's own, within what the box can actually do"
STREAM_COLUMNS = ("stream", "declares", "needs level", "what was decoded")
OFFER_COLUMNS = ("stream", "box", "firmware", "by need", "really", "why not")


def run_offers(scenario: Scenario, *, seed: int, cache: Cache, tell: Progress) -> Outcome:
    """Offer every stream to every box."""
    work = scenario.work
    assert isinstance(work, LadderOffer)
    profiles = [shipped_profiles()[name] for name in work.profiles]
    outcome = Outcome({}, facts={"decoder": DECODER})
    rows: list[tuple[str, ...]] = []
    streams: list[tuple[str, ...]] = []
    total = sum(2 * recipe.content.frames for recipe in work.streams.values())
    done = 0
    for name, recipe in work.streams.items():
        seeded, due = with_seed(recipe, seed), recipe.content.frames
        path = cache.path_of(seeded, part_of(tell, done, total))
        declared = probe(path)[0].video[0]
        seen = watch(path, due, part_of(tell, done + due, total))
        done += 2 * due
        outcome.facts[f"{name} recipe"] = seeded.digest
        streams.append((name, str(declared), declared.needed_level or "?", _told(seen)))
        rows += [
            (name, profile.name, *_offer(outcome, name, profile, declared, seen))
            for profile in profiles
        ]
    tell(total, total)
    plays = [value for name, value in outcome.measures.items() if name.endswith(".plays")]
    false = [value for name, value in outcome.measures.items() if name.endswith(".false_promise")]
    outcome.measures["false_promises"] = sum(false)
    outcome.measures["streams_played_share"] = sum(plays) / len(plays)
    outcome.grids = [_grid(outcome.measures, list(work.streams), work.profiles)]
    outcome.tables = [
        Table("Streams", STREAM_COLUMNS, tuple(streams)),
        Table("Which box plays what", OFFER_COLUMNS, tuple(rows)),
    ]
    return outcome


def _offer(
    outcome: Outcome, name: str, profile: Profile, declared: VideoFacts, seen: Watched
) -> tuple[str, str, str, str]:
    """Judge one stream on one box; return a row's words."""
    by_word = refusals(profile, declared, Basis.DECLARED)
    by_need = refusals(profile, declared, Basis.NEEDED)
    really = seen.faults + (refusals(profile, seen.facts, Basis.ACTUAL) if seen.facts else [])
    prefix = f"{name}.{profile.name}"
    outcome.measures |= {
        f"{prefix}.declared": float(not by_word),
        f"{prefix}.needed": float(not by_need),
        f"{prefix}.plays": float(not really),
        f"{prefix}.false_promise": float(not by_word and bool(really)),
    }
    reasons = dict.fromkeys([*by_word, *by_need, *really])
    return (
        "refuses" if by_word else "tries",
        "no" if by_need else "plays",
        "no" if really else "plays",
        "; ".join(reasons),
    )


def _grid(measures: dict[str, float], streams: Sequence[str], boxes: Sequence[str]) -> Grid:
    rows = (
        GridRow(name, tuple(_cell(measures, f"{name}.{box}") for box in boxes)) for name in streams
    )
    return Grid("What each box tries, and what plays", tuple(boxes), tuple(rows))


def _cell(measures: dict[str, float], offer: str) -> Sign:
    plays = bool(measures[f"{offer}.plays"])
    if measures[f"{offer}.declared"]:
        return Sign.PLAYS if plays else Sign.FALSE_PROMISE
    return Sign.REFUSED_FOR_NOTHING if plays else Sign.CANNOT


def _told(seen: Watched) -> str:
    came = f"{seen.pictures} of {seen.due} pictures"
    if seen.facts is None:
        return came
    facts = seen.facts
    size = f"{facts.width}x{facts.height}{'i' if facts.is_interlaced else 'p'}"
    return f"{came}, {size}{float(facts.fps):g} {facts.bit_depth} bit"
