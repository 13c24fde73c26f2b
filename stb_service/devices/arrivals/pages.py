"""The pages by which boxes arrive: the form of one, the import of many, and how it goes."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from stb_service.devices import queries
from stb_service.devices.arrivals.columns import COLUMNS
from stb_service.devices.arrivals.operations import register_device
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
from stb_service.devices.queries import IMPORT
from stb_service.devices.routes import who
from stb_service.devices.schemas import ImportForm, NewDeviceForm
from stb_service.shared.access import requires, takes_files
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.http.uploads import keep_upload
from stb_service.shared.http.works import (
    WorkWords,
    start_again,
    start_import,
    work_page,
    work_report,
)
from stb_service.shared.jobs import Job
from stb_service.shared.tables import ENCODING_NAMES

pages = Blueprint("arrivals_pages", __name__, template_folder="../templates")
pages.context_processor(words)


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
        upload = keep_upload(request.files.get("file"))
        job = start_import(IMPORT, upload, read_form(ImportForm()))
        return see_other("arrivals_pages.work", ref=job.public_id)

    return form_page("devices/import.html", save, columns=COLUMNS, encodings=ENCODING_NAMES)


def _job(ref: str) -> Job:
    return queries.job_by_ref(unit(), ref, current_actor())


def _words(ref: str) -> WorkWords:
    """Return how the page of the work speaks of boxes."""
    return WorkWords(
        room=_("Boxes"),
        back=url_for("devices_pages.list_devices"),
        progress=url_for("arrivals_pages.work_progress", ref=ref),
        file=url_for("arrivals_pages.work_file", ref=ref),
        again=url_for("arrivals_pages.import_after_trial", ref=ref),
        new=_("New boxes"),
        rows=lambda count: ngettext(
            "%(num)s box is in the file.", "%(num)s boxes are in the file.", count
        ),
    )


@pages.get("/devices/work/<ref>")
@requires("devices.view")
def work(ref: str) -> ResponseReturnValue:
    """Show how an import or export goes, and its report in the end."""
    return work_page(_job(ref), _words(ref))


@pages.get("/devices/work/<ref>/progress")
@requires("devices.view")
def work_progress(ref: str) -> ResponseReturnValue:
    """Return the part of the page that changes while the work goes on."""
    return work_page(_job(ref), _words(ref), is_part=True)


@pages.post("/devices/work/<ref>/import")
@requires("devices.import")
def import_after_trial(ref: str) -> ResponseReturnValue:
    """Import the file of a trial for good."""
    return see_other("arrivals_pages.work", ref=start_again(IMPORT, ref).public_id)


@pages.get("/devices/work/<ref>/file")
@requires("devices.view")
def work_file(ref: str) -> Response:
    """Download the report of an import or the file of an export, always as a file to be saved."""
    return work_report(_job(ref))
