"""The pages of imports and exports of any room: the file, how the work goes, its report in the end."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from stb_service.shared import jobs
from stb_service.shared.access import requires, takes_files
from stb_service.shared.errors import NotFound
from stb_service.shared.files import Stored
from stb_service.shared.http.app import services
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.http.unit import current_actor, read_form, request_time, unit
from stb_service.shared.http.uploads import keep_upload
from stb_service.shared.i18n import Text, text
from stb_service.shared.imports.columns import Column
from stb_service.shared.imports.work import enqueue_again, enqueue_import
from stb_service.shared.jobs import Job
from stb_service.shared.tables import ENCODING_NAMES, unescape_cell

SHOWN_REMARKS = 100


@dataclass(frozen=True)
class WorkWords:
    """How the page of some work speaks: the room it belongs to, its addresses, what is new."""

    room: str
    back: str
    progress: str
    file: str
    again: str
    new: str
    rows: Callable[[int], str]


def work_page(job: Job, words: WorkWords, *, is_part: bool = False) -> ResponseReturnValue:
    """Show how work goes: the whole page, or the part that changes."""
    template = "shared/work_progress.html" if is_part else "shared/work.html"
    left_s = job.remaining_s(request_time())
    return render_template(template, job=job, work=words, left_s=left_s, remarks=_remarks(job))


def _remarks(job: Job) -> list[list[str]]:
    """Return the first rows of an import's report, without its header."""
    if not job.kind.endswith(".import") or job.report_sha256 is None:
        return []
    path = services().files.path(job.report_sha256)
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = itertools.islice(csv.reader(file), 1, SHOWN_REMARKS + 1)
        return [[unescape_cell(cell) for cell in row] for row in rows]


def work_report(job: Job) -> Response:
    """Return the report of an import or the file of an export, always as a file to be saved.

    Raises:
        NotFound: there is none, or not yet.
    """
    if job.report_sha256 is None or not services().files.path(job.report_sha256).is_file():
        raise NotFound(text("This work has no report, or not yet."))
    return send_file(
        services().files.path(job.report_sha256),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=job.report_name,
    )


# --- imports ------------------------------------------------------------------------------------


def start_import(kind: str, upload: tuple[Stored, str], options: Mapping[str, Any]) -> Job:
    """Ask for the import of a file that was kept (see `keep_upload`)."""
    stored, name = upload
    return enqueue_import(
        unit(),
        kind=kind,
        stored=stored,
        name=name,
        **options,
        actor=current_actor(),
        now=request_time(),
    )


def start_again(kind: str, ref: str) -> Job:
    """Ask for the import of a trial's file for good.

    Raises:
        NotFound: there is no such trial that the actor may see.
    """
    trial = jobs.trial_by_ref(unit(), ref, kind, current_actor())
    return enqueue_again(unit(), trial=trial, actor=current_actor(), now=request_time())


@dataclass(frozen=True)
class ImportPages:
    """The pages of an import: its kind of work, which is called as the verb that allows it, the
    address that they are under, the form and its columns, and how they speak.
    """

    kind: str
    at: str
    template: str
    columns: Sequence[Column]
    form: type[ma.Schema]
    room: Text
    back: str
    new: Text


def add_import_pages(pages: Blueprint, found: ImportPages) -> None:
    """Add the pages of an import to a blueprint: the form, and how the work goes."""

    def import_file() -> ResponseReturnValue:
        """Upload a file; a trial says what would happen and keeps nothing."""
        return form_page(
            found.template,
            lambda: _take_file(pages, found),
            columns=found.columns,
            encodings=ENCODING_NAMES,
        )

    def work(ref: str) -> ResponseReturnValue:
        """Show how an import goes, and its report in the end."""
        return work_page(_import_by_ref(found, ref), _words(pages, found, ref))

    def work_progress(ref: str) -> ResponseReturnValue:
        """Return the part of the page that changes while the work goes on."""
        return work_page(_import_by_ref(found, ref), _words(pages, found, ref), is_part=True)

    def import_after_trial(ref: str) -> ResponseReturnValue:
        """Import the file of a trial for good."""
        return see_other(f"{pages.name}.work", ref=start_again(found.kind, ref).public_id)

    def work_file(ref: str) -> Response:
        """Download the report of an import."""
        return work_report(_import_by_ref(found, ref))

    demanded = requires(found.kind)
    for rule, methods, view in (
        ("/import", ["GET", "POST"], takes_files(import_file)),
        ("/work/<ref>", ["GET"], work),
        ("/work/<ref>/progress", ["GET"], work_progress),
        ("/work/<ref>/import", ["POST"], import_after_trial),
        ("/work/<ref>/file", ["GET"], work_file),
    ):
        pages.add_url_rule(found.at + rule, view_func=demanded(view), methods=methods)


def _take_file(pages: Blueprint, found: ImportPages) -> ResponseReturnValue:
    upload = keep_upload(request.files.get("file"))
    job = start_import(found.kind, upload, read_form(found.form()))
    return see_other(f"{pages.name}.work", ref=job.public_id)


def _import_by_ref(found: ImportPages, ref: str) -> Job:
    return jobs.work_by_ref(unit(), ref, [found.kind], current_actor())


def _words(pages: Blueprint, found: ImportPages, ref: str) -> WorkWords:
    def place(endpoint: str) -> str:
        return url_for(f"{pages.name}.{endpoint}", ref=ref)

    return WorkWords(
        room=str(found.room),
        back=url_for(found.back),
        progress=place("work_progress"),
        file=place("work_file"),
        again=place("import_after_trial"),
        new=str(found.new),
        rows=str,
    )
