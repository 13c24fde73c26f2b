"""What may be done with policies and decisions, whose policy comes first, and what a change takes
away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import inf

from stb_service.devices.components import component_name
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import Text, text
from stb_service.warranty.cover import Outcome
from stb_service.warranty.periods import LastDay
from stb_service.warranty.policy import Basis, OnReplacement, OnTransfer, Policy

OUTCOME_NAMES: Mapping[str, Text] = {
    Outcome.DEAD_ON_ARRIVAL: text("Dead on arrival"),
    Outcome.COVERED: text("Covered"),
    Outcome.EXCLUDED: text("Excluded by its cause"),
    Outcome.NOT_YET: text("Not covered yet"),
    Outcome.EXPIRED: text("Cover has ended"),
    Outcome.NO_COVER: text("No cover"),
    Outcome.GOODWILL: text("Goodwill"),
}
OUTCOME_COLOURS: Mapping[str, str] = {
    Outcome.DEAD_ON_ARRIVAL: "purple",
    Outcome.COVERED: "green",
    Outcome.EXCLUDED: "red",
    Outcome.NOT_YET: "yellow",
    Outcome.EXPIRED: "orange",
    Outcome.NO_COVER: "grey",
    Outcome.GOODWILL: "blue",
}
FREE = frozenset({Outcome.DEAD_ON_ARRIVAL, Outcome.COVERED, Outcome.GOODWILL})
"""What the customer does not pay for."""
GRANTED = (Outcome.COVERED, Outcome.DEAD_ON_ARRIVAL, Outcome.GOODWILL, Outcome.EXCLUDED)
"""What an override may say; the other outcomes are dates, and dates are not granted."""

LAST_DAY_NAMES: Mapping[str, Text] = {
    LastDay.ANNIVERSARY: text("the same day of its last month"),
    LastDay.DAY_BEFORE: text("the day before"),
}
REPLACEMENT_NAMES: Mapping[str, Text] = {
    OnReplacement.REMAINDER: text("what was left of the other box"),
    OnReplacement.AT_LEAST: text("what was left, but so many days at least"),
    OnReplacement.RESTART: text("its whole term anew"),
}
TRANSFER_NAMES: Mapping[str, Text] = {
    OnTransfer.NEVER: text("ends with the first owner"),
    OnTransfer.ONCE: text("goes with the box once"),
    OnTransfer.ALWAYS: text("goes with the box always"),
}

# --- days ----------------------------------------------------------------------------------------

GIVEN_OUT_BY = (Basis.SALE, Basis.DELIVERY, Basis.ACTIVATION, Basis.SHIPMENT, Basis.PRODUCTION)
"""What tells on which day a box was given out: its contract first, then what followed from it."""
FARTHEST_EAST = timedelta(hours=14)
"""The zone in which a day begins first (Pacific/Kiritimati, IANA time zone database)."""
FARTHEST_WEST = timedelta(hours=12)
"""Behind UTC: the zone in which a day ends last (Etc/GMT+12, IANA time zone database)."""


def given_out(days: Mapping[Basis, date]) -> tuple[Basis, date] | None:
    """Return what tells when a box was given out, and that day; None where nothing is known."""
    return next(((basis, days[basis]) for basis in GIVEN_OUT_BY if basis in days), None)


def last_day_begun(now: datetime) -> date:
    """Return the latest day that has begun anywhere; what was reported was not reported later."""
    return (now + FARTHEST_EAST).date()


def first_day_running(now: datetime) -> date:
    """Return the earliest day that is not over everywhere; before it lies the past."""
    return (now - FARTHEST_WEST).date()


# --- whose policy --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """A policy that is assigned to boxes like this one: from a day on, by what an assignment names.

    `policy_id` is None where the assignment was ended.
    """

    policy_id: int | None
    from_on: date
    names: frozenset[str] = frozenset()
    code: str = ""


PRECEDENCE: Mapping[str, int] = {"model": 4, "seller": 2, "tenure": 1}
"""What an assignment names counts so much: one that names the model comes before every one that
does not, then one that names the seller, then the tenure. No two of one box weigh the same.
"""
CLAIM_NAMES: Mapping[str, Text] = {
    "model": text("its model"),
    "seller": text("its seller"),
    "tenure": text("its tenure"),
}


def in_order(claims: Iterable[Claim], day: date) -> list[Claim]:
    """Return the claims that hold on a day, the one that comes first at the beginning.

    Of those that name the same only the latest counts.
    """
    latest: dict[frozenset[str], Claim] = {}
    for claim in sorted(claims, key=lambda claim: claim.from_on):
        if claim.from_on <= day:
            latest[claim.names] = claim
    holding = [claim for claim in latest.values() if claim.policy_id is not None]
    return sorted(holding, key=_weight, reverse=True)


def _weight(claim: Claim) -> int:
    return sum(PRECEDENCE[name] for name in claim.names)


# --- what may be done ----------------------------------------------------------------------------


def obstacles_to_publishing(
    in_force_from: date, *, former_from: date | None, has_draft: bool, now: datetime
) -> list[Obstacle]:
    """Return why a draft may not come into force on a day; empty if it may.

    The first version may begin in the past, for boxes that were given out before there was a
    policy. A later one may not: it would change what those who have a box were promised.
    """
    if not has_draft:
        return [Obstacle("no-draft", text("There is no draft."))]
    if former_from is None:
        return []
    if in_force_from <= former_from:
        message = text("The version before it is in force from %(day)s.", day=former_from)
        return [Obstacle("not-after", message)]
    if in_force_from < first_day_running(now):
        message = text(
            "A later version begins today at the soonest: boxes keep what they were promised."
        )
        return [Obstacle("in-the-past", message)]
    return []


def obstacles_to_retiring(
    retired_on: date, *, in_force_from: date | None, is_retired: bool, now: datetime
) -> list[Obstacle]:
    """Return why the newest version may not end on a day; empty if it may."""
    if in_force_from is None:
        return [Obstacle("not-published", text("No version was published."))]
    if is_retired:
        return [Obstacle("retired", text("It is retired already."))]
    if retired_on <= in_force_from or retired_on < first_day_running(now):
        message = text("It ends today at the soonest, and after its first day.")
        return [Obstacle("too-soon", message)]
    return []


def obstacles_to_override(present: str, wanted: str) -> list[Obstacle]:
    """Return why an outcome may not be put in the place of another; empty if it may."""
    if wanted not in GRANTED:
        message = text("This follows from days alone: %(outcome)s", outcome=OUTCOME_NAMES[wanted])
        return [Obstacle("not-granted", message)]
    if wanted == present:
        message = text("It is decided so already: %(outcome)s", outcome=OUTCOME_NAMES[wanted])
        return [Obstacle("decided-so", message)]
    return []


# --- what a change takes away --------------------------------------------------------------------

ORDER_OF_TRANSFER = (OnTransfer.NEVER, OnTransfer.ONCE, OnTransfer.ALWAYS)
ORDER_OF_REPLACEMENT = (OnReplacement.REMAINDER, OnReplacement.AT_LEAST, OnReplacement.RESTART)


def shortened(before: Policy, after: Policy) -> list[Text]:
    """Return in which ways one policy can give less than another; empty if it gives no less."""
    found = [*_shorter_terms(before, after), *_less_after_repair(before, after)]
    if before.last_day == LastDay.ANNIVERSARY and after.last_day == LastDay.DAY_BEFORE:
        found.append(text("Every term ends a day sooner."))
    if after.starts != before.starts:
        found.append(text("Cover begins by another chain of days, perhaps sooner."))
    if _rank(ORDER_OF_TRANSFER, before.transfer) > _rank(ORDER_OF_TRANSFER, after.transfer):
        found.append(text("Cover goes with the box to fewer owners."))
    if _rank(ORDER_OF_REPLACEMENT, before.replacement) > _rank(
        ORDER_OF_REPLACEMENT, after.replacement
    ) or (
        before.replacement == after.replacement == OnReplacement.AT_LEAST
        and after.replacement_days < before.replacement_days
    ):
        found.append(text("A box given for another is covered for less."))
    if after.excluded - before.excluded:
        found.append(text("More causes are excluded."))
    if before.tenures - after.tenures:
        found.append(text("Boxes of some tenure lose their cover."))
    return found


def _rank(order: tuple[OnTransfer, ...] | tuple[OnReplacement, ...], value: str) -> int:
    return [str(one) for one in order].index(str(value))


def _shorter_terms(before: Policy, after: Policy) -> list[Text]:
    found = []
    if after.months < before.months:
        found.append(
            text(
                "The box: %(after)s months, not %(before)s.",
                after=after.months,
                before=before.months,
            )
        )
    for component in sorted({*before.components, *after.components}):
        old, new = before.months_of(component), after.months_of(component)
        if new < old:
            values = {"component": component_name(component), "after": new, "before": old}
            found.append(text("%(component)s: %(after)s months, not %(before)s.", **values))
    if after.doa_days < before.doa_days:
        found.append(text("Fewer days of dead on arrival."))
    if before.doa_days and after.doa_days and _hours_of(after) < _hours_of(before):
        found.append(text("Dead on arrival up to fewer hours of operation."))
    return found


def _hours_of(policy: Policy) -> float:
    return policy.doa_hours or inf


def _less_after_repair(before: Policy, after: Policy) -> list[Text]:
    old, new = before.repairs, after.repairs
    found = []
    if old.suspends and not new.suspends:
        found.append(text("Days in our hands are no longer added."))
    if new.tail_days < old.tail_days:
        found.append(text("What was repaired is covered for fewer days."))
    if new.extend_months < old.extend_months:
        found.append(text("Who chooses repair is given fewer months."))
    if old.restarts_component and not new.restarts_component:
        found.append(text("A part that was fitted no longer has its term anew."))
    return found
