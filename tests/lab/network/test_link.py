import random

import pytest

from lab.network.link import Supply
from lab.network.traces import Step, Trace, constant
from lab.units import NS_PER_S

TRACE = Trace((Step(2 * NS_PER_S, 1000), Step(NS_PER_S, 0), Step(NS_PER_S, 4000)), "by hand")


@pytest.mark.parametrize(
    ("at_s", "bits"),
    [(0, 0), (1, 1000), (2, 2000), (2.5, 2000), (3, 2000), (3.5, 4000), (4, 6000), (5, 7000)],
)
def test_a_link_has_carried_the_sum_of_its_steps(at_s: float, bits: int) -> None:
    assert Supply(TRACE).work_at(round(at_s * NS_PER_S)) == bits * NS_PER_S


@pytest.mark.parametrize(
    ("bits", "at_s"),
    [(1000, 1), (2000, 2), (2001, 3.00025), (6000, 4), (6001, 4.001), (12_000, 8), (13_000, 9)],
)
def test_the_moment_is_the_first_at_which_so_much_was_carried(bits: int, at_s: float) -> None:
    assert Supply(TRACE).moment_of(bits * NS_PER_S) == round(at_s * NS_PER_S)


def test_moment_and_work_are_each_others_inverse() -> None:
    rng = random.Random(3)
    steps = [Step(rng.randrange(1, 10**9), rng.choice((0, 3, 10**6, 10**9 + 7))) for _ in range(50)]
    supply = Supply(Trace(tuple(steps), "random"))
    for _ in range(2000):
        work = rng.randrange(1, 3 * supply.period_work)
        at = supply.moment_of(work)
        assert supply.work_at(at) >= work > supply.work_at(at - 1)


def test_bits_between_two_moments_are_whole() -> None:
    assert Supply(constant(1000)).carried_bits(0, 1_999_999) == 1


@pytest.mark.parametrize(
    ("at_s", "latency_ns"), [(0, 5), (1.9, 5), (2, 9), (2.9, 9), (3, 5), (5, 9)]
)
def test_the_latency_is_that_of_the_step_at_the_moment(at_s: float, latency_ns: int) -> None:
    trace = Trace((Step(2 * NS_PER_S, 1000, 5), Step(NS_PER_S, 1000, 9)), "by hand")
    assert Supply(trace).latency_at(round(at_s * NS_PER_S)) == latency_ns


def test_a_steady_latency_holds_at_any_moment() -> None:
    assert Supply(constant(1000, latency_ns=7)).latency_at(10**15) == 7
