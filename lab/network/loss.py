"""Losses that come in bursts: the Gilbert-Elliott channel.

E. O. Elliott, "Estimates of error rates for codes on burst-noise channels", BSTJ 42 (1963);
G. Hasslinger, O. Hohlfeld, "The Gilbert-Elliott model for packet loss in real time services on
the Internet", MMB 2008.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lab.kernel import seeded


@dataclass(frozen=True)
class GilbertElliott:
    """Two states. All are probabilities: `p` good to bad and `r` bad to good, at each packet;
    `h` and `k` of losing a packet in the bad and in the good state.
    """

    p: float
    r: float
    h: float = 1.0
    k: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no channel.

        Raises:
            ValueError: a number is no probability, or the channel stays in one state for ever.
        """
        for name in ("p", "r", "h", "k"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability, got {getattr(self, name)}")
        if self.p + self.r == 0:
            raise ValueError("p and r are both 0: the channel would never change")

    @property
    def mean_loss(self) -> float:
        """The share of packets lost in the long run."""
        return (self.r * self.k + self.p * self.h) / (self.p + self.r)

    @property
    def mean_burst(self) -> float:
        """The mean stay in the bad state, in packets."""
        return 1 / self.r if self.r else float("inf")

    def times(self, factor: float) -> "GilbertElliott":
        """Return a channel of that many times the mean loss, with bursts as long as before.

        Raises:
            ValueError: no channel with such bursts loses so much.
        """
        if self.k or not self.h:
            raise ValueError("only a channel that loses nothing while good can be multiplied")
        bad = factor * self.p / (self.p + self.r)
        if not 0 <= bad < 1:
            raise ValueError(f"{factor} times the loss would be {factor * self.mean_loss:.0%}")
        return GilbertElliott(self.r * bad / (1 - bad), self.r, self.h, self.k)

    def losses(self, seed: int, *names: object) -> Iterator[bool]:
        """Tell for each packet in turn whether it is lost, for ever; begins in the long run."""
        rng = seeded(seed, "loss", *names)
        draw = rng.random
        is_bad = draw() < self.p / (self.p + self.r)
        while True:
            yield draw() < (self.h if is_bad else self.k)
            is_bad = draw() >= self.r if is_bad else draw() < self.p
