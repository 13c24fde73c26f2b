"""Reads about models of box. Models are the operator's catalogue: everyone sees all of them, and
counts only the boxes of their scope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from stb_service.devices.catalogue.models import DeviceModel, ModelRevision
from stb_service.devices.queries import check_cursor
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Page, keyset_page
from stb_service.shared.registries import Hit


def models_page(session: Session, *, cursor: str | None, limit: int) -> Page[DeviceModel]:
    """Return models by code, with their revisions and capabilities."""
    order: list[tuple[InstrumentedAttribute[Any], bool]] = [(DeviceModel.code, False)]
    check_cursor(cursor, order)
    statement = select(DeviceModel).options(
        selectinload(DeviceModel.revisions), selectinload(DeviceModel.capabilities)
    )
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def all_models(session: Session) -> Sequence[DeviceModel]:
    """Return every model with its revisions, by code."""
    return session.scalars(
        select(DeviceModel).options(selectinload(DeviceModel.revisions)).order_by(DeviceModel.code)
    ).all()


def find_model(session: Session, code: str) -> DeviceModel | None:
    """Return the model of a code with its revisions, or None."""
    return session.scalar(
        select(DeviceModel)
        .options(selectinload(DeviceModel.revisions))
        .where(DeviceModel.code == code)
    )


def model_by_ref(session: Session, ref: str) -> DeviceModel:
    """Return the model of a public id.

    Raises:
        NotFound: there is none.
    """
    found = session.scalar(
        select(DeviceModel)
        .options(selectinload(DeviceModel.revisions), selectinload(DeviceModel.capabilities))
        .where(DeviceModel.public_id == ref)
    )
    if found is None:
        raise NotFound(text("There is no such model."))
    return found


def find_revision(model: DeviceModel, code: str) -> ModelRevision | None:
    """Return the revision of a code, or None."""
    return next((revision for revision in model.revisions if revision.code == code), None)


def find_models(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the models whose code or name holds what was typed, as hits of the search box."""
    part = typed.strip().lower()
    if len(part) < 2:
        return []
    found = session.scalars(
        select(DeviceModel)
        .where(
            or_(
                func.lower(DeviceModel.code).contains(part, autoescape=True),
                func.lower(DeviceModel.name).contains(part, autoescape=True),
            )
        )
        .order_by(DeviceModel.code)
        .limit(limit)
    )
    return [
        Hit(model.code, f"{model.maker} · {model.name}", f"/models/{model.public_id}")
        for model in found
    ]
