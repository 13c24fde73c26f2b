"""The file that long work leaves behind, as a download."""

from __future__ import annotations

from flask import Response, send_file

from stb_service.shared.errors import NotFound
from stb_service.shared.http import services
from stb_service.shared.i18n import text
from stb_service.shared.jobs import Job


def report_answer(job: Job) -> Response:
    """Return a job's report as a download.

    Always as a stream of bytes to be saved: what came out of an uploaded file is never
    shown by the browser as a page of this site.

    Raises:
        NotFound: there is none, or not yet.
    """
    if job.report_sha256 is None:
        raise NotFound(text("This work has no report, or not yet."))
    path = services().files.path(job.report_sha256)
    if not path.is_file():
        raise NotFound(text("The report is no longer kept."))
    return send_file(
        path,
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=job.report_name or f"{job.public_id}.txt",
    )
