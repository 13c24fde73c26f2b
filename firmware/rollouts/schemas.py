"""Rollouts on the wire of the staff: bodies of the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import marshmallow as ma

from firmware.rollouts.figures import KIND_BY_NAME
from firmware.rollouts.rules import MemberState, RolloutKind, RolloutState, Timing
from firmware.rollouts.safety import Limits
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.i18n import text

ROLLOUT_STATES = [state.value for state in RolloutState]
MEMBER_STATES = [state.value for state in MemberState]
NOT_SEEN = "not_seen"
WORDS_MOST = 10_000
WAVES_MOST = 20
BOXES_MOST = 1_000_000
SECONDS_MOST = 366 * 86400
REASON_MOST = 500
_limits, _timing = Limits(), Timing()


def whole(least: int, most: int, **more: Any) -> ma.fields.Integer:
    """Return a field for a whole number that the database can hold."""
    return ma.fields.Integer(strict=True, validate=ma.validate.Range(least, most), **more)


def permille(default: int) -> ma.fields.Integer:
    """Return a field for a share."""
    return whole(0, 1000, load_default=default)


def words(longest: int, most: int = WORDS_MOST) -> ma.fields.List[Any]:
    """Return a field for a list of words."""
    return ma.fields.List(
        fields.line(longest), load_default=list, validate=ma.validate.Length(max=most)
    )


def since_1970(value: datetime) -> None:
    """Refuse instants that cannot be told in every zone."""
    if not datetime(1970, 1, 1, tzinfo=UTC) <= value <= datetime(9000, 1, 1, tzinfo=UTC):
        raise ma.ValidationError([text("Between the years 1970 and 9000.")])


class SelectionBody(ma.Schema):
    """Which boxes are meant: those that match one word of every list that is not empty."""

    models = words(64, 500)
    revisions = words(64, 500)
    versions = words(128, 500)
    tags = words(64, 500)
    boxes = ma.fields.List(
        fields.line(64),
        load_default=list,
        validate=ma.validate.Length(max=WORDS_MOST),
        metadata={"description": "ids, serials, or MACs in any notation"},
    )


class FriendlyBody(ma.Schema):
    """Which boxes are in wave 0."""

    boxes = words(64)
    tags = words(64, 500)


class WaveBody(ma.Schema):
    """One wave. Shares are cumulative; those of failures are of the boxes attempted."""

    share_permille = whole(1, 1000, required=True)
    soak_s = whole(0, SECONDS_MOST, load_default=int(_limits.soak.total_seconds()))
    success_permille = permille(_limits.success_permille)
    failure_permille = permille(_limits.failure_permille)
    failure_count = whole(1, BOXES_MOST, load_default=_limits.failure_count)
    suspect_permille = permille(_limits.suspect_permille)
    suspect_count = whole(1, BOXES_MOST, load_default=_limits.suspect_count)
    min_decided = whole(
        1,
        BOXES_MOST,
        load_default=None,
        allow_none=True,
        metadata={"description": "null: the smaller of 20 and the wave"},
    )


class TimingBody(ma.Schema):
    """How long a rollout waits for a box."""

    offer_s = whole(1, SECONDS_MOST, load_default=int(_timing.offer.total_seconds()))
    silence_s = whole(1, SECONDS_MOST, load_default=int(_timing.silence.total_seconds()))
    install_s = whole(1, SECONDS_MOST, load_default=int(_timing.install.total_seconds()))
    grace_s = whole(1, SECONDS_MOST, load_default=int(_timing.grace.total_seconds()))
    seen_within_days = whole(1, 3650, load_default=_timing.seen_within.days)


def _waves() -> ma.fields.List[Any]:
    return ma.fields.List(
        ma.fields.Nested(WaveBody),
        required=True,
        validate=ma.validate.Length(1, WAVES_MOST),
        metadata={"description": "shares rise; the last is 1000"},
    )


class AimBody(ma.Schema):
    """What a preview needs: the image, the boxes, the waves."""

    image = fields.line(16, required=True, metadata={"description": "its id"})
    selection = ma.fields.Nested(SelectionBody, load_default=lambda: SelectionBody().load({}))
    friendly = ma.fields.Nested(FriendlyBody, load_default=lambda: FriendlyBody().load({}))
    waves = _waves()
    salt = fields.line(
        32,
        load_default=None,
        allow_none=True,
        metadata={"description": "the one of a preview, so that its waves are kept"},
    )


class PlanBody(AimBody):
    """A rollout to be."""

    name = fields.line(128, required=True)
    cap = whole(1, BOXES_MOST, load_default=100)
    timing = ma.fields.Nested(TimingBody, load_default=lambda: TimingBody().load({}))


class RecallBody(PlanBody):
    """A recall: boxes on `recalled` are brought back to `image`, in waves."""

    recalled = fields.line(16, required=True, metadata={"description": "the id of the image"})
    reason = fields.line(REASON_MOST, required=True)


class ReasonBody(ma.Schema):
    """Why something is done."""

    reason = fields.line(REASON_MOST, required=True)


class WideningBody(ma.Schema):
    """More boxes at once, or in earlier waves."""

    shares_permille = ma.fields.List(
        whole(1, 1000), required=True, validate=ma.validate.Length(1, WAVES_MOST)
    )
    cap = whole(1, BOXES_MOST, required=True)


class RolloutsArguments(CursorArguments):
    """Which rollouts."""

    state = ma.fields.String(load_default=None, validate=ma.validate.OneOf(ROLLOUT_STATES))


class MembersArguments(CursorArguments):
    """Which boxes of a rollout."""

    state = ma.fields.String(
        load_default=None, validate=ma.validate.OneOf([*MEMBER_STATES, NOT_SEEN])
    )
    wave = ma.fields.Integer(load_default=None, validate=ma.validate.Range(0, WAVES_MOST))


class AtArguments(ma.Schema):
    """At which moment."""

    at = ma.fields.AwareDateTime(
        load_default=None, validate=since_1970, metadata={"description": "now, if not stated"}
    )


class RolloutReasonSchema(ma.Schema):
    """Why something is as it is."""

    code = ma.fields.String(required=True)
    values = ma.fields.Dict(required=True)
    sentence = ma.fields.Function(str, required=True, metadata={"type": "string"})


class RolloutImageSchema(ma.Schema):
    """The image of a rollout."""

    id = ma.fields.String(attribute="public_id", required=True)
    name = ma.fields.String(required=True)
    version = ma.fields.String(required=True)


class RolloutSchema(ma.Schema):
    """A rollout in a list."""

    id = ma.fields.String(attribute="public_id", required=True)
    name = ma.fields.String(required=True)
    kind = ma.fields.String(
        required=True, validate=ma.validate.OneOf([kind.value for kind in RolloutKind])
    )
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(ROLLOUT_STATES))
    reason = ma.fields.Nested(RolloutReasonSchema, required=True)
    image = ma.fields.Nested(RolloutImageSchema, required=True)
    recalled_image = ma.fields.Nested(RolloutImageSchema, required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(required=True)
    created_by = ma.fields.String(required=True)
    started_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    ended_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class RolloutsSchema(ma.Schema):
    """A page of rollouts, newest first."""

    items = ma.fields.List(ma.fields.Nested(RolloutSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class StoppedSchema(ma.Schema):
    """The rollouts that were stopped."""

    items = ma.fields.List(ma.fields.Nested(RolloutSchema), required=True)


class TallySchema(ma.Schema):
    """Boxes by what people see of them, and the sums that the limits are held to."""

    boxes = ma.fields.Integer(attribute="bar.boxes", required=True)
    already = ma.fields.Integer(attribute="bar.already", required=True)
    by_kind = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(sorted(KIND_BY_NAME))),
        values=ma.fields.Integer(),
        attribute="bar.by_kind",
        required=True,
    )
    attempted = ma.fields.Integer(attribute="sums.attempted", required=True)
    decided = ma.fields.Integer(attribute="sums.decided", required=True)
    failed = ma.fields.Integer(attribute="failed.boxes", required=True)
    suspect = ma.fields.Integer(attribute="suspect.boxes", required=True)
    failed_permille = ma.fields.Float(attribute="failed.permille", required=True)
    suspect_permille = ma.fields.Float(attribute="suspect.permille", required=True)


class GroupTallySchema(TallySchema):
    """The same of one model and revision."""

    model = ma.fields.String(required=True)
    revision = ma.fields.String(required=True)


class WaveTallySchema(TallySchema):
    """One wave: its plan, and how far it is."""

    number = ma.fields.Integer(attribute="wave.number", required=True)
    share_permille = ma.fields.Integer(attribute="wave.share_permille", required=True)
    soak_s = ma.fields.Integer(attribute="wave.soak_s", required=True)
    success_permille = ma.fields.Integer(attribute="wave.success_permille", required=True)
    failure_permille = ma.fields.Integer(attribute="wave.failure_permille", required=True)
    failure_count = ma.fields.Integer(attribute="wave.failure_count", required=True)
    suspect_limit_permille = ma.fields.Integer(attribute="wave.suspect_permille", required=True)
    suspect_count = ma.fields.Integer(attribute="wave.suspect_count", required=True)
    min_decided = ma.fields.Integer(attribute="wave.min_decided", required=True, allow_none=True)
    opened_at = ma.fields.AwareDateTime(attribute="wave.opened_at", required=True, allow_none=True)
    closed_at = ma.fields.AwareDateTime(attribute="wave.closed_at", required=True, allow_none=True)


class RolloutObstacleSchema(ma.Schema):
    """A reason why something may not be done."""

    code = ma.fields.String(required=True)
    message = ma.fields.String(required=True)


class StoredSelectionSchema(ma.Schema):
    """Which boxes are meant."""

    models = ma.fields.List(ma.fields.String(), required=True)
    revisions = ma.fields.List(ma.fields.String(), required=True)
    versions = ma.fields.List(ma.fields.String(), required=True)
    tags = ma.fields.List(ma.fields.String(), required=True)
    boxes = ma.fields.List(ma.fields.String(), attribute="uids", required=True)


class StoredTimingSchema(ma.Schema):
    """How long it waits for a box."""

    offer_s = ma.fields.Integer(required=True)
    silence_s = ma.fields.Integer(required=True)
    install_s = ma.fields.Integer(required=True)
    grace_s = ma.fields.Integer(required=True)
    seen_within_days = ma.fields.Integer(required=True)


class RolloutDetailSchema(RolloutSchema):
    """A rollout with its plan and its tally."""

    selection = ma.fields.Nested(StoredSelectionSchema, required=True)
    friendly = ma.fields.List(ma.fields.String(), required=True)
    salt = ma.fields.String(required=True)
    cap = ma.fields.Integer(required=True)
    timing = ma.fields.Nested(StoredTimingSchema, required=True)
    wave_open = ma.fields.Integer(
        required=True, metadata={"description": "the wave that is open; -1 before the start"}
    )
    in_flight = ma.fields.Integer(required=True)
    whole = ma.fields.Nested(TallySchema, required=True)
    waves = ma.fields.List(ma.fields.Nested(WaveTallySchema), required=True)
    groups = ma.fields.List(ma.fields.Nested(GroupTallySchema), required=True)
    obstacles = ma.fields.List(
        ma.fields.Nested(RolloutObstacleSchema),
        required=True,
        metadata={"description": "what bars a draft from being started"},
    )


class RetriedSchema(RolloutDetailSchema):
    """A rollout, and how many boxes try again."""

    retried = ma.fields.Integer(required=True)


class PreviewBoxSchema(ma.Schema):
    """A box that is meant, and its wave."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    model_code = ma.fields.String(required=True)
    revision_code = ma.fields.String(required=True)
    wave = ma.fields.Integer(required=True)


class PreviewWaveSchema(ma.Schema):
    """How many boxes a wave would hold."""

    wave = ma.fields.Integer(required=True)
    boxes = ma.fields.Integer(required=True)


class PreviewGroupSchema(ma.Schema):
    """How many boxes of a model and revision are meant."""

    model_code = ma.fields.String(required=True)
    revision_code = ma.fields.String(required=True)
    boxes = ma.fields.Integer(required=True)


class PreviewSchema(ma.Schema):
    """What a rollout would do if it were started now."""

    salt = ma.fields.String(required=True)
    total = ma.fields.Integer(required=True)
    never_seen = ma.fields.Integer(required=True)
    on_version = ma.fields.Integer(required=True)
    waves = ma.fields.List(ma.fields.Nested(PreviewWaveSchema), required=True)
    groups = ma.fields.List(ma.fields.Nested(PreviewGroupSchema), required=True)
    sample = ma.fields.List(ma.fields.Nested(PreviewBoxSchema), required=True)


class MemberSchema(ma.Schema):
    """One box in one rollout."""

    box_id = ma.fields.String(attribute="box.uid", required=True)
    serial = ma.fields.String(attribute="box.serial", required=True, allow_none=True)
    model_code = ma.fields.String(required=True)
    revision_code = ma.fields.String(required=True)
    running_version = ma.fields.String(
        attribute="box.running_version", required=True, allow_none=True
    )
    last_seen_at = ma.fields.AwareDateTime(
        attribute="box.last_seen_at", required=True, allow_none=True
    )
    wave = ma.fields.Integer(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(MEMBER_STATES))
    state_at = ma.fields.AwareDateTime(required=True)
    reason = ma.fields.Nested(RolloutReasonSchema, required=True)
    action = ma.fields.Integer(required=True, allow_none=True)
    wire = ma.fields.String(required=True, allow_none=True)
    former_version = ma.fields.String(required=True, allow_none=True)
    tries = ma.fields.Integer(required=True)


class MembersSchema(ma.Schema):
    """A page of the boxes of a rollout."""

    items = ma.fields.List(ma.fields.Nested(MemberSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class RolloutEventSchema(ma.Schema):
    """A move of a rollout."""

    seq = ma.fields.Integer(required=True)
    at = ma.fields.AwareDateTime(required=True)
    from_state = ma.fields.String(required=True)
    to_state = ma.fields.String(required=True)
    actor = ma.fields.String(attribute="actor_label", required=True)
    reason = ma.fields.Nested(RolloutReasonSchema, required=True)


class RolloutEventsSchema(ma.Schema):
    """What happened to a rollout, the newest first."""

    items = ma.fields.List(ma.fields.Nested(RolloutEventSchema), required=True)


class DecisionSchema(ma.Schema):
    """What a box was told, and why."""

    at = ma.fields.AwareDateTime(required=True)
    wire = ma.fields.String(required=True)
    rollout = ma.fields.String(required=True, allow_none=True)
    reason = ma.fields.Nested(RolloutReasonSchema, required=True)


class WhySchema(ma.Schema):
    """The last decision about a box up to a moment; null if it had not asked yet."""

    at = ma.fields.AwareDateTime(required=True)
    decision = ma.fields.Nested(DecisionSchema, required=True, allow_none=True)


class DecisionsSchema(ma.Schema):
    """The decisions about a box, the newest first."""

    items = ma.fields.List(ma.fields.Nested(DecisionSchema), required=True)
