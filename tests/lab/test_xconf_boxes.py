"""Boxes on the XConf wire: what they read, and each personality in virtual time."""

import json
from typing import Any

import pytest

from lab.box.box import Phase
from lab.box.identity import Identity, Wire
from lab.box.poller import Pace
from lab.box.xconf import read_target
from lab.units import from_seconds
from tests.lab.world import NEW, OLD, a_box, a_plan, a_service, finals, live, rules

MAC = "00:1A:79:00:00:01"


def xconf_box(revision: str = "A1") -> Identity:
    return a_box(Wire.XCONF, revision=revision)


def an_answer(**changes: Any) -> bytes:
    answer = {
        "firmwareDownloadProtocol": "http",
        "firmwareFilename": "MAG524-fw.bin",
        "firmwareLocation": "http://files.test/images/",
        "firmwareVersion": NEW,
        "rebootImmediately": False,
    }
    kept = {name: value for name, value in {**answer, **changes}.items() if value is not ...}
    return json.dumps(kept, separators=(",", ":")).encode()


def test_a_good_answer_is_read_without_complaint() -> None:
    target, wrong = read_target(an_answer(), "MAG524")
    assert target is not None
    assert (target.url, target.version) == ("http://files.test/images/MAG524-fw.bin", NEW)
    assert wrong == []


@pytest.mark.parametrize(
    ("changes", "rule", "usable"),
    [
        ({"firmwareVersion": ...}, "answer-lacks", False),
        ({"firmwareFilename": ...}, "answer-lacks", False),
        ({"firmwareLocation": 7}, "answer-lacks", False),
        ({"rebootImmediately": ...}, "answer-lacks", True),
        ({"firmwareFilename": "MAG254-fw.bin"}, "filename-without-model", False),
        ({"firmwareDownloadProtocol": "gopher"}, "answer-protocol", True),
        ({"properties": {"a": 1}}, "answer-nested", True),
        ({"ipv6FirmwareLocation": ""}, "answer-empty-value", True),
        ({"note": "one,two"}, "answer-comma-in-value", True),
    ],
)
def test_an_answer_that_breaks_a_rule_is_noticed(
    changes: dict[str, Any], rule: str, usable: bool
) -> None:
    target, wrong = read_target(an_answer(**changes), "MAG524")
    assert [violation.rule for violation in wrong] == [rule]
    assert (target is not None) is usable


@pytest.mark.parametrize(
    ("body", "rule"),
    [(b"<html>", "answer-json"), (b"[]", "answer-json")],
)
def test_an_answer_that_is_no_object_is_noticed(body: bytes, rule: str) -> None:
    target, wrong = read_target(body, "MAG524")
    assert (target, [violation.rule for violation in wrong]) == (None, [rule])


def test_a_space_after_a_colon_is_noticed() -> None:
    _, wrong = read_target(an_answer().replace(b'":"', b'": "'), "MAG524")
    assert [violation.rule for violation in wrong] == ["answer-not-compact"]


@pytest.mark.parametrize("seed_serial", [1, 2, 3, 4, 5, 6])
def test_a_healthy_box_states_its_new_version_after_its_reboot(seed_serial: int) -> None:
    service = a_service()
    identity = a_box(Wire.XCONF, number=seed_serial)
    box = live(service, identity=identity)
    known = service.boxes[identity.mac]
    assert (box.version, box.boots, known.version) == (NEW, 2, NEW)
    assert (known.attributes["model"], known.attributes["serial"]) == ("MAG524", identity.serial)
    assert (finals(box), rules(box)) == ([], [])


def test_boxes_ask_by_get_and_by_post() -> None:
    service = a_service()
    _ = [live(service, identity=a_box(Wire.XCONF, number=number)) for number in range(1, 7)]
    assert service.asked("GET", "/xconf/swu/stb?eStbMac=00:1A:79")
    assert service.asked("POST", "/xconf/swu/stb")


def test_404_means_there_is_nothing_for_this_box() -> None:
    box = live(a_service(most_orders=0), identity=xconf_box())
    assert (box.version, box.record.downloads.started) == (OLD, 0)
    assert (box.record.decision.kind, box.record.http_errors.total()) == ("nothing", 0)
    assert "no rule matched" in box.record.decision.detail


def test_a_box_that_runs_the_target_downloads_nothing() -> None:
    box = live(a_service(version=OLD), identity=xconf_box())
    assert (box.record.decision.kind, box.record.downloads.started) == ("runs the target", 0)


def test_a_file_named_for_another_model_is_not_downloaded() -> None:
    box = live(a_service(filename="OTHER-fw.swu"), identity=xconf_box())
    assert (box.record.downloads.started, rules(box)) == (0, ["filename-without-model"])


@pytest.mark.parametrize(
    ("personality", "version", "boots"),
    [
        ("power_cut", NEW, 3),
        ("boot_loop", OLD, 2),
        ("liar", OLD, 2),
        ("wrong_clock", NEW, 2),
        ("duplicate", NEW, 2),
        ("flaky_link", NEW, 2),
    ],
)
def test_each_personality_ends_on_the_version_it_states(
    personality: str, version: str, boots: int
) -> None:
    service = a_service(most_orders=2 if personality == "power_cut" else 1)
    box = live(service, personality, identity=xconf_box())
    assert (box.version, box.boots, service.boxes[MAC].version) == (version, boots, version)


def test_a_reverting_box_states_the_old_version_again() -> None:
    service = a_service(most_orders=1)
    box = live(service, "revert", identity=xconf_box())
    assert (box.version, box.record.reverts, service.boxes[MAC].version) == (OLD, 1, OLD)


def test_a_silent_box_is_never_heard_after_its_download() -> None:
    service = a_service()
    box = live(service, "silent", identity=xconf_box())
    assert (box.phase, box.version) == (Phase.SILENT, OLD)
    assert service.requests[-1][1] == f"/files/{service.filename}"


def test_a_download_host_that_forbids_sends_the_box_back_to_ask_again() -> None:
    service = a_service(most_orders=3, offers_files=False)
    box = live(service, identity=xconf_box())
    assert (box.record.downloads.failed, box.record.http_errors["403"]) == (3, 3)
    assert box.version == OLD


def test_a_duplicate_box_states_its_new_version_several_times_at_once() -> None:
    box = live(a_service(), "duplicate", identity=xconf_box())
    healthy = live(a_service(), "healthy", identity=xconf_box())
    extra = box.record.polls - healthy.record.polls
    assert 1 <= extra <= 3


def test_a_download_that_is_to_be_delayed_is_delayed_by_minutes() -> None:
    box = live(a_service(answer_changes={"delayDownload": 1}), identity=xconf_box())
    (offered_ns,) = [entry.at_ns for entry in box.record.journal if entry.detail == f"offer {NEW}"]
    (began_ns,) = [entry.at_ns for entry in box.record.journal if entry.event == "download"]
    assert began_ns - offered_ns == from_seconds(60)


def test_a_forbidden_download_is_asked_for_again_long_before_the_next_poll() -> None:
    slow = a_plan(pace=Pace(xconf_poll_ns=from_seconds(10_000)))
    box = live(a_service(offers_files=False), identity=xconf_box(), plan=slow)
    assert box.record.downloads.failed == 3
