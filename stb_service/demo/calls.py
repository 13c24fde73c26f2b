"""Calls of the demonstration: each fault of a box that somebody has, from the day it is reported.

What is said here is what a fault comes to without a return: a decision on its warranty, a part from
the bench, a quote where the customer pays.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from functools import partial

from stb_service.billing.rules import LineKind
from stb_service.demo.model import Fault
from stb_service.demo.money import FREIGHT_CENTS, LABOUR_CENTS, MARGIN, Books
from stb_service.demo.operator import Box, Operator
from stb_service.demo.stock import spare_for, use_part
from stb_service.shared.access import Actor
from stb_service.warranty import decisions
from stb_service.warranty.cover import Outcome
from stb_service.warranty.models import WarrantyDecision
from stb_service.warranty.policy import Cause
from stb_service.warranty.rules import FREE

Answer = Callable[[Box, Fault, datetime], None]
LOOKED_AT_DAYS = 6
"""So long after the call somebody has the box on the bench."""
GOODWILL_SHARE = 0.35
"""So many faults that a cause excludes are mended all the same."""
AT_NO_FAULT = frozenset({Cause.NO_FAULT_FOUND, Cause.FIRMWARE})


def plan_calls(op: Operator, answer: Answer, box: Box) -> None:
    """Let whoever has a box call about each fault that is to come; `answer` says what follows."""
    for fault in box.life.faults:
        chance = op.chance(f"call/{box.life.serial}/{fault.reported_on}")
        hour = time(8 + chance.randrange(9), chance.randrange(60))
        at = datetime.combine(fault.reported_on, hour, UTC)
        op.calendar.add(max(at, op.begun + timedelta(hours=5)), partial(_call, answer, box, fault))


def _call(answer: Answer, box: Box, fault: Fault, now: datetime) -> None:
    """Nobody calls about a box that nobody has, or that was given to them after it failed, or for
    which a return is under way.
    """
    if box.held_by is not None and not box.in_return and box.held_since_on <= fault.happens_on:
        answer(box, fault, now)


class Desk:
    """Answers calls: decides, has the box looked at, and mends it or says what that costs."""

    def __init__(self, op: Operator, books: Books) -> None:
        self._op = op
        self._books = books

    def answer(self, box: Box, fault: Fault, now: datetime) -> None:
        """Tell a caller whether the fault is covered, and have the box looked at."""
        self._decide(box, fault, None, self._op.agent, now)
        at = now + timedelta(days=LOOKED_AT_DAYS)
        self._op.calendar.add(at, partial(self._look_at, box, fault))

    def _decide(
        self, box: Box, fault: Fault, cause: Cause | None, actor: Actor, now: datetime
    ) -> WarrantyDecision:
        return decisions.decide(
            self._op.session,
            uid=box.uid,
            reported_on=fault.reported_on,
            component=fault.trouble.component,
            cause=cause,
            sources=self._op.sources,
            actor=actor,
            now=now,
        )

    def _look_at(self, box: Box, fault: Fault, now: datetime) -> None:
        """Decide again with what the bench found; out of cover the customer is asked."""
        op, cause = self._op, fault.trouble.cause
        if box.held_by is None or box.in_return:
            return  # it came back meanwhile
        decision = self._decide(box, fault, cause, op.store, now)
        outcome = decision.outcome
        chance = op.chance(f"goodwill/{box.life.serial}/{fault.reported_on}")
        if outcome == Outcome.EXCLUDED and chance.random() < GOODWILL_SHARE:
            decisions.override(
                op.session,
                decision=decision,
                outcome=Outcome.GOODWILL,
                reason="A customer of many years",
                actor=op.agent,
                now=now + timedelta(minutes=30),
            )
            outcome = Outcome.GOODWILL
        if cause in AT_NO_FAULT:
            return
        if outcome in FREE or box.is_lent:
            use_part(op, box, fault.trouble.component, now)
        else:
            self._quote(box, fault, now)

    def _quote(self, box: Box, fault: Fault, now: datetime) -> None:
        """Say what the repair costs; the part is set aside by whoever mends it later."""
        assert box.held_by is not None
        spare = spare_for(box.life.model, fault.trouble.component)
        wanted = [(LineKind.LABOUR, "Repair, half an hour", LABOUR_CENTS)]
        if spare is not None:
            wanted.append((LineKind.PART, spare.name, round(spare.cost * MARGIN)))
        wanted.append((LineKind.FREIGHT, "Parcel", FREIGHT_CENTS))
        self._books.quote(
            box.held_by,
            f"Repair: {fault.trouble.symptom}",
            wanted,
            now,
            subject=("device", box.uid, box.life.serial),
        )
