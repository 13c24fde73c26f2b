"""Reads about who has and had a box. People of a dealer or a service centre are told only of accounts
that they see, and of boxes that they sold or hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from stb_service.devices import queries as devices
from stb_service.devices.models import Device, Holding
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
    return session.scalars(statement.order_by(Holding.id.desc())).all()


def holdings_page(
    session: Session, account: Account, scope: Scope, *, cursor: str | None, limit: int
) -> Page[Holding]:
    """Return the boxes that an account has and had, the last one first, in one query."""
    order: list[tuple[InstrumentedAttribute[Any], bool]] = [(Holding.id, True)]
    statement = (
        _seen(scope)
        .where(Holding.account_id == account.id)
        .options(joinedload(Holding.device).joinedload(Device.model))
    )
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def held_count(session: Session, account_id: int, scope: Scope) -> int:
    """Return how many boxes an account has now."""
    statement = _seen(scope).where(Holding.account_id == account_id, Holding.until.is_(None))
    return session.scalar(select(func.count()).select_from(statement.subquery())) or 0


def accounts_of(session: Session, ids: Collection[int], scope: Scope) -> dict[int, int]:
    """Return the account that has each of some boxes now, by their internal ids."""
    rows = session.execute(
        select(Holding.device_id, Holding.account_id)
        .join(Device, Holding.device_id == Device.id)
        .where(Holding.device_id.in_(ids), Holding.until.is_(None), devices.within(scope))
    )
    return {row.device_id: row.account_id for row in rows}
