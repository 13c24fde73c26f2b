"""Verbs of stock-taking: open a sheet, write down what was found, close it or call it off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from stb_service.parts import queries as stock
from stb_service.parts.catalogue.queries import find_part
from stb_service.parts.counts import queries
from stb_service.parts.counts.found import worth_of
from stb_service.parts.counts.scanning import outcomes, settle_boxes
from stb_service.parts.counts.sheets import new_sheet, open_sheet, record_count, sheet_for
from stb_service.parts.ledger import (
    Place,
    Step,
    Why,
    balance_of,
    hold_positions,
    single_location,
    write_move,
)
from stb_service.parts.models import CountLine, Location, Part, StockCount
from stb_service.parts.rules import (
    MOST,
    OPEN,
    Condition,
    CountState,
    LocationKind,
    MoveKind,
    obstacles_to_taking,
)
from stb_service.shared.access import Actor
from stb_service.shared.errors import Conflict, Invalid, Obstacle, Refused
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import MOST_MINOR
from stb_service.shared.registries import Keeper


def open_count(
    session: Session, *, location: str, reason: str = "", actor: Actor, now: datetime
) -> StockCount:
    """Begin a stock-taking of a place.

    Raises:
        Invalid: the place is unknown to the actor, or lies beyond the house.
        Conflict: the place is being counted already.
    """
    found = place_to_count(session, location, actor)
    if queries.open_count_of(session, found, actor.scope) is not None:
        message = text("Place %(code)s is being counted already.", code=found.code)
        raise Conflict(message, code="being-counted")
    count = StockCount(
        location=found,
        state=CountState.OPEN,
        reason=reason[:500],
        opened_at=now,
        opened_by=actor.label[:128],
        lines=[],
    )
    session.add(count)
    session.flush()
    changes = {"location": found.code} | ({"reason": reason} if reason else {})
    record_count(session, count, verb="stock_count.open", changes=changes, actor=actor, now=now)
    return count


def place_to_count(session: Session, ref: str, actor: Actor) -> Location:
    """Return a place of the actor's where something can be counted.

    Raises:
        Invalid: it is unknown to the actor, or lies beyond the house.
    """
    found = stock.find_location(session, ref, actor.scope)
    if found is None:
        raise Invalid.field("location", text("There is no such place."))
    if found.kind in {*OPEN, LocationKind.SCRAP}:
        raise Invalid.field("location", text("Nothing is counted at such a place."))
    return found


def count_part(
    session: Session,
    *,
    ref: str,
    part: str,
    counted: int,
    condition: str = Condition.NEW,
    again: bool = False,
    actor: Actor,
    now: datetime,
) -> CountLine:
    """Write down how many of a part were found. The counter is not told what is expected.

    What somebody has counted is counted over only when that is asked for (`again`); both
    numbers stay in the audit.

    Raises:
        NotFound: there is no such stock-taking in the actor's scope.
        Invalid: there is no such spare part.
        Conflict: it was counted before.
        Refused: the stock-taking has ended.
    """
    count = open_sheet(session, ref, actor)
    found = find_part(session, part)
    if found is None:
        raise Invalid.field("part", text("There is no such part."))
    if found.is_box:
        raise Invalid.field("part", text("Whole boxes are moved one by one; name the box."))
    if not 0 <= counted <= MOST:
        raise Invalid.field("counted", text("From 0 to %(most)s.", most=MOST))
    known = queries.line_of_part(session, count, found, condition, actor.scope)
    if known is not None and not again:
        message = text(
            "%(who)s has counted %(sku)s already; say so to count it over.",
            who=known.counted_by,
            sku=found.sku,
        )
        raise Conflict(message, code="counted-already")
    (position,) = hold_positions(session, found, Place(count.location, condition))
    expected = balance_of(session, position).on_hand
    before = known.counted if known else None
    line = known or CountLine(count_id=count.id, part=found, condition=condition, times=0)
    line.counted, line.expected, line.times = counted, expected, line.times + 1
    line.counted_at, line.counted_by = now, actor.label[:128]
    session.add(line)
    session.flush()
    session.expire(count, ["lines"])
    changes = {"part": found.sku, "condition": condition, "counted": [before, counted]}
    record_count(session, count, verb="stock_count.count", changes=changes, actor=actor, now=now)
    return line


def close_count(
    session: Session,
    *,
    ref: str,
    reason: str = "",
    boxes: bool | None = None,
    keepers: Sequence[Keeper] = (),
    actor: Actor,
    now: datetime,
) -> StockCount:
    """End a stock-taking: each difference becomes a move with its reason. What was not counted
    stays as it is.

    Boxes that were scanned come to stand here. Where whole boxes were counted (`boxes`; unless
    that is said, if any was scanned), those that stood here and were not scanned are missing: they
    are named on the sheet, and stay until `write_off_missing`. `keepers` are the registries'.

    A difference is against what the ledger said when the part was counted, so pieces
    that moved on since do not count twice.

    Raises:
        NotFound: there is no such stock-taking in the actor's scope.
        Refused: it has ended, nothing was counted, or what is missing is reserved or gone.
    """
    count = open_sheet(session, ref, actor)
    scanned = any(line.device_id is not None for line in count.lines)
    if not count.lines and not boxes:
        raise Refused([Obstacle("empty", text("Nothing has been counted yet."))])
    why = Why(actor, now, reason or count.reason, count.public_id)
    beyond = single_location(session, LocationKind.COUNT, now)
    settle_boxes(
        session, count, missing=scanned if boxes is None else boxes, keepers=keepers, why=why
    )
    parts = [line for line in count.lines if line.device_id is None]
    obstacles: list[Obstacle] = []
    for line in sorted(parts, key=lambda row: (row.part_id, row.condition)):
        if line.difference:
            obstacles += _settle(session, count.location, beyond, line, why)
    if obstacles:
        raise Refused(obstacles)
    differences = {
        f"{line.part.sku} {line.condition}": line.difference for line in parts if line.difference
    }
    changes: dict[str, Any] = {"differences": [f"{k} {n:+d}" for k, n in differences.items()]}
    changes |= {"boxes": told} if (told := outcomes(count)) else {}
    _end(session, count, CountState.CLOSED, changes, why)
    return count


def _settle(
    session: Session,
    location: Location,
    beyond: Location,
    line: CountLine,
    why: Why,
    *,
    unit_cost_minor: int | None = None,
) -> list[Obstacle]:
    """Write the move of a difference; return why it cannot be. Pieces that were found are worth
    what is said, else what `worth_of` finds.
    """
    here, there = Place(location, line.condition), Place(beyond, line.condition)
    missing, pieces = line.difference < 0, abs(line.difference)
    place, other = hold_positions(session, line.part, here, there)
    balance = balance_of(session, place)
    if missing and (obstacles := obstacles_to_taking(balance, pieces)):
        return [_of_part(line.part, obstacle) for obstacle in obstacles]
    if missing:
        worth = balance.worth(pieces)
    elif unit_cost_minor is not None:
        worth = unit_cost_minor * pieces
    else:
        worth = worth_of(session, line.part, balance, pieces)
    source, target = (place, other) if missing else (other, place)
    step = Step(MoveKind.COUNT, line.part, pieces, worth)
    write_move(session, step, source=source, target=target, why=why)
    return []


def _of_part(part: Part, obstacle: Obstacle) -> Obstacle:
    message: Text = text("%(sku)s: %(why)s", sku=part.sku, why=obstacle.message)
    return Obstacle(obstacle.code, message)


class Stated(StrEnum):
    """What a statement of stock came to, by which an import counts."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def state_stock(
    session: Session,
    *,
    key: str,
    part: Part,
    location: str,
    counted: int,
    condition: str = Condition.NEW,
    unit_cost_minor: int | None = None,
    source: str,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> Stated:
    """State that so many of a part are at a place: what the ledger says otherwise becomes a
    difference of a count, on a closed sheet that is called after its `source`, a file.

    `key` is the statement's own name: the same again changes nothing, whatever has moved since. It
    is new stock where the part never stood there, else a change of it.

    Raises:
        Invalid: the place is unknown to the actor or beyond the house, the part is a whole box, or
            a number is too large.
        Conflict: under this key something else was stated.
        Refused: what is missing is reserved.
    """
    found = place_to_count(session, location, actor)
    if part.is_box:
        raise Invalid.field("part", text("Whole boxes are moved one by one; name the box."))
    if not 0 <= counted <= MOST:
        raise Invalid.field("counted", text("From 0 to %(most)s.", most=MOST))
    (position,) = hold_positions(session, part, Place(found, condition))
    known = queries.line_of_key(session, key, actor.scope)
    if known is not None:
        said = (known.part_id, known.condition, known.counted, known.count.location_id)
        if said != (part.id, condition, counted, found.id):
            message = text("Something else was stated under this id before.")
            raise Conflict(message, code="stated-otherwise")
        return Stated.UNCHANGED
    balance = balance_of(session, position)
    sheet = sheet_for(session, found, source, actor, now)
    if queries.line_of_part(session, sheet, part, condition, actor.scope) is not None:
        sheet = new_sheet(session, found, source, actor, now)
    line = CountLine(
        count_id=sheet.id,
        key=key,
        part=part,
        condition=condition,
        counted=counted,
        expected=balance.on_hand,
        times=1,
        counted_at=now,
        counted_by=actor.label[:128],
    )
    session.add(line)
    session.flush()
    if not line.difference:
        return Stated.UNCHANGED
    if (unit_cost_minor or 0) * abs(line.difference) > MOST_MINOR:
        raise Invalid.field("unit_cost_minor", text("That is too much."))
    why = Why(actor, now, reason or source, sheet.public_id)
    beyond = single_location(session, LocationKind.COUNT, now)
    obstacles = _settle(session, found, beyond, line, why, unit_cost_minor=unit_cost_minor)
    if obstacles:
        raise Refused(obstacles)
    changes: dict[str, Any] = {"part": part.sku, "condition": condition}
    changes["counted"] = [balance.on_hand, counted]
    changes |= {"reason": reason} if reason else {}
    record_count(session, sheet, verb="stock_count.state", changes=changes, actor=actor, now=now)
    return Stated.CHANGED if balance.seq else Stated.CREATED


def cancel_count(
    session: Session, *, ref: str, reason: str = "", actor: Actor, now: datetime
) -> StockCount:
    """Call a stock-taking off: nothing that was counted has an effect.

    Raises:
        NotFound: there is no such stock-taking in the actor's scope.
        Refused: it has ended.
    """
    count = open_sheet(session, ref, actor)
    changes: dict[str, Any] = {"reason": reason} if reason else {}
    _end(session, count, CountState.CANCELLED, changes, Why(actor, now, reason))
    return count


def _end(
    session: Session, count: StockCount, state: CountState, changes: dict[str, Any], why: Why
) -> None:
    count.state, count.ended_at, count.ended_by = state, why.now, why.actor.label[:128]
    session.flush()
    verb = "stock_count.close" if state == CountState.CLOSED else "stock_count.cancel"
    record_count(session, count, verb=verb, changes=changes, actor=why.actor, now=why.now)
