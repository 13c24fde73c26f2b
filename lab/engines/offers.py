"""Offers real streams to boxes: which play, by what is declared, by what is needed, and really."""

from fractions import Fraction
from pathlib import Path

import av

from lab.box.profiles import Basis, Profile, refusals, shipped_profiles
from lab.engines.outcome import Outcome, Progress, Table
from lab.engines.streams import with_seed
from lab.media.encode import Cache
from lab.media.facts import VideoFacts
from lab.media.probe import probe
from lab.scenarios.schema import LadderOffer, Scenario

NOTHING = "nothing was decoded"
STREAM_COLUMNS = ("stream", "declares", "needs level", "what was decoded")
OFFER_COLUMNS = ("stream", "box", "firmware", "by need", "really", "why not")


def run_offers(scenario: Scenario, *, seed: int, cache: Cache, tell: Progress) -> Outcome:
    """Offer every stream to every box."""
    work = scenario.work
    assert isinstance(work, LadderOffer)
    profiles = [shipped_profiles()[name] for name in work.profiles]
    outcome = Outcome({})
    rows: list[tuple[str, ...]] = []
    streams: list[tuple[str, ...]] = []
    for number, (name, recipe) in enumerate(work.streams.items(), start=1):
        seeded = with_seed(recipe, seed)
        path = cache.path_of(seeded)
        declared = probe(path)[0].video[0]
        seen = decoded_facts(path, declared)
        outcome.facts[f"{name} recipe"] = seeded.digest
        streams.append((name, str(declared), declared.needed_level or "?", _told(seen)))
        rows += [
            (name, profile.name, *_offer(outcome, name, profile, declared, seen))
            for profile in profiles
        ]
        tell(number, len(work.streams))
    plays = [value for name, value in outcome.measures.items() if name.endswith(".plays")]
    false = [value for name, value in outcome.measures.items() if name.endswith(".false_promise")]
    outcome.measures["false_promises"] = sum(false)
    outcome.measures["streams_played_share"] = sum(plays) / len(plays)
    outcome.tables = [
        Table("Streams", STREAM_COLUMNS, tuple(streams)),
        Table("Which box plays what", OFFER_COLUMNS, tuple(rows)),
    ]
    return outcome


def decoded_facts(path: Path, declared: VideoFacts) -> VideoFacts | None:
    """Decode a stream to its end; return what its pictures are, None if there are none."""
    sizes: set[tuple[int, int, int]] = set()
    with av.open(str(path), "r") as source:
        stream = source.streams.video[0]
        stream.codec_context.thread_count = 1
        for frame in source.decode(stream):
            assert isinstance(frame, av.VideoFrame)
            depth = max(part.bits for part in frame.format.components)
            sizes.add((frame.width, frame.height, depth))
    if not sizes:
        return None
    width, height, depth = max(sizes)
    rate = Fraction(declared.fps)
    return VideoFacts(
        **{**vars(declared), "width": width, "height": height, "bit_depth": depth, "fps": rate}
    )


def _offer(
    outcome: Outcome, name: str, profile: Profile, declared: VideoFacts, seen: VideoFacts | None
) -> tuple[str, str, str, str]:
    """Judge one stream on one box; return a row's words."""
    by_word = refusals(profile, declared, Basis.DECLARED)
    by_need = refusals(profile, declared, Basis.NEEDED)
    really = [NOTHING] if seen is None else refusals(profile, seen, Basis.ACTUAL)
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


def _told(seen: VideoFacts | None) -> str:
    return f"{seen.width}x{seen.height} {seen.bit_depth} bit" if seen else NOTHING
