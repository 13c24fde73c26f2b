"""What is known of a box that bears on its warranty: the registry's days, who has and had it, and
what other rooms add.

A room adds its part to `Registries.warranty_facts`: a function of the session and the box's uid
that yields `Happened`, `Stay`, `Fit`, `Transferred`, `Replaced` and `Bought`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.orm import Session

from stb_service.devices.models import Device
from stb_service.shared.registries import WarrantyFacts
from stb_service.warranty import queries
from stb_service.warranty.cover import Fit, Known, Replaced, Rule, Stay
from stb_service.warranty.holders import Held, last_tenure, told_by
from stb_service.warranty.policy import Basis, Tenure

__all__ = [
    "Bought",
    "Facts",
    "Fit",
    "Happened",
    "Replaced",
    "Stay",
    "Transferred",
    "facts_of",
    "sold_on",
]
Sources = Sequence[WarrantyFacts]


@dataclass(frozen=True)
class Happened:
    """The day on which something happened that can begin cover, such as a delivery.

    It takes the place of the registry's day, and of the day since when an account has the box; of
    two the earlier counts.
    """

    basis: Basis
    on: date


@dataclass(frozen=True)
class Transferred:
    """That a box went to another owner, on the day on which that was accepted."""

    on: date


@dataclass(frozen=True)
class Bought:
    """That a box was bought, and had on this day: what was before does not count."""

    on: date


@dataclass(frozen=True)
class Facts:
    """What is known of a box, and how its tenure, its days and its owners were told."""

    known: Known
    trace: Sequence[Rule]


def facts_of(session: Session, device: Device, sources: Sources) -> Facts:
    """Return what is known of a box: of the registry in 1 query, and of every source.

    Raises:
        TypeError: a source yields what is no fact.
    """
    found = [fact for source in sources for fact in source(session, device.public_id)]
    strange = [fact for fact in found if not isinstance(fact, FACTS)]
    if strange:
        raise TypeError(f"no fact of a warranty: {strange[0]!r}")
    given = [fact for fact in found if isinstance(fact, (Replaced, Bought))]
    last = max(given, key=lambda fact: fact.on, default=None)
    held = queries.held_by(session, device)
    tenure, how = _tenure(device, held)
    told = told_by(held, tenure, days_of(device))
    transferred = (fact.on for fact in found if isinstance(fact, Transferred))
    known = Known(
        tenure=tenure,
        days={**told.days, **_happened(found)},
        stays=tuple(fact for fact in found if isinstance(fact, Stay)),
        fits=tuple(fact for fact in found if isinstance(fact, Fit)),
        transfers=(*told.transfers, *transferred),
        replaced=last if isinstance(last, Replaced) else None,
    )
    if isinstance(last, Bought):
        return _since_bought(last.on, known, [*how, *told.trace])
    return Facts(known, [*how, *told.trace])


def _since_bought(day: date, known: Known, trace: Sequence[Rule]) -> Facts:
    """Return what is known of a box since it was bought on a day: that is its sale and delivery."""
    kept = {b: on for b, on in known.days.items() if on >= day or b == Basis.PRODUCTION}
    anew = replace(
        known,
        days={**kept, Basis.SALE: day, Basis.DELIVERY: day},
        stays=tuple(stay for stay in known.stays if stay.received_on >= day),
        transfers=tuple(on for on in known.transfers if on > day),
    )
    later = [rule for rule in trace if rule.day is None or rule.day > day]
    return Facts(anew, [*later, Rule("bought", day)])


def _tenure(device: Device, held: Sequence[Held]) -> tuple[Tenure, list[Rule]]:
    """Return how a customer has a box. One that was taken back is what its last account had it as."""
    if device.tenure:
        return Tenure(device.tenure), []
    last = last_tenure(held)
    if last is None:
        return Tenure.SOLD, [Rule("tenure_presumed")]
    return last, [Rule("tenure_held", values={"tenure": last.value})]


def sold_on(device: Device, held: Sequence[Held]) -> date | None:
    """Return the day of sale as it is stated, else as who has had a box since when tells it."""
    told = told_by(held, _tenure(device, held)[0], days_of(device))
    return device.sold_on or told.days.get(Basis.SALE)


FACTS = (Happened, Stay, Fit, Transferred, Replaced, Bought)


def days_of(device: Device) -> dict[Basis, date]:
    """Return the days that the registry knows of a box."""
    days = {
        Basis.SALE: device.sold_on,
        Basis.ACTIVATION: device.activated_on,
        Basis.SHIPMENT: device.shipped_on,
        Basis.PRODUCTION: device.made_on,
    }
    return {basis: day for basis, day in days.items() if day is not None}


def _happened(found: Iterable[object]) -> dict[Basis, date]:
    days: dict[Basis, date] = {}
    for fact in found:
        if isinstance(fact, Happened):
            days[fact.basis] = min(fact.on, days.get(fact.basis, fact.on))
    return days
