"""What this room adds to the app."""

from __future__ import annotations

from stb_service.admin.pages import pages
from stb_service.admin.routes import api
from stb_service.shared.i18n import text
from stb_service.shared.registries import NavItem, Registries

page_blueprints = [pages]
api_blueprints = [api]

WORK = text("Work")
RECORDS = text("Records")


def wire(registries: Registries) -> None:
    """Add the menu's entries."""
    registries.navigation += [
        NavItem(text("Overview"), "layout-dashboard", "admin_pages.dashboard", "self.use", WORK, 0),
        NavItem(text("Long work"), "progress", "admin_pages.jobs", "jobs.view", RECORDS, 900),
        NavItem(text("Audit"), "history", "admin_pages.audit", "audit.view", RECORDS, 910),
        NavItem(text("API"), "api", "admin_pages.api_docs", "self.use", RECORDS, 920),
    ]
