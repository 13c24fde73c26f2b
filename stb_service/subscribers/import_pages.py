"""The pages by which accounts arrive in a file: the form, and how the work goes."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.shared import jobs
from stb_service.shared.access import requires, takes_files
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.http.uploads import keep_upload
from stb_service.shared.http.works import WorkWords, work_page, work_report
from stb_service.shared.imports import enqueue_again
from stb_service.shared.jobs import Job
from stb_service.shared.tables import ENCODING_NAMES
from stb_service.subscribers.columns import COLUMNS
from stb_service.subscribers.imports import IMPORT, enqueue_accounts
from stb_service.subscribers.routes import who
from stb_service.subscribers.schemas import AccountImportForm

pages = Blueprint("account_imports", __name__, template_folder="templates")


@pages.route("/accounts/import", methods=["GET", "POST"])
@requires("accounts.import")
@takes_files
def import_accounts() -> ResponseReturnValue:
    """Upload a file of accounts; a trial says what would happen and keeps nothing."""

    def save() -> ResponseReturnValue:
        stored, name = keep_upload(request.files.get("file"))
        form = read_form(AccountImportForm())
        job = enqueue_accounts(unit(), stored=stored, name=name, **form, **who())
        return see_other("account_imports.work", ref=job.public_id)

    return form_page("subscribers/import.html", save, columns=COLUMNS, encodings=ENCODING_NAMES)


def _job(ref: str) -> Job:
    return jobs.work_by_ref(unit(), ref, [IMPORT], current_actor())


def _words(ref: str) -> WorkWords:
    """Return how the page of the work speaks of accounts."""
    return WorkWords(
        room=_("Accounts"),
        back=url_for("accounts_pages.list_accounts"),
        progress=url_for("account_imports.work_progress", ref=ref),
        file=url_for("account_imports.work_file", ref=ref),
        again=url_for("account_imports.import_after_trial", ref=ref),
        new=_("New accounts"),
        rows=str,
    )


@pages.get("/accounts/work/<ref>")
@requires("accounts.import")
def work(ref: str) -> ResponseReturnValue:
    """Show how an import goes, and its report in the end."""
    return work_page(_job(ref), _words(ref))


@pages.get("/accounts/work/<ref>/progress")
@requires("accounts.import")
def work_progress(ref: str) -> ResponseReturnValue:
    """Return the part of the page that changes while the work goes on."""
    return work_page(_job(ref), _words(ref), is_part=True)


@pages.post("/accounts/work/<ref>/import")
@requires("accounts.import")
def import_after_trial(ref: str) -> ResponseReturnValue:
    """Import the file of a trial for good."""
    trial = jobs.trial_by_ref(unit(), ref, IMPORT, current_actor())
    job = enqueue_again(unit(), trial=trial, **who())
    return see_other("account_imports.work", ref=job.public_id)


@pages.get("/accounts/work/<ref>/file")
@requires("accounts.import")
def work_file(ref: str) -> Response:
    """Download the report of an import."""
    return work_report(_job(ref))
