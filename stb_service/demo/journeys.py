"""Journeys of boxes in the demonstration: one return each, walked step by step by whoever makes them.

A journey is a generator: it makes the steps of a moment, and yields how long nothing happens then.
What is decided follows from what the verdict was, as it does for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stb_service.demo.mending import Mending
from stb_service.demo.money import FREIGHT_CENTS, LABOUR_CENTS, MARGIN, TERMS_CURRENCY, in_currency
from stb_service.demo.operator import SELLER
from stb_service.demo.returning import DAY, HOUR, Answer, Steps, Way
from stb_service.demo.stock import BOX_PRICE, spare_for
from stb_service.rma import comparing, deciding, exchange, quoting, stating
from stb_service.rma.facts import Remedy
from stb_service.rma.lists import PRECHECKS_OF, Channel, FaultSaid
from stb_service.rma.operations import open_case
from stb_service.rma.verdicts import Outcome, Verdict
from stb_service.shared.access import SYSTEM
from stb_service.warranty.policy import Cause

STANDS_IN: Mapping[str, tuple[str, ...]] = {"AUR-300": ("AUR-300", "AUR-500")}
"""Which models take the place of one, if not only itself."""


class Journey(Mending):
    """One return, from the request to its close."""

    # --- the request -----------------------------------------------------------------------------

    def walk(self) -> Steps:
        """Ask for the return, bring the box here, and go on as it was found."""
        self._open()
        yield HOUR
        if self.way == Way.ACCESSORY:
            yield from self._send_accessory()
            return
        for code in PRECHECKS_OF[self.case.remedy]:
            self.say(stating.record_precheck, code=code, answer="done", actor=self.counter)
        self.on_case("approve")
        yield self._days(0, 2)
        if self.way == Way.COUNTER and self._allocate(self.customer.shop):
            yield from self._swap()
            return
        if self.way in {Way.AHEAD, Way.KEPT_BOTH} and self._allocate("MAIN"):
            yield from self._send_ahead()
            return
        if self.way == Way.NEVER_CAME:
            yield from self._never_came()
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
            self.say(stating.record_precheck, code=code, answer="done", actor=self.counter)
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
        self.say(stating.state, kind="fee_agreed", actor=self.op.agent)
        self.on_case("send_ahead", **self._tracking())
        assert self.spare is not None
        self.spare.given_to(self.customer, self.box.tenure, self.now.date())
        yield self._days(3, 6)
        self._acknowledge()
        if self.way == Way.KEPT_BOTH:
            yield 16 * DAY
            yield from self._pay_for_it()
            return
        yield self._days(2, 6)
        yield from self._bench()
        if self.facts.outcome == Outcome.BILLABLE:
            self.say(deciding.grant_goodwill, number=1, reason="Sent ahead", actor=self.op.agent)
        self.on_case("settle_ahead")
        self.box.held_by = None
        self.begin(self, self._see_to_kept(self.technician), self.now + 2 * DAY)
        yield from self._close()

    def _never_came(self) -> Steps:
        """The box is the operator's and was asked back; once its time is over, it is paid for."""
        self.say(stating.state, kind="fee_agreed", actor=self.op.agent)
        yield 31 * DAY
        yield from self._pay_for_it()

    def _pay_for_it(self) -> Steps:
        """Charge the fee for a box that stays away, which is paid."""
        self.on_case("charge_fee")
        yield self._days(3, 9)
        self._pay_account()
        self.on_case("settle_fee")
        self.box.held_by = None
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
                stating.state,
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
        self.say(stating.state, kind="loss_confirmed", actor=self.op.agent)
        self.on_case("approve_replace")
        self.box.held_by = None
        yield from self._replace()

    # --- the decision ----------------------------------------------------------------------------

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
            self.say(stating.state, kind="remedy_chosen", actor=self.op.agent)

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

    def _hold_beside(self) -> None:
        """The customer sees what another box costs beside the repair."""
        spare = self._spare_part()
        parts = round(spare.cost * MARGIN) if spare is not None else 0
        self.say(
            comparing.compare_repair,
            parts_minor=parts,
            labour_minor=LABOUR_CENTS,
            repair_price_minor=parts + LABOUR_CENTS + FREIGHT_CENTS,
            actor=self.op.agent,
        )
        if self.customer.country.currency != TERMS_CURRENCY:
            self.say(stating.state, kind="nothing_else_offered", actor=self.op.agent)

    def _dispose(self) -> Steps:
        self.say(stating.state, kind="disposal_consent", actor=self.op.agent)
        self.on_case("choose_disposal")
        self.box.held_by = None
        yield self._days(2, 6)
        self._scrap("The customer consented")
        self.on_case("dispose")
        yield from self._close()

    # --- the way out -----------------------------------------------------------------------------

    def _go_home(self) -> Steps:
        """Send what the customer gets, which mostly arrives."""
        store = self.op.store
        self.on_case("ship", actor=store, **self._tracking())
        yield self._days(1, 4)
        if self.way == Way.BOUNCED:
            self.on_case("bounce", reason="Nobody of that name", actor=store)
            yield self._days(3, 9)
            self.say(stating.state, kind="address_confirmed", actor=self.op.agent)
            self.on_case("ship", actor=store, **self._tracking())
            yield self._days(1, 4)
        if self.way == Way.LOST_OUT:
            self.on_case("lose", reason="No scan since it left", actor=store)
            yield self._days(4, 9)
            self.say(stating.state, kind="loss_confirmed", actor=self.op.agent)
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
