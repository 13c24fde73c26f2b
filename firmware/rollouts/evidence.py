"""What a box's word about its version proves: a pure function of dates and boots.

A box counts as updated on evidence dated after its reboot that it runs the wanted version, not when
it says that it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from firmware.boxes.rules import ASKS_BEFORE_GIVING_UP
from firmware.rollouts.rules import IN_FLIGHT, MemberState, Reason, Timing, minutes, reason


@dataclass(frozen=True)
class Course:
    """How far one box has come in one rollout, and what it said last.

    `touched` is whether it ever took bytes or reported in this rollout; `bytes_at` when it last
    took some; `asked` how often it was asked for its version since it last stated one;
    `is_served` whether it still may have updates.
    """

    state: MemberState
    wanted: str
    former: str | None
    boot_before: str | None
    gives_feedback: bool
    touched: bool = False
    offered_at: datetime | None = None
    fetched_at: datetime | None = None
    bytes_at: datetime | None = None
    reported_at: datetime | None = None
    contact_at: datetime | None = None
    stated_at: datetime | None = None
    state_at: datetime | None = None
    running: str | None = None
    asked: int = 0
    is_served: bool = True

    @property
    def is_awaited(self) -> bool:
        """Whether the box has said that it is done and what it runs is waited for.

        One whose offer had lapsed, or that fell silent, may say so too; it takes no place.
        """
        return self.state == MemberState.AWAITING or (
            self.reported_at is not None
            and self.state in {MemberState.SUSPECT, MemberState.WAITING}
        )


@dataclass(frozen=True)
class Step:
    """A move to be made, with its reason."""

    to: MemberState
    reason: Reason


def baseline(course: Course, boot_id: str | None) -> str | None:
    """Return the boot id that counts as the one before the update.

    A box may reboot between the offer and its report (someone pulled the plug): what it
    states until it reports is still the time before. One that never stated a boot id
    begins to be watched with the first that it states.
    """
    if boot_id is None or not course.gives_feedback:
        return course.boot_before
    before_report = course.reported_at is None and course.state in {
        MemberState.OFFERED,
        MemberState.FETCHING,
    }
    if before_report or (course.boot_before is None and course.is_awaited):
        return boot_id
    return course.boot_before


def _rebooted(course: Course, boot_id: str | None) -> bool | None:
    """Tell whether the box has rebooted since the offer; None where it cannot be known."""
    if course.boot_before is None or boot_id is None:
        return None
    return boot_id != course.boot_before


def judge_statement(
    course: Course,
    *,
    version: str,
    boot_id: str | None,
    is_back: bool,
    now: datetime,
    timing: Timing,
) -> Step | None:
    """Return what follows from a box stating the version it runs, or None.

    `is_back` is whether the version is one from which the rollout led away: the former one,
    or another that is older than the wanted one.
    """
    rebooted = _rebooted(course, boot_id)
    if version == course.wanted:
        return _wanted(course, version, rebooted=rebooted)
    if course.state == MemberState.VERIFIED:
        if not is_back:
            return None
        return Step(MemberState.REVERTED, reason("states_old_again", version=version))
    if course.state == MemberState.UNVERIFIED:
        if not is_back:
            return None
        return Step(MemberState.FAILED, reason("states_old_rebooted", version=version))
    return _other(course, version, rebooted=rebooted, now=now, timing=timing)


def _wanted(course: Course, version: str, *, rebooted: bool | None) -> Step | None:
    if course.state in {MemberState.VERIFIED, MemberState.ALREADY}:
        return None
    if not course.touched:
        if course.state not in {MemberState.WAITING, MemberState.OFFERED}:
            return None
        return Step(MemberState.ALREADY, reason("states_wanted_unfetched", version=version))
    if rebooted is False:
        return None  # the running system cannot be the new one before a reboot
    return Step(MemberState.VERIFIED, reason("states_wanted", version=version))


def _other(
    course: Course, version: str, *, rebooted: bool | None, now: datetime, timing: Timing
) -> Step | None:
    """Judge a version that is not the wanted one, while an outcome is awaited."""
    done_at = course.reported_at if course.gives_feedback else _fetched_until(course, timing)
    if done_at is None or not (course.is_awaited or course.state in IN_FLIGHT):
        return None
    if rebooted:
        return Step(MemberState.FAILED, reason("states_old_rebooted", version=version))
    if now >= done_at + timing.grace:
        waited = minutes(now - done_at)
        return Step(MemberState.FAILED, reason("states_old_late", version=version, minutes=waited))
    return None


def _fetched_until(course: Course, timing: Timing) -> datetime | None:
    """Return when a box that gives no feedback took its last bytes, at most a grace after its first:
    one that fails to boot the image may fetch it again and again.
    """
    if course.fetched_at is None or course.bytes_at is None:
        return course.fetched_at
    return min(max(course.fetched_at, course.bytes_at), course.fetched_at + timing.grace)


def judge_time(course: Course, *, now: datetime, timing: Timing) -> Step | None:
    """Return what follows from time alone, or None. A box that is not served any more is let go."""
    if not course.is_served and course.state in IN_FLIGHT:
        return Step(MemberState.CANCELLED, reason("box_gone"))
    if course.state == MemberState.OFFERED:
        return _judge_offer(course, now, timing)
    if course.state == MemberState.FETCHING:
        return _judge_installing(course, now, timing)
    if course.state == MemberState.SUSPECT:
        return _judge_suspect(course, now)
    if course.is_awaited:
        return _judge_awaiting(course, now, timing)
    if course.state == MemberState.CANCELLING:
        assert course.state_at is not None
        if now >= course.state_at + timing.silence:
            waited = minutes(timing.silence)
            return Step(MemberState.CANCELLED, reason("cancel_lapsed", minutes=waited))
    return None


def _judge_offer(course: Course, now: datetime, timing: Timing) -> Step | None:
    if course.offered_at is None or now < course.offered_at + timing.offer:
        return None
    return Step(MemberState.WAITING, reason("lapsed", minutes=minutes(timing.offer)))


def _judge_installing(course: Course, now: datetime, timing: Timing) -> Step | None:
    assert course.fetched_at is not None
    last = max(course.fetched_at, course.contact_at or course.fetched_at)
    if now >= last + timing.silence:
        return Step(MemberState.SUSPECT, reason("silent", minutes=minutes(now - last)))
    if now >= course.fetched_at + timing.install:
        waited = minutes(timing.install)
        return Step(MemberState.SUSPECT, reason("endless", minutes=waited))
    return None


def _judge_awaiting(course: Course, now: datetime, timing: Timing) -> Step | None:
    """After the grace: a box that still speaks has failed if it stated the old version, and ends
    unverified if it states nothing that can be believed. One that is silent may be switched
    off: it is suspect, and what it states when it comes back decides.
    """
    assert course.reported_at is not None
    ends = course.reported_at + timing.grace
    if now < ends:
        return None
    last = max(course.reported_at, course.contact_at or course.reported_at)
    waited = minutes(now - course.reported_at)
    if last >= ends:
        if course.stated_at is None or course.stated_at <= course.reported_at:
            return Step(MemberState.UNVERIFIED, reason("no_statement", minutes=waited))
        if course.running == course.wanted:
            return Step(MemberState.UNVERIFIED, reason("same_boot", version=course.wanted))
        old = course.running or course.former or "?"
        return Step(MemberState.FAILED, reason("states_old_late", version=old, minutes=waited))
    if now < last + max(timing.silence, timing.grace):
        return None
    return Step(MemberState.SUSPECT, reason("silent", minutes=minutes(now - last)))


def _judge_suspect(course: Course, now: datetime) -> Step | None:
    """A suspect that had reported success, speaks again and was asked in vain, ends unverified."""
    if course.reported_at is None or course.contact_at is None or course.state_at is None:
        return None
    has_stated = course.stated_at is not None and course.stated_at > course.state_at
    if has_stated and course.running == course.wanted:
        return Step(MemberState.UNVERIFIED, reason("same_boot", version=course.wanted))
    if course.contact_at <= course.state_at or course.asked < ASKS_BEFORE_GIVING_UP:
        return None
    waited = minutes(now - course.reported_at)
    return Step(MemberState.UNVERIFIED, reason("no_statement", minutes=waited))
