"""One row of a table, and what keeps its cells harmless in a spreadsheet."""

from __future__ import annotations

from dataclasses import dataclass

from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text

FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Line:
    """One row: the line of the file on which it begins (of a sheet, its row), and its cells.

    `formulas` are the places of formulas whose result the file does not hold; their cells hold
    the formula.
    """

    number: int
    cells: tuple[str, ...]
    formulas: frozenset[int] = frozenset()


def escape_cell(value: str) -> str:
    """Keep a spreadsheet from reading a text as a formula (OWASP, CSV injection)."""
    return f"'{value}" if value.lstrip("'").startswith(FORMULA) else value


def unescape_cell(value: str) -> str:
    """Undo `escape_cell`."""
    return value[1:] if value.startswith("'") and value.lstrip("'").startswith(FORMULA) else value


def unreadable(why: object) -> Invalid:
    """Return the refusal of a file that is no table."""
    reason = why if isinstance(why, Text) else str(why)
    return Invalid.field("file", text("This file cannot be read as a table: %(why)s", why=reason))
