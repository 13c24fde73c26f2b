"""The work of importing parts and stock. Run again, neither doubles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from stb_service.parts.arrivals.parts import import_parts
from stb_service.parts.arrivals.stock import import_stock
from stb_service.shared.imports import Report, outcome_of
from stb_service.shared.jobs import Handler, Outcome, Work
from stb_service.shared.registries import Keeper

PARTS, STOCK = "parts.import", "stock.import"


def _run(take: Callable[..., Report], work: Work) -> Outcome:
    """Import the file; the report holds every refused row."""
    report = take(
        work.db,
        work.files.path(work.arguments["sha256"]),
        name=work.arguments["name"],
        actor=work.actor,
        clock=work.clock,
        encoding=work.arguments["encoding"],
        dry_run=work.arguments["dry_run"],
        progress=work.progress,
    )
    return outcome_of(work, report)


def handlers(keepers: Sequence[Keeper]) -> dict[str, Handler]:
    """Return what runs this room's long work; `keepers` are the registries'."""
    return {
        PARTS: partial(_run, import_parts),
        STOCK: partial(_run, partial(import_stock, keepers=keepers)),
    }


HANDLERS = handlers(())
