"""The API of stock-takings."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.devices.routes import kept, who
from stb_service.parts.counts import operations, queries, scanning, schemas
from stb_service.parts.models import StockCount
from stb_service.parts.schemas import StockReasonForm
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.api import api_blueprint, check_if_match, etag

api = api_blueprint("counts", "Stock-taking.")
Answer = tuple[Any, int, dict[str, str]]


def _count(ref: str) -> StockCount:
    return queries.count_by_ref(unit(), ref, current_actor().scope)


def _told(ref: str, status: int = 200) -> Answer:
    unit().flush()
    unit().expire_all()
    count = _count(ref)
    return schemas.count_values(count), status, {"ETag": etag(count)}


@api.route("/stock-counts", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.CountsArguments, location="query")
@api.response(200, schemas.CountsSchema)
@requires("parts.view")
def list_counts(arguments: dict[str, Any]) -> Any:
    """List the stock-takings of the caller's places, the newest first."""
    page = queries.counts_page(unit(), current_actor().scope, **arguments)
    items = [schemas.brief_values(count) for count in page.rows]
    return {"items": items, "next_cursor": page.next_cursor}


@api.route("/stock-counts", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(schemas.NewCount)
@api.response(201, schemas.CountSchema)
@requires("stock.count")
def open_count(body: dict[str, Any]) -> Answer:
    """Begin a stock-taking of a place: 201; 409 if it is being counted."""
    return _told(operations.open_count(unit(), **body, **who()).public_id, 201)


@api.route("/stock-counts/<string:count_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.CountSchema)
@requires("parts.view")
def get_count(count_id: str) -> Answer:
    """Return a stock-taking; what was expected is told once it is closed."""
    count = _count(count_id)
    return schemas.count_values(count), 200, {"ETag": etag(count)}


@api.route("/stock-counts/<string:count_id>/lines", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.NewLine)
@api.response(200, schemas.CountSchema)
@requires("stock.count")
def count_part(body: dict[str, Any], count_id: str) -> Answer:
    """Write down how many of a part were found: 200; 409 if somebody counted it, unless `again`."""
    operations.count_part(unit(), ref=count_id, **body, **who())
    return _told(count_id)


@api.route("/stock-counts/<string:count_id>/boxes", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.NewScan)
@api.response(201, schemas.ScannedSchema)
@requires("stock.count")
def scan_box(body: dict[str, Any], count_id: str) -> Any:
    """Write down that a box was seen: 201, also where it was scanned before; it counts once."""
    done = scanning.scan_box(unit(), ref=count_id, **body, **who())
    return schemas.line_values(done.line, is_told=False) | {"was_known": done.was_known}


@api.route("/stock-counts/<string:count_id>/boxes/<string:device_id>", methods=["DELETE"])
@api.refuses(404, 409)
@api.response(204)
@requires("stock.count")
def take_out(count_id: str, device_id: str) -> None:
    """Take a box from the sheet: 204; 409 once the stock-taking has ended."""
    scanning.take_out(unit(), ref=count_id, device=device_id, **who())


@api.route("/stock-counts/<string:count_id>/missing", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.MissingBody)
@api.response(200, schemas.CountSchema)
@requires("stock.count")
def write_off_missing(body: dict[str, Any], count_id: str) -> Answer:
    """Move what a closed sheet misses to the stock-taking: 200; 409 if another number is missing."""
    check_if_match(_count(count_id))
    scanning.write_off_missing(unit(), ref=count_id, **body, **who(), **kept())
    return _told(count_id)


@api.route("/stock-counts/<string:count_id>/close", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.CloseBody)
@api.response(200, schemas.CountSchema)
@requires("stock.count")
def close_count(body: dict[str, Any], count_id: str) -> Answer:
    """End a stock-taking, its differences become moves: 200; 409 with the obstacles."""
    check_if_match(_count(count_id))
    operations.close_count(unit(), ref=count_id, **body, **who(), **kept())
    return _told(count_id)


@api.route("/stock-counts/<string:count_id>/cancel", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(StockReasonForm)
@api.response(200, schemas.CountSchema)
@requires("stock.count")
def cancel_count(body: dict[str, Any], count_id: str) -> Answer:
    """Call a stock-taking off: 200."""
    check_if_match(_count(count_id))
    operations.cancel_count(unit(), ref=count_id, **body, **who())
    return _told(count_id)
