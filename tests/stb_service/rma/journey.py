"""A case and its box, walked step by step, with everything in order unless a test says not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stb_service.rma.cases import CASE
from stb_service.rma.facts import Facts
from stb_service.rma.history import Happened, remember
from stb_service.rma.machine import Machine
from stb_service.rma.rules import advance, obstacles
from stb_service.rma.verdicts import FaultLine, Verdict
from stb_service.rma.workshop import ORDER

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LINE = FaultLine(1, Verdict.IN_WARRANTY, 1, frozenset({"ines"}))
ALL_WELL = Facts(
    reason="because",
    scanned="SN1",
    tracking="1Z999",
    signed_by="A. Customer",
    now=START,
    due_at=START,
    serial="SN1",
    identifiers=frozenset({"SN1", "00:1A:79:00:00:01"}),
    repeats_ended_case=True,
    other_is_theirs=True,
    stray_gone=True,
    accessory_reserved=True,
    all_covered=True,
    spare="SN2",
    spare_fits=True,
    spare_condition="new",
    may_send_ahead=True,
    fee_agreed=True,
    fee_chargeable=True,
    ahead_back=True,
    ahead_lost=True,
    cover_presumed=True,
    loss_confirmed=True,
    address_confirmed=True,
    notice_sent=True,
    warranty_decided=True,
    lines=(LINE,),
    new_lines=1,
    side_by_side=True,
    other_chosen=True,
    compared=True,
    quote_lines=1,
    quote_sent=True,
    quote_accepted=True,
    quote_until=START + 30 * DAY,
    has_account=True,
    refund_minor=9_900,
    price_minor=9_900,
    disposal_consent=True,
    test_passed=True,
    firmware_recorded=True,
    work_recorded=True,
    components_recorded=True,
    wiping_proven=True,
    grade="A",
    provisioned=True,
    pins_released=True,
)


def lines(*verdicts: Verdict | None, **changes: Any) -> tuple[FaultLine, ...]:
    """Return fault lines with these verdicts, each photographed."""
    return tuple(
        replace(FaultLine(number, verdict, 1, frozenset({"ines"})), **changes)
        for number, verdict in enumerate(verdicts, 1)
    )


class Journey:
    """The events of one case and of its workshop order, an hour apart."""

    def __init__(self, facts: Facts = ALL_WELL) -> None:
        self.given = facts
        self.happened: dict[str, list[Happened]] = {"case": [], "order": []}
        self.clock = START

    @property
    def facts(self) -> Facts:
        return remember(self.given, self.happened["case"], self.happened["order"])

    @property
    def states(self) -> tuple[str, str]:
        return self.facts.case.state, self.facts.order.state

    def know(self, **changes: Any) -> Journey:
        """Change what is known."""
        self.given = replace(self.given, **changes)
        return self

    def bars(self, machine: Machine, event: str) -> list[str]:
        return [obstacle.code for obstacle in obstacles(machine, event, self.facts)]

    def fire(self, machine: Machine, *events: str) -> Journey:
        for event in events:
            self.clock += timedelta(hours=1)
            for move in advance(machine, event, self.facts):
                step = move.step
                self.happened[move.machine].append(
                    Happened(step.event, step.start, step.end, self.clock)
                )
        return self

    def case(self, *events: str) -> Journey:
        return self.fire(CASE, *events)

    def order(self, *events: str) -> Journey:
        return self.fire(ORDER, *events)

    def to(self, stage: str) -> Journey:
        """Walk the plain way to a stage of a case."""
        return STAGES[stage](self)


STAGES: dict[str, Callable[[Journey], Journey]] = {
    "authorised": lambda j: j.case("request", "approve"),
    "received": lambda j: j.to("authorised").case("post", "receive"),
    "deciding": lambda j: j.to("received").order("inspect", "judge"),
    "quoted": lambda j: j.to("deciding").case("quote", "send_quote"),
    "repair": lambda j: j.to("deciding").case("approve_repair"),
    "repairing": lambda j: j.to("repair").order("reserve", "begin"),
    "repaired": lambda j: j.to("repairing").order("test", "finish"),
    "outbound": lambda j: j.to("repaired").case("ship"),
    "completed": lambda j: j.to("outbound").case("deliver"),
    "replace": lambda j: j.to("deciding").case("approve_replace"),
    "replaced": lambda j: j.to("replace").case("allocate", "ship"),
    "refurbishing": lambda j: j.to("replace").order("plan_refurbishment", "reserve", "begin"),
    "ahead": lambda j: j.to("authorised").case("send_ahead"),
    "unreturned": lambda j: j.know(rented=True).to("authorised").case("charge_fee"),
}
