"""The pages by which boxes arrive: the form of one, the import of many, and how it goes."""

from __future__ import annotations

import csv
import itertools

from flask import Blueprint, Response, flash, render_template, request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.devices import jobs, queries
from stb_service.devices.arrivals.columns import COLUMNS
from stb_service.devices.arrivals.operations import register_device
from stb_service.devices.arrivals.uploads import keep_upload
from stb_service.devices.identity.review import kept_for_review
from stb_service.devices.identity.rules import ClaimSource
from stb_service.devices.pages import (
    model_choices,
    own_choices,
    revision_choices,
    status_choices,
    typed_fields,
    words,
)
from stb_service.devices.routes import who
from stb_service.devices.schemas import ImportForm, NewDeviceForm
from stb_service.shared.access import requires, takes_files
from stb_service.shared.errors import NotFound
from stb_service.shared.http import current_actor, read_form, services, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text
from stb_service.shared.jobs import Job
from stb_service.shared.tables import ENCODING_NAMES, unescape_cell

pages = Blueprint("arrivals_pages", __name__, template_folder="../templates")
pages.context_processor(words)
SHOWN_REMARKS = 100


@pages.route("/devices/new", methods=["GET", "POST"])
@requires("devices.edit")
def new_device() -> ResponseReturnValue:
    """Register a box."""

    def save() -> ResponseReturnValue:
        schema = NewDeviceForm()
        fields = typed_fields(read_form(schema), schema.fields)
        fields = {name: value for name, value in fields.items() if value is not None}
        with kept_for_review(ClaimSource.FORM):
            device = register_device(unit(), **who(), **fields)
        flash(_("Box %(label)s is registered.", label=device.label))
        return see_other("devices_pages.show_device", uid=device.public_id)

    return form_page(
        "devices/new.html",
        save,
        values={"status": "in_stock"},
        models=model_choices,
        revisions=revision_choices,
        sellers=own_choices,
        custodians=own_choices,
        statuses=status_choices,
    )


@pages.route("/devices/import", methods=["GET", "POST"])
@requires("devices.import")
@takes_files
def import_devices() -> ResponseReturnValue:
    """Upload a file of boxes; a trial says what would happen and keeps nothing."""

    def save() -> ResponseReturnValue:
        stored, name = keep_upload(request.files.get("file"))
        form = read_form(ImportForm())
        job = jobs.enqueue_import(unit(), stored=stored, name=name, **form, **who())
        return see_other("arrivals_pages.work", ref=job.public_id)

    return form_page("devices/import.html", save, columns=COLUMNS, encodings=ENCODING_NAMES)


def _job(ref: str) -> Job:
    return queries.job_by_ref(unit(), ref, current_actor())


def _remarks(job: Job) -> list[list[str]]:
    """Return the first rows of an import's report, without its header."""
    if job.kind != queries.IMPORT or job.report_sha256 is None:
        return []
    path = services().files.path(job.report_sha256)
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = itertools.islice(csv.reader(file), 1, SHOWN_REMARKS + 1)
        return [[unescape_cell(cell) for cell in row] for row in rows]


def _work(template: str, ref: str) -> ResponseReturnValue:
    job = _job(ref)
    left_s = job.remaining_s(request_time())
    return render_template(template, job=job, left_s=left_s, remarks=_remarks(job))


@pages.get("/devices/work/<ref>")
@requires("devices.view")
def work(ref: str) -> ResponseReturnValue:
    """Show how an import or export goes, and its report in the end."""
    return _work("devices/work.html", ref)


@pages.get("/devices/work/<ref>/progress")
@requires("devices.view")
def work_progress(ref: str) -> ResponseReturnValue:
    """Return the part of the page that changes while the work goes on."""
    return _work("devices/work_progress.html", ref)


@pages.post("/devices/work/<ref>/import")
@requires("devices.import")
def import_after_trial(ref: str) -> ResponseReturnValue:
    """Import the file of a trial for good."""
    trial = queries.trial_by_ref(unit(), ref, current_actor())
    job = jobs.enqueue_again(unit(), trial=trial, **who())
    return see_other("arrivals_pages.work", ref=job.public_id)


@pages.get("/devices/work/<ref>/file")
@requires("devices.view")
def work_file(ref: str) -> Response:
    """Download the report of an import or the file of an export, always as a file to be saved."""
    job = _job(ref)
    if job.report_sha256 is None or not services().files.path(job.report_sha256).is_file():
        raise NotFound(text("This work has no report, or not yet."))
    return send_file(
        services().files.path(job.report_sha256),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=job.report_name,
    )
