"""States of rollouts and of boxes in them, and the tables of what may follow what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from stb_service.shared.i18n import Text, text


class RolloutState(StrEnum):
    """Where a rollout is."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


ROLLOUT_STATE_NAMES: dict[RolloutState, Text] = {
    RolloutState.DRAFT: text("Draft"),
    RolloutState.RUNNING: text("Running"),
    RolloutState.PAUSED: text("Paused"),
    RolloutState.HALTED: text("Halted"),
    RolloutState.COMPLETE: text("Complete"),
    RolloutState.CANCELLED: text("Cancelled"),
}

_R = RolloutState
ROLLOUT_MOVES: dict[tuple[RolloutState, RolloutState], str] = {
    (_R.DRAFT, _R.RUNNING): "start",
    (_R.RUNNING, _R.PAUSED): "pause",
    (_R.PAUSED, _R.RUNNING): "resume",
    (_R.RUNNING, _R.HALTED): "halt",
    (_R.HALTED, _R.RUNNING): "resume",
    (_R.RUNNING, _R.COMPLETE): "complete",
    (_R.COMPLETE, _R.RUNNING): "retry",
    (_R.DRAFT, _R.CANCELLED): "cancel",
    (_R.RUNNING, _R.CANCELLED): "cancel",
    (_R.PAUSED, _R.CANCELLED): "cancel",
    (_R.HALTED, _R.CANCELLED): "cancel",
}
LIVE_ROLLOUTS = (_R.RUNNING, _R.PAUSED, _R.HALTED)


class RolloutKind(StrEnum):
    """Forward to a newer image, or back from a withdrawn one."""

    UPDATE = "update"
    RECALL = "recall"


class MemberState(StrEnum):
    """Where one box is in one rollout."""

    WAITING = "waiting"
    OFFERED = "offered"
    FETCHING = "fetching"
    AWAITING = "awaiting_reboot"
    SUSPECT = "suspect"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    FAILED = "failed"
    REVERTED = "reverted"
    ALREADY = "already"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


MEMBER_STATE_NAMES: dict[MemberState, Text] = {
    MemberState.WAITING: text("Waiting"),
    MemberState.OFFERED: text("Offered"),
    MemberState.FETCHING: text("Installing"),
    MemberState.AWAITING: text("Awaiting reboot"),
    MemberState.SUSPECT: text("Suspect"),
    MemberState.VERIFIED: text("Verified"),
    MemberState.UNVERIFIED: text("Reported, unverified"),
    MemberState.FAILED: text("Failed"),
    MemberState.REVERTED: text("Went back"),
    MemberState.ALREADY: text("On the version already"),
    MemberState.CANCELLING: text("Being cancelled"),
    MemberState.CANCELLED: text("Cancelled"),
}

_M = MemberState
MEMBER_MOVES: frozenset[tuple[MemberState, MemberState]] = frozenset(
    {
        (_M.WAITING, _M.OFFERED),
        (_M.WAITING, _M.ALREADY),
        (_M.WAITING, _M.VERIFIED),  # an offer had lapsed, the box took it all the same
        (_M.WAITING, _M.FAILED),
        (_M.WAITING, _M.UNVERIFIED),
        (_M.WAITING, _M.SUSPECT),
        (_M.WAITING, _M.CANCELLED),
        (_M.OFFERED, _M.WAITING),  # never fetched, or taken back: the place is free again
        (_M.OFFERED, _M.FETCHING),
        (_M.OFFERED, _M.AWAITING),
        (_M.OFFERED, _M.ALREADY),
        (_M.OFFERED, _M.VERIFIED),
        (_M.OFFERED, _M.FAILED),
        (_M.OFFERED, _M.CANCELLING),
        (_M.OFFERED, _M.CANCELLED),
        (_M.FETCHING, _M.AWAITING),
        (_M.FETCHING, _M.VERIFIED),
        (_M.FETCHING, _M.FAILED),
        (_M.FETCHING, _M.SUSPECT),
        (_M.FETCHING, _M.CANCELLING),
        (_M.FETCHING, _M.CANCELLED),
        (_M.AWAITING, _M.VERIFIED),
        (_M.AWAITING, _M.UNVERIFIED),
        (_M.AWAITING, _M.FAILED),
        (_M.AWAITING, _M.SUSPECT),
        (_M.AWAITING, _M.CANCELLED),  # no longer served
        (_M.SUSPECT, _M.OFFERED),  # it speaks again and takes a free place
        (_M.SUSPECT, _M.VERIFIED),
        (_M.SUSPECT, _M.UNVERIFIED),
        (_M.SUSPECT, _M.FAILED),
        (_M.SUSPECT, _M.WAITING),
        (_M.SUSPECT, _M.CANCELLED),
        (_M.VERIFIED, _M.REVERTED),
        (_M.UNVERIFIED, _M.VERIFIED),
        (_M.UNVERIFIED, _M.FAILED),
        (_M.UNVERIFIED, _M.WAITING),
        (_M.FAILED, _M.VERIFIED),  # late evidence
        (_M.FAILED, _M.WAITING),  # retry
        (_M.REVERTED, _M.WAITING),
        (_M.REVERTED, _M.VERIFIED),
        (_M.CANCELLING, _M.CANCELLED),
        (_M.CANCELLING, _M.FETCHING),  # the box could not stop any more
        (_M.CANCELLING, _M.AWAITING),
        (_M.CANCELLING, _M.VERIFIED),
        (_M.CANCELLING, _M.FAILED),
        (_M.CANCELLED, _M.VERIFIED),
    }
)

IN_FLIGHT = frozenset({_M.OFFERED, _M.FETCHING, _M.AWAITING, _M.CANCELLING})
BAD = frozenset({_M.FAILED, _M.REVERTED})
DECIDED = frozenset({_M.VERIFIED, _M.UNVERIFIED, _M.FAILED, _M.REVERTED, _M.SUSPECT})
RETRIABLE = frozenset({_M.FAILED, _M.REVERTED, _M.SUSPECT, _M.UNVERIFIED})
TAKEN_BACK = frozenset({_R.PAUSED, _R.HALTED})
TRIES_OF_A_SUSPECT = 3  # a box that falls silent so often is not offered more by itself


@dataclass(frozen=True)
class Reason:
    """Why something is as it is: a code with its values, kept; a sentence when shown."""

    code: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence in the reader's language."""
        sentence = SENTENCES.get(self.code)
        return str(Text(sentence.msgid, dict(self.values))) if sentence else self.code

    @property
    def english(self) -> str:
        """The sentence as records keep it, whatever the language of whoever acts."""
        sentence = SENTENCES.get(self.code)
        return sentence.msgid % self.values if sentence else self.code


def reason(code: str, /, **values: Any) -> Reason:
    """Return a reason; the code must have a sentence."""
    if code not in SENTENCES:
        raise KeyError(code)
    return Reason(code, values)


SENTENCES: dict[str, Text] = {
    # to a box, at its poll
    "no_rollout": text("No rollout concerns this box."),
    "offered": text("Offered %(version)s by %(rollout)s, wave %(wave)s."),
    "in_progress": text("Is installing %(version)s by %(rollout)s."),
    "awaiting_reboot": text(
        "Said that %(version)s is installed; awaiting what it states after its reboot."
    ),
    "done": text("Runs %(version)s, verified by %(rollout)s."),
    "unverified": text("Said that %(version)s is installed, but never stated what it runs."),
    "complete": text("%(rollout)s was complete before this box was seen."),
    "suspect_often": text(
        "Fetched %(version)s and fell silent %(times)s times; a retry must be asked for."
    ),
    "misfit": text("%(version)s is not for this model and revision (any more)."),
    "failed": text("Failed in %(rollout)s; a retry must be asked for."),
    "went_back": text("Went back from %(version)s; a retry must be asked for."),
    "cancelled": text("Its update was cancelled with %(rollout)s."),
    "cancelling": text("Is being told to stop installing %(version)s."),
    "wave_closed": text("Belongs to wave %(wave)s of %(rollout)s, which has not begun."),
    "paused": text("%(rollout)s is paused."),
    "halted": text("%(rollout)s is halted."),
    "cap_full": text("%(rollout)s updates %(cap)s boxes at once, and all places are taken."),
    "already_runs": text("Runs %(version)s already."),
    "runs_newer": text("Runs %(running)s, which is newer than %(version)s."),
    "not_recalled": text("Does not run %(recalled)s, which %(rollout)s recalls."),
    "withdrawn": text("The image %(version)s was withdrawn."),
    "ask_version": text("Was asked what it runs before anything is offered."),
    "box_pending": text("Is not served before it is approved."),
    "box_refused": text("Is not served: it was refused."),
    "box_retired": text("Is not served: it is retired."),
    # of a box in a rollout
    "needs_nothing": text("Ran %(version)s or a newer one when the rollout was started."),
    "planned": text("Chosen for wave %(wave)s."),
    "lapsed": text("Was offered the image but did not fetch it in %(minutes)s minutes."),
    "fetched": text("Fetched the image."),
    "reported_success": text("Reported success; not yet believed."),
    "reported_failure": text("Reported failure: %(details)s"),
    "states_wanted": text("States %(version)s after its reboot."),
    "states_wanted_unfetched": text("States %(version)s without having fetched it here."),
    "states_old_rebooted": text("Has rebooted and still states %(version)s."),
    "states_old_late": text("Still states %(version)s %(minutes)s minutes later."),
    "states_old_again": text("States %(version)s again after having been verified."),
    "same_boot": text("States %(version)s, but its boot id has not changed since it was offered."),
    "taken_back": text("The offer was taken back before the box fetched anything."),
    "no_statement": text("Reported success but stated no version in %(minutes)s minutes."),
    "silent": text("Fetched the image and has been silent for %(minutes)s minutes."),
    "endless": text("Fetched the image but did not finish in %(minutes)s minutes."),
    "retried": text("A retry was asked for."),
    "cancel_asked": text("The box was asked to stop."),
    "cancel_confirmed": text("The box confirmed that it stopped."),
    "cancel_refused": text("The box could not stop any more: %(details)s"),
    "cancel_unfetched": text("Cancelled before the box fetched anything."),
    "cancel_untold": text("Cancelled; on this wire a box cannot be asked to stop."),
    "box_gone": text("Is no longer served; its place is free."),
    "cancel_lapsed": text("Was asked to stop and has not answered in %(minutes)s minutes."),
    # of a rollout
    "started": text("Started: %(boxes)s boxes in %(waves)s waves."),
    "by_hand": text("%(why)s"),
    "stop_all": text("All rollouts were stopped: %(why)s"),
    "all_final": text("Every box seen in the last %(days)s days is final."),
    "too_many_failed_group": text(
        "%(group)s: %(failed)s of %(attempted)s boxes attempted failed; "
        "the limit is %(limit)s %% and %(count)s boxes."
    ),
    "too_many_suspect_group": text(
        "%(group)s: %(failed)s of %(attempted)s boxes attempted fell silent; "
        "the limit is %(limit)s %% and %(count)s boxes."
    ),
    "too_many_failed_wave": text(
        "Wave %(group)s: %(failed)s of %(attempted)s boxes attempted failed; "
        "the limit is %(limit)s %% and %(count)s boxes."
    ),
    "too_many_suspect_wave": text(
        "Wave %(group)s: %(failed)s of %(attempted)s boxes attempted fell silent; "
        "the limit is %(limit)s %% and %(count)s boxes."
    ),
    "too_many_failed_whole": text(
        "All boxes: %(failed)s of %(attempted)s boxes attempted failed; "
        "the limit is %(limit)s %% and %(count)s boxes."
    ),
    "too_many_suspect_whole": text(
        "All boxes: %(failed)s of %(attempted)s boxes attempted fell silent; "
        "the limit is %(limit)s %% and %(count)s boxes."
    ),
    "success_missed": text(
        "Wave %(wave)s has ended with %(verified)s of %(attempted)s boxes attempted verified; "
        "%(limit)s %% are needed to go on."
    ),
    "wave_opened": text("Wave %(wave)s has begun."),
    "image_withdrawn": text("The image was withdrawn: %(why)s"),
}


@dataclass(frozen=True)
class Timing:
    """How long a rollout waits for a box."""

    offer: timedelta = timedelta(minutes=30)
    silence: timedelta = timedelta(minutes=60)
    install: timedelta = timedelta(hours=6)
    grace: timedelta = timedelta(minutes=30)
    seen_within: timedelta = timedelta(days=14)


def minutes(span: timedelta) -> str:
    """Return a span in minutes, as a sentence says it."""
    value = span.total_seconds() / 60
    return f"{value:.0f}" if value >= 1 else f"{value:.1f}"
