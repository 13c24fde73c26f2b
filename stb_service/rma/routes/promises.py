"""The API of what is promised: replacements, accessories, quotes, repair beside replacement."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.billing.routes import operators_zone
from stb_service.billing.rules import Line
from stb_service.devices.routes import who
from stb_service.rma import comparing, exchange, other_box, quoting
from stb_service.rma.routes.cards import (
    Answer,
    case_answer,
    case_for_change,
    order_answer,
    order_for_change,
)
from stb_service.rma.schemas.cases import ReturnCardSchema, ReturnNoteBody, ReturnReasonBody
from stb_service.rma.schemas.orders import WorkshopOrderCardSchema
from stb_service.rma.schemas.promises import (
    AccessoryBody,
    CaseQuoteBody,
    ChoiceBody,
    ComparisonBody,
    ExchangeBody,
)
from stb_service.shared.access import requires
from stb_service.shared.http import unit
from stb_service.shared.http.api import api_blueprint

api = api_blueprint("return-remedies", "What leaves in exchange, and what a return costs.")


# --- what leaves in exchange ---------------------------------------------------------------------


@api.route("/returns/<string:return_id>/exchange", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(ExchangeBody)
@api.response(201, ReturnCardSchema)
@requires("rma.edit")
def allocate_spare(body: dict[str, Any], return_id: str) -> Answer:
    """Keep a box of the shelf for a case: 201; 409 where it is kept elsewhere or does not fit."""
    case = case_for_change(return_id)
    exchange.allocate_spare(unit(), ref=case.public_id, **body, **who())
    return case_answer(case, 201)


@api.route("/returns/<string:return_id>/exchange/release", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(ReturnReasonBody)
@api.response(200, ReturnCardSchema)
@requires("rma.edit")
def release_spare(body: dict[str, Any], return_id: str) -> Answer:
    """Give back to the shelf a replacement that was kept and has not left."""
    case = case_for_change(return_id)
    exchange.release_spare(unit(), ref=case.public_id, **body, **who())
    return case_answer(case)


@api.route("/returns/<string:return_id>/accessory", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(AccessoryBody)
@api.response(201, ReturnCardSchema)
@requires("rma.edit")
def reserve_accessory(body: dict[str, Any], return_id: str) -> Answer:
    """Hold an accessory back for a case: 201; 409 where too few are available."""
    case = case_for_change(return_id)
    exchange.reserve_accessory(unit(), ref=case.public_id, **body, **who())
    return case_answer(case, 201)


@api.route("/returns/<string:return_id>/provisioning-acknowledgement", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(ReturnNoteBody)
@api.response(200, ReturnCardSchema)
@requires("rma.edit")
def acknowledge_provisioning(body: dict[str, Any], return_id: str) -> Answer:
    """Say that the new box gets what the old one got: 200, also when it was said before."""
    case = case_for_change(return_id)
    exchange.acknowledge_provisioning(unit(), ref=case.public_id, **body, **who())
    return case_answer(case)


@api.route("/returns/<string:return_id>/pins-release", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(ReturnNoteBody)
@api.response(200, ReturnCardSchema)
@requires("rma.edit")
def release_pins(body: dict[str, Any], return_id: str) -> Answer:
    """Say that nothing is pinned to the old box any more: 200, also when it was said before."""
    case = case_for_change(return_id)
    exchange.release_pins(unit(), ref=case.public_id, **body, **who())
    return case_answer(case)


@api.route("/returns/<string:return_id>/parcels/<string:parcel_id>/delivery", methods=["POST"])
@api.refuses(404, 409, 412, 422)
@api.response(200, ReturnCardSchema)
@requires("rma.receive")
def deliver_stray(return_id: str, parcel_id: str) -> Answer:
    """Say that the box which came by mistake is back where it belongs: 200, also when it was said
    before; 404 for any other parcel, whose delivery is a step.
    """
    case = case_for_change(return_id)
    other_box.deliver(unit(), ref=case.public_id, parcel=parcel_id, **who())
    return case_answer(case)


# --- what it costs -------------------------------------------------------------------------------


@api.route("/returns/<string:return_id>/quote", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(CaseQuoteBody)
@api.response(201, ReturnCardSchema)
@requires("rma.decide")
def quote_case(body: dict[str, Any], return_id: str) -> Answer:
    """Make the quote of a case that is being quoted, as a draft: 201; the step `send_quote` sends
    it. A draft made before is withdrawn.
    """
    case = case_for_change(return_id)
    body["lines"] = [Line(**line) for line in body["lines"]]
    quoting.quote_case(unit(), ref=case.public_id, zone=operators_zone(), **body, **who())
    return case_answer(case, 201)


def _compare(ref: str, body: dict[str, Any]) -> None:
    asked = ("parts_minor", "labour_minor", "repair_price_minor")
    main = {name: body.pop(name) for name in asked}
    comparing.compare_repair(unit(), ref=ref, **main, more=body, **who())


def _choose(ref: str, comparison_id: str, body: dict[str, Any]) -> None:
    comparing.choose(unit(), ref=ref, comparison_ref=comparison_id, **body, **who())


@api.route("/returns/<string:return_id>/comparison", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(ComparisonBody)
@api.response(201, ReturnCardSchema)
@requires("rma.edit")
def compare(body: dict[str, Any], return_id: str) -> Answer:
    """Hold repair and replacement side by side, by the model's terms, and keep both: 201."""
    case = case_for_change(return_id)
    _compare(case.public_id, body)
    return case_answer(case, 201)


@api.route("/returns/<string:return_id>/comparison/<string:comparison_id>", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(ChoiceBody)
@api.response(200, ReturnCardSchema)
@requires("rma.edit")
def choose(body: dict[str, Any], return_id: str, comparison_id: str) -> Answer:
    """Keep what the customer chose, having seen a comparison."""
    case = case_for_change(return_id)
    _choose(case.public_id, comparison_id, body)
    return case_answer(case)


@api.route("/workshop-orders/<string:order_id>/comparison", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(ComparisonBody)
@api.response(201, WorkshopOrderCardSchema)
@requires("rma.edit")
def compare_of_order(body: dict[str, Any], order_id: str) -> Answer:
    """Hold repair and replacement side by side for a box on the bench: 201."""
    order = order_for_change(order_id)
    _compare(order.public_id, body)
    return order_answer(order, 201)
