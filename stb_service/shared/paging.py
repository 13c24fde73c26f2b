"""Keyset pages: the cursor says after which row the next page starts, so that pages of
a growing list neither skip nor repeat, and the last page costs what the first one does."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, and_, false, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import text

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """A slice of a list and the cursor of the next one (None at the end)."""

    rows: Sequence[Row]
    next_cursor: str | None


class Narrowing:
    """What a list is narrowed to: a dataclass of words, each empty where it does not narrow."""

    def as_arguments(self) -> dict[str, str]:
        """Return the parts that narrow, as arguments of an address."""
        return {name: value for name, value in vars(self).items() if value}


def encode_cursor(values: Sequence[Any]) -> str:
    """Return an opaque cursor for the sort values of a row."""
    plain = [{"t": v.isoformat()} if isinstance(v, datetime) else v for v in values]
    raw = json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(cursor: str, *, length: int) -> list[Any]:
    """Return the sort values.

    Raises:
        Invalid: the cursor was not made by `encode_cursor` for this order.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        plain = json.loads(raw)
        values = [datetime.fromisoformat(v["t"]) if isinstance(v, dict) else v for v in plain]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Invalid.field("cursor", text("This cursor belongs to no list.")) from error
    if len(values) != length or any(isinstance(v, list) for v in values):
        raise Invalid.field("cursor", text("This cursor belongs to another list."))
    return values


def keyset_page(
    session: Session,
    statement: Select[Row],
    *,
    order: Sequence[tuple[InstrumentedAttribute[Any], bool]],
    cursor: str | None,
    limit: int,
) -> Page[Row]:
    """Return one page of the statement, in `order` (column, descending).

    The last column must be unique; no column of the order may be NULL.
    """
    if cursor:
        after = decode_cursor(cursor, length=len(order))
        for (column, _), value in zip(order, after, strict=True):
            _refuse_foreign(column, value)
        statement = statement.where(_beyond(order, after))
    statement = statement.order_by(*(c.desc() if down else c.asc() for c, down in order))
    rows = list(session.scalars(statement.limit(limit + 1)))
    if len(rows) <= limit:
        return Page(rows, None)
    rows = rows[:limit]
    return Page(rows, encode_cursor([getattr(rows[-1], c.key) for c, _ in order]))


def _refuse_foreign(column: InstrumentedAttribute[Any], value: Any) -> None:
    """Refuse a value that this column never holds: the cursor was forged."""
    kind = column.type.python_type
    fits = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    if isinstance(value, datetime):
        fits = fits and value.tzinfo is not None
    if isinstance(value, int):
        fits = fits and abs(value) < 2**63
    if isinstance(value, str):
        fits = fits and "\0" not in value and value.isprintable()
    if not fits:
        raise Invalid.field("cursor", text("This cursor belongs to another list."))


def _beyond(order: Sequence[tuple[InstrumentedAttribute[Any], bool]], after: Sequence[Any]) -> Any:
    """Return the condition `row > after` in the given order, spelt out for mixed directions."""
    condition: Any = false()
    for (column, down), value in reversed(list(zip(order, after, strict=True))):
        step = column < value if down else column > value
        condition = or_(step, and_(column == value, condition))
    return condition
