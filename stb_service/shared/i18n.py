"""Languages: texts that are translated when they are shown, not when they are made.

A rule or an operation returns a `Text`; the page, the API or the terminal turns it
into the reader's language by `str()`. Message ids are English and use `%(name)s`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import has_app_context
from flask_babel import gettext

LANGUAGES = {"en": "English", "ar": "العربية"}
RIGHT_TO_LEFT = frozenset({"ar"})


@dataclass(frozen=True)
class Text:
    """A sentence to be translated, with the values that go into it."""

    msgid: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence in the reader's language (English outside a request)."""
        values = {k: str(v) if isinstance(v, Text) else v for k, v in self.values.items()}
        if has_app_context():
            return str(gettext(self.msgid, **values))
        return self.msgid % values if values else self.msgid


def text(msgid: str, /, **values: Any) -> Text:
    """Mark a sentence for translation and keep its values apart from it."""
    return Text(msgid, values)


def direction(language: str) -> str:
    """Return `rtl` or `ltr` for a language code."""
    return "rtl" if language.replace("_", "-").partition("-")[0] in RIGHT_TO_LEFT else "ltr"
