"""What may be claimed of a repair: the arithmetic and its obstacles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from stb_service.rma.comparison import add_months
from stb_service.rma.verdicts import FaultClass
from stb_service.shared.errors import Invalid, Obstacle
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import MOST_MINOR, rounded_share

CLAIMABLE_CODES = frozenset({"warranty", "goodwill", "contract", "supplier"})
"""Who pays for a line, where it is not the customer: what the operator bears."""
SUPPLIERS_CAUSES = frozenset({FaultClass.MANUFACTURING, FaultClass.COMPONENT})
MOST_IN_BATCH = 500
BOX_COST = "box-cost"
"""Says that a person has to state what a box cost."""


class Basis(StrEnum):
    """The day from which a supplier answers."""

    PRODUCTION = "production"
    SALE = "sale"


BASIS_NAMES: Mapping[str, Text] = {
    Basis.PRODUCTION: text("Production"),
    Basis.SALE: text("Sale"),
}


class LineKind(StrEnum):
    """What a line of a claim is for."""

    PART = "part"
    LABOUR = "labour"
    BOX = "box"
    FREIGHT = "freight"


LINE_KIND_NAMES: Mapping[str, Text] = {
    LineKind.PART: text("Part"),
    LineKind.LABOUR: text("Work"),
    LineKind.BOX: text("Box"),
    LineKind.FREIGHT: text("Freight"),
}
STATE_COLOURS: Mapping[str, str] = {
    "candidate": "grey",
    "submitted": "blue",
    "accepted": "blue",
    "refused": "red",
    "short": "orange",
    "credited": "green",
    "waived": "grey",
}
MATCH_COLOURS: Mapping[str, str] = {
    "matched": "green",
    "short": "orange",
    "over": "green",
    "missing": "grey",
    "currency": "red",
    "unknown": "red",
}


@dataclass(frozen=True)
class Terms:
    """What a supplier answers for, and pays."""

    months: int
    basis: str
    currency: str
    with_parts: bool
    labour_minor: int
    freight_minor: int


@dataclass(frozen=True)
class UsedPart:
    """A part that a repair used, at what stock says it cost; `source` is the internal id of its row."""

    sku: str
    quantity: int
    cost_minor: int
    currency: str
    billing_code: str
    fault_class: str | None = None
    source: int | None = None


@dataclass(frozen=True)
class Worked:
    """Time that a repair took; `source` as of a part."""

    what: str
    minutes: int
    billing_code: str
    fault_class: str | None = None
    source: int | None = None


@dataclass(frozen=True)
class ReturnedBox:
    """A box that went back to its supplier, for a cause in it, at what it cost; 0 is not known."""

    cost_minor: int
    currency: str


@dataclass(frozen=True)
class Repair:
    """A repair as a claim sees it: what no claim names yet of parts, work, and the box itself."""

    is_finished: bool
    is_claimed: bool
    reported_on: date
    made_on: date | None
    sold_on: date | None
    parts: Sequence[UsedPart] = ()
    work: Sequence[Worked] = ()
    box: ReturnedBox | None = None
    is_freight_claimed: bool = False


@dataclass(frozen=True)
class Line:
    """One line of a claim; of a part or work with the internal id of what it is for."""

    kind: LineKind
    what: str
    quantity: int
    amount_minor: int
    source: int | None = None


def number_key(number: str) -> str:
    """Return what tells two notes of a supplier apart: case and spaces do not."""
    return "".join(number.split()).casefold()[:200]


def is_suppliers(row: UsedPart | Worked) -> bool:
    """Tell whether a supplier answers for it: we bore it, and the cause was in the box."""
    caused = row.fault_class is None or row.fault_class in SUPPLIERS_CAUSES
    return row.billing_code in CLAIMABLE_CODES and caused


def covered_until(repair: Repair, terms: Terms) -> date | None:
    """Return the last day on which the supplier answers; None where it is not known from when."""
    start = repair.made_on if terms.basis == Basis.PRODUCTION else repair.sold_on
    return add_months(start, terms.months) if start else None


def lines_of(repair: Repair, terms: Terms) -> list[Line]:
    """Return what is claimed: parts and a returned box as stock knows their cost, labour by tariff,
    and freight once.
    """
    found = []
    if terms.with_parts:
        found += [
            Line(LineKind.PART, part.sku, part.quantity, part.cost_minor, part.source)
            for part in repair.parts
            if is_suppliers(part) and part.cost_minor and part.currency == terms.currency
        ]
    for row in repair.work:
        amount = rounded_share(terms.labour_minor, row.minutes, 60)
        if is_suppliers(row) and amount:
            found.append(Line(LineKind.LABOUR, row.what, row.minutes, amount, row.source))
    box = repair.box
    if box is not None and box.cost_minor and box.currency == terms.currency:
        found.append(Line(LineKind.BOX, "", 1, box.cost_minor))
    if found and terms.freight_minor and not repair.is_freight_claimed:
        found.append(Line(LineKind.FREIGHT, "", 1, terms.freight_minor))
    return found


def left_out(repair: Repair, terms: Terms) -> list[Obstacle]:
    """Return what a claim leaves out that the supplier answers for, and why."""
    found = []
    other = {
        part.currency
        for part in repair.parts
        if terms.with_parts and is_suppliers(part) and part.currency != terms.currency
    }
    if other:
        message = text(
            "Parts were bought in %(currency)s, and the supplier is claimed from in another.",
            currency=", ".join(sorted(other)),
        )
        found.append(Obstacle("currency", message))
    if is_amount_asked(repair, terms):
        message = text(
            "Stock does not know what the box cost in %(currency)s; state the amount and why.",
            currency=terms.currency,
        )
        found.append(Obstacle(BOX_COST, message))
    return found


def is_amount_asked(repair: Repair, terms: Terms) -> bool:
    """Tell whether a box went back, and stock does not know what it cost in the claim's currency."""
    box = repair.box
    return box is not None and not (box.cost_minor and box.currency == terms.currency)


def with_stated_box(repair: Repair, terms: Terms, box_minor: int, reason: str) -> Repair:
    """Return a repair with what a person states that the returned box cost.

    Raises:
        Invalid: nothing is asked, or it is no amount, or it is not said why.
    """
    problems = {}
    if not is_amount_asked(repair, terms):
        message = text(
            "An amount is stated only for a returned box whose cost stock does not know."
        )
        problems["box_minor"] = [message]
    elif not 1 <= box_minor <= MOST_MINOR:
        problems["box_minor"] = [text("From 1 to %(most)s.", most=MOST_MINOR)]
    if not reason.strip():
        problems["reason"] = [text("This is needed.")]
    if problems:
        raise Invalid(fields=problems)
    return replace(repair, box=ReturnedBox(box_minor, terms.currency))


def obstacles_to_proposing(repair: Repair, terms: Terms | None) -> list[Obstacle]:
    """Return why nothing can be claimed for a repair."""
    found = []
    if not repair.is_finished:
        found.append(Obstacle("unfinished", text("The repair is not finished.")))
    if terms is None:
        message = text("Nothing is agreed with a supplier of this model; enter its terms.")
        return [*found, Obstacle("no-terms", message)]
    until = covered_until(repair, terms)
    if until is None:
        message = text("It is not known from which day the supplier answers for the box.")
        found.append(Obstacle("no-start", message))
    elif until < repair.reported_on:
        message = text("The supplier answered for the box until %(day)s.", day=until)
        found.append(Obstacle("expired", message))
    if not lines_of(repair, terms):
        found += left_out(repair, terms) or [_nothing(repair)]
    return found


def _nothing(repair: Repair) -> Obstacle:
    if repair.is_claimed:
        return Obstacle("claimed", text("It is claimed already."))
    return Obstacle("nothing", text("Nothing was done that the supplier pays for."))
