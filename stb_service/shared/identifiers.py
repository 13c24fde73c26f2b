"""MACs and serials as people and machines write them: letters of other scripts, labels, separators.

What an identifier then means is the rooms' business.
"""

from __future__ import annotations

import re
import unicodedata

from stb_service.shared.i18n import Text


class Malformed(ValueError):
    """What was typed cannot be read; `reason` says why, in the reader's language."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason.msgid)
        self.reason = reason

    def __str__(self) -> str:
        """Return the reason in the reader's language."""
        return str(self.reason)


# Letters of other scripts that look like a Latin one in common typefaces: Cyrillic, then Greek.
LOOK_ALIKES = str.maketrans(
    "АВЕКМНОРСТУХІЈЅԚԜаеорсухіјѕвкмнтΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβικνορτυχ",
    "ABEKMHOPCTYXIJSQWAEOPCYXIJSBKMHTABEZHIKMNOPTYXABIKVOPTYX",
)
# A MAC holds no O, I or L, so there they can only be a zero or a one; Ze is read as three.
DIGIT_LOOK_ALIKES = str.maketrans("OIL\u0417\u0437", "01133")
DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
MAC_LABEL = re.compile(
    r"^\s*(?:mac(?:[\s_-]*addr(?:ess)?)?\s*[:=#]?\s+|mac\s*[:=#]\s*|0x)", re.IGNORECASE
)
SEPARATORS = re.compile(r"[\s:.\-_,;/·|']+")
HEX = frozenset("0123456789ABCDEF")


def latin(raw: str) -> str:
    """Return text with compatibility forms, invisible characters and look-alikes resolved."""
    if raw.isascii():
        return raw
    plain = unicodedata.normalize("NFKC", raw).translate(DASHES)
    visible = "".join(c for c in plain if unicodedata.category(c) not in {"Cf", "Mn"})
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in visible)
    return digits.translate(LOOK_ALIKES)


def mac_digits(raw: str) -> str:
    """Return what was typed without separators, upper case; single digits of octets padded."""
    cleaned = latin(MAC_LABEL.sub("", raw)).upper().translate(DIGIT_LOOK_ALIKES)
    parts = [part for part in SEPARATORS.split(cleaned) if part]
    if len(parts) == 6 and all(len(part) <= 2 for part in parts):
        parts = [part.zfill(2) for part in parts]
    return "".join(parts)


def colon_notation(digits: str) -> str:
    """Return `AA:BB:CC:DD:EE:FF` for 12 hexadecimal digits."""
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
