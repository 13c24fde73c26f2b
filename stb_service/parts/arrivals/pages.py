"""The pages by which parts and stock arrive in a file."""

from __future__ import annotations

from flask import Blueprint

from stb_service.devices.schemas import ImportForm
from stb_service.parts.arrivals.columns import PART_COLUMNS, STOCK_COLUMNS
from stb_service.parts.arrivals.jobs import PARTS, STOCK
from stb_service.shared.http.works import ImportPages, add_import_pages
from stb_service.shared.i18n import text

parts_pages = Blueprint("part_imports", __name__, template_folder="../templates")
add_import_pages(
    parts_pages,
    ImportPages(
        kind=PARTS,
        at="/parts",
        template="parts/import_parts.html",
        columns=PART_COLUMNS,
        form=ImportForm,
        room=text("Parts"),
        back="parts_pages.list_parts",
        new=text("New parts"),
    ),
)
stock_pages = Blueprint("stock_imports", __name__, template_folder="../templates")
add_import_pages(
    stock_pages,
    ImportPages(
        kind=STOCK,
        at="/stock",
        template="parts/import_stock.html",
        columns=STOCK_COLUMNS,
        form=ImportForm,
        room=text("Stock-taking"),
        back="counts_pages.list_counts",
        new=text("New stock"),
    ),
)
