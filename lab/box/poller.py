"""When to speak next: the poll interval the server asks for, and backoff with jitter.

Jitter only ever delays: a box never polls sooner than it was told to.
"""

import random
from dataclasses import dataclass

from lab.units import NS_PER_S

POLL_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast this run lives.

    `poll_scale` multiplies the poll interval asked for by the server and `min_poll_ns`
    bounds it from below; `time_scale` multiplies everything else that takes a box time
    (download, flashing, reboot, waits between repeated tries). `xconf_poll_ns` is the
    interval of a box on the XConf wire, which has no way to ask for one.
    """

    poll_scale: float = 1.0
    min_poll_ns: int = 0
    time_scale: float = 1.0
    start_spread_ns: int = 3 * NS_PER_S
    xconf_poll_ns: int = 300 * NS_PER_S

    def scaled(self, duration_ns: int) -> int:
        """A duration of the box's own, in this run's time."""
        return round(duration_ns * self.time_scale)

    def poll_wait_ns(self, sleep_ns: int, rng: random.Random) -> int:
        """From `max(min_poll, sleep * poll_scale)` up to a tenth more."""
        wait_ns = max(self.min_poll_ns, round(sleep_ns * self.poll_scale))
        return wait_ns + round(wait_ns * POLL_JITTER * rng.random())


class Backoff:
    """Waits that double up to a cap, each drawn from the upper half of its range."""

    def __init__(self, rng: random.Random, *, base_ns: int, cap_ns: int) -> None:
        """Begin at `base_ns`; never wait longer than `cap_ns`."""
        self._rng = rng
        self._base_ns = base_ns
        self._cap_ns = cap_ns
        self._ceiling_ns = min(base_ns, cap_ns)

    def next_ns(self) -> int:
        """The wait after one more failure: between half the ceiling and the ceiling."""
        ceiling_ns = self._ceiling_ns
        self._ceiling_ns = min(self._cap_ns, 2 * ceiling_ns)
        return ceiling_ns - round(ceiling_ns / 2 * self._rng.random())

    def reset(self) -> None:
        """It worked: begin again at the base."""
        self._ceiling_ns = min(self._base_ns, self._cap_ns)
