"""The API of disputed identifiers."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.devices.identity import operations, queries, schemas
from stb_service.devices.routes import who
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.api import api_blueprint, check_if_match, with_etag

api = api_blueprint("disputes", "Serials and MACs that two boxes claim.")
Answer = tuple[Any, int, dict[str, str]]


@api.route("/disputes", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.DisputesArguments, location="query")
@api.response(200, schemas.DisputesSchema)
@requires("devices.review")
def list_disputes(arguments: dict[str, Any]) -> Any:
    """List claims on what another box holds, the newest first."""
    is_open = arguments.pop("state") == "open"
    return queries.disputes_page(unit(), current_actor().scope, is_open=is_open, **arguments)


@api.route("/disputes/<string:dispute_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.DisputeSchema)
@requires("devices.review")
def get_dispute(dispute_id: str) -> Answer:
    """Return a dispute."""
    return with_etag(queries.dispute_by_ref(unit(), dispute_id, current_actor().scope))


@api.route("/disputes/<string:dispute_id>/settle", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.SettleForm)
@api.response(200, schemas.DisputeSchema)
@requires("devices.review")
def settle_dispute(body: dict[str, Any], dispute_id: str) -> Answer:
    """Close a dispute with a note: 200; 409 if it was settled before."""
    check_if_match(queries.dispute_by_ref(unit(), dispute_id, current_actor().scope))
    settled = operations.settle_dispute(unit(), ref=dispute_id, note=body["note"], **who())
    unit().flush()
    return with_etag(settled)
