"""The names that the templates of returns use, and how lengths of time are said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask_babel import format_date

from stb_service.billing.rules import (
    CAUSE_NAMES,
    ENTRY_KIND_NAMES,
    LINE_KIND_NAMES,
    QUOTE_STATE_COLOURS,
    QUOTE_STATE_NAMES,
)
from stb_service.devices.components import COMPONENT_NAMES
from stb_service.devices.queries import told_of
from stb_service.devices.rules import STATUS_COLOURS, STATUS_NAMES, TENURE_NAMES
from stb_service.parts.rules import CONDITION_COLOURS, CONDITION_NAMES
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.facts import REMEDY_NAMES
from stb_service.rma.lists import (
    ANSWER_NAMES,
    CHANNEL_NAMES,
    PRECHECKS,
    STATEMENTS,
    WITH_AMOUNT,
)
from stb_service.rma.machine import PHASE_NAMES, WAITS_NAMES, Phase
from stb_service.rma.refunding import payers
from stb_service.rma.verdicts import (
    CONFIRMED_NAMES,
    FAULT_CLASS_NAMES,
    VERDICT_NAMES,
    Verdict,
)
from stb_service.rma.workshop import ORDER
from stb_service.shared.http import current_actor, services
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import Money
from stb_service.warranty.rules import OUTCOME_COLOURS, OUTCOME_NAMES

PHASE_COLOURS: Mapping[str, str] = {
    Phase.ASKED: "grey",
    Phase.ARRIVING: "blue",
    Phase.BENCH: "purple",
    Phase.DECISION: "yellow",
    Phase.CUSTOMER: "orange",
    Phase.WORK: "purple",
    Phase.LEAVING: "blue",
    Phase.ENDED: "green",
}
STATE_COLOURS: Mapping[str, str] = {
    CaseState.REJECTED: "grey",
    CaseState.EXPIRED: "grey",
    CaseState.CANCELLED: "grey",
    CaseState.LOST_IN: "red",
    CaseState.LOST_OUT: "red",
    CaseState.MISMATCH: "orange",
    CaseState.NOT_RETURNED: "red",
}
"""Those that stand out of their phase."""
VERDICT_COLOURS: Mapping[str, str] = {
    Verdict.DOA: "green",
    Verdict.IN_WARRANTY: "green",
    Verdict.CONTRACT: "green",
    Verdict.GOODWILL: "blue",
    Verdict.OUT_OF_WARRANTY: "orange",
    Verdict.USER_FAULT: "red",
    Verdict.NFF: "grey",
}
STANDING_NAMES: Mapping[str, Text] = {
    "live": text("not closed"),
    "due": text("past due"),
    "held": text("on hold"),
    "closed": text("closed"),
}
DIRECTION_NAMES: Mapping[str, Text] = {
    "in": text("To us"),
    "out": text("To the customer"),
    "supplier": text("To the supplier and back"),
    "stray": text("Back to where it came from"),
}
CONTENT_NAMES: Mapping[str, Text] = {
    "own": text("The box"),
    "spare": text("The replacement"),
    "accessory": text("An accessory"),
    "stray": text("The box that came by mistake"),
}
ENDING_NAMES: Mapping[str, Text] = {
    "delivered": text("Delivered"),
    "lost": text("Lost"),
    "refused": text("Refused"),
    "bounced": text("Undeliverable"),
    "found": text("Found again"),
}
EXCHANGE_STATE_NAMES: Mapping[str, Text] = {
    "allocated": text("Kept for the case"),
    "released": text("Given back to the shelf"),
    "given": text("With the customer"),
    "returned": text("Came back"),
    "lost": text("Lost on its way"),
}


def span(time: timedelta) -> str:
    """Return a length of time in the two units that matter: `3 d 4 h`."""
    minutes = max(0, int(time / timedelta(minutes=1)))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return str(text("%(days)s d %(hours)s h", days=days, hours=hours))
    if hours:
        return str(text("%(hours)s h %(minutes)s min", hours=hours, minutes=minutes))
    return str(text("%(minutes)s min", minutes=minutes))


def since(instant: datetime, now: datetime) -> str:
    """Return how long ago an instant was."""
    return span(now - instant)


def words() -> dict[str, Any]:
    """Return the names that templates of this room use."""
    return {
        "case_places": CASE.places,
        "order_places": ORDER.places,
        "phase_names": PHASE_NAMES,
        "phase_colours": PHASE_COLOURS,
        "state_colours": STATE_COLOURS,
        "waits_names": WAITS_NAMES,
        "standing_names": STANDING_NAMES,
        "remedy_names": REMEDY_NAMES,
        "channel_names": CHANNEL_NAMES,
        "component_names": COMPONENT_NAMES,
        "condition_names": CONDITION_NAMES,
        "condition_colours": CONDITION_COLOURS,
        "tenure_names": TENURE_NAMES,
        "status_names": STATUS_NAMES,
        "status_colours": STATUS_COLOURS,
        "answer_names": ANSWER_NAMES,
        "precheck_names": PRECHECKS,
        "statement_names": STATEMENTS,
        "with_amount": WITH_AMOUNT,
        "payers": lambda: payers(services().settings.payment_provider),
        "verdict_names": VERDICT_NAMES,
        "verdict_colours": VERDICT_COLOURS,
        "fault_class_names": FAULT_CLASS_NAMES,
        "confirmed_names": CONFIRMED_NAMES,
        "outcome_names": OUTCOME_NAMES,
        "outcome_colours": OUTCOME_COLOURS,
        "quote_state_names": QUOTE_STATE_NAMES,
        "quote_state_colours": QUOTE_STATE_COLOURS,
        "line_kind_names": LINE_KIND_NAMES,
        "entry_kind_names": ENTRY_KIND_NAMES,
        "cause_names": CAUSE_NAMES,
        "direction_names": DIRECTION_NAMES,
        "content_names": CONTENT_NAMES,
        "ending_names": ENDING_NAMES,
        "exchange_state_names": EXCHANGE_STATE_NAMES,
        "span": span,
        "since": since,
        "money": lambda minor, currency: str(Money(minor, currency)),
        "format_date": lambda day: format_date(day, "d MMM y"),  # as instants are written
        "of_operator": lambda: current_actor().scope.is_everything,
        "told_of": lambda organisation: told_of(organisation, current_actor().scope),
    }
