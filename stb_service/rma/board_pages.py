"""The board and the list of returns, and the export of the list."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone
from flask_babel import gettext as _
from marshmallow import EXCLUDE

from stb_service.devices.catalogue.queries import all_models
from stb_service.devices.routes import who
from stb_service.rma import board
from stb_service.rma.board import Wanted
from stb_service.rma.exports import EXPORT, enqueue_export
from stb_service.rma.forms import CasesExportForm, WantedFields
from stb_service.rma.told import accounts_told
from stb_service.rma.wording import words
from stb_service.shared import jobs
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import see_other
from stb_service.shared.http.unit import request_time
from stb_service.shared.http.works import WorkWords, work_page, work_report
from stb_service.shared.jobs import Job
from stb_service.staff.queries import organisations

pages = Blueprint("returns_pages", __name__, template_folder="templates")
pages.context_processor(words)
PAGE_SIZE = 50


def wanted_in_address() -> Wanted:
    """Return the filter in the address; a part that cannot be read is left out."""
    schema = WantedFields()
    given = {name: value for name, value in request.args.items() if value.strip()}
    wrong = set(schema.validate(given)) & set(given)
    kept = {name: value for name, value in given.items() if name not in wrong}
    return Wanted(**schema.load(kept, unknown=EXCLUDE))


def handler_choices(first: str) -> list[tuple[str, str]]:
    """Return who may take cases on, as far as the reader may say."""
    found = organisations(unit(), current_actor().scope)
    return [("", first), *((row.code, row.name) for row in found)]


@pages.get("/returns")
@requires("rma.view")
def show_board() -> ResponseReturnValue:
    """Show the board: a column for each phase, in it those that are longest in their step."""
    wanted, reader = wanted_in_address(), current_actor()
    columns = board.columns(unit(), wanted, reader, now=request_time(), zone=get_timezone())
    cases = [case for column in columns for case in column.cases]
    return render_template(
        "rma/board.html",
        columns=columns,
        wanted=wanted,
        accounts=accounts_told(unit(), cases, reader),
        handlers=handler_choices(_("all")),
        shown=board.SHOWN,
    )


@pages.get("/returns/list")
@requires("rma.view")
def list_cases() -> ResponseReturnValue:
    """List the cases: filters in the address, page by page."""
    wanted, reader = wanted_in_address(), current_actor()
    page = board.page_of_cases(
        unit(),
        wanted,
        reader,
        now=request_time(),
        zone=get_timezone(),
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template(
        "rma/cases.html",
        page=page,
        wanted=wanted,
        accounts=accounts_told(unit(), page.rows, reader),
        handlers=handler_choices(_("all")),
        models=[(row.code, row.code) for row in all_models(unit())],
    )


@pages.post("/returns/export")
@requires("rma.export")
def export_cases() -> ResponseReturnValue:
    """Export the cases of the list; the page of the work has the file in the end."""
    form: dict[str, Any] = read_form(CasesExportForm())
    kind = form.pop("format")
    zone = str(get_timezone())
    job = enqueue_export(unit(), wanted=Wanted(**form), form=kind, zone=zone, **who())
    return see_other("returns_pages.work", ref=job.public_id)


def _job(ref: str) -> Job:
    return jobs.work_by_ref(unit(), ref, [EXPORT], current_actor())


def _words(ref: str) -> WorkWords:
    """Return how the page of the work speaks of returns."""
    return WorkWords(
        room=_("Returns"),
        back=url_for("returns_pages.list_cases"),
        progress=url_for("returns_pages.work_progress", ref=ref),
        file=url_for("returns_pages.work_file", ref=ref),
        again="",
        new=_("New returns"),
        rows=str,
    )


@pages.get("/returns/exports/<ref>")
@requires("rma.export")
def work(ref: str) -> ResponseReturnValue:
    """Show how an export goes, and its file in the end."""
    return work_page(_job(ref), _words(ref))


@pages.get("/returns/exports/<ref>/progress")
@requires("rma.export")
def work_progress(ref: str) -> ResponseReturnValue:
    """Return the part of the page that changes while the work goes on."""
    return work_page(_job(ref), _words(ref), is_part=True)


@pages.get("/returns/exports/<ref>/file")
@requires("rma.export")
def work_file(ref: str) -> Response:
    """Download the file of an export."""
    return work_report(_job(ref))
