"""What this room adds to the app."""

from __future__ import annotations

from stb_service.shared.i18n import text
from stb_service.shared.registries import NavItem, Registries
from stb_service.staff.own_pages import self_pages, sign_in_pages
from stb_service.staff.pages import people_pages
from stb_service.staff.routes import api

page_blueprints = [sign_in_pages, self_pages, people_pages]
api_blueprints = [api]

PEOPLE = text("People")


def wire(registries: Registries) -> None:
    """Add the menu's entries."""
    registries.navigation += [
        NavItem(PEOPLE, "users", "staff_people.people", "staff.view", PEOPLE, 800),
        NavItem(text("Roles"), "shield-lock", "staff_people.roles", "staff.view", PEOPLE, 810),
        NavItem(
            text("Organisations"),
            "building-store",
            "staff_people.organisations",
            "staff.view",
            PEOPLE,
            820,
        ),
    ]
