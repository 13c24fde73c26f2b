"""Accounts to test with: two dealers, a household and a business."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.db import Database
from stb_service.staff.models import Organisation
from stb_service.subscribers import operations, queries
from stb_service.subscribers.models import Account


class Desk:
    """Opens and changes accounts in a database, each in a unit of work of its own."""

    def __init__(self, db: Database, actor: Actor, now: datetime) -> None:
        self.db, self.actor, self.now = db, actor, now
        self._organisations: dict[str, int] = {}
        with db.write() as session:
            for code in ("north", "south"):
                row = Organisation(code=code, name=code.title(), kind="dealer", created_at=now)
                session.add(row)
                session.flush()
                self._organisations[code] = row.id

    def dealer(self, code: str, role: str = "agent") -> Actor:
        """Return somebody of a dealer."""
        verbs = builtin_verbs(role)
        return Actor("person", f"{role}-{code}", f"{role}.{code}", verbs, self._organisations[code])

    def sold_to(self, account: Account, code: str) -> None:
        """Let a dealer have sold a box that an account holds."""
        with self.db.write() as session:
            operations.set_sellers(
                session, account_id=account.id, sellers=[self._organisations[code]]
            )

    def open(self, name: str = "Ada Lovelace", **fields: Any) -> Account:
        """Open an account; a household's unless said otherwise."""
        account: Account = self.do(
            operations.create_account,
            **{"kind": "person", "name": name, "currency": "EUR", **fields},
        )
        return account

    def person_of(self, account: Account) -> str:
        """Return the public id of the account's first person."""
        return self.read(account).people[0].public_id

    def read(self, account: Account) -> Account:
        """Return an account as it is now."""
        found: Account = self.ask(queries.account_by_uid, account.public_id, self.actor.scope)
        return found

    def do(self, verb: Callable[..., Any], **arguments: Any) -> Any:
        """Carry out an operation in a unit of work of its own, as the administrator."""
        arguments = {"actor": self.actor, "now": self.now, **arguments}
        with self.db.write() as session:
            return verb(session, **arguments)

    def ask(self, query: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Read in a unit of work of its own."""
        with self.db.read() as session:
            return query(session, *arguments, **more)


@pytest.fixture
def desk(db: Database, actor: Actor, now: datetime) -> Desk:
    """A desk on SQLite and on PostgreSQL."""
    return Desk(db, actor, now)


@pytest.fixture
def one(sqlite_db: Database, actor: Actor, now: datetime) -> Desk:
    """A desk on SQLite, for tests that are not about the database."""
    return Desk(sqlite_db, actor, now)
