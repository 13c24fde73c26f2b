"""One face for errors: `application/problem+json` (RFC 9457) for machines, a page for people."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from stb_service.shared.errors import Conflict, DomainError, Invalid, Refused, Stale, type_prefix
from stb_service.shared.http.unit import field_messages
from stb_service.shared.i18n import text

log = structlog.get_logger()


def install(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(IntegrityError, _race)
    app.register_error_handler(StaleDataError, _stale)
    app.register_error_handler(DataError, _unfit)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(Exception, _unexpected)


def wants_problem() -> bool:
    """Whether this request is a machine's."""
    return bool(g.get("is_machine")) or request.path.startswith("/api/")


def problem(
    status: int, title: str, detail: str, *, code: str, headers: Any = None, **more: Any
) -> Response:
    """Build the answer."""
    body: dict[str, Any] = {
        "type": type_prefix + code,
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": g.get("request_id", ""),
        **more,
    }
    if wants_problem():
        response = jsonify(body)
        response.mimetype = "application/problem+json"
    else:
        page = g.get("problem_page") or _page  # one for customers says it in their words
        response = Response(page(body), mimetype="text/html")
    response.status_code = status
    for name, value in headers or ():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _page(body: dict[str, Any]) -> str:
    return render_template("shared/problem.html", problem=body)


def _domain(error: DomainError) -> Response:
    more: dict[str, Any] = {}
    if isinstance(error, Invalid) and error.fields:
        more["errors"] = {name: [str(m) for m in found] for name, found in error.fields.items()}
    if isinstance(error, Refused):
        more["obstacles"] = [{"code": o.code, "message": str(o)} for o in error.obstacles]
    headers = [("WWW-Authenticate", "Bearer")] if error.status == 401 else None
    return problem(
        error.status, str(error.title), str(error), code=error.code, headers=headers, **more
    )


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    data = getattr(error, "data", None) or {}
    messages = data.get("messages") or getattr(error, "messages", None)
    more: dict[str, Any] = {}
    if messages:
        places = messages.values() if isinstance(messages, dict) else []
        found = [field_messages(place) for place in places]
        more["errors"] = {n: [str(m) for m in texts] for part in found for n, texts in part.items()}
    headers = list((data.get("headers") or {}).items())
    headers += [
        pair for pair in error.get_headers() if pair[0] in {"Allow", "Retry-After", "Content-Range"}
    ]
    return problem(
        status,
        error.name,
        error.description or error.name,
        code=error.name.lower().replace(" ", "-"),
        headers=headers,
        **more,
    )


def _race(error: IntegrityError) -> Response:
    log.info("race", detail=type(error.orig).__name__)
    return _domain(Conflict(text("Someone else was first; load the page again."), code="race"))


def _stale(_error: StaleDataError) -> Response:
    return _domain(Stale(text("This was changed in the meantime; load it again.")))


def _unfit(error: DataError) -> Response:
    log.info("unfit", detail=type(error.orig).__name__)
    return _domain(Invalid(text("A value is of a kind that the database cannot hold.")))


def _database(error: OperationalError) -> Response:
    log.error("database", error=str(error.orig)[:200])
    return problem(
        503,
        str(text("The database is busy")),
        str(text("Try again in a moment.")),
        code="database",
        headers=[("Retry-After", "2")],
    )


def _unexpected(error: Exception) -> Response:
    log.error("unexpected", exc_info=error)
    return problem(
        500,
        str(text("Something went wrong here")),
        str(text("It was recorded. Tell us the request number if it happens again.")),
        code="unexpected",
    )
