"""The API of cases: opening, reading, correcting, and the one door by which steps are made."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from flask import Response

from stb_service.devices.routes import who
from stb_service.rma import operations, queries
from stb_service.rma.cases import CASE
from stb_service.rma.drawing import draw
from stb_service.rma.events import case_history
from stb_service.rma.lists import FaultSaid
from stb_service.rma.queries import CaseFilter
from stb_service.rma.routes.cards import (
    Answer,
    case_answer,
    case_for_change,
    case_of,
    case_rows,
    history_of_case,
    machine_values,
    stated_in,
)
from stb_service.rma.rules import MACHINES
from stb_service.rma.schemas.cases import (
    NewReturn,
    ReturnCardSchema,
    ReturnPatch,
    ReturnsArguments,
    ReturnsSchema,
)
from stb_service.rma.schemas.machines import (
    CaseHistorySchema,
    DrawingArguments,
    MachinesSchema,
    StepBody,
)
from stb_service.shared.access import requires
from stb_service.shared.errors import NotFound
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import api_blueprint
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text

api = api_blueprint("returns", "Returns: cases, their steps, the machines that they go by.")
SVG = "image/svg+xml"


@api.route("/returns", methods=["GET"])
@api.refuses(422)
@api.arguments(ReturnsArguments, location="query")
@api.response(200, ReturnsSchema)
@requires("rma.view")
def list_returns(arguments: dict[str, Any]) -> Any:
    """List the cases of the caller's scope, the newest first. `text` is the number of a case, an
    order or a parcel, or a serial; `standing` is live, closed, held or due.
    """
    page_of = {name: arguments.pop(name) for name in ("cursor", "limit")}
    reader = current_actor()
    page = queries.cases_page(
        unit(), CaseFilter(**arguments), reader.scope, now=request_time(), **page_of
    )
    rows = case_rows(unit(), page.rows, reader)
    return {"items": rows, "next_cursor": page.next_cursor}


@api.route("/returns", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(NewReturn)
@api.response(201, ReturnCardSchema)
@requires("rma.edit")
def open_return(body: dict[str, Any]) -> Answer:
    """Open a case about a box: 201; 409 where the box has one that is not closed."""
    faults = [FaultSaid(**said) for said in body.pop("faults")]
    sources, zone = services().registries.warranty_facts, services().settings.timezone.key
    made = operations.open_case(unit(), faults=faults, sources=sources, zone=zone, **body, **who())
    return case_answer(made, 201)


@api.route("/returns/machine", methods=["GET"])
@api.refuses()
@api.response(200, MachinesSchema)
@requires("rma.view")
def list_machines() -> Any:
    """Return the machines of cases and workshop orders: states, events and legal steps."""
    return {"items": [machine_values(name) for name in MACHINES]}


@api.route("/returns/machine/<string:machine>/drawing", methods=["GET"])
@api.refuses(404, 422)
@api.arguments(DrawingArguments, location="query")
@api.response(200, {"type": "string"}, content_type=SVG, description="The drawing")
@requires("rma.view")
def draw_machine(arguments: dict[str, Any], machine: str) -> Response:
    """Draw a machine (`case` or `order`) as SVG."""
    if machine not in MACHINES:
        raise NotFound(text("There is no such machine."))
    return Response(draw(MACHINES[machine], **arguments), mimetype=SVG)


@api.route("/returns/<string:return_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, ReturnCardSchema)
@requires("rma.view")
def get_return(return_id: str) -> Answer:
    """Return a case (by id or number) with all that belongs to it, and what can come next, each
    step with what bars it.
    """
    return case_answer(case_of(return_id))


@api.route("/returns/<string:return_id>", methods=["PATCH"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(ReturnPatch)
@api.response(200, ReturnCardSchema)
@requires("rma.edit")
def change_return(body: dict[str, Any], return_id: str) -> Answer:
    """Correct a case: 200; 409 once it has ended, or the remedy is promised; 412 if it changed."""
    case = case_for_change(return_id)
    return case_answer(operations.change_case(unit(), ref=case.public_id, **body, **who()))


@api.route("/returns/<string:return_id>/steps", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(StepBody)
@api.response(200, ReturnCardSchema)
@requires("rma.view")
def make_step(body: dict[str, Any], return_id: str) -> Answer:
    """Make a step of a case: 200 with the case as it is then; 403 where the step is not the
    caller's to make; 409 with everything that bars it; 412 if the case changed.
    """
    case = case_for_change(return_id)
    stated, ref = stated_in(body), case.public_id
    operations.act(unit(), ref=ref, machine=CASE, event=body["event"], stated=stated, **who())
    return case_answer(case)


@api.route("/returns/<string:return_id>/history", methods=["GET"])
@api.refuses(404)
@api.response(200, CaseHistorySchema)
@requires("rma.view")
def get_history(return_id: str) -> Any:
    """Return every step of a case and of its box, the first first."""
    return history_of_case(unit(), case_of(return_id), current_actor())


@api.route("/returns/<string:return_id>/drawing", methods=["GET"])
@api.refuses(404, 422)
@api.arguments(DrawingArguments, location="query")
@api.response(200, {"type": "string"}, content_type=SVG, description="The drawing")
@requires("rma.view")
def draw_return(arguments: dict[str, Any], return_id: str) -> Response:
    """Draw the machine with where a case is, and the way it came."""
    events = case_history(unit(), case_of(return_id))
    return Response(draw(CASE, events, **arguments), mimetype=SVG)
