"""What watches a server asks of it: whether it answers, whether its database does, its figures."""

from __future__ import annotations

from flask import Flask, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stb_service.shared.access import public
from stb_service.shared.errors import NotFound
from stb_service.shared.http.proxies import is_trusted
from stb_service.shared.i18n import text

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
    """The database answers too."""
    current_app.extensions["stb"].db.ping()
    return jsonify({"status": "ready"})


@public
def metrics() -> Response:
    """Figures for Prometheus, given to this machine and to trusted proxies only."""
    found = current_app.extensions["stb"]
    address = request.remote_addr or ""
    if address not in LOOPBACK and not is_trusted(address, found.settings.trusted_proxies):
        raise NotFound(text("Not found"))
    return Response(generate_latest(found.counts.told), content_type=CONTENT_TYPE_LATEST)
