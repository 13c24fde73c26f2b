"""Dashboard, search, audit, long work, and the readable page of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone
from flask_babel import gettext as _
from markupsafe import Markup
from marshmallow import EXCLUDE, ValidationError

from stb_service.admin import operations, queries
from stb_service.admin.changes import readable
from stb_service.admin.reports import report_answer
from stb_service.admin.schemas import AuditForm
from stb_service.admin.words import VERB_NAMES, subject_name, topic_name, verb_name
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.app import CONTENT_SECURITY_POLICY
from stb_service.shared.http.pages import format_span, see_other
from stb_service.shared.http.unit import field_messages, request_time
from stb_service.shared.i18n import Text, text
from stb_service.shared.jobs import DONE, FAILED, QUEUED, RUNNING, Job

pages = Blueprint("admin_pages", __name__, template_folder="templates")
PAGE_SIZE = 50
HITS_WHILE_TYPING = 5

# What a new installation needs, in order: (verb of the page, what to do there).
FIRST_STEPS = (
    ("models.view", text("Add the models of box that you operate.")),
    ("devices.view", text("Import your boxes from a CSV or XLSX file.")),
    ("images.view", text("Upload a firmware image.")),
    ("rollouts.view", text("Plan a rollout, see how many boxes it reaches, and start it.")),
)

JOB_STATES: dict[str, tuple[Text, str]] = {
    QUEUED: (text("Waiting"), "grey"),
    RUNNING: (text("Running"), "blue"),
    DONE: (text("Done"), "green"),
    FAILED: (text("Failed"), "red"),
}


@pages.context_processor
def _words() -> dict[str, Any]:
    return {
        "job_state": lambda job: JOB_STATES[job.state],
        "subject_name": subject_name,
        "topic_name": topic_name,
        "verb_name": verb_name,
        "format_span": format_span,
    }


@pages.get("/")
@requires("self.use")
def dashboard() -> ResponseReturnValue:
    """Show the tiles of all rooms, or what to do first. A tile without values is left out."""
    actor = current_actor()
    tiles = [
        Markup(render_template(tile.template, **values))  # noqa: S704 - a template escapes
        for tile in sorted(services().registries.tiles, key=lambda tile: tile.order)
        if actor.can(tile.verb) and (values := tile.load(unit(), actor, request_time()))
    ]
    return render_template("admin/dashboard.html", tiles=tiles, steps=_first_steps())


def _first_steps() -> list[tuple[Text, str]]:
    """Return what is to be done first, with the page where it is done."""
    actor = current_actor()
    pages_of = {item.verb: item.endpoint for item in reversed(services().registries.navigation)}
    return [
        (step, url_for(pages_of[verb]))
        for verb, step in FIRST_STEPS
        if verb in pages_of and actor.can(verb)
    ]


def _found(limit: int) -> list[queries.HitGroup]:
    return queries.search(
        unit(),
        services().registries.search,
        request.args.get("q", ""),
        actor=current_actor(),
        limit=limit,
    )


@pages.get("/search")
@requires("self.use")
def search() -> ResponseReturnValue:
    """Show all results; a single one is opened at once."""
    groups = _found(50)
    if len(groups) == 1 and len(groups[0].hits) == 1:
        return redirect(groups[0].hits[0].url)
    return render_template("admin/search.html", groups=groups, words=request.args.get("q", ""))


@pages.get("/search/results")
@requires("self.use")
def search_results() -> ResponseReturnValue:
    """Return the results under the search box while somebody types."""
    words = request.args.get("q", "").strip()
    groups = _found(HITS_WHILE_TYPING)
    return render_template("admin/search_results.html", groups=groups, words=words)


@pages.get("/audit")
@requires("audit.view")
def audit() -> ResponseReturnValue:
    """Show what was changed, by whom; the filters live in the address."""
    given = {name: value for name, value in request.args.items() if value.strip()}
    errors: dict[str, list[str]] = {}
    try:
        wanted = AuditForm().load(given, unknown=EXCLUDE)
    except ValidationError as error:
        wanted = error.valid_data if isinstance(error.valid_data, dict) else {}
        errors = {n: [str(m) for m in found] for n, found in field_messages(error.messages).items()}
    page = queries.audit_page(
        unit(),
        queries.AuditFilter(**wanted),
        zone=get_timezone(),
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template(
        "admin/audit.html",
        page=page,
        values=given,
        errors=errors,
        verbs=_verb_choices(given),
        readable_changes=readable(unit(), page.rows, current_actor()),
    )


def _verb_choices(given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the verbs by their names, with one that the address names and the code does not."""
    known = {given.get("verb", ""), *VERB_NAMES} - {""}
    named = sorted(((verb, verb_name(verb)) for verb in known), key=lambda pair: pair[1].lower())
    return [("", _("Anything")), *named]


@pages.get("/jobs")
@requires("jobs.view")
def jobs() -> ResponseReturnValue:
    """List long work."""
    actor = current_actor()
    page = queries.jobs_page(unit(), actor, cursor=request.args.get("cursor"), limit=PAGE_SIZE)
    return render_template("admin/jobs.html", page=page, all=queries.sees_all_jobs(actor))


def _job(ref: str) -> Job:
    return queries.job_by_ref(unit(), ref, current_actor())


@pages.get("/jobs/<ref>")
@requires("jobs.view")
def job(ref: str) -> ResponseReturnValue:
    """Show one piece of long work; the page follows it until it ends."""
    found = _job(ref)
    return render_template("admin/job.html", job=found, left=found.remaining_s(request_time()))


@pages.get("/jobs/<ref>/progress")
@requires("jobs.view")
def job_progress(ref: str) -> ResponseReturnValue:
    """Return the part of the page that changes while the work goes on."""
    found = _job(ref)
    return render_template(
        "admin/job_progress.html", job=found, left=found.remaining_s(request_time())
    )


@pages.get("/jobs/<ref>/report")
@requires("jobs.view")
def job_report(ref: str) -> Response:
    """Download the report of finished work."""
    return report_answer(_job(ref))


@pages.get("/follow-ups")
@requires("effects.retry")
def follow_ups() -> ResponseReturnValue:
    """List what should have followed a change and failed for good."""
    page = queries.given_up_page(unit(), cursor=request.args.get("cursor"), limit=PAGE_SIZE)
    return render_template("admin/follow_ups.html", page=page)


@pages.post("/follow-ups/<ref>/retry")
@requires("effects.retry")
def retry_follow_up(ref: str) -> ResponseReturnValue:
    """Let one be tried again."""
    entry = queries.effect_by_ref(unit(), ref)
    operations.retry_effect(unit(), entry=entry, actor=current_actor(), now=request_time())
    flash(_("It is tried again within seconds. If it fails once more, it comes back here."))
    return see_other("admin_pages.follow_ups")


@pages.get("/api-docs")
@requires("self.use")
def api_docs() -> ResponseReturnValue:
    """Show the API's document. Swagger UI sets style attributes, so this page alone allows them."""
    response = make_response(render_template("admin/api_docs.html"))
    response.headers["Content-Security-Policy"] = (
        f"{CONTENT_SECURITY_POLICY}; style-src 'self' 'unsafe-inline'"
    )
    return response
