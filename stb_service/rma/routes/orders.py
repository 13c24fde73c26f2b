"""The API of workshop orders: admitting a box, reading, and the door by which steps are made."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.devices.routes import who
from stb_service.rma import operations, queries
from stb_service.rma.queries import OrderFilter
from stb_service.rma.routes.cards import (
    Answer,
    history_of_order,
    order_answer,
    order_for_change,
    order_of,
    order_row,
    stated_in,
)
from stb_service.rma.schemas.machines import ReturnHistorySchema, StepBody
from stb_service.rma.schemas.orders import (
    NewWorkshopOrder,
    WorkshopOrderCardSchema,
    WorkshopOrdersArguments,
    WorkshopOrdersSchema,
)
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.api import api_blueprint

api = api_blueprint("workshop", "The workshop: what happens to a box.")


@api.route("/workshop-orders", methods=["GET"])
@api.refuses(422)
@api.arguments(WorkshopOrdersArguments, location="query")
@api.response(200, WorkshopOrdersSchema)
@requires("rma.view")
def list_orders(arguments: dict[str, Any]) -> Any:
    """List the workshop orders of the caller's scope, the newest first. `text` is the number of an
    order or a case, or a serial.
    """
    page_of = {name: arguments.pop(name) for name in ("cursor", "limit")}
    page = queries.orders_page(unit(), OrderFilter(**arguments), current_actor().scope, **page_of)
    return {"items": [order_row(order) for order in page.rows], "next_cursor": page.next_cursor}


@api.route("/workshop-orders", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(NewWorkshopOrder)
@api.response(201, WorkshopOrderCardSchema)
@requires("rma.receive")
def admit_box(body: dict[str, Any]) -> Answer:
    """Admit a box of the operator's own from stock: 201; 409 where an account has it, or where it
    has a case or an order that has not ended.
    """
    return order_answer(operations.open_order(unit(), **body, **who()), 201)


@api.route("/workshop-orders/<string:order_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, WorkshopOrderCardSchema)
@requires("rma.view")
def get_order(order_id: str) -> Answer:
    """Return a workshop order (by id or number) with what was done, and what can come next."""
    return order_answer(order_of(order_id))


@api.route("/workshop-orders/<string:order_id>/steps", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(StepBody)
@api.response(200, WorkshopOrderCardSchema)
@requires("rma.view")
def make_step(body: dict[str, Any], order_id: str) -> Answer:
    """Make a step of a workshop order: 200 with the order as it is then; 403 where the step is not
    the caller's to make; 409 with everything that bars it; 412 if the order changed.
    """
    order = order_for_change(order_id)
    stated, ref = stated_in(body), order.public_id
    operations.act(unit(), ref=ref, machine=ORDER, event=body["event"], stated=stated, **who())
    return order_answer(order)


@api.route("/workshop-orders/<string:order_id>/history", methods=["GET"])
@api.refuses(404)
@api.response(200, ReturnHistorySchema)
@requires("rma.view")
def get_history(order_id: str) -> Any:
    """Return every step of a workshop order, the first first."""
    return history_of_order(unit(), order_of(order_id), current_actor())
