"""Mixtures: `healthy=50,liar=2` spread over a number of boxes.

The numbers are shares. When they add up to the number of boxes they are exact
counts; otherwise each kind gets its share rounded down, and what is left goes to
the largest remainders (ties: the kind named first).
"""

import random
from collections.abc import Mapping


def read_mixture(text: str) -> dict[str, int]:
    """Read `name=number,...`; a name alone counts one.

    Raises:
        ValueError: a number is missing, negative, or all are zero; a name comes twice.
    """
    shares: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = part.strip().partition("=")
        if not name or (equals and not number.strip().isdigit()):
            raise ValueError(f"cannot read {part.strip()!r} in {text!r}: write name=number,...")
        if name.strip() in shares:
            raise ValueError(f"{name.strip()!r} comes twice in {text!r}")
        shares[name.strip()] = int(number) if equals else 1
    if not any(shares.values()):
        raise ValueError(f"{text!r} adds up to nothing")
    return shares


def spread(shares: Mapping[str, int], total: int) -> dict[str, int]:
    """How many of each kind make up `total`."""
    weight = sum(shares.values())
    counts = {name: share * total // weight for name, share in shares.items()}
    left = total - sum(counts.values())
    by_remainder = sorted(shares, key=lambda name: -(shares[name] * total % weight))
    for name in by_remainder[:left]:
        counts[name] += 1
    return counts


def deal(shares: Mapping[str, int], total: int, rng: random.Random) -> list[str]:
    """One kind for each of `total` boxes, shuffled."""
    counts = spread(shares, total)
    kinds = [name for name, times in counts.items() for _ in range(times)]
    rng.shuffle(kinds)
    return kinds
