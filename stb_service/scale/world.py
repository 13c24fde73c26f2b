"""What the writers of all kinds of rows share: sizes, chance, and who has which box."""

from __future__ import annotations

import base64
import random
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from sqlalchemy.orm import Session

from stb_service.scale.loading import Loader
from stb_service.shared.access import SYSTEM

SEED = 2026
MOST_DEVICES = 9_999_999
"""As many as their serials and MACs have room for."""
DEALERS = 40
FIRST_DAYS = 2_000
OLDEST_DAYS, NEWEST_DAYS = 1_500, 120
"""How long ago the first accounts were opened, and boxes were made."""
BY = SYSTEM.label


@dataclass(frozen=True)
class Sizes:
    """How many of each kind; all follow from the number of boxes."""

    devices: int
    seed: int = SEED

    @property
    def accounts(self) -> int:
        """Accounts, of households and businesses."""
        return max(self.devices // 2, 1)

    @property
    def moves(self) -> int:
        """Moves of stock; the ledger has two rows of each."""
        return self.devices * 2

    @property
    def parts(self) -> int:
        """Parts in the catalogue; 400 from 2,000 boxes on."""
        return min(max(self.devices // 5, 10), 400)

    @property
    def cases(self) -> int:
        """Returns."""
        return self.devices // 5


@dataclass
class World:
    """An operator that is being made up. Boxes and accounts are known by their ids, from 1 on."""

    session: Session
    loader: Loader
    sizes: Sizes
    now: datetime
    dealers: list[int] = field(default_factory=list)
    """The ids of the organisations that sell."""
    holders: array[int] = field(default_factory=lambda: array("q", [0]))
    """By the id of a box, the account that has it; 0 for none."""
    sold_days_ago: array[int] = field(default_factory=lambda: array("q", [0]))
    """By the id of a box, how long ago it was sold; 0 for never."""

    def chance(self, kind: str) -> random.Random:
        """Return the chance of one kind of row, so that kinds do not disturb each other."""
        return random.Random(f"{self.sizes.seed} {kind}")  # noqa: S311 - made-up data

    def instants(self) -> list[datetime]:
        """Return an instant of each day by how many days ago it is: noon, and now of today."""
        days = (self.now.date() - timedelta(days=n) for n in range(1, FIRST_DAYS + 1))
        return [self.now, *(datetime.combine(day, time(12), UTC) for day in days)]

    def seller_of(self, account: int) -> int | None:
        """Return the dealer where an account buys; None where it buys from the operator."""
        place = account * 2_654_435_761 % 2**32 % (2 * DEALERS)  # Knuth's multiplicative hash
        return self.dealers[place] if place < DEALERS else None


def public_id(chance: random.Random) -> str:
    """Return an opaque id as the service makes them, but from a seed."""
    return base64.urlsafe_b64encode(chance.randbytes(12)).decode()
