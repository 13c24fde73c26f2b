"""A return of the demonstration as its steps find it: who acts, what is known, what is paid."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from stb_service.billing.ledger.queries import balances
from stb_service.billing.payments.operations import record_payment
from stb_service.billing.rules import Line, LineKind, Method
from stb_service.demo.model import Fault
from stb_service.demo.money import (
    FREIGHT_CENTS,
    LABOUR_CENTS,
    MARGIN,
    OTHER_TAX_PPM,
    TAX_PPM,
    in_currency,
)
from stb_service.demo.operator import BENCH, Box, Customer, Operator
from stb_service.demo.stock import Spare, spare_for
from stb_service.rma.cases import CASE
from stb_service.rma.events import newest_quote
from stb_service.rma.facts import Facts
from stb_service.rma.gathering import gather
from stb_service.rma.lists import Stated
from stb_service.rma.machine import Machine
from stb_service.rma.models import ReturnCase, WorkshopOrder
from stb_service.rma.operations import act
from stb_service.rma.queries import order_of_case
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.files import FileStore

Steps = Generator[timedelta, None, None]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CARRIERS = ("Example Post", "Sample Parcels")


class Way(StrEnum):
    """How a return comes about."""

    PARCEL = "parcel"
    COUNTER = "counter"
    AHEAD = "ahead"
    KEPT_BOTH = "kept_both"
    NEVER_CAME = "never_came"
    LOST_IN = "lost_in"
    LOST_OUT = "lost_out"
    OTHER_BOX = "other_box"
    BOUNCED = "bounced"
    ACCESSORY = "accessory"


class Answer(StrEnum):
    """What a customer says to a price."""

    PAYS = "pays"
    DECLINES = "declines"
    CONTESTS = "contests"
    GIVES_UP_THE_BOX = "gives_up_the_box"


@dataclass
class Returning:
    """One return. `until` is the state of the case in which its walk ends, if not with its close;
    `hold` is why it is put on hold there.
    """

    op: Operator
    files: FileStore
    begin: Callable[[Returning, Steps, datetime], None]
    box: Box
    fault: Fault
    way: Way
    answer: Answer
    until: str = ""
    hold: str = ""
    now: datetime = field(init=False)
    case: ReturnCase = field(init=False)
    customer: Customer = field(init=False)
    spare: Box | None = None
    parcels: int = 0

    def __post_init__(self) -> None:
        assert self.box.held_by is not None
        self.customer = self.box.held_by
        self.box.in_return = True
        self.chance = self.op.chance(f"return/{self.box.life.serial}/{self.fault.reported_on}")

    # --- who does what ---------------------------------------------------------------------------

    @property
    def counter(self) -> Actor:
        """Who answers this customer: the shop, as far as it sold both the box and the contract."""
        shop = self.box.life.shop
        return self.op.at_counter(shop) if shop == self.customer.shop else self.op.agent

    @property
    def technician(self) -> Actor:
        """Who has the box on the bench."""
        return self.op.staff[BENCH[self.box.life.shop][2]]

    @property
    def place(self) -> str:
        """Where the bench is."""
        return BENCH[self.box.life.shop][0]

    @property
    def order(self) -> WorkshopOrder:
        """What the workshop has of it."""
        found = order_of_case(self.op.session, self.case, EVERYTHING)
        assert found is not None
        return found

    @property
    def facts(self) -> Facts:
        """What is known now."""
        order = order_of_case(self.op.session, self.case, EVERYTHING)
        return gather(self.op.session, self.case, order, now=self.now)

    def say(self, verb: Any, *, actor: Actor, **arguments: Any) -> Any:
        """Carry out one of the rooms' verbs on the case."""
        return verb(self.op.session, ref=self.case.number, actor=actor, now=self.now, **arguments)

    def _fire(self, machine: Machine, event: str, actor: Actor, **stated: Any) -> None:
        self.say(act, machine=machine, event=event, stated=Stated(**stated), actor=actor)

    def on_case(self, event: str, *, actor: Actor | None = None, **stated: Any) -> None:
        """Make a step of the case, by the operator's agent if nobody else is named."""
        self._fire(CASE, event, actor or self.op.agent, **stated)

    def on_order(self, event: str, *, actor: Actor | None = None, **stated: Any) -> None:
        """Make a step of the order, by the bench if nobody else is named."""
        self._fire(ORDER, event, actor or self.technician, **stated)

    def _tracking(self) -> dict[str, Any]:
        self.parcels += 1
        number = f"EX{self.case.ordinal:05d}{self.parcels:02d}"
        return {"carrier": self.chance.choice(CARRIERS), "tracking": number}

    def _days(self, least: int, most: int) -> timedelta:
        return timedelta(days=self.chance.randrange(least, most), hours=self.chance.randrange(1, 6))

    # --- what it costs ---------------------------------------------------------------------------

    def _spare_part(self) -> Spare | None:
        return spare_for(self.box.life.model, self.fault.trouble.component)

    def _lines(self) -> list[Line]:
        tax = TAX_PPM.get(self.customer.country.code, OTHER_TAX_PPM)
        wanted = []
        if self.way != Way.ACCESSORY:
            wanted.append((LineKind.LABOUR, "Repair, half an hour", LABOUR_CENTS))
        spare = self._spare_part()
        if spare is not None:
            wanted.append((LineKind.PART, spare.name, round(spare.cost * MARGIN)))
        wanted.append((LineKind.FREIGHT, "Parcel", FREIGHT_CENTS))
        return [
            Line(kind, name, 1_000, in_currency(self.customer, cents), tax)
            for kind, name, cents in wanted
        ]

    def _pay_quote(self) -> None:
        """A household pays at once, and so does a business here."""
        found = newest_quote(self.op.session, self.case)
        assert found is not None
        record_payment(
            self.op.session,
            quote=found.quote.public_id,
            amount_minor=found.quote.total_minor,
            currency=found.quote.currency,
            method=self.chance.choice((Method.TRANSFER, Method.CARD, Method.CASH)),
            reference=self.case.number,
            actor=self.op.agent,
            now=self.now,
        )

    def _pay_account(self) -> None:
        """Pay whatever is open."""
        assert self.case.account is not None
        for balance in balances(self.op.session, self.case.account, EVERYTHING):
            if balance.minor > 0:
                record_payment(
                    self.op.session,
                    account=self.customer.uid,
                    amount_minor=balance.minor,
                    currency=balance.currency,
                    method=Method.TRANSFER,
                    reference=self.case.number,
                    actor=self.op.agent,
                    now=self.now,
                )
