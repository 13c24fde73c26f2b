"""The work of importing parts and stock. Run again, neither doubles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from stb_service.parts.arrivals.parts import import_parts
from stb_service.parts.arrivals.stock import import_stock
from stb_service.shared.imports.work import run_import
from stb_service.shared.jobs import Handler
from stb_service.shared.registries import Keeper

PARTS, STOCK = "parts.import", "stock.import"


def handlers(keepers: Sequence[Keeper]) -> dict[str, Handler]:
    """Return what runs this room's long work; `keepers` are the registries'."""
    return {
        PARTS: partial(run_import, import_parts),
        STOCK: partial(run_import, import_stock, keepers=keepers),
    }


HANDLERS = handlers(())
