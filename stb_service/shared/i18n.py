"""Languages: texts that are translated when they are shown, not when they are made.

A rule or an operation returns a `Text`; the page, the API or the terminal turns it
into the reader's language by `str()`. Message ids are English, use `%(name)s`, and are always
%-formatted, with values or without (as Jinja does by `_()`): a percent sign is written `%%`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, g, has_app_context
from flask_babel import Babel, format_datetime, get_locale, get_timezone, gettext

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = {"en": "English", "ar": "العربية"}  # of staff
CUSTOMER_LANGUAGES = {
    "en": "English",
    "ar": "العربية",
    "el": "Ελληνικά",
    "hi": "हिन्दी",
    "vi": "Tiếng Việt",
}
RIGHT_TO_LEFT = frozenset({"ar"})


@dataclass(frozen=True)
class Text:
    """A sentence to be translated, with the values that go into it."""

    msgid: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence in the reader's language (English outside a request)."""
        words = str(gettext(self.msgid)) if has_app_context() else self.msgid
        return words % self.values


def text(msgid: str, /, **values: Any) -> Text:
    """Mark a sentence for translation and keep its values apart from it."""
    return Text(msgid, values)


def foreign_text(words: str) -> Text:
    """Return what a library says, to be looked up in the catalogue as it stands."""
    return Text(words.replace("%", "%%"))


@contextmanager
def speaking(language: str, timezone: str) -> Iterator[None]:
    """Say what is said inside in this language and IANA time zone, outside of any request."""
    with _voice().app_context():
        g.language, g.timezone = language, timezone
        yield


@cache
def _voice() -> Flask:
    """Return an app without pages: the languages live in an app's context."""
    app = Flask("stb_service.voice", static_folder=None, template_folder=None)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(LOCALE)
    Babel(app, locale_selector=lambda: g.language, timezone_selector=lambda: g.timezone)
    return app


def spoken() -> tuple[str, str] | None:
    """Return the language and time zone of whoever is spoken to; None where nobody is."""
    return (str(get_locale()), str(get_timezone())) if has_app_context() else None


def day_here(instant: datetime) -> date:
    """Return the day of an instant where the reader is; where nobody reads, in UTC."""
    zone = (get_timezone() if has_app_context() else None) or UTC
    return instant.astimezone(zone).date()


@dataclass(frozen=True)
class Moment:
    """An instant in a sentence: its day and time where the reader is, as pages write them."""

    instant: datetime

    def __str__(self) -> str:
        """Return it in the reader's language; where nobody reads, in UTC."""
        if not has_app_context():
            return f"{self.instant.astimezone(UTC):%Y-%m-%d %H:%M}"
        return str(format_datetime(self.instant, "d MMM y HH:mm"))


def direction(language: str) -> str:
    """Return `rtl` or `ltr` for a language code."""
    return "rtl" if language.replace("_", "-").partition("-")[0] in RIGHT_TO_LEFT else "ltr"
