"""The pages by which open returns arrive in a file."""

from __future__ import annotations

from flask import Blueprint

from stb_service.devices.schemas import ImportForm
from stb_service.rma.arrivals.columns import COLUMNS
from stb_service.rma.arrivals.imports import IMPORT
from stb_service.shared.http.works import ImportPages, add_import_pages
from stb_service.shared.i18n import text

pages = Blueprint("return_imports", __name__, template_folder="../templates")
add_import_pages(
    pages,
    ImportPages(
        kind=IMPORT,
        at="/returns",
        template="rma/import.html",
        columns=COLUMNS,
        form=ImportForm,
        room=text("Returns"),
        back="returns_pages.list_cases",
        new=text("New returns"),
    ),
)
