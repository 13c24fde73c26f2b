"""Verbs on stock: receive, move, reserve, use, let go. Each writes the ledger and the audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.devices.models import CustodyEvent, Device
from stb_service.devices.operations import move_custody
from stb_service.devices.queries import device_to_change
from stb_service.devices.rules import obstacles_to_change
from stb_service.parts import queries
from stb_service.parts.catalogue.queries import find_part, part_of_model
from stb_service.parts.ledger import (
    Place,
    Step,
    Why,
    balance_of,
    hold_positions,
    single_location,
    write_hold,
    write_move,
)
from stb_service.parts.models import Location, Part, Reservation, StockMove
from stb_service.parts.moves.queries import last_place_of, reservation_by_ref
from stb_service.parts.rules import (
    MOST,
    Condition,
    LocationKind,
    MoveKind,
    ReservationState,
    Side,
    move_kind,
    obstacles_to_holding,
    obstacles_to_taking,
)
from stb_service.shared import audit
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict, Invalid, Obstacle, Refused
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import MOST_MINOR
from stb_service.shared.registries import Keeper, why_kept
from stb_service.staff.queries import operator

CUSTOMERS = LocationKind.CUSTOMER.upper()
"""How callers name the customers' side, whether or not anything ever went there."""


# --- what is moved -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Goods:
    """What is to be moved, and from where to where."""

    part: Part
    source: Place
    target: Place
    quantity: int
    device: Device | None = None


def move_stock(
    session: Session,
    *,
    to_location: str,
    part: str | None = None,
    device: str | None = None,
    from_location: str | None = None,
    quantity: int = 1,
    condition: str | None = None,
    to_condition: str | None = None,
    unit_cost_minor: int | None = None,
    reason: str = "",
    reference: str = "",
    is_count: bool = False,
    keepers: Sequence[Keeper] = (),
    actor: Actor,
    now: datetime,
) -> StockMove:
    """Move pieces of a part, or one box (its uid), from one place to another, or to another
    condition where they are; return the side that left.

    A box that stands somewhere leaves from there. What it is worth goes with it, at the moving
    average of the place; only what comes from beyond the house is given a cost. A box that
    comes to a place of an organisation is handed into its custody. One that is missed leaves for
    the stock-taking (`is_count`); one that was missed, and is found, comes back from there.
    `keepers` are the registries'.

    Raises:
        Invalid: a part, place or box is unknown to the actor, or is named with too little.
        Refused: there is no such move, too few are there, they are reserved, or another room keeps
            the box.
    """
    goods = _read_goods(
        session,
        part=part,
        device=device,
        from_location=from_location,
        to_location=to_location,
        quantity=quantity,
        condition=condition,
        to_condition=to_condition,
        is_count=is_count,
        actor=actor,
        now=now,
    )
    kind = move_kind(
        goods.source.location.kind,
        goods.target.location.kind,
        is_same_place=goods.source.location.id == goods.target.location.id,
    )
    kept = why_kept(session, keepers, goods.device.public_id) if goods.device else []
    found = goods.device is not None and goods.source.location.kind == LocationKind.COUNT
    counts = is_count or found
    if obstacles := _obstacles_to_moving(goods, kind, counts=counts) + kept:
        raise Refused(obstacles)
    assert kind is not None
    why = Why(actor, now, reason, reference)
    row = _carry_out(session, goods, kind, unit_cost_minor, why)
    if goods.device is not None:
        _hand_over(session, goods.device, goods.target.location, why)
    return row


def receive_stock(
    session: Session,
    *,
    from_location: str,
    to_location: str,
    unit_cost_minor: int,
    actor: Actor,
    now: datetime,
    **goods: Any,
) -> StockMove:
    """Take in what a supplier delivered, at its cost for a piece (see `move_stock`).

    Raises:
        Invalid: it does not come from a supplier, or something of it is unknown.
        Refused: nothing is received at such a place.
    """
    found = queries.find_location(session, from_location, actor.scope)
    if found is None or found.kind != LocationKind.SUPPLIER:
        raise Invalid.field("from_location", text("Name a supplier."))
    return move_stock(
        session,
        from_location=from_location,
        to_location=to_location,
        unit_cost_minor=unit_cost_minor,
        actor=actor,
        now=now,
        **goods,
    )


def _read_goods(
    session: Session,
    *,
    part: str | None,
    device: str | None,
    from_location: str | None,
    to_location: str,
    quantity: int,
    condition: str | None,
    to_condition: str | None,
    is_count: bool,
    actor: Actor,
    now: datetime,
) -> _Goods:
    """Read what is to be moved; the problems of all fields are gathered."""
    problems: dict[str, list[Text]] = {}
    common = {CUSTOMERS} | ({LocationKind.COUNT.upper()} if is_count else set())

    def place(field: str, ref: str | None) -> Location | None:
        if ref in common:
            return single_location(session, LocationKind(ref.lower()), now)
        return _read_place(session, field, ref, actor, now, problems)

    box: Device | None = None
    line: Part | None
    if device is not None:
        box, line, stands = _read_box(session, device, actor)
        if from_location is None and stands is not None:
            source: Location | None = stands.location
        else:
            source = place("from_location", from_location)
        condition = condition or (stands.condition if stands else Condition.NEW)
        if stands is not None and source is not None and _differ(stands, source, condition):
            problems["device"] = [
                text("The box stands at %(place)s.", place=_told(stands.location, actor))
            ]
    else:
        line = _read_part(session, part, problems)
        source = place("from_location", from_location)
    target = place("to_location", to_location)
    if not 1 <= quantity <= (MOST if box is None else 1):
        problems["quantity"] = [text("From 1 to %(most)s.", most=MOST if box is None else 1)]
    if problems or line is None or source is None or target is None:
        raise Invalid(fields=problems)
    before = condition or Condition.NEW
    return _Goods(line, Place(source, before), Place(target, to_condition or before), quantity, box)


def _told(location: Location, actor: Actor) -> str | Text:
    scope = actor.scope
    is_told = scope.is_everything or location.organisation_id == scope.organisation_id
    return location.code if is_told else text("another organisation")


def _differ(stands: Place, source: Location, condition: str) -> bool:
    return (stands.location.id, stands.condition) != (source.id, condition)


def _read_box(session: Session, uid: str, actor: Actor) -> tuple[Device, Part, Place | None]:
    """Return a box, held against other writers, its line of the catalogue, and where it stands."""
    box = device_to_change(session, uid, actor.scope)
    lock_row(session, Device, box.id)
    if obstacles := obstacles_to_change(box.status):
        raise Refused(obstacles)
    line = part_of_model(session, box.model_id) if box.model_id else None
    if line is None:
        message = text("Add whole boxes of model %(model)s to the catalogue.", model=box.model_code)
        raise Invalid.field("device", message)
    last = last_place_of(session, box, EVERYTHING)
    if last is None:
        return box, line, None
    if last.part_id != line.id:
        message = text("The box stands in stock as another model; correct its model first.")
        raise Invalid.field("device", message)
    return box, line, Place(last.position.location, last.position.condition)


def _read_part(session: Session, ref: str | None, problems: dict[str, list[Text]]) -> Part | None:
    found = find_part(session, ref) if ref else None
    if found is None:
        problems["part"] = [text("There is no such part.")]
    elif found.is_box:
        problems["part"] = [text("Whole boxes are moved one by one; name the box.")]
    return found


def _read_place(
    session: Session,
    field: str,
    ref: str | None,
    actor: Actor,
    now: datetime,
    problems: dict[str, list[Text]],
) -> Location | None:
    """Return a place of the actor's; customers are everyone's."""
    if ref == CUSTOMERS:
        return single_location(session, LocationKind.CUSTOMER, now)
    found = queries.find_location(session, ref, actor.scope) if ref else None
    if found is None:
        problems[field] = [text("There is no such place.")]
    return found


def _obstacles_to_moving(
    goods: _Goods, kind: MoveKind | None, *, counts: bool = False
) -> list[Obstacle]:
    source, target = goods.source, goods.target
    if source == target:
        return [Obstacle("same", text("It is there already."))]
    if kind is None or (kind == MoveKind.COUNT and not counts):
        return [Obstacle("move", text("Nothing is moved between these places."))]
    if not target.location.is_active:
        return [Obstacle("place", text("Place %(code)s is closed.", code=target.location.code))]
    if kind == MoveKind.RECEIVE and not goods.part.is_active:
        return [Obstacle("part", text("The part is out of use."))]
    if kind in {MoveKind.TRANSFER, MoveKind.GRADE} and target.condition != source.condition:
        return _obstacles_to_grading(goods, kind)
    return []


def _obstacles_to_grading(goods: _Goods, kind: MoveKind) -> list[Obstacle]:
    """What was used is never new again."""
    if goods.target.condition == Condition.NEW:
        return [Obstacle("condition", text("What was used is never new again."))]
    if kind == MoveKind.TRANSFER:
        return [Obstacle("condition", text("Grade it where it is, then move it."))]
    return []


def _carry_out(
    session: Session, goods: _Goods, kind: MoveKind, unit_cost_minor: int | None, why: Why
) -> StockMove:
    source, target = hold_positions(session, goods.part, goods.source, goods.target)
    balance = balance_of(session, source)
    if goods.source.location.is_open:
        worth = (unit_cost_minor or 0) * goods.quantity
        if not 0 <= worth <= MOST_MINOR:
            raise Invalid.field("unit_cost_minor", text("That is too much."))
    else:
        if unit_cost_minor is not None:
            message = text("Only what comes from a supplier or a customer is given a cost.")
            raise Invalid.field("unit_cost_minor", message)
        if obstacles := obstacles_to_taking(balance, goods.quantity):
            raise Refused(obstacles)
        worth = balance.worth(goods.quantity)
    step = Step(kind, goods.part, goods.quantity, worth, device=goods.device)
    out, _in = write_move(session, step, source=source, target=target, why=why)
    _record_move(session, out, goods, why)
    return out


def _record_move(session: Session, out: StockMove, goods: _Goods, why: Why) -> None:
    called = goods.device.label if goods.device else str(goods.quantity)
    changes = {
        "part": goods.part.sku,
        "quantity": goods.quantity,
        "from_location": goods.source.location.code,
        "to_location": goods.target.location.code,
        "condition": goods.source.condition,
        "value_minor": out.value_minor,
        "currency": out.currency,
    }
    if goods.target.condition != goods.source.condition:
        changes["to_condition"] = goods.target.condition
    changes |= {
        name: value
        for name, value in (("reason", why.reason), ("reference", why.reference))
        if value
    }
    audit.record(
        session,
        actor=why.actor,
        verb="stock_move.make",
        subject=("stock_move", out.number, f"{goods.part.sku} · {called}"),
        changes=changes,
        now=why.now,
    )


def _hand_over(session: Session, box: Device, location: Location, why: Why) -> None:
    """Let custody follow a box to a place of the house; beyond it, other rooms say who has it."""
    if location.is_open:
        return
    organisation = location.organisation
    if organisation is None:
        held = select(CustodyEvent.id).where(
            CustodyEvent.device_id == box.id, CustodyEvent.until.is_(None)
        )
        organisation = operator(session) if session.scalar(held) is not None else None
    if organisation is None or box.custodian_id == organisation.id:
        return
    move_custody(
        session,
        uid=box.public_id,
        organisation=organisation.code,
        reason=why.reason,
        actor=why.actor,
        now=why.now,
    )


# --- reservations --------------------------------------------------------------------------------


def reserve_parts(
    session: Session,
    *,
    key: str,
    part: str,
    location: str,
    quantity: int,
    condition: str = Condition.NEW,
    purpose: str = "",
    actor: Actor,
    now: datetime,
) -> Reservation:
    """Hold pieces back at a place until they are used or let go.

    `key` is the caller's own name of the need: asked again with the same, the same
    reservation is returned, whatever has become of it.

    Raises:
        Invalid: the part or the place is unknown to the actor.
        Conflict: the key was used for something else.
        Refused: too few are available there.
    """
    problems: dict[str, list[Text]] = {}
    line = find_part(session, part)
    if line is None or line.is_box:
        problems["part"] = [text("There is no such part.")]
    found = queries.find_location(session, location, actor.scope)
    if found is None:
        problems["location"] = [text("There is no such place.")]
    if not 1 <= quantity <= MOST:
        problems["quantity"] = [text("From 1 to %(most)s.", most=MOST)]
    if problems or line is None or found is None:
        raise Invalid(fields=problems)
    (position,) = hold_positions(session, line, Place(found, condition))
    known = session.scalar(select(Reservation).where(Reservation.key == key))
    if known is not None:
        if (known.position_id, known.quantity) != (position.id, quantity):
            raise Conflict(text("This key was used for another reservation."), code="key-reused")
        return known
    obstacles = obstacles_to_holding(
        balance_of(session, position), quantity, condition=condition, location_kind=found.kind
    )
    if obstacles:
        raise Refused(obstacles)
    made = Reservation(
        key=key,
        position=position,
        quantity=quantity,
        used=0,
        state=ReservationState.HELD,
        purpose=purpose[:200],
        made_at=now,
        made_by=actor.label[:128],
    )
    session.add(made)
    session.flush()
    write_hold(session, made, Side.HOLD, quantity, part=line, why=Why(actor, now, purpose))
    changes = {"quantity": quantity, "location": found.code, "condition": condition}
    _record_reservation(session, made, "reservation.make", changes, actor, now)
    return made


def consume_reservation(
    session: Session,
    *,
    ref: str,
    quantity: int | None = None,
    to_location: str = CUSTOMERS,
    reason: str = "",
    reference: str = "",
    actor: Actor,
    now: datetime,
) -> Reservation:
    """Use what a reservation holds (all of it, or so many; the rest is let go). Once it is
    used, asking again changes nothing.

    Raises:
        NotFound: there is no such reservation in the actor's scope.
        Invalid: it holds fewer, or the place is unknown to the actor.
        Refused: it was let go, or nothing is moved there.
    """
    found = _held(session, ref, actor)
    wanted = found.quantity if quantity is None else quantity
    if found.state == ReservationState.USED and wanted == found.used:
        return found
    if found.state != ReservationState.HELD:
        raise Refused([_ended(found)])
    if not 1 <= wanted <= found.quantity:
        raise Invalid.field("quantity", text("From 1 to %(most)s.", most=found.quantity))
    problems: dict[str, list[Text]] = {}
    target = _read_place(session, "to_location", to_location, actor, now, problems)
    if target is None:
        raise Invalid(fields=problems)
    position, part = found.position, found.position.part
    source = Place(position.location, position.condition)
    goods = _Goods(part, source, Place(target, position.condition), wanted)
    kind = move_kind(
        position.location.kind, target.kind, is_same_place=position.location_id == target.id
    )
    if obstacles := _obstacles_to_moving(goods, kind):
        raise Refused(obstacles)
    assert kind is not None
    why = Why(actor, now, reason, reference)
    _from, to = hold_positions(session, part, source, goods.target)
    if wanted < found.quantity:
        write_hold(session, found, Side.FREE, found.quantity - wanted, part=part, why=why)
    worth = balance_of(session, position).worth(wanted)
    step = Step(kind, part, wanted, worth, reservation=found)
    out, _in = write_move(session, step, source=position, target=to, why=why)
    _record_move(session, out, goods, why)
    found.used, found.state, found.ended_at = wanted, ReservationState.USED, now
    session.flush()
    changes = {"state": [ReservationState.HELD, ReservationState.USED], "used": wanted}
    _record_reservation(session, found, "reservation.consume", changes, actor, now)
    return found


def release_reservation(
    session: Session, *, ref: str, reason: str = "", actor: Actor, now: datetime
) -> Reservation:
    """Let go what a reservation holds. Once it is let go, asking again changes nothing.

    Raises:
        NotFound: there is no such reservation in the actor's scope.
        Refused: it was used.
    """
    found = _held(session, ref, actor)
    if found.state == ReservationState.RELEASED:
        return found
    if found.state != ReservationState.HELD:
        raise Refused([_ended(found)])
    part, position = found.position.part, found.position
    hold_positions(session, part, Place(position.location, position.condition))
    why = Why(actor, now, reason)
    write_hold(session, found, Side.FREE, found.quantity, part=part, why=why)
    found.state, found.ended_at = ReservationState.RELEASED, now
    session.flush()
    changes: dict[str, Any] = {"state": [ReservationState.HELD, ReservationState.RELEASED]}
    if reason:
        changes["reason"] = reason
    _record_reservation(session, found, "reservation.release", changes, actor, now)
    return found


def _held(session: Session, ref: str, actor: Actor) -> Reservation:
    """Return a reservation, held against other writers."""
    found = reservation_by_ref(session, ref, actor.scope)
    lock_row(session, Reservation, found.id)
    return found


def _ended(reservation: Reservation) -> Obstacle:
    if reservation.state == ReservationState.USED:
        return Obstacle("used", text("What was reserved has been used."))
    return Obstacle("released", text("The reservation was let go."))


def _record_reservation(
    session: Session,
    reservation: Reservation,
    verb: str,
    changes: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    audit.record(
        session,
        actor=actor,
        verb=verb,
        subject=(
            "reservation",
            reservation.public_id,
            f"{reservation.position.part.sku} · {reservation.key}",
        ),
        changes=changes,
        now=now,
    )
