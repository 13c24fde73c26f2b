"""Importing a file of stock: each row states that so many of a part are at a place.

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

from stb_service.parts.arrivals.columns import STOCK_NAMED_BY, STOCK_SPELLINGS
from stb_service.parts.catalogue.queries import find_part
from stb_service.parts.counts.operations import state_stock
from stb_service.parts.models import Part
from stb_service.parts.rules import Condition
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.imports.rows import Fields, RowByRow, Source
from stb_service.shared.money import read_amount

COLUMNS_OF_FIELDS = {"counted": "quantity", "unit_cost_minor": "unit_cost"}


class _Import(RowByRow):
    spellings, found_by = STOCK_SPELLINGS, STOCK_NAMED_BY
    same = text("Line %(line)s of this file states the same stock.")
    needed = ("part", "location", "quantity")

    def __init__(self, db: Database, source: Source, actor: Actor) -> None:
        super().__init__(db, source, actor)
        with source.path.open("rb") as file:
            self.digest = hashlib.file_digest(file, "sha256").hexdigest()

    def keys(self, fields: Fields) -> Sequence[str]:
        named = (fields.get("part"), fields.get("location"), fields.get("condition"))
        keys = [f"part {' '.join(str(value) for value in named)}"]
        external_id = fields.get("external_id")
        return [*([f"external_id {external_id}"] if external_id else []), *keys]

    def by_column(self, refusal: DomainError) -> Mapping[str, Sequence[Text]]:
        if refusal.code == "stated-otherwise":
            return {"external_id": [refusal.detail]}
        found = super().by_column(refusal)
        return {COLUMNS_OF_FIELDS.get(name, name): why for name, why in found.items()}

    def write(self, session: Session, fields: Fields, now: datetime) -> str:
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


import_stock = _Import.of_file


def _digest(words: str) -> str:
    return f"file {hashlib.sha256(words.encode()).hexdigest()}"


def _unit_cost(part: Part, fields: Mapping[str, Any]) -> int | None:
    if "unit_cost" not in fields:
        return None
    return read_amount(fields["unit_cost"], part.currency, field="unit_cost")
