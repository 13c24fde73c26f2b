"""Each personality on the DDI wire, in both flavours, in virtual time."""

from dataclasses import replace
from datetime import datetime

import pytest

from lab.box.box import Box, Phase
from lab.box.poller import Pace
from lab.units import NS_PER_MS, NS_PER_S, from_seconds
from tests.lab.reference_service import Known
from tests.lab.world import (
    NEW,
    OLD,
    START_NS,
    a_box,
    a_plan,
    a_service,
    events,
    finals,
    live,
    rules,
)

BOTH = pytest.mark.parametrize("client", ["swupdate", "rauc"])
SERIAL = a_box().serial


@BOTH
def test_a_healthy_box_installs_reboots_and_tells_its_new_version(client: str) -> None:
    service = a_service()
    box = live(service, "healthy", client)
    assert (box.version, box.boots, finals(box)) == (NEW, 2, [("1", "success")])
    assert service.boxes[SERIAL].attributes == {
        "sw_version": NEW,
        "model": "MAG524",
        "hw_revision": "A1",
        "serial": SERIAL,
        "mac": "00:1A:79:00:00:01",
        "boot_id": box.boot_id,
    }
    assert rules(box) == []


@pytest.mark.parametrize(
    ("client", "order"), [("swupdate", ["boot", "report"]), ("rauc", ["report", "boot"])]
)
def test_the_flavours_say_success_on_opposite_sides_of_the_reboot(
    client: str, order: list[str]
) -> None:
    box = live(a_service(), "healthy", client)
    told = [
        entry.event
        for entry in box.record.journal
        if entry.event == "boot" or entry.detail.startswith("closed/")
    ]
    assert told == ["boot", *order]


def test_swupdate_counts_action_ids_and_rauc_spells_them() -> None:
    spoken = a_service(), a_service()
    live(spoken[0], "healthy", "swupdate")
    live(spoken[1], "healthy", "rauc")
    assert spoken[0].boxes[SERIAL].feedback[0]["id"] == 1
    assert spoken[1].boxes[SERIAL].feedback[0]["id"] == "1"


@BOTH
def test_a_power_cut_breaks_the_spare_slot_once_and_the_second_try_succeeds(client: str) -> None:
    service = a_service()
    box = live(service, "power_cut", client)
    assert (box.version, box.boots, box.record.power_cuts) == (NEW, 3, 1)
    assert box.record.downloads.finished == 2
    assert finals(box) == [("1", "success")]
    assert len(set(box.record.boot_ids)) == 3


def test_a_boot_loop_falls_back_and_swupdate_reports_the_failure_after_it() -> None:
    box = live(a_service(most_orders=1), "boot_loop", "swupdate")
    assert (box.version, box.boots, box.flash.failed_boots) == (OLD, 2, 3)
    assert finals(box) == [("1", "failure")]


def test_a_boot_loop_leaves_the_success_that_rauc_said_before_it_standing() -> None:
    service = a_service(most_orders=1)
    box = live(service, "boot_loop", "rauc")
    assert (box.version, finals(box)) == (OLD, [("1", "success")])
    assert service.boxes[SERIAL].version == OLD


def test_an_image_that_refuses_a_revision_boots_on_the_others_only() -> None:
    good = live(a_service(most_orders=1), identity=a_box(revision="A1"))
    bad = live(a_service(most_orders=1), identity=a_box(revision="B2"))
    assert (good.version, finals(good)) == (NEW, [("1", "success")])
    assert (bad.version, finals(bad)) == (OLD, [("1", "failure")])


@BOTH
def test_a_liar_says_success_and_runs_the_old_version_after_a_real_reboot(client: str) -> None:
    service = a_service(most_orders=1)
    box = live(service, "liar", client)
    assert (box.version, box.boots, finals(box)) == (OLD, 2, [("1", "success")])
    assert service.boxes[SERIAL].attributes["sw_version"] == OLD
    assert service.boxes[SERIAL].attributes["boot_id"] == box.record.boot_ids[1]


@BOTH
def test_a_silent_box_is_never_heard_after_its_download(client: str) -> None:
    service = a_service()
    box = live(service, "silent", client)
    assert (box.phase, finals(box), box.version) == (Phase.SILENT, [], OLD)
    assert service.requests[-1][:2] == ("GET", f"/files/{service.filename}")


@pytest.mark.parametrize("client", ["swupdate", "rauc"])
def test_a_wrong_clock_is_years_off_in_every_report(client: str) -> None:
    service = a_service()
    box = live(service, "wrong_clock", client)
    said = {feedback["time"] for feedback in service.boxes[SERIAL].feedback}
    offsets = [
        abs(datetime.strptime(text, "%Y%m%dT%H%M%S").year - 2026)  # noqa: DTZ007 - only its year
        for text in said
    ]
    assert min(offsets) >= 1
    assert box.version == NEW


@BOTH
def test_a_duplicate_box_says_its_final_word_two_to_four_times(client: str) -> None:
    box = live(a_service(), "duplicate", client)
    assert 2 <= len(finals(box)) <= 4
    assert set(finals(box)) == {("1", "success")}
    assert box.version == NEW


@BOTH
def test_a_reverting_box_runs_the_new_version_for_a_while(client: str) -> None:
    service = a_service(most_orders=1)
    box = live(service, "revert", client)
    assert (box.version, box.boots, box.record.reverts) == (OLD, 3, 1)
    assert finals(box) == [("1", "success")]


@BOTH
def test_a_flaky_link_resumes_where_it_broke(client: str) -> None:
    service = a_service()
    box = live(service, "flaky_link", client)
    resumed = [
        headers["Range"] for headers in service.asked("GET", "/files/") if "Range" in headers
    ]
    assert len(resumed) == box.record.downloads.resumed >= 1
    assert box.record.downloads.received_bytes == len(service.image)
    assert (box.version, rules(box)) == (NEW, [])


def test_the_same_seed_lives_the_same_life_and_another_seed_another() -> None:
    lives = [live(a_service(), "flaky_link", plan=a_plan(seed=seed)).record for seed in (5, 5, 6)]
    assert list(lives[0].journal) == list(lives[1].journal)
    assert lives[0].boot_ids == lives[1].boot_ids
    assert list(lives[0].journal) != list(lives[2].journal)


def test_a_box_polls_as_often_as_it_is_told() -> None:
    service = a_service(sleep="00:00:20", most_orders=0)
    box = live(service, plan=a_plan(duration_ns=from_seconds(600)))
    assert 600 / 22 - 1 <= box.record.polls <= 600 / 20 + 1


def test_a_box_whose_polls_are_refused_backs_off_and_comes_back() -> None:
    service = a_service(poll_status=503)
    box = live(service, plan=a_plan(duration_ns=from_seconds(600)))
    assert 10 <= box.record.polls <= 30
    assert box.record.http_errors["503"] == box.record.polls
    assert box.record.decision.kind == "refused"


def test_time_scale_shortens_what_takes_a_box_time() -> None:
    slow, fast = (
        live(a_service(), plan=a_plan(pace=replace(Pace(), time_scale=scale)))
        for scale in (1.0, 0.01)
    )
    assert reboot_ns(fast) == pytest.approx(reboot_ns(slow) / 100, abs=10 * NS_PER_MS)


@pytest.mark.parametrize(
    ("cancel_at", "client", "answers", "version"),
    [
        ("GET /files", "swupdate", ["closed"], OLD),
        ("GET /files", "rauc", ["closed"], OLD),
        ("Installing", "swupdate", [], NEW),
        ("Installing", "rauc", ["rejected"], NEW),
    ],
)
def test_a_cancel_stops_a_download_and_comes_too_late_for_an_installation(
    cancel_at: str, client: str, answers: list[str], version: str
) -> None:
    service = a_service(cancel_at=cancel_at, most_orders=1, sleep="00:00:01")
    slowly = a_plan(pace=Pace(time_scale=1000), duration_ns=from_seconds(6000))
    box = live(service, client=client, plan=slowly)
    assert (service.boxes[SERIAL].cancel_answers, box.version) == (answers, version)


def test_a_cancel_of_an_order_not_yet_begun_is_acknowledged() -> None:
    service = a_service(most_orders=0)
    service.boxes[SERIAL] = Known(wants_attributes=False, action_id=1, cancelling=True)
    box = live(service)
    assert service.boxes[SERIAL].cancel_answers == ["closed"]
    assert events(box, "download", "boot") == ["boot"]


def test_swupdate_repeats_its_final_report_until_it_gets_200_and_polls_no_more() -> None:
    service = a_service()
    service.final_statuses.extend([500, 404, 204])
    box = live(service, "healthy", "swupdate")
    final = box.record.reports[-1]
    assert (final.attempts, final.status, finals(box)) == (4, 200, [("1", "success")])
    assert set(rules(box)) == {"final-report-refused", "not-exactly-200"}
    assert box.record.polls >= 2


def test_a_box_uses_its_own_token_else_the_gateways_else_none() -> None:
    own, gateway, none = a_service(), a_service(), a_service()
    tokenless = replace(a_box(), token="")
    plan = a_plan(ddi=replace(a_plan().ddi, gateway_token="gate"))
    live(own, plan=plan)
    live(gateway, identity=tokenless, plan=plan)
    live(none, identity=tokenless)
    assert own.requests[0][2]["Authorization"] == "TargetToken secret"
    assert gateway.requests[0][2]["Authorization"] == "GatewayToken gate"
    assert "Authorization" not in none.requests[0][2]


def test_attributes_can_go_by_other_names() -> None:
    service = a_service()
    names = {"sw_version": "sw_version", "hw_revision": "rev"}
    live(service, plan=a_plan(ddi=replace(a_plan().ddi, attribute_names=names)))
    assert service.boxes[SERIAL].attributes["rev"] == "A1"
    assert "hw_revision" not in service.boxes[SERIAL].attributes


def test_swupdate_sends_the_raw_newline_that_real_ones_do() -> None:
    service = a_service(most_orders=1)
    live(service, "boot_loop", "swupdate")
    assert "\n" in service.boxes[SERIAL].feedback[-1]["status"]["details"][0]


def test_a_box_switches_on_within_the_start_spread() -> None:
    box = live(a_service(), plan=a_plan(pace=Pace(start_spread_ns=NS_PER_S)))
    first = box.record.journal[0]
    assert first.event == "boot"
    assert 0 <= first.at_ns - START_NS <= NS_PER_S


def test_a_box_that_has_just_rebooted_polls_at_once() -> None:
    service = a_service(sleep="00:10:00")
    live(service, plan=a_plan(duration_ns=from_seconds(680)))
    assert service.boxes[SERIAL].version == NEW


def test_a_poll_that_works_ends_the_backoff() -> None:
    service = a_service(most_orders=0)
    service.poll_statuses.extend([503, 503, 503, 503, 503, 503, 200, 503, 503])
    box = live(service, plan=a_plan(duration_ns=from_seconds(300)))
    refused = [entry.at_ns for entry in box.record.journal if entry.event == "http 503"]
    assert refused[5] - refused[4] > from_seconds(8)
    assert refused[7] - refused[6] < from_seconds(1.1)


def test_a_final_report_is_repeated_with_pauses() -> None:
    service = a_service()
    service.final_statuses.extend([500, 500])
    box = live(service)
    refused = [entry.at_ns for entry in box.record.journal if entry.event == "http 500"]
    assert refused[1] - refused[0] > from_seconds(0.5)


@pytest.mark.parametrize(("sleep", "polls"), [("00:00:00", 3), ("00:00:01", 100)])
def test_a_sleep_of_zero_means_the_clients_own_45_seconds(sleep: str, polls: int) -> None:
    box = live(a_service(sleep=sleep, most_orders=0))
    assert polls <= box.record.polls <= polls * 1.2


def reboot_ns(box: Box) -> int:
    """From the end of flashing to the next boot."""
    (flashed_ns,) = [entry.at_ns for entry in box.record.journal if entry.event == "flashed"]
    boots = [entry.at_ns for entry in box.record.journal if entry.event == "boot"]
    return boots[1] - flashed_ns
