"""Importing a file of parts: a row finds its part by number, else by barcode, and changes only what
it says. Its number, and whether it stands for whole boxes, stay as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.parts.arrivals.columns import PART_SPELLINGS, PARTS_FOUND_BY
from stb_service.parts.catalogue.operations import change_part, create_part
from stb_service.parts.catalogue.queries import find_part
from stb_service.parts.models import Part
from stb_service.parts.rules import PartKind
from stb_service.shared.errors import DomainError, Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.imports.rows import Fields, RowByRow

NEEDED = ("sku", "name", "currency")
SAID = (
    *("name", "currency", "ean", "component", "lead_time_days", "min_order", "pack_size"),
    *("supersedes", "returns_core", "is_active", "notes"),
)
COLUMNS_OF_FIELDS = {"model": "models", "fits": "models"}
COLUMNS_OF_CODES = {"sku-taken": "sku", "ean-taken": "ean", "model-taken": "models"}


class _Import(RowByRow):
    spellings, found_by = PART_SPELLINGS, PARTS_FOUND_BY
    same = text("Line %(line)s of this file is about the same part.")

    def keys(self, fields: Fields) -> Sequence[str]:
        return [f"{name} {fields[name]}" for name in PARTS_FOUND_BY if name in fields]

    def by_column(self, refusal: DomainError) -> Mapping[str, Sequence[Text]]:
        if refusal.code in COLUMNS_OF_CODES:
            return {COLUMNS_OF_CODES[refusal.code]: [refusal.detail]}
        found = super().by_column(refusal)
        return {COLUMNS_OF_FIELDS.get(name, name): why for name, why in found.items()}

    def write(self, session: Session, fields: Fields, now: datetime) -> str:
        who: dict[str, Any] = {"actor": self.actor, "now": now}
        said = {name: fields[name] for name in SAID if name in fields}
        part = _find(session, fields)
        waits = self._waits_for_the_import(session, said)
        if part is None:
            self._add(session, fields, said, who)
            return "created"
        version = part.row_version
        _check_kind(part, fields)
        if "models" in fields and not part.is_box:
            said["fits"] = fields["models"]
        change_part(session, part=part, **said, **who)
        session.flush()
        return "unchanged" if part.row_version == version and not waits else "changed"

    def _waits_for_the_import(self, session: Session, said: dict[str, Any]) -> bool:
        """Leave out, in a trial, a part that a row before this one would have added."""
        former = said.get("supersedes")
        waits = (
            former is not None
            and self.report.is_dry_run
            and f"sku {former}" in self.said
            and find_part(session, former) is None
        )
        if waits:
            del said["supersedes"]
        return waits

    def _add(
        self, session: Session, fields: Fields, said: dict[str, Any], who: dict[str, Any]
    ) -> None:
        missing = {n: [text("A part that is new needs this.")] for n in NEEDED if n not in fields}
        models = fields.get("models", {})
        is_box = fields.get("kind") == PartKind.BOX
        if is_box and len(models) != 1:
            missing["models"] = [text("Whole boxes are of one model.")]
        if missing:
            raise Invalid(fields=missing)
        if is_box:
            said["model"] = next(iter(models))
        elif models:
            said["fits"] = models
        create_part(session, sku=fields["sku"], **said, **who)


import_parts = _Import.of_file


def _find(session: Session, fields: Fields) -> Part | None:
    """Return the part of a row: by its number where it says one, else by its barcode."""
    if "sku" in fields:
        found = find_part(session, fields["sku"])
        return found if found is not None and found.sku == fields["sku"] else None
    found = find_part(session, fields["ean"]) if "ean" in fields else None
    if found is None and "ean" in fields:
        raise Invalid.field("ean", text("There is no such part."))
    return found


def _check_kind(part: Part, fields: Fields) -> None:
    """Refuse to make whole boxes of a spare part, or boxes of another model.

    Raises:
        Invalid: the row asks for that.
    """
    if fields.get("kind", part.kind) != part.kind:
        raise Invalid.field("kind", text("A part stays what it was added as."))
    if part.is_box and set(fields.get("models", {part.model_code: 1})) != {part.model_code}:
        raise Invalid.field("models", text("A part stays what it was added as."))
