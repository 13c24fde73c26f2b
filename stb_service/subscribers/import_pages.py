"""The pages by which accounts arrive in a file: the form, and how the work goes."""

from __future__ import annotations

from flask import Blueprint

from stb_service.shared.http.works import ImportPages, add_import_pages
from stb_service.shared.i18n import text
from stb_service.subscribers.columns import COLUMNS
from stb_service.subscribers.imports import IMPORT
from stb_service.subscribers.schemas import AccountImportForm

pages = Blueprint("account_imports", __name__, template_folder="templates")
add_import_pages(
    pages,
    ImportPages(
        kind=IMPORT,
        at="/accounts",
        template="subscribers/import.html",
        columns=COLUMNS,
        form=AccountImportForm,
        room=text("Accounts"),
        back="accounts_pages.list_accounts",
        new=text("New accounts"),
    ),
)
