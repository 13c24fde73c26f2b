import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.box.poller import POLL_JITTER, Backoff, Pace
from lab.units import NS_PER_S

durations = st.integers(min_value=2, max_value=10**12)
seeds = st.integers(min_value=0, max_value=2**32)


@given(seed=seeds, base_ns=durations, cap_ns=durations, failures=st.integers(0, 80))
def test_a_backoff_stays_between_half_its_ceiling_and_its_ceiling(
    seed: int, base_ns: int, cap_ns: int, failures: int
) -> None:
    backoff = Backoff(random.Random(seed), base_ns=base_ns, cap_ns=cap_ns)
    waits = [backoff.next_ns() for _ in range(failures + 1)]
    ceiling_ns = min(cap_ns, base_ns * 2**failures)
    assert ceiling_ns // 2 <= waits[-1] <= ceiling_ns


def test_a_backoff_begins_again_after_a_success() -> None:
    backoff = Backoff(random.Random(1), base_ns=NS_PER_S, cap_ns=60 * NS_PER_S)
    _ = [backoff.next_ns() for _ in range(5)]
    backoff.reset()
    assert backoff.next_ns() <= NS_PER_S


@given(
    seed=seeds,
    sleep_ns=durations,
    least_ns=st.integers(0, 10**12),
    scale=st.floats(0.001, 10),
)
def test_a_box_never_polls_sooner_than_it_was_told_and_hardly_later(
    seed: int, sleep_ns: int, least_ns: int, scale: float
) -> None:
    pace = Pace(poll_scale=scale, min_poll_ns=least_ns)
    told_ns = max(least_ns, round(sleep_ns * scale))
    waits_ns = pace.poll_wait_ns(sleep_ns, random.Random(seed))
    assert told_ns <= waits_ns <= told_ns * (1 + POLL_JITTER) + 1


@pytest.mark.parametrize(("asked_s", "expected_s"), [(9, 10), (10, 10), (11, 11)])
def test_the_least_interval_bounds_the_asked_one_from_below(asked_s: int, expected_s: int) -> None:
    pace = Pace(min_poll_ns=10 * NS_PER_S)
    waits_ns = pace.poll_wait_ns(asked_s * NS_PER_S, random.Random(1))
    assert expected_s * NS_PER_S <= waits_ns <= expected_s * NS_PER_S * 1.1
