"""The command of this room: `stb import cases`."""

from __future__ import annotations

from typing import Any

from stb_service.rma import cover_facts
from stb_service.rma.arrivals.imports import import_cases
from stb_service.shared.commands import import_command
from stb_service.shared.imports import Report


def _import(*arguments: Any, **named: Any) -> Report:
    return import_cases(*arguments, sources=(cover_facts.facts,), **named)


import_cases_command = import_command(
    "cases", _import, "Import open returns from a CSV or XLSX file."
)
