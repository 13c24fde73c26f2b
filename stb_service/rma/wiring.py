"""What returns add to the house."""

from __future__ import annotations

from typing import Any

from stb_service.rma import (
    board_pages,
    case_pages,
    exports,
    intake_pages,
    opening_pages,
    sections,
)
from stb_service.shared.i18n import text
from stb_service.shared.registries import CardSection, NavItem, Registries

page_blueprints = [
    board_pages.pages,
    opening_pages.pages,
    intake_pages.pages,
    case_pages.pages,
]
api_blueprints: list[Any] = []

RETURNS = text("Returns")


def wire(registries: Registries) -> None:
    """Add menu, sections of the box card and the account, and long work."""
    registries.navigation += [
        NavItem(
            text("Board of returns"),
            "layout-dashboard",
            "returns_pages.show_board",
            "rma.view",
            RETURNS,
            140,
        ),
        NavItem(text("All returns"), "list", "returns_pages.list_cases", "rma.view", RETURNS, 142),
        NavItem(
            text("Take boxes in"), "scan", "intake_pages.show_intake", "rma.receive", RETURNS, 144
        ),
    ]
    registries.card.append(
        CardSection("returns", RETURNS, "rma.view", "rma/section.html", sections.load_box, order=10)
    )
    registries.account.append(
        CardSection(
            "returns", RETURNS, "rma.view", "rma/section.html", sections.load_account, order=30
        )
    )
    registries.jobs.update(exports.HANDLERS)
