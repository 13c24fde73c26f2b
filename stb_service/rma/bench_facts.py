"""What the rules ask of the work on a box: each fact in its own place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from stb_service.devices.components import Component
from stb_service.parts.rules import ReservationState
from stb_service.rma import wiping
from stb_service.rma.comparison import Choice
from stb_service.rma.events import last_event
from stb_service.rma.history import Happened
from stb_service.rma.known import Known
from stb_service.rma.lists import CHECKLIST
from stb_service.rma.models import (
    BoxTest,
    Comparison,
    ComponentSwap,
    InspectionCheck,
    Labour,
    OrderPart,
    WorkshopOrder,
)
from stb_service.rma.workshop import OrderState

SERIALISED = frozenset({Component.MAINBOARD, Component.DISK, Component.TUNER, Component.WIFI})
"""Components that have a serial of their own, which a repair records."""


def bench_facts(known: Known) -> dict[str, Any]:
    """Return what is known of the work."""
    order = known.order
    if order is None:
        return {}
    parts = _parts(known, order)
    wanted = [row for row in parts if row.dropped_at is None]
    comparison = _comparison(known, order)
    return {
        "open_checks": _open_checks(known, order),
        "new_lines": _new_lines(known),
        "beyond_repair": order.state in {OrderState.CONDEMNED, OrderState.WITH_SUPPLIER}
        or (comparison is not None and _is_too_dear(known, comparison)),
        "compared": comparison is not None,
        "missing_parts": [
            row.part.sku
            for row in wanted
            if row.reservation is None or row.reservation.state == ReservationState.RELEASED
        ],
        "parts_unsettled": sum(
            row.reservation is not None and row.reservation.state == ReservationState.HELD
            for row in parts
        ),
        **_tested(known, order),
        "firmware_recorded": bool(order.firmware_before and order.firmware_after),
        "components_recorded": _components_recorded(known, order, wanted),
        "work_recorded": _work_recorded(known, order, wanted),
        "wiping_proven": wiping.is_proven(
            known.session, order, known.order_events, known.statements.get(wiping.WIPING)
        ),
        "grade": order.grade,
    }


def _parts(known: Known, order: WorkshopOrder) -> Sequence[OrderPart]:
    return known.session.scalars(
        select(OrderPart)
        .where(OrderPart.order_id == order.id)
        .order_by(OrderPart.id)
        .execution_options(populate_existing=True)
    ).all()


def _comparison(known: Known, order: WorkshopOrder) -> Comparison | None:
    return known.session.scalar(
        select(Comparison)
        .where(Comparison.order_id == order.id)
        .order_by(Comparison.id.desc())
        .limit(1)
    )


def _is_too_dear(known: Known, comparison: Comparison) -> bool:
    """Tell whether the repair is refused for what it costs. The law comes first: a consumer who
    chose it, and may not be refused it, gets it whatever the model's threshold says.
    """
    result = comparison.result
    if not result["beyond_repair"] or result["may_refuse_choice"]:
        return bool(result["beyond_repair"])
    chosen = known.session.scalar(
        select(Comparison.choice)
        .where(Comparison.order_id == comparison.order_id, Comparison.choice != "")
        .order_by(Comparison.chosen_at.desc(), Comparison.id.desc())
        .limit(1)
    )
    return chosen != Choice.REPAIR


def _open_checks(known: Known, order: WorkshopOrder) -> Sequence[str]:
    answered = set(
        known.session.scalars(
            select(InspectionCheck.code).where(
                InspectionCheck.order_id == order.id,
                InspectionCheck.round == round_of(known.order_events),
            )
        )
    )
    return [str(title) for code, title in CHECKLIST.items() if code not in answered]


def _new_lines(known: Known) -> int:
    """Return how many faults were written down since the work was begun last."""
    begun = last_event(known.order_events, "begin", "go_on")
    if begun is None:
        return 0
    first = last_event(known.order_events, "begin") or begun
    return sum(fault.found_seq is not None and fault.found_seq >= first for fault in known.faults)


def _tested(known: Known, order: WorkshopOrder) -> dict[str, bool]:
    """Return what the last test came to; one made before the last repair was passed for nothing."""
    last = known.session.scalar(
        select(BoxTest).where(BoxTest.order_id == order.id).order_by(BoxTest.id.desc()).limit(1)
    )
    begun = last_event(known.order_events, "begin", "test", "fail") or 0
    return {
        "test_passed": last is not None and last.passed and last.order_seq >= begun,
        "test_failed": last is not None and not last.passed,
    }


def _work_recorded(known: Known, order: WorkshopOrder, parts: Sequence[OrderPart]) -> bool:
    """Tell whether anything says what was done to the box."""
    if any(row.used for row in parts) or order.firmware_before != order.firmware_after:
        return True
    rows = (
        select(Labour.id).where(Labour.order_id == order.id),
        select(ComponentSwap.id).where(ComponentSwap.order_id == order.id),
        select(BoxTest.id).where(BoxTest.order_id == order.id, BoxTest.note != ""),
    )
    return any(known.session.scalar(found.limit(1)) is not None for found in rows)


def _components_recorded(known: Known, order: WorkshopOrder, parts: Sequence[OrderPart]) -> bool:
    recorded = set(
        known.session.scalars(
            select(ComponentSwap.component).where(ComponentSwap.order_id == order.id)
        )
    )
    used = {row.part.component for row in parts if row.used}
    return (used & SERIALISED) <= recorded


def round_of(events: Sequence[Happened]) -> int:
    """Return which round of inspection an order is in."""
    return 1 + sum(happened.event == "dispute" for happened in events)
