"""When a rollout goes on, halts or is complete, as arithmetic; boundaries in threes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from firmware.rollouts.rules import MemberState as M
from firmware.rollouts.safety import (
    Count,
    Limits,
    group,
    halt_reason,
    is_complete,
    judge_wave,
    needed,
)

OPENED = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def count(state: M, boxes: int, *, wave: int = 1, revision: str = "r1", seen: bool = True) -> Count:
    attempted = 0 if state in {M.WAITING, M.OFFERED, M.ALREADY} else boxes
    return Count(wave, "X1", revision, state, boxes, boxes if seen else 0, attempted)


def halts(*counts: Count, wave: int = 1, **limits: int) -> str | None:
    found = halt_reason(counts, wave=wave, limits=Limits(**limits))  # type: ignore[arg-type]
    return found.code if found else None


@pytest.mark.parametrize(
    ("failed", "expected"), [(9, None), (10, "too_many_failed_wave"), (11, "too_many_failed_wave")]
)
def test_the_failure_share_halts_from_its_limit_on(failed: int, expected: str | None) -> None:
    counts = (count(M.FAILED, failed), count(M.VERIFIED, 100 - failed))
    assert halts(*counts, failure_permille=100, failure_count=2) == expected


@pytest.mark.parametrize(
    ("failed", "expected"), [(4, None), (5, "too_many_failed_wave"), (6, "too_many_failed_wave")]
)
def test_the_failure_count_halts_from_its_limit_on(failed: int, expected: str | None) -> None:
    counts = (count(M.FAILED, failed), count(M.VERIFIED, 20))
    assert halts(*counts, failure_permille=1, failure_count=5) == expected


@pytest.mark.parametrize(
    ("suspect", "expected"),
    [(29, None), (30, "too_many_suspect_wave"), (31, "too_many_suspect_wave")],
)
def test_suspects_have_a_limit_of_their_own(suspect: int, expected: str | None) -> None:
    counts = (count(M.SUSPECT, suspect), count(M.VERIFIED, 100 - suspect))
    assert halts(*counts, failure_permille=10, suspect_permille=300) == expected


@pytest.mark.parametrize(
    ("decided", "expected"),
    [(19, None), (20, "too_many_failed_wave"), (21, "too_many_failed_wave")],
)
def test_shares_mean_something_once_twenty_are_decided(decided: int, expected: str | None) -> None:
    assert halts(count(M.FAILED, decided), count(M.WAITING, 100)) == expected


@pytest.mark.parametrize(
    ("decided", "expected"), [(4, None), (5, "too_many_failed_wave"), (6, "too_many_failed_wave")]
)
def test_the_minimum_can_be_stated(decided: int, expected: str | None) -> None:
    assert halts(count(M.FAILED, decided), count(M.WAITING, 100), min_decided=5) == expected


@pytest.mark.parametrize(("size", "expected"), [(0, 1), (1, 1), (19, 19), (20, 20), (21, 20)])
def test_the_default_minimum_is_the_smaller_of_twenty_and_the_wave(
    size: int, expected: int
) -> None:
    assert needed(size, None) == expected


def test_boxes_on_the_version_and_boxes_let_go_do_not_count() -> None:
    counts = (count(M.FAILED, 3), count(M.ALREADY, 50), count(M.CANCELLED, 50))
    assert halts(*counts) == "too_many_failed_wave"


def test_shares_are_over_boxes_attempted() -> None:
    assert halts(count(M.FAILED, 20), count(M.WAITING, 100_000)) == "too_many_failed_wave"


def test_boxes_that_are_installing_count_as_attempted() -> None:
    counts = (count(M.FAILED, 20), count(M.FETCHING, 181))
    assert halts(*counts, failure_permille=100) is None


def test_a_bad_revision_halts_though_the_whole_is_well() -> None:
    counts = (count(M.VERIFIED, 980), count(M.FAILED, 4, revision="r2"))
    assert halts(*counts) == "too_many_failed_group"


def test_the_one_revision_that_fails_is_named_before_its_wave() -> None:
    counts = (count(M.VERIFIED, 10), count(M.FAILED, 5, revision="r2"))
    assert halts(*counts) == "too_many_failed_group"
    both = (count(M.FAILED, 5), count(M.FAILED, 5, revision="r2"))
    assert halts(*both) == "too_many_failed_wave"


def test_a_group_is_counted_over_all_waves_begun() -> None:
    counts = (
        count(M.FAILED, 1, revision="r2"),
        count(M.FAILED, 1, wave=2, revision="r2"),
        count(M.VERIFIED, 500),
        count(M.VERIFIED, 500, wave=2),
    )
    assert halts(*counts, wave=2) == "too_many_failed_group"


def test_the_whole_halts_where_neither_wave_nor_group_does() -> None:
    firsts = [count(M.FAILED, 1, revision=f"a{n}") for n in range(10)]
    well = [count(M.VERIFIED, 6, wave=2, revision=f"b{n}") for n in range(5)]
    assert halts(*firsts, *well, wave=2) == "too_many_failed_whole"


def test_a_wave_that_has_not_begun_says_nothing() -> None:
    assert halts(count(M.VERIFIED, 30), count(M.FAILED, 30, wave=2), wave=1) is None


def test_reverts_count_as_failures() -> None:
    assert halts(count(M.REVERTED, 20)) == "too_many_failed_wave"


def judge(*counts: Count, after: timedelta = HOUR, **more: object) -> tuple[bool, str | None]:
    patience = more.pop("patience", timedelta(0))
    limits = Limits(soak=HOUR, **more)  # type: ignore[arg-type]
    verdict = judge_wave(
        counts,
        wave=1,
        limits=limits,
        opened_at=OPENED,
        now=OPENED + after,
        patience=patience,  # type: ignore[arg-type]
    )
    return verdict.goes_on, verdict.halt.code if verdict.halt else None


@pytest.mark.parametrize(
    ("after", "expected"),
    [(HOUR - timedelta(seconds=1), False), (HOUR, True), (HOUR + timedelta(seconds=1), True)],
)
def test_a_wave_soaks(after: timedelta, expected: bool) -> None:
    assert judge(count(M.VERIFIED, 30), after=after) == (expected, None)


@pytest.mark.parametrize(
    ("verified", "expected"),
    [
        (89, (False, "success_missed")),
        (90, (True, None)),
        (91, (True, None)),
    ],
)
def test_a_settled_wave_goes_on_or_halts_by_its_success_share(
    verified: int, expected: tuple[bool, str | None]
) -> None:
    counts = (count(M.VERIFIED, verified), count(M.FAILED, 100 - verified))
    assert judge(*counts, success_permille=900) == expected


def test_an_unsettled_wave_below_its_success_share_waits() -> None:
    assert judge(count(M.VERIFIED, 10), count(M.FETCHING, 90)) == (False, None)


@pytest.mark.parametrize(("decided", "expected"), [(19, False), (20, True), (21, True)])
def test_a_wave_goes_on_early_once_enough_are_decided(decided: int, expected: bool) -> None:
    assert judge(count(M.VERIFIED, decided), count(M.WAITING, 500)) == (expected, None)


def test_boxes_that_are_switched_off_hold_nothing_up() -> None:
    assert judge(count(M.VERIFIED, 5), count(M.WAITING, 95, seen=False)) == (True, None)


@pytest.mark.parametrize(
    ("after", "expected"),
    [(2 * HOUR - timedelta(seconds=1), False), (2 * HOUR, True), (3 * HOUR, True)],
)
def test_a_wave_none_of_whose_boxes_is_seen_goes_on_after_patience(
    after: timedelta, expected: bool
) -> None:
    away = count(M.WAITING, 95, seen=False)
    assert judge(away, after=after, patience=2 * HOUR) == (expected, None)


def test_a_wave_with_nothing_to_do_goes_on_without_patience() -> None:
    assert judge(count(M.ALREADY, 95), patience=2 * HOUR) == (True, None)


def test_a_wave_whose_boxes_are_seen_and_wait_does_not_go_on() -> None:
    assert judge(count(M.WAITING, 95)) == (False, None)


def complete(*counts: Count, patience: timedelta = timedelta(0)) -> bool:
    return is_complete(counts, wave=1, opened_at=OPENED, now=OPENED + HOUR, patience=patience)


@pytest.mark.parametrize("state", [M.OFFERED, M.FETCHING, M.AWAITING, M.CANCELLING])
def test_a_box_in_flight_keeps_a_rollout_from_being_complete(state: M) -> None:
    assert not complete(count(M.VERIFIED, 5), count(state, 1))


def test_a_seen_box_that_waits_keeps_a_rollout_from_being_complete() -> None:
    assert not complete(count(M.VERIFIED, 5), count(M.WAITING, 1))


def test_a_box_that_is_not_seen_keeps_nothing_from_being_complete() -> None:
    assert complete(count(M.VERIFIED, 5), count(M.WAITING, 10, seen=False))


def test_a_rollout_no_box_of_which_was_seen_is_not_complete_before_patience_ends() -> None:
    away = count(M.WAITING, 10, seen=False)
    assert not complete(away, patience=2 * HOUR)
    assert complete(away, patience=HOUR)


def test_sums_count_a_box_that_is_not_seen_only_if_it_was_attempted() -> None:
    sums = group([count(M.FAILED, 2, seen=False), count(M.WAITING, 7, seen=False)])
    assert (sums.size, sums.attempted, sums.absent) == (2, 2, 7)


@pytest.mark.parametrize(
    ("failed", "expected"),
    [(1, None), (2, "too_many_failed_wave"), (14, "too_many_failed_wave")],
)
def test_a_small_group_halts_though_one_of_its_boxes_is_switched_off(
    failed: int, expected: str | None
) -> None:
    assert halts(count(M.FAILED, failed), count(M.WAITING, 15 - failed)) == expected


def test_boxes_that_can_state_nothing_do_not_keep_a_wave_from_going_on() -> None:
    counts = [count(M.UNVERIFIED, 30), count(M.VERIFIED, 5)]

    verdict = judge_wave(counts, wave=1, limits=Limits(), opened_at=OPENED, now=OPENED)

    assert verdict.goes_on
