"""What is known of a box that bears on its warranty: the registry's days, and what other rooms add.

A room adds its part to `Registries.warranty_facts`: a function of the session and the box's uid
that yields `Happened`, `Stay`, `Fit`, `Transferred` and `Replaced`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from stb_service.devices.models import Device
from stb_service.shared.registries import WarrantyFacts
from stb_service.warranty.cover import Fit, Known, Replaced, Stay
from stb_service.warranty.policy import Basis, Tenure

__all__ = ["Fit", "Happened", "Replaced", "Stay", "Transferred", "facts_of"]
Sources = Sequence[WarrantyFacts]


@dataclass(frozen=True)
class Happened:
    """The day on which something happened that can begin cover, such as a delivery.

    It takes the place of the registry's day; of two the earlier counts.
    """

    basis: Basis
    on: date


@dataclass(frozen=True)
class Transferred:
    """That a box went to another owner, on the day on which that was accepted."""

    on: date


def facts_of(session: Session, device: Device, sources: Sources) -> Known:
    """Return what is known of a box: of the registry, and of every source.

    Raises:
        TypeError: a source yields what is no fact.
    """
    found = [fact for source in sources for fact in source(session, device.public_id)]
    strange = [fact for fact in found if not isinstance(fact, FACTS)]
    if strange:
        raise TypeError(f"no fact of a warranty: {strange[0]!r}")
    replaced = [fact for fact in found if isinstance(fact, Replaced)]
    return Known(
        tenure=Tenure(device.tenure) if device.tenure else Tenure.SOLD,
        days=days_of(device) | _happened(found),
        stays=tuple(fact for fact in found if isinstance(fact, Stay)),
        fits=tuple(fact for fact in found if isinstance(fact, Fit)),
        transfers=tuple(fact.on for fact in found if isinstance(fact, Transferred)),
        replaced=max(replaced, key=lambda fact: fact.on, default=None),
    )


FACTS = (Happened, Stay, Fit, Transferred, Replaced)


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
