"""Identity and evidence, as arithmetic."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network

from stb_service.shared.i18n import text
from stb_service.shared.identifiers import colon_notation, latin, mac_digits


class BoxState(StrEnum):
    """Whether a box is served."""

    KNOWN = "known"
    PENDING = "pending"
    REFUSED = "refused"
    RETIRED = "retired"


BOX_STATE_NAMES = {
    BoxState.KNOWN: text("Known"),
    BoxState.PENDING: text("Waiting for approval"),
    BoxState.REFUSED: text("Refused"),
    BoxState.RETIRED: text("Retired"),
}

BOX_MOVES = frozenset(
    {
        (BoxState.PENDING, BoxState.KNOWN),
        (BoxState.PENDING, BoxState.REFUSED),
        (BoxState.REFUSED, BoxState.KNOWN),
        (BoxState.KNOWN, BoxState.RETIRED),
        (BoxState.RETIRED, BoxState.KNOWN),
    }
)

TOKEN_OVERLAP = timedelta(days=7)
PENDING_LIMIT = 10_000
PENDING_PER_ADDRESS = 1000
PENDING_PER_ADDRESS_AND_HOUR = 100
PENDING_SPAN = timedelta(days=30)
ASKS_BEFORE_GIVING_UP = 3
REPORT_BODY_CHARS = 4000
REPORTS_KEPT_PER_ACTION = 200
STRAY = "no such action of this box"
STRAY_REPORTS_KEPT = 50
ATTRIBUTES_LIMIT = 100
ALIAS_CHARS = 256
SERIAL_CHARS = 64

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_MAC = re.compile(r"[0-9A-F]{12}")
_SEPARATORS = str.maketrans("", "", ":-. ")


@dataclass(frozen=True)
class Statement:
    """What a box says of itself at one moment; None where it did not say.

    Longer words than the columns hold are cut here, so that what is compared is what is kept.
    """

    at: datetime
    wire: str
    version: str | None = None
    boot_id: str | None = None
    model: str | None = None
    revision: str | None = None
    serial: str | None = None
    mac: str | None = None

    def __post_init__(self) -> None:
        for name, most in _STATED_CHARS.items():
            word = getattr(self, name)
            if word is not None:
                object.__setattr__(self, name, storable(word)[:most] or None)


_STATED_CHARS = {
    "version": 128,
    "boot_id": 128,
    "model": 64,
    "revision": 64,
    "serial": 64,
    "mac": 64,
}


def storable(words: str) -> str:
    """Return a text without what a database refuses: zero characters and halves of pairs."""
    return _UNSTORABLE.sub("", words)


def can_be_controller_id(controller_id: str, kinds: Collection[str]) -> bool:
    """Tell whether a box could be found again by this id, matched as the setting says."""
    return storable(controller_id) == controller_id and (
        ("serial" in kinds and 0 < len(as_serial(controller_id)) <= SERIAL_CHARS)
        or ("mac" in kinds and as_mac(controller_id) is not None)
        or ("alias" in kinds and 0 < len(controller_id) <= ALIAS_CHARS)
    )


def as_mac(identifier: str) -> str | None:
    """Return `AA:BB:CC:DD:EE:FF` if the text is a MAC in any notation that the registry reads."""
    digits = mac_digits(identifier)
    return colon_notation(digits) if _MAC.fullmatch(digits) else None


def is_plain_mac(identifier: str) -> bool:
    """Tell whether a text is 12 hexadecimal digits and separators.

    What a machine says of itself and `as_mac` alone can read may well be a serial: O is read as 0.
    """
    return _MAC.fullmatch(identifier.upper().translate(_SEPARATORS)) is not None


def as_serial(identifier: str) -> str:
    """Return a serial number the way it is compared: trimmed, upper case."""
    return identifier.strip().upper()


def origin_of(address: str) -> str | None:
    """Return what counts as one address: an IPv4 address, or the /64 that one line has of IPv6.

    None where the caller has no address (a socket of this machine).
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return None
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))


def as_typed_serial(word: str) -> str:
    """Return a serial number as the registry reads what people type: no spaces, Latin letters."""
    return "".join(latin(word).split()).upper()


def new_token() -> str:
    """Return a target token: 32 characters, as DDI servers make them by default."""
    return secrets.token_hex(16)


def token_digest(token: str) -> str:
    """Return what is stored of a token (128 random bits need no slow hash)."""
    return hashlib.sha256(token.encode()).hexdigest()


def asks_for_attributes(
    *,
    stated_at: datetime | None,
    wanted: bool,
    asked: int,
    restate: timedelta,
    now: datetime,
) -> bool:
    """Tell whether a DDI box is asked for `configData`.

    DDI polls carry no version, so a box is asked until one is reported, and again after `restate`, or
    a return to an old version would stay unseen. One that never answers is not asked for ever,
    except where an update waits for the evidence (`wanted`).
    """
    if wanted:
        return True
    if stated_at is None:
        return asked < ASKS_BEFORE_GIVING_UP
    return now - stated_at >= restate
