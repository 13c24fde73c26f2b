"""Serials and MACs as people and machines write them: one canonical form, and what is odd.

Formats and prefixes of makers: box-protocols, section 6. Nothing odd is refused for being odd:
a prefix of another maker or a serial that looks made up is a warning beside the box.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache

from netaddr import EUI
from netaddr.core import NotRegisteredError

from stb_service.shared.i18n import Text, text
from stb_service.shared.identifiers import HEX, Malformed, colon_notation, latin, mac_digits


class IdentifierKind(StrEnum):
    """What an identifier is. Serials are unique within a maker, MACs everywhere."""

    SERIAL = "serial"
    MAC = "mac"


class MacRole(StrEnum):
    """Which interface a MAC belongs to."""

    ETHERNET = "ethernet"
    WIFI = "wifi"


IDENTIFIER_NAMES: Mapping[tuple[str, str], Text] = {
    (IdentifierKind.SERIAL, ""): text("Serial"),
    (IdentifierKind.MAC, MacRole.ETHERNET): text("Ethernet MAC"),
    (IdentifierKind.MAC, MacRole.WIFI): text("Wi-Fi MAC"),
}


IdentifierKey = tuple[str, str, str]
"""Kind, issuer and value of an identifier: what is unique among current boxes."""


class ClaimSource(StrEnum):
    """Where a disputed identifier was claimed."""

    FORM = "form"
    IMPORT = "import"
    API = "api"
    BOX = "box"


CLAIM_SOURCE_NAMES: Mapping[str, Text] = {
    ClaimSource.FORM: text("a form"),
    ClaimSource.IMPORT: text("an import"),
    ClaimSource.API: text("the API"),
    ClaimSource.BOX: text("a box that called"),
}


def maker_key(maker: str) -> str:
    """Return what makes two spellings of a maker one: `Aurora Ltd.` and `AURORA LTD`."""
    return "".join(c for c in unicodedata.normalize("NFKC", maker).casefold() if c.isalnum())[:80]


NOT_ALPHANUMERIC = dict.fromkeys(code for code in range(128) if not chr(code).isalnum())
SERIAL_MAX = 64


def normalise_mac(raw: str) -> str:
    """Return `AA:BB:CC:DD:EE:FF` for a MAC in any notation.

    Raises:
        Malformed: it is no MAC, or none that a box can have (multicast, all zeros).
    """
    digits = mac_digits(raw)
    strange = [c for c in digits if c not in HEX]
    if strange:
        raise Malformed(text("%(char)r is no hexadecimal digit.", char=strange[0]))
    if len(digits) != 12:
        raise Malformed(
            text("A MAC has 12 hexadecimal digits; this has %(count)s.", count=len(digits))
        )
    if digits == "0" * 12:
        raise Malformed(text("All zeros is no box's MAC."))
    if digits == "F" * 12:
        raise Malformed(text("This is the broadcast address, no box's MAC."))
    if int(digits[:2], 16) & 1:
        raise Malformed(text("This is a multicast address (odd first octet), no box's MAC."))
    return colon_notation(digits)


def normalise_serial(raw: str) -> str:
    """Return a serial as it is kept: upper case, no spaces, look-alikes as Latin letters.

    Raises:
        Malformed: nothing to read in it, too long, or other than visible ASCII characters.
    """
    serial = "".join(latin(raw).split()).upper()
    if not any(c.isalnum() for c in serial):
        raise Malformed(text("A serial holds at least one letter or digit."))
    if len(serial) > SERIAL_MAX:
        raise Malformed(text("A serial has at most %(most)s characters.", most=SERIAL_MAX))
    strange = [c for c in serial if not "!" <= c <= "~"]
    if strange:
        raise Malformed(text("%(char)r does not belong in a serial.", char=strange[0]))
    return serial


def lookup_key(value: str) -> str:
    """Return what an identifier is searched by: its letters and digits only."""
    return value.translate(NOT_ALPHANUMERIC)


def typed_keys(raw: str) -> list[str]:
    """Return the keys that a text typed into the search box may stand for.

    The text may be a whole identifier, its beginning or its end, in any notation. A
    partial MAC with O for zero differs as a serial, so there may be two.
    """
    keys = [lookup_key("".join(latin(raw).split()).upper())]
    digits = mac_digits(raw)
    if digits and set(digits) <= HEX and len(digits) <= 12:
        keys.append(digits)
    return [key for key in dict.fromkeys(keys) if key.isascii() and 1 <= len(key) <= SERIAL_MAX]


def past(key: str) -> str:
    """Return the first text after all that begin with `key`: the open end of a range."""
    return key[:-1] + chr(ord(key[-1]) + 1)


# --- what is odd about an identifier ------------------------------------------------------------

# Makers known by another name than the one their prefix is registered under.
OUI_MAKERS = {"001A79": ("infomir", "mag")}
NOISE = frozenset(
    {"co", "ltd", "inc", "corp", "corporation", "gmbh", "technology", "technologies", "shenzhen"}
    | {"limited", "electronics", "electronic", "communication", "communications", "company", "llc"}
    | {"international", "group", "systems", "the", "and", "of", "sa", "ag", "bv", "oy", "digital"}
)


@lru_cache(maxsize=4096)
def organisation_of_prefix(oui: str) -> str | None:
    """Return whom the IEEE gave a prefix (six digits) to, per the list bundled with netaddr."""
    try:
        return str(EUI(oui + "000000").oui.registration().org)
    except NotRegisteredError:
        return None


def _words(name: str) -> set[str]:
    plain = unicodedata.normalize("NFKC", name).casefold()
    return {word for word in re.findall(r"\w+", plain) if word not in NOISE and len(word) > 1}


def mac_warnings(mac: str, maker: str) -> list[Text]:
    """Return what is odd about a canonical MAC on a box of this maker.

    A prefix that nobody registered, or of the locally administered half, says nothing
    about the maker and gives no warning.
    """
    prefix = lookup_key(mac)[:6]
    if not maker or int(prefix[:2], 16) & 2:
        return []
    registered = organisation_of_prefix(prefix)
    if registered is None:
        return []
    names = (registered, *OUI_MAKERS.get(prefix, ()))
    key = maker_key(maker)
    if any(_words(maker) & _words(name) or maker_key(name).startswith(key) for name in names):
        return []
    return [
        text(
            "The prefix %(prefix)s belongs to %(registered)s, not to %(maker)s.",
            prefix=mac[:8],
            registered=registered,
            maker=maker,
        )
    ]


MADE_IN_SERIAL = re.compile(r"(0[1-9]|1[0-2])(20\d\d)[A-Z]\d{6}")
EMULATOR_SERIALS = frozenset({"BEDACD4569BAF"})


def made_on_hint(serial: str) -> date | None:
    """Return the first of the month that an Infomir serial (`MMYYYY`, letter, six digits) states.

    Inferred from serials seen in use, not documented: a hint, never a fact.
    """
    found = MADE_IN_SERIAL.fullmatch(serial)
    return date(int(found[2]), int(found[1]), 1) if found else None


def serial_warnings(serial: str, macs: Iterable[str]) -> list[Text]:
    """Return what suggests that a serial was not given by a maker."""
    bare = lookup_key(serial)
    if serial in EMULATOR_SERIALS:
        return [text("Not genuine: a known emulator sends this serial.")]
    if len(bare) > 3 and len(set(bare)) == 1:
        return [text("Not genuine: one character repeated.")]
    derived = {digest for mac in macs for digest in _digests(mac)}
    if serial in derived:
        return [text("Not genuine: computed from the MAC, as emulators do.")]
    return []


def _digests(mac: str) -> set[str]:
    spellings = (mac, mac.lower(), lookup_key(mac), lookup_key(mac).lower())
    return {
        hashlib.md5(spelling.encode(), usedforsecurity=False).hexdigest()[:13].upper()
        for spelling in spellings
    }


def identity_warnings(*, serial: str, maker: str, macs: Iterable[str | None]) -> list[Text]:
    """Return all that is odd about a box's identifiers. Nothing here refuses a box."""
    present = [mac for mac in macs if mac]
    found = serial_warnings(serial, present)
    for mac in present:
        found += mac_warnings(mac, maker)
    return found
