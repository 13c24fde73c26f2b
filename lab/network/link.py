"""A link replayed from a trace, with exact whole-number arithmetic.

Units: time in ns; work in bit·ns/s, that is rate times time, so that nothing is rounded
until a time is asked for. A thousand million of it are a bit.
"""

from bisect import bisect_left, bisect_right
from itertools import accumulate

from lab.network.traces import Trace
from lab.units import NS_PER_S


class Supply:
    """How much a link could have carried up to any moment; the trace repeats for ever."""

    def __init__(self, trace: Trace) -> None:
        """Sum the trace up once."""
        self.rates = [step.rate_bps for step in trace.steps]
        self.ends_ns = list(accumulate(step.duration_ns for step in trace.steps))
        self.starts_ns = [0, *self.ends_ns[:-1]]
        self.done = list(accumulate(s.rate_bps * s.duration_ns for s in trace.steps))
        self.before = [0, *self.done[:-1]]
        self.period_ns, self.period_work = self.ends_ns[-1], self.done[-1]
        self.latencies_ns = [step.latency_ns for step in trace.steps]
        self.is_steady = len(set(self.latencies_ns)) == 1

    def work_at(self, at_ns: int) -> int:
        """Return the work up to a moment of 0 or later."""
        rounds, into_ns = divmod(at_ns, self.period_ns)
        step = bisect_right(self.ends_ns, into_ns)
        into = self.before[step] + self.rates[step] * (into_ns - self.starts_ns[step])
        return rounds * self.period_work + into

    def moment_of(self, work: int) -> int:
        """Return the first moment at which at least so much work is done; work is above 0."""
        rounds, left = divmod(work - 1, self.period_work)
        left += 1
        step = bisect_left(self.done, left)
        # the first step that reaches it has a rate above 0
        into_ns = -(-(left - self.before[step]) // self.rates[step])
        return rounds * self.period_ns + self.starts_ns[step] + into_ns

    def latency_at(self, at_ns: int) -> int:
        """Return by how much the first bit of what is asked for at a moment is delayed."""
        if self.is_steady:
            return self.latencies_ns[0]
        return self.latencies_ns[bisect_right(self.ends_ns, at_ns % self.period_ns)]

    def carried_bits(self, from_ns: int, to_ns: int) -> int:
        """Return how many whole bits fit between two moments."""
        return (self.work_at(to_ns) - self.work_at(from_ns)) // NS_PER_S
