"""What each step does beside moving: a table from events to the functions that carry it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select

from stb_service.billing import pausing
from stb_service.billing.rules import QuoteState, obstacles_to_beginning
from stb_service.rma import (
    ahead,
    exchange,
    fees,
    homes,
    other_box,
    quoting,
    refunding,
    releasing,
    shipping,
)
from stb_service.rma.acting import Acting
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.events import newest_quote
from stb_service.rma.facts import Content, Remedy
from stb_service.rma.guards import GUARDS
from stb_service.rma.lookups import live_exchange, stray_box
from stb_service.rma.machine import HOLD, RESUME, Step
from stb_service.rma.models import Fault
from stb_service.rma.money import money_of
from stb_service.rma.needs import Need
from stb_service.rma.verdicts import disputable
from stb_service.rma.workshop import ORDER, OrderState
from stb_service.shared import outbox
from stb_service.shared.errors import Invalid, Obstacle, Refused
from stb_service.shared.i18n import text

Effect = Callable[[Acting, Step], None]
RESUMED = "case.resumed"
"""The outbox topic by which what a case missed while on hold is made up for."""


# --- the way here --------------------------------------------------------------------------------


def _approve(acting: Acting, step: Step) -> None:
    """Write where the box is sent, if that was said; else it goes to the operator."""
    if acting.stated.location:
        kinds = sorted(shipping.TAKEN_IN)
        acting.the_order.destination = shipping.stated_location(acting, *kinds)
        acting.session.flush()


def _post(acting: Acting, step: Step) -> None:
    shipping.send_parcel(acting, "in", Content.OWN)


def _receive(acting: Acting, step: Step) -> None:
    """Let the box come in; where the order has gone on alone, the box is the operator's."""
    shipping.end_parcel(acting, "in", "delivered")
    order = acting.order
    location = shipping.stated_location(
        acting, *sorted(shipping.TAKEN_IN), default=order.location if order else None
    )
    shipping.take_in(acting, acting.the_case.device, location)
    ahead.come_late(acting)


def _accept_other(acting: Acting, step: Step) -> None:
    """Let the case go on about the box that came; the other one is not waited for any more."""
    other = stray_box(acting.session, acting.the_case)
    assert other is not None
    ahead.drop(acting)
    other_box.take_instead(acting, other)
    _receive(acting, step)


def _mismatch(acting: Acting, step: Step) -> None:
    shipping.end_parcel(acting, "in", "delivered")
    other_box.put_aside(acting)


def _lose(acting: Acting, step: Step) -> None:
    direction = "out" if step.from_state == CaseState.OUTBOUND else "in"
    shipping.end_parcel(acting, direction, "lost")


def _find(acting: Acting, step: Step) -> None:
    shipping.find_parcel(acting, "out")


def _settle_lost(acting: Acting, step: Step) -> None:
    """A replacement that was lost on its way out is lost; the promise is still to be kept."""
    if step.from_state == CaseState.LOST_OUT and acting.facts.content == Content.SPARE:
        exchange.lose_spare(acting)


# --- replacements --------------------------------------------------------------------------------


def _send_ahead(acting: Acting, step: Step) -> None:
    shipping.send_parcel(acting, "out", Content.SPARE)
    exchange.give(acting, by_parcel=True)


def _ahead_back(acting: Acting, step: Step) -> None:
    ahead.give_back(acting)
    shipping.end_parcel(acting, "out", "bounced")
    exchange.take_spare_back(acting)


def _ahead_lost(acting: Acting, step: Step) -> None:
    """Write the replacement off: the customer has not had it, and owes no fee for it."""
    ahead.give_back(acting)
    shipping.end_parcel(acting, "out", "lost")
    exchange.lose_spare(acting)


def _cancel(acting: Acting, step: Step) -> None:
    if step.from_state == CaseState.MISMATCH:
        other_box.send_back(acting)
        ahead.drop(acting)
    exchange.drop_allocated(acting)
    if acting.the_case.remedy == Remedy.ACCESSORY:
        quoting.give_up(acting)
    if step.from_state == CaseState.AHEAD:
        _ahead_back(acting, step)


def _swap(acting: Acting, step: Step) -> None:
    """Take the old box over the counter and give the new one."""
    case = acting.the_case
    location = shipping.stated_location(acting, *sorted(shipping.TAKEN_IN))
    shipping.take_in(acting, case.device, location)
    shipping.keep(acting, case.device)
    shipping.mark_replaced(acting, case.device)
    exchange.give(acting, by_parcel=False)


def _release_spare(acting: Acting, step: Step) -> None:
    exchange.drop_allocated(acting)


def _unclaimed(acting: Acting, step: Step) -> None:
    """Put back on the shelf what nobody wants, the replacement or the accessory; what was paid for it
    is given back before the case ends.
    """
    if acting.facts.content == Content.ACCESSORY:
        exchange.take_accessories_back(acting)
    else:
        exchange.take_spare_back(acting)
    quoting.undo(acting)


# --- the customer's answers ----------------------------------------------------------------------


def _dispute(acting: Acting, step: Step) -> None:
    """Mark what is contested: the faults that were named, else all that can be.

    Raises:
        Invalid: one of them cannot be contested.
    """
    possible = disputable(acting.facts.lines)
    wanted = acting.stated.lines or tuple(possible)
    if set(wanted) - set(possible):
        raise Invalid.field("lines", text("Only a user fault that nobody judged again."))
    rows = acting.session.scalars(
        select(Fault).where(Fault.case_id == acting.the_case.id, Fault.number.in_(wanted))
    )
    for row in rows:
        row.disputed, row.dispute_reason = True, acting.stated.reason[:1000]
    acting.session.flush()
    if step.from_state == CaseState.QUOTED:
        quoting.drop(acting)


def _plain(effect: Callable[[Acting], None]) -> Effect:
    def carry_out(acting: Acting, step: Step) -> None:
        effect(acting)

    return carry_out


def _decline(acting: Acting, step: Step) -> None:
    quoting.decline(acting)
    if step.to_state == CaseState.UNREPAIRED:
        quoting.give_up(acting)


def _settle_uncovered(acting: Acting, step: Step) -> None:
    if not acting.facts.fee_charged:
        ahead.charge(acting)


def _write_off(acting: Acting, step: Step) -> None:
    if step.from_state == CaseState.NOT_RETURNED:
        ahead.write_off(acting)


def _redecide(acting: Acting, step: Step) -> None:
    """Take back the quote of what is not to be paid any more."""
    if step.from_state in {CaseState.QUOTING, CaseState.QUOTED}:
        quoting.drop(acting)


def _choose_replacement(acting: Acting, step: Step) -> None:
    """Take the quote of a repair back: the customer buys another box instead."""
    if step.from_state == CaseState.QUOTED:
        quoting.drop(acting)


def _begin(acting: Acting, step: Step) -> None:
    """Refuse what billing would not begin: a quote that nobody answered, an account overdue.

    What was declined holds back only work that was agreed beside it, not what is covered. What was
    agreed is begun only while a quote that was accepted stands for it.
    """
    standing = money_of(acting.session, acting.the_case, acting.now)
    if standing is None:
        return
    if any(line.agreed for line in acting.facts.lines):
        if QuoteState.ACCEPTED not in standing.quotes:
            need = Need.QUOTE_ACCEPTED
            raise Refused([Obstacle(need.value, GUARDS[need].sentence)])
    else:
        answered = {QuoteState.DECLINED, QuoteState.EXPIRED}
        left = tuple(state for state in standing.quotes if state not in answered)
        standing = replace(standing, quotes=left)
    if obstacles := obstacles_to_beginning(standing):
        raise Refused(obstacles)


def _hold(acting: Acting, step: Step) -> None:
    """Let the days stand still in which the customer may answer."""
    found = newest_quote(acting.session, acting.the_case)
    if found is not None:
        pausing.pause(acting.session, found.quote, now=acting.now)


def _resume(acting: Acting, step: Step) -> None:
    """Give the customer the days back, and have it heard what was answered and paid meanwhile."""
    case = acting.the_case
    found = newest_quote(acting.session, case)
    if found is not None:
        pausing.go_on(acting.session, found.quote, actor=acting.house, now=acting.now)
        if case.state == CaseState.QUOTED:
            case.due_at = found.quote.expires_at
    outbox.emit(
        acting.session,
        topic=RESUMED,
        key=f"{RESUMED}:{case.public_id}:{case.event_seq}",
        payload={"case": case.public_id},
        now=acting.now,
    )


# --- the way out ---------------------------------------------------------------------------------


def _content(acting: Acting, step: Step) -> str:
    """Return what leaves with a step."""
    if step.from_state == CaseState.REPLACING:
        return Content.SPARE
    if step.from_state == CaseState.ACCESSORY:
        return Content.ACCESSORY
    return acting.facts.content if step.from_state == CaseState.UNDELIVERED else Content.OWN


def _ship(acting: Acting, step: Step) -> None:
    content = _content(acting, step)
    shipping.send_parcel(acting, "out", content)
    _let_go(acting, step, content, by_parcel=True)


def _hand_over(acting: Acting, step: Step) -> None:
    _let_go(acting, step, _content(acting, step), by_parcel=False)


def _let_go(acting: Acting, step: Step, content: str, *, by_parcel: bool) -> None:
    if content == Content.ACCESSORY:
        exchange.use_accessories(acting)
    elif content == Content.OWN:
        homes.send_home(acting, acting.the_case.device, by_parcel=by_parcel)
    elif step.from_state != CaseState.UNDELIVERED:
        exchange.give(acting, by_parcel=by_parcel)


def _deliver(acting: Acting, step: Step) -> None:
    shipping.end_parcel(acting, "out", "delivered")
    if acting.facts.content == Content.OWN:
        homes.arrive(acting, acting.the_case.device)
    elif acting.facts.content == Content.SPARE:
        given = live_exchange(acting.session, acting.the_case)
        if given is not None:
            shipping.hand_to_customer(acting, given.device)


def _come_back(ending: str) -> Effect:
    def carry_out(acting: Acting, step: Step) -> None:
        shipping.end_parcel(acting, "out", ending)
        order = acting.order
        if acting.facts.content == Content.OWN and order is not None and order.location is not None:
            shipping.take_in(acting, acting.the_case.device, order.location)

    return carry_out


# --- the box -------------------------------------------------------------------------------------


def _inspect(acting: Acting, step: Step) -> None:
    acting.the_order.technician = acting.actor.label[:128]


def _judge_alone(acting: Acting, step: Step) -> None:
    """Charge for damage that is found once the box was swapped; before, the decision does."""
    if acting.facts.parted and acting.case is not None:
        fees.settle_damage(acting)


def _keep(acting: Acting, step: Step) -> None:
    """Let the box be the operator's. One that another takes the place of is marked so."""
    device = acting.the_order.device
    shipping.keep(acting, device)
    promised = {CaseState.REPLACE, CaseState.REPLACING}
    if acting.facts.sent_ahead or (acting.case is not None and acting.case.state in promised):
        shipping.mark_replaced(acting, device)


def _lose_box(acting: Acting, step: Step) -> None:
    shipping.write_off_box(acting, acting.the_order.device)


def _to_supplier(acting: Acting, step: Step) -> None:
    shipping.send_parcel(acting, "supplier", Content.OWN)


def _go_on(acting: Acting, step: Step) -> None:
    if step.from_state == OrderState.WAITING_SUPPLIER:
        shipping.end_parcel(acting, "supplier", "delivered")


def _with_supplier(acting: Acting, step: Step) -> None:
    shipping.end_parcel(acting, "supplier", "delivered")
    if acting.case is not None:
        shipping.keep(acting, acting.the_order.device)
    shipping.leave_with_supplier(acting)


CASE_EFFECTS: Mapping[str, Sequence[Effect]] = {
    "approve": (_approve,),
    "post": (_post,),
    "receive": (_receive,),
    "mismatch": (_mismatch,),
    "accept_other": (_accept_other,),
    "return_other": (_plain(other_box.send_back),),
    "return_other_ahead": (_plain(other_box.send_back),),
    "return_other_unreturned": (_plain(other_box.send_back),),
    "lose": (_lose,),
    "find": (_find,),
    "cancel": (_cancel,),
    "expire": (_cancel,),
    "send_ahead": (_send_ahead,),
    "ahead_undelivered": (_ahead_back,),
    "ahead_lost": (_ahead_lost,),
    "charge_fee": (_plain(ahead.charge),),
    "settle_ahead": (_plain(ahead.settle), _plain(fees.settle_damage)),
    "settle_uncovered": (_settle_uncovered,),
    "write_off": (_write_off,),
    "swap_at_counter": (_swap,),
    "swap_at_door": (_swap,),
    "approve_repair": (_plain(fees.settle_damage),),
    "recover": (_plain(fees.settle_damage),),
    "return_nff": (_plain(fees.charge_handling),),
    "approve_replace": (_settle_lost, _plain(fees.settle_damage)),
    "approve_refund": (_settle_lost, _plain(quoting.undo)),
    "dispute": (_dispute,),
    "send_quote": (_plain(quoting.send),),
    "revise": (_plain(quoting.revise),),
    "accept": (_plain(quoting.accept),),
    "decline": (_decline,),
    "decline_part": (_plain(quoting.decline),),
    "decline_accessory": (_plain(quoting.decline),),
    "lapse": (_plain(quoting.give_up),),
    "lapse_part": (_plain(quoting.let_lapse),),
    "lapse_part_paid": (_plain(quoting.give_up),),
    "reconsider": (_plain(quoting.undo),),
    "choose_disposal": (_plain(quoting.give_up),),
    "choose_return": (_plain(quoting.give_up),),
    "choose_replacement": (_choose_replacement,),
    "withdraw": (_plain(quoting.give_up), _plain(fees.settle_damage)),
    "redecide": (_redecide,),
    "ask_again": (_plain(quoting.undo),),
    "begin": (_begin,),
    "beyond_repair_paid": (_plain(quoting.undo),),
    "release_spare": (_release_spare,),
    "refund": (_plain(refunding.pay_back),),
    "ship": (_ship,),
    "hand_over": (_hand_over,),
    "deliver": (_deliver,),
    "refuse": (_come_back("refused"),),
    "bounce": (_come_back("bounced"),),
    "unclaimed": (_unclaimed,),
    HOLD: (_hold,),
    RESUME: (_resume,),
}
ORDER_EFFECTS: Mapping[str, Sequence[Effect]] = {
    "inspect": (_inspect,),
    "judge": (_judge_alone,),
    "judge_again": (_judge_alone,),
    "keep": (_keep,),
    "lose": (_lose_box,),
    "call_off": (_plain(releasing.free_parts),),
    "condemn": (_plain(releasing.free_parts),),
    "shelve": (_plain(releasing.free_parts),),
    "send_back": (_plain(releasing.free_parts),),
    "wait_for_supplier": (_to_supplier,),
    "go_on": (_go_on,),
    "supplier_keeps": (_with_supplier,),
    "restock": (_plain(shipping.restock),),
    "scrap": (_plain(shipping.scrap),),
    "claim": (_plain(shipping.leave_with_supplier),),
}


def carry_out(acting: Acting, machine: str, step: Step) -> None:
    """Do what a step does, once it is written; the last one lets go of all that was kept."""
    effects = {CASE.name: CASE_EFFECTS, ORDER.name: ORDER_EFFECTS}[machine]
    for effect in effects.get(step.event, ()):
        effect(acting, step)
    releasing.let_go_at_the_end(acting, machine, step)
