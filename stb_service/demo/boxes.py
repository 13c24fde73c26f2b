"""Boxes of the demonstration: taken over, delivered, given out, passed on, come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from stb_service.demo.customers import customer_for, open_account
from stb_service.demo.lives import Life, Turn, by_delivery
from stb_service.demo.money import charge_for_lost
from stb_service.demo.operator import BENCH, SELLER, Box, Customer, Operator
from stb_service.demo.stock import BOX_PRICE, REFURBISHED_WORTH, price
from stb_service.devices.arrivals.operations import draft_of, register_many
from stb_service.devices.fields import DeviceFields, References, read_fields
from stb_service.devices.holdings.operations import give_to_account, take_back, transfer
from stb_service.devices.operations import change_device, change_status
from stb_service.devices.rules import Status, Tenure
from stb_service.parts.operations import CUSTOMERS, move_stock, receive_stock
from stb_service.parts.rules import Condition
from stb_service.shared.access import EVERYTHING, SYSTEM

Meet = Callable[[Box], None]
SHIP_AHEAD = timedelta(days=6)
"""A shop gets a box so long before it gives it out."""


def plan_boxes(op: Operator, lives: Sequence[Life], meet: Meet) -> None:
    """Take the former boxes over at once, and let the others be delivered when they come; `meet`
    is told of each box when it is registered.
    """
    former = [life for life in lives if life.is_former]
    op.calendar.add(op.begun, partial(_take_over, op, meet, former))
    for at, delivered in by_delivery(lives).items():
        op.calendar.add(at + timedelta(hours=1), partial(_deliver, op, meet, delivered))


def _register(op: Operator, meet: Meet, lives: Sequence[Life], now: datetime) -> list[Box]:
    refs = References(op.session)
    drafts = []
    for life in lives:
        reading = read_fields(_fields(life), refs, scope=EVERYTHING)
        reading.refuse()
        drafts.append(draft_of(op.session, reading, adopt=False))
    if drafts:
        register_many(op.session, drafts, actor=op.agent, now=now)
    boxes = [Box(draft.uid, life) for draft, life in zip(drafts, lives, strict=True)]
    op.boxes += boxes
    for box in boxes:
        meet(box)
    return boxes


def _fields(life: Life) -> DeviceFields:
    fields: DeviceFields = {
        "serial": life.serial,
        "model": life.model,
        "revision": life.revision,
        "mac_ethernet": life.macs[0],
        "batch": f"{life.model}-{life.made_on:%Y%m}",
        "made_on": life.made_on,
        "shipped_on": life.made_on + timedelta(days=20),
        "tags": list(life.tags),
    }
    if life.macs[1]:
        fields["mac_wifi"] = life.macs[1]
    if life.shop in SELLER:
        fields["seller"] = SELLER[life.shop]
    if life.is_former:
        assert life.given_at is not None
        given_on = life.given_at.date()
        fields |= {"status": Status.ACTIVE, "sold_on": given_on, "activated_on": given_on}
    return fields


# --- the boxes that were out before --------------------------------------------------------------


def _take_over(op: Operator, meet: Meet, lives: Sequence[Life], now: datetime) -> None:
    """Register what the former system knew: boxes, and who has had them since when."""
    chance = op.chance("former")
    for box in _register(op, meet, lives, now):
        life = box.life
        assert life.tenure is not None
        assert life.given_at is not None
        customer = customer_for(op, chance, life.shop, op.agent, now)
        give_to_account(
            op.session,
            uid=box.uid,
            account=customer.number,
            tenure=life.tenure,
            site=chance.choice(customer.sites),
            since=life.given_at,
            reason="Taken over from the former system",
            moves=False,
            actor=op.agent,
            now=now,
        )
        box.given_to(customer, life.tenure, life.given_at.date())
        _plan_turn(op, box)


# --- new boxes -----------------------------------------------------------------------------------


def _deliver(op: Operator, meet: Meet, lives: Sequence[Life], now: datetime) -> None:
    """Take in what the makers sent, and send to each shop what it will give out."""
    for box in _register(op, meet, lives, now):
        life, box.stands = box.life, "MAIN"
        receive_stock(
            op.session,
            device=box.uid,
            from_location="AURORA" if life.model.startswith("AUR") else "BOREAL",
            to_location="MAIN",
            unit_cost_minor=price(op, BOX_PRICE[life.model], now),
            reference=f"DN-{now:%y%m%d}",
            actor=op.store,
            now=now,
        )
        if life.shop != "MAIN":
            sent_at = life.given_at - SHIP_AHEAD if life.given_at else now + timedelta(days=10)
            op.calendar.add(sent_at, partial(_send_to_shop, op, box))
        if life.given_at is not None:
            op.calendar.add(life.given_at, partial(_give, op, box))


def _send_to_shop(op: Operator, box: Box, now: datetime) -> None:
    if box.stands == "MAIN":  # not given in exchange meanwhile
        move_stock(op.session, device=box.uid, to_location=box.life.shop, actor=op.store, now=now)
        box.stands = box.life.shop


def _give(op: Operator, box: Box, now: datetime) -> None:
    """Give a box out as its life says, if it was not given in exchange before."""
    assert box.life.tenure is not None
    if box.stands is None:
        return
    actor, chance = op.at_counter(box.life.shop), op.chance(f"give/{box.life.serial}")
    customer = customer_for(op, chance, box.life.shop, actor, now)
    _hand_out(op, box, customer, box.life.tenure, now)
    _plan_turn(op, box)


def _hand_out(op: Operator, box: Box, customer: Customer, tenure: Tenure, now: datetime) -> None:
    """Give a box to a customer over the counter; it first runs soon after."""
    actor, chance = op.at_counter(box.life.shop), op.chance(f"run/{box.life.serial}/{now:%y%m%d}")
    move_stock(op.session, device=box.uid, to_location=CUSTOMERS, actor=actor, now=now)
    give_to_account(
        op.session,
        uid=box.uid,
        account=customer.number,
        tenure=tenure,
        site=chance.choice(customer.sites),
        actor=actor,
        now=now,
    )
    box.given_to(customer, tenure, now.date())
    runs_at = now + timedelta(hours=chance.randrange(3, 90))
    op.calendar.add(runs_at, partial(_first_run, op, box))


def _first_run(op: Operator, box: Box, now: datetime) -> None:
    if box.in_return:
        return
    change_device(op.session, uid=box.uid, activated_on=now.date(), actor=SYSTEM, now=now)
    change_status(op.session, uid=box.uid, status=Status.ACTIVE, actor=SYSTEM, now=now)


# --- what else happens to a box ------------------------------------------------------------------


def _plan_turn(op: Operator, box: Box) -> None:
    turns = {
        Turn.TRANSFERRED: _pass_on,
        Turn.GIVEN_BACK: _come_back,
        Turn.BEYOND_REPAIR: _come_back,
        Turn.LOST: _lose,
    }
    if box.life.turns_at is not None:
        op.calendar.add(box.life.turns_at, partial(_turn, op, box, turns[box.life.turn]))


def _turn(
    op: Operator, box: Box, happens: Callable[[Operator, Box, datetime], None], now: datetime
) -> None:
    """Let it happen once no return is about the box, if its holder still has it then."""
    if box.in_return:
        op.calendar.add(now + timedelta(days=20), partial(_turn, op, box, happens))
    elif box.held_by is not None:
        happens(op, box, now)


def _pass_on(op: Operator, box: Box, now: datetime) -> None:
    """Let a box that was sold pass to somebody new."""
    chance = op.chance(f"turn/{box.life.serial}")
    heir = open_account(op, chance, box.life.shop, op.agent, now)
    transfer(
        op.session,
        uid=box.uid,
        account=heir.number,
        site=heir.sites[0],
        proof=chance.choice(("Bill of sale", "Letter of both", "Deed of gift")),
        reason="Sold on",
        actor=op.agent,
        now=now,
    )
    box.given_to(heir, box.tenure, now.date())


def _come_back(op: Operator, box: Box, now: datetime) -> None:
    """Take a rented box back to its bench, where somebody looks at it some days later."""
    _, centre, _ = BENCH[box.life.shop]
    take_back(
        op.session,
        uid=box.uid,
        organisation=centre,
        reason="Contract has ended",
        actor=op.agent,
        now=now,
    )
    box.held_by = None
    after = _write_off if box.life.turn == Turn.BEYOND_REPAIR else _refurbish
    op.calendar.add(now + timedelta(days=4), partial(after, op, box))


def _refurbish(op: Operator, box: Box, now: datetime) -> None:
    """Make a box as good as new at the bench, and let the warehouse give it out again."""
    change_status(op.session, uid=box.uid, status=Status.REFURB, actor=op.agent, now=now)
    move_stock(
        op.session,
        device=box.uid,
        from_location=CUSTOMERS,
        to_location=BENCH[box.life.shop][0],
        to_condition=Condition.REFURBISHED,
        unit_cost_minor=round(REFURBISHED_WORTH * BOX_PRICE[box.life.model]),
        reason="Refurbished",
        actor=op.store,
        now=now,
    )
    op.calendar.add(now + timedelta(days=6), partial(_shelve, op, box))


def _shelve(op: Operator, box: Box, now: datetime) -> None:
    move_stock(op.session, device=box.uid, to_location=box.life.shop, actor=op.store, now=now)
    box.stands, box.is_refurbished = box.life.shop, True
    op.calendar.add(now + timedelta(days=24), partial(_give_again, op, box))


def _give_again(op: Operator, box: Box, now: datetime) -> None:
    if box.stands is None:
        return
    actor, chance = op.at_counter(box.life.shop), op.chance(f"again/{box.life.serial}")
    customer = customer_for(op, chance, box.life.shop, actor, now)
    _hand_out(op, box, customer, Tenure.RENTED, now)


def _write_off(op: Operator, box: Box, now: datetime) -> None:
    """Set a box apart that is not worth its repair, and scrap it when enough have gathered."""
    change_status(
        op.session,
        uid=box.uid,
        status=Status.QUARANTINED,
        reason="Not worth a repair",
        actor=op.agent,
        now=now,
    )
    move_stock(
        op.session,
        device=box.uid,
        from_location=CUSTOMERS,
        to_location="QUAR",
        to_condition=Condition.DEFECTIVE,
        unit_cost_minor=0,
        actor=op.store,
        now=now,
    )
    op.calendar.add(now + timedelta(days=45), partial(_scrap, op, box))


def _scrap(op: Operator, box: Box, now: datetime) -> None:
    move_stock(op.session, device=box.uid, to_location="SCRAP", actor=op.store, now=now)
    change_status(
        op.session,
        uid=box.uid,
        status=Status.SCRAPPED,
        reason="Recycled",
        actor=op.agent,
        now=now,
    )


def _lose(op: Operator, box: Box, now: datetime) -> None:
    change_status(
        op.session,
        uid=box.uid,
        status=Status.LOST,
        reason="Not found after the holder moved",
        actor=op.agent,
        now=now,
    )
    assert box.held_by is not None
    charge_for_lost(op, box.held_by, box.life.serial, now)
    box.held_by = None
