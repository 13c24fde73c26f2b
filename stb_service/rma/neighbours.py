"""How many boxes around one are silent: at its site, else in its area, else of the same seller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from stb_service.devices.holdings.chain import current_holding
from stb_service.devices.models import Device, Holding
from stb_service.subscribers.models import Site

SILENT_FOR = timedelta(hours=2)
KNOWN_FOR = timedelta(days=7)
"""A box that has been silent for longer says nothing of an outage now."""
MOST = 500
"""So many neighbours are asked of, at most."""


class Near(StrEnum):
    """In which way boxes are neighbours."""

    SITE = "site"
    AREA = "area"
    SELLER = "seller"


@dataclass(frozen=True)
class Around:
    """What is known of the neighbours: those that were heard in the last days, and are silent now."""

    near: Near
    known: int
    silent: int


def neighbours(session: Session, device: Device, now: datetime) -> Around | None:
    """Return how the nearest neighbours are that anything is known of; None where nothing is.

    An area is a postcode of a country, else a city. Only numbers are told, none of whose they are.
    """
    holding = current_holding(session, device)
    site = session.get(Site, holding.site_id) if holding and holding.site_id else None
    circles: list[tuple[Near, ColumnElement[bool]]] = []
    if site is not None:
        circles.append((Near.SITE, Holding.site_id == site.id))
        if (area := _area(site)) is not None:
            circles.append((Near.AREA, Holding.site_id.in_(select(Site.id).where(area))))
    if device.seller_id is not None:
        circles.append((Near.SELLER, Device.seller_id == device.seller_id))
    for near, condition in circles:
        found = _count(session, device, condition, near, now)
        if found.known:
            return found
    return None


def _area(site: Site) -> ColumnElement[bool] | None:
    if site.postcode:
        return (Site.country == site.country) & (Site.postcode == site.postcode)
    if site.city:
        return (Site.country == site.country) & (Site.city == site.city)
    return None


def _count(
    session: Session, device: Device, condition: ColumnElement[bool], near: Near, now: datetime
) -> Around:
    some = (
        select(Box.last_seen_at)
        .join(Device, Device.public_id == Box.uid)
        .where(condition, Device.id != device.id, Box.last_seen_at >= now - KNOWN_FOR)
        .limit(MOST)
    )
    if near is not Near.SELLER:
        some = some.join(Holding, (Holding.device_id == Device.id) & Holding.until.is_(None))
    seen = some.subquery()
    silent = case((seen.c.last_seen_at < now - SILENT_FOR, 1), else_=0)
    known, quiet = session.execute(select(func.count(), func.sum(silent)).select_from(seen)).one()
    return Around(near, known, int(quiet or 0))
