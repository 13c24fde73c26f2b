"""The doors of returns: opening a case, admitting a box, and the one by which steps are made.

Each is audited in the same unit of work, and reaches no case outside the actor's scope. A case is
held before its order, so that nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.billing.rules import day_in
from stb_service.devices import queries as devices
from stb_service.devices.holdings.chain import current_holding
from stb_service.devices.models import Device, Holding
from stb_service.devices.rules import Tenure
from stb_service.parts.catalogue.queries import part_of_model
from stb_service.parts.moves.queries import last_place_of
from stb_service.parts.queries import find_location
from stb_service.rma import rules
from stb_service.rma.acting import Acting
from stb_service.rma.cases import CASE
from stb_service.rma.cover_facts import zone_of_box
from stb_service.rma.deciding import decide_fault
from stb_service.rma.effects import carry_out
from stb_service.rma.events import (
    case_history,
    case_number,
    next_ordinal,
    order_number,
    subject_of,
    terms_in_force,
    write_step,
)
from stb_service.rma.facts import Facts, Remedy
from stb_service.rma.gathering import gather
from stb_service.rma.history import is_repeatable
from stb_service.rma.lists import NOTHING, Channel, FaultSaid, Stated
from stb_service.rma.lookups import find_scanned, other_live_case
from stb_service.rma.machine import Machine, Position
from stb_service.rma.models import CaseEvent, Fault, OrderEvent, ReturnCase, WorkshopOrder
from stb_service.rma.papers import tell_papers_due
from stb_service.rma.promising import promise
from stb_service.rma.repeats import case_repeated
from stb_service.rma.rules import Move
from stb_service.rma.touching import touch
from stb_service.rma.workshop import ORDER
from stb_service.shared import audit
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Invalid, NotFound, Obstacle, Refused
from stb_service.shared.i18n import Text, text
from stb_service.staff.models import Organisation
from stb_service.staff.queries import operator, organisation_by_ref
from stb_service.subscribers import queries as accounts
from stb_service.subscribers.models import Account, Site, Subscriber
from stb_service.warranty.facts import Sources

NO_BOX = text("There is no such box.")
STATES_EARLIER = ("rma.decide", "warranty.override")
"""The verbs by which a fault is taken as reported before yesterday."""
LATELY = timedelta(days=1)


# --- opening -------------------------------------------------------------------------------------


def open_case(
    session: Session,
    *,
    device: str,
    account: str = "",
    remedy: str = Remedy.REPAIR,
    channel: str = Channel.CALL,
    reported_on: date | None = None,
    reported_because: str = "",
    is_imported: bool = False,
    complaint: str = "",
    faults: Sequence[FaultSaid] = (),
    person: str = "",
    site: str = "",
    previous: str = "",
    external_id: str | None = None,
    language: str | None = None,
    handler: str = "",
    zone: str = "UTC",
    opened_at: datetime | None = None,
    sources: Sources = (),
    actor: Actor,
    now: datetime,
) -> ReturnCase:
    """Open a case about a box (its uid, or an identifier as it was read out), for the account that
    has it. Each fault is decided on as of the day on which it was reported; where no policy was in
    force, that is left for later.

    Today is the day at the site where the box stands, else at the account's; `zone` is the
    operator's, where neither is known. What was opened elsewhere was so earlier (`opened_at`), and
    was reported on that day. A day before yesterday is what the warranty is judged by: who may
    decide states it, with the reason (`reported_because`), which the history keeps; what comes from
    another system (`is_imported`) states its own. `previous` is the case that this one repeats;
    where none is named, one that was completed lately with the same fault is found. A dealer or a
    service centre takes on what it opens; the operator may name who does.

    Raises:
        Forbidden: the actor opens no cases.
        Invalid: the box, the account, a person, a site or the handler is not known, or does not fit;
            or the day is to come, or lies back further than the actor may state.
        Refused: the box has a case that is not closed, or is in the workshop as the operator's own.
    """
    actor.demand("rma.edit")
    box = _box(session, device, actor)
    lock_row(session, Device, box.id)
    holding = current_holding(session, box)
    payer = _account(session, account, holding, actor)
    former = _former(session, previous, box, actor) or case_repeated(session, box, faults, now)
    _check_words(remedy=(remedy, Remedy), channel=(channel, Channel))
    tenure = holding.tenure if holding else box.tenure
    _check_remedy(remedy, payer, tenure)
    facts = _facts_before(session, box, former, now)
    moves = rules.advance(CASE, "repeat" if former else "request", facts)
    stands = _site(payer, site, holding)
    day = _reported(reported_on, zone_of_box(stands, payer, zone), opened_at or now, now)
    because = reported_because.strip()
    if not is_imported and day < day_in(zone_of_box(stands, payer, zone), now - LATELY):
        _check_earlier(actor, because)
    ordinal = next_ordinal(session, ReturnCase)
    case = ReturnCase(
        ordinal=ordinal,
        number=case_number(ordinal),
        external_id=external_id or None,
        device=box,
        account=payer,
        person=_person(payer, person),
        site=stands,
        handler=_handler(session, handler, actor),
        remedy=remedy,
        channel=channel,
        tenure=tenure,
        reported_on=day,
        complaint=complaint.strip()[:2000],
        language=language or (payer.language if payer else None),
        previous=former,
        currency=_currency(session, payer, box),
        opened_at=opened_at or now,
        opened_by=actor.label[:128],
        changed_at=now,
    )
    write_step(session, case, moves[0].step, stated=Stated(because), actor=actor, now=now)
    for number, said in enumerate(faults or (FaultSaid(),), start=1):
        _add_reported(session, case, number, said, sources, actor, now)
    return case


def _add_reported(
    session: Session,
    case: ReturnCase,
    number: int,
    said: FaultSaid,
    sources: Sources,
    actor: Actor,
    now: datetime,
) -> None:
    fault = Fault(
        case_id=case.id,
        number=number,
        component=said.component[:32],
        symptom=said.symptom.strip()[:500],
        reported_by="customer",
        added_at=now,
    )
    session.add(fault)
    session.flush()
    decide_fault(session, case, fault, sources=sources, actor=actor, now=now)


def _box(session: Session, called: str, actor: Actor) -> Device:
    found = find_scanned(session, called)
    uid = found.public_id if found else called
    try:
        return devices.device_by_uid(session, uid, actor.scope)
    except NotFound as refusal:
        raise Invalid.field("device", NO_BOX) from refusal


def _account(
    session: Session, called: str, holding: Holding | None, actor: Actor
) -> Account | None:
    """Return whose the case is: who is named, else who has the box."""
    if called:
        found = accounts.find_account(session, called, actor.scope)
        if found is None:
            raise Invalid.field("account", text("There is no such account."))
        if holding is not None and holding.account_id != found.id:
            raise Invalid.field("account", text("Another account has this box."))
        return accounts.account_by_id(session, found.id, actor.scope)
    if holding is None:
        return None
    return accounts.account_by_id(session, holding.account_id, EVERYTHING)


def _former(session: Session, called: str, box: Device, actor: Actor) -> ReturnCase | None:
    if not called:
        return None
    former, _order = touch(session, called, actor=actor)
    if former is None or former.device_id != box.id:
        raise Invalid.field("previous", text("That case is about another box."))
    return former


def _facts_before(session: Session, box: Device, former: ReturnCase | None, now: datetime) -> Facts:
    """Return what a first step asks: what there is of the box already."""
    order = session.scalar(
        select(WorkshopOrder).where(
            WorkshopOrder.device_id == box.id, WorkshopOrder.ended_at.is_(None)
        )
    )
    events, terms = case_history(session, former), terms_in_force(session)
    return Facts(
        now=now,
        order=order.position if order else Position(),
        other_cases=other_live_case(session, box.id),
        repeats_ended_case=former is not None and is_repeatable(events, terms, now),
    )


def _check_words(**given: tuple[str, type[Remedy | Channel]]) -> None:
    for name, (word, words) in given.items():
        if word not in set(words):
            raise Invalid.field(name, text("One of: %(names)s", names=", ".join(words)))


def _check_remedy(remedy: str, account: Account | None, tenure: str | None) -> None:
    """Refuse to promise that a box which a customer bought will be the operator's."""
    if (
        remedy == Remedy.TO_STOCK
        and account is not None
        and tenure not in {Tenure.RENTED, Tenure.ON_LOAN}
    ):
        message = text("A customer has bought this box: it is not repaired to stock.")
        raise Invalid.field("remedy", message)


def _person(account: Account | None, ref: str) -> Subscriber | None:
    if account is None:
        return None
    if not ref:
        return account.holder
    for person in account.people:
        if person.public_id == ref:
            return person
    raise Invalid.field("person", text("This account has no such person."))


def _site(account: Account | None, ref: str, holding: Holding | None) -> Site | None:
    if account is None:
        return None
    if not ref:
        return holding.site if holding else None
    for site in account.sites:
        if site.public_id == ref:
            return site
    raise Invalid.field("site", text("This account has no such site."))


def _handler(session: Session, called: str, actor: Actor) -> Organisation:
    if actor.organisation_id is not None:
        return session.get_one(Organisation, actor.organisation_id)
    if called:
        try:
            return organisation_by_ref(session, called, EVERYTHING)
        except NotFound as refusal:
            message = text("There is no such organisation.")
            raise Invalid.field("handler", message) from refusal
    found = operator(session)
    if found is None:
        raise Refused([Obstacle("no-operator", text("The operator has not been set up."))])
    return found


def _reported(day: date | None, zone: str, opened_at: datetime, now: datetime) -> date:
    """Return the day on which the fault was reported; none that has begun nowhere."""
    if day is not None and (day - now.date()).days > 1:
        raise Invalid.field("reported_on", text("This day is still to come."))
    return day or day_in(zone, opened_at)


def _check_earlier(actor: Actor, because: str) -> None:
    """Refuse to judge the warranty by a day of long ago, without a right to it and a reason."""
    if not any(actor.can(verb) for verb in STATES_EARLIER):
        message = text("Only who decides on returns may state a day before yesterday.")
        raise Invalid.field("reported_on", message)
    if not because:
        message = text("Say why the fault was reported on an earlier day: the history keeps it.")
        raise Invalid.field("reported_because", message)


def _currency(session: Session, account: Account | None, box: Device) -> str:
    if account is not None:
        return account.currency
    line = part_of_model(session, box.model_id) if box.model_id else None
    return line.currency if line else "EUR"


def open_order(
    session: Session, *, device: str, location: str = "", actor: Actor, now: datetime
) -> WorkshopOrder:
    """Admit a box of the operator's own from stock, to be inspected and refurbished.

    Raises:
        Forbidden: the actor takes no boxes in.
        Invalid: there is no such box or place.
        Refused: the box has a case, or an order that has not ended, or an account has it.
    """
    actor.demand("rma.receive")
    box = _box(session, device, actor)
    lock_row(session, Device, box.id)
    facts = _facts_before(session, box, None, now)
    case = Position("live") if facts.other_cases else Position()
    held = current_holding(session, box) is not None
    if held:
        raise Refused([Obstacle("held", text("An account has the box: open a case for it."))])
    moves = rules.advance(ORDER, "admit", Facts(now=now, case=case, order=facts.order))
    place = find_location(session, location, actor.scope) if location else None
    last = last_place_of(session, box, actor.scope)
    place = place or (last.position.location if last else None)
    if place is None or place.is_open:
        raise Invalid.field("location", text("Name a place where the box can stand."))
    order = _new_order(session, box, None, now)
    order.location = place
    write_step(session, order, moves[0].step, stated=NOTHING, actor=actor, now=now)
    session.add(Fault(order_id=order.id, number=1, reported_by="bench", added_at=now))
    session.flush()
    return order


def _new_order(
    session: Session, box: Device, case: ReturnCase | None, now: datetime
) -> WorkshopOrder:
    ordinal = next_ordinal(session, WorkshopOrder)
    return WorkshopOrder(
        ordinal=ordinal,
        number=order_number(ordinal),
        case=case,
        device=box,
        opened_at=now,
        changed_at=now,
    )


# --- steps ---------------------------------------------------------------------------------------


def act(
    session: Session,
    *,
    ref: str,
    machine: Machine,
    event: str,
    stated: Stated = NOTHING,
    actor: Actor,
    now: datetime,
) -> ReturnCase | WorkshopOrder:
    """Make a step of a case or of its order, with what follows of it; return what made it.

    `ref` is the number or the public id of either. Whoever comes second, of two at once, sees what
    the first has made of it.

    Raises:
        NotFound: the actor sees no such case or order.
        Invalid: there is no such step, or what was stated does not fit.
        Forbidden: the step is not the actor's to make.
        Refused: something bars it; all of that is told.
    """
    case, order = touch(session, ref, actor=actor)
    owner = case if machine is CASE else order
    if owner is None:
        raise NotFound(NO_SUCH[machine.name])
    if event not in machine.events:
        raise Invalid.field("event", text("There is no such step."))
    step = machine.step(owner.position, event)
    if step is not None and step.verb:
        actor.demand(step.verb)
    facts = gather(session, case, order, stated, now=now)
    moves = rules.advance(machine, event, facts)
    _make(session, Acting(session, case, order, facts, stated, actor, now), moves)
    return owner


NO_SUCH: dict[str, Text] = {
    CASE.name: text("There is no such return."),
    ORDER.name: text("There is no such workshop order."),
}


def _make(session: Session, acting: Acting, moves: Sequence[Move]) -> None:
    """Write the steps, the second as carried by the first; then do what they do, in that order."""
    cause: CaseEvent | OrderEvent | None = None
    for move in moves:
        owner = acting.case if move.machine == CASE.name else acting.order
        if owner is None:
            owner = acting.order = _new_order(
                session, acting.the_case.device, acting.case, acting.now
            )
        cause = write_step(
            session,
            owner,
            move.step,
            stated=acting.stated if cause is None else NOTHING,
            actor=acting.actor,
            now=acting.now,
            carried_by=cause.id if cause else None,
        )
    for move in moves:
        carry_out(acting, move.machine, move.step)
        if move.machine == CASE.name:
            promise(acting, move.step.event)
            case, content = acting.the_case, acting.facts.content
            tell_papers_due(session, case, move.step, content, now=acting.now)
    session.flush()


def act_on_first(
    session: Session,
    *,
    ref: str,
    events: Collection[str],
    stated: Stated = NOTHING,
    actor: Actor,
    now: datetime,
) -> ReturnCase | WorkshopOrder | None:
    """Make the first of some steps of a case that nothing bars; None where something bars each."""
    for event in events:
        try:
            with session.begin_nested():
                return act(
                    session, ref=ref, machine=CASE, event=event, stated=stated, actor=actor, now=now
                )
        except Refused:
            continue
    return None


def change_case(
    session: Session,
    *,
    ref: str,
    complaint: str | None = None,
    language: str | None = None,
    remedy: str | None = None,
    actor: Actor,
    now: datetime,
) -> ReturnCase:
    """Correct what a case says: the complaint, the language of its letters, and, while it is only
    asked for, what it promises.

    Raises:
        Forbidden: the actor answers for no customers.
        NotFound: there is no such case in the actor's scope.
        Invalid: there is no such remedy.
        Refused: it has ended, or the remedy is promised already.
    """
    actor.demand("rma.edit")
    case, _order = touch(session, ref, actor=actor)
    if case is None:
        raise NotFound(NO_SUCH[CASE.name])
    if not case.is_live:
        raise Refused([Obstacle("ended", text("It has ended, and nothing is added to it."))])
    new: dict[str, object] = {}
    if complaint is not None:
        new["complaint"] = complaint.strip()[:2000]
    if language is not None:
        new["language"] = language or None
    if remedy is not None and remedy != case.remedy:
        _check_words(remedy=(remedy, Remedy))
        _check_remedy(remedy, case.account, case.tenure)
        if case.state != "requested":
            message = text("What the case promises is changed only until it is authorised.")
            raise Refused([Obstacle("authorised", message)])
        new["remedy"] = remedy
    changes = audit.apply_changes(case, new)
    if changes:
        case.changed_at = now
        session.flush()
        changes.pop("complaint", None)
        audit.record(
            session,
            actor=actor,
            verb="rma_case.change",
            subject=subject_of(case),
            changes=changes,
            now=now,
        )
    return case
