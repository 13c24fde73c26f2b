"""A player of adaptive streaming: how its buffer fills and empties, and which rung it takes next.

Units: time in ns, size in bits, rate in bit/s.
"""

from dataclasses import dataclass, field

from lab.units import NS_PER_S


@dataclass(frozen=True)
class Ladder:
    """A programme cut into segments of one length, each in every rung; the lowest rung first.

    `sizes[rung][segment]` is in bits; sizes of one rung vary with the programme.
    """

    segment_ns: int
    rates_bps: tuple[int, ...]
    sizes: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        """Refuse what is no ladder.

        Raises:
            ValueError: no rung, no segment, or the rates do not rise.
        """
        if not self.sizes or not self.sizes[0] or self.segment_ns <= 0:
            raise ValueError("a ladder needs rungs and segments")
        if len(self.rates_bps) != len(self.sizes) or len({len(s) for s in self.sizes}) != 1:
            raise ValueError("every rung has one rate and as many segments as the others")
        if any(low >= high for low, high in zip(self.rates_bps, self.rates_bps[1:], strict=False)):
            raise ValueError("the rates of a ladder rise")


@dataclass(frozen=True)
class Habits:
    """How a player behaves.

    It begins to play with `startup_ns` in its buffer and again after a stall with `resume_ns`; it
    asks for nothing while more than `most_ns` would be buffered; it takes the highest rung of at
    most `safety_permille` of the rate it expects, which is the lower of two moving averages of
    the rates it saw, the newest rate weighing `fast_permille` and `slow_permille`.
    """

    startup_ns: int = 8 * NS_PER_S
    resume_ns: int = 4 * NS_PER_S
    most_ns: int = 30 * NS_PER_S
    safety_permille: int = 850
    fast_permille: int = 500
    slow_permille: int = 150

    def __post_init__(self) -> None:
        """Refuse habits with which nothing would ever play.

        Raises:
            ValueError: a threshold is above what the buffer holds, or a share is out of range.
        """
        if not 0 < self.resume_ns <= self.most_ns or not 0 < self.startup_ns <= self.most_ns:
            raise ValueError("start-up and resume thresholds lie above 0 and within the buffer")
        for share in (self.safety_permille, self.fast_permille, self.slow_permille):
            if not 0 < share <= 1000:
                raise ValueError("shares lie above 0 and at most at 1000 permille")


@dataclass(slots=True)
class Player:
    """One session of one box, moved on by `received`."""

    ladder: Ladder
    habits: Habits
    rungs: int
    began_ns: int
    at_ns: int = 0
    buffer_ns: int = 0
    segment: int = 0
    rung: int = 0
    asked_ns: int = 0
    is_playing: bool = False
    startup_ns: int | None = None
    stall_began_ns: int = 0
    switches: int = 0
    bits: int = 0
    fast_bps: float = 0.0
    slow_bps: float = 0.0
    stalls: list[tuple[int, int]] = field(default_factory=list)
    picks: list[int] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether the whole programme was received."""
        return self.segment == len(self.ladder.sizes[0])

    def ask(self, now_ns: int) -> int:
        """Ask for the next segment; return its size in bits."""
        self.asked_ns = now_ns
        self.picks.append(self.rung)
        return self.ladder.sizes[self.rung][self.segment]

    def received(self, now_ns: int) -> int:
        """Take in the segment that was asked for; return when the next one is asked for."""
        self._drain(now_ns)
        ladder, habits = self.ladder, self.habits
        size = ladder.sizes[self.rung][self.segment]
        self.segment += 1
        self.bits += size
        self.buffer_ns += ladder.segment_ns
        if not self.is_playing:
            self._perhaps_play(now_ns)
        self._choose(size * NS_PER_S / (now_ns - self.asked_ns))
        surplus_ns = self.buffer_ns + ladder.segment_ns - habits.most_ns
        return now_ns + max(0, surplus_ns) if self.is_playing else now_ns

    def _drain(self, now_ns: int) -> None:
        """Play up to now; where the buffer ran dry on the way, a stall has begun there."""
        if self.is_playing:
            left_ns = self.buffer_ns - (now_ns - self.at_ns)
            if left_ns < 0:
                self.is_playing = False
                self.stall_began_ns = now_ns + left_ns
                left_ns = 0
            self.buffer_ns = left_ns
        self.at_ns = now_ns

    def _perhaps_play(self, now_ns: int) -> None:
        habits = self.habits
        wanted_ns = habits.startup_ns if self.startup_ns is None else habits.resume_ns
        if self.buffer_ns < wanted_ns and not self.is_done:
            return
        self.is_playing = True
        if self.startup_ns is None:
            self.startup_ns = now_ns - self.began_ns
        else:
            self.stalls.append((self.stall_began_ns, now_ns - self.stall_began_ns))

    def _choose(self, seen_bps: float) -> None:
        """Take the highest rung that the expected rate carries."""
        habits = self.habits
        if self.fast_bps:
            self.fast_bps += habits.fast_permille * (seen_bps - self.fast_bps) / 1000
            self.slow_bps += habits.slow_permille * (seen_bps - self.slow_bps) / 1000
        else:
            self.fast_bps = self.slow_bps = seen_bps
        usable_bps = min(self.fast_bps, self.slow_bps) * habits.safety_permille / 1000
        rates = self.ladder.rates_bps
        rung = self.rungs - 1
        while rung and rates[rung] > usable_bps:
            rung -= 1
        if rung != self.rung:
            self.switches += 1
            self.rung = rung
