"""What watches a server asks of it: whether it answers, whether its database does, its figures."""

from __future__ import annotations

from flask import Flask, Response, current_app, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stb_service.shared.access import public
from stb_service.shared.db import Database
from stb_service.shared.errors import NotFound
from stb_service.shared.http.problems import problem
from stb_service.shared.http.proxies import is_trusted
from stb_service.shared.i18n import text

AT_HEAD = "stb at head"  # the extension that holds the database seen at the newest revision
LOOPBACK = frozenset({"127.0.0.1", "::1"})


def install(app: Flask) -> None:
    """Add the three addresses."""
    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
    app.add_url_rule("/metrics", "metrics", metrics)


@public
def healthz() -> Response:
    """The process answers."""
    return jsonify({"status": "ok"})


@public
def readyz() -> Response:
    """The database answers too, and is at the schema of the code (once seen, taken as read)."""
    found = current_app.extensions["stb"]
    seen = current_app.extensions.get(AT_HEAD) is found.db
    if seen:
        found.db.ping()
    elif not _is_at_head(found.db):
        g.is_machine = True
        return problem(
            503,
            str(text("The database is not at the schema of this version")),
            str(text("Run: stb db upgrade")),
            code="schema",
        )
    current_app.extensions[AT_HEAD] = found.db
    return jsonify({"status": "ready"})


def _is_at_head(db: Database) -> bool:
    from stb_service.shared import migrate  # noqa: PLC0415 - Alembic, for the first calls alone

    return migrate.is_current(db)


@public
def metrics() -> Response:
    """Figures for Prometheus, given to this machine and to trusted proxies only."""
    found = current_app.extensions["stb"]
    address = request.remote_addr or ""
    if address not in LOOPBACK and not is_trusted(address, found.settings.trusted_proxies):
        raise NotFound(text("Not found"))
    return Response(generate_latest(found.counts.told), content_type=CONTENT_TYPE_LATEST)
