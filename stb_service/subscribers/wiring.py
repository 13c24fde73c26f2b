"""What this room adds to the app."""

from __future__ import annotations

from stb_service.shared.i18n import text
from stb_service.shared.registries import NavItem, Registries, SearchProvider
from stb_service.subscribers import import_pages, pages, queries, routes, timeline
from stb_service.subscribers.imports import HANDLERS

page_blueprints = [import_pages.pages, pages.pages]
api_blueprints = [routes.api]

SUBSCRIBERS = text("Subscribers")


def wire(registries: Registries) -> None:
    """Add search, menu and the account's own timeline."""
    registries.search += [
        SearchProvider(text("Accounts"), "accounts.view", queries.find_accounts),
        SearchProvider(
            text("Phones and mail addresses"), "accounts.personal", queries.find_by_contact
        ),
    ]
    registries.navigation.append(
        NavItem(
            text("Accounts"),
            "users-group",
            "accounts_pages.list_accounts",
            "accounts.view",
            SUBSCRIBERS,
            50,
        )
    )
    registries.jobs.update(HANDLERS)
    registries.account_timeline.append(timeline.entries)
