"""What a policy says: terms as data, checked when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stb_service.shared.i18n import Text, text
from stb_service.warranty.periods import LastDay


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


class Tenure(StrEnum):
    """How the customer has the box; the words of the registry."""

    SOLD = "sold"
    RENTED = "rented"
    LOAN = "loan"


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
    presumption. `excluded` are the causes of a fault that an inspection can find.
    """

    code: str
    version: int
    jurisdiction: str
    starts: tuple[Start, ...]
    months: int
    last_day: LastDay
    doa_days: int = 0
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
        numbers = (self.months, self.doa_days, self.replacement_days, *self.components.values())
        repairs = (self.repairs.tail_days, self.repairs.extend_months)
        if min(*numbers, *repairs) < 0:
            raise ValueError("a term of a policy is below zero")

    def months_of(self, component: str | None) -> int:
        """Return the term of a component, or of the box (None)."""
        return self.components.get(component, self.months) if component else self.months
