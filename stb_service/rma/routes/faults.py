"""The API of what is said of a case: faults and verdicts, photographs, checks, statements."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, send_file
from werkzeug.datastructures import FileStorage

from stb_service.devices.routes import who
from stb_service.rma import deciding, photographs, queries, stating
from stb_service.rma.models import CasePhoto, ReturnCase, WorkshopOrder
from stb_service.rma.routes.cards import (
    Answer,
    case_answer,
    case_for_change,
    case_of,
    order_answer,
    order_for_change,
    order_of,
)
from stb_service.rma.schemas.cases import (
    FaultBody,
    FurtherFaultBody,
    OrderPhotoForm,
    PhotoFiles,
    PhotoForm,
    PrecheckBody,
    ReturnCardSchema,
    VerdictBody,
)
from stb_service.rma.schemas.orders import WorkshopOrderCardSchema
from stb_service.rma.schemas.promises import GoodwillBody, StatementBody
from stb_service.rma.schemas.records import ReturnPhotoSchema, ReturnPhotosSchema
from stb_service.shared.access import EVERYTHING, requires, takes_files
from stb_service.shared.errors import Invalid, NotFound
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import api_blueprint
from stb_service.shared.i18n import text

api = api_blueprint("return-faults", "What is said of returns: faults, photographs, statements.")
PICTURE = {"type": "string", "format": "binary"}


# --- faults --------------------------------------------------------------------------------------


def _add_fault(ref: str, body: dict[str, Any]) -> None:
    sources = services().registries.warranty_facts
    deciding.add_fault(unit(), ref=ref, **body, sources=sources, **who())


@api.route("/returns/<string:return_id>/faults", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(FurtherFaultBody)
@api.response(201, ReturnCardSchema)
@requires("rma.edit")
def add_fault(body: dict[str, Any], return_id: str) -> Answer:
    """Write a further fault down: 201; 409 where the faults are judged and no repair is begun."""
    case = case_for_change(return_id)
    _add_fault(case.public_id, body)
    return case_answer(case, 201)


@api.route("/returns/<string:return_id>/faults/<int:number>/verdict", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(VerdictBody)
@api.response(200, ReturnCardSchema)
@requires("rma.inspect")
def judge_fault(body: dict[str, Any], return_id: str, number: int) -> Answer:
    """State what was found of a fault: 200; in the second inspection 409 for the first inspector."""
    case = case_for_change(return_id)
    _judge(case.public_id, number, body)
    return case_answer(case)


def _known(number: int) -> int:
    """Return the number of a fault, if a case may have so many.

    Raises:
        NotFound: no database need be asked.
    """
    if number > deciding.MOST_FAULTS:
        raise NotFound(text("There is no such fault."))
    return number


def _judge(ref: str, number: int, body: dict[str, Any]) -> None:
    sources = services().registries.warranty_facts
    fault = _known(number)
    deciding.judge_fault(unit(), ref=ref, number=fault, **body, sources=sources, **who())


@api.route("/returns/<string:return_id>/faults/<int:number>/goodwill", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(GoodwillBody)
@api.response(200, ReturnCardSchema)
@requires("rma.decide")
def grant_goodwill(body: dict[str, Any], return_id: str, number: int) -> Answer:
    """Let the operator answer for a fault that the customer would pay for."""
    case = case_for_change(return_id)
    deciding.grant_goodwill(unit(), ref=case.public_id, number=_known(number), **body, **who())
    return case_answer(case)


@api.route("/workshop-orders/<string:order_id>/faults", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(FaultBody)
@api.response(201, WorkshopOrderCardSchema)
@requires("rma.edit")
def add_found_fault(body: dict[str, Any], order_id: str) -> Answer:
    """Write down a further fault that the bench found: 201."""
    order = order_for_change(order_id)
    _add_fault(order.public_id, body)
    return order_answer(order, 201)


@api.route("/workshop-orders/<string:order_id>/faults/<int:number>/verdict", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(VerdictBody)
@api.response(200, WorkshopOrderCardSchema)
@requires("rma.inspect")
def judge_found_fault(body: dict[str, Any], order_id: str, number: int) -> Answer:
    """State what was found of a fault, on the bench."""
    order = order_for_change(order_id)
    _judge(order.public_id, number, body)
    return order_answer(order)


# --- photographs ---------------------------------------------------------------------------------


def _photos(case: ReturnCase | None, order: WorkshopOrder | None) -> dict[str, Any]:
    return {"items": queries.belongings(unit(), case, order, EVERYTHING).photos}


def _add_photo(ref: str, upload: FileStorage | None, form: dict[str, Any]) -> CasePhoto:
    if upload is None or not upload.filename:
        raise Invalid.field("photo", text("Choose a photograph."))
    data = upload.stream.read(photographs.MOST_PHOTO_BYTES + 1)
    made = photographs.add_photo(
        unit(), ref=ref, data=data, **form, files=services().files, **who()
    )
    unit().flush()
    return made


def _picture(ref: str, is_of_it: Callable[[CasePhoto], bool]) -> Response:
    """Return a photograph's file, of the type that its own bytes told.

    Raises:
        NotFound: there is none in the scope that is of the case or order.
    """
    photo = queries.photo_by_ref(unit(), ref, current_actor().scope)
    path = services().files.path(photo.sha256)
    if not is_of_it(photo) or not path.is_file():
        raise NotFound(text("There is no such photograph."))
    return send_file(path, mimetype=photo.media_type)


def _answers_picture(view: Any) -> Any:
    for kind in ("image/webp", "image/png", "image/jpeg"):
        view = api.response(200, PICTURE, content_type=kind)(view)
    return view


@api.route("/returns/<string:return_id>/photos", methods=["GET"])
@api.refuses(404)
@api.response(200, ReturnPhotosSchema)
@requires("rma.view")
def list_photos(return_id: str) -> Any:
    """List the photographs of a case, the first first."""
    return _photos(case_of(return_id), None)


@api.route("/returns/<string:return_id>/photos", methods=["POST"])
@api.refuses(400, 404, 409, 413, 415, 422)
@api.arguments(PhotoFiles, location="files")
@api.arguments(PhotoForm, location="form")
@api.response(201, ReturnPhotoSchema)
@requires("rma.edit")
@takes_files
def add_photo(uploaded: dict[str, Any], body: dict[str, Any], return_id: str) -> Any:
    """Keep a photograph of the box, or of one of its faults: 201; 413 beyond 10 MB."""
    return _add_photo(case_of(return_id).public_id, uploaded["photo"], body)


@api.route("/returns/<string:return_id>/photos/<string:photo_id>", methods=["GET"])
@api.refuses(404)
@_answers_picture
@requires("rma.view")
def get_photo(return_id: str, photo_id: str) -> Response:
    """Return a photograph's file."""
    case = case_of(return_id)
    return _picture(photo_id, lambda photo: photo.case_id == case.id)


@api.route("/workshop-orders/<string:order_id>/photos", methods=["GET"])
@api.refuses(404)
@api.response(200, ReturnPhotosSchema)
@requires("rma.view")
def list_photos_of_order(order_id: str) -> Any:
    """List the photographs of a box in the workshop: those of its case too."""
    order = order_of(order_id)
    return _photos(queries.case_of_order(unit(), order, EVERYTHING), order)


@api.route("/workshop-orders/<string:order_id>/photos", methods=["POST"])
@api.refuses(400, 404, 409, 413, 415, 422)
@api.arguments(PhotoFiles, location="files")
@api.arguments(OrderPhotoForm, location="form")
@api.response(201, ReturnPhotoSchema)
@requires("rma.inspect")
@takes_files
def add_photo_of_order(uploaded: dict[str, Any], body: dict[str, Any], order_id: str) -> Any:
    """Keep a photograph of a box in the workshop; it belongs to the case, if there is one."""
    return _add_photo(order_of(order_id).public_id, uploaded["photo"], body)


@api.route("/workshop-orders/<string:order_id>/photos/<string:photo_id>", methods=["GET"])
@api.refuses(404)
@_answers_picture
@requires("rma.view")
def get_photo_of_order(order_id: str, photo_id: str) -> Response:
    """Return a photograph's file."""
    order = order_of(order_id)

    def is_of_it(photo: CasePhoto) -> bool:
        is_of_case = photo.case_id is not None and photo.case_id == order.case_id
        return is_of_case or photo.order_id == order.id

    return _picture(photo_id, is_of_it)


# --- what was asked, and what is stated ----------------------------------------------------------


@api.route("/returns/<string:return_id>/prechecks/<string:code>", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(PrecheckBody)
@api.response(200, ReturnCardSchema)
@requires("rma.edit")
def record_precheck(body: dict[str, Any], return_id: str, code: str) -> Answer:
    """Write what came of a check that might have prevented the return: 200; 409 once the return is
    authorised.
    """
    case = case_for_change(return_id)
    stating.record_precheck(unit(), ref=case.public_id, code=code, **body, **who())
    return case_answer(case)


@api.route("/returns/<string:return_id>/statements", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(StatementBody)
@api.response(201, ReturnCardSchema)
@requires("rma.edit")
def state_of_case(body: dict[str, Any], return_id: str) -> Answer:
    """State something of a case, or take it back: 201; the last word of a kind counts."""
    case = case_for_change(return_id)
    stating.state(unit(), ref=case.public_id, **body, **who())
    return case_answer(case, 201)


@api.route("/workshop-orders/<string:order_id>/statements", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(StatementBody)
@api.response(201, WorkshopOrderCardSchema)
@requires("rma.repair")
def state_of_order(body: dict[str, Any], order_id: str) -> Answer:
    """State something of a box in the workshop, such as that its data was wiped: 201."""
    order = order_for_change(order_id)
    stating.state(unit(), ref=order.public_id, **body, **who())
    return order_answer(order, 201)
