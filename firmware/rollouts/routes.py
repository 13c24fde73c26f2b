"""Rollouts, recalls and decisions in the JSON API: for people of the operator."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firmware.boxes.models import Box
from firmware.boxes.queries import operator_box
from firmware.boxes.schemas import LimitArguments
from firmware.rollouts import drafts, operations, plans, queries, schemas
from firmware.rollouts.figures import KIND_BY_NAME, picture_of
from firmware.rollouts.models import Rollout
from firmware.rollouts.rules import MemberState, RolloutState
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import api_blueprint, check_if_match, etag
from stb_service.shared.http.unit import request_time

blp = api_blueprint("rollouts", "Rollouts, recalls, and why a box was told what it was told.")
Answer = tuple[dict[str, Any], int, dict[str, str]]


def _rollout(rollout_id: str) -> Rollout:
    return queries.rollout_by_public_id(unit(), rollout_id)


def _for_change(rollout_id: str) -> Rollout:
    rollout = _rollout(rollout_id)
    check_if_match(rollout)
    return rollout


COLUMNS = (
    "public_id",
    "name",
    "kind",
    "state",
    "reason",
    "image",
    "recalled_image",
    "created_at",
    "created_by",
    "started_at",
    "ended_at",
    "selection",
    "friendly",
    "salt",
    "cap",
    "wave_open",
)


def _answer(rollout: Rollout, status: int = 200, **more: Any) -> Answer:
    session = unit()
    session.flush()  # the version that the ETag states is the one being written
    counts = queries.counts_of(session, rollout, now=request_time())
    picture = picture_of(rollout, counts, now=request_time())
    is_draft = rollout.state == RolloutState.DRAFT
    body = {
        **{name: getattr(rollout, name) for name in COLUMNS},
        "timing": rollout,
        "whole": picture.whole,
        "waves": picture.waves,
        "groups": picture.groups,
        "in_flight": picture.in_flight,
        "obstacles": operations.start_obstacles(session, rollout) if is_draft else [],
        **more,
    }
    return body, status, {"ETag": etag(rollout)}


@blp.route("/rollouts", methods=["GET"])
@blp.refuses(422)
@blp.arguments(schemas.RolloutsArguments, location="query")
@blp.response(200, schemas.RolloutsSchema)
@requires("rollouts.view")
def list_rollouts(arguments: dict[str, Any]) -> Any:
    """List rollouts, newest first."""
    return queries.rollouts_page(unit(), **arguments)


@blp.route("/rollouts", methods=["POST"])
@blp.refuses(400, 409, 415, 422)
@blp.arguments(schemas.PlanBody)
@blp.response(201, schemas.RolloutDetailSchema)
@requires("rollouts.edit")
def create_rollout(body: dict[str, Any]) -> Answer:
    """Write a rollout down as a draft; nothing is offered before it is started."""
    aim = plans.aim_of(unit(), body)
    rollout = drafts.create_rollout(
        unit(), plan=aim.plan, image=aim.image, actor=current_actor(), now=request_time()
    )
    return _answer(rollout, 201)


@blp.route("/rollouts/preview", methods=["POST"])
@blp.refuses(400, 409, 415, 422)
@blp.arguments(schemas.AimBody)
@blp.response(200, schemas.PreviewSchema)
@requires("rollouts.edit")
def preview(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a rollout would do if it were started now; nothing is written."""
    with services().db.read() as session:  # it must not hold up whoever writes
        return plans.forecast_of(session, plans.aim_of(session, body)).as_answer()


@blp.route("/rollouts/stop-all", methods=["POST"])
@blp.refuses(400, 409, 415, 422)
@blp.arguments(schemas.ReasonBody)
@blp.response(200, schemas.StoppedSchema)
@requires("rollouts.stop")
def stop_all(body: dict[str, Any]) -> dict[str, Any]:
    """Pause every rollout that runs, in one unit of work."""
    stopped = operations.stop_all(
        unit(), why=body["reason"], actor=current_actor(), now=request_time()
    )
    return {"items": stopped}


@blp.route("/rollouts/<string:rollout_id>", methods=["GET"])
@blp.refuses(404)
@blp.response(200, schemas.RolloutDetailSchema)
@requires("rollouts.view")
def get_rollout(rollout_id: str) -> Answer:
    """Return a rollout with its tally."""
    return _answer(_rollout(rollout_id))


@blp.route("/rollouts/<string:rollout_id>/start", methods=["POST"])
@blp.refuses(404, 409, 412, 422)
@blp.response(200, schemas.RolloutDetailSchema)
@requires("rollouts.edit")
def start(rollout_id: str) -> Answer:
    """Choose the boxes, sort them into waves, and open the first wave."""
    rollout = _for_change(rollout_id)
    return _answer(
        operations.start(unit(), rollout=rollout, actor=current_actor(), now=request_time())
    )


def _reasoned(verb: Callable[..., Rollout], rollout_id: str, body: dict[str, Any]) -> Answer:
    rollout = _for_change(rollout_id)
    return _answer(
        verb(unit(), rollout=rollout, why=body["reason"], actor=current_actor(), now=request_time())
    )


@blp.route("/rollouts/<string:rollout_id>/pause", methods=["POST"])
@blp.refuses(400, 404, 409, 412, 415, 422)
@blp.arguments(schemas.ReasonBody)
@blp.response(200, schemas.RolloutDetailSchema)
@requires("rollouts.stop")
def pause(body: dict[str, Any], rollout_id: str) -> Answer:
    """Offer nothing more for now; what is being installed goes on and is watched."""
    return _reasoned(operations.pause, rollout_id, body)


@blp.route("/rollouts/<string:rollout_id>/resume", methods=["POST"])
@blp.refuses(400, 404, 409, 412, 415, 422)
@blp.arguments(schemas.ReasonBody)
@blp.response(200, schemas.RolloutDetailSchema)
@requires("rollouts.edit")
def resume(body: dict[str, Any], rollout_id: str) -> Answer:
    """Go on. After a halt the limits count anew from here."""
    return _reasoned(operations.resume, rollout_id, body)


@blp.route("/rollouts/<string:rollout_id>/cancel", methods=["POST"])
@blp.refuses(400, 404, 409, 412, 415, 422)
@blp.arguments(schemas.ReasonBody)
@blp.response(200, schemas.RolloutDetailSchema)
@requires("rollouts.stop")
def cancel(body: dict[str, Any], rollout_id: str) -> Answer:
    """End a rollout: boxes that wait are let go, boxes that install are asked to stop."""
    return _reasoned(operations.cancel, rollout_id, body)


@blp.route("/rollouts/<string:rollout_id>/retry", methods=["POST"])
@blp.refuses(404, 409, 412, 422)
@blp.response(200, schemas.RetriedSchema)
@requires("rollouts.edit")
def retry(rollout_id: str) -> Answer:
    """Let the boxes that failed, fell silent or stayed unverified try again.

    A complete rollout runs again, also for boxes that were first seen after its end.
    """
    rollout = _for_change(rollout_id)
    count = operations.retry(unit(), rollout=rollout, actor=current_actor(), now=request_time())
    return _answer(_rollout(rollout_id), retried=count)


@blp.route("/rollouts/<string:rollout_id>/widen", methods=["POST"])
@blp.refuses(400, 404, 409, 412, 415, 422)
@blp.arguments(schemas.WideningBody)
@blp.response(200, schemas.RolloutDetailSchema)
@requires("rollouts.edit")
def widen(body: dict[str, Any], rollout_id: str) -> Answer:
    """Change the cap, and raise the shares of the waves from 1 on."""
    rollout = _for_change(rollout_id)
    return _answer(
        operations.widen(unit(), rollout=rollout, **body, actor=current_actor(), now=request_time())
    )


@blp.route("/rollouts/<string:rollout_id>/boxes", methods=["GET"])
@blp.refuses(404, 422)
@blp.arguments(schemas.MembersArguments, location="query")
@blp.response(200, schemas.MembersSchema)
@requires("rollouts.view")
def list_members(arguments: dict[str, Any], rollout_id: str) -> Any:
    """List the boxes of a rollout; `not_seen` are those that wait and have not spoken for days."""
    state, wave = arguments["state"], arguments["wave"]
    part = queries.Part(wave=wave)
    if state == schemas.NOT_SEEN:
        part = KIND_BY_NAME[state].part(wave)
    elif state:
        part = queries.Part(frozenset({MemberState(state)}), wave)
    return queries.part_page(
        unit(),
        _rollout(rollout_id),
        part=part,
        now=request_time(),
        cursor=arguments["cursor"],
        limit=arguments["limit"],
    )


@blp.route("/rollouts/<string:rollout_id>/events", methods=["GET"])
@blp.refuses(404)
@blp.response(200, schemas.RolloutEventsSchema)
@requires("rollouts.view")
def list_events(rollout_id: str) -> dict[str, Any]:
    """Return what happened to a rollout, the newest first."""
    return {"items": queries.events_of(unit(), _rollout(rollout_id))}


@blp.route("/recalls", methods=["POST"])
@blp.refuses(400, 409, 415, 422)
@blp.arguments(schemas.RecallBody)
@blp.response(201, schemas.RolloutDetailSchema)
@requires("rollouts.edit")
def recall(body: dict[str, Any]) -> Answer:
    """Withdraw an image, end its rollouts, and bring its boxes back to an older one, in waves."""
    recalled = plans.image_for(unit(), body["recalled"], "recalled")
    aim = plans.aim_of(unit(), body)
    rollout = operations.recall(
        unit(),
        image=recalled,
        target=aim.image,
        plan=aim.plan,
        why=body["reason"],
        actor=current_actor(),
        now=request_time(),
    )
    return _answer(rollout, 201)


def _box(uid: str) -> Box:
    return operator_box(unit(), uid, current_actor().scope)


@blp.route("/boxes/<string:uid>/why", methods=["GET"])
@blp.refuses(404, 422)
@blp.arguments(schemas.AtArguments, location="query")
@blp.response(200, schemas.WhySchema)
@requires("boxes.view")
def why(arguments: dict[str, Any], uid: str) -> dict[str, Any]:
    """Return what a box was told at a moment, and why: the last decision up to then.

    For people of the operator; a dealer or a service centre asks `/devices/{id}/firmware`.
    """
    at = arguments["at"] or request_time()
    return {"at": at, "decision": queries.decision_at(unit(), _box(uid), at=at)}


@blp.route("/boxes/<string:uid>/decisions", methods=["GET"])
@blp.refuses(404, 422)
@blp.arguments(LimitArguments, location="query")
@blp.response(200, schemas.DecisionsSchema)
@requires("boxes.view")
def list_decisions(arguments: dict[str, Any], uid: str) -> dict[str, Any]:
    """Return the decisions about a box, the newest first."""
    return {"items": queries.decisions_of(unit(), _box(uid), limit=arguments["limit"])}
