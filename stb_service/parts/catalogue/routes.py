"""The API of parts, places and limits."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.devices.routes import who
from stb_service.parts import queries as stock
from stb_service.parts import schemas as wire
from stb_service.parts.catalogue import operations, queries, schemas
from stb_service.parts.catalogue.queries import PartFilter
from stb_service.parts.models import Location, Part
from stb_service.parts.ordering.queries import rules_of_part
from stb_service.parts.queries import LocationFilter
from stb_service.parts.routes import filter_from
from stb_service.shared.access import requires
from stb_service.shared.errors import Invalid
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.api import api_blueprint, check_if_match, with_etag
from stb_service.shared.i18n import text

api = api_blueprint("parts", "Spare parts, the places where they are kept, and limits.")
Answer = tuple[Any, int, dict[str, str]]


@api.route("/parts", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.PartsArguments, location="query")
@api.response(200, schemas.PartsSchema)
@requires("parts.view")
def list_parts(arguments: dict[str, Any]) -> Any:
    """List the parts by number."""
    wanted = filter_from(PartFilter, arguments)
    return queries.parts_page(unit(), wanted, cursor=arguments["cursor"], limit=arguments["limit"])


def _part(part: Part, status: int = 200) -> Answer:
    unit().flush()
    return with_etag(queries.part_by_ref(unit(), part.public_id), status)


@api.route("/parts", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(schemas.NewPart)
@api.response(201, schemas.PartSchema)
@requires("parts.edit")
def create_part(body: dict[str, Any]) -> Answer:
    """Add a part: 201; 409 if its number or barcode is taken."""
    if "fits" in body:
        body["fits"] = schemas.fits_of(body["fits"])
    return _part(operations.create_part(unit(), **body, **who()), 201)


@api.route("/parts/<string:part_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.PartSchema)
@requires("parts.view")
def get_part(part_id: str) -> Answer:
    """Return a part by its id, number or barcode."""
    return with_etag(queries.part_by_ref(unit(), part_id))


@api.route("/parts/<string:part_id>", methods=["PATCH"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.PartPatch)
@api.response(200, schemas.PartSchema)
@requires("parts.edit")
def change_part(body: dict[str, Any], part_id: str) -> Answer:
    """Change a part; what is left out stays: 200; 412 if it changed."""
    part = queries.part_by_ref(unit(), part_id)
    check_if_match(part)
    if "fits" in body:
        body["fits"] = schemas.fits_of(body["fits"])
    return _part(operations.change_part(unit(), part=part, **body, **who()))


@api.route("/parts/<string:part_id>/limits", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.AllLimitsSchema)
@requires("parts.view")
def get_limits(part_id: str) -> Any:
    """Return how many of a part the caller's places should have."""
    part = queries.part_by_ref(unit(), part_id)
    return {"items": rules_of_part(unit(), part, current_actor().scope)}


@api.route("/parts/<string:part_id>/limits", methods=["PUT"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.NewLimits)
@api.response(200, schemas.AllLimitsSchema)
@requires("parts.edit")
def set_limits(body: dict[str, Any], part_id: str) -> Any:
    """Say how many of a part a place should have; a minimum of 0 takes the limits away."""
    part = queries.part_by_ref(unit(), part_id)
    location = stock.find_location(unit(), body["location"], current_actor().scope)
    if location is None:
        raise Invalid.field("location", text("There is no such place."))
    operations.set_stock_rule(
        unit(),
        part=part,
        location=location,
        minimum=body["minimum"],
        maximum=body["maximum"],
        **who(),
    )
    return {"items": rules_of_part(unit(), part, current_actor().scope)}


@api.route("/locations", methods=["GET"])
@api.refuses(422)
@api.arguments(wire.LocationsArguments, location="query")
@api.response(200, wire.LocationsSchema)
@requires("parts.view")
def list_locations(arguments: dict[str, Any]) -> Any:
    """List the places of the caller's scope by code."""
    return stock.locations_page(
        unit(),
        filter_from(LocationFilter, arguments),
        current_actor().scope,
        cursor=arguments["cursor"],
        limit=arguments["limit"],
    )


def _location(ref: str) -> Location:
    return stock.location_by_ref(unit(), ref, current_actor().scope)


@api.route("/locations", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(wire.NewLocation)
@api.response(201, wire.LocationSchema)
@requires("parts.edit")
def create_location(body: dict[str, Any]) -> Answer:
    """Add a place: 201; 409 if its code is taken."""
    return with_etag(operations.create_location(unit(), **body, **who()), 201)


@api.route("/locations/<string:location_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, wire.LocationSchema)
@requires("parts.view")
def get_location(location_id: str) -> Answer:
    """Return a place."""
    return with_etag(_location(location_id))


@api.route("/locations/<string:location_id>", methods=["PATCH"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(wire.LocationPatch)
@api.response(200, wire.LocationSchema)
@requires("parts.edit")
def change_location(body: dict[str, Any], location_id: str) -> Answer:
    """Rename a place, or close it: 200; 412 if it changed."""
    location = _location(location_id)
    check_if_match(location)
    operations.change_location(unit(), location=location, **body, **who())
    unit().flush()
    return with_etag(location)
