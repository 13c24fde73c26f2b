"""The commands of this room: `stb import parts` and `stb import stock`."""

from __future__ import annotations

from stb_service.parts.arrivals.parts import import_parts
from stb_service.parts.arrivals.stock import import_stock
from stb_service.shared.commands import import_command

import_parts_command = import_command(
    "parts", import_parts, "Import the catalogue of parts from a CSV or XLSX file."
)
import_stock_command = import_command(
    "stock",
    import_stock,
    "Import from a CSV or XLSX file how many of a part are at a place; each row counts once.",
)
