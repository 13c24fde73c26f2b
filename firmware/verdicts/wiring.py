"""What runs of the lab add to the house: pages, API, an entry of the menu, results, figures."""

from __future__ import annotations

from collections.abc import Mapping

from flask import url_for
from sqlalchemy.orm import Session

from firmware.verdicts import pages, queries, routes, rules
from stb_service.shared.access import Scope
from stb_service.shared.i18n import text
from stb_service.shared.registries import Hit, NavItem, Registries, SearchProvider

page_blueprints = [pages.blp]
api_blueprints = [routes.blp]


def wire(registries: Registries) -> None:
    """Add the parts of this room."""
    registries.navigation.append(
        NavItem(
            label=text("Lab runs"),
            icon="flask",
            endpoint="lab_run_pages.list_runs",
            verb="lab.view",
            group=text("Firmware"),
            order=340,
        )
    )
    registries.search.append(SearchProvider(text("Lab runs"), "lab.view", find_runs))
    registries.gauges.append(gauges)


def find_runs(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the newest runs whose scenario begins with what was typed."""
    words = typed.strip()
    if not scope.is_everything or not words or not words.isprintable():
        return []
    return [
        Hit(
            title=run.title,
            detail=str(rules.VERDICT_NAMES[rules.Verdict(run.verdict)]),
            url=url_for("lab_run_pages.show", public_id=run.public_id),
        )
        for run in queries.runs_named(session, words, limit=limit)
    ]


def gauges(session: Session) -> Mapping[tuple[str, str], float]:
    """Return runs by verdict, for Prometheus."""
    found = queries.runs_by_verdict(session)
    return {("stb_lab_runs", v.value): found.get(v.value, 0) for v in rules.Verdict}
