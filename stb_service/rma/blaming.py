"""Which component is to blame for a fault: whoever inspects the box says so, not whoever called."""

from __future__ import annotations

from sqlalchemy.orm import Session

from stb_service.devices.components import Component
from stb_service.rma.models import Fault, ReturnCase
from stb_service.shared.errors import Invalid, Refused
from stb_service.shared.i18n import text
from stb_service.warranty.decisions import judge_box
from stb_service.warranty.facts import Sources
from stb_service.warranty.models import WarrantyDecision
from stb_service.warranty.traces import trace_json


def blame(fault: Fault, component: str | None, *, second: bool) -> None:
    """Keep which component a verdict names; empty for the box as a whole.

    None names none: then it is the one that was reported, and in the second inspection the one that
    the first verdict named.

    Raises:
        Invalid: there is no such component.
    """
    if component and component not in set(Component):
        raise Invalid.field("component", text("One of: %(names)s", names=", ".join(Component)))
    if second:
        fault.second_component = component
    else:
        fault.found_component = component


def supposed(
    session: Session, fault: Fault, case: ReturnCase, name: str, sources: Sources
) -> Fault:
    """Return a fault as it would be decided on if another component were to blame, keeping nothing.

    What was granted for it goes on to count.
    """
    decision = fault.decision
    if decision is None or decision.overrides or name == decision.component:
        return fault
    try:
        found = judge_box(
            session, case.device, day=case.reported_on, component=name, sources=sources
        )
    except Refused:
        return fault
    trace = trace_json(found.trace)
    made = WarrantyDecision(version=found.version, outcome=found.outcome.value, trace=trace)
    return Fault(decision=made, found_component=name, component=fault.component)
