"""Which account has a box, and which had it before."""

from __future__ import annotations

import random

from stb_service.devices.models import Holding
from stb_service.scale.world import World, public_id

SHARE_OF_BUSINESSES = 0.15
PASSED_ON = 0.1


class Holdings:
    """Draws who has boxes: most by a household, some by the few that have many."""

    def __init__(self, world: World) -> None:
        self._accounts = world.sizes.accounts
        self._many = max(self._accounts // 50, 1)
        self._instants = world.instants()
        self._next = 1
        self._rows = world.loader.rows(
            Holding,
            *("id", "public_id", "row_version", "device_id", "account_id", "follows_id"),
            *("tenure", "reason", "proof", "ended_reason", "since", "until"),
        )

    def draw_account(self, chance: random.Random) -> int:
        """Return an account that is given a box."""
        if chance.random() < SHARE_OF_BUSINESSES:
            return chance.randrange(self._many) * self._accounts // self._many + 1
        return chance.randrange(self._accounts) + 1

    def add(self, chance: random.Random, device: int, account: int, tenure: str, sold: int) -> None:
        """Add the holdings of a box that was sold so many days ago; `account` is 0 for one that
        came back.
        """
        if not account:
            until = chance.randrange(max(sold, 1))
            self._add(chance, device, self.draw_account(chance), None, tenure, sold, until)
        elif sold > 1 and chance.random() < PASSED_ON:
            passed = chance.randrange(1, sold)
            former = self.draw_account(chance)
            before = self._add(chance, device, former, None, tenure, sold, passed)
            follows = before if former != account else None
            self._add(chance, device, account, follows, tenure, passed, None)
        else:
            self._add(chance, device, account, None, tenure, sold, None)

    def _add(
        self,
        chance: random.Random,
        device: int,
        account: int,
        follows: int | None,
        tenure: str,
        since: int,
        until: int | None,
    ) -> int:
        number, self._next = self._next, self._next + 1
        ended = None if until is None else self._instants[until]
        proof = "bill of sale" if follows else ""
        self._rows.add(
            *(number, public_id(chance), 1, device, account, follows, tenure, "", proof, ""),
            *(self._instants[since], ended),
        )
        return number
