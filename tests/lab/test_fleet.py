"""A whole fleet in virtual time: its summary, its end, its screen."""

import io
import json

import pytest
from rich.console import Console

from lab.box.identity import Wire
from lab.box.wire import Life, Pause
from lab.cli import main
from lab.fleet.courier import bring_to_life
from lab.fleet.fleet import Fleet
from lab.fleet.identity_files import Listed
from lab.fleet.screen import LiveScreen, PlainScreen
from lab.fleet.summary import Run, summarise
from lab.kernel import Kernel, VirtualClock
from lab.units import NS_PER_S, from_seconds
from tests.lab.reference_service import MemoryCourier
from tests.lab.world import NEW, OLD, START_NS, a_box, a_plan, a_service, run_fleet

MIX = {"healthy": 4, "power_cut": 2, "flaky_link": 2, "liar": 1, "silent": 1}


def ten_boxes() -> list[Listed]:
    wires = [Wire.DDI] * 7 + [Wire.XCONF] * 3
    return [Listed(a_box(wire, number=number)) for number, wire in enumerate(wires)]


def lived(seed: int = 1) -> tuple[Fleet, Run]:
    return run_fleet(a_service(most_orders=2), ten_boxes(), a_plan(seed=seed, personalities=MIX))


def told(seed: int) -> str:
    fleet, run = lived(seed)
    return json.dumps(summarise(run, fleet.members, journal=True))


def test_the_same_seed_gives_the_same_summary_to_the_last_byte() -> None:
    assert told(seed=4) == told(seed=4)
    assert told(seed=4) != told(seed=5)


def test_totals_are_the_sums_over_the_boxes() -> None:
    fleet, run = lived()
    summary = json.loads(json.dumps(summarise(run, fleet.members)))
    boxes, totals = summary["boxes"], summary["totals"]
    assert totals["polls"] == sum(box["polls"] for box in boxes)
    assert totals["reports"] == sum(len(box["reports"]) for box in boxes)
    assert totals["by_version"] == {OLD: 2, NEW: 8}
    assert totals["by_model_revision"] == {"MAG524/A1": {OLD: 2, NEW: 8}}
    assert sum(totals["by_wire"]["ddi"].values()) == 7


def test_a_summary_tells_who_a_box_is_and_keeps_its_token_to_itself() -> None:
    fleet, run = lived()
    summary = summarise(run, fleet.members, journal=True)
    assert "secret" not in json.dumps(summary)
    assert list(json.loads(json.dumps(summary))["boxes"][0])[:6] == [
        "serial",
        "mac",
        "model",
        "revision",
        "wire",
        "controller_id",
    ]


def test_a_slot_tells_its_state_and_its_version() -> None:
    fleet, run = run_fleet(a_service(most_orders=1), [Listed(a_box(), "boot_loop")])
    (box,) = json.loads(json.dumps(summarise(run, fleet.members)))["boxes"]
    assert box["slots"] == {
        "running": "A",
        "A": {"state": "good", "version": OLD},
        "B": {"state": "refused", "version": NEW},
    }


def test_a_run_ends_when_nothing_changed_for_long_enough() -> None:
    plan = a_plan(duration_ns=from_seconds(10_000), idle_ns=from_seconds(30))
    _, run = run_fleet(a_service(most_orders=1), [Listed(a_box())], plan)
    assert run.ended_by == "idle"
    assert from_seconds(40) < run.ended_ns - run.started_ns < from_seconds(80)


def test_a_box_that_is_about_to_fall_back_is_not_idle() -> None:
    plan = a_plan(duration_ns=from_seconds(10_000), idle_ns=from_seconds(2))
    fleet, run = run_fleet(
        a_service(most_orders=1, sleep="00:00:01"), [Listed(a_box(), "revert")], plan
    )
    assert (run.ended_by, fleet.members[0].box.record.reverts) == ("idle", 1)


def test_without_an_end_in_sight_a_run_takes_its_whole_duration() -> None:
    _, run = run_fleet(a_service(), [Listed(a_box())], a_plan(duration_ns=from_seconds(50)))
    assert (run.ended_by, run.ended_ns - run.started_ns) == ("duration", from_seconds(50))


def test_a_fault_of_one_life_does_not_end_the_others() -> None:
    kernel, crashes, lived_on = Kernel(VirtualClock()), list[str](), list[int]()

    def faulty() -> Life[None]:
        yield Pause(10)
        raise RuntimeError("a fault of the lab")

    def sound() -> Life[None]:
        yield Pause(20)
        lived_on.append(kernel.now_ns())

    courier = MemoryCourier(kernel, a_service())
    bring_to_life(faulty(), kernel, courier, crashes.append)
    bring_to_life(sound(), kernel, courier, crashes.append)
    kernel.run(until_ns=100)
    assert "a fault of the lab" in crashes[0]
    assert lived_on == [20]


def test_an_unknown_personality_in_a_file_is_refused() -> None:
    with pytest.raises(ValueError, match="grumpy"):
        Fleet(a_plan(), [Listed(a_box(), "grumpy")], Kernel(VirtualClock(START_NS)))


def test_the_live_table_shows_versions_by_model_revision_and_wire() -> None:
    fleet, _ = lived()
    console = Console(file=io.StringIO(), force_terminal=True, width=140)
    with LiveScreen(console) as screen:
        screen(fleet.members, 90 * NS_PER_S)
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert "90.0 s  10 boxes  runs 1.0.0 2, 1.2.0 8" in drawn
    assert "MAG524" in drawn
    assert "xconf" in drawn


@pytest.mark.parametrize(("second_ns", "lines"), [(4_999_999_999, 1), (5 * NS_PER_S, 2)])
def test_plain_lines_come_every_five_seconds(second_ns: int, lines: int) -> None:
    fleet, _ = lived()
    console = Console(file=io.StringIO(), width=80)
    with PlainScreen(console) as screen:
        screen(fleet.members, 0)
        screen(fleet.members, second_ns)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert len(printed.splitlines()) == lines


def test_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "make-image" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("personality", "word"), [("healthy", "success"), ("boot_loop", "failure"), ("silent", None)]
)
def test_the_last_final_report_leaves_progress_aside(personality: str, word: str | None) -> None:
    fleet, run = run_fleet(a_service(most_orders=1), [Listed(a_box(), personality)])
    (box,) = json.loads(json.dumps(summarise(run, fleet.members)))["boxes"]
    assert box["reports"]
    assert box["last_final_report"] == word
