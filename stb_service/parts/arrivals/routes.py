"""The API of importing parts and stock."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import FileStorage

from stb_service.devices.schemas import ImportFiles, JobStartedSchema
from stb_service.parts.arrivals.jobs import PARTS, STOCK
from stb_service.parts.arrivals.schemas import PartImportForm, StockImportForm
from stb_service.shared.access import requires, takes_files
from stb_service.shared.http.api import api_blueprint
from stb_service.shared.http.uploads import keep_upload
from stb_service.shared.http.works import start_again, start_import

api = api_blueprint("part-imports", "Parts and stock that come in a file.")


@api.route("/parts/imports", methods=["POST"])
@api.refuses(400, 409, 413, 415, 422)
@api.arguments(ImportFiles, location="files")
@api.arguments(PartImportForm, location="form")
@api.response(202, JobStartedSchema)
@requires("parts.import")
@takes_files
def import_parts(uploaded: dict[str, FileStorage], body: dict[str, Any]) -> Any:
    """Import a CSV or XLSX file of parts: 202 with the work to follow; its report names refused
    rows.
    """
    return start_import(PARTS, keep_upload(uploaded["file"]), body)


@api.route("/parts/imports/<string:job_id>/import", methods=["POST"])
@api.refuses(404, 422)
@api.response(202, JobStartedSchema)
@requires("parts.import")
def import_parts_after_trial(job_id: str) -> Any:
    """Import the file of a trial (`dry_run`) for good: 202; asked for twice, it is done once."""
    return start_again(PARTS, job_id)


@api.route("/stock/imports", methods=["POST"])
@api.refuses(400, 409, 413, 415, 422)
@api.arguments(ImportFiles, location="files")
@api.arguments(StockImportForm, location="form")
@api.response(202, JobStartedSchema)
@requires("stock.import")
@takes_files
def import_stock(uploaded: dict[str, FileStorage], body: dict[str, Any]) -> Any:
    """Import a CSV or XLSX file that states how many of a part are at a place: 202 with the work to
    follow. Each statement counts once, however often its file is sent.
    """
    return start_import(STOCK, keep_upload(uploaded["file"]), body)


@api.route("/stock/imports/<string:job_id>/import", methods=["POST"])
@api.refuses(404, 422)
@api.response(202, JobStartedSchema)
@requires("stock.import")
def import_stock_after_trial(job_id: str) -> Any:
    """Import the file of a trial (`dry_run`) for good: 202; asked for twice, it is done once."""
    return start_again(STOCK, job_id)
