"""An operator with a workshop, a dealer and a shelf, and a household with a box that broke."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from stb_service.billing.payments.operations import record_payment
from stb_service.billing.rules import Line
from stb_service.devices.holdings.chain import current_holding
from stb_service.devices.holdings.operations import give_to_account
from stb_service.devices.models import Device
from stb_service.parts import operations as stock
from stb_service.parts.catalogue.operations import create_location, create_part
from stb_service.parts.models import Reservation
from stb_service.parts.moves.queries import last_place_of
from stb_service.rma import (
    bench,
    comparing,
    deciding,
    exchange,
    personal,
    photographs,
    queries,
    quoting,
    stating,
)
from stb_service.rma.cases import CASE
from stb_service.rma.events import newest_quote
from stb_service.rma.facts import Facts
from stb_service.rma.gathering import gather
from stb_service.rma.lists import CHECKLIST, PRECHECKS_OF, FaultSaid, Stated
from stb_service.rma.machine import Machine
from stb_service.rma.models import Accessory, Exchange, OrderPart, ReturnCase, WorkshopOrder
from stb_service.rma.operations import act, open_case, open_order
from stb_service.rma.verdicts import BILLABLE
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import EVERYTHING, Actor, builtin_verbs
from stb_service.shared.db import Database
from stb_service.shared.errors import Refused
from stb_service.staff.models import Organisation
from stb_service.staff.queries import operator
from stb_service.subscribers.models import Account
from stb_service.subscribers.operations import add_site, create_account
from tests.stb_service.warranty.conftest import Desk

PSU, REMOTE, BOX = "PSU-12", "RC-5", "BOX-AUR-1"
MAIN, BENCH, SHOP, SCRAP, ACME = "MAIN", "BENCH", "SHOP-N", "SCRAP", "ACME-WORKS"
PLACES = (
    (MAIN, "warehouse", None),
    (BENCH, "warehouse", None),
    (SHOP, "dealer", "north"),
    (SCRAP, "scrap", None),
    (ACME, "supplier", None),
)
SOLD = date(2025, 5, 5)
OLD = date(2022, 5, 5)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
TAX = 190_000


class House(Desk):
    """Plays returns: each call in a unit of work of its own, an hour after the one before."""

    def __init__(self, db: Database, actor: Actor, now: datetime) -> None:
        super().__init__(db, actor, now)
        with db.write() as session:
            if operator(session) is None:
                made = Organisation(code="operator", name="Operator", kind="operator")
                made.created_at = now
                session.add(made)
                session.flush()
            who: dict[str, Any] = {"actor": actor, "now": now}
            create_part(
                session,
                sku=PSU,
                name="Power supply 12 V",
                currency="EUR",
                component="power_supply",
                fits={"AUR-1": 1},
                **who,
            )
            create_part(
                session,
                sku=REMOTE,
                name="Remote control",
                currency="EUR",
                component="remote",
                fits={"AUR-1": 1},
                **who,
            )
            create_part(session, sku=BOX, name="Aurora One", currency="EUR", model="AUR-1", **who)
            for code, kind, organisation in PLACES:
                create_location(
                    session,
                    code=code,
                    name=code.title(),
                    kind=kind,
                    organisation=organisation,
                    **who,
                )
        self.in_force()
        self.assign("plain")
        self.home: Account = self.do(
            create_account, kind="person", name="Ada Lovelace", currency="EUR"
        )
        self.do(add_site, uid=self.home.public_id, name="Home", timezone="Europe/Berlin")
        self.ref = ""

    # --- people ---------------------------------------------------------------------------------

    def somebody(self, name: str, organisation: str | None = None) -> Actor:
        """Return somebody with every verb that their organisation may hold."""
        key = self._organisations[organisation] if organisation else None
        return Actor("person", name, name, builtin_verbs("administrator"), key)

    # --- boxes and stock ------------------------------------------------------------------------

    def customers_box(
        self, serial: str = "SN-0001", tenure: str = "sold", sold_on: date = SOLD, **fields: Any
    ) -> Device:
        """Register a box that the household has."""
        device = self.box(serial, tenure=tenure, sold_on=sold_on, status="sold", **fields)
        self.do(
            give_to_account,
            uid=device.public_id,
            account=self.home.number,
            tenure=tenure,
            moves=False,
        )
        return device

    def spare(self, serial: str = "SN-9001", place: str = MAIN) -> Device:
        """Put a new box on a shelf."""
        device = self.box(serial)
        self.do(
            stock.receive_stock,
            device=device.public_id,
            from_location=ACME,
            to_location=place,
            unit_cost_minor=9_000,
        )
        return device

    def parts(self, quantity: int = 5, part: str = PSU, place: str = BENCH) -> None:
        """Receive parts at the bench."""
        self.do(
            stock.receive_stock,
            part=part,
            from_location=ACME,
            to_location=place,
            quantity=quantity,
            unit_cost_minor=700,
        )

    def place_of(self, device: Device) -> tuple[str, str] | None:
        """Return where a box stands, and in which condition."""
        with self.db.read() as session:
            last = last_place_of(session, session.get_one(Device, device.id), EVERYTHING)
            return (last.position.location.code, last.position.condition) if last else None

    def device(self, device: Device) -> Device:
        """Return a box as it is now."""
        with self.db.read() as session:
            return session.get_one(Device, device.id)

    # --- the case -------------------------------------------------------------------------------

    def tick(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**(span or {"hours": 1}))

    def open(self, device: Device, *components: str, **fields: Any) -> House:
        """Open a case; later calls are about it."""
        self.tick()
        said = [FaultSaid(component, "does not work") for component in components or ("",)]
        case: ReturnCase = self.do(
            open_case, **{"device": device.public_id, "faults": said, **fields}
        )
        self.ref = case.number
        return self

    def admit(self, device: Device, location: str = MAIN) -> House:
        """Admit a box from stock; later calls are about it."""
        self.tick()
        order: WorkshopOrder = self.do(open_order, device=device.public_id, location=location)
        self.ref = order.number
        return self

    def checked(self) -> House:
        """Record every check that comes before a return."""
        for code in PRECHECKS_OF[self.case.remedy]:
            self.say(stating.record_precheck, code=code, answer="done")
        return self

    def say(self, verb: Any, **arguments: Any) -> Any:
        """Carry out a verb on the case or order that calls are about."""
        self.tick()
        return self.do(verb, ref=self.ref, **arguments)

    def fire(
        self, machine: Machine, event: str, *, actor: Actor | None = None, **stated: Any
    ) -> House:
        """Make a step."""
        self.tick()
        self.do(
            act,
            ref=self.ref,
            machine=machine,
            event=event,
            stated=Stated(**stated),
            actor=actor or self.actor,
        )
        return self

    def on_case(self, event: str, **stated: Any) -> House:
        """Make a step of the case."""
        return self.fire(CASE, event, **stated)

    def on_order(self, event: str, **stated: Any) -> House:
        """Make a step of the order."""
        return self.fire(ORDER, event, **stated)

    def refused(self, machine: Machine, event: str, **stated: Any) -> list[str]:
        """Return what bars a step."""
        with pytest.raises(Refused) as refusal:
            self.fire(machine, event, **stated)
        return [obstacle.code for obstacle in refusal.value.obstacles]

    @property
    def case(self) -> ReturnCase:
        """The case as it is now."""
        found: ReturnCase = self.ask(queries.case_by_ref, self.ref, EVERYTHING)
        return found

    @property
    def order(self) -> WorkshopOrder:
        """The order as it is now."""
        with self.db.read() as session:
            case = queries.find_case(session, self.ref, EVERYTHING)
            if case is None:
                return queries.order_by_ref(session, self.ref, EVERYTHING)
            found = queries.order_of_case(session, case, EVERYTHING)
            assert found is not None
            return found

    @property
    def states(self) -> tuple[str, str]:
        """Where both machines are."""
        return self.case.state, self.order.state

    @property
    def facts(self) -> Facts:
        """What is known now."""
        with self.db.read() as session:
            case = queries.find_case(session, self.ref, EVERYTHING)
            order = (
                queries.order_of_case(session, case, EVERYTHING)
                if case
                else queries.order_by_ref(session, self.ref, EVERYTHING)
            )
            return gather(session, case, order, now=self.now)

    # --- parts of stories -----------------------------------------------------------------------

    def state(self, kind: str, **more: Any) -> House:
        """State something."""
        self.say(stating.state, kind=kind, **more)
        return self

    def authorised(self) -> House:
        """Let the return be authorised."""
        return self.checked().on_case("approve")

    def received(self, device: Device, location: str = BENCH) -> House:
        """Let the box come in."""
        self.authorised().on_case("post", carrier="Post", tracking="1Z1")
        return self.on_case("receive", scanned=device.serial, location=location)

    def received_somewhere(self) -> House:
        """Let the box of the case come in at the bench."""
        return self.received(self.case.device)

    def judged(
        self,
        fault_class: str = "component",
        *,
        confirmed: str = "yes",
        photo: bool = False,
        actor: Actor | None = None,
    ) -> House:
        """Let the box be inspected, and every fault judged alike."""
        who = actor or self.actor
        self.on_order("inspect", actor=who)
        for code in CHECKLIST:
            self.say(bench.record_check, code=code, result="pass", actor=who)
        for line in self.facts.lines:
            self.judge(line.number, fault_class, confirmed=confirmed, actor=who)
            if photo:
                self.say(photographs.add_photo, data=PNG, fault=line.number, files=self.files)
        return self.on_order("judge", actor=who)

    files: Any = None

    def judge(
        self, number: int, fault_class: str, *, confirmed: str = "yes", actor: Actor | None = None
    ) -> House:
        """State what was found of a fault."""
        self.say(
            deciding.judge_fault,
            number=number,
            confirmed=confirmed,
            fault_class=fault_class,
            actor=actor or self.actor,
        )
        return self

    def repaired(self, part: str = PSU) -> House:
        """Repair the box with a part, test it, and finish."""
        lines = [line for line in self.facts.lines if line.agreed or line.verdict not in BILLABLE]
        planned = self.say(bench.plan_part, part=part, fault=lines[0].number if lines else None)
        self.on_order("reserve").on_order("begin")
        self.say(bench.use_part, part=planned.public_id)
        worked = {"what": "exchange", "minutes": 30, "rate_minor": 4_000}
        self.say(bench.record_labour, **worked, fault=planned.fault_number)
        self.say(bench.record_firmware, before="1.0.0", after="1.1.0")
        self.on_order("test")
        self.say(bench.record_test, passed=True)
        return self.on_order("finish")

    def quoted(self, amount: int = 5_000, remedy: str = "repair", **more: Any) -> House:
        """Quote, and send the quote."""
        if self.case.state != "quoting":
            self.on_case("quote")
        self.say(
            quoting.quote_case,
            remedy=remedy,
            lines=[Line("labour", "Repair", 1_000, amount, TAX)],
            zone="UTC",
            **more,
        )
        if remedy == "repair":
            self.beside(amount)
        return self.on_case("send_quote")

    def beside(self, amount: int) -> House:
        """Hold another box beside the repair, or state that none is offered."""
        facts = self.facts
        if facts.others_offered and not facts.side_by_side:
            self.say(comparing.compare_repair, parts_minor=0, labour_minor=amount)
        elif not facts.others_offered:
            self.state("nothing_else_offered")
        return self

    def pay(self, amount_minor: int) -> House:
        """Take money for the quote."""
        self.tick()
        with self.db.write() as session:
            case = queries.case_by_ref(session, self.ref, EVERYTHING)
            quote = newest_quote(session, case)
            assert quote is not None
            record_payment(
                session,
                quote=quote.quote.public_id,
                amount_minor=amount_minor,
                currency="EUR",
                method="cash",
                actor=self.actor,
                now=self.now,
            )
        return self

    def pay_account(self, amount_minor: int) -> House:
        """Take money for what was charged beside quotes."""
        self.tick()
        self.do(
            record_payment,
            account=self.home.public_id,
            amount_minor=amount_minor,
            currency="EUR",
            method="cash",
        )
        return self

    def pay_rest(self) -> House:
        """Take what the quote asks for beyond what is the customer's credit, and the credit too."""
        return self.pay(self.facts.balance_minor)

    def erase(self, *, uid: str, person: str) -> None:
        """Erase a person, with what this room keeps of them."""
        with self.db.write() as session:
            if barred := personal.obstacles(session, uid, person):
                raise Refused(barred)
            personal.erase(session, uid, person, self.now)

    def has(self, device: Device) -> bool:
        """Tell whether the household has a box."""
        with self.db.read() as session:
            found = current_holding(session, session.get_one(Device, device.id))
            return found is not None and found.account_id == self.home.id

    def allocated(self, device: Device) -> House:
        """Keep a box for the case."""
        self.say(exchange.allocate_spare, device=device.serial)
        return self

    @property
    def kept_for_nobody(self) -> list[str]:
        """What is still reserved, or kept as a replacement, for a case or an order that has ended."""
        held = Reservation.state == "held"
        statements = (
            select(WorkshopOrder.number)
            .join(OrderPart, OrderPart.order_id == WorkshopOrder.id)
            .join(Reservation, OrderPart.reservation_id == Reservation.id)
            .where(held, WorkshopOrder.ended_at.is_not(None)),
            select(ReturnCase.number)
            .join(Accessory, Accessory.case_id == ReturnCase.id)
            .join(Reservation, Accessory.reservation_id == Reservation.id)
            .where(held, ReturnCase.closed_at.is_not(None)),
            select(ReturnCase.number)
            .join(Exchange, Exchange.case_id == ReturnCase.id)
            .where(Exchange.state == "allocated", ReturnCase.closed_at.is_not(None)),
        )
        with self.db.read() as session:
            return [number for rows in statements for number in session.scalars(rows)]

    def provisioned(self) -> House:
        """Let the new box be provisioned, and what was pinned to the old one be released."""
        self.say(exchange.acknowledge_provisioning)
        self.say(exchange.release_pins)
        return self


@pytest.fixture
def house(db: Database, actor: Actor, now: datetime, files: Any) -> Iterator[House]:
    """A house on SQLite and on PostgreSQL. Whatever is played in it, nothing is kept for nobody."""
    made = House(db, actor, now)
    made.files = files
    yield made
    assert made.kept_for_nobody == []


@pytest.fixture
def one(sqlite_db: Database, actor: Actor, now: datetime, files: Any) -> Iterator[House]:
    """A house on SQLite, for what is not about the database. Nothing is kept for nobody in it."""
    made = House(sqlite_db, actor, now)
    made.files = files
    yield made
    assert made.kept_for_nobody == []
