"""The WSGI app that boxes reach: the wires, a health check, nothing of the staff's."""

from __future__ import annotations

from flask import g

from firmware.boxes.presence import Presence
from firmware.wires import ddi, xconf
from firmware.wires.contact import Edge
from stb_service.shared.db import Database
from stb_service.shared.http import StbFlask, make_flask
from stb_service.shared.metrics import Counts
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings


def make_edge(settings: Settings, db: Database, *, counts: Counts | None = None) -> StbFlask:
    """Make the box edge. Boxes are authenticated by their wire, so no request has an actor."""
    app = make_flask(
        "firmware.edge",
        settings=settings,
        db=db,
        registries=Registries(),
        authenticate=None,
        counts=counts,
    )
    app.extensions["edge"] = Edge(Presence(db))
    app.before_request(_machine)
    app.register_blueprint(ddi.blueprint)
    app.register_blueprint(xconf.blueprint)
    return app


def _machine() -> None:
    g.is_machine = True
