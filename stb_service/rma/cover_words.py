"""What a customer is told of the warranty of a fault: what it gets, by which policy, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stb_service.rma.case_facts import COVERING
from stb_service.rma.models import Fault, ReturnCase
from stb_service.rma.verdicts import BILLABLE, FaultClass, Verdict
from stb_service.shared.speech import CustomerText, customer_text
from stb_service.warranty.cover import Outcome, Rule
from stb_service.warranty.judging import RAN_TOO_LONG
from stb_service.warranty.models import WarrantyDecision
from stb_service.warranty.traces import trace_of

WHY: Mapping[str, CustomerText] = {
    FaultClass.LIQUID: customer_text(
        "The box was damaged by a liquid, which the warranty excludes."
    ),
    FaultClass.SURGE: customer_text(
        "The box was damaged by a surge in the mains, which the warranty excludes."
    ),
    FaultClass.USER_DAMAGE: customer_text(
        "The box was damaged in use, which the warranty excludes."
    ),
    FaultClass.THIRD_PARTY: customer_text(
        "The box was opened by somebody else, which the warranty excludes."
    ),
}
"""Why a fault that the user brought about is not covered, by its class."""
OPERATORS = customer_text("The box is ours: it has no warranty of its own.")
"""Said of a box that is rented."""
NOT_COVERED = customer_text("The warranty does not cover this fault.")
OUTCOMES: Mapping[str, CustomerText] = {
    Outcome.DEAD_ON_ARRIVAL: customer_text(
        "The fault was there from the beginning: the warranty covers it."
    ),
    Outcome.COVERED: customer_text("The warranty covers this fault."),
    Outcome.EXCLUDED: customer_text("The warranty excludes what was found."),
    Outcome.NOT_YET: customer_text("The warranty had not begun when the fault was reported."),
    Outcome.NO_COVER: customer_text("No warranty applies to this box."),
    Outcome.GOODWILL: customer_text(
        "The warranty does not cover this fault. We make it good all the same."
    ),
}
BY_VERDICT: Mapping[str, CustomerText] = {
    Verdict.DOA: OUTCOMES[Outcome.DEAD_ON_ARRIVAL],
    Verdict.IN_WARRANTY: OUTCOMES[Outcome.COVERED],
    Verdict.NFF: customer_text("We found no fault."),
    Verdict.GOODWILL: OUTCOMES[Outcome.GOODWILL],
    Verdict.CONTRACT: customer_text("Your contract covers this fault."),
}


@dataclass(frozen=True)
class Told:
    """What a customer is told of one fault: how it was judged, by which policy, and why."""

    fault: Fault
    decision: WarrantyDecision
    outcome: CustomerText
    reasons: tuple[CustomerText, ...]

    @property
    def by(self) -> CustomerText:
        """Which policy says so, and which version of it."""
        version = self.decision.version
        return customer_text(
            "Decided by the warranty policy “%(policy)s”, version %(version)s.",
            policy=version.title,
            version=version.number,
        )

    @property
    def sentences(self) -> tuple[CustomerText, ...]:
        """All of it as a letter says it."""
        return (self.outcome, *self.reasons, self.by)


def told_of(faults: Iterable[Fault]) -> list[Told]:
    """Return what a customer is told of the faults whose warranty was decided."""
    return [
        Told(fault, decision, outcome_words(fault), tuple(_reasons(decision)))
        for fault in faults
        if (decision := fault.decision) is not None
    ]


def outcome_words(fault: Fault) -> CustomerText:
    """Return what a fault gets: by its verdict, and before there is one by the rules alone."""
    verdict, decision = fault.effective_verdict, fault.decision
    if verdict is not None and verdict in BY_VERDICT:
        return BY_VERDICT[verdict]
    if verdict == Verdict.USER_FAULT:
        found = WHY.get(fault.second_class or fault.fault_class or "")
        return found or OUTCOMES[Outcome.EXCLUDED]
    if decision is None:
        return NOT_COVERED
    outcome, until = decision.effective_outcome, decision.covered_until
    if outcome == Outcome.EXPIRED and until is not None and until < decision.reported_on:
        return customer_text("The warranty ended on %(day)s.", day=until)
    if verdict in BILLABLE and outcome in COVERING:  # it was granted after the verdict
        return NOT_COVERED
    return OUTCOMES.get(outcome, NOT_COVERED)


RULES: Mapping[str, CustomerText] = {
    "start": customer_text("The warranty began on %(day)s."),
    "start_replaced": customer_text("The warranty began on %(day)s."),
    "start_presumed": customer_text(
        "It is not known when the warranty began; %(day)s is taken for it."
    ),
    "term": customer_text("It holds for %(months)s months, until %(day)s."),
    "remainder": customer_text("What was left of the former box's warranty holds until %(day)s."),
    "at_least": customer_text("It holds for %(days)s days at least, until %(day)s."),
    "suspended": customer_text(
        "The %(days)s days on which the box was with us were added: until %(day)s."
    ),
    "extended": customer_text(
        "You chose repair: %(months)s months were added once, until %(day)s."
    ),
    "component_restarted": customer_text(
        "The part that was fitted has a warranty of its own, until %(day)s."
    ),
    RAN_TOO_LONG: customer_text(
        "A fault counts as there from the beginning up to %(most)s hours of operation; the counter"
        " of the box showed %(hours)s."
    ),
    "tail": customer_text("What was repaired is covered for %(days)s days, until %(day)s."),
}
"""The rules of a decision that a customer is told; others say how evidence was weighed."""


def letter_words(case: ReturnCase, faults: Iterable[Fault]) -> tuple[CustomerText, ...]:
    """Return what a letter says of the warranty, each sentence once."""
    if case.is_rented:
        return (OPERATORS,)
    found = (sentence for told in told_of(faults) for sentence in told.sentences)
    return tuple({str(sentence): sentence for sentence in found}.values())


def _reasons(decision: WarrantyDecision) -> Iterator[CustomerText]:
    """Return the days of a decision and the rules that gave them, in the order of the trace."""
    is_doa = decision.effective_outcome == Outcome.DEAD_ON_ARRIVAL
    for rule in trace_of(decision.trace):
        found = None if is_doa and rule.name == RAN_TOO_LONG else RULES.get(rule.name)
        if found is not None and _says_something(rule):
            yield CustomerText(found.msgid, {**rule.values, "day": rule.day})
    yield customer_text("The fault was reported on %(day)s.", day=decision.reported_on)


def _says_something(rule: Rule) -> bool:
    is_nothing = rule.values.get("is_nothing") or not rule.values.get("months", True)
    return rule.day is not None and not is_nothing
