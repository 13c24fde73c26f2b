"""Runs for people."""

from __future__ import annotations

from flask import Blueprint, Response, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from firmware.verdicts import queries, rules
from firmware.verdicts.downloads import report_page, result_file
from firmware.verdicts.rules import Evidence, Form, Verdict, read_junit, read_result
from firmware.verdicts.uploads import limit_body, receive_run
from stb_service.shared.access import requires, takes_files
from stb_service.shared.errors import DomainError
from stb_service.shared.http import services, unit
from stb_service.shared.http.pages import form_errors, see_other
from stb_service.shared.http.unit import close_unit

MARKS_AND_SPACE = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"  # what may stand before the first sign
blp = Blueprint("lab_run_pages", __name__, url_prefix="/lab/runs", template_folder="templates")
blp.url_value_preprocessor(limit_body)


@blp.get("")
@requires("lab.view")
def list_runs() -> ResponseReturnValue:
    """List runs, newest first, with filters in the address."""
    return _list({}), 200


def _list(errors: dict[str, list[str]]) -> str:
    session = unit()
    name = request.args.get("name") or None
    verdict = request.args.get("verdict") or None
    evidence = request.args.get("evidence") or None
    page = queries.runs_page(
        session,
        name=name if name and name.isprintable() else None,
        verdict=verdict if verdict in set(Verdict) else None,
        evidence=evidence if evidence in set(Evidence) else None,
        cursor=request.args.get("cursor"),
        limit=25,
    )
    return render_template(
        "verdicts/list.html",
        page=page,
        names=queries.names_of_runs(session),
        chosen={"name": name, "verdict": verdict, "evidence": evidence},
        errors=errors,
        **_words(),
    )


def _words() -> dict[str, object]:
    return {
        "verdicts": rules.VERDICT_NAMES,
        "evidences": rules.EVIDENCE_NAMES,
        "forms": rules.FORM_NAMES,
    }


@blp.post("")
@requires("lab.send")
@takes_files
def send_run() -> ResponseReturnValue:
    """Take in what a person uploads."""
    form = request.form.to_dict()
    if form.get("evidence") not in {"", None, *Evidence}:
        form.pop("evidence")
    try:
        run, is_new = receive_run(unit(), _files(), form)
    except DomainError as error:
        close_unit()
        return _list(_at_fields(form_errors(error))), error.status
    flash(_("The run was taken in.") if is_new else _("This run was known already."))
    return see_other("lab_run_pages.show", public_id=run.public_id)


def _at_fields(errors: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return messages by the fields of the page, where one field takes both kinds of file."""
    both = [message for name in ("result", "junit") for message in errors.pop(name, [])]
    of_what = errors.pop("evidence", [])
    found = {"file": both, "of-what": of_what, **errors}
    return {name: messages for name, messages in found.items() if messages}


def _files() -> dict[str, FileStorage]:
    """Return the files that were chosen; what the one field holds is told by its beginning."""
    found = {name: file for name, file in request.files.items() if file.filename}
    chosen = found.pop("file", None)
    if chosen is not None:
        start = chosen.stream.read(200).lstrip(MARKS_AND_SPACE)
        chosen.stream.seek(0)
        found["junit" if start[:1] == b"<" else "result"] = chosen
    return found


@blp.get("/<public_id>")
@requires("lab.view")
def show(public_id: str) -> ResponseReturnValue:
    """Show a run."""
    session = unit()
    run = queries.run_by_public_id(session, public_id)
    data = services().files.path(run.result_sha256).read_bytes()
    sent = read_junit(data) if run.form == Form.JUNIT else read_result(data)
    expected = sorted(sent.expected, key=lambda one: one.holds)
    return render_template(
        "verdicts/detail.html",
        run=run,
        sent=sent,
        expected=expected[: rules.KEPT_FAILING],
        more=max(0, len(expected) - rules.KEPT_FAILING),
        before=queries.runs_before(session, run),
        **_words(),
    )


@blp.get("/<public_id>/report")
@requires("lab.view")
def report(public_id: str) -> Response:
    """Show the report that was sent with a run, shut off from everything else."""
    return report_page(queries.run_by_public_id(unit(), public_id))


@blp.get("/<public_id>/result")
@requires("lab.view")
def result(public_id: str) -> Response:
    """Download the result as it was sent."""
    return result_file(queries.run_by_public_id(unit(), public_id))
