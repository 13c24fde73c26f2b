"""Journeys of boxes in the demonstration: one return each, walked step by step by whoever makes them.

A journey is a generator: it makes the steps of a moment, and yields how long nothing happens then.
What is decided follows from what the verdict was, as it does for people.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Generator, Mapping
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
from stb_service.demo.operator import BENCH, SELLER, Box, Customer, Operator
from stb_service.demo.stock import BOX_PRICE, Spare, spare_for
from stb_service.devices.components import Component
from stb_service.rma import bench, cores, deciding, exchange, quoting
from stb_service.rma.cases import CASE
from stb_service.rma.events import newest_quote
from stb_service.rma.facts import Facts, Remedy
from stb_service.rma.gathering import SERIALISED, gather
from stb_service.rma.lists import CHECKLIST, PRECHECKS_OF, Channel, FaultSaid, Stated
from stb_service.rma.machine import Machine
from stb_service.rma.models import ReturnCase, WorkshopOrder
from stb_service.rma.operations import act, open_case
from stb_service.rma.queries import order_of_case
from stb_service.rma.verdicts import Outcome, Verdict
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import EVERYTHING, SYSTEM, Actor
from stb_service.shared.errors import Refused
from stb_service.shared.files import FileStore
from stb_service.warranty.policy import Cause

Steps = Generator[timedelta, None, None]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRMWARE = ("2.2.0", "2.3.1")
CARRIERS = ("Example Post", "Sample Parcels")
STANDS_IN: Mapping[str, tuple[str, ...]] = {"AUR-300": ("AUR-300", "AUR-500")}
"""Which models take the place of one, if not only itself."""
FAILS: Mapping[str, str] = {
    Component.POWER_SUPPLY: "power",
    Component.MAINBOARD: "picture",
    Component.TUNER: "picture",
    Component.WIFI: "network",
    Component.REMOTE: "remote",
    Component.CASE: "outside",
}
"""Which point of the checklist a component that failed does not pass."""
WORK_WAITS_DAYS = 7
"""So often a bench that lacks a part looks again."""


class Way(StrEnum):
    """How a return comes about."""

    PARCEL = "parcel"
    COUNTER = "counter"
    AHEAD = "ahead"
    KEPT_BOTH = "kept_both"
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
class Journey:
    """One return. `until` is the state of the case in which its walk ends, if not with its close;
    `hold` is why it is put on hold there.
    """

    op: Operator
    files: FileStore
    begin: Callable[[Journey, Steps, datetime], None]
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

    # --- the request -----------------------------------------------------------------------------

    def walk(self) -> Steps:
        """Ask for the return, bring the box here, and go on as it was found."""
        self._open()
        yield HOUR
        if self.way == Way.ACCESSORY:
            yield from self._send_accessory()
            return
        for code in PRECHECKS_OF[self.case.remedy]:
            self.say(deciding.record_precheck, code=code, answer="done", actor=self.counter)
        self.on_case("approve")
        yield self._days(0, 2)
        if self.way == Way.COUNTER and self._allocate(self.customer.shop):
            yield from self._swap()
            return
        if self.way in {Way.AHEAD, Way.KEPT_BOTH} and self._allocate("MAIN"):
            yield from self._send_ahead()
            return
        self.on_case("post", actor=self.counter, **self._tracking())
        yield self._days(1, 4)
        if self.way == Way.LOST_IN:
            yield from self._lost_here()
            return
        if self.way == Way.OTHER_BOX:
            yield from self._other_box()
        yield from self._bench()
        yield from self._decide()

    def _open(self) -> None:
        said = FaultSaid(self.fault.trouble.component, self.fault.trouble.symptom)
        remedies = {
            Way.ACCESSORY: Remedy.ACCESSORY,
            Way.COUNTER: Remedy.SWAP_COUNTER,
            Way.AHEAD: Remedy.REPLACE,
        }
        self.case = open_case(
            self.op.session,
            device=self.box.uid,
            remedy=remedies.get(self.way, Remedy.REPAIR),
            channel=Channel.COUNTER if self.customer.shop in SELLER else Channel.CALL,
            reported_on=self.fault.reported_on,
            complaint=f"{said.symptom}.",
            faults=[said],
            sources=self.op.sources,
            actor=self.counter,
            now=self.now,
        )

    def _send_accessory(self) -> Steps:
        spare = spare_for(self.box.life.model, self.fault.trouble.component)
        assert spare is not None
        for code in PRECHECKS_OF[Remedy.ACCESSORY]:
            self.say(deciding.record_precheck, code=code, answer="done", actor=self.counter)
        self.say(exchange.reserve_accessory, part=spare.sku, location="MAIN", actor=self.op.store)
        facts = self.facts
        if facts.rented or facts.all_covered:
            self.on_case("approve_accessory")
        else:
            self.on_case("quote_accessory")
            yield 5 * HOUR
            self.say(quoting.quote_case, lines=self._lines(), zone="UTC", actor=self.op.agent)
            self.on_case("send_quote")
            yield self._days(2, 6)
            if self.answer == Answer.DECLINES:
                self.on_case("decline_accessory", reason="Buys one elsewhere")
                return
            self.on_case("accept", reason="By phone")
            yield self._days(1, 4)
            self._pay_quote()
            self.on_case("release_accessory")
        yield self._days(1, 3)
        yield from self._go_home()

    def _other_box(self) -> Steps:
        """Somebody else's box comes in the parcel; it is sent back, and the right one follows."""
        strays = [
            one
            for one in self.op.boxes
            if one.held_by not in {None, self.customer} and not one.in_return
        ]
        stray = self.chance.choice(strays)
        stray.in_return = True
        came = {"scanned": stray.life.serial, "location": self.place}
        self.on_case("mismatch", actor=self.op.store, **came)
        yield self._days(1, 3)
        self.on_case("return_other", actor=self.op.store, **self._tracking())
        stray.in_return = False
        yield self._days(4, 8)
        self.on_case("post", actor=self.counter, **self._tracking())
        yield self._days(1, 4)

    # --- exchanges -------------------------------------------------------------------------------

    def _allocate(self, place: str, *, is_new: bool = False) -> bool:
        """Keep a box of a shelf for the case: of those that can take its place, that which nobody
        is to be given for longest. Tell whether there was one.
        """
        model = self.box.life.model
        found = [
            box
            for box in self.op.boxes
            if box.stands == place
            and box.life.model in STANDS_IN.get(model, (model,))
            and not (is_new and box.is_refurbished)
        ]
        if not found:
            return False
        spare = max(found, key=lambda box: (box.life.given_at is None, box.life.came_at))
        actor = self.op.store if place == "MAIN" else self.counter
        self.say(exchange.allocate_spare, device=spare.uid, actor=actor)
        spare.stands = None
        self.spare = spare
        return True

    def _spare_is_given(self) -> None:
        assert self.spare is not None
        self.spare.given_to(self.customer, self.box.tenure, self.now.date())
        self.box.held_by = None

    def _acknowledge(self) -> None:
        """The new box runs, gets what the old one got, and nothing is pinned to that any more."""
        self.say(exchange.acknowledge_provisioning, actor=SYSTEM)
        self.say(exchange.release_pins, actor=self.op.agent)

    def _swap(self) -> Steps:
        """Give another box over the counter; the old one is seen to when there is time."""
        name = f"{self.customer.number}, at the counter"
        taken: dict[str, Any] = {"scanned": self.box.life.serial, "location": self.customer.shop}
        self.on_case("swap_at_counter", signed_by=name, actor=self.counter, **taken)
        self._spare_is_given()
        self.begin(self, self._see_to_kept(self.op.store, arrived=True), self.now + 3 * DAY)
        yield 2 * HOUR
        self._acknowledge()
        yield from self._close()

    def _send_ahead(self) -> Steps:
        self.say(deciding.state, kind="fee_agreed", actor=self.op.agent)
        self.on_case("send_ahead", **self._tracking())
        assert self.spare is not None
        self.spare.given_to(self.customer, self.box.tenure, self.now.date())
        yield self._days(3, 6)
        self._acknowledge()
        if self.way == Way.KEPT_BOTH:
            yield 16 * DAY
            self.on_case("charge_fee")
            yield self._days(3, 9)
            self._pay_account()
            self.on_case("settle_fee")
            self.box.held_by = None
            yield from self._close()
            return
        yield self._days(2, 6)
        yield from self._bench()
        if self.facts.outcome == Outcome.BILLABLE:
            self.say(deciding.grant_goodwill, number=1, reason="Sent ahead", actor=self.op.agent)
        self.on_case("settle_ahead")
        self.box.held_by = None
        self.begin(self, self._see_to_kept(self.technician), self.now + 2 * DAY)
        yield from self._close()

    def _replace(self) -> Steps:
        """Give another box by parcel, or the money where there is none."""
        yield self._days(0, 2)
        while not self._allocate("MAIN", is_new=self._is_doa()):
            if not self.box.is_lent:
                yield from self._refund()
                return
            yield 10 * DAY
        self.on_case("allocate", actor=self.op.store)
        yield self._days(0, 2)
        self.on_case("ship", actor=self.op.store, **self._tracking())
        self._spare_is_given()
        yield self._days(1, 4)
        self.on_case("deliver", actor=self.op.store)
        self._acknowledge()
        yield from self._close()

    def _is_doa(self) -> bool:
        return self.facts.outcome == Outcome.DOA

    def _refund(self) -> Steps:
        self.on_case("approve_refund", reason="No box that could take its place")
        amount = in_currency(self.customer, BOX_PRICE[self.box.life.model])
        yield self._days(1, 4)
        for kind in ("price_paid", "refunded"):
            self.say(
                deciding.state,
                kind=kind,
                amount_minor=amount,
                note="Invoice",
                actor=self.op.agent,
            )
        self.on_case("refund")
        yield from self._close()

    def _lost_here(self) -> Steps:
        yield self._days(6, 9)
        self.on_case("lose", reason="No scan since it was handed in", actor=self.op.store)
        yield self._days(4, 8)
        self.say(deciding.state, kind="loss_confirmed", actor=self.op.agent)
        self.on_case("approve_replace")
        self.box.held_by = None
        yield from self._replace()

    # --- the bench -------------------------------------------------------------------------------

    def _bench(self) -> Steps:
        """Take the box in, look at it, and say what was found."""
        said = {"scanned": self.box.life.serial, "location": self.place}
        self.on_case("receive", actor=self.op.store, **said)
        yield self._days(1, 4)
        self.on_order("inspect")
        yield self._days(0, 2)
        self._check(self.technician)
        self._judge(self.technician, self.fault.trouble.cause)
        self.on_order("judge")
        yield self._days(0, 2)

    def _check(self, actor: Actor) -> None:
        fails = FAILS.get(self.fault.trouble.component, "")
        for code in CHECKLIST:
            self.say(
                bench.record_check,
                code=code,
                result="fail" if code == fails else "pass",
                actor=actor,
            )

    def _judge(self, actor: Actor, cause: Cause) -> None:
        none = cause == Cause.NO_FAULT_FOUND
        found = self.say(
            deciding.judge_fault,
            number=1,
            confirmed="no" if none else "yes",
            fault_class="none_found" if none else cause.value,
            note="" if none else self.fault.trouble.symptom,
            sources=self.op.sources,
            actor=actor,
        )
        if found.effective_verdict == Verdict.USER_FAULT:
            shade = self.chance.randrange(80, 200)
            self.say(
                deciding.add_photo,
                data=photograph(shade),
                fault=1,
                note=self.fault.trouble.symptom,
                files=self.files,
                actor=actor,
            )

    # --- the decision ----------------------------------------------------------------------------

    def _waive_fees(self) -> None:
        """Waive what the terms ask for in money that the customer's account is not kept in."""
        facts = self.facts
        if facts.damage_elsewhere or facts.handling_elsewhere:
            why = "Waived: the account is kept in other money"
            self.say(deciding.state, kind="fee_settled", note=why, actor=self.op.agent)

    def _decide(self) -> Steps:
        self._waive_fees()
        outcome = self.facts.outcome
        if outcome in {Outcome.NFF, Outcome.NOTHING_LEFT}:
            self.on_case("return_nff")
            yield self._days(0, 2)
            yield from self._go_home()
        elif outcome == Outcome.BILLABLE and self.box.is_lent:
            self.on_case("recover", reason="Damaged, and the operator's")
            self.box.held_by = None
            self.begin(self, self._see_to_kept(self.technician), self.now + 2 * DAY)
            self._pay_account()
            yield from self._close()
        elif outcome == Outcome.BILLABLE:
            yield from self._ask_for_money()
        elif outcome == Outcome.DOA:
            self._choose()
            self.on_case("approve_replace")
            self.box.held_by = None
            self.begin(self, self._see_to_kept(self.technician), self.now + 2 * DAY)
            yield from self._replace()
        else:
            self._choose()
            self.on_case("approve_repair")
            yield from self._repair()
            yield from self._go_home()

    def _choose(self) -> None:
        """A consumer is told what a repair and what a replacement brings, and chooses."""
        if not self.box.is_lent:
            self.say(deciding.state, kind="remedy_chosen", actor=self.op.agent)

    def _contest(self) -> Steps:
        """The customer says it was not so; somebody else looks, and sometimes agrees with them."""
        self.on_case("dispute", reason="It was never like that")
        yield self._days(2, 5)
        agrees = self.chance.random() < 0.4
        cause = Cause.COMPONENT if agrees else self.fault.trouble.cause
        self._judge(self.op.store, cause)
        self.on_order("judge_again", actor=self.op.store)
        yield self._days(0, 2)

    def _ask_for_money(self) -> Steps:
        if self.answer == Answer.CONTESTS and self.facts.lines[0].verdict == Verdict.USER_FAULT:
            yield from self._contest()
            if self.facts.outcome != Outcome.BILLABLE:
                yield from self._decide()
                return
        self.on_case("quote")
        yield 5 * HOUR
        self.say(quoting.quote_case, lines=self._lines(), zone="UTC", actor=self.op.agent)
        self._hold_beside()
        self.on_case("send_quote")
        yield self._days(2, 6)
        if self.answer == Answer.DECLINES:
            self.on_case("decline", reason="Buys a new one")
            yield self._days(0, 2)
            yield from self._go_home()
        elif self.answer == Answer.GIVES_UP_THE_BOX:
            yield from self._dispose()
        else:
            self.on_case("accept", reason="By phone")
            yield self._days(1, 4)
            self._pay_quote()
            self.on_case("release_repair")
            yield from self._repair()
            yield from self._go_home()

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

    def _hold_beside(self) -> None:
        """The customer sees what another box costs beside the repair."""
        spare = self._spare_part()
        parts = round(spare.cost * MARGIN) if spare is not None else 0
        self.say(
            bench.compare_repair,
            parts_minor=parts,
            labour_minor=LABOUR_CENTS,
            repair_price_minor=parts + LABOUR_CENTS + FREIGHT_CENTS,
            actor=self.op.agent,
        )

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

    def _dispose(self) -> Steps:
        self.say(deciding.state, kind="disposal_consent", actor=self.op.agent)
        self.on_case("choose_disposal")
        self.box.held_by = None
        yield self._days(2, 6)
        self._scrap("The customer consented")
        self.on_case("dispose")
        yield from self._close()

    def _scrap(self, reason: str) -> None:
        self.say(
            deciding.state,
            kind="wiped",
            method="storage_destroyed",
            note="Shredded with others",
            actor=self.op.store,
        )
        self.on_order("scrap", reason=reason, location="SCRAP", actor=self.op.store)

    # --- the work --------------------------------------------------------------------------------

    def _spare_part(self) -> Spare | None:
        return spare_for(self.box.life.model, self.fault.trouble.component)

    def _repair(self, *, actor: Actor | None = None, fault: int | None = 1) -> Steps:
        """Mend the box at its bench with what it needs, as soon as that is there."""
        who, spare = actor or self.technician, self._spare_part()
        planned = None
        if spare is not None:
            planned = self.say(bench.plan_part, part=spare.sku, fault=fault, actor=who)
        yield self._days(0, 2)
        while self.say(bench.reserve_planned, actor=who):
            yield WORK_WAITS_DAYS * DAY
        self.on_order("reserve", actor=who)
        yield self._days(0, 3)
        yield from self._begin(who)
        yield self._days(0, 2)
        if planned is not None and spare is not None:
            self.say(bench.use_part, part=planned.public_id, actor=who)
            if spare.component in SERIALISED:
                serial = f"{spare.sku}-{self.case.ordinal:05d}{'' if fault else '-R'}"
                self.say(
                    bench.swap_component,
                    component=spare.component,
                    old_serial=self._old_serial(spare.component),
                    new_serial=serial,
                    fault=fault,
                    actor=who,
                )
        self._record_work(who, fault)
        self.on_order("test", actor=who)
        yield self._days(0, 2)
        self.say(bench.record_test, passed=True, note="Ran for a night", actor=who)
        self.on_order("finish", actor=who)
        yield self._days(0, 2)

    def _old_serial(self, component: str) -> str:
        """Return what is read off the old component; what is known of it need not be read."""
        order = order_of_case(self.op.session, self.case, EVERYTHING)
        assert order is not None
        known = cores.known_serial(self.op.session, order, component)
        return "" if known else f"{self.box.life.serial}-{component}"

    def _begin(self, actor: Actor) -> Steps:
        """Begin the work; where the account is overdue, the customer pays first."""
        try:
            with self.op.session.begin_nested():
                self.on_order("begin", actor=actor)
        except Refused:
            yield 4 * DAY
            self._pay_account()
            self.on_order("begin", actor=actor)

    def _record_work(self, actor: Actor, fault: int | None) -> None:
        self.say(
            bench.record_labour,
            what="Mended" if self.fault.trouble.component else "Set up anew",
            minutes=self.chance.choice((20, 30, 45)),
            rate_minor=in_currency(self.customer, 2 * LABOUR_CENTS),
            fault=fault,
            actor=actor,
        )
        self.say(bench.record_firmware, before=FIRMWARE[0], after=FIRMWARE[1], actor=actor)

    def _see_to_kept(self, actor: Actor, *, arrived: bool = False) -> Steps:
        """See to a box that is the operator's now: refurbish it, or scrap what is worn."""
        if arrived:
            self.on_order("inspect", actor=actor)
            self._check(actor)
            self._judge(actor, self.fault.trouble.cause)
            self.on_order("judge", actor=actor)
            self.on_order("shelve", actor=actor)
            yield self._days(1, 5)
        if self.box.life.is_former:
            self._scrap("Not worth a repair")
            return
        self.on_order("plan_refurbishment", actor=actor)
        if arrived:
            self.on_order("reserve", actor=actor)
            self.on_order("begin", actor=actor)
            self._record_work(actor, None)
            self.on_order("test", actor=actor)
            self.say(bench.record_test, passed=True, actor=actor)
            self.on_order("finish", actor=actor)
        else:
            yield from self._repair(actor=actor, fault=None)
        self.on_order("shelve", actor=actor)
        self.say(
            deciding.state,
            kind="wiped",
            method="key_destroyed",
            note="Report of the tool",
            actor=actor,
        )
        self.on_order("wipe", actor=actor)
        self.say(bench.grade_box, grade=self.chance.choice("AAB"), actor=actor)
        yield self._days(1, 3)
        self.on_order("restock", location="MAIN", actor=self.op.store)
        self.box.stands, self.box.is_refurbished = "MAIN", True

    # --- the way out -----------------------------------------------------------------------------

    def _go_home(self) -> Steps:
        """Send what the customer gets, which mostly arrives."""
        store = self.op.store
        self.on_case("ship", actor=store, **self._tracking())
        yield self._days(1, 4)
        if self.way == Way.BOUNCED:
            self.on_case("bounce", reason="Nobody of that name", actor=store)
            yield self._days(3, 9)
            self.say(deciding.state, kind="address_confirmed", actor=self.op.agent)
            self.on_case("ship", actor=store, **self._tracking())
            yield self._days(1, 4)
        if self.way == Way.LOST_OUT:
            self.on_case("lose", reason="No scan since it left", actor=store)
            yield self._days(4, 9)
            self.say(deciding.state, kind="loss_confirmed", actor=self.op.agent)
            self.on_case("approve_replace")
            self.box.held_by = None
            yield from self._replace()
            return
        self.on_case("deliver", actor=store)
        yield from self._close()

    def _close(self) -> Steps:
        """Most customers say that it is well; with the others silence does, after a while."""
        if self.chance.random() < 0.6:
            yield self._days(2, 9)
            self.on_case("confirm")
        else:
            yield 15 * DAY
            self.on_case("close", actor=SYSTEM)
        self.box.in_return = False


def photograph(shade: int) -> bytes:
    """Return a small picture that stands in for a photograph: a plain field of a brown."""
    width, height = 96, 72

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    row = b"\0" + bytes((shade, shade // 2, 40)) * width
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row * height, 9))
        + chunk(b"IEND", b"")
    )
