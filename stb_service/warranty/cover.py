"""What cover a box has: a pure function of what is known of it and of one policy.

Days are civil days where the customer lives. What began after the day that is asked about is not
looked at, so an old decision can be made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from stb_service.warranty.periods import (
    LastDay,
    Span,
    last_of_days,
    last_of_months,
    later_by_months,
    merged,
)
from stb_service.warranty.policy import Basis, OnReplacement, OnTransfer, Policy, Start, Tenure

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Stay:
    """A time in our hands: from the day of receipt to the day of delivery, None while it lasts.

    `repaired` names the components that were repaired (a part fitted anew is a `Fit` too);
    `chose_repair` whether the customer was told of the longer cover and chose repair.
    """

    received_on: date
    delivered_on: date | None = None
    repaired: frozenset[str] = frozenset()
    chose_repair: bool = False


@dataclass(frozen=True)
class Fit:
    """A component put in by a repair."""

    component: str
    fitted_on: date


@dataclass(frozen=True)
class Replaced:
    """That the box was given for another, which was covered to a day (None: it was not).

    `components` are those of it that were covered to a day of their own.
    """

    on: date
    other_last: date | None
    components: Mapping[str, date | None] = field(default_factory=dict)

    def last_of(self, component: str | None) -> date | None:
        """Return to which day the other box (None), or a component of it, was covered."""
        return self.components.get(component, self.other_last) if component else self.other_last


@dataclass(frozen=True)
class Known:
    """What is known of a box, in any order."""

    tenure: Tenure = Tenure.SOLD
    days: Mapping[Basis, date] = field(default_factory=dict)
    stays: tuple[Stay, ...] = ()
    fits: tuple[Fit, ...] = ()
    transfers: tuple[date, ...] = ()
    replaced: Replaced | None = None
    hours_on: int | None = None


@dataclass(frozen=True)
class Rule:
    """One step of the way to a date: the rule's name, the day it gave, and its values."""

    name: str
    day: date | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cover:
    """The days on which a box, or one component, is covered, and why.

    `spans` neither overlap nor touch. `is_presumed`: the day on which cover should begin is not
    known, and another stands for it.
    """

    spans: Sequence[Span]
    trace: Sequence[Rule]
    started_on: date | None = None
    is_presumed: bool = False

    @property
    def last(self) -> date | None:
        """The last day of all, None without cover."""
        return self.spans[-1].last if self.spans else None

    def holds_on(self, day: date) -> bool:
        """Tell whether a day is covered."""
        return any(day in span for span in self.spans)


def cover(known: Known, policy: Policy, component: str | None, as_of: date) -> Cover:
    """Return the cover of a box (`component` None) or of one component, as of a day."""
    if known.tenure not in policy.tenures:
        return Cover((), (Rule("tenure", values={"tenure": known.tenure.value}),))
    trace: list[Rule] = []
    started = _start(known, policy, trace)
    if started is None:
        return Cover((), tuple(trace))
    first, is_presumed = started
    last = _base(known, policy, component, first, trace)
    spans = []
    if last >= first:
        last = _after_stays(known, policy, last, as_of, trace)
        spans.append(Span(first, last))
    spans += _of_repairs(known, policy, component, last, as_of, trace)
    spans = _until_transfer(known, policy, merged(spans), as_of, trace)
    return Cover(tuple(spans), tuple(trace), first, is_presumed)


def _start(known: Known, policy: Policy, trace: list[Rule]) -> tuple[date, bool] | None:
    """Return when cover begins and whether that is presumed; None where nothing is known."""
    if known.replaced is not None:
        trace.append(Rule("start_replaced", known.replaced.on))
        return known.replaced.on, False
    for number, start in enumerate(policy.starts):
        day = known.days.get(start.basis)
        if day is None:
            trace.append(Rule("start_unknown", values={"basis": start.basis.value}))
            continue
        return _begun(known, start, day, trace, is_presumed=number > 0), number > 0
    trace.append(Rule("no_evidence"))
    return None


def _begun(known: Known, start: Start, day: date, trace: list[Rule], *, is_presumed: bool) -> date:
    first = day + timedelta(days=start.after_days)
    values = {"basis": start.basis.value, "after_days": start.after_days}
    trace.append(Rule("start_presumed" if is_presumed else "start", first, values))
    limit = known.days.get(start.at_most_after) if start.at_most_after else None
    if limit is not None and first > (latest := limit + timedelta(days=start.at_most_days)):
        limits = {"basis": str(start.at_most_after), "days": start.at_most_days}
        trace.append(Rule("start_limited", latest, limits))
        return latest
    return first


def _base(
    known: Known, policy: Policy, component: str | None, first: date, trace: list[Rule]
) -> date:
    """Return the last day of the term, before anything happened; before `first` if there is none."""
    months = policy.months_of(component)
    replaced = known.replaced
    if replaced is None or policy.replacement == OnReplacement.RESTART:
        last = last_of_months(first, months, policy.last_day) if months else first - DAY
        values = {"months": months, "component": component, "convention": policy.last_day.value}
        trace.append(Rule("term", last, values))
        return last
    last = replaced.last_of(component) or first - DAY
    trace.append(Rule("remainder", last, {"is_nothing": last < first}))
    if policy.replacement == OnReplacement.AT_LEAST:
        least = last_of_days(first, policy.replacement_days, policy.last_day)
        if least > last:
            trace.append(Rule("at_least", least, {"days": policy.replacement_days}))
            return least
    return last


def _after_stays(known: Known, policy: Policy, last: date, as_of: date, trace: list[Rule]) -> date:
    """Return the last day after what repairs added, in the order of time.

    A day counts once, however many returns share it, and only where the stay began in cover.
    """
    begun = [stay for stay in known.stays if stay.received_on <= as_of]
    extended = not policy.repairs.extend_months
    spans = {stay: Span(stay.received_on, _end_of(stay, as_of)) for stay in begun}
    for whole in merged(spans.values()):
        if whole.first > last:
            break
        if policy.repairs.suspends:
            last += timedelta(days=whole.days)
            trace.append(Rule("suspended", last, {"days": whole.days, "from": whole.first}))
        chosen = any(stay.chose_repair and span.first in whole for stay, span in spans.items())
        if chosen and not extended:
            extended = True
            last = later_by_months(last, policy.repairs.extend_months)
            trace.append(Rule("extended", last, {"months": policy.repairs.extend_months}))
    return last


def _end_of(stay: Stay, as_of: date) -> date:
    """Return the last day of a stay as far as it is known on a day."""
    return max(stay.received_on, min(stay.delivered_on or as_of, as_of))


def _of_repairs(
    known: Known,
    policy: Policy,
    component: str | None,
    last: date,
    as_of: date,
    trace: list[Rule],
) -> list[Span]:
    """Return the cover that repairs gave to one component by themselves."""
    if component is None:
        return []
    found = []
    repairs, convention = policy.repairs, policy.last_day
    fits = [fit.fitted_on for fit in known.fits if fit.component == component]
    months = policy.months_of(component)
    if repairs.restarts_component and months:
        for day in sorted(day for day in fits if day <= as_of):
            span = Span(day, last_of_months(day, months, convention))
            trace.append(Rule("component_restarted", span.last, {"from": day, "months": months}))
            found.append(span)
    if repairs.tail_days:
        ended = _repaired_on(known.stays, component, as_of) | {d for d in fits if d <= as_of}
        found += _tails(ended, repairs.tail_days, convention, last, trace)
    return found


def _repaired_on(stays: Iterable[Stay], component: str, as_of: date) -> set[date]:
    """Return the days on which a box came back with this component repaired."""
    return {
        stay.delivered_on
        for stay in stays
        if component in stay.repaired and stay.delivered_on and stay.delivered_on <= as_of
    }


def _tails(
    ended: Iterable[date], days: int, convention: LastDay, last: date, trace: list[Rule]
) -> list[Span]:
    found = []
    for day in sorted(ended):
        span = Span(day, last_of_days(day, days, convention))
        if span.last > last:
            trace.append(Rule("tail", span.last, {"from": day, "days": days}))
            found.append(span)
    return found


def _until_transfer(
    known: Known, policy: Policy, spans: Sequence[Span], as_of: date, trace: list[Rule]
) -> list[Span]:
    """Cut off what a transfer ends. Who had a box before it was given for another does not count."""
    since = known.replaced.on if known.replaced else date.min
    done = sorted({day for day in known.transfers if since < day <= as_of})
    allowed = {OnTransfer.NEVER: 0, OnTransfer.ONCE: 1}.get(policy.transfer, len(done))
    if len(done) <= allowed:
        return list(spans)
    end = done[allowed] - DAY
    trace.append(Rule("transferred", end, {"transfer": policy.transfer.value}))
    return [Span(s.first, min(s.last, end)) for s in spans if s.first <= end]


class Outcome(StrEnum):
    """What cover means for one fault reported on one day. Goodwill is never found, only granted."""

    DEAD_ON_ARRIVAL = "dead_on_arrival"
    COVERED = "covered"
    EXCLUDED = "excluded"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    NO_COVER = "no_cover"
    GOODWILL = "goodwill"


def outcome_of(
    found: Cover,
    policy: Policy,
    reported_on: date,
    cause: str | None,
    hours_on: int | None = None,
) -> Outcome:
    """Return what a fault gets. `cause` is what an inspection found, None before it.

    Dead on arrival is a fault reported at most `doa_days` after cover began, of a box that ran for
    at most `doa_hours`, where the policy says so and its counter was read (`hours_on`).
    """
    if found.last is None or found.started_on is None:
        return Outcome.NO_COVER
    if not found.holds_on(reported_on):
        return Outcome.NOT_YET if reported_on < found.spans[0].first else Outcome.EXPIRED
    if cause is not None and cause in policy.excluded:
        return Outcome.EXCLUDED
    if is_doa_by_days(found, policy, reported_on) and not ran_too_long(policy.doa_hours, hours_on):
        return Outcome.DEAD_ON_ARRIVAL
    return Outcome.COVERED


def is_doa_by_days(found: Cover, policy: Policy, reported_on: date) -> bool:
    """Tell whether a fault was reported early enough to be dead on arrival."""
    if not policy.doa_days or found.started_on is None:
        return False
    return (reported_on - found.started_on).days <= policy.doa_days


def ran_too_long(most: int, hours_on: int | None) -> bool:
    """Tell whether a box ran for longer than it may to be dead on arrival.

    Without a limit (0) none did. Nor did one whose counter was not read: a dead box cannot always
    tell it, and that is not held against the customer.
    """
    return bool(most) and hours_on is not None and hours_on > most
