"""The command of this room: `stb import cases`."""

from __future__ import annotations

from functools import partial

from stb_service.rma import cover_facts
from stb_service.rma.arrivals.imports import import_cases
from stb_service.shared.commands import import_command

import_cases_command = import_command(
    "cases",
    partial(import_cases, sources=(cover_facts.facts,)),
    "Import open returns from a CSV or XLSX file.",
)
