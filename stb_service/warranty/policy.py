"""What a policy says: terms as data, checked when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stb_service.devices.rules import Tenure
from stb_service.shared.i18n import Text, text
from stb_service.warranty.periods import LastDay

__all__ = [
    "BASIS_NAMES",
    "CAUSE_NAMES",
    "NEVER_EXCLUDED",
    "Basis",
    "Cause",
    "OnReplacement",
    "OnTransfer",
    "Policy",
    "Repairs",
    "Start",
    "Tenure",
]


class Basis(StrEnum):
    """What happened to a box that can begin its cover."""

    DELIVERY = "delivery"
    SALE = "sale"
    ACTIVATION = "activation"
    SHIPMENT = "shipment"
    PRODUCTION = "production"


BASIS_NAMES: Mapping[Basis, Text] = {
    Basis.DELIVERY: text("Delivery"),
    Basis.SALE: text("Sale"),
    Basis.ACTIVATION: text("Activation"),
    Basis.SHIPMENT: text("Shipment"),
    Basis.PRODUCTION: text("Production"),
}


class Cause(StrEnum):
    """What an inspection can find to be behind a fault."""

    MANUFACTURING = "manufacturing"
    COMPONENT = "component"
    FIRMWARE = "firmware"
    TRANSPORT = "transport"
    USER_DAMAGE = "user_damage"
    LIQUID = "liquid"
    SURGE = "surge"
    THIRD_PARTY = "third_party"
    WEAR = "wear"
    NO_FAULT_FOUND = "no_fault_found"


CAUSE_NAMES: Mapping[str, Text] = {
    Cause.MANUFACTURING: text("Made wrongly"),
    Cause.COMPONENT: text("Component failed"),
    Cause.FIRMWARE: text("Firmware"),
    Cause.TRANSPORT: text("Damaged in transport"),
    Cause.USER_DAMAGE: text("Damaged by the user"),
    Cause.LIQUID: text("Liquid"),
    Cause.SURGE: text("Power surge"),
    Cause.THIRD_PARTY: text("Work by a third party"),
    Cause.WEAR: text("Wear"),
    Cause.NO_FAULT_FOUND: text("No fault found"),
}
NEVER_EXCLUDED = frozenset(
    {Cause.MANUFACTURING, Cause.COMPONENT, Cause.FIRMWARE, Cause.NO_FAULT_FOUND}
)
"""What is never the user's doing, whatever a policy would say."""


class OnReplacement(StrEnum):
    """What cover a box has that was given for another."""

    REMAINDER = "remainder"
    AT_LEAST = "at_least"
    RESTART = "restart"


class OnTransfer(StrEnum):
    """Whether cover goes with the box to another owner."""

    NEVER = "never"
    ONCE = "once"
    ALWAYS = "always"


@dataclass(frozen=True)
class Start:
    """One way to tell when cover begins: so many days after something happened, and not later than
    so many days after something else, where that is known.
    """

    basis: Basis
    after_days: int = 0
    at_most_after: Basis | None = None
    at_most_days: int = 0


@dataclass(frozen=True)
class Repairs:
    """What a repair does to the cover; each part by itself.

    `suspends`: the days that the box was in our hands are added. `tail_days`: what was repaired
    is covered at least so long after. `extend_months`: added once, where the customer chose repair
    and was told of it. `restarts_component`: a part fitted in a repair has its whole term anew.
    """

    suspends: bool = False
    tail_days: int = 0
    extend_months: int = 0
    restarts_component: bool = False


@dataclass(frozen=True)
class Policy:
    """One version of a policy. Terms of components replace that of the box, for that component.

    `starts` is the chain: the first whose day is known counts, and any but the first is a
    presumption. `excluded` are the causes of a fault that an inspection can find. `doa_hours` is up
    to how many hours of operation a box may be dead on arrival, 0 without such a limit.
    """

    code: str
    version: int
    jurisdiction: str
    starts: tuple[Start, ...]
    months: int
    last_day: LastDay
    doa_days: int = 0
    doa_hours: int = 0
    components: Mapping[str, int] = field(default_factory=dict)
    repairs: Repairs = Repairs()
    replacement: OnReplacement = OnReplacement.REMAINDER
    replacement_days: int = 0
    transfer: OnTransfer = OnTransfer.ALWAYS
    excluded: frozenset[str] = frozenset()
    tenures: frozenset[Tenure] = frozenset({Tenure.SOLD})

    def __post_init__(self) -> None:
        """Refuse terms that give no dates.

        Raises:
            ValueError: no way to begin, or a number below zero.
        """
        if not self.starts:
            raise ValueError("a policy needs a way to begin")
        numbers = (self.months, self.doa_days, self.doa_hours, self.replacement_days)
        repairs = (self.repairs.tail_days, self.repairs.extend_months)
        if min(*numbers, *repairs, *self.components.values()) < 0:
            raise ValueError("a term of a policy is below zero")

    def months_of(self, component: str | None) -> int:
        """Return the term of a component, or of the box (None)."""
        return self.components.get(component, self.months) if component else self.months
