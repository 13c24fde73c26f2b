"""The API of what returns go by: the days of each wait, and the terms of models."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.devices.catalogue.queries import find_model, model_by_ref
from stb_service.devices.models import DeviceModel
from stb_service.devices.routes import who
from stb_service.rma import queries, terms
from stb_service.rma.history import Terms
from stb_service.rma.models import ModelTerms, ReturnTerms
from stb_service.rma.routes.cards import Answer
from stb_service.rma.schemas.terms import (
    DAYS,
    AllModelTermsSchema,
    ModelTermsPatch,
    ModelTermsSchema,
    ReturnTermsPatch,
    ReturnTermsSchema,
)
from stb_service.shared.access import requires
from stb_service.shared.http import unit
from stb_service.shared.http.api import api_blueprint, check_if_match, etag

api = api_blueprint("return-terms", "What returns go by.")
NOT_SET = '"0"'


def _days(row: ReturnTerms | None) -> Answer:
    days = row.as_terms if row else Terms()
    values = {name: getattr(days, name) for name in DAYS}
    changed = {"changed_at": row.changed_at if row else None, "changed_by": ""}
    if row is not None:
        changed["changed_by"] = row.changed_by
    return {**values, **changed}, 200, {"ETag": etag(row) if row else NOT_SET}


@api.route("/return-terms", methods=["GET"])
@api.refuses()
@api.response(200, ReturnTermsSchema)
@requires("rma.view")
def get_terms() -> Answer:
    """Return how many days each wait may take."""
    return _days(terms.return_terms(unit()))


@api.route("/return-terms", methods=["PATCH"])
@api.refuses(400, 409, 412, 415, 422)
@api.arguments(ReturnTermsPatch)
@api.response(200, ReturnTermsSchema)
@requires("rma.terms")
def set_terms(body: dict[str, Any]) -> Answer:
    """Set how many days waits may take: 200; cases that wait keep the end that was told them."""
    known = terms.return_terms(unit())
    if known is not None:
        check_if_match(known)
    row = terms.set_return_terms(unit(), **body, **who())
    unit().flush()
    return _days(row)


def _model(model: DeviceModel, row: ModelTerms | None) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in terms.DEFAULTS} if row else terms.DEFAULTS
    return {
        "model": model.code,
        **values,
        "changed_at": row.changed_at if row else None,
        "changed_by": row.changed_by if row else "",
    }


@api.route("/return-terms/models", methods=["GET"])
@api.refuses()
@api.response(200, AllModelTermsSchema)
@requires("rma.view")
def list_models() -> Any:
    """List the models that have terms of their own."""
    return {"items": [_model(row.model, row) for row in queries.model_terms(unit())]}


def _found(model_id: str) -> tuple[DeviceModel, ModelTerms | None]:
    model = find_model(unit(), model_id) or model_by_ref(unit(), model_id)
    rows = [row for row in queries.model_terms(unit()) if row.model_id == model.id]
    return model, rows[0] if rows else None


@api.route("/return-terms/models/<string:model_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, ModelTermsSchema)
@requires("rma.view")
def get_model(model_id: str) -> Answer:
    """Return what returns of a model (by code or id) go by; the defaults where nothing is set."""
    model, row = _found(model_id)
    return _model(model, row), 200, {"ETag": etag(row) if row else NOT_SET}


@api.route("/return-terms/models/<string:model_id>", methods=["PATCH"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(ModelTermsPatch)
@api.response(200, ModelTermsSchema)
@requires("rma.terms")
def set_model(body: dict[str, Any], model_id: str) -> Answer:
    """Set what returns of a model go by; what is left out stays."""
    model, known = _found(model_id)
    if known is not None:
        check_if_match(known)
    row = terms.set_model_terms(unit(), model=model.code, **body, **who())
    unit().flush()
    return _model(model, row), 200, {"ETag": etag(row)}
