"""Accounts to charge: a household, a business with credit, and a quote in any state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from stb_service.billing import operations, queries
from stb_service.billing.ledger import queries as ledger
from stb_service.billing.models import Quote
from stb_service.billing.payments.operations import record_payment
from stb_service.billing.rules import Line
from stb_service.shared.access import EVERYTHING, Actor, builtin_verbs
from stb_service.shared.db import Database
from stb_service.shared.money import Money
from stb_service.staff.models import Organisation
from stb_service.subscribers.models import Account
from stb_service.subscribers.operations import add_site, create_account

LINES = (
    Line("labour", "Repair of the power supply", 1_500, 4_000, 190_000),
    Line("part", "Power supply", 1_000, 2_499, 190_000),
)
TOTAL = 10_114
CASE = ("rma_case", "case-1", "R-000001")


class Till:
    """Makes accounts, quotes and payments in a database, each in a unit of work of its own."""

    def __init__(self, db: Database, actor: Actor, now: datetime) -> None:
        self.db, self.actor, self.now = db, actor, now
        self._organisations: dict[str, int] = {}
        with db.write() as session:
            for code in ("north", "south"):
                row = Organisation(code=code, name=code.title(), kind="dealer", created_at=now)
                session.add(row)
                session.flush()
                self._organisations[code] = row.id

    def dealer(self, code: str) -> Actor:
        """Return an agent of a dealer."""
        verbs = builtin_verbs("agent")
        return Actor("person", f"agent-{code}", f"agent.{code}", verbs, self._organisations[code])

    def account(self, name: str = "Ada Lovelace", zone: str = "", **fields: Any) -> Account:
        """Open an account, with a site in a zone."""
        account: Account = self.do(
            create_account, **{"kind": "person", "name": name, "currency": "EUR", **fields}
        )
        if zone:
            self.do(add_site, uid=account.public_id, name="Home", timezone=zone)
        return account

    def draft(self, account: Account | None = None, **fields: Any) -> Quote:
        """Begin a quote."""
        payer = account or self.account()
        fields = {"title": "Repair", "lines": LINES, "subject": CASE, "zone": "UTC", **fields}
        quote: Quote = self.do(operations.create_quote, account=payer.public_id, **fields)
        return quote

    def sent(self, account: Account | None = None, **fields: Any) -> Quote:
        """Send a quote."""
        return self.move("send", self.draft(account, **fields))

    def accepted(self, account: Account | None = None, **fields: Any) -> Quote:
        """Let a quote be accepted."""
        return self.move("accept", self.sent(account, **fields))

    def move(self, verb: str, quote: Quote, **more: Any) -> Quote:
        """Send, accept, decline, withdraw, revise a quote."""
        found: Quote = self.do(getattr(operations, f"{verb}_quote"), ref=quote.public_id, **more)
        return self.read(found)

    def pay(self, quote: Quote, amount_minor: int = TOTAL, **more: Any) -> Any:
        """Record a payment by hand."""
        more = {"currency": "EUR", "method": "cash", **more}
        return self.do(record_payment, quote=quote.public_id, amount_minor=amount_minor, **more)

    def read(self, quote: Quote) -> Quote:
        """Return a quote as it is now."""
        found: Quote = self.ask(queries.quote_by_ref, quote.public_id, EVERYTHING)
        return found

    def balance(self, account: Account) -> int:
        """Return what an account owes in its own currency."""
        found: list[Money] = self.ask(ledger.balances, account, EVERYTHING)
        return found[0].minor

    def outstanding(self, quote: Quote) -> int:
        """Return what is due for a quote."""
        return int(self.ask(ledger.outstanding, self.read(quote)))

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
def till(db: Database, actor: Actor, now: datetime) -> Till:
    """A till on SQLite and on PostgreSQL."""
    return Till(db, actor, now)


@pytest.fixture
def one(sqlite_db: Database, actor: Actor, now: datetime) -> Till:
    """A till on SQLite, for tests that are not about the database."""
    return Till(sqlite_db, actor, now)
