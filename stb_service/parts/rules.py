"""What parts, places and moves may be; what stock is worth; what to order. Arithmetic alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import rounded_share

MOST = 1_000_000
"""The most pieces that one move takes; more is a slip of a finger or of a scanner."""


class PartKind(StrEnum):
    """A spare part, or whole boxes of a model, which are moved one by one."""

    PART = "part"
    BOX = "box"


PART_KIND_NAMES: Mapping[str, Text] = {
    PartKind.PART: text("Spare part"),
    PartKind.BOX: text("Whole box"),
}


class Condition(StrEnum):
    """What state a piece is in."""

    NEW = "new"
    REFURBISHED = "refurbished"
    DEFECTIVE = "defective"


CONDITION_NAMES: Mapping[str, Text] = {
    Condition.NEW: text("New"),
    Condition.REFURBISHED: text("As good as new"),
    Condition.DEFECTIVE: text("Defective"),
}
CONDITION_COLOURS: Mapping[str, str] = {
    Condition.NEW: "green",
    Condition.REFURBISHED: "blue",
    Condition.DEFECTIVE: "red",
}
GOOD = frozenset({Condition.NEW, Condition.REFURBISHED})
"""Only what is good is available; what is defective waits for repair, its supplier or scrap."""


class LocationKind(StrEnum):
    """What kind of place it is."""

    WAREHOUSE = "warehouse"
    CENTRE = "centre"
    DEALER = "dealer"
    VAN = "van"
    QUARANTINE = "quarantine"
    SCRAP = "scrap"
    SUPPLIER = "supplier"
    CUSTOMER = "customer"
    COUNT = "count"


LOCATION_KIND_NAMES: Mapping[str, Text] = {
    LocationKind.WAREHOUSE: text("Warehouse"),
    LocationKind.CENTRE: text("Service centre"),
    LocationKind.DEALER: text("Dealer"),
    LocationKind.VAN: text("Van"),
    LocationKind.QUARANTINE: text("Quarantine"),
    LocationKind.SCRAP: text("Scrap"),
    LocationKind.SUPPLIER: text("Supplier"),
    LocationKind.CUSTOMER: text("Customers"),
    LocationKind.COUNT: text("Stock-taking"),
}
OPEN = frozenset({LocationKind.SUPPLIER, LocationKind.CUSTOMER, LocationKind.COUNT})
"""Where the house ends: what these gave may exceed what they got, so they may stand below zero."""
SINGLE = frozenset({LocationKind.CUSTOMER, LocationKind.COUNT})
"""There is one of each, made when it is first needed."""
SHELVES = frozenset(
    {LocationKind.WAREHOUSE, LocationKind.CENTRE, LocationKind.DEALER, LocationKind.VAN}
)
"""Where a piece can be taken from to be used: what stands here in good condition is available."""
OWNED: Mapping[str, str] = {
    LocationKind.CENTRE: "service_centre",
    LocationKind.DEALER: "dealer",
}
"""Places that belong to an organisation of this kind."""
OWNABLE = frozenset({*OWNED, LocationKind.VAN, LocationKind.QUARANTINE, LocationKind.SCRAP})
"""Places that may belong to an organisation other than the operator."""


class MoveKind(StrEnum):
    """What a move is, by where it leads from and to."""

    RECEIVE = "receive"
    TRANSFER = "transfer"
    USE = "use"
    RETURN = "return"
    SEND_BACK = "send_back"
    SCRAP = "scrap"
    GRADE = "grade"
    COUNT = "count"


MOVE_KIND_NAMES: Mapping[str, Text] = {
    MoveKind.RECEIVE: text("Received"),
    MoveKind.TRANSFER: text("Transferred"),
    MoveKind.USE: text("Used"),
    MoveKind.RETURN: text("Came back"),
    MoveKind.SEND_BACK: text("Sent back"),
    MoveKind.SCRAP: text("Scrapped"),
    MoveKind.GRADE: text("Graded anew"),
    MoveKind.COUNT: text("Stock-taking difference"),
}


class Side(StrEnum):
    """What a row of the ledger does to its position.

    A move is an `out` and an `in`. A reservation holds pieces back (`hold`) and lets them go
    (`free`); what is used of it leaves by an `out` that frees as much.
    """

    OUT = "out"
    IN = "in"
    HOLD = "hold"
    FREE = "free"


def move_kind(from_kind: str, to_kind: str, *, is_same_place: bool) -> MoveKind | None:
    """Return what a move between two places is; None where there is no such move.

    What was scrapped stays scrapped. Only a count moves to and from the stock-taking.
    """
    real_from, real_to = from_kind not in OPEN, to_kind not in OPEN
    if from_kind == LocationKind.SCRAP:
        return None
    if LocationKind.COUNT in {from_kind, to_kind}:
        return MoveKind.COUNT if real_from or real_to else None
    if real_from and real_to:
        if to_kind == LocationKind.SCRAP:
            return MoveKind.SCRAP
        return MoveKind.GRADE if is_same_place else MoveKind.TRANSFER
    if from_kind == LocationKind.SUPPLIER and real_to and to_kind != LocationKind.SCRAP:
        return MoveKind.RECEIVE
    if from_kind == LocationKind.CUSTOMER and real_to:
        return MoveKind.RETURN
    if real_from and to_kind == LocationKind.SUPPLIER:
        return MoveKind.SEND_BACK
    if real_from and to_kind == LocationKind.CUSTOMER:
        return MoveKind.USE
    return None


@dataclass(frozen=True)
class Balance:
    """What stands at a position after a row of the ledger: pieces, of them reserved, and worth."""

    seq: int = 0
    on_hand: int = 0
    reserved: int = 0
    value_minor: int = 0

    @property
    def free(self) -> int:
        """Pieces that are not reserved."""
        return self.on_hand - self.reserved

    def worth(self, quantity: int) -> int:
        """Return what so many pieces of it are worth, by the moving average.

        The worth is kept as a sum, not as a price: it is rounded once for each move, and the
        last pieces take all that is left, so that no minor unit is lost or made.
        """
        if self.on_hand <= 0:
            return 0
        if quantity >= self.on_hand:
            return self.value_minor
        return rounded_share(self.value_minor, quantity, self.on_hand)


EMPTY = Balance()


def after(balance: Balance, side: Side, quantity: int, worth: int = 0, freed: int = 0) -> Balance:
    """Return the balance that a row leaves. `freed` is how much of an `out` was reserved."""
    pieces = {Side.OUT: -quantity, Side.IN: quantity}.get(side, 0)
    held = {Side.HOLD: quantity, Side.FREE: -quantity}.get(side, -freed)
    value = {Side.OUT: -worth, Side.IN: worth}.get(side, 0)
    return Balance(
        balance.seq + 1,
        balance.on_hand + pieces,
        balance.reserved + held,
        balance.value_minor + value,
    )


def obstacles_to_taking(balance: Balance, quantity: int, *, freed: int = 0) -> list[Obstacle]:
    """Return why so many pieces may not leave a place; empty if they may."""
    if quantity <= balance.free + freed:
        return []
    if balance.on_hand >= quantity:
        message = text(
            "There are %(count)s, but %(reserved)s of them are reserved.",
            count=balance.on_hand,
            reserved=balance.reserved,
        )
        return [Obstacle("reserved", message)]
    return [Obstacle("stock", text("There are only %(count)s there.", count=balance.on_hand))]


def obstacles_to_holding(
    balance: Balance, quantity: int, *, condition: str, location_kind: str
) -> list[Obstacle]:
    """Return why so many pieces may not be reserved; empty if they may."""
    if condition not in GOOD:
        return [Obstacle("condition", text("What is defective is not reserved."))]
    if location_kind not in SHELVES:
        return [Obstacle("place", text("Nothing is reserved at such a place."))]
    if quantity > balance.free:
        message = text("There are only %(count)s available there.", count=max(balance.free, 0))
        return [Obstacle("available", message)]
    return []


class ReservationState(StrEnum):
    """Where a reservation is in its short life."""

    HELD = "held"
    USED = "used"
    RELEASED = "released"


RESERVATION_STATE_NAMES: Mapping[str, Text] = {
    ReservationState.HELD: text("Held back"),
    ReservationState.USED: text("Used"),
    ReservationState.RELEASED: text("Let go"),
}
RESERVATION_STATE_COLOURS: Mapping[str, str] = {
    ReservationState.HELD: "blue",
    ReservationState.USED: "green",
    ReservationState.RELEASED: "grey",
}


class CountState(StrEnum):
    """Where a stock-taking is."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


COUNT_STATE_NAMES: Mapping[str, Text] = {
    CountState.OPEN: text("Being counted"),
    CountState.CLOSED: text("Counted"),
    CountState.CANCELLED: text("Called off"),
}
COUNT_STATE_COLOURS: Mapping[str, str] = {
    CountState.OPEN: "blue",
    CountState.CLOSED: "green",
    CountState.CANCELLED: "grey",
}


class BoxOutcome(StrEnum):
    """What a count came to for a box, known once the sheet is closed."""

    HERE = "here"
    BROUGHT = "brought"
    AWAY = "away"
    KEPT = "kept"
    MISSING = "missing"
    WRITTEN_OFF = "written_off"


BOX_OUTCOME_NAMES: Mapping[str, Text] = {
    BoxOutcome.HERE: text("Stands here"),
    BoxOutcome.BROUGHT: text("Moved here"),
    BoxOutcome.AWAY: text("Moved on since"),
    BoxOutcome.KEPT: text("Not moved"),
    BoxOutcome.MISSING: text("Missing"),
    BoxOutcome.WRITTEN_OFF: text("Written off as missing"),
}
BOX_OUTCOME_COLOURS: Mapping[str, str] = {
    BoxOutcome.HERE: "green",
    BoxOutcome.BROUGHT: "blue",
    BoxOutcome.AWAY: "grey",
    BoxOutcome.KEPT: "orange",
    BoxOutcome.MISSING: "red",
    BoxOutcome.WRITTEN_OFF: "grey",
}


def suggestion(
    projected: int, *, minimum: int, maximum: int, min_order: int = 1, pack_size: int = 1
) -> int:
    """Return how many to order: none while `projected` is at the minimum or above, else up to the
    maximum, at least the supplier's least order, in whole packs.
    """
    if projected >= minimum:
        return 0
    wanted = max(maximum - projected, min_order)
    return -(-wanted // pack_size) * pack_size


def gtin(raw: str) -> str | None:
    """Return a barcode's number as 13 or 14 digits, or None if it is no GTIN.

    GTIN-8, -12, -13 and -14 with their check digit (GS1 General Specifications, section 7.9); a
    UPC of 12 digits is the EAN that begins with zero.
    """
    digits = "".join(raw.split()).replace("-", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) in {8, 12, 13, 14}):
        return None
    weighed = sum(int(d) * (3 if at % 2 else 1) for at, d in enumerate(reversed(digits)))
    return None if weighed % 10 else digits.zfill(13) if len(digits) == 12 else digits


FIELD_NAMES: Mapping[str, Text] = {
    "sku": text("Part number"),
    "ean": text("Barcode number"),
    "component": text("Component"),
    "currency": text("Currency"),
    "lead_time_days": text("Lead time (days)"),
    "min_order": text("Least order"),
    "pack_size": text("Pieces in a pack"),
    "supersedes": text("Takes the place of"),
    "returns_core": text("Old piece is sent back"),
    "fits_models": text("Fits models"),
    "part": text("Part"),
    "condition": text("Condition"),
    "to_condition": text("Condition there"),
    "quantity": text("Pieces"),
    "from_location": text("From"),
    "to_location": text("To"),
    "location": text("Place"),
    "value_minor": text("Worth (minor units)"),
    "reference": text("Reference"),
    "minimum": text("Minimum"),
    "maximum": text("Maximum"),
    "counted": text("Counted"),
    "differences": text("Differences"),
    "used": text("Used"),
}
