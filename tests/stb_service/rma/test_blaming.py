"""Cover goes by the component that an inspector blames, not by what was typed on the phone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from stb_service.rma import blaming, deciding
from stb_service.rma.models import Fault
from stb_service.rma.queries import case_by_ref
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Invalid
from tests.stb_service.rma.conftest import House

SEEN: dict[str, Any] = {"number": 1, "confirmed": "yes", "fault_class": "component"}


def inspected(house: House, reported: str) -> House:
    """Let a box come in whose remote has no cover any more, and everything else has."""
    box = house.customers_box()
    return house.open(box, reported).received(box).on_order("inspect")


def fault(house: House) -> Fault:
    with house.db.read() as session:
        found = session.scalars(select(Fault)).one()
        assert found.decision is not None
        return found


@pytest.mark.parametrize(
    ("reported", "found", "before", "after"),
    [
        ("remote", "mainboard", "expired", "in_warranty"),
        ("mainboard", "remote", "covered", "out_of_warranty"),
        ("remote", "", "expired", "in_warranty"),
        ("remote", None, "expired", "out_of_warranty"),
        ("", None, "covered", "in_warranty"),
    ],
)
def test_the_decision_goes_by_the_component_that_the_inspector_names(
    one: House, reported: str, found: str | None, before: str, after: str
) -> None:
    inspected(one, reported)
    assert fault(one).decision.outcome == before  # type: ignore[union-attr]

    one.say(deciding.judge_fault, **SEEN, component=found)

    judged = fault(one)
    blamed = reported if found is None else found
    assert (judged.component, judged.blamed_component, judged.verdict) == (reported, blamed, after)
    assert judged.decision.component == blamed  # type: ignore[union-attr]


def test_a_second_verdict_keeps_or_names_the_component_and_both_stay(one: House) -> None:
    inspected(one, "mainboard")
    one.say(deciding.judge_fault, **SEEN, component="remote")
    row = fault(one)
    blaming.blame(row, None, second=True)
    assert row.blamed_component == "remote"
    blaming.blame(row, "tuner", second=True)
    assert (row.found_component, row.blamed_component) == ("remote", "tuner")
    with pytest.raises(Invalid):
        blaming.blame(row, "soul", second=True)


def test_what_another_component_would_come_to_is_told_and_not_kept(one: House) -> None:
    inspected(one, "remote")
    with one.db.read() as session:
        row, case = session.scalars(select(Fault)).one(), case_by_ref(session, one.ref, EVERYTHING)
        made = blaming.supposed(session, row, case, "mainboard", ())
        assert made.decision is not None
        assert row.decision is not None
        assert (made.decision.effective_outcome, row.decision.effective_outcome) == (
            "covered",
            "expired",
        )
        assert blaming.supposed(session, row, case, "remote", ()) is row
        assert made not in session
