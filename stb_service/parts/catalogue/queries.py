"""Reads about parts. The catalogue is the operator's: everyone reads all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from stb_service.devices.models import DeviceModel
from stb_service.devices.queries import check_cursor
from stb_service.parts.models import Part, PartFit, StockPosition
from stb_service.parts.queries import part_named
from stb_service.parts.rules import gtin
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Narrowing, Page, keyset_page
from stb_service.shared.registries import Hit


@dataclass(frozen=True)
class PartFilter(Narrowing):
    """What the catalogue can be narrowed to; empty means all."""

    text: str = ""
    model: str = ""
    component: str = ""
    kind: str = ""
    state: str = ""


def parts_page(
    session: Session, wanted: PartFilter, *, cursor: str | None, limit: int
) -> Page[Part]:
    """Return parts by number with what they fit, in 2 queries."""
    order: list[tuple[InstrumentedAttribute[Any], bool]] = [(Part.sku, False)]
    check_cursor(cursor, order)
    statement = _detailed()
    if wanted.text:
        statement = statement.where(part_named(wanted.text))
    if wanted.model:
        fitting = (
            select(PartFit.part_id)
            .join(DeviceModel, PartFit.model_id == DeviceModel.id)
            .where(DeviceModel.code == wanted.model)
        )
        statement = statement.where(
            or_(Part.id.in_(fitting), Part.model.has(DeviceModel.code == wanted.model))
        )
    if wanted.component:
        statement = statement.where(Part.component == wanted.component)
    if wanted.kind:
        statement = statement.where(Part.kind == wanted.kind)
    if wanted.state:
        statement = statement.where(Part.is_active == (wanted.state == "active"))
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def _detailed() -> Any:
    return select(Part).options(
        joinedload(Part.model),
        joinedload(Part.supersedes),
        selectinload(Part.fits),
    )


def find_part(session: Session, ref: str) -> Part | None:
    """Return a part by its public id, its number, or its barcode; or None."""
    names = [Part.public_id == ref, Part.sku == ref]
    code = gtin(ref)
    if code is not None:
        names.append(Part.ean == code)
    found: Part | None = session.scalar(_detailed().where(or_(*names)).order_by(Part.sku != ref))
    return found


def part_by_ref(session: Session, ref: str) -> Part:
    """Return a part by its public id, its number, or its barcode.

    Raises:
        NotFound: there is none.
    """
    found = find_part(session, ref)
    if found is None:
        raise NotFound(text("There is no such part."))
    return found


def part_of_model(session: Session, model_id: int) -> Part | None:
    """Return the line of the catalogue for whole boxes of a model, or None."""
    found: Part | None = session.scalar(_detailed().where(Part.model_id == model_id))
    return found


def has_moved(session: Session, part: Part) -> bool:
    """Tell whether a part has ever stood anywhere."""
    moved = select(StockPosition.id).where(StockPosition.part_id == part.id).limit(1)
    return session.scalar(moved) is not None


def find_parts(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the parts whose number, barcode or name fits, as hits of the search box."""
    if len(typed.strip()) < 2:
        return []
    found = session.scalars(
        select(Part)
        .where(or_(part_named(typed), Part.ean == (gtin(typed) or typed.strip())))
        .order_by(Part.sku)
        .limit(limit)
    )
    return [Hit(part.sku, part.name, f"/parts/{part.public_id}") for part in found]
