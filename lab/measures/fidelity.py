"""How near the pictures that were shown are to those that were meant: PSNR of the luma.

Pictures are compared by their place in the programme. Where one is missing, the last one shown
stands in for it, for that is what the viewer sees; missing ones are counted besides.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from lab.media.content import Content, Luma, luma_of, pictures
from lab.media.decode import Shown

BEST_DB = 100.0  # what is written where nothing differs
BLACK = 16  # luma of black in 8 bit, limited range (ITU-R BT.709-6 item 5.3)


@dataclass
class Fidelity:
    """Squared errors of all pictures of the programme, and which of them never came."""

    fps: int
    peak: int
    errors: list[float] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)

    def psnr_db(self, mean_error: float) -> float:
        """Return the peak signal-to-noise ratio of a mean squared error."""
        if mean_error <= 0:
            return BEST_DB
        return min(BEST_DB, 10 * math.log10(self.peak**2 / mean_error))

    def by_frame_db(self) -> list[float]:
        """Return the ratio of every picture."""
        return [self.psnr_db(error) for error in self.errors]

    def by_second_db(self) -> list[float]:
        """Return the ratio of every second, from the mean of its squared errors."""
        seconds = range(0, len(self.errors), self.fps)
        parts = [self.errors[at : at + self.fps] for at in seconds]
        return [self.psnr_db(sum(part) / len(part)) for part in parts]

    @property
    def worst_second_db(self) -> float:
        """The ratio of the worst second."""
        return min(self.by_second_db(), default=BEST_DB)


def compare(content: Content, shown: Iterable[Shown]) -> Fidelity:
    """Compare what was shown with the programme's own pictures, drawn anew."""
    result = Fidelity(content.fps, 2**content.bit_depth - 1)
    coming = iter(shown)
    ahead = _next(coming, 0)
    last: Luma | None = None
    black = BLACK << (content.bit_depth - 8)
    for number, picture in enumerate(pictures(content)):
        while ahead is not None and ahead.number < number:
            ahead = _next(coming, number)
        if ahead is not None and ahead.number == number:
            last = ahead.luma
        else:
            result.missing.append(number)
        result.errors.append(_squared_error(luma_of(picture), last, black))
    for _ in coming:  # what is left is decoded to the end, for the account's sake
        pass
    return result


def _next(coming: Iterator[Shown], least: int) -> Shown | None:
    return next((one for one in coming if one.number >= least), None)


def _squared_error(meant: Luma, seen: Luma | None, black: int) -> float:
    """Return the mean squared error; where nothing was shown yet the screen is black."""
    difference = meant.astype(np.int32)
    if seen is None:
        difference -= black
    elif seen.shape != meant.shape:
        raise ValueError(f"pictures of {seen.shape} shown where {meant.shape} were meant")
    else:
        difference -= seen
    return float(np.vdot(difference, difference)) / difference.size
