"""The names that templates of this room use, also where another room shows them."""

from __future__ import annotations

from typing import Any

from flask_babel import format_date

from stb_service.devices.components import COMPONENT_NAMES, component_name
from stb_service.devices.rules import TENURE_NAMES
from stb_service.shared.http import current_actor
from stb_service.warranty.forms import ROWS, component_rows
from stb_service.warranty.policy import BASIS_NAMES, CAUSE_NAMES, NEVER_EXCLUDED
from stb_service.warranty.rules import (
    GRANTED,
    LAST_DAY_NAMES,
    OUTCOME_COLOURS,
    OUTCOME_NAMES,
    REPLACEMENT_NAMES,
    TRANSFER_NAMES,
)
from stb_service.warranty.sentences import sentences_of
from stb_service.warranty.traces import trace_of


def words() -> dict[str, Any]:
    """Return the names."""
    return {
        "basis_names": {str(basis): name for basis, name in BASIS_NAMES.items()},
        "cause_names": CAUSE_NAMES,
        "excludable_names": {c: n for c, n in CAUSE_NAMES.items() if c not in NEVER_EXCLUDED},
        "granted": [(str(outcome), OUTCOME_NAMES[outcome]) for outcome in GRANTED],
        "last_day_names": LAST_DAY_NAMES,
        "component_name": component_name,
        "component_names": COMPONENT_NAMES,
        "component_rows": component_rows,
        "outcome_names": OUTCOME_NAMES,
        "outcome_colours": OUTCOME_COLOURS,
        "replacement_names": REPLACEMENT_NAMES,
        "transfer_names": TRANSFER_NAMES,
        "tenure_names": TENURE_NAMES,
        "start_rows": range(ROWS),
        "format_date": lambda day: format_date(day, "d MMM y"),
        "of_operator": lambda: current_actor().scope.is_everything,
        "sentences_of": lambda decision: sentences_of(trace_of(decision.trace)),
    }
