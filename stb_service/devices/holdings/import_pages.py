"""The pages by which holdings arrive in a file."""

from __future__ import annotations

from flask import Blueprint

from stb_service.devices.holdings.columns import COLUMNS
from stb_service.devices.holdings.imports import IMPORT
from stb_service.devices.schemas import ImportForm
from stb_service.shared.http.works import ImportPages, add_import_pages
from stb_service.shared.i18n import text

pages = Blueprint("holding_imports", __name__, template_folder="../templates")
add_import_pages(
    pages,
    ImportPages(
        kind=IMPORT,
        at="/holdings",
        template="devices/import_holdings.html",
        columns=COLUMNS,
        form=ImportForm,
        room=text("Accounts"),
        back="accounts_pages.list_accounts",
        new=text("New holdings"),
    ),
)
