"""The papers that can be printed, each with all that stands on it.

Words that were written for the reader (a reason, a line of a quote) are either as somebody typed
them, or a `CustomerText` that is said in the customer's language. What does not fit on its paper is
refused when the paper is made, so that nothing is cut off when it is printed.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, fields
from datetime import date
from math import ceil
from typing import Any, ClassVar

from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.speech import CustomerText

Words = CustomerText | str

CODE = re.compile(r"[!-~]{1,24}")  # what Code 128 holds, at 0.3 mm a bar on the label
LINK = re.compile(r"https?://[!-~]{1,300}")
CURRENCY = re.compile(r"[A-Z]{3}")
SHORT, MOST_LINES, MOST_ENTRIES, MOST_REASONS = 120, 7, 100, 10
LIMITS = {
    "carrier": 64,
    "fault": 2000,
    "lines": 64,
    "link": 320,
    "model": 64,
    "name": 80,
    "phone": 32,
    "reasons": 2000,
    "return_reference": 32,
    "serial": 64,
    "tracking": 64,
    "words": 300,
}
# Marks that turn the direction of what follows them: a name may not turn a letter round.
TURNING = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))


def clean(words: str) -> str:
    """Return words without what no printer has: control and turning marks, half a surrogate."""
    plain = unicodedata.normalize("NFC", words).translate(TURNING)
    kept = (" " if unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"} else c for c in plain)
    return " ".join("".join(kept).split())


class _Checked:
    """Values that are cleaned and measured when they are made."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            checked = _checked(each.name, value, LIMITS.get(each.name, SHORT))
            object.__setattr__(self, each.name, checked)


def _checked(name: str, value: Any, limit: int) -> Any:
    if isinstance(value, tuple):
        most = MOST_REASONS if name == "reasons" else MOST_ENTRIES
        if len(value) > most:
            raise Invalid.field(name, text("At most %(n)s lines.", n=most))
        return tuple(_checked(name, each, limit) for each in value)
    if not isinstance(value, str):
        return value
    words = clean(value)
    if len(words) > limit:
        raise Invalid.field(name, text("At most %(n)s characters.", n=limit))
    return words


def _fits(name: str, value: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(value):
        raise Invalid.field(name, text("This cannot be printed on a letter or label."))


@dataclass(frozen=True)
class Address(_Checked):
    """Whom a parcel comes from or goes to, line by line as the post of that country wants it."""

    name: str
    lines: tuple[str, ...]
    phone: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.lines) > MOST_LINES:
            raise Invalid.field("lines", text("At most %(n)s lines.", n=MOST_LINES))


@dataclass(frozen=True)
class Room:
    """How much of an address a label has room for, at one size of letters (`.label` in the CSS)."""

    sender_lines: int
    sender_chars: int
    receiver_lines: int
    receiver_chars: int


WIDE = Room(sender_lines=5, sender_chars=30, receiver_lines=6, receiver_chars=34)
DENSE = Room(sender_lines=9, sender_chars=40, receiver_lines=8, receiver_chars=48)


def printed_lines(address: Address, chars: int) -> int:
    """Return how many lines an address takes where so many ordinary letters fit in one."""
    written = [address.name, *address.lines, *([address.phone] if address.phone else [])]
    return sum(max(1, ceil(sum(map(_breadth, line)) / chars)) for line in written)


def _breadth(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return 2.0
    if unicodedata.combining(letter):
        return 0.0
    return 1.7 if letter in "mwMW@%—" else 1.3 if letter.isupper() else 1.0


@dataclass(frozen=True)
class Operator(_Checked):
    """Who writes: the head and the foot of every letter."""

    address: Address
    phone: str = ""
    mail: str = ""

    @property
    def name(self) -> str:
        """What the customer knows the operator as."""
        return self.address.name


@dataclass(frozen=True)
class BoxFacts(_Checked):
    """Which box it is about, as its own label says."""

    model: str
    serial: str


@dataclass(frozen=True)
class Paper(_Checked):
    """What every paper states: who writes to whom, about which case."""

    operator: Operator
    customer: Address
    case: str
    link: str

    name: ClassVar[str]
    title: ClassVar[Text]

    def __post_init__(self) -> None:
        super().__post_init__()
        _fits("case", self.case, CODE)
        _fits("link", self.link, LINK)


@dataclass(frozen=True)
class ParcelLabel(Paper):
    """A6, to be stuck on the parcel that the customer sends to `receiver`."""

    receiver: Address
    return_reference: str

    name = "parcel-label"
    title = text("Parcel label")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self._fits(WIDE) or self._fits(DENSE)):
            raise Invalid(text("The addresses are too long for a label."))

    def _fits(self, room: Room) -> bool:
        sender = printed_lines(self.customer, room.sender_chars)
        receiver = printed_lines(self.receiver, room.receiver_chars)
        return sender <= room.sender_lines and receiver <= room.receiver_lines

    @property
    def is_dense(self) -> bool:
        """Whether its addresses have to be set smaller."""
        return not self._fits(WIDE)


@dataclass(frozen=True)
class PackingSlip(Paper):
    """A4, goes into the parcel: what to send, what to keep, and the code for the intake."""

    box: BoxFacts
    receiver: Address
    with_power_supply: bool
    with_remote: bool
    send_by: date | None = None

    name = "packing-slip"
    title = text("Packing slip")


@dataclass(frozen=True)
class Letter(Paper):
    """A letter about one box, of one day; and what the warranty gave it, where that was decided."""

    on: date
    box: BoxFacts
    warranty: tuple[Words, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class ReturnAuthorised(Letter):
    """The customer may send the box, until a day."""

    fault: Words
    send_by: date
    is_postage_paid: bool

    name = "return-authorised"
    title = text("Return authorised")


@dataclass(frozen=True)
class QuoteLine(_Checked):
    """One line: work or a part."""

    words: Words
    quantity: int
    unit_minor: int

    @property
    def amount_minor(self) -> int:
        """What the line comes to."""
        return self.quantity * self.unit_minor


@dataclass(frozen=True)
class TaxLine:
    """A tax at one rate, as the room that made the quote has rounded it."""

    rate_permille: int
    amount_minor: int


@dataclass(frozen=True)
class Choice:
    """One way that is open to the customer, and until when its box is supported."""

    kind: str  # repair, refurbished or new
    total_minor: int
    supported_until: date | None


@dataclass(frozen=True)
class Quote(Letter):
    """What a repair, another box or an accessory (`offered`: repair, replace, accessory) costs, until
    when, and how to accept it at `link`.
    """

    number: str
    reasons: tuple[Words, ...]
    lines: tuple[QuoteLine, ...]
    taxes: tuple[TaxLine, ...]
    currency: str
    valid_until: date
    is_paid_first: bool = True
    choices: tuple[Choice, ...] = field(default=())
    offered: str = "repair"

    name = "quote"
    title = text("Quote")

    def __post_init__(self) -> None:
        super().__post_init__()
        _fits("currency", self.currency, CURRENCY)

    @property
    def net_minor(self) -> int:
        """The sum of the lines."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        """What the customer pays."""
        return self.net_minor + sum(tax.amount_minor for tax in self.taxes)


@dataclass(frozen=True)
class Declined(Letter):
    """The box may not be sent, and why."""

    reasons: tuple[Words, ...]

    name = "return-declined"
    title = text("Return declined")


@dataclass(frozen=True)
class ReturnedUnrepaired(Letter):
    """The box comes back as it was sent."""

    reasons: tuple[Words, ...]
    carrier: str = ""
    tracking: str = ""
    fee_minor: int = 0
    currency: str = "EUR"

    name = "returned-unrepaired"
    title = text("Returned unrepaired")

    def __post_init__(self) -> None:
        super().__post_init__()
        _fits("currency", self.currency, CURRENCY)


@dataclass(frozen=True)
class DamageFee(Letter):
    """A rented box came back damaged: what is charged for it."""

    fee_minor: int
    currency: str

    name = "damage-fee"
    title = text("Fee for a damaged box")

    def __post_init__(self) -> None:
        super().__post_init__()
        _fits("currency", self.currency, CURRENCY)


@dataclass(frozen=True)
class Replaced(Letter):
    """Another box instead of the one that was sent: new or refurbished, covered to a day."""

    replacement: BoxFacts
    is_refurbished: bool
    covered_until: date | None  # None: a box that is rented has no warranty of its own

    name = "box-replaced"
    title = text("Box replaced")


@dataclass(frozen=True)
class FinalNotice(Letter):
    """A box that should have come back: until which day it may, and what is charged then."""

    receiver: Address
    send_by: date
    fee_minor: int
    currency: str
    replacement_sent_on: date | None  # None: it is the operator's own and was asked back

    name = "final-notice"
    title = text("Final notice: box not returned")

    def __post_init__(self) -> None:
        super().__post_init__()
        _fits("currency", self.currency, CURRENCY)


PAPERS: tuple[type[Paper], ...] = (
    ParcelLabel,
    PackingSlip,
    ReturnAuthorised,
    Quote,
    Declined,
    ReturnedUnrepaired,
    DamageFee,
    Replaced,
    FinalNotice,
)
