"""What the accounts that have and had a box say of its delivery, its sale and its owners.

A pure function of the holdings, in any order. What counts is the run of holdings of the tenure
that the box has now: one that was rented and then sold was given out anew when it was sold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from stb_service.warranty.cover import Rule
from stb_service.warranty.policy import Basis, Tenure

DELIVERED_WITHIN_DAYS = 30
"""What is sold is delivered within 30 days (Directive 2011/83/EU Article 18(1)); an account that
was recorded later than that was recorded late, and says nothing about the delivery.
"""


@dataclass(frozen=True)
class Held:
    """That an account has had a box since an instant, which was the day `on` where the account is.

    `number` tells what was recorded first of two that begin at the same instant.
    """

    number: int
    account: int
    tenure: Tenure
    since: datetime
    on: date


@dataclass(frozen=True)
class Told:
    """What holdings tell: the days of a box with theirs, the changes of owner, and how."""

    days: Mapping[Basis, date]
    transfers: tuple[date, ...] = ()
    trace: Sequence[Rule] = ()


def day_of(instant: datetime, zone: str | None) -> date:
    """Return the day of an instant in a zone, UTC where none is known.

    Midnight UTC is what an import writes that knows the day alone: it is that day everywhere.
    """
    utc = instant.astimezone(UTC)
    if zone is None or utc.time() == time():
        return utc.date()
    return instant.astimezone(ZoneInfo(zone)).date()


def last_tenure(held: Iterable[Held]) -> Tenure | None:
    """Return how the last account had a box, None if no account ever did."""
    ordered = _ordered(held)
    return ordered[-1].tenure if ordered else None


def told_by(held: Iterable[Held], tenure: Tenure, days: Mapping[Basis, date]) -> Told:
    """Return what holdings tell of a box of a tenure, beside the days that the registry knows.

    The first account of the run had it delivered. Each other account is another owner, but for
    the same one that gets it back, and of a box that is the operator's.
    """
    ordered = _ordered(held)
    run = _last_run(ordered, tenure)
    if not run:
        return Told(days)
    first, trace = run[0].on, list[Rule]()
    known = dict(days)
    if len(run) < len(ordered):
        trace.append(Rule("given_anew", first, {"tenure": tenure.value}))
        known = {b: day for b, day in days.items() if day >= first or b == Basis.PRODUCTION}
    elif late := _too_late(first, days):
        trace.append(late)
    if not trace or trace[-1].name == "given_anew":
        known[Basis.DELIVERY] = first
        trace.append(Rule("held", first))
        if Basis.SALE not in known:
            known[Basis.SALE] = first
            trace.append(Rule("held_sale", first))
    transfers = _owners_changed(run) if tenure == Tenure.SOLD else ()
    trace += [Rule("passed_on", day) for day in transfers]
    return Told(known, transfers, tuple(trace))


def _ordered(held: Iterable[Held]) -> list[Held]:
    return sorted(held, key=lambda one: (one.since, one.number))


def _last_run(ordered: Sequence[Held], tenure: Tenure) -> Sequence[Held]:
    """Return the holdings since the last one of another tenure."""
    others = [number for number, one in enumerate(ordered) if one.tenure != tenure]
    return ordered[others[-1] + 1 :] if others else ordered


def _too_late(first: date, days: Mapping[Basis, date]) -> Rule | None:
    """Return why the first account's day is not that of the delivery; None if it is."""
    basis = next((one for one in (Basis.SALE, Basis.ACTIVATION) if one in days), None)
    if basis is None or first <= days[basis] + timedelta(days=DELIVERED_WITHIN_DAYS):
        return None
    return Rule("held_late", first, {"days": DELIVERED_WITHIN_DAYS, "basis": basis.value})


def _owners_changed(run: Sequence[Held]) -> tuple[date, ...]:
    return tuple(after.on for before, after in pairwise(run) if after.account != before.account)
