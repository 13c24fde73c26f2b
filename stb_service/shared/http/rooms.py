"""What rooms tell on one another's pages: their parts of it, and what happened, in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import render_template
from markupsafe import Markup

from stb_service.shared.http.unit import current_actor, request_time, unit
from stb_service.shared.registries import TIMELINE_LENGTH, CardSection, Timeline, TimelineEntry


def parts_of_page(sections: Iterable[CardSection], uid: str) -> list[tuple[CardSection, Markup]]:
    """Return the parts of a page that other rooms make for who reads it, in their order. A part that
    has nothing to say is left out.
    """
    actor, now = current_actor(), request_time()
    made = [
        (section, _rendered(section.template, section.load(unit(), uid, actor, now)))
        for section in sorted(sections, key=lambda section: section.order)
        if actor.can(section.verb)
    ]
    return [(section, html) for section, html in made if html.strip()]


def _rendered(template: str, values: dict[str, Any]) -> Markup:
    return Markup(render_template(template, **values))  # noqa: S704 - rendered by a template


def timeline_of(providers: Iterable[Timeline], uid: str) -> list[TimelineEntry]:
    """Return the latest of what all rooms tell, the newest first."""
    found = [
        entry
        for provider in providers
        for entry in provider(unit(), uid, current_actor(), TIMELINE_LENGTH)
    ]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:TIMELINE_LENGTH]
