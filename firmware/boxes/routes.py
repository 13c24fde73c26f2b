"""Boxes and gateway tokens in the JSON API: for people of the operator."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import g

from firmware.boxes import operations, queries, schemas
from firmware.boxes.models import Box
from firmware.boxes.rules import BoxState
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.api import api_blueprint
from stb_service.shared.http.unit import request_time

blp = api_blueprint("boxes", "Boxes as the update service knows them, and their tokens.")


def _box(uid: str) -> Box:
    return queries.operator_box(unit(), uid, current_actor().scope)


def _moved(uid: str, to: BoxState) -> Box:
    box = _box(uid)
    return operations.move_box(unit(), box=box, to=to, actor=current_actor(), now=request_time())


@blp.route("/boxes", methods=["GET"])
@blp.refuses(422)
@blp.arguments(schemas.BoxesArguments, location="query")
@blp.response(200, schemas.BoxesSchema)
@requires("boxes.view")
def list_boxes(arguments: dict[str, Any]) -> Any:
    """List boxes: those that are served, those that wait for approval (`state=pending`), or all."""
    cursor, limit = arguments.pop("cursor"), arguments.pop("limit")
    wanted = queries.BoxFilter(**arguments)
    scope = current_actor().scope
    return queries.boxes_page(unit(), scope, wanted=wanted, cursor=cursor, limit=limit)


@blp.route("/boxes/<string:uid>", methods=["GET"])
@blp.refuses(404)
@blp.response(200, schemas.BoxSchema)
@requires("boxes.view")
def get_box(uid: str) -> Box:
    """Return a box."""
    return _box(uid)


@blp.route("/boxes/<string:uid>/reports", methods=["GET"])
@blp.refuses(404, 422)
@blp.arguments(schemas.LimitArguments, location="query")
@blp.response(200, schemas.BoxReportsSchema)
@requires("boxes.view")
def list_reports(arguments: dict[str, Any], uid: str) -> dict[str, Any]:
    """Return what a box said last, with what could not be read of it."""
    return {"items": queries.reports_of(unit(), _box(uid), limit=arguments["limit"])}


@blp.route("/boxes/<string:uid>/approve", methods=["POST"])
@blp.refuses(404, 409, 422)
@blp.response(200, schemas.BoxSchema)
@requires("boxes.approve")
def approve_box(uid: str) -> Box:
    """Serve a box that waits for approval, or that was refused before."""
    return _moved(uid, BoxState.KNOWN)


@blp.route("/boxes/<string:uid>/refuse", methods=["POST"])
@blp.refuses(404, 409, 422)
@blp.response(200, schemas.BoxSchema)
@requires("boxes.approve")
def refuse_box(uid: str) -> Box:
    """Refuse a box that waits for approval."""
    return _moved(uid, BoxState.REFUSED)


@blp.route("/boxes/<string:uid>/alias", methods=["PUT"])
@blp.refuses(400, 404, 409, 415, 422)
@blp.arguments(schemas.AliasSchema)
@blp.response(200, schemas.BoxSchema)
@requires("boxes.approve")
def set_alias(body: dict[str, Any], uid: str) -> Box:
    """Store another controller id by which the box calls itself, or take it away."""
    return operations.set_alias(
        unit(), box=_box(uid), alias=body["alias"], actor=current_actor(), now=request_time()
    )


@blp.route("/boxes/<string:uid>/ask", methods=["POST"])
@blp.refuses(404, 422)
@blp.response(200, schemas.BoxSchema)
@requires("boxes.approve")
def ask_box(uid: str) -> Box:
    """Ask a box at its next poll what it runs, until it answers."""
    box = _box(uid)
    operations.ask_for_attributes(unit(), box=box, actor=current_actor(), now=request_time())
    return box


@blp.route("/boxes/<string:uid>/tokens", methods=["GET"])
@blp.refuses(404)
@blp.response(200, schemas.BoxTokensSchema)
@requires("boxes.tokens")
def list_tokens(uid: str) -> dict[str, Any]:
    """Return what is kept of a box's tokens: never the tokens themselves."""
    return {"items": queries.tokens_of(unit(), _box(uid))}


@blp.route("/boxes/<string:uid>/tokens", methods=["POST"])
@blp.refuses(400, 404, 409, 415, 422)
@blp.arguments(schemas.RotationSchema)
@blp.response(201, schemas.NewBoxTokenSchema)
@requires("boxes.tokens")
def rotate_token(body: dict[str, Any], uid: str) -> dict[str, Any]:
    """Give a box a new token, told this once; former ones are accepted until the overlap ends."""
    overlap = timedelta(days=body["overlap_days"])
    token = operations.rotate_token(
        unit(),
        box=_box(uid),
        token=body["token"],
        overlap=overlap,
        actor=current_actor(),
        now=request_time(),
    )
    g.answer_is_secret = True  # idempotency must not keep it
    return {"secret": token, "former_until": request_time() + overlap}


@blp.route("/boxes/<string:uid>/tokens", methods=["DELETE"])
@blp.refuses(404)
@blp.response(204)
@requires("boxes.tokens")
def revoke_tokens(uid: str) -> None:
    """End all tokens of a box at once; it may then speak XConf."""
    operations.revoke_tokens(unit(), box=_box(uid), actor=current_actor(), now=request_time())


@blp.route("/gateway-tokens", methods=["GET"])
@blp.refuses()
@blp.response(200, schemas.GatewayTokensSchema)
@requires("boxes.tokens")
def list_gateway_tokens() -> dict[str, Any]:
    """List the tokens that may speak for any box."""
    return {"items": queries.gateway_tokens(unit())}


@blp.route("/gateway-tokens", methods=["POST"])
@blp.refuses(400, 409, 415, 422)
@blp.arguments(schemas.GatewayTokenForm)
@blp.response(201, schemas.NewGatewayTokenSchema)
@requires("boxes.tokens")
def create_gateway_token(body: dict[str, Any]) -> dict[str, Any]:
    """Make a token that may speak for any box; it is told this once."""
    row, secret = operations.create_gateway_token(
        unit(), **body, actor=current_actor(), now=request_time()
    )
    g.answer_is_secret = True
    kept = ("public_id", "name", "hint", "created_at", "expires_at", "revoked_at")
    return {**{name: getattr(row, name) for name in kept}, "secret": secret}


@blp.route("/gateway-tokens/<string:token_id>", methods=["DELETE"])
@blp.refuses(404)
@blp.response(204)
@requires("boxes.tokens")
def revoke_gateway_token(token_id: str) -> None:
    """End a gateway token at once."""
    token = queries.gateway_token_by_public_id(unit(), token_id)
    operations.revoke_gateway_token(unit(), token=token, actor=current_actor(), now=request_time())
