"""The staff app: every room's pages and API under one roof. Knows every domain."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

import firmware.boxes.wiring
import firmware.images.wiring
import firmware.rollouts.wiring
import firmware.verdicts.wiring
import stb_service.admin.wiring
import stb_service.billing.wiring
import stb_service.devices.wiring
import stb_service.parts.wiring
import stb_service.rma.wiring
import stb_service.staff.wiring
import stb_service.subscribers.wiring
import stb_service.warranty.wiring
from stb_service.shared.db import Database
from stb_service.shared.http import StbFlask, make_flask, pages
from stb_service.shared.http.api import make_api
from stb_service.shared.metrics import Counts
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings
from stb_service.staff import signin

ROOMS: tuple[ModuleType, ...] = (
    stb_service.staff.wiring,
    stb_service.subscribers.wiring,
    stb_service.devices.wiring,
    stb_service.billing.wiring,
    stb_service.parts.wiring,
    firmware.boxes.wiring,
    firmware.images.wiring,
    firmware.rollouts.wiring,
    firmware.verdicts.wiring,
    stb_service.warranty.wiring,
    stb_service.rma.wiring,
    stb_service.admin.wiring,
)
VERSION = "0.1.0"


def wire_rooms(zone: str = "UTC") -> Registries:
    """Return the registries with every room's parts, for an operator in a time zone."""
    registries = Registries(zone=zone)
    for room in ROOMS:
        room.wire(registries)
    return registries


def make_app(settings: Settings, db: Database, *, counts: Counts | None = None) -> StbFlask:
    """Make the staff app."""
    app = make_flask(
        "stb_service.app",
        settings=settings,
        db=db,
        registries=wire_rooms(settings.timezone.key),
        authenticate=signin.authenticate,
        counts=counts,
    )
    pages.install(app)
    signin.install(app)
    app.extensions["stb"].counts.told.register(Gauges(app))
    api = make_api(app, title="stb-service", version=VERSION)
    for room in ROOMS:
        for blueprint in room.page_blueprints:
            app.register_blueprint(blueprint)
        for blueprint in room.api_blueprints:
            api.register_blueprint(blueprint)
    _limit(app)
    return app


def _limit(app: StbFlask) -> None:
    """Slow down whoever guesses: views that carry `limits` are counted by address."""
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
    for endpoint, view in list(app.view_functions.items()):
        rate = getattr(view, "limits", None)
        if rate is not None:
            limited: Any = limiter.limit(rate, methods=["POST"])(view)
            app.view_functions[endpoint] = limited


class Gauges(Collector):
    """Figures that the rooms read from the database when they are asked for."""

    def __init__(self, app: StbFlask) -> None:
        self._app = app

    def collect(self) -> Any:
        """Read every room's gauges."""
        found = self._app.extensions["stb"]
        with found.db.read() as session:
            readings = [gauge(session) for gauge in found.registries.gauges]
        families: dict[str, GaugeMetricFamily] = {}
        for (name, label), value in (pair for reading in readings for pair in reading.items()):
            if name not in families:
                families[name] = GaugeMetricFamily(name, name.replace("_", " "), labels=["kind"])
            families[name].add_metric([label], value)
        return families.values()
