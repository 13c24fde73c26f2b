"""Holding rows, always in one order, so that no two units of work wait for each other.

First the box, then rollouts by id, then the boxes' parts in them. A unit of work that begins in
the middle takes nothing from before it. `Presence` holds boxes alone, by id.
"""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload

from stb_service.shared.db import Base

Row = TypeVar("Row", bound=Base)


def hold(session: Session, model: type[Row], row_id: int) -> Row:
    """Return a row as it is now, and keep others from changing it until the unit of work ends.

    Only the row itself is held (a row joined to it is not), and others may still refer to it.
    On SQLite a unit of work that writes holds the only write lock there is.
    """
    return session.execute(
        select(model)
        .where(model.id == row_id)
        .options(lazyload("*"))
        .with_for_update(of=model, key_share=True)
        .execution_options(populate_existing=True)
    ).scalar_one()
