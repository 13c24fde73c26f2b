"""The names that templates of the workshop use, beside those of all returns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import format_percent

from stb_service.rma import cases, wording, workshop
from stb_service.rma.comparison import ADVICE_NAMES, CHOICE_NAMES
from stb_service.rma.deciding import MOST_HOURS
from stb_service.rma.history import Stay
from stb_service.rma.lists import BILLING_CODE_NAMES, CHECKLIST, GRADES, RESULT_NAMES
from stb_service.rma.models import ReturnCase, WorkshopOrder
from stb_service.rma.steps import NEEDED_PLACES, asked_with
from stb_service.rma.wiping import METHODS
from stb_service.rma.wording import PHASE_COLOURS
from stb_service.shared.http.unit import request_time
from stb_service.warranty.rules import OUTCOME_COLOURS, OUTCOME_NAMES
from stb_service.warranty.sentences import sentences_of
from stb_service.warranty.traces import trace_of


def state_title(owner: ReturnCase | WorkshopOrder) -> Any:
    """Return what the state of a case or an order is called."""
    places = cases.PLACES if isinstance(owner, ReturnCase) else workshop.PLACES
    return places[owner.state].title


def state_colour(owner: ReturnCase | WorkshopOrder) -> str:
    """Return the colour of a state; what is on hold stands out."""
    return "orange" if owner.held else PHASE_COLOURS[owner.phase]


def time_since(instant: datetime) -> str:
    """Return how long ago something was, as a length of time."""
    return wording.since(instant, request_time())


def format_lasted(stay: Stay) -> str:
    """Return how long a stay lasted."""
    return wording.span(stay.lasted(request_time()))


def words() -> dict[str, Any]:
    """Return the names."""
    return {
        **wording.words(),
        "advice_names": ADVICE_NAMES,
        "asked_with": asked_with,
        "billing_code_names": BILLING_CODE_NAMES,
        "checklist": CHECKLIST,
        "choice_names": CHOICE_NAMES,
        "format_lasted": format_lasted,
        "format_share": lambda permille: format_percent(permille / 1000, "#,##0.#%"),
        "grades": GRADES,
        "most_hours": MOST_HOURS,
        "needed_places": NEEDED_PLACES,
        "order_events": workshop.EVENTS,
        "outcome_colours": OUTCOME_COLOURS,
        "outcome_names": OUTCOME_NAMES,
        "result_names": RESULT_NAMES,
        "sentences_of": lambda decision: sentences_of(trace_of(decision.trace)),
        "state_colour": state_colour,
        "state_title": state_title,
        "time_since": time_since,
        "wiping_methods": METHODS,
    }
