"""Stating where whole boxes stand, one by one: what differs from the ledger becomes a move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices.models import Device
from stb_service.parts.catalogue.queries import part_of_model
from stb_service.parts.counts import queries
from stb_service.parts.counts.found import Seen, bring, why_not_here
from stb_service.parts.counts.operations import Stated, place_to_count
from stb_service.parts.counts.sheets import new_sheet, record_count, sheet_for
from stb_service.parts.ledger import Place, single_location
from stb_service.parts.models import CountLine, Part, StockCount
from stb_service.parts.moves.queries import last_place_of
from stb_service.parts.rules import Condition, LocationKind
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict, Invalid, Refused
from stb_service.shared.i18n import text
from stb_service.shared.registries import Keeper


@dataclass(frozen=True)
class BoxSaid:
    """That a box stands at a place in a condition, or does not; what it is worth, if that is said."""

    location: str
    condition: str = Condition.NEW
    is_there: bool = True
    unit_cost_minor: int | None = None


def state_box(
    session: Session,
    *,
    key: str,
    box: Device,
    said: BoxSaid,
    source: str,
    reason: str = "",
    keepers: Sequence[Keeper] = (),
    actor: Actor,
    now: datetime,
) -> Stated:
    """State that a box stands at a place, or that it does not: what the ledger says otherwise becomes
    a move, on a closed sheet that is called after its `source`, a file.

    `key` is the statement's own name: the same again changes nothing, wherever the box has gone
    since. A box that stood nowhere, or was missed, comes from the stock-taking; one that is not
    there goes to it. `keepers` are the registries'.

    Raises:
        Invalid: the place is unknown to the actor or beyond the house, or boxes of its model are
            not in the catalogue.
        Conflict: under this key something else was stated.
        Refused: an account has the box, it is lost, scrapped, or kept by another room; or it
            cannot be in that condition.
    """
    place = place_to_count(session, said.location, actor)
    lock_row(session, Device, box.id)
    line = part_of_model(session, box.model_id) if box.model_id else None
    if line is None:
        message = text("Add whole boxes of model %(model)s to the catalogue.", model=box.model_code)
        raise Invalid.field("device", message)
    known = queries.line_of_key(session, key, actor.scope)
    if known is not None:
        if _told(known) != (box.id, said.condition, int(said.is_there), place.id):
            message = text("Something else was stated under this id before.")
            raise Conflict(message, code="stated-otherwise")
        return Stated.UNCHANGED
    last = last_place_of(session, box, EVERYTHING)
    stands = Place(last.position.location, last.position.condition) if last else None
    is_here = stands is not None and stands.location.id == place.id
    is_so = stands == Place(place, said.condition) if said.is_there else not is_here
    sheet = sheet_for(session, place, source, actor, now)
    if queries.line_of_box(session, sheet, box.public_id, actor.scope) is not None:
        sheet = new_sheet(session, place, source, actor, now)
    _write_line(session, sheet, key, box, line, said, is_here=is_here, actor=actor, now=now)
    if is_so:
        return Stated.UNCHANGED
    if obstacles := why_not_here(session, box):
        raise Refused(obstacles)
    to = place if said.is_there else single_location(session, LocationKind.COUNT, now)
    who: dict[str, Any] = {"actor": actor, "now": now, "keepers": keepers}
    who |= {"reason": reason or source, "reference": sheet.public_id}
    seen = Seen(to, said.condition, said.is_there, said.unit_cost_minor)
    bring(session, box, line, stands, seen, **who)
    changes = {"part": line.sku, "device": box.label, "counted": [int(is_here), int(said.is_there)]}
    record_count(session, sheet, verb="stock_count.state", changes=changes, actor=actor, now=now)
    return Stated.CHANGED if stands else Stated.CREATED


def _told(known: CountLine) -> tuple[int | None, str, int, int]:
    return known.device_id, known.condition, known.counted, known.count.location_id


def _write_line(
    session: Session,
    sheet: StockCount,
    key: str,
    box: Device,
    part: Part,
    said: BoxSaid,
    *,
    is_here: bool,
    actor: Actor,
    now: datetime,
) -> None:
    line = CountLine(
        count_id=sheet.id,
        key=key,
        part=part,
        device=box,
        condition=said.condition,
        counted=int(said.is_there),
        expected=int(is_here),
        times=1,
        counted_at=now,
        counted_by=actor.label[:128],
    )
    session.add(line)
    session.flush()
