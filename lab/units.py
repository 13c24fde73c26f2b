"""Units, here and everywhere in the lab: time in integer ns, size in bits, rate in bit/s.

What the outside gives in other units (seconds on a command line, bytes of a
file) is turned into these at the door, and back at the door.
"""

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
BITS_PER_BYTE = 8


def from_seconds(duration_s: float) -> int:
    """Seconds as the nearest whole ns."""
    return round(duration_s * NS_PER_S)


def to_seconds(duration_ns: int) -> float:
    """Ns as seconds, for people and reports."""
    return duration_ns / NS_PER_S


def from_bytes(size_bytes: int) -> int:
    """Bytes as bits."""
    return size_bytes * BITS_PER_BYTE


def transfer_ns(size_bits: int, rate_bps: int) -> int:
    """How long `size_bits` take at `rate_bps`, rounded up: a link is never faster than it is.

    Raises:
        ValueError: the rate is not positive.
    """
    if rate_bps <= 0:
        raise ValueError(f"a rate must be positive, got {rate_bps} bit/s")
    return -(-size_bits * NS_PER_S // rate_bps)
