"""The API of the bench: checks, parts, labour, components, tests, firmware, grade."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.devices.queries import device_by_uid
from stb_service.devices.routes import who
from stb_service.rma import bench
from stb_service.rma.routes.cards import Answer, order_answer, order_for_change
from stb_service.rma.schemas.orders import (
    BenchTestBody,
    BoxFirmwareBody,
    CheckBody,
    ComponentBody,
    GradeBody,
    LabourBody,
    LabRunBody,
    PlannedPartBody,
    UsedPartBody,
    WorkshopOrderCardSchema,
)
from stb_service.rma.schemas.records import BoxComponentsSchema
from stb_service.rma.swaps import swaps_of_box
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.api import api_blueprint

api = api_blueprint("bench", "The bench: what is found, used and done.")


@api.route("/workshop-orders/<string:order_id>/checks/<string:code>", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(CheckBody)
@api.response(200, WorkshopOrderCardSchema)
@requires("rma.inspect")
def record_check(body: dict[str, Any], order_id: str, code: str) -> Answer:
    """Write what a point of the checklist came to: 200; 409 unless the box is being inspected."""
    order = order_for_change(order_id)
    bench.record_check(unit(), ref=order.public_id, code=code, **body, **who())
    return order_answer(order)


@api.route("/devices/<string:device_id>/components", methods=["GET"])
@api.refuses(404)
@api.response(200, BoxComponentsSchema)
@requires("rma.view")
def list_components(device_id: str) -> Any:
    """Return which components of a box were exchanged, the last one first."""
    scope = current_actor().scope
    device = device_by_uid(unit(), device_id, scope)
    return {"items": swaps_of_box(unit(), device.public_id, scope)}


# --- parts ---------------------------------------------------------------------------------------


@api.route("/workshop-orders/<string:order_id>/parts", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(PlannedPartBody)
@api.response(201, WorkshopOrderCardSchema)
@requires("rma.repair")
def plan_part(body: dict[str, Any], order_id: str) -> Answer:
    """Plan a part, and reserve it where the box is, if so many are there: 201."""
    order = order_for_change(order_id)
    bench.plan_part(unit(), ref=order.public_id, **body, **who())
    return order_answer(order, 201)


@api.route("/workshop-orders/<string:order_id>/parts/reserve", methods=["POST"])
@api.refuses(404, 409, 412, 422)
@api.response(200, WorkshopOrderCardSchema)
@requires("rma.repair")
def reserve_planned(order_id: str) -> Answer:
    """Try again to reserve what is planned and missing: 200, whatever was found."""
    order = order_for_change(order_id)
    bench.reserve_planned(unit(), ref=order.public_id, **who())
    return order_answer(order)


@api.route("/workshop-orders/<string:order_id>/parts/<string:part_id>/use", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(UsedPartBody)
@api.response(200, WorkshopOrderCardSchema)
@requires("rma.repair")
def use_part(body: dict[str, Any], order_id: str, part_id: str) -> Answer:
    """Use a reserved part, what is left is let go: 200, also where it was used so before."""
    order = order_for_change(order_id)
    bench.use_part(unit(), ref=order.public_id, part=part_id, **body, **who())
    return order_answer(order)


@api.route("/workshop-orders/<string:order_id>/parts/<string:part_id>/give-back", methods=["POST"])
@api.refuses(404, 409, 412, 422)
@api.response(200, WorkshopOrderCardSchema)
@requires("rma.repair")
def drop_part(order_id: str, part_id: str) -> Answer:
    """Let a planned part go that is not needed: 200; 409 where it was used."""
    order = order_for_change(order_id)
    bench.drop_part(unit(), ref=order.public_id, part=part_id, **who())
    return order_answer(order)


# --- work ----------------------------------------------------------------------------------------


@api.route("/workshop-orders/<string:order_id>/labour", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(LabourBody)
@api.response(201, WorkshopOrderCardSchema)
@requires("rma.repair")
def record_labour(body: dict[str, Any], order_id: str) -> Answer:
    """Write down time that was worked: 201."""
    order = order_for_change(order_id)
    bench.record_labour(unit(), ref=order.public_id, **body, **who())
    return order_answer(order, 201)


@api.route("/workshop-orders/<string:order_id>/components", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(ComponentBody)
@api.response(201, WorkshopOrderCardSchema)
@requires("rma.repair")
def swap_component(body: dict[str, Any], order_id: str) -> Answer:
    """Write down that a component was exchanged, with both serials: 201."""
    order = order_for_change(order_id)
    bench.swap_component(unit(), ref=order.public_id, **body, **who())
    return order_answer(order, 201)


@api.route("/workshop-orders/<string:order_id>/tests", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(BenchTestBody)
@api.response(201, WorkshopOrderCardSchema)
@requires("rma.repair")
def record_test(body: dict[str, Any], order_id: str) -> Answer:
    """Write what a test of the box came to: 201; the last one counts."""
    order = order_for_change(order_id)
    bench.record_test(unit(), ref=order.public_id, **body, **who())
    return order_answer(order, 201)


@api.route("/workshop-orders/<string:order_id>/tests/<string:test_id>/lab-run", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(LabRunBody)
@api.response(200, WorkshopOrderCardSchema)
@requires("rma.repair")
def attach_lab_run(body: dict[str, Any], order_id: str, test_id: str) -> Answer:
    """Name the run of the lab that stands behind a test."""
    order = order_for_change(order_id)
    bench.attach_lab_run(unit(), ref=order.public_id, test=test_id, **body, **who())
    return order_answer(order)


@api.route("/workshop-orders/<string:order_id>/firmware", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(BoxFirmwareBody)
@api.response(200, WorkshopOrderCardSchema)
@requires("rma.repair")
def record_firmware(body: dict[str, Any], order_id: str) -> Answer:
    """Write which firmware the box had before the repair, and has after it."""
    order = order_for_change(order_id)
    bench.record_firmware(unit(), ref=order.public_id, **body, **who())
    return order_answer(order)


@api.route("/workshop-orders/<string:order_id>/grade", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(GradeBody)
@api.response(200, WorkshopOrderCardSchema)
@requires("rma.repair")
def grade_box(body: dict[str, Any], order_id: str) -> Answer:
    """Grade the condition of a box of the operator's."""
    order = order_for_change(order_id)
    bench.grade_box(unit(), ref=order.public_id, **body, **who())
    return order_answer(order)
