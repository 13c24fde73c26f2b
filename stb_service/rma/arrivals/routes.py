"""The API by which open returns arrive in a file."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import FileStorage

from stb_service.devices.schemas import ImportFiles, JobStartedSchema
from stb_service.rma.arrivals.imports import IMPORT
from stb_service.rma.arrivals.schemas import ReturnImportForm
from stb_service.shared.access import requires, takes_files
from stb_service.shared.http.api import api_blueprint
from stb_service.shared.http.uploads import keep_upload
from stb_service.shared.http.works import start_again, start_import

api = api_blueprint("return_imports", "Returns that were open in another system.")


@api.route("/returns/imports", methods=["POST"])
@api.refuses(400, 409, 413, 415, 422)
@api.arguments(ImportFiles, location="files")
@api.arguments(ReturnImportForm, location="form")
@api.response(202, JobStartedSchema)
@requires(IMPORT)
@takes_files
def import_returns(uploaded: dict[str, FileStorage], body: dict[str, Any]) -> Any:
    """Import a CSV or XLSX file of open returns: 202 with the work to follow; its report names
    refused rows.
    """
    return start_import(IMPORT, keep_upload(uploaded["file"]), body)


@api.route("/returns/imports/<string:job_id>/import", methods=["POST"])
@api.refuses(404, 422)
@api.response(202, JobStartedSchema)
@requires(IMPORT)
def import_after_trial(job_id: str) -> Any:
    """Import the file of a trial (`dry_run`) for good: 202; asked for twice, it is done once."""
    return start_again(IMPORT, job_id)
