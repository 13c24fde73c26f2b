"""The API of boxes."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import FileStorage

from firmware.rollouts.box_card import Brief, brief_of
from firmware.rollouts.schemas import AtArguments
from stb_service.devices import jobs, operations, queries, schemas
from stb_service.devices.arrivals.operations import register_device
from stb_service.devices.card import as_wire, card_of, row_values
from stb_service.devices.identity.review import kept_for_review
from stb_service.devices.identity.rules import ClaimSource
from stb_service.devices.models import Device
from stb_service.devices.queries import IMPORT, DeviceFilter
from stb_service.devices.rules import Capability, capability_name
from stb_service.shared.access import requires, takes_files
from stb_service.shared.errors import Invalid, NotFound
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import api_blueprint, check_if_match, etag
from stb_service.shared.http.unit import request_time
from stb_service.shared.http.uploads import keep_upload
from stb_service.shared.http.works import start_again, start_import
from stb_service.shared.i18n import text
from stb_service.shared.identifiers import Malformed

api = api_blueprint("devices", "The registry of boxes.")
Answer = tuple[Any, int, dict[str, str]]


def who() -> dict[str, Any]:
    """Return who acts and when, for an operation."""
    return {"actor": current_actor(), "now": request_time()}


def kept() -> dict[str, Any]:
    """Return what tells which boxes other rooms keep, for verbs that would take one from them."""
    return {"keepers": services().registries.keepers}


def given() -> dict[str, Any]:
    """Return what other rooms have to say where a box goes to an account."""
    return {**kept(), "leavers": services().registries.leavers}


def lost() -> dict[str, Any]:
    """Return what other rooms have to say where a box is scrapped or lost."""
    return {**kept(), "losers": services().registries.losers}


def _card(device: Device, status: int = 200) -> Answer:
    unit().flush()
    card = card_of(unit(), device.public_id, current_actor().scope)
    return as_wire(card), status, {"ETag": etag(device)}


def _for_change(uid: str) -> None:
    check_if_match(queries.device_by_uid(unit(), uid, current_actor().scope))


def filter_of(arguments: dict[str, Any]) -> DeviceFilter:
    """Return the filter that some arguments make."""
    names = DeviceFilter.__dataclass_fields__
    return DeviceFilter(**{name: arguments[name] for name in names})


@api.route("/devices", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.DevicesArguments, location="query")
@api.response(200, schemas.DevicesSchema)
@requires("devices.view")
def list_devices(arguments: dict[str, Any]) -> Any:
    """List the boxes of the caller's scope: 200 with a slice and the cursor of the next one."""
    scope = current_actor().scope
    page = queries.devices_page(
        unit(),
        filter_of(arguments),
        scope,
        sort=arguments["sort"],
        cursor=arguments["cursor"],
        limit=arguments["limit"],
    )
    rows = [row_values(device, scope) for device in page.rows]
    return {"rows": rows, "next_cursor": page.next_cursor}


@api.route("/devices/summary", methods=["GET"])
@api.refuses()
@api.response(200, schemas.SummarySchema)
@requires("devices.view")
def summarise_devices() -> Any:
    """Count the boxes of each status."""
    return {"by_status": queries.count_by_status(unit(), current_actor().scope)}


@api.route("/devices", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(schemas.NewDevice)
@api.response(201, schemas.DeviceCardSchema)
@requires("devices.edit")
def create_device(body: dict[str, Any]) -> Answer:
    """Register a box: 201; 409 where another box holds its serial or a MAC (listed for review)."""
    with kept_for_review(ClaimSource.API):
        device = register_device(unit(), **who(), **body)
    return _card(device, 201)


@api.route("/devices/<string:device_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.DeviceCardSchema)
@requires("devices.view")
def get_device(device_id: str) -> Answer:
    """Return a box with its capabilities and its history."""
    card = card_of(unit(), device_id, current_actor().scope)
    return as_wire(card), 200, {"ETag": etag(card.device)}


@api.route("/devices/<string:device_id>/firmware", methods=["GET"])
@api.refuses(404, 422)
@api.arguments(AtArguments, location="query")
@api.response(200, schemas.DeviceFirmwareSchema)
@requires("boxes.view")
def get_firmware(arguments: dict[str, Any], device_id: str) -> Brief:
    """Return what a box runs, what it should run, and why it was told so at a moment."""
    device = queries.device_by_uid(unit(), device_id, current_actor().scope)
    brief = brief_of(unit(), device.public_id, at=arguments["at"] or request_time())
    if brief is None:
        raise NotFound(text("The update service does not know this box."))
    return brief


@api.route("/devices/<string:device_id>", methods=["PATCH"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.DevicePatch)
@api.response(200, schemas.DeviceCardSchema)
@requires("devices.edit")
def change_device(body: dict[str, Any], device_id: str) -> Answer:
    """Correct a box: 200; 409 where another box holds the serial or a MAC; 412 if it changed."""
    _for_change(device_id)
    with kept_for_review(ClaimSource.API):
        device = operations.change_device(unit(), uid=device_id, **who(), **body)
    return _card(device)


@api.route("/devices/<string:device_id>/status", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.StatusForm)
@api.response(200, schemas.DeviceCardSchema)
@requires("devices.edit")
def change_status(body: dict[str, Any], device_id: str) -> Answer:
    """Move a box on in its life: 200; 409 with the obstacles where there is no such step."""
    _for_change(device_id)
    return _card(operations.change_status(unit(), uid=device_id, **body, **who(), **lost()))


@api.route("/devices/<string:device_id>/custody", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.CustodyForm)
@api.response(204)
@requires("devices.edit")
def move_custody(body: dict[str, Any], device_id: str) -> None:
    """Hand a box over: 204 (a dealer may see it no more)."""
    _for_change(device_id)
    operations.move_custody(unit(), uid=device_id, **body, **who(), **kept())


@api.route("/devices/<string:device_id>/board", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.BoardForm)
@api.response(200, schemas.DeviceCardSchema)
@requires("devices.edit")
def swap_board(body: dict[str, Any], device_id: str) -> Answer:
    """Put another board into a box: 200; its former MACs stay in the history."""
    _for_change(device_id)
    with kept_for_review(ClaimSource.API):
        device = operations.swap_board(unit(), uid=device_id, **body, **who())
    return _card(device)


@api.route("/devices/<string:device_id>/capabilities", methods=["PUT"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.OverridesSchema)
@api.response(200, schemas.DeviceCardSchema)
@requires("devices.edit")
def set_capabilities(body: dict[str, Any], device_id: str) -> Answer:
    """Say where a box differs from its model."""
    _for_change(device_id)
    overrides = [
        (capability, row["is_present"])
        for row, capability in zip(
            body["overrides"], read_capabilities(body["overrides"]), strict=True
        )
    ]
    return _card(operations.set_capabilities(unit(), uid=device_id, overrides=overrides, **who()))


def read_capabilities(rows: list[dict[str, Any]]) -> list[Capability]:
    """Return capabilities by their one spelling.

    Raises:
        Invalid: a name cannot be read.
    """
    try:
        return [
            Capability(row["kind"], capability_name(row["name"]), row["detail"]) for row in rows
        ]
    except Malformed as refusal:
        raise Invalid.field("capabilities", refusal.reason) from refusal


@api.route("/devices/tags", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(schemas.TagForm)
@api.response(200, schemas.TaggedSchema)
@requires("devices.edit")
def tag_devices(body: dict[str, Any]) -> Any:
    """Put tags on boxes and take tags off; boxes outside the caller's scope are passed over.

    409 where the caller's organisation does not hold one of them; then none is changed.
    """
    changed = operations.tag_devices(
        unit(), uids=body["devices"], add=body["add"], remove=body["remove"], **who()
    )
    return {"changed": changed}


@api.route("/devices/imports", methods=["POST"])
@api.refuses(400, 409, 413, 415, 422)
@api.arguments(schemas.ImportFiles, location="files")
@api.arguments(schemas.ImportForm, location="form")
@api.response(202, schemas.JobStartedSchema)
@requires("devices.import")
@takes_files
def import_devices(uploaded: dict[str, FileStorage], body: dict[str, Any]) -> Any:
    """Import a CSV or XLSX file: 202 with the work to follow; its report names refused rows."""
    return start_import(IMPORT, keep_upload(uploaded["file"]), body)


@api.route("/devices/imports/<string:job_id>/import", methods=["POST"])
@api.refuses(404, 422)
@api.response(202, schemas.JobStartedSchema)
@requires("devices.import")
def import_after_trial(job_id: str) -> Any:
    """Import the file of a trial (`dry_run`) for good: 202; asked for twice, it is done once."""
    return start_again(IMPORT, job_id)


@api.route("/devices/exports", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(schemas.ExportForm)
@api.response(202, schemas.JobStartedSchema)
@requires("devices.export")
def export_devices(body: dict[str, Any]) -> Any:
    """Export the boxes that match: 202 with the work to follow; its report is the file."""
    return jobs.enqueue_export(unit(), wanted=filter_of(body), form=body["format"], **who())
