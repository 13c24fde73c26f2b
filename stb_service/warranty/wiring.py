"""What this room adds to the app."""

from __future__ import annotations

from functools import partial

from stb_service.shared.i18n import text
from stb_service.shared.registries import CardSection, NavItem, Registries
from stb_service.warranty import card, pages, routes

page_blueprints = [pages.pages]
api_blueprints = [routes.api]

WARRANTY = text("Warranty")


def wire(registries: Registries) -> None:
    """Add menu, card section and timeline; the card asks every source of facts there will be."""
    registries.navigation += [
        NavItem(
            text("Warranty decisions"),
            "shield-check",
            "warranty_pages.list_decisions",
            "warranty.view",
            WARRANTY,
            200,
        ),
        NavItem(
            text("Warranty policies"),
            "file-description",
            "warranty_pages.list_policies",
            "policies.view",
            WARRANTY,
            210,
        ),
    ]
    registries.card.append(
        CardSection(
            "warranty",
            text("Covered until, and why"),
            "warranty.view",
            "warranty/card.html",
            partial(card.load_card, registries.warranty_facts),
            order=20,
        )
    )
    registries.timeline.append(card.timeline)
