"""What this room adds to the app."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.admin.changes import readable
from stb_service.admin.pages import pages
from stb_service.admin.queries import changes_of_box
from stb_service.admin.routes import api
from stb_service.admin.sample_pages import pages as sample_pages
from stb_service.admin.words import verb_name
from stb_service.shared import outbox
from stb_service.shared.access import Actor
from stb_service.shared.i18n import text
from stb_service.shared.registries import CardSection, NavItem, Registries

page_blueprints = [pages, sample_pages]
api_blueprints = [api]

WORK = text("Work")
RECORDS = text("Records")
CARD_ENTRIES = 50


def wire(registries: Registries) -> None:
    """Add the parts of this room."""
    registries.navigation += [
        NavItem(text("Overview"), "layout-dashboard", "admin_pages.dashboard", "self.use", WORK, 0),
        NavItem(text("Long work"), "progress", "admin_pages.jobs", "jobs.view", RECORDS, 900),
        NavItem(text("Audit"), "history", "admin_pages.audit", "audit.view", RECORDS, 910),
        NavItem(
            text("Failed follow-ups"),
            "alert-triangle",
            "admin_pages.follow_ups",
            "effects.retry",
            RECORDS,
            915,
        ),
        NavItem(
            text("Letters and labels"), "mail", "admin_samples.papers", "self.use", RECORDS, 918
        ),
        NavItem(text("API"), "api", "admin_pages.api_docs", "self.use", RECORDS, 920),
    ]
    registries.gauges.append(gauges)
    registries.card.append(
        CardSection("changes", text("Changes"), "audit.view", "admin/card.html", load_card, 900)
    )


def gauges(session: Session) -> Mapping[tuple[str, str], float]:
    """Return how many effects of the outbox wait or were given up, for Prometheus."""
    return {("stb_outbox", kind): count for kind, count in outbox.count_open(session).items()}


def load_card(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return what the audit knows of a box: whoever may read the audit may read all of it."""
    entries = changes_of_box(session, uid, limit=CARD_ENTRIES)
    return {
        "entries": entries,
        "readable_changes": readable(session, entries, actor),
        "verb_name": verb_name,
    }
