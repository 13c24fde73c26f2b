"""The API of search, audit and long work."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from flask import Response
from flask_babel import get_timezone

from stb_service.admin import operations, queries, schemas
from stb_service.admin.changes import entry_values, opened_changes
from stb_service.admin.reports import report_answer
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import CursorArguments, api_blueprint
from stb_service.shared.http.unit import request_time

api = api_blueprint("admin", "Search, audit, long work and follow-ups.")


@api.route("/search", methods=["GET"])
@api.arguments(schemas.SearchArguments, location="query")
@api.response(200, schemas.HitGroupSchema(many=True))
@api.refuses(422)
@requires("self.use")
def search(arguments: dict[str, Any]) -> Any:
    """Search everything the caller may see, grouped by kind."""
    return queries.search(
        unit(),
        services().registries.search,
        arguments["q"],
        actor=current_actor(),
        limit=arguments["limit"],
    )


@api.route("/audit", methods=["GET"])
@api.arguments(schemas.AuditArguments, location="query")
@api.response(200, schemas.AuditPageSchema)
@api.refuses(422)
@requires("audit.view")
def list_audit(arguments: dict[str, Any]) -> Any:
    """List what was changed, newest first. Days are days of the caller's time zone."""
    cursor, limit = arguments.pop("cursor"), arguments.pop("limit")
    wanted = queries.AuditFilter(**arguments)
    page = queries.audit_page(unit(), wanted, zone=get_timezone(), cursor=cursor, limit=limit)
    found = opened_changes(unit(), page.rows, current_actor())
    return {
        "rows": [entry_values(row, found[row.id]) for row in page.rows],
        "next_cursor": page.next_cursor,
    }


@api.route("/jobs", methods=["GET"])
@api.arguments(CursorArguments, location="query")
@api.response(200, schemas.JobsSchema)
@api.refuses(422)
@requires("jobs.view")
def list_jobs(arguments: dict[str, Any]) -> Any:
    """List long work, newest first: the own, or everybody's for administrators."""
    return queries.jobs_page(unit(), current_actor(), **arguments)


@api.route("/jobs/<string:job_id>", methods=["GET"])
@api.response(200, schemas.JobSchema)
@api.refuses(404)
@requires("jobs.view")
def get_job(job_id: str) -> Any:
    """Return one piece of long work and how far it is."""
    return queries.job_by_ref(unit(), job_id, current_actor())


@api.route("/jobs/<string:job_id>/report", methods=["GET"])
@api.response(
    200,
    {"type": "string", "format": "binary"},
    content_type="application/octet-stream",
    description="The report, as a file",
)
@api.refuses(404)
@requires("jobs.view")
def get_report(job_id: str) -> Response:
    """Download the report of finished work."""
    return report_answer(queries.job_by_ref(unit(), job_id, current_actor()))


@api.route("/follow-ups", methods=["GET"])
@api.arguments(CursorArguments, location="query")
@api.response(200, schemas.FollowUpsSchema)
@api.refuses(422)
@requires("effects.retry")
def list_follow_ups(arguments: dict[str, Any]) -> Any:
    """List what should have followed a change and failed for good, newest first."""
    return queries.given_up_page(unit(), **arguments)


@api.route("/follow-ups/<string:follow_up_id>/retry", methods=["POST"])
@api.response(200, schemas.FollowUpSchema)
@api.refuses(404, 409)
@requires("effects.retry")
def retry_follow_up(follow_up_id: str) -> Any:
    """Let one be tried again, within seconds; if it fails once more, it is listed again."""
    return operations.retry_effect(
        unit(),
        entry=queries.effect_by_ref(unit(), follow_up_id),
        actor=current_actor(),
        now=request_time(),
    )
