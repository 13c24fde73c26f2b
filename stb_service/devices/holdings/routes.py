"""The API of holdings: who has and had a box, what an account has and had."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import FileStorage

from stb_service.devices.holdings import operations, queries, schemas
from stb_service.devices.holdings.imports import IMPORT
from stb_service.devices.models import Device
from stb_service.devices.queries import device_by_uid
from stb_service.devices.routes import given, kept, who
from stb_service.devices.schemas import ImportFiles, JobStartedSchema
from stb_service.shared.access import requires, takes_files
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.api import CursorArguments, api_blueprint, check_if_match, etag
from stb_service.shared.http.uploads import keep_upload
from stb_service.shared.http.works import start_again, start_import
from stb_service.subscribers.queries import account_by_uid

api = api_blueprint("holdings", "Which account has a box, now and before.")
Answer = tuple[Any, int, dict[str, str]]


def _device(uid: str) -> Device:
    return device_by_uid(unit(), uid, current_actor().scope)


def _answer(uid: str) -> Answer:
    unit().flush()
    device = _device(uid)
    found = queries.holdings_of_device(unit(), device, current_actor().scope)
    return found, 200, {"ETag": etag(device)}


@api.route("/devices/<string:device_id>/holdings", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.HoldingOfDeviceSchema(many=True))
@requires("accounts.view")
def list_holdings(device_id: str) -> Answer:
    """Return which accounts have and had a box, the last one first; the ETag is the box's."""
    return _answer(device_id)


@api.route("/devices/<string:device_id>/holdings", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.NewHolding)
@api.response(200, schemas.HoldingOfDeviceSchema(many=True))
@requires("devices.edit")
def give_to_account(body: dict[str, Any], device_id: str) -> Answer:
    """Give a box to an account: 200 with its holdings; 409 where an account has it already."""
    check_if_match(_device(device_id))
    operations.give_to_account(unit(), uid=device_id, **body, **who(), **given())
    return _answer(device_id)


@api.route("/devices/<string:device_id>/holdings/transfer", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.NewTransfer)
@api.response(200, schemas.HoldingOfDeviceSchema(many=True))
@requires("devices.edit")
def transfer(body: dict[str, Any], device_id: str) -> Answer:
    """Pass a box on to another account: 200 with its holdings; 409 where no account has it."""
    check_if_match(_device(device_id))
    operations.transfer(unit(), uid=device_id, **body, **who(), **kept())
    return _answer(device_id)


@api.route("/devices/<string:device_id>/holdings/end", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.TakeBackForm)
@api.response(204)
@requires("devices.edit")
def take_back(body: dict[str, Any], device_id: str) -> None:
    """Take a box back: 204 (a dealer may see it no more); 409 where no account has it."""
    check_if_match(_device(device_id))
    operations.take_back(unit(), uid=device_id, **body, **who(), **kept())


@api.route("/devices/<string:device_id>/holdings/site", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.PlaceForm)
@api.response(200, schemas.HoldingOfDeviceSchema(many=True))
@requires("devices.edit")
def place_at_site(body: dict[str, Any], device_id: str) -> Answer:
    """Say at which site of its account a box stands: 200; 409 where no account has it."""
    check_if_match(_device(device_id))
    operations.place_at_site(unit(), uid=device_id, **body, **who())
    return _answer(device_id)


@api.route("/accounts/<string:account_id>/holdings", methods=["GET"])
@api.refuses(404, 422)
@api.arguments(CursorArguments, location="query")
@api.response(200, schemas.HoldingsSchema)
@requires("accounts.view")
def list_boxes_of_account(arguments: dict[str, Any], account_id: str) -> Any:
    """List the boxes that an account has and had, the last one first."""
    scope = current_actor().scope
    account = account_by_uid(unit(), account_id, scope)
    return queries.holdings_page(unit(), account, scope, **arguments)


@api.route("/holdings/imports", methods=["POST"])
@api.refuses(400, 409, 413, 415, 422)
@api.arguments(ImportFiles, location="files")
@api.arguments(schemas.HoldingImportForm, location="form")
@api.response(202, JobStartedSchema)
@requires("holdings.import")
@takes_files
def import_holdings(uploaded: dict[str, FileStorage], body: dict[str, Any]) -> Any:
    """Import a CSV or XLSX file of who had which box: 202 with the work to follow; its report names
    refused rows.
    """
    return start_import(IMPORT, keep_upload(uploaded["file"]), body)


@api.route("/holdings/imports/<string:job_id>/import", methods=["POST"])
@api.refuses(404, 422)
@api.response(202, JobStartedSchema)
@requires("holdings.import")
def import_after_trial(job_id: str) -> Any:
    """Import the file of a trial (`dry_run`) for good: 202; asked for twice, it is done once."""
    return start_again(IMPORT, job_id)
