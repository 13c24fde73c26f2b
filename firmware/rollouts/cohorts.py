"""Who is in which wave: by a hash salted with the rollout, and by quota in each model and revision.

Every rollout has its own order of boxes, so the same customers are not always first. In
each (model, revision) the boxes of lowest hash come first, and every wave gets at least one
of them while there are any: a rare revision is in the first wave.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import ceil

PERMILLE = 1000
Stratum = tuple[str, str]


def position(salt: str, uid: str) -> int:
    """Return a box's place in the rollout's own order: uniform in 0 .. 2**53 - 1."""
    digest = hashlib.sha256(f"{salt}/{uid}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11


def quotas(size: int, shares_permille: Sequence[int]) -> list[int]:
    """Return how many of a stratum's boxes are in the waves up to each one.

    `shares_permille` are cumulative and rising; the last is 1000. Raising a share never
    lowers a quota.
    """
    counts: list[int] = []
    for share in shares_permille:
        least = (counts[-1] if counts else 0) + 1
        counts.append(min(size, max(least, ceil(size * share / PERMILLE))))
    return counts


def plan_waves(
    boxes: Iterable[tuple[str, Stratum]],
    *,
    salt: str,
    shares_permille: Sequence[int],
    friendly: frozenset[str] = frozenset(),
) -> dict[str, int]:
    """Return the wave of each box, `boxes` being (uid, (model, revision)).

    Waves count from 1; wave 0 holds the friendly ones, by name.
    """
    strata: dict[Stratum, list[tuple[int, str]]] = defaultdict(list)
    waves: dict[str, int] = {}
    for uid, stratum in boxes:
        if uid in friendly:
            waves[uid] = 0
        else:
            strata[stratum].append((position(salt, uid), uid))
    for ranked in strata.values():
        ranked.sort()
        start = 0
        for number, end in enumerate(quotas(len(ranked), shares_permille), start=1):
            waves.update((uid, number) for _, uid in ranked[start:end])
            start = end
    return waves


def wave_of_latecomer(salt: str, uid: str, shares_permille: Sequence[int]) -> int:
    """Return the wave of a box that turns up after the plan was made: by its hash alone."""
    place = position(salt, uid) * PERMILLE >> 53
    return next(n for n, share in enumerate(shares_permille, start=1) if place < share)
