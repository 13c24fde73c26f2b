"""What is left in English of a page that should be in another language."""

from __future__ import annotations

import html
import re

DATA = {"EUR", "UTC"}
LATIN = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2,}(?![0-9A-Za-z])")
ENGLISH = re.compile(
    r"\b(the|is|are|was|of|and|you|your|yes|quote|accept\w*|declin\w*|paid|pay\w*|total|valid|tax"
    r"|test|back|link|page|box|status|request|ask|try|from|until|new|repair|return)\b",
    re.IGNORECASE,
)


def seen(page: str) -> str:
    """Return what a reader sees of a page: its title, its text, and no element."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "\n", page)).split())


def english_in(page: str, language: str, known: frozenset[str] = frozenset()) -> list[str]:
    """Return the words of a page that are left in English, where it is in another language;
    `known` are names of people and boxes.
    """
    words = seen(page)
    if language == "vi":  # which is written in Latin letters itself
        found = [match.group() for match in ENGLISH.finditer(words)]
    else:
        found = LATIN.findall(words)
    return [word for word in found if word not in known | DATA]
