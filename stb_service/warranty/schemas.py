"""The wire of warranty: bodies and answers of the API, forms and filters of the pages."""

from __future__ import annotations

from datetime import date
from typing import Any

import marshmallow as ma

from stb_service.devices.components import Component
from stb_service.devices.fields import EARLIEST
from stb_service.devices.rules import Tenure
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.warranty.cover import Outcome
from stb_service.warranty.periods import LastDay
from stb_service.warranty.policy import Basis, Cause, OnReplacement, OnTransfer
from stb_service.warranty.rules import GRANTED
from stb_service.warranty.terms import (
    DAYS_MOST,
    EXCLUDABLE,
    HOURS_MOST,
    MONTHS_MOST,
    WarrantyTerms,
)

OUTCOMES = [outcome.value for outcome in Outcome]
CAUSES = [cause.value for cause in Cause]
TENURES = [tenure.value for tenure in Tenure]
BASES = [basis.value for basis in Basis]
COMPONENTS = ["", *(component.value for component in Component)]
"""Empty for the box as a whole."""
LATEST = date(2200, 1, 1)


# --- policies ------------------------------------------------------------------------------------


class PolicyVersionSchema(ma.Schema):
    """A version of a policy. What was published never changes."""

    number = ma.fields.Integer(required=True)
    title = ma.fields.String(required=True)
    jurisdiction = ma.fields.String(required=True)
    terms = ma.fields.Nested(WarrantyTerms, attribute="loaded_terms", required=True)
    note = ma.fields.String(required=True)
    preset = ma.fields.String(
        required=True, metadata={"description": "the preset it began as, or empty"}
    )
    needs_check = ma.fields.Boolean(
        required=True,
        metadata={"description": "a preset that no lawyer has checked for the country of sale"},
    )
    checked_by = ma.fields.String(required=True)
    is_draft = ma.fields.Boolean(required=True)
    in_force_from = ma.fields.Date(required=True, allow_none=True)
    published_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    published_by = ma.fields.String(required=True)
    retired_on = ma.fields.Date(required=True, allow_none=True)
    warnings = ma.fields.List(
        ma.fields.String(),
        required=True,
        metadata={"description": "in which ways it can give less than the version before it"},
    )


class WarrantyPolicySchema(ma.Schema):
    """A policy with its versions, the oldest first."""

    id = ma.fields.String(attribute="public_id", required=True)
    code = ma.fields.String(required=True)
    versions = ma.fields.List(ma.fields.Nested(PolicyVersionSchema), required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    changed_at = ma.fields.AwareDateTime(required=True)


class WarrantyPoliciesSchema(ma.Schema):
    """A slice of the policies."""

    items = ma.fields.List(ma.fields.Nested(WarrantyPolicySchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class PolicyDraftBody(ma.Schema):
    """A change of a draft; what is left out stays."""

    title = fields.line(200)
    jurisdiction = fields.line(64)
    note = fields.paragraph(4000)
    terms = ma.fields.Nested(WarrantyTerms)


class NewWarrantyPolicy(ma.Schema):
    """A policy with its first draft."""

    code = fields.line(64, required=True)
    title = fields.line(200, required=True)
    jurisdiction = fields.line(64, required=True)
    note = fields.paragraph(4000, load_default="")
    terms = ma.fields.Nested(WarrantyTerms, required=True)


class PolicyPublishBody(ma.Schema):
    """When a draft comes into force."""

    in_force_from = ma.fields.Date(required=True)
    checked_by = fields.line(
        128,
        shortest=0,
        load_default="",
        metadata={"description": "who checked a preset for the country of sale"},
    )


class PolicyRetireBody(ma.Schema):
    """When the newest version ends."""

    retired_on = ma.fields.Date(required=True)
    reason = fields.line(500, shortest=0, load_default="")


class WarrantyPresetSchema(ma.Schema):
    """A policy that ships: no legal advice, to be checked by the operator's lawyer."""

    code = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    jurisdiction = ma.fields.String(required=True)
    sources = ma.fields.List(ma.fields.String(), required=True)
    is_loaded = ma.fields.Boolean(required=True)


class WarrantyPresetsSchema(ma.Schema):
    """What ships."""

    items = ma.fields.List(ma.fields.Nested(WarrantyPresetSchema), required=True)


class WarrantyPresetBody(ma.Schema):
    """Which preset to load."""

    preset = fields.line(64, required=True)


# --- assignments ---------------------------------------------------------------------------------


class PolicyAssignmentSchema(ma.Schema):
    """That boxes like these have a policy, if they were given out on a day or later."""

    id = ma.fields.String(attribute="public_id", required=True)
    policy = ma.fields.Pluck(WarrantyPolicySchema, "code", required=True, allow_none=True)
    model = ma.fields.Pluck(WarrantyPolicySchema, "code", required=True, allow_none=True)
    seller = ma.fields.Pluck(WarrantyPolicySchema, "code", required=True, allow_none=True)
    tenure = ma.fields.String(required=True, allow_none=True)
    from_on = ma.fields.Date(required=True)
    assigned_at = ma.fields.AwareDateTime(required=True)
    assigned_by = ma.fields.String(required=True)


class PolicyAssignmentsSchema(ma.Schema):
    """A slice of the assignments."""

    items = ma.fields.List(
        ma.fields.Nested(PolicyAssignmentSchema), attribute="rows", required=True
    )
    next_cursor = ma.fields.String(required=True, allow_none=True)


class PolicyAssignmentBody(ma.Schema):
    """Which policy boxes have; what is not named fits every box. Without a policy it ends."""

    policy = fields.line(64, load_default=None, allow_none=True)
    model = fields.line(64, load_default=None, allow_none=True)
    seller = fields.line(64, load_default=None, allow_none=True)
    tenure = ma.fields.String(
        load_default=None, allow_none=True, validate=ma.validate.OneOf(TENURES)
    )
    from_on = ma.fields.Date(required=True)


# --- cover and decisions -------------------------------------------------------------------------


class CoverRuleSchema(ma.Schema):
    """One step of the way to a date, and its sentence in the caller's language."""

    name = ma.fields.String(required=True)
    day = ma.fields.Date(required=True, allow_none=True)
    sentence = ma.fields.String(required=True)


class CoverSpanSchema(ma.Schema):
    """Days from the first to the last, both counted."""

    first = ma.fields.Date(required=True)
    last = ma.fields.Date(required=True)


class AppliedPolicySchema(ma.Schema):
    """The version of a policy that was applied."""

    code = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True)
    title = ma.fields.String(required=True)
    jurisdiction = ma.fields.String(required=True)
    needs_check = ma.fields.Boolean(required=True)


class CoverSchema(ma.Schema):
    """What a box, or a component of it, gets for a fault that is reported on a day."""

    component = ma.fields.String(required=True)
    day = ma.fields.Date(required=True)
    policy = ma.fields.Nested(AppliedPolicySchema, required=True, allow_none=True)
    outcome = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "null: no policy was in force for the box"},
    )
    started_on = ma.fields.Date(required=True, allow_none=True)
    covered_until = ma.fields.Date(required=True, allow_none=True)
    is_presumed = ma.fields.Boolean(required=True)
    spans = ma.fields.List(ma.fields.Nested(CoverSpanSchema), required=True)
    trace = ma.fields.List(ma.fields.Nested(CoverRuleSchema), required=True)


class CoverArguments(ma.Schema):
    """What is asked about: the box as a whole, or a component of it; today, or another day."""

    component = ma.fields.String(load_default="", validate=ma.validate.OneOf(COMPONENTS))
    day = ma.fields.Date(load_default=None, validate=ma.validate.Range(EARLIEST, LATEST))
    cause = ma.fields.String(load_default=None, validate=ma.validate.OneOf(CAUSES))


class WarrantyDecideBody(ma.Schema):
    """A fault to decide on."""

    reported_on = ma.fields.Date(required=True)
    component = ma.fields.String(load_default="", validate=ma.validate.OneOf(COMPONENTS))
    cause = ma.fields.String(load_default=None, allow_none=True, validate=ma.validate.OneOf(CAUSES))
    subject_ref = fields.line(
        64,
        shortest=0,
        load_default="",
        metadata={"description": "what it is for, such as the number of a case"},
    )


class WarrantyOverrideBody(ma.Schema):
    """Another outcome than the rules gave."""

    outcome = ma.fields.String(
        required=True, validate=ma.validate.OneOf([outcome.value for outcome in GRANTED])
    )
    reason = fields.paragraph(1000, required=True)


class WarrantyOverrideSchema(ma.Schema):
    """What was granted beside a decision."""

    number = ma.fields.Integer(required=True)
    outcome = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    granted_at = ma.fields.AwareDateTime(required=True)
    granted_by = ma.fields.String(required=True)


class DecidedBoxSchema(ma.Schema):
    """A box by its names."""

    id = ma.fields.String(attribute="public_id", required=True)
    serial = ma.fields.String(required=True)
    model = ma.fields.String(attribute="model_code", required=True)


class WarrantyDecisionSchema(ma.Schema):
    """What was decided, and what counts: an override stands beside what the rules gave."""

    id = ma.fields.String(attribute="public_id", required=True)
    device = ma.fields.Nested(DecidedBoxSchema, required=True)
    policy = ma.fields.Nested(AppliedPolicySchema, required=True)
    component = ma.fields.String(required=True)
    reported_on = ma.fields.Date(required=True)
    cause = ma.fields.String(required=True, allow_none=True)
    subject_ref = ma.fields.String(required=True)
    outcome = ma.fields.String(required=True, metadata={"description": "by the rules"})
    effective_outcome = ma.fields.String(required=True, metadata={"description": "what counts"})
    started_on = ma.fields.Date(required=True, allow_none=True)
    covered_until = ma.fields.Date(required=True, allow_none=True)
    is_presumed = ma.fields.Boolean(required=True)
    trace = ma.fields.List(ma.fields.Nested(CoverRuleSchema), required=True)
    overrides = ma.fields.List(ma.fields.Nested(WarrantyOverrideSchema), required=True)
    decided_at = ma.fields.AwareDateTime(required=True)
    decided_by = ma.fields.String(required=True)


class WarrantyDecisionsSchema(ma.Schema):
    """A slice of the decisions."""

    items = ma.fields.List(
        ma.fields.Nested(WarrantyDecisionSchema), attribute="rows", required=True
    )
    next_cursor = ma.fields.String(required=True, allow_none=True)


class DecisionFilterFields(ma.Schema):
    """What the list of decisions can be narrowed to."""

    text = fields.line(100, shortest=0, load_default="")
    device = fields.line(32, shortest=0, load_default="")
    outcome = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *OUTCOMES]))
    policy = fields.line(64, shortest=0, load_default="")
    subject = fields.line(64, shortest=0, load_default="")
    overridden = ma.fields.Boolean(load_default=None, allow_none=True)


class DecisionsArguments(CursorArguments, DecisionFilterFields):
    """Which decisions."""


# --- forms of the pages --------------------------------------------------------------------------


def _number(most: int, **more: Any) -> ma.fields.Integer:
    return ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, most), **more)


class TermsForm(ma.Schema):
    """A draft as a page sends it, but for its rows: the chain of days, and components."""

    title = fields.line(200, required=True)
    jurisdiction = fields.line(64, required=True)
    note = fields.paragraph(4000, load_default="")
    months = ma.fields.Integer(required=True, validate=ma.validate.Range(0, MONTHS_MOST))
    last_day = ma.fields.String(required=True, validate=ma.validate.OneOf(list(LastDay)))
    doa_days = _number(DAYS_MOST)
    doa_hours = _number(HOURS_MOST)
    suspends = ma.fields.Boolean(load_default=False)
    tail_days = _number(DAYS_MOST)
    extend_months = _number(MONTHS_MOST)
    restarts_component = ma.fields.Boolean(load_default=False)
    replacement = ma.fields.String(required=True, validate=ma.validate.OneOf(list(OnReplacement)))
    replacement_days = _number(DAYS_MOST)
    transfer = ma.fields.String(required=True, validate=ma.validate.OneOf(list(OnTransfer)))
    excluded = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(EXCLUDABLE)), load_default=list
    )
    tenures = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(TENURES)), load_default=list
    )


class NewTermsForm(TermsForm):
    """A policy with its first draft as a page sends it."""

    code = fields.line(64, required=True)


class MonthsForm(ma.Schema):
    """The months of one component as a page sends them."""

    months = ma.fields.Integer(required=True, validate=ma.validate.Range(0, MONTHS_MOST))


class StartForm(ma.Schema):
    """One row of the chain of days as a page sends it."""

    basis = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *BASES]))
    after_days = _number(DAYS_MOST)
    at_most_after = ma.fields.String(load_default=None, validate=ma.validate.OneOf(BASES))
    at_most_days = _number(DAYS_MOST)


class TryArguments(ma.Schema):
    """What would this box get?"""

    serial = fields.line(100, required=True)
    day = ma.fields.Date(load_default=None, validate=ma.validate.Range(EARLIEST, LATEST))
    component = ma.fields.String(load_default="", validate=ma.validate.OneOf(COMPONENTS))
