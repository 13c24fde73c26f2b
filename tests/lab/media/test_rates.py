"""Frame rates that ticks have rounded, and clocks that start again."""

from __future__ import annotations

from fractions import Fraction

import pytest

from lab.media.rates import USUAL_RATES, Clock, FrameRate, told_leaps


@pytest.mark.parametrize("rate", USUAL_RATES)
@pytest.mark.parametrize("frames", [24, 60, 241, 10_000])
def test_a_usual_rate_survives_millisecond_ticks(rate: Fraction, frames: int) -> None:
    for more in (-1, 0, 1):
        ticks = round(frames * 1000 / rate) + more
        mean = Fraction(frames * 1000, ticks)
        assert FrameRate(mean, declared=rate, rounding=Fraction(2, ticks)).settled == rate
        if frames == 10_000:
            assert FrameRate(mean, rounding=Fraction(2, ticks)).settled == rate


@pytest.mark.parametrize(
    ("rate", "settled"),
    [
        (FrameRate(Fraction("60.024")), 60),
        (FrameRate(Fraction("30.03")), 30),
        (FrameRate(Fraction(60_000, 1001), declared=Fraction(60)), Fraction(60_000, 1001)),
        (FrameRate(Fraction("59.97"), likely=Fraction(60), rounding=Fraction(3, 1000)), 60),
        # no rounding explains these
        (FrameRate(Fraction("60.2"), declared=Fraction(60)), Fraction("60.2")),
        (FrameRate(Fraction(61), rounding=Fraction(1, 2)), 61),
        (FrameRate(Fraction(15)), 15),
        (FrameRate(Fraction("12.5"), declared=Fraction(25)), Fraction("12.5")),
        # without time stamps, what is declared; but no tick of a clock
        (FrameRate(None, declared=Fraction(25)), 25),
        (FrameRate(None, declared=Fraction(1000)), None),
        (FrameRate(None), None),
    ],
)
def test_a_mean_is_the_usual_rate_that_rounding_makes_of_it(
    rate: FrameRate, settled: Fraction | int | None
) -> None:
    assert rate.settled == settled


@pytest.mark.parametrize(
    ("mean", "declared", "words"),
    [
        ("24", "30", "the headers declare 30 frames/s, the time stamps tell 24; judged by"),
        ("60.2", "60", "the headers declare 60 frames/s, the time stamps tell 60.2;"),
        ("60.024", "60", None),
        ("25", "50", None),
        ("50", "25", None),
        ("25", "1000", None),
        ("25", None, None),
    ],
)
def test_another_rate_than_the_declared_is_spoken_of(
    mean: str, declared: str | None, words: str | None
) -> None:
    rate = FrameRate(Fraction(mean), declared=Fraction(declared) if declared else None)
    told = rate.contradiction
    assert told == words if words is None else told and told.startswith(words)


def clock_of(*at_s: int, lasting_s: int = 1) -> Clock:
    clock = Clock()
    for second in at_s:
        clock.add(Fraction(second), Fraction(lasting_s))
    return clock


@pytest.mark.parametrize(
    ("at_s", "length_s", "leaps"),
    [
        ((), 0, 0),
        ((5,), 1, 0),
        ((0, 1, 2), 3, 0),
        ((0, 1, 1, 2), 3, 0),
        ((0, 1, 4, 5), 6, 0),
        ((0, 1, 2, 0, 1, 2), 6, 1),
        ((100, 101, 0, 1, 0, 1), 6, 2),
        ((0, 1, 2, 95_000, 95_001), 5, 1),
    ],
)
def test_only_forward_steps_make_a_length(at_s: tuple[int, ...], length_s: int, leaps: int) -> None:
    clock = clock_of(*at_s)
    assert clock.length_s == length_s
    assert len(clock.leaps) == leaps


def test_long_pictures_are_no_leap() -> None:
    assert clock_of(0, 30, 60, lasting_s=30).leaps == []


def test_the_first_leap_is_told() -> None:
    clocks = [clock_of(0, 1, 2), clock_of(0, 1, 0, 1, 0)]
    assert told_leaps(clocks[:1]) is None
    assert told_leaps([]) is None
    assert told_leaps(clocks) == (
        "the clock leaps 2 times, first 2.0 s after the start (loop or splice)"
    )
