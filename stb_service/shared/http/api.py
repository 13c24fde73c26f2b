"""The JSON API's common parts: flask-smorest with our error face, ETags and cursors."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

import marshmallow as ma
from flask import Flask, Request, request
from flask_smorest import Api, Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest

from stb_service.shared.access import public
from stb_service.shared.errors import Stale
from stb_service.shared.http import problems
from stb_service.shared.i18n import text

PREFIX = "/api/v1"
View = TypeVar("View", bound=Callable[..., Any])
ABOUT = (
    "A POST with a JSON body, or with none, may carry an `Idempotency-Key`: sent again with the "
    "same key it is carried out once, and answered as it was the first time, for a day. "
    "On a POST that uploads a file the key is not heeded."
)
FORM_LOCATIONS = frozenset({"files", "form", "formData"})


class ProblemSchema(ma.Schema):
    """RFC 9457."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)
    request_id = ma.fields.String()
    errors = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.List(ma.fields.String()))
    obstacles = ma.fields.List(ma.fields.Dict())


PROBLEM = ProblemSchema()


class StbApi(Api):  # type: ignore[misc]
    """flask-smorest, leaving the answers to errors to `problems`."""

    ERROR_SCHEMA = ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None  # each view declares its own

    def _register_error_handlers(self) -> None:
        """Do nothing: `problems.install` has registered ours."""


class BodyParser(FlaskParser):
    """webargs' parser, for which a body that Python cannot take in is no valid JSON either."""

    def _raw_load_json(self, req: Request) -> Any:
        """Read the body; nesting without end, numbers of 5,000 digits and halves of surrogate
        pairs, which no database and no hash takes, are the caller's fault.
        """
        try:
            found = super()._raw_load_json(req)
            if found is not ma.missing and b"\\u" in req.get_data():
                json.dumps(found, ensure_ascii=False).encode()
        except (RecursionError, ValueError) as error:
            if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
                raise
            raise BadRequest("Invalid JSON body.") from error
        else:
            return found


def _joined(parts: list[Any]) -> type[ma.Schema]:
    """Return a schema with the fields of several."""
    schemas = [part() if isinstance(part, type) else part for part in parts]
    fields = {name: field for s in schemas for name, field in s.declared_fields.items()}
    return ma.Schema.from_dict(fields, name="".join(type(s).__name__ for s in schemas))


class StbBlueprint(Blueprint):  # type: ignore[misc]
    """flask-smorest's blueprint with our parser, which describes a form with a file as one body."""

    ARGUMENTS_PARSER = BodyParser()

    def refuses(self, *statuses: int) -> Callable[[View], View]:
        """Declare the refusals of a view, those of sign-in and permission included.

        Written into flask-smorest's own record: its `alt_response` would copy the whole record
        and wrap the view once for each status, which was half of an app's start.
        """

        def declare(view: View) -> View:
            record = view.__dict__.setdefault("_apidoc", {}).setdefault("response", {})
            for status in sorted({401, 403, *statuses}):
                record.setdefault("responses", {}).setdefault(status, []).append(
                    {
                        "schema": PROBLEM,
                        "description": HTTPStatus(status).phrase,
                        "content_type": "application/problem+json",
                    }
                )
            return view

        return declare

    def _prepare_arguments_doc(self, doc: Any, doc_info: Any, **more: Any) -> Any:
        """Join the parts of a form: flask-smorest would leave all but the first as parameters
        `in: formData`, which OpenAPI 3 does not know.
        """
        found = (doc_info.get("arguments") or {}).get("parameters", [])
        parts = [p for p in found if isinstance(p, dict) and p.get("in") in FORM_LOCATIONS]
        if len(parts) > 1:
            schema = _joined([part["schema"] for part in parts])
            joined = {"in": "files", "required": True, "schema": schema}
            kept = [p for p in found if p not in parts]
            doc_info = {
                **doc_info,
                "arguments": {**doc_info["arguments"], "parameters": [*kept, joined]},
            }
        return super()._prepare_arguments_doc(doc, doc_info, **more)


class CursorArguments(ma.Schema):
    """Which slice of a list."""

    cursor = ma.fields.String(
        load_default=None, metadata={"description": "next_cursor of the page before"}
    )
    limit = ma.fields.Integer(load_default=50, validate=ma.validate.Range(1, 200))


def api_blueprint(name: str, description: str) -> StbBlueprint:
    """Make the blueprint of a domain's API; its routes start with the collection's name."""
    return StbBlueprint(f"api_{name}", name, url_prefix=PREFIX, description=description)


def make_api(app: Flask, *, title: str, version: str) -> StbApi:
    """Attach the API and its document at `/api/v1/openapi.json`."""
    app.config.update(
        API_TITLE=title,
        API_VERSION=version,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": ABOUT},
            "components": {
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
            "security": [{"token": []}],
        },
    )
    api = StbApi(app)
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith("api-docs."):
            public(getattr(view, "__func__", view))
    return api


class Versioned(Protocol):
    """What has a version for ETag and If-Match."""

    @property
    def row_version(self) -> int:
        """It grows with each change."""


def etag(row: Versioned) -> str:
    """Return the entity tag of a row."""
    return f'"{row.row_version}"'


def check_if_match(row: Versioned) -> None:
    """Refuse the change if the caller read another version.

    Raises:
        Stale: `If-Match` names another version (RFC 9110 section 13.1.1).
    """
    given = request.headers.get("If-Match")
    if given and given != "*" and etag(row) not in [part.strip() for part in given.split(",")]:
        raise Stale(text("This was changed in the meantime; read it again."))


def with_etag(row: Versioned, status: int = 200) -> tuple[Any, int, dict[str, str]]:
    """Return a row as an answer with its ETag."""
    return row, status, {"ETag": etag(row)}


__all__ = [
    "CursorArguments",
    "api_blueprint",
    "check_if_match",
    "etag",
    "make_api",
    "problems",
    "with_etag",
]
