"""The files of a run, as they were sent."""

from __future__ import annotations

from flask import Response

from firmware.verdicts.models import LabRun
from firmware.verdicts.rules import Form
from stb_service.shared.errors import NotFound
from stb_service.shared.http import services
from stb_service.shared.i18n import text

# The report comes from outside: it may neither run nor load anything, nor act as this site.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"


def result_file(run: LabRun) -> Response:
    """Return the result as a file to be saved."""
    suffix = "xml" if run.form == Form.JUNIT else "json"
    name = f"lab-run-{run.public_id}.{suffix}"
    return Response(
        services().files.path(run.result_sha256).read_bytes(),
        mimetype="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def report_page(run: LabRun) -> Response:
    """Return the report as a page, shut off from everything else.

    Raises:
        NotFound: the run came without one.
    """
    if run.report_sha256 is None:
        raise NotFound(text("This run came without a report."))
    return Response(
        services().files.path(run.report_sha256).read_bytes(),
        mimetype="text/html",
        headers={"Content-Security-Policy": REPORT_POLICY},
    )
