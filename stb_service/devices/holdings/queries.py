"""Reads about who has and had a box. People of a dealer or a service centre are told only of accounts
that they see, and of boxes that they sold or hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from stb_service.devices import queries as devices
from stb_service.devices.identity.rules import lookup_key
from stb_service.devices.models import Device, DeviceIdentifier, Holding
from stb_service.shared.access import Scope
from stb_service.shared.paging import Page, keyset_page
from stb_service.subscribers import queries as accounts
from stb_service.subscribers.models import Account


def _seen(scope: Scope) -> Select[Holding]:
    return (
        select(Holding)
        .join(Account, Holding.account_id == Account.id)
        .join(Device, Holding.device_id == Device.id)
        .where(accounts.within(scope), devices.within(scope))
        .options(joinedload(Holding.account), joinedload(Holding.site))
    )


def holdings_of_device(session: Session, device: Device, scope: Scope) -> Sequence[Holding]:
    """Return which accounts have and had a box, the last one first."""
    statement = _seen(scope).where(Holding.device_id == device.id)
    return session.scalars(statement.order_by(Holding.since.desc(), Holding.id.desc())).all()


def holdings_page(
    session: Session, account: Account, scope: Scope, *, cursor: str | None, limit: int
) -> Page[Holding]:
    """Return the boxes that an account has and had, the last one first, in one query."""
    order: list[tuple[InstrumentedAttribute[Any], bool]] = [
        (Holding.since, True),
        (Holding.id, True),
    ]
    statement = (
        _seen(scope)
        .where(Holding.account_id == account.id)
        .options(joinedload(Holding.device).joinedload(Device.model))
    )
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def holding_from(
    session: Session, device: Device, account_id: int, since: datetime, scope: Scope
) -> Holding | None:
    """Return the holding of a box by an account that began at an instant, or None."""
    return session.scalar(
        _seen(scope).where(
            Holding.device_id == device.id,
            Holding.account_id == account_id,
            Holding.since == since,
        )
    )


def devices_called(session: Session, called: str, scope: Scope) -> Sequence[Device]:
    """Return the boxes of an id elsewhere; else of a serial or a MAC that they have; else
    those that were called so last.
    """
    statement = select(Device).where(devices.within(scope))
    by_id = session.scalars(statement.where(Device.external_id == called)).all()
    if by_id:
        return by_id
    rows = session.execute(
        select(DeviceIdentifier.device_id, DeviceIdentifier.until).where(
            DeviceIdentifier.lookup.in_({lookup_key(called), lookup_key(called.upper())})
        )
    ).all()
    current = {row.device_id for row in rows if row.until is None}
    named = current or {row.device_id for row in rows}
    return session.scalars(statement.where(Device.id.in_(named)).order_by(Device.id)).all()


def held_count(session: Session, account_id: int, scope: Scope) -> int:
    """Return how many boxes an account has now."""
    statement = _seen(scope).where(Holding.account_id == account_id, Holding.until.is_(None))
    return session.scalar(select(func.count()).select_from(statement.subquery())) or 0


def numbers_of(session: Session, ids: Collection[int], scope: Scope) -> dict[int, str]:
    """Return the number of the account that has each of some boxes now, by their internal ids, as
    far as the reader sees the account.
    """
    statement = _seen(scope).where(Holding.device_id.in_(ids), Holding.until.is_(None))
    return {row.device_id: row.account.number for row in session.scalars(statement)}


def accounts_of(session: Session, ids: Collection[int], scope: Scope) -> dict[int, int]:
    """Return the account that has each of some boxes now, by their internal ids."""
    rows = session.execute(
        select(Holding.device_id, Holding.account_id)
        .join(Device, Holding.device_id == Device.id)
        .where(Holding.device_id.in_(ids), Holding.until.is_(None), devices.within(scope))
    )
    return {row.device_id: row.account_id for row in rows}
