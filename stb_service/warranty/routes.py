"""The API of warranty: policies, assignments, cover, decisions."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.devices.queries import device_row
from stb_service.devices.routes import who
from stb_service.shared.access import requires
from stb_service.shared.errors import Invalid
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import (
    CursorArguments,
    api_blueprint,
    check_if_match,
    etag,
    with_etag,
)
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import day_here, text
from stb_service.warranty import decisions, operations, queries, schemas
from stb_service.warranty.card import cover_as_wire, cover_now, decision_as_wire
from stb_service.warranty.models import WarrantyDecision, WarrantyPolicy
from stb_service.warranty.queries import DecisionFilter
from stb_service.warranty.terms import WarrantyTerms, presets

api = api_blueprint("warranty", "Warranty: policies, what they give a box, and decisions.")
Answer = tuple[Any, int, dict[str, str]]


# --- policies ------------------------------------------------------------------------------------


@api.route("/warranty/policies", methods=["GET"])
@api.refuses(422)
@api.arguments(CursorArguments, location="query")
@api.response(200, schemas.WarrantyPoliciesSchema)
@requires("policies.view")
def list_policies(arguments: dict[str, Any]) -> Any:
    """List the policies by code, with their versions."""
    return queries.policies_page(unit(), **arguments)


@api.route("/warranty/policies", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(schemas.NewWarrantyPolicy)
@api.response(201, schemas.WarrantyPolicySchema)
@requires("warranty.edit")
def create_policy(body: dict[str, Any]) -> Answer:
    """Add a policy with its first draft: 201; 409 if its code is taken."""
    body["terms"] = WarrantyTerms().dump(body["terms"])
    return with_etag(operations.create_policy(unit(), **body, **who()), 201)


@api.route("/warranty/policies/<string:policy_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.WarrantyPolicySchema)
@requires("policies.view")
def get_policy(policy_id: str) -> Answer:
    """Return a policy with all its versions."""
    return with_etag(queries.policy_by_ref(unit(), policy_id))


@api.route("/warranty/policies/<string:policy_id>/draft", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.PolicyDraftBody)
@api.response(200, schemas.WarrantyPolicySchema)
@requires("warranty.edit")
def write_draft(body: dict[str, Any], policy_id: str) -> Answer:
    """Change the draft, or begin one from the newest version; what is left out stays."""
    policy = _for_change(policy_id)
    if "terms" in body:
        body["terms"] = WarrantyTerms().dump(body["terms"])
    return _changed(operations.write_draft(unit(), policy=policy, **body, **who()))


@api.route("/warranty/policies/<string:policy_id>/draft", methods=["DELETE"])
@api.refuses(404, 409, 412)
@api.response(204)
@requires("warranty.edit")
def discard_draft(policy_id: str) -> None:
    """Throw the draft away: 204; 409 where the policy has no other version."""
    operations.discard_draft(unit(), policy=_for_change(policy_id), **who())


@api.route("/warranty/policies/<string:policy_id>/publish", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.PolicyPublishBody)
@api.response(200, schemas.WarrantyPolicySchema)
@requires("warranty.edit")
def publish(body: dict[str, Any], policy_id: str) -> Answer:
    """Bring the draft into force from a day on: 200; 409 with the obstacles."""
    policy = _for_change(policy_id)
    return _changed(operations.publish(unit(), policy=policy, **body, **who()))


@api.route("/warranty/policies/<string:policy_id>/retire", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.PolicyRetireBody)
@api.response(200, schemas.WarrantyPolicySchema)
@requires("warranty.edit")
def retire(body: dict[str, Any], policy_id: str) -> Answer:
    """End the newest version on a day: 200; 409 with the obstacles."""
    policy = _for_change(policy_id)
    return _changed(operations.retire(unit(), policy=policy, **body, **who()))


def _for_change(policy_id: str) -> WarrantyPolicy:
    policy = queries.policy_by_ref(unit(), policy_id)
    check_if_match(policy)
    return policy


def _changed(policy: WarrantyPolicy) -> Answer:
    unit().flush()
    return with_etag(policy)


@api.route("/warranty/presets", methods=["GET"])
@api.refuses()
@api.response(200, schemas.WarrantyPresetsSchema)
@requires("policies.view")
def list_presets() -> Any:
    """List the policies that ship. They are no legal advice: have them checked."""
    loaded = {policy.code for policy in queries.all_policies(unit())}
    return {
        "items": [
            {**preset, "code": code, "is_loaded": code in loaded}
            for code, preset in presets().items()
        ]
    }


@api.route("/warranty/presets", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.WarrantyPresetBody)
@api.response(201, schemas.WarrantyPolicySchema)
@requires("warranty.edit")
def load_preset(body: dict[str, Any]) -> Answer:
    """Load a preset as a policy with a draft: 201; 409 if it is there already."""
    return with_etag(operations.load_preset(unit(), **body, **who()), 201)


# --- assignments ---------------------------------------------------------------------------------


@api.route("/warranty/assignments", methods=["GET"])
@api.refuses(422)
@api.arguments(CursorArguments, location="query")
@api.response(200, schemas.PolicyAssignmentsSchema)
@requires("policies.view")
def list_assignments(arguments: dict[str, Any]) -> Any:
    """List which policy which boxes have, the latest first."""
    return queries.assignments_page(unit(), **arguments)


@api.route("/warranty/assignments", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(schemas.PolicyAssignmentBody)
@api.response(201, schemas.PolicyAssignmentSchema)
@requires("warranty.edit")
def assign(body: dict[str, Any]) -> Answer:
    """Give a policy to boxes that are given out from a day on; without a policy that ends."""
    body["policy"] = named_policy(body["policy"])
    return with_etag(operations.assign(unit(), **body, **who()), 201)


def named_policy(code: str | None) -> WarrantyPolicy | None:
    """Return the policy of a code, None for none.

    Raises:
        Invalid: there is no such policy.
    """
    if not code:
        return None
    policy = queries.find_policy(unit(), code)
    if policy is None:
        raise Invalid.field("policy", text("There is no such policy."))
    return policy


# --- cover and decisions -------------------------------------------------------------------------


@api.route("/devices/<string:device_id>/warranty", methods=["GET"])
@api.refuses(404, 422)
@api.arguments(schemas.CoverArguments, location="query")
@api.response(200, schemas.CoverSchema)
@requires("warranty.view")
def get_cover(arguments: dict[str, Any], device_id: str) -> Any:
    """Tell until when a box, or a component, is covered, and why; nothing is kept."""
    device = device_row(unit(), device_id, current_actor().scope)
    day = arguments["day"] or day_here(request_time())
    sources = services().registries.warranty_facts
    values = cover_now(unit(), device, **{**arguments, "day": day}, sources=sources)
    return cover_as_wire(values, day=day, component=arguments["component"])


@api.route("/devices/<string:device_id>/warranty/decisions", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.WarrantyDecideBody)
@api.response(201, schemas.WarrantyDecisionSchema)
@requires("warranty.decide")
def decide(body: dict[str, Any], device_id: str) -> Answer:
    """Decide on a fault and keep the decision: 201; 409 where no policy was in force."""
    sources = services().registries.warranty_facts
    decision = decisions.decide(unit(), uid=device_id, **body, sources=sources, **who())
    return _told(decision, 201)


@api.route("/warranty/decisions", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.DecisionsArguments, location="query")
@api.response(200, schemas.WarrantyDecisionsSchema)
@requires("warranty.view")
def list_decisions(arguments: dict[str, Any]) -> Any:
    """List the decisions on the boxes of the caller's scope, the newest first."""
    scope = current_actor().scope
    page = queries.decisions_page(
        unit(),
        filter_of(arguments),
        scope,
        cursor=arguments["cursor"],
        limit=arguments["limit"],
    )
    rows = [decision_as_wire(decision, scope) for decision in page.rows]
    return {"rows": rows, "next_cursor": page.next_cursor}


def filter_of(arguments: dict[str, Any]) -> DecisionFilter:
    """Return the filter that some arguments make."""
    names = DecisionFilter.__dataclass_fields__
    return DecisionFilter(**{name: arguments[name] for name in names})


@api.route("/warranty/decisions/<string:decision_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.WarrantyDecisionSchema)
@requires("warranty.view")
def get_decision(decision_id: str) -> Answer:
    """Return a decision with its trace and what was granted beside it."""
    return _told(queries.decision_by_ref(unit(), decision_id, current_actor().scope))


@api.route("/warranty/decisions/<string:decision_id>/override", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.WarrantyOverrideBody)
@api.response(200, schemas.WarrantyDecisionSchema)
@requires("warranty.override")
def override(body: dict[str, Any], decision_id: str) -> Answer:
    """Grant another outcome, with the reason: 200; the decision itself stays as it was made."""
    decision = queries.decision_by_ref(unit(), decision_id, current_actor().scope)
    check_if_match(decision)
    return _told(decisions.override(unit(), decision=decision, **body, **who()))


def _told(decision: WarrantyDecision, status: int = 200) -> Answer:
    told = decision_as_wire(decision, current_actor().scope)
    return told, status, {"ETag": etag(decision)}
