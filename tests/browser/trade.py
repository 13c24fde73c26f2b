"""The world before a story of a returned box: models, places, staff; a household, its box, a shelf."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import update

from stb_service.devices.arrivals.operations import register_device
from stb_service.devices.catalogue.operations import create_model
from stb_service.devices.holdings.operations import give_to_account
from stb_service.parts.catalogue.operations import create_location, create_part
from stb_service.parts.operations import receive_stock
from stb_service.rma.models import ReturnCase
from stb_service.rma.terms import set_model_terms
from stb_service.shared.access import SYSTEM
from stb_service.subscribers.operations import add_site, create_account
from stb_service.warranty import operations as warranty
from tests.live import Live

AGENT, INES, OMAR = "amir.agent", "ines.bench", "omar.bench"
NORA, SHOP = "nora.dealer", "southshop"
MODEL, PSU, BOX, ACME = "HOME-1", "PSU-12V", "BOX-HOME-1", "ACME"
TERMS: Mapping[str, Any] = {
    "starts": [{"basis": "sale"}, {"basis": "production", "after_days": 180}],
    "months": 24,
    "last_day": "anniversary",
    "doa_days": 14,
    "excluded": ["liquid"],
}
LONG_AGO = date(2015, 1, 1)
YEARS, MONTHS, DAYS = (timedelta(days=days) for days in (3 * 365, 200, 5))
TAX_PPM = 190_000


@dataclass(frozen=True)
class House:
    """A household, and places that no other story uses: a bench with parts, a shelf with boxes."""

    trade: Trade
    account: str
    account_uid: str
    bench: str
    shelf: str
    shop: str

    def box(
        self, *, tenure: str = "sold", sold: timedelta = MONTHS, seller: str | None = None
    ) -> str:
        """Let the household have a box that was sold so long ago; return its serial."""
        serial = next(self.trade.serials)
        sold_on = (datetime.now(UTC) - sold).date()
        device = self.trade.do(
            register_device,
            serial=serial,
            model=MODEL,
            tenure=tenure,
            sold_on=sold_on,
            status="sold",
            seller=seller,
        )
        self.trade.do(
            give_to_account,
            uid=device.public_id,
            account=self.account,
            tenure=tenure,
            moves=False,
        )
        return serial

    def spare(self, place: str = "") -> str:
        """Put a new box on the shelf; return its serial."""
        serial = next(self.trade.serials)
        device = self.trade.do(register_device, serial=serial, model=MODEL)
        self._receive(place or self.shelf, device=device.public_id, unit_cost_minor=9_000)
        return serial

    def supplies(self, place: str = "") -> House:
        """Receive five power supplies at the bench."""
        self._receive(place or self.bench, part=PSU, quantity=5, unit_cost_minor=700)
        return self

    def _receive(self, place: str, **goods: Any) -> None:
        self.trade.do(receive_stock, from_location=ACME, to_location=place, **goods)


class Trade:
    """An operator who sells boxes and takes them back, behind one running service."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self.serials = (f"RET-{number:04}" for number in itertools.count(1))
        self._houses = itertools.count(1)
        self._furnish()

    def do(self, verb: Any, **arguments: Any) -> Any:
        """Carry out an operation in a unit of work of its own."""
        with self._live.db.write() as session:
            return verb(session, actor=SYSTEM, now=datetime.now(UTC), **arguments)

    def _furnish(self) -> None:
        self.do(create_model, code=MODEL, name="Home One", maker="Aurora")
        self.do(create_location, code=ACME, name="Acme", kind="supplier")
        fits = {MODEL: 1}
        part: Any = partial(self.do, create_part, currency="EUR")
        part(
            sku=PSU,
            name="Power supply 12 V",
            component="power_supply",
            fits=fits,
            returns_core=True,
        )
        part(sku=BOX, name="Home One", model=MODEL)
        self.do(
            set_model_terms,
            model=MODEL,
            may_send_ahead=True,
            unreturned_minor=8_000,
            new_minor=12_900,
            refurbished_minor=6_900,
            tax_ppm=TAX_PPM,
        )
        self.do(_put_policy_in_force)

    def house(self, name: str) -> House:
        """Return a new household with a bench, a shelf and a dealer's shelf of its own."""
        number = next(self._houses)
        home = self.do(create_account, kind="person", name=name, currency="EUR")
        self.do(add_site, uid=home.public_id, name="Home", timezone="Europe/Berlin")
        places = {
            f"BENCH-{number}": ("warehouse", None),
            f"SHELF-{number}": ("warehouse", None),
            f"SHOP-{number}": ("dealer", SHOP),
        }
        for code, (kind, organisation) in places.items():
            self.do(create_location, code=code, name=name, kind=kind, organisation=organisation)
        return House(self, home.number, home.public_id, *places)

    def let_time_run_out(self, number: str) -> None:
        """Let so many days pass that the time of a return's present step is over."""
        over = datetime.now(UTC) - timedelta(days=1)
        with self._live.db.write() as session:
            session.execute(
                update(ReturnCase).where(ReturnCase.number == number).values(due_at=over)
            )


def _put_policy_in_force(session: Any, **who: Any) -> None:
    policy = warranty.create_policy(
        session, code="home", title="Home", jurisdiction="EU", terms=dict(TERMS), **who
    )
    warranty.publish(session, policy=policy, in_force_from=LONG_AGO, **who)
    warranty.assign(session, policy=policy, from_on=LONG_AGO, model=MODEL, **who)
