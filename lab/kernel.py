"""One event queue, two clocks: virtual time for tests, wall time for a live fleet.

Units: instants are ns since 1970-01-01T00:00Z, durations are ns. Events that are
due at the same instant happen in the order in which they were asked for, so a
run in virtual time is the same every time.
"""

import heapq
import random
from collections.abc import Callable
from itertools import count
from queue import Empty, SimpleQueue
from typing import Protocol

from lab.units import to_seconds

Action = Callable[[], None]
Inbox = SimpleQueue[Action]


class Clock(Protocol):
    """What tells the time, and how to get to a later one."""

    def now_ns(self) -> int:
        """The present instant."""

    def pass_until(self, due_ns: int, inbox: Inbox) -> Action | None:
        """Let time pass until `due_ns`, or return early with what arrived in the inbox."""


class VirtualClock:
    """Time that costs nothing: it jumps to the next event."""

    def __init__(self, start_ns: int = 0) -> None:
        """Begin at `start_ns`."""
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """The present instant."""
        return self._now_ns

    def pass_until(self, due_ns: int, inbox: Inbox) -> Action | None:
        """Jump; what is in the inbox happens first."""
        if not inbox.empty():
            return inbox.get()
        self._now_ns = max(self._now_ns, due_ns)
        return None


class WallClock:
    """Real time: begins at the wall's time, then follows a clock that never steps back."""

    def __init__(self, *, epoch_ns: int, monotonic_ns: Callable[[], int]) -> None:
        """Begin at `epoch_ns`; `monotonic_ns` is read from then on."""
        self._read_ns = monotonic_ns
        self._offset_ns = epoch_ns - monotonic_ns()

    def now_ns(self) -> int:
        """The present instant."""
        return self._read_ns() + self._offset_ns

    def pass_until(self, due_ns: int, inbox: Inbox) -> Action | None:
        """Sleep until `due_ns`, or until another thread posts something."""
        try:
            return inbox.get(timeout=max(0.0, to_seconds(due_ns - self.now_ns())))
        except Empty:
            return None


class Kernel:
    """Does what is due, in order, in one thread.

    Other threads, and signal handlers, may only `post` and `stop`.
    """

    def __init__(self, clock: Clock) -> None:
        """Start with an empty queue on this clock."""
        self._clock = clock
        self._queue: list[tuple[int, int, Action]] = []
        self._ticket = count()
        self._inbox: Inbox = SimpleQueue()
        self._stopped = False

    def now_ns(self) -> int:
        """The present instant."""
        return self._clock.now_ns()

    def after(self, delay_ns: int, action: Action) -> None:
        """Do `action` in `delay_ns`; a delay that is not positive means as soon as possible."""
        due_ns = self.now_ns() + max(0, delay_ns)
        heapq.heappush(self._queue, (due_ns, next(self._ticket), action))

    def post(self, action: Action) -> None:
        """Have the kernel's thread do `action`; safe from any thread and from a signal handler."""
        self._inbox.put(action)

    def stop(self) -> None:
        """End `run` after the event in hand; safe from any thread and from a signal handler."""
        self._stopped = True
        self._inbox.put(_nothing)

    def run(self, until_ns: int) -> None:
        """Do what is due up to and including `until_ns`, then return; or return at `stop`."""
        while not self._stopped:
            due_ns = self._queue[0][0] if self._queue else until_ns + 1
            if due_ns > until_ns and self.now_ns() >= until_ns and self._inbox.empty():
                return
            posted = self._clock.pass_until(min(due_ns, until_ns), self._inbox)
            if posted is not None:
                posted()
            elif self._queue and self._queue[0][0] <= min(self.now_ns(), until_ns):
                heapq.heappop(self._queue)[2]()


def _nothing() -> None:
    """Wake the kernel, no more."""


def seeded(seed: int, *names: object) -> random.Random:
    """A generator of its own for each thing that has chance in it.

    The same seed and names give the same numbers on every machine and in every
    run, whatever else draws in between.
    """
    return random.Random("/".join(str(part) for part in (seed, *names)))  # noqa: S311
