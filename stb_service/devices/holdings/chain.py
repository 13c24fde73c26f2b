"""The holdings of a box, one after the other: begun and ended, and the accounts told who sold it.

What the verbs of the registry stand on; no rule is asked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from stb_service.devices.holdings.rules import overlap
from stb_service.devices.models import Device, Holding
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Obstacle
from stb_service.subscribers.models import Account
from stb_service.subscribers.operations import set_sellers


def current_holding(session: Session, device: Device) -> Holding | None:
    """Return the holding in force, whoever asks."""
    return session.scalar(
        select(Holding).where(Holding.device_id == device.id, Holding.until.is_(None))
    )


def last_end(session: Session, device: Device) -> datetime | None:
    """Return when the last holding that has ended did so."""
    return session.scalar(select(func.max(Holding.until)).where(Holding.device_id == device.id))


def overlaps(session: Session, device: Device, since: datetime, until: datetime) -> list[Obstacle]:
    """Return which accounts had a box in some of this time, whoever asks."""
    rows = session.scalars(
        select(Holding)
        .where(
            Holding.device_id == device.id,
            Holding.since < until,
            or_(Holding.until.is_(None), Holding.until > since),
        )
        .options(joinedload(Holding.account))
        .order_by(Holding.since)
    )
    found = (overlap(since, until, row.since, row.until, row.account.number) for row in rows)
    return [obstacle for obstacle in found if obstacle is not None]


def lock_accounts(session: Session, ids: Iterable[int]) -> None:
    """Hold accounts against others who give them boxes or take some away, always in one order."""
    for account_id in sorted(set(ids)):
        lock_row(session, Account, account_id)


def end_holding(session: Session, device: Device, *, at: datetime, reason: str = "") -> None:
    """End the holding in force, if there is one."""
    current = current_holding(session, device)
    if current is None:
        return
    lock_accounts(session, [current.account_id])
    current.until, current.ended_reason = max(at, current.since), reason[:500]
    session.flush()
    tell_sellers(session, current.account_id)


def tell_sellers(session: Session, account_id: int) -> None:
    """Tell the accounts' room who sold the boxes that an account has now."""
    sellers = session.scalars(
        select(Device.seller_id)
        .join(Holding, Holding.device_id == Device.id)
        .where(
            Holding.account_id == account_id,
            Holding.until.is_(None),
            Device.seller_id.is_not(None),
        )
        .distinct()
    )
    set_sellers(session, account_id=account_id, sellers=[s for s in sellers if s is not None])


def seller_changed(session: Session, device: Device) -> None:
    """Tell the account that has a box that another organisation sold it."""
    current = current_holding(session, device)
    if current is not None:
        lock_accounts(session, [current.account_id])
        tell_sellers(session, current.account_id)
