"""Counting whole boxes: a scan writes one down, closing settles each, and what is missing is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices.models import Device
from stb_service.parts.catalogue.queries import part_of_model
from stb_service.parts.counts import queries
from stb_service.parts.counts.found import Seen, bring, why_not_here
from stb_service.parts.counts.sheets import held_sheet, open_sheet, record_count
from stb_service.parts.ledger import Place, Why, hold_all, single_location
from stb_service.parts.models import CountLine, Location, Part, StockCount, StockMove
from stb_service.parts.moves.queries import last_place_of
from stb_service.parts.rules import BoxOutcome, Condition, CountState, LocationKind
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict, DomainError, Invalid, NotFound, Obstacle, Refused
from stb_service.shared.i18n import Text, text
from stb_service.shared.registries import Keeper, why_kept


@dataclass(frozen=True)
class Scanned:
    """A box on a sheet, and whether it was there before it was scanned now."""

    line: CountLine
    was_known: bool


def scan_box(
    session: Session,
    *,
    ref: str,
    scanned: str,
    condition: str | None = None,
    actor: Actor,
    now: datetime,
) -> Scanned:
    """Write down that a box, by its serial or MAC, was seen at the place that is counted; one that
    was scanned before counts once. Nobody is told whether it should be there.

    Unless its condition is said, it is in the one that the ledger has it in; new if none has.

    Raises:
        NotFound: there is no such stock-taking in the actor's scope.
        Invalid: no box or several are called so, or boxes of its model are not in the catalogue.
        Refused: the stock-taking has ended.
    """
    count = open_sheet(session, ref, actor)
    box = _box(session, scanned, actor)
    part = part_of_model(session, box.model_id) if box.model_id else None
    if part is None:
        message = text("Add whole boxes of model %(model)s to the catalogue.", model=box.model_code)
        raise Invalid.field("scanned", message)
    known = queries.line_of_box(session, count, box.public_id, actor.scope)
    if known is not None:
        return Scanned(known, was_known=True)
    last = last_place_of(session, box, EVERYTHING)
    as_it_stands = last.position.condition if last else Condition.NEW
    line = CountLine(
        count_id=count.id,
        part=part,
        device=box,
        condition=condition or as_it_stands,
        counted=1,
        expected=int(last is not None and last.location_id == count.location_id),
        times=1,
        counted_at=now,
        counted_by=actor.label[:128],
        seen_seq=_seq(last),
    )
    session.add(line)
    session.flush()
    session.expire(count, ["lines"])
    changes = {"part": part.sku, "device": box.label, "condition": line.condition}
    record_count(session, count, verb="stock_count.scan", changes=changes, actor=actor, now=now)
    return Scanned(line, was_known=False)


def _box(session: Session, scanned: str, actor: Actor) -> Device:
    found = queries.boxes_scanned(session, scanned, actor.scope)
    if len(found) == 1:
        return found[0]
    if found:
        message = text(
            "Several boxes are called %(called)s; scan another of its codes.", called=scanned
        )
    else:
        message = text(
            "No box that you see is called %(called)s: nothing was written down.", called=scanned
        )
    raise Invalid.field("scanned", message)


def _seq(last: StockMove | None) -> int | None:
    return last.came_seq if last else None


def take_out(session: Session, *, ref: str, device: str, actor: Actor, now: datetime) -> None:
    """Take a box (its uid) from a sheet on which it was written down.

    Raises:
        NotFound: there is no such stock-taking in the actor's scope, or the box is not on it.
        Refused: the stock-taking has ended.
    """
    count = open_sheet(session, ref, actor)
    line = queries.line_of_box(session, count, device, actor.scope)
    if line is None or line.device is None:
        raise NotFound(text("The box is not on this sheet."))
    changes = {"part": line.part.sku, "device": line.device.label, "condition": line.condition}
    session.delete(line)
    session.flush()
    session.expire(count, ["lines"])
    record_count(session, count, verb="stock_count.take-out", changes=changes, actor=actor, now=now)


# --- what becomes of them ------------------------------------------------------------------------


def settle_boxes(
    session: Session, count: StockCount, *, missing: bool, keepers: Sequence[Keeper], why: Why
) -> None:
    """Move each box that was scanned to where it was seen; name what is missing, if that is asked.

    A box that has moved on since it was scanned, that has no place in stock, or that another
    room keeps stays where it is: its line says so.
    """
    lines = _lines(count)
    _hold(session, lines, count.location, why.now)
    for line in lines:
        _settle(session, count, line, count.location, keepers, why)
    if missing:
        _name_missing(session, count, keepers, why)
    session.flush()


def _lines(count: StockCount, outcome: str = "") -> list[CountLine]:
    found = [row for row in count.lines if row.device_id is not None and row.outcome == outcome]
    return sorted(found, key=lambda row: row.device_id or 0)


def _hold(session: Session, lines: Iterable[CountLine], to: Location, now: datetime) -> None:
    """Hold boxes, then all positions that their moves touch, against other writers."""
    wanted: list[tuple[Part, Place]] = []
    beyond = single_location(session, LocationKind.COUNT, now)
    for line in lines:
        assert line.device is not None
        lock_row(session, Device, line.device.id)
        wanted += [(line.part, Place(place, line.condition)) for place in (to, beyond)]
        if (stands := _stands(last_place_of(session, line.device, EVERYTHING))) is not None:
            wanted += [
                (line.part, Place(place, condition))
                for place in (stands.location, to)
                for condition in (stands.condition, line.condition)
            ]
    hold_all(session, wanted)


def _stands(last: StockMove | None) -> Place | None:
    return Place(last.position.location, last.position.condition) if last else None


def _settle(
    session: Session,
    count: StockCount,
    line: CountLine,
    to: Location,
    keepers: Sequence[Keeper],
    why: Why,
) -> None:
    """Move the box of a line to a place: here, where it was seen, else to the stock-taking."""
    box, is_there = line.device, line.counted == 1
    assert box is not None
    last = last_place_of(session, box, EVERYTHING)
    stands = _stands(last)
    if is_there and stands == Place(to, line.condition):
        line.outcome = BoxOutcome.HERE
        return
    if _seq(last) != line.seen_seq:
        line.outcome = BoxOutcome.AWAY
        return
    if is_there and (obstacles := why_not_here(session, box)):
        _keep(line, obstacles[0].message)
        return
    try:
        with session.begin_nested():
            bring(
                session,
                box,
                line.part,
                stands,
                Seen(to, line.condition, is_there),
                keepers=keepers,
                reason=why.reason,
                reference=why.reference,
                actor=why.actor,
                now=why.now,
            )
    except DomainError as refusal:
        _keep(line, _reason(refusal))
        return
    line.outcome = BoxOutcome.BROUGHT if is_there else BoxOutcome.WRITTEN_OFF


def _reason(refusal: DomainError) -> Text:
    fields = refusal.fields if isinstance(refusal, Invalid) else {}
    return next((messages[0] for messages in fields.values() if messages), refusal.detail)


def _keep(line: CountLine, reason: Text) -> None:
    values = {
        name: value if isinstance(value, int) else str(value)
        for name, value in reason.values.items()
    }
    line.outcome, line.note = BoxOutcome.KEPT, {"message": reason.msgid, "values": values}


def _name_missing(session: Session, count: StockCount, keepers: Sequence[Keeper], why: Why) -> None:
    """Write down what stood here when the sheet was opened, still does, and was not scanned."""
    scanned = {line.device_id for line in count.lines}
    for move in queries.boxes_standing(session, count, why.actor.scope):
        box = move.device
        if box is None or box.id in scanned:
            continue
        line = CountLine(
            part=move.position.part,
            device=box,
            condition=move.position.condition,
            counted=0,
            expected=1,
            times=1,
            counted_at=why.now,
            counted_by=why.actor.label[:128],
            seen_seq=move.came_seq,
            outcome=BoxOutcome.MISSING,
        )
        if kept := why_kept(session, keepers, box.public_id):
            _keep(line, kept[0].message)
        count.lines.append(line)


def outcomes(count: StockCount) -> list[str]:
    """Return how many boxes of a sheet came to what, as the audit tells it."""
    found = Counter(line.outcome for line in count.lines if line.outcome)
    return [f"{outcome} {number}" for outcome, number in sorted(found.items())]


def write_off_missing(
    session: Session,
    *,
    ref: str,
    number: int,
    reason: str = "",
    keepers: Sequence[Keeper] = (),
    actor: Actor,
    now: datetime,
) -> StockCount:
    """Move the boxes that a closed sheet misses to the stock-taking. Whoever does that says how
    many they are. One that has moved since, or that another room keeps by now, stays.

    Raises:
        NotFound: there is no such stock-taking in the actor's scope.
        Refused: it is not closed, or nothing is missing.
        Conflict: another number is missing.
    """
    count = held_sheet(session, ref, actor)
    if count.state != CountState.CLOSED:
        message = text("What is missing is known once the stock-taking is closed.")
        raise Refused([Obstacle("not-closed", message)])
    lines = _lines(count, BoxOutcome.MISSING)
    if not lines:
        raise Refused([Obstacle("none-missing", text("No box is missing."))])
    if len(lines) != number:
        message = text(
            "%(count)s boxes are missing, not %(number)s.", count=len(lines), number=number
        )
        raise Conflict(message, code="other-number")
    beyond = single_location(session, LocationKind.COUNT, now)
    why = Why(actor, now, reason or count.reason, count.public_id)
    _hold(session, lines, beyond, now)
    for line in lines:
        _settle(session, count, line, beyond, keepers, why)
    session.flush()
    changes: dict[str, Any] = {"boxes": outcomes(count)} | ({"reason": reason} if reason else {})
    record_count(
        session, count, verb="stock_count.write-off", changes=changes, actor=actor, now=now
    )
    return count
