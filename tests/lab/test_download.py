"""Download with resume, over a link and a service that break in the middle."""

import pytest

from tests.lab.world import NEW, OLD, a_service, finals, live, rules

SIZE_BYTES = 100_000
PIECE_BYTES = SIZE_BYTES // 16


def ranges(service: object) -> list[str]:
    return [headers.get("Range", "") for headers in service.asked("GET", "/files/")]  # type: ignore[attr-defined]


def test_a_broken_connection_is_continued_from_the_first_missing_byte() -> None:
    service = a_service()
    service.break_after_bytes.append(3 * PIECE_BYTES)
    box = live(service)
    assert ranges(service) == ["", f"bytes={3 * PIECE_BYTES}-"]
    assert (box.version, box.record.downloads.received_bytes) == (NEW, SIZE_BYTES)
    assert finals(box) == [("1", "success")]


def test_a_connection_that_breaks_before_the_first_byte_begins_anew() -> None:
    service = a_service()
    service.break_after_bytes.append(0)
    box = live(service)
    assert ranges(service) == ["", ""]
    assert box.version == NEW


@pytest.mark.parametrize(("breaks", "version"), [(9, NEW), (10, OLD)])
def test_a_box_tries_ten_times_and_then_reports_failure(breaks: int, version: str) -> None:
    service = a_service(most_orders=1)
    service.break_after_bytes.extend([0] * breaks)
    box = live(service, plan=None)
    assert box.version == version


def test_a_service_that_ignores_the_range_is_noticed_and_the_file_begins_anew() -> None:
    service = a_service(ranges=False)
    service.break_after_bytes.append(3 * PIECE_BYTES)
    box = live(service)
    assert (box.version, rules(box)) == (NEW, ["range-ignored"])
    assert box.record.downloads.received_bytes == SIZE_BYTES + 3 * PIECE_BYTES


def test_a_wrong_hash_is_noticed_and_reported_as_failure() -> None:
    box = live(a_service(sha1="0" * 40, most_orders=1))
    assert (rules(box), finals(box), box.version) == (["artifact-differs"], [("1", "failure")], OLD)
    assert box.boots == 1


def test_a_download_that_is_refused_is_reported_as_failure() -> None:
    box = live(a_service(offers_files=False, most_orders=1))
    assert (finals(box), box.record.downloads.failed) == ([("1", "failure")], 1)


def test_a_wrong_sha256_is_noticed_where_there_is_one() -> None:
    box = live(a_service(sha256="0" * 64, most_orders=1))
    assert (rules(box), finals(box)) == (["artifact-differs"], [("1", "failure")])


def test_a_rest_that_begins_elsewhere_is_noticed() -> None:
    service = a_service(file_headers={"Content-Range": f"bytes 7-{SIZE_BYTES - 1}/{SIZE_BYTES}"})
    service.break_after_bytes.append(3 * PIECE_BYTES)
    assert rules(live(service)) == ["content-range"]


def test_a_length_that_is_not_the_promised_one_is_noticed_at_head_and_at_get() -> None:
    asks_first = live(a_service(file_headers={"Content-Length": "99"}), client="swupdate")
    fetches = live(a_service(file_headers={"Content-Length": "99"}), client="rauc")
    assert rules(asks_first) == ["head-length", "length-differs"]
    assert rules(fetches) == ["length-differs"]
