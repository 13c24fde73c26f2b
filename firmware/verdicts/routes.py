"""Runs in the JSON API."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from flask import Response
from werkzeug.datastructures import FileStorage

from firmware.verdicts import queries, schemas
from firmware.verdicts.downloads import result_file
from firmware.verdicts.models import LabRun
from firmware.verdicts.uploads import limit_body, receive_run
from stb_service.shared.access import requires, takes_files
from stb_service.shared.http import unit
from stb_service.shared.http.api import api_blueprint, etag

blp = api_blueprint("lab_runs", "Runs of the lab")
blp.url_value_preprocessor(limit_body)
Answer = tuple[LabRun, int, dict[str, str]]


@blp.route("/lab/runs", methods=["GET"])
@blp.refuses(422)
@blp.arguments(schemas.RunsArguments, location="query")
@blp.response(200, schemas.RunsSchema)
@requires("lab.view")
def list_runs(arguments: dict[str, Any]) -> dict[str, Any]:
    """List runs of the lab and of test rigs, the newest first."""
    page = queries.runs_page(unit(), **arguments)
    return {"items": page.rows, "next_cursor": page.next_cursor}


@blp.route("/lab/runs", methods=["POST"])
@blp.refuses(400, 409, 413, 415, 422)
@blp.arguments(schemas.RunFiles, location="files")
@blp.arguments(schemas.RunForm, location="form")
@blp.alt_response(200, schema=schemas.RunDetailSchema, description="It was known already")
@blp.response(201, schemas.RunDetailSchema)
@requires("lab.send")
@takes_files
def send_run(files: dict[str, FileStorage], form: dict[str, Any]) -> Answer:
    """Send a run: a result of stb-lab with its report, or JUnit XML of a test rig.

    The verdict is worked out from the expectations. The same result sent twice is one run.
    """
    run, is_new = receive_run(unit(), files, form)
    unit().flush()
    return run, 201 if is_new else 200, {"ETag": etag(run)}


@blp.route("/lab/runs/<public_id>", methods=["GET"])
@blp.refuses(404)
@blp.response(200, schemas.RunDetailSchema)
@requires("lab.view")
def get_run(public_id: str) -> Answer:
    """Return a run with what did not hold."""
    run = queries.run_by_public_id(unit(), public_id)
    return run, 200, {"ETag": etag(run)}


@blp.route("/lab/runs/<public_id>/result", methods=["GET"])
@blp.refuses(404)
@blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
@requires("lab.view")
def get_result(public_id: str) -> Response:
    """Download the result as it was sent."""
    return result_file(queries.run_by_public_id(unit(), public_id))
