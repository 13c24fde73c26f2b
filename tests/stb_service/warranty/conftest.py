"""A registry with a policy that all boxes have, to decide on."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import date, datetime
from typing import Any

import pytest

from stb_service.devices.models import Device
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.warranty import decisions, operations, queries
from stb_service.warranty.models import PolicyAssignment, WarrantyDecision, WarrantyPolicy
from stb_service.warranty.terms import presets
from tests.stb_service.devices.conftest import Registry

TERMS: dict[str, Any] = {
    "starts": [{"basis": "sale"}, {"basis": "production", "after_days": 180}],
    "months": 24,
    "last_day": "anniversary",
    "doa_days": 14,
    "components": {"remote": 6},
    "excluded": ["liquid"],
}
LONG_AGO = date(2015, 1, 1)
SOLD = date(2025, 5, 5)


def terms(**changes: Any) -> dict[str, Any]:
    """Return the terms with some of them changed."""
    return {**deepcopy(TERMS), **changes}


class Desk(Registry):
    """Writes policies and decides, each in a unit of work of its own."""

    def policy(self, code: str = "plain", **changes: Any) -> WarrantyPolicy:
        """Add a policy with a draft."""
        made: WarrantyPolicy = self.do(
            operations.create_policy,
            code=code,
            title=code.title(),
            jurisdiction="EU",
            terms=terms(**changes),
        )
        return made

    def change(self, verb: Callable[..., Any], code: str, **arguments: Any) -> WarrantyPolicy:
        """Carry out a verb on the policy of a code."""
        arguments = {"actor": self.actor, "now": self.now, **arguments}
        with self.db.write() as session:
            policy = queries.find_policy(session, code)
            assert policy is not None
            changed: WarrantyPolicy = verb(session, policy=policy, **arguments)
            assert changed.versions
            return changed

    def in_force(self, code: str = "plain", since: date = LONG_AGO, **changes: Any) -> None:
        """Add a policy, publish it from a day on."""
        self.policy(code, **changes)
        self.change(operations.publish, code, in_force_from=since)

    def assign(self, code: str | None, since: date = LONG_AGO, **named: str) -> PolicyAssignment:
        """Assign a policy."""
        with self.db.write() as session:
            policy = queries.find_policy(session, code) if code else None
            return operations.assign(
                session, policy=policy, from_on=since, actor=self.actor, now=self.now, **named
            )

    def sold(self, serial: str = "SN-0001", **fields: Any) -> Device:
        """Register a box that was sold on 5 May 2025."""
        return self.box(serial, **{"sold_on": SOLD, "tenure": "sold", "status": "sold", **fields})

    def decide(self, device: Device, **arguments: Any) -> WarrantyDecision:
        """Decide on a fault of a box."""
        given = {"reported_on": date(2026, 1, 31), "sources": (), **arguments}
        made: WarrantyDecision = self.do(decisions.decide, uid=device.public_id, **given)
        return made

    def grant(self, decision: WarrantyDecision, outcome: str, reason: str = "long loyal") -> None:
        """Grant another outcome."""
        with self.db.write() as session:
            found = session.get_one(WarrantyDecision, decision.id)
            decisions.override(
                session,
                decision=found,
                outcome=outcome,
                reason=reason,
                actor=self.actor,
                now=self.now,
            )


@pytest.fixture
def desk(db: Database, actor: Actor, now: datetime) -> Desk:
    """A desk on SQLite and on PostgreSQL."""
    return Desk(db, actor, now)


@pytest.fixture
def one(sqlite_db: Database, actor: Actor, now: datetime) -> Desk:
    """A desk on SQLite with a policy of all boxes in force."""
    made = Desk(sqlite_db, actor, now)
    made.in_force()
    made.assign("plain")
    return made


PRESETS = sorted(presets())
