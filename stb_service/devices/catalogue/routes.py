"""The API of models of box."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.devices.catalogue import operations, queries, schemas
from stb_service.devices.routes import read_capabilities, who
from stb_service.shared.access import requires
from stb_service.shared.http import unit
from stb_service.shared.http.api import (
    CursorArguments,
    api_blueprint,
    check_if_match,
    with_etag,
)

api = api_blueprint("models", "Models of box and their hardware revisions.")
Answer = tuple[Any, int, dict[str, str]]


@api.route("/models", methods=["GET"])
@api.refuses(422)
@api.arguments(CursorArguments, location="query")
@api.response(200, schemas.ModelsSchema)
@requires("models.view")
def list_models(arguments: dict[str, Any]) -> Any:
    """List the models by code."""
    return queries.models_page(unit(), **arguments)


@api.route("/models", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(schemas.NewModel)
@api.response(201, schemas.ModelSchema)
@requires("models.edit")
def create_model(body: dict[str, Any]) -> Answer:
    """Add a model: 201; 409 if its code is taken."""
    body["capabilities"] = read_capabilities(body.get("capabilities", []))
    return with_etag(operations.create_model(unit(), **body, **who()), 201)


@api.route("/models/<string:model_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.ModelSchema)
@requires("models.view")
def get_model(model_id: str) -> Answer:
    """Return a model."""
    return with_etag(queries.model_by_ref(unit(), model_id))


@api.route("/models/<string:model_id>", methods=["PATCH"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.ModelPatch)
@api.response(200, schemas.ModelSchema)
@requires("models.edit")
def change_model(body: dict[str, Any], model_id: str) -> Answer:
    """Change a model; what is left out stays."""
    model = queries.model_by_ref(unit(), model_id)
    check_if_match(model)
    if "capabilities" in body:
        body["capabilities"] = read_capabilities(body["capabilities"])
    operations.change_model(unit(), model=model, **body, **who())
    unit().flush()
    return with_etag(model)
