import threading
import time

import pytest

from lab.kernel import Kernel, VirtualClock, WallClock, seeded
from lab.units import NS_PER_MS, NS_PER_S, from_seconds, transfer_ns


def test_events_due_at_the_same_instant_happen_in_the_order_they_were_asked_for() -> None:
    kernel, seen = Kernel(VirtualClock()), list[str]()
    kernel.after(10, lambda: seen.append("first"))
    kernel.after(10, lambda: seen.append("second"))
    kernel.after(5, lambda: seen.append("earlier"))
    kernel.run(until_ns=100)
    assert seen == ["earlier", "first", "second"]


@pytest.mark.parametrize(("due_ns", "happens"), [(99, True), (100, True), (101, False)])
def test_an_event_happens_up_to_and_including_the_end_of_the_run(
    due_ns: int, happens: bool
) -> None:
    kernel, seen = Kernel(VirtualClock()), list[int]()
    kernel.after(due_ns, lambda: seen.append(due_ns))
    kernel.run(until_ns=100)
    assert bool(seen) is happens
    assert kernel.now_ns() == 100


def test_an_event_may_ask_for_more_events() -> None:
    kernel, seen = Kernel(VirtualClock(50)), list[int]()
    kernel.after(10, lambda: kernel.after(7, lambda: seen.append(kernel.now_ns())))
    kernel.run(until_ns=100)
    assert seen == [67]


def test_stop_ends_a_run_before_its_time() -> None:
    kernel, seen = Kernel(VirtualClock()), list[str]()
    kernel.after(10, kernel.stop)
    kernel.after(20, lambda: seen.append("never"))
    kernel.run(until_ns=100)
    assert (seen, kernel.now_ns()) == ([], 10)


def test_a_post_from_another_thread_wakes_the_wall_clock() -> None:
    kernel = Kernel(WallClock(epoch_ns=time.time_ns(), monotonic_ns=time.monotonic_ns))
    threading.Timer(0.05, lambda: kernel.post(kernel.stop)).start()
    began = time.monotonic()
    kernel.run(until_ns=kernel.now_ns() + 60 * NS_PER_S)
    assert time.monotonic() - began < 5


def test_wall_time_does_what_is_due_when_it_is_due() -> None:
    kernel = Kernel(WallClock(epoch_ns=NS_PER_S, monotonic_ns=time.monotonic_ns))
    seen = list[int]()
    kernel.after(30 * NS_PER_MS, lambda: seen.append(kernel.now_ns()))
    kernel.run(until_ns=NS_PER_S + 60 * NS_PER_MS)
    assert NS_PER_S + 30 * NS_PER_MS <= seen[0] < NS_PER_S + 60 * NS_PER_MS


def test_a_generator_depends_on_its_seed_and_its_names_alone() -> None:
    assert seeded(1, "box", "x").random() == seeded(1, "box", "x").random()
    assert seeded(1, "box", "x").random() != seeded(1, "box", "y").random()
    assert seeded(1, "box", "x").random() != seeded(2, "box", "x").random()


@pytest.mark.parametrize(
    ("size_bits", "expected_ns"), [(0, 0), (1, 333_333_334), (3, NS_PER_S), (4, 1_333_333_334)]
)
def test_a_transfer_is_never_faster_than_its_link(size_bits: int, expected_ns: int) -> None:
    assert transfer_ns(size_bits, 3) == expected_ns


def test_a_link_without_a_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        transfer_ns(1, 0)


def test_seconds_become_whole_nanoseconds() -> None:
    assert from_seconds(1.5) == 1_500_000_000
