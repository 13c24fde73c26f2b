"""What images add to the house: pages, API, an entry of the menu, results of the search."""

from __future__ import annotations

from flask import url_for
from sqlalchemy.orm import Session

from firmware.images import pages, queries, routes, rules
from stb_service.shared.access import Scope
from stb_service.shared.i18n import text
from stb_service.shared.registries import Hit, NavItem, Registries, SearchProvider

page_blueprints = [pages.blp]
api_blueprints = [routes.blp]


def wire(registries: Registries) -> None:
    """Add the parts of this room."""
    registries.navigation.append(
        NavItem(
            label=text("Images"),
            icon="package",
            endpoint="image_pages.list_images",
            verb="images.view",
            group=text("Firmware"),
            order=310,
        )
    )
    registries.search.append(SearchProvider(text("Images"), "images.view", find_images))


def find_images(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return images whose version or name begins with what was typed."""
    if not scope.is_everything or not typed.strip() or "\x00" in typed:
        return []
    return [
        Hit(
            title=f"{image.name} {image.version}",
            detail=str(rules.STATE_NAMES[rules.State(image.state)]),
            url=url_for("image_pages.show_image", public_id=image.public_id),
        )
        for image in queries.images_named(session, typed.strip(), limit=limit)
    ]
