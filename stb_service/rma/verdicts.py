"""Faults and their verdicts: each fault line has its own; the case's outcome follows from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stb_service.shared.i18n import Text, text
from stb_service.warranty.cover import ran_too_long


class Confirmed(StrEnum):
    """Whether the bench saw what the customer reported."""

    YES = "yes"
    NO = "no"
    INTERMITTENT = "intermittent"


CONFIRMED_NAMES: Mapping[str, Text] = {
    Confirmed.YES: text("Seen"),
    Confirmed.NO: text("Not seen"),
    Confirmed.INTERMITTENT: text("Seen now and then"),
}


class FaultClass(StrEnum):
    """What kind of cause a fault has."""

    MANUFACTURING = "manufacturing"
    COMPONENT = "component"
    FIRMWARE = "firmware"
    TRANSPORT = "transport"
    USER_DAMAGE = "user_damage"
    LIQUID = "liquid"
    SURGE = "surge"
    THIRD_PARTY = "third_party"
    WEAR = "wear"
    NONE_FOUND = "none_found"


FAULT_CLASS_NAMES: Mapping[str, Text] = {
    FaultClass.MANUFACTURING: text("Made badly"),
    FaultClass.COMPONENT: text("Component failed"),
    FaultClass.FIRMWARE: text("Firmware"),
    FaultClass.TRANSPORT: text("Damaged on the way"),
    FaultClass.USER_DAMAGE: text("Damaged in use"),
    FaultClass.LIQUID: text("Liquid"),
    FaultClass.SURGE: text("Surge"),
    FaultClass.THIRD_PARTY: text("Opened by others"),
    FaultClass.WEAR: text("Wear"),
    FaultClass.NONE_FOUND: text("No fault found"),
}
BLAMEABLE = frozenset(
    {FaultClass.USER_DAMAGE, FaultClass.LIQUID, FaultClass.SURGE, FaultClass.THIRD_PARTY}
)
"""What a customer may be asked to pay for, if the policy excludes it and photographs show it.
Firmware is the operator's own and never a user's fault, whatever a policy says.
"""


DAMAGING = BLAMEABLE - {FaultClass.SURGE}
"""What the user of a box of the operator's answers for, whatever a warranty says."""


class Verdict(StrEnum):
    """Who answers for a fault."""

    DOA = "doa"
    IN_WARRANTY = "in_warranty"
    CONTRACT = "contract"
    GOODWILL = "goodwill"
    OUT_OF_WARRANTY = "out_of_warranty"
    USER_FAULT = "user_fault"
    NFF = "nff"


VERDICT_NAMES: Mapping[str, Text] = {
    Verdict.DOA: text("Dead on arrival"),
    Verdict.IN_WARRANTY: text("In warranty"),
    Verdict.CONTRACT: text("Covered by contract"),
    Verdict.GOODWILL: text("Goodwill"),
    Verdict.OUT_OF_WARRANTY: text("Out of warranty"),
    Verdict.USER_FAULT: text("User fault"),
    Verdict.NFF: text("No fault found"),
}
BILLABLE = frozenset({Verdict.OUT_OF_WARRANTY, Verdict.USER_FAULT})
FREE = frozenset({Verdict.DOA, Verdict.IN_WARRANTY, Verdict.CONTRACT, Verdict.GOODWILL})
BILLING_CODES: Mapping[str, str] = {
    Verdict.DOA: "warranty",
    Verdict.IN_WARRANTY: "warranty",
    Verdict.CONTRACT: "contract",
    Verdict.GOODWILL: "goodwill",
    Verdict.OUT_OF_WARRANTY: "billable",
    Verdict.USER_FAULT: "billable",
    Verdict.NFF: "warranty",
}
"""Who pays for what is done for a line; goodwill stays visible beside warranty."""


@dataclass(frozen=True)
class Cover:
    """What the warranty decision of the day on which the fault was reported says of a line. `own`:
    the box is the operator's, and no policy lets its user damage it. `doa_hours`: up to how many
    hours of operation the policy calls it dead on arrival, 0 without such a limit.
    """

    covered: bool
    doa: bool = False
    excluded: frozenset[str] = frozenset()
    contract: bool = False
    own: bool = False
    doa_hours: int = 0


OUR_CAUSES = frozenset({FaultClass.MANUFACTURING, FaultClass.COMPONENT, FaultClass.FIRMWARE})
"""Causes that no policy excludes: they are what a warranty is for."""


def verdict_of(
    fault_class: FaultClass,
    confirmed: Confirmed,
    cover: Cover,
    *,
    hours_on: int | None = None,
    goodwill: bool = False,
) -> Verdict:
    """Return who answers for a fault; what the inspector proposes, before photographs are asked.

    Seen now and then is seen. Dead on arrival is dead through no fault of the user's, and before
    the box ran for longer than its policy says; where its counter could not be read (`hours_on` is
    None), that it did is not held against the customer.
    """
    if confirmed is Confirmed.NO or fault_class is FaultClass.NONE_FOUND:
        return Verdict.NFF
    if fault_class in BLAMEABLE and (
        fault_class in cover.excluded or (cover.own and fault_class in DAMAGING)
    ):
        found = Verdict.USER_FAULT
    elif cover.doa and fault_class not in BLAMEABLE and not ran_too_long(cover.doa_hours, hours_on):
        return Verdict.DOA
    elif cover.covered and (fault_class not in cover.excluded or fault_class in OUR_CAUSES):
        return Verdict.IN_WARRANTY
    else:
        found = Verdict.OUT_OF_WARRANTY
    if cover.contract:
        return Verdict.CONTRACT
    return Verdict.GOODWILL if goodwill else found


def verdict_granted(present: Verdict, granted: str) -> Verdict:
    """Return who answers for a fault since another outcome of its warranty was granted by somebody
    who knew its cause. Where there is no fault, there is nothing to grant.
    """
    if present is Verdict.NFF:
        return present
    found = BY_GRANT.get(granted)
    if found is not None:
        return found
    return present if present in BILLABLE else Verdict.OUT_OF_WARRANTY


BY_GRANT: Mapping[str, Verdict] = {
    "covered": Verdict.IN_WARRANTY,
    "dead_on_arrival": Verdict.DOA,
    "goodwill": Verdict.GOODWILL,
}
"""The verdicts by outcomes of warranty that are granted."""


@dataclass(frozen=True)
class FaultLine:
    """One fault of a box in a case.

    `judges` are all who judged it before it was contested.
    `agreed`: the customer accepted its price. `declined`: the customer did not; the fault
    stays in the box, and nothing else of the case is held up by it.
    """

    number: int
    verdict: Verdict | None = None
    photos: int = 0
    judges: frozenset[str] = frozenset()
    second_inspector: str = ""
    disputed: bool = False
    agreed: bool = False
    declined: bool = False


class Outcome(StrEnum):
    """What the verdicts of all lines make of a case."""

    UNDECIDED = "undecided"
    BILLABLE = "billable"
    DOA = "doa"
    COVERED = "covered"
    AGREED = "agreed"
    NFF = "nff"
    NOTHING_LEFT = "nothing_left"


OUTCOME_NAMES: Mapping[str, Text] = {
    Outcome.UNDECIDED: text("Not judged yet"),
    Outcome.BILLABLE: text("To be quoted"),
    Outcome.DOA: text("Dead on arrival"),
    Outcome.COVERED: text("Covered"),
    Outcome.AGREED: text("Price agreed"),
    Outcome.NFF: text("No fault found"),
    Outcome.NOTHING_LEFT: text("Declined"),
}


def outcome_of_line(line: FaultLine) -> Outcome:
    """Return what one line asks for."""
    if line.verdict is None:
        return Outcome.UNDECIDED
    if line.verdict in BILLABLE:
        if line.declined:
            return Outcome.NOTHING_LEFT
        return Outcome.AGREED if line.agreed else Outcome.BILLABLE
    if line.verdict is Verdict.NFF:
        return Outcome.NFF
    return Outcome.DOA if line.verdict is Verdict.DOA else Outcome.COVERED


STRICTEST_FIRST = (
    Outcome.UNDECIDED,  # nothing is promised before everything is judged
    Outcome.BILLABLE,  # no work before the customer knows the whole price
    Outcome.AGREED,  # the box is repaired at the customer's wish, so it is not exchanged
    Outcome.DOA,
    Outcome.COVERED,
    Outcome.NFF,
    Outcome.NOTHING_LEFT,
)


def outcome_of(lines: Collection[FaultLine]) -> Outcome:
    """Return the outcome of a case: that of its strictest line. Without lines it is undecided."""
    found = {outcome_of_line(line) for line in lines} or {Outcome.UNDECIDED}
    return next(outcome for outcome in STRICTEST_FIRST if outcome in found)


def without_evidence(lines: Collection[FaultLine]) -> Sequence[int]:
    """Return the numbers of the lines that blame the user and show no photograph."""
    return [line.number for line in lines if line.verdict is Verdict.USER_FAULT and line.photos < 1]


def disputable(lines: Collection[FaultLine]) -> Sequence[int]:
    """Return the numbers of the lines that a customer may still contest.

    User faults that no second inspector has judged, and whose price was not accepted.
    """
    return [
        line.number
        for line in lines
        if line.verdict is Verdict.USER_FAULT
        and not line.second_inspector
        and not line.agreed
        and not line.declined
    ]
