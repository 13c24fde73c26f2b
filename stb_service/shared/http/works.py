"""The pages of imports and exports of any room: how the work goes, and its report in the end."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, render_template, send_file
from flask.typing import ResponseReturnValue

from stb_service.shared.errors import NotFound
from stb_service.shared.http.app import services
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text
from stb_service.shared.jobs import Job
from stb_service.shared.tables import unescape_cell

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
