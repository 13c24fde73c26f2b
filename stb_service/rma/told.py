"""Which names of customers and of others' staff a reader is told: the same by page, file and API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.rma.models import ReturnCase
from stb_service.shared.access import Actor
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import within


def accounts_told(
    session: Session, cases: Sequence[ReturnCase], reader: Actor
) -> Mapping[int, Account]:
    """Return those accounts of some cases that the reader may know of, by internal id."""
    ids = {row.account_id for row in cases if row.account_id is not None}
    if not (ids and reader.can("accounts.view")):
        return {}
    if reader.scope.is_everything:
        return {row.account_id: row.account for row in cases if row.account_id and row.account}
    rows = session.scalars(select(Account).where(Account.id.in_(ids), within(reader.scope)))
    return {row.id: row for row in rows}


def account_told(session: Session, case: ReturnCase, reader: Actor) -> Account | None:
    """Return whose a case is; None where that is nobody, or the reader may not know of them.

    Whoever is not told the account is told no person and no site of it either.
    """
    return accounts_told(session, [case], reader).get(case.account_id or 0)


def name_told(reader: Actor, label: str, ref: str = "") -> str:
    """Return who did something; empty where that is somebody of whom the reader is not told."""
    return label if reader.scope.is_everything or ref == reader.ref else ""
