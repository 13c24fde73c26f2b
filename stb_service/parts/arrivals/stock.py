"""Importing a file of stock: each row states that so many of a part are at a place, or that a box is.

What differs from the ledger is entered as the difference of a count, so a statement adds nothing up.
It counts once: by its `external_id` or, of a row without one, by the file it stands in, so
a file that is sent again changes nothing, whatever has moved since. Another file, or another
`external_id`, is a new statement. Each place that a chunk of the file is about gets a closed sheet
of stock-taking, where what was stated can be read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices.holdings.imports import box_of_row
from stb_service.parts.arrivals.columns import STOCK_NAMED_BY, STOCK_SPELLINGS
from stb_service.parts.catalogue.queries import find_part, part_of_model
from stb_service.parts.counts.boxes import BoxSaid, state_box
from stb_service.parts.counts.operations import state_stock
from stb_service.parts.models import Part
from stb_service.parts.rules import Condition
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.imports.rows import Fields, RowByRow, Source
from stb_service.shared.money import read_amount
from stb_service.shared.registries import Keeper

NEEDED = ("part", "location", "quantity")
NEEDED_OF_BOX = ("location",)
COLUMNS_OF_FIELDS = {
    "counted": "quantity",
    "unit_cost_minor": "unit_cost",
    "device": "box",
    "to_location": "location",
}


class _Import(RowByRow):
    spellings, found_by = STOCK_SPELLINGS, STOCK_NAMED_BY
    same = text("Line %(line)s of this file states the same stock.")

    def __init__(
        self, db: Database, source: Source, actor: Actor, keepers: Sequence[Keeper] = ()
    ) -> None:
        super().__init__(db, source, actor)
        self.keepers = keepers
        with source.path.open("rb") as file:
            self.digest = hashlib.file_digest(file, "sha256").hexdigest()

    def needed_of(self, fields: Fields) -> Sequence[str]:
        return NEEDED_OF_BOX if "box" in fields else NEEDED

    def keys(self, fields: Fields) -> Sequence[str]:
        named = (fields.get("part"), fields.get("location"), fields.get("condition"))
        keys = [f"part {' '.join(str(value) for value in named)}"]
        if "box" in fields:
            keys = [f"box {fields['box']}"]
        external_id = fields.get("external_id")
        return [*([f"external_id {external_id}"] if external_id else []), *keys]

    def by_column(self, refusal: DomainError) -> Mapping[str, Sequence[Text]]:
        if refusal.code == "stated-otherwise":
            return {"external_id": [refusal.detail]}
        found = super().by_column(refusal)
        return {COLUMNS_OF_FIELDS.get(name, name): why for name, why in found.items()}

    def write(self, session: Session, fields: Fields, now: datetime) -> str:
        if "box" in fields:
            return self._write_box(session, fields, now)
        part = find_part(session, fields["part"])
        if part is None:
            raise Invalid.field("part", text("There is no such part."))
        condition = fields.get("condition", str(Condition.NEW))
        place = f"{part.sku} {fields['location']} {condition}"
        external_id = fields.get("external_id")
        stated = state_stock(
            session,
            key=f"row {external_id}" if external_id else _digest(f"{self.digest} {place}"),
            part=part,
            location=fields["location"],
            condition=condition,
            counted=fields["quantity"],
            unit_cost_minor=_unit_cost(part, fields),
            source=self.source.name,
            reason=fields.get("reason", ""),
            actor=self.actor,
            now=now,
        )
        return str(stated)

    def _write_box(self, session: Session, fields: Fields, now: datetime) -> str:
        box, quantity = (
            box_of_row(session, fields["box"], self.actor.scope),
            fields.get("quantity", 1),
        )
        line = part_of_model(session, box.model_id) if box.model_id else None
        if "part" in fields and (line is None or find_part(session, fields["part"]) != line):
            raise Invalid.field("part", text("The box is of another model."))
        if quantity not in {0, 1}:
            raise Invalid.field("quantity", text("A box is there once, or not."))
        said = BoxSaid(
            location=fields["location"],
            condition=fields.get("condition", str(Condition.NEW)),
            is_there=quantity == 1,
            unit_cost_minor=_unit_cost(line, fields) if line else None,
        )
        place = f"box {box.public_id} {said.location}"
        external_id = fields.get("external_id")
        stated = state_box(
            session,
            key=f"row {external_id}" if external_id else _digest(f"{self.digest} {place}"),
            box=box,
            said=said,
            source=self.source.name,
            reason=fields.get("reason", ""),
            keepers=self.keepers,
            actor=self.actor,
            now=now,
        )
        return str(stated)


import_stock = _Import.of_file


def _digest(words: str) -> str:
    return f"file {hashlib.sha256(words.encode()).hexdigest()}"


def _unit_cost(part: Part, fields: Mapping[str, Any]) -> int | None:
    if "unit_cost" not in fields:
        return None
    return read_amount(fields["unit_cost"], part.currency, field="unit_cost")
