"""The command of this room: `stb import cases`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from stb_service.rma import cover_facts
from stb_service.rma.arrivals.imports import import_cases
from stb_service.shared.commands import import_command
from stb_service.shared.imports.reports import Report
from stb_service.shared.settings import Settings


def _import(*arguments: Any, **named: Any) -> Report:
    settings = click.get_current_context().find_object(Settings)
    assert settings is not None
    zone = settings.timezone.key
    sources = (partial(cover_facts.facts, zone=zone),)
    return import_cases(*arguments, sources=sources, zone=zone, **named)


import_cases_command = import_command(
    "cases", _import, "Import open returns from a CSV or XLSX file."
)
