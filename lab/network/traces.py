"""The rate of a link over time: made from a seed, or held against a file's hash.

Units: time in integer ns, rate in bit/s.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.kernel import seeded
from lab.units import NS_PER_MS, NS_PER_S, to_seconds

LONGEST_S = 7 * 86_400
FASTEST_BPS = 10**12
LATEST_NS = 60 * NS_PER_S


@dataclass(frozen=True)
class Step:
    """A span of time at one rate; 0 is an outage. `latency_ns` delays the first bit of what is asked
    for within it, besides the path's own round trip.
    """

    duration_ns: int
    rate_bps: int
    latency_ns: int = 0


@dataclass(frozen=True)
class Statistics:
    """What a trace is like; rates are weighted by time.

    `p05_bps` and `median_bps` are not exceeded for 5 and 50 % of the time; `variation` is the
    coefficient of variation: the standard deviation over the mean.
    """

    duration_ns: int
    steps: int
    mean_bps: float
    least_bps: int
    p05_bps: int
    median_bps: int
    most_bps: int
    variation: float
    outage_share: float
    most_latency_ns: int

    def told(self) -> dict[str, str]:
        """Return all of it in words, for people."""
        rates = {
            "mean": self.mean_bps,
            "least": self.least_bps,
            "p05": self.p05_bps,
            "median": self.median_bps,
            "most": self.most_bps,
        }
        return {
            "duration": f"{to_seconds(self.duration_ns):g} s in {self.steps} steps",
            **{name: f"{rate_bps / 1e6:.2f} Mbit/s" for name, rate_bps in rates.items()},
            "variation": f"{self.variation:.3f}",
            "outage": f"{self.outage_share:.2%} of the time",
            "latency": f"at most {self.most_latency_ns / NS_PER_MS:g} ms",
        }


@dataclass(frozen=True)
class Trace:
    """Steps that follow each other; after the last the first begins again."""

    steps: tuple[Step, ...]
    origin: str

    def __post_init__(self) -> None:
        """Refuse what no link can be.

        Raises:
            ValueError: there is no step, a number is out of range, or nothing ever gets through.
        """
        if not self.steps:
            raise ValueError("a trace needs at least one step")
        for step in self.steps:
            if step.duration_ns <= 0:
                raise ValueError(f"a step of {step.duration_ns} ns lasts no time")
            if not 0 <= step.rate_bps <= FASTEST_BPS:
                raise ValueError(f"a rate lies in 0..{FASTEST_BPS} bit/s, got {step.rate_bps}")
            if not 0 <= step.latency_ns <= LATEST_NS:
                raise ValueError(f"a latency lies in 0..{LATEST_NS} ns, got {step.latency_ns}")
        if self.duration_ns > LONGEST_S * NS_PER_S:
            raise ValueError("a trace lasts a week at most")
        if not any(step.rate_bps for step in self.steps):
            raise ValueError("nothing ever gets through this link")

    @property
    def duration_ns(self) -> int:
        """How long it lasts before it begins again."""
        return sum(step.duration_ns for step in self.steps)

    @property
    def digest(self) -> str:
        """SHA-256 of the steps, whatever file or seed they came from."""
        lines = (f"{s.duration_ns} {s.rate_bps} {s.latency_ns}\n" for s in self.steps)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def statistics(self) -> Statistics:
        """Sum up."""
        total_ns = self.duration_ns
        mean = sum(step.rate_bps * step.duration_ns for step in self.steps) / total_ns
        spread = sum((step.rate_bps - mean) ** 2 * step.duration_ns for step in self.steps)
        quantiles = _quantiles(self.steps, (0.05, 0.5))
        return Statistics(
            duration_ns=total_ns,
            steps=len(self.steps),
            mean_bps=mean,
            least_bps=min(step.rate_bps for step in self.steps),
            p05_bps=quantiles[0],
            median_bps=quantiles[1],
            most_bps=max(step.rate_bps for step in self.steps),
            variation=math.sqrt(spread / total_ns) / mean,
            outage_share=sum(s.duration_ns for s in self.steps if not s.rate_bps) / total_ns,
            most_latency_ns=max(step.latency_ns for step in self.steps),
        )


def _quantiles(steps: Iterable[Step], shares: Sequence[float]) -> list[int]:
    """Return the rates that are not exceeded for these shares of the time."""
    ranked = sorted(steps, key=lambda step: step.rate_bps)
    total_ns = sum(step.duration_ns for step in ranked)
    found = []
    for share in shares:
        passed_ns = 0
        for step in ranked:
            passed_ns += step.duration_ns
            if passed_ns >= share * total_ns:
                found.append(step.rate_bps)
                break
    return found


def constant(rate_bps: int, duration_ns: int = NS_PER_S, latency_ns: int = 0) -> Trace:
    """A link that never changes."""
    return Trace((Step(duration_ns, rate_bps, latency_ns),), f"constant {rate_bps} bit/s")


def generate(
    seed: int,
    *,
    mean_bps: int,
    duration_ns: int,
    variation: float = 0.3,
    correlation: float = 0.9,
    step_ns: int = NS_PER_S,
    latency_ns: int = 0,
) -> Trace:
    """Make a trace: log-normal rates whose logarithm is a first-order autoregression.

    ``x[t] = correlation * x[t-1] + sqrt(1 - correlation**2) * sigma * e[t]``, with e standard
    normal, and ``rate = mean * exp(x - sigma**2 / 2)``, where sigma is chosen so that the rates
    have the coefficient of variation asked for. An assumption about links, not a measurement.

    Raises:
        ValueError: a parameter is out of its range.
    """
    if not (0 <= variation <= 3 and 0 <= correlation < 1):
        raise ValueError("variation lies in 0..3, correlation in 0..1 (1 left out)")
    if mean_bps <= 0 or step_ns <= 0 or not step_ns <= duration_ns <= LONGEST_S * NS_PER_S:
        raise ValueError("mean, step and duration are positive, and a step is no longer than all")
    sigma = math.sqrt(math.log1p(variation**2))
    rng = seeded(seed, "trace")
    x = sigma * rng.gauss(0, 1)
    steps = []
    for _ in range(duration_ns // step_ns):
        rate = round(mean_bps * math.exp(x - sigma**2 / 2))
        steps.append(Step(step_ns, max(1, min(FASTEST_BPS, rate)), latency_ns))
        x = correlation * x + math.sqrt(1 - correlation**2) * sigma * rng.gauss(0, 1)
    told = f"seed {seed}: log-normal, mean {mean_bps} bit/s, variation {variation:g}"
    return Trace(tuple(steps), f"{told}, correlation {correlation:g}")
