"""The WSGI app that boxes reach: the wires, a health check, nothing of the staff's."""

from __future__ import annotations

from flask import Response, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.orm import Session

from firmware.boxes.presence import Presence
from firmware.wires import ddi, xconf
from firmware.wires.contact import Edge
from stb_service.shared.access import Actor, public
from stb_service.shared.db import Database
from stb_service.shared.errors import NotFound
from stb_service.shared.http import StbFlask, make_flask, services
from stb_service.shared.http.proxies import is_trusted
from stb_service.shared.i18n import text
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings


def make_edge(settings: Settings, db: Database) -> StbFlask:
    """Make the box edge. Boxes are authenticated by their wire, so no request has an actor."""
    app = make_flask(
        "firmware.edge",
        settings=settings,
        db=db,
        registries=Registries(),
        authenticate=_nobody,
    )
    app.extensions["edge"] = Edge(Presence(db))
    app.before_request(_machine)
    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
    app.add_url_rule("/metrics", "metrics", metrics)
    app.register_blueprint(ddi.blueprint)
    app.register_blueprint(xconf.blueprint)
    return app


def _nobody(_session: Session) -> Actor | None:
    return None


def _machine() -> None:
    g.is_machine = True


@public
def healthz() -> Response:
    """The process answers."""
    return jsonify({"status": "ok"})


@public
def readyz() -> Response:
    """The database answers too."""
    services().db.ping()
    return jsonify({"status": "ready"})


@public
def metrics() -> Response:
    """Figures for Prometheus, given to this machine and to trusted proxies only."""
    found = services()
    address = request.remote_addr or ""
    if address not in {"127.0.0.1", "::1"} and not is_trusted(
        address, found.settings.trusted_proxies
    ):
        raise NotFound(text("Not found"))
    return Response(generate_latest(found.metrics), content_type=CONTENT_TYPE_LATEST)
