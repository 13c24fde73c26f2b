"""Marshmallow fields of forms and of the API whose refusals are translated.

No database of ours takes a zero character in a text, and a name with control characters
helps nobody: `line` and `paragraph` refuse them at the edge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import available_timezones

import marshmallow as ma

from stb_service.shared.i18n import LANGUAGES, text

# Marshmallow's own messages, named here so that the catalogues have them.
MESSAGES = (
    text("Missing data for required field."),
    text("Field may not be null."),
    text("Unknown field."),
    text("Not a valid string."),
    text("Not a valid integer."),
    text("Not a valid number."),
    text("Not a valid boolean."),
    text("Not a valid date."),
    text("Not a valid datetime."),
    text("Not a valid list."),
    text("Not a valid email address."),
    text("Not a valid URL."),
    text("Invalid input type."),
)


def line(longest: int, *, shortest: int = 1, **more: Any) -> ma.fields.String:
    """Return a field for one line of printable text."""
    return ma.fields.String(validate=_check(shortest, longest, str.isprintable), **more)


def paragraph(longest: int, **more: Any) -> ma.fields.String:
    """Return a field for text of several lines."""

    def is_text(value: str) -> bool:
        return all(part.isprintable() for part in value.replace("\t", " ").splitlines())

    return ma.fields.String(validate=_check(0, longest, is_text), **more)


def email(**more: Any) -> ma.fields.Email:
    """Return a field for a mail address (RFC 5321 section 4.5.3.1.3: at most 254 characters)."""
    return ma.fields.Email(validate=_check(3, 254, str.isprintable), **more)


def language(**more: Any) -> ma.fields.String:
    """Return a field for a language the pages have."""
    return ma.fields.String(validate=ma.validate.OneOf(sorted(LANGUAGES)), **more)


def timezone(**more: Any) -> ma.fields.String:
    """Return a field for a name of the IANA database."""

    def known(value: str) -> None:
        if value not in available_timezones():
            raise ma.ValidationError([text("Not a time zone of the IANA database.")])

    return ma.fields.String(
        validate=known, metadata={"description": "a name of the IANA database"}, **more
    )


def _check(shortest: int, longest: int, fits: Callable[[str], bool]) -> Callable[[str], None]:
    def check(value: str) -> None:
        problems = []
        if len(value.strip()) < shortest:
            problems.append(text("At least %(n)s characters.", n=shortest))
        if len(value) > longest:
            problems.append(text("At most %(n)s characters.", n=longest))
        if not fits(value):
            problems.append(text("Control characters are not accepted."))
        if problems:
            raise ma.ValidationError(problems)

    return check
