"""What the servers load in their own processes: each of these makes one app from the environment."""

from __future__ import annotations

from stb_service.shared import logs, metrics
from stb_service.shared.db import Database
from stb_service.shared.http import StbFlask
from stb_service.shared.metrics import Counts
from stb_service.shared.settings import read_settings


def staff() -> StbFlask:
    """Make the staff app."""
    from stb_service.app import make_app  # noqa: PLC0415 - the box edge loads none of it

    settings = read_settings()
    logs.configure(settings.log_level)
    others = (metrics.folder_of(settings, metrics.WORKER),)
    counts = Counts(metrics.folder_of(settings, metrics.APP), others=others)
    return make_app(settings, Database(settings.database_url), counts=counts)


def edge() -> StbFlask:
    """Make the box edge."""
    from firmware.edge import make_edge  # noqa: PLC0415 - the staff app loads none of it

    settings = read_settings()
    logs.configure(settings.log_level)
    counts = Counts(metrics.folder_of(settings, metrics.EDGE))
    return make_edge(settings, Database(settings.database_url), counts=counts)
