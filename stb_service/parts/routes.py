"""The API of stock: places, what stands there, moves, reservations, what to order."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.devices.routes import kept, who
from stb_service.parts import operations, queries, schemas
from stb_service.parts.models import Reservation
from stb_service.parts.moves.queries import (
    Move,
    MoveFilter,
    ReservationFilter,
    move_by_number,
    moves_page,
    reservation_by_ref,
    reservations_page,
)
from stb_service.parts.ordering.queries import shortages_page
from stb_service.parts.queries import Standing, StockLine
from stb_service.shared.access import Scope, requires
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.api import api_blueprint, check_if_match, with_etag

api = api_blueprint("stock", "Stock: places, moves, reservations.")
Answer = tuple[Any, int, dict[str, str]]


def _scope() -> Scope:
    return current_actor().scope


def filter_from(kind: type[Any], arguments: dict[str, Any]) -> Any:
    """Return the filter of a kind that some arguments make."""
    return kind(**{name: arguments[name] for name in kind.__dataclass_fields__})


def move_values(move: Move) -> dict[str, Any]:
    """Return a move by the names of `StockMoveSchema`."""
    row = move.row
    names = ("kind", "quantity", "currency", "reason", "reference", "at", "actor_label")
    return {name: getattr(row, name) for name in names} | {
        "id": row.number,
        "part": row.position.part,
        "device": row.device.public_id if row.device else None,
        "source": move.source,
        "target": move.target,
        "value_minor": move.value_minor,
    }


def _standing_values(standing: Standing, scope: Scope) -> dict[str, Any]:
    balance = standing.balance
    return {
        "condition": standing.condition,
        "on_hand": balance.on_hand,
        "reserved": balance.reserved,
        "available": standing.available,
        "value_minor": balance.value_minor if scope.is_everything else None,
    }


def line_values(line: StockLine, scope: Scope) -> dict[str, Any]:
    """Return what stands of a part by the names of `StockLineSchema`."""
    return {
        "part": line.part,
        "currency": line.part.currency,
        "on_hand": line.on_hand,
        "reserved": line.reserved,
        "available": line.available,
        "standings": [_standing_values(standing, scope) for standing in line.standings],
    }


@api.route("/locations/<string:location_id>/stock", methods=["GET"])
@api.refuses(404, 422)
@api.arguments(schemas.StockArguments, location="query")
@api.response(200, schemas.StockSchema)
@requires("parts.view")
def get_stock(arguments: dict[str, Any], location_id: str) -> Any:
    """Return what stands at a place, by part number."""
    scope = _scope()
    page = queries.stock_of_location(
        unit(),
        queries.location_by_ref(unit(), location_id, scope),
        scope,
        wanted=filter_from(queries.StockFilter, arguments),
        cursor=arguments["cursor"],
        limit=arguments["limit"],
    )
    items = [line_values(line, scope) for line in page.rows]
    return {"items": items, "next_cursor": page.next_cursor}


# --- moves ---------------------------------------------------------------------------------------


@api.route("/stock-moves", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.MovesArguments, location="query")
@api.response(200, schemas.StockMovesSchema)
@requires("parts.view")
def list_moves(arguments: dict[str, Any]) -> Any:
    """List the moves that touch places of the caller's scope, the newest first."""
    scope = _scope()
    page = moves_page(
        unit(),
        filter_from(MoveFilter, arguments),
        scope,
        cursor=arguments["cursor"],
        limit=arguments["limit"],
    )
    items = [move_values(Move(row, scope)) for row in page.rows]
    return {"items": items, "next_cursor": page.next_cursor}


@api.route("/stock-moves/<string:move_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.StockMoveSchema)
@requires("parts.view")
def get_move(move_id: str) -> Any:
    """Return a move."""
    return _told(move_id)


def _told(number: str) -> dict[str, Any]:
    unit().flush()
    scope = _scope()
    return move_values(Move(move_by_number(unit(), number, scope), scope))


@api.route("/stock-moves", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.NewMove)
@api.response(201, schemas.StockMoveSchema)
@requires("stock.move")
def make_move(body: dict[str, Any]) -> Any:
    """Move pieces or a box: 201; 409 with the obstacles where that cannot be."""
    return _told(operations.move_stock(unit(), **body, **who(), **kept()).number)


@api.route("/stock-receipts", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.NewReceipt)
@api.response(201, schemas.StockMoveSchema)
@requires("stock.move")
def receive_stock(body: dict[str, Any]) -> Any:
    """Take in what a supplier delivered, with its cost: 201 with the move."""
    return _told(operations.receive_stock(unit(), **body, **who(), **kept()).number)


# --- reservations --------------------------------------------------------------------------------


def _reservation(found: Reservation, status: int = 200) -> Answer:
    unit().flush()
    return with_etag(reservation_by_ref(unit(), found.public_id, _scope()), status)


@api.route("/reservations", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.ReservationsArguments, location="query")
@api.response(200, schemas.ReservationsSchema)
@requires("parts.view")
def list_reservations(arguments: dict[str, Any]) -> Any:
    """List the reservations at places of the caller's scope, the newest first."""
    wanted = filter_from(ReservationFilter, arguments)
    return reservations_page(
        unit(), wanted, _scope(), cursor=arguments["cursor"], limit=arguments["limit"]
    )


@api.route("/reservations", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(schemas.NewReservation)
@api.response(201, schemas.ReservationSchema)
@requires("stock.move")
def reserve_parts(body: dict[str, Any]) -> Answer:
    """Hold pieces back: 201, also where the same need was reserved before; 409 if there are
    too few.
    """
    return _reservation(operations.reserve_parts(unit(), **body, **who()), 201)


@api.route("/reservations/<string:reservation_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.ReservationSchema)
@requires("parts.view")
def get_reservation(reservation_id: str) -> Answer:
    """Return a reservation."""
    return with_etag(reservation_by_ref(unit(), reservation_id, _scope()))


@api.route("/reservations/<string:reservation_id>/consume", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.NewUse)
@api.response(200, schemas.ReservationSchema)
@requires("stock.move")
def consume_reservation(body: dict[str, Any], reservation_id: str) -> Answer:
    """Use what is reserved, the rest is let go: 200, also where it was used so before."""
    check_if_match(reservation_by_ref(unit(), reservation_id, _scope()))
    found = operations.consume_reservation(unit(), ref=reservation_id, **body, **who())
    return _reservation(found)


@api.route("/reservations/<string:reservation_id>/release", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.StockReasonForm)
@api.response(200, schemas.ReservationSchema)
@requires("stock.move")
def release_reservation(body: dict[str, Any], reservation_id: str) -> Answer:
    """Let go what is reserved: 200, also where it was let go before."""
    check_if_match(reservation_by_ref(unit(), reservation_id, _scope()))
    found = operations.release_reservation(unit(), ref=reservation_id, **body, **who())
    return _reservation(found)


# --- what to order -------------------------------------------------------------------------------


@api.route("/reorder", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.ReorderArguments, location="query")
@api.response(200, schemas.ShortagesSchema)
@requires("parts.view")
def list_shortages(arguments: dict[str, Any]) -> Any:
    """List what places of the caller's scope have too few of, and how many to order."""
    return shortages_page(unit(), _scope(), **arguments)
