"""What a box may be and become, and what it can do: enums, transitions, capabilities, tags."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import Text, text
from stb_service.shared.identifiers import Malformed


class Status(StrEnum):
    """Where a box is in its life."""

    IN_STOCK = "in_stock"
    SOLD = "sold"
    ACTIVE = "active"
    IN_RMA = "in_rma"
    QUARANTINED = "quarantined"
    REFURB = "refurb"
    SCRAPPED = "scrapped"
    LOST = "lost"
    REPLACED = "replaced"


STATUS_NAMES: Mapping[str, Text] = {
    Status.IN_STOCK: text("In stock"),
    Status.SOLD: text("Sold"),
    Status.ACTIVE: text("Active"),
    Status.IN_RMA: text("In return"),
    Status.QUARANTINED: text("Quarantined"),
    Status.REFURB: text("Refurbished"),
    Status.SCRAPPED: text("Scrapped"),
    Status.LOST: text("Lost"),
    Status.REPLACED: text("Replaced"),
}
STATUS_COLOURS: Mapping[str, str] = {
    Status.IN_STOCK: "blue",
    Status.SOLD: "purple",
    Status.ACTIVE: "green",
    Status.IN_RMA: "orange",
    Status.QUARANTINED: "yellow",
    Status.REFURB: "blue",
    Status.SCRAPPED: "grey",
    Status.LOST: "red",
    Status.REPLACED: "grey",
}

GONE = frozenset({Status.SCRAPPED, Status.LOST})
"""What a box is that is counted nowhere any more."""
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.IN_STOCK: frozenset(
        {Status.SOLD, Status.ACTIVE, Status.IN_RMA, Status.QUARANTINED}
        | {Status.LOST, Status.SCRAPPED}
    ),
    Status.SOLD: frozenset(
        {Status.IN_STOCK, Status.ACTIVE, Status.IN_RMA, Status.QUARANTINED}
        | {Status.LOST, Status.SCRAPPED}
    ),
    Status.ACTIVE: frozenset(
        {Status.IN_STOCK, Status.SOLD, Status.IN_RMA, Status.QUARANTINED}
        | {Status.LOST, Status.SCRAPPED}
    ),
    Status.IN_RMA: frozenset(
        {Status.SOLD, Status.ACTIVE, Status.REFURB, Status.REPLACED, Status.QUARANTINED}
        | {Status.LOST, Status.SCRAPPED}
    ),
    Status.QUARANTINED: frozenset(
        {Status.IN_STOCK, Status.ACTIVE, Status.IN_RMA, Status.REFURB, Status.SCRAPPED}
    ),
    Status.REFURB: frozenset(
        {Status.IN_STOCK, Status.SOLD, Status.ACTIVE, Status.IN_RMA, Status.QUARANTINED}
        | {Status.LOST, Status.SCRAPPED}
    ),
    Status.LOST: frozenset(
        {Status.IN_STOCK, Status.ACTIVE, Status.IN_RMA, Status.QUARANTINED, Status.SCRAPPED}
    ),
    Status.REPLACED: frozenset(
        {Status.IN_STOCK, Status.REFURB, Status.QUARANTINED, Status.SCRAPPED}
    ),
    Status.SCRAPPED: frozenset(),
}
RETIRED = frozenset({Status.SCRAPPED})
"""A retired box is no longer current: its identifiers are free, and it is served no firmware."""


class Tenure(StrEnum):
    """How the subscriber has the box; a box that was never given out has none."""

    SOLD = "sold"
    RENTED = "rented"
    ON_LOAN = "on_loan"


TENURE_NAMES: Mapping[str, Text] = {
    Tenure.SOLD: text("Sold"),
    Tenure.RENTED: text("Rented"),
    Tenure.ON_LOAN: text("On loan"),
}


class CapabilityKind(StrEnum):
    """What a capability is about."""

    CODEC = "codec"
    PROTECTION = "protection"


CAPABILITY_KIND_NAMES: Mapping[str, Text] = {
    CapabilityKind.CODEC: text("Codec"),
    CapabilityKind.PROTECTION: text("Content protection"),
}


def obstacles_to_status(current: str, wanted: str) -> list[Obstacle]:
    """Return why a box may not go from one status to another; empty if it may."""
    if wanted in TRANSITIONS[Status(current)]:
        return []
    names = {"current": STATUS_NAMES[current], "wanted": STATUS_NAMES[wanted]}
    if current == wanted:
        message = text("The box is %(current)s already.", **names)
    elif current in RETIRED:
        message = text("A scrapped box stays scrapped; register what replaced it.")
    else:
        message = text("A box goes from %(current)s to %(wanted)s by no step.", **names)
    return [Obstacle("status", message)]


SELLER_STATUSES = frozenset({Status.IN_STOCK, Status.SOLD, Status.IN_RMA})
"""What a dealer or a service centre may make of a box: in stock, sold, taken back."""
VERDICTS = frozenset({Status.QUARANTINED, Status.LOST, Status.REPLACED, Status.SCRAPPED})
"""What the operator alone says of a box, and alone takes back."""
NOT_IN_CUSTODY = Obstacle("custody", text("The box is not in the custody of your organisation."))


def obstacles_to_seller(current: str, wanted: str, *, has_custody: bool) -> list[Obstacle]:
    """Return why a dealer or a service centre may not move a box on so; empty if they may."""
    found = [] if has_custody else [NOT_IN_CUSTODY]
    if current in VERDICTS:
        message = text(
            "The operator marked the box as %(status)s; only the operator moves it on.",
            status=STATUS_NAMES[current],
        )
        found.append(Obstacle("operator", message))
    elif wanted not in SELLER_STATUSES:
        message = text("Only the operator marks a box as %(status)s.", status=STATUS_NAMES[wanted])
        found.append(Obstacle("operator", message))
    return found


def obstacles_to_handing_over(custodian: int | None, own: int | None) -> list[Obstacle]:
    """Return why people of an organisation (`own`; None for the operator) may not say who holds
    a box: another organisation has it. What a customer has, its seller may take back.
    """
    return [] if own is None or custodian in {None, own} else [NOT_IN_CUSTODY]


def obstacles_to_change(status: str, *, has_custody: bool = True) -> list[Obstacle]:
    """Return why a box may not be changed; empty if it may."""
    if status in RETIRED:
        return [Obstacle("retired", text("A scrapped box is history and is changed no more."))]
    return [] if has_custody else [NOT_IN_CUSTODY]


def next_statuses(current: str, *, of_seller: bool = False) -> list[Status]:
    """Return the statuses that may follow, in the order of a box's life.

    A dealer or a service centre has fewer (`obstacles_to_seller`).
    """
    allowed = TRANSITIONS[Status(current)]
    if of_seller:
        allowed &= SELLER_STATUSES if current not in VERDICTS else frozenset()
    return [status for status in Status if status in allowed]


@dataclass(frozen=True, order=True)
class Capability:
    """Something a box can decode or unlock, with its profile, level or security level."""

    kind: str
    name: str
    detail: str = ""


CODEC_ALIASES = {
    "h265": "hevc",
    "avc": "h264",
    "mpeg4avc": "h264",
    "av01": "av1",
    "mpeg2video": "mpeg2",
    "h262": "mpeg2",
    "h266": "vvc",
    "dolbydigital": "ac3",
    "ddplus": "eac3",
}


def capability_name(raw: str) -> str:
    """Return the one spelling of a codec or protection (`H.265` and `HEVC` are `hevc`).

    Raises:
        Malformed: nothing is left, or too much.
    """
    folded = "".join(c for c in unicodedata.normalize("NFKC", raw).casefold() if c.isalnum())
    if not 1 <= len(folded) <= 32:
        raise Malformed(text("A capability has a name of 1 to 32 letters and digits."))
    return CODEC_ALIASES.get(folded, folded)


def effective_capabilities(
    of_model: Iterable[Capability], overrides: Iterable[tuple[Capability, bool]]
) -> list[Capability]:
    """Return what a box can do: its model's capabilities, changed by its own overrides.

    An override that is present replaces the model's entry of the same kind and name.
    """
    found = {(c.kind, c.name): c for c in of_model}
    for capability, present in overrides:
        found.pop((capability.kind, capability.name), None)
        if present:
            found[capability.kind, capability.name] = capability
    return sorted(found.values())


TAG = re.compile(r"\w[\w.:-]{0,31}")


def normalise_tag(raw: str) -> str:
    """Return the one spelling of a tag: lower case, inner spaces as dashes.

    Raises:
        Malformed: it is empty, too long, or holds other than letters, digits, `_ . : -`.
    """
    tag = "-".join(unicodedata.normalize("NFKC", raw).lower().split())
    if not TAG.fullmatch(tag):
        raise Malformed(
            text("A tag has 1 to 32 letters, digits, dashes, dots; not %(raw)r.", raw=raw)
        )
    return tag


FIELD_NAMES: dict[str, Text] = {
    "serial": text("Serial"),
    "maker": text("Maker"),
    "mac_ethernet": text("Ethernet MAC"),
    "mac_wifi": text("Wi-Fi MAC"),
    "model": text("Model"),
    "revision": text("Revision"),
    "batch": text("Batch"),
    "external_id": text("Id elsewhere"),
    "tenure": text("Tenure"),
    "status": text("Status"),
    "seller": text("Seller"),
    "custodian": text("Held by"),
    "holder": text("Holder"),
    "reason": text("Reason"),
    "made_on": text("Made on"),
    "shipped_on": text("Shipped on"),
    "sold_on": text("Sold on"),
    "activated_on": text("First ran on"),
    "tags": text("Tags"),
    "notes": text("Notes"),
}


def field_name(name: str) -> str:
    """Return what people call a field of a box; of one without a name, its own words."""
    known = FIELD_NAMES.get(name) or FIELD_NAMES.get(name.removesuffix("_id"))
    return str(known) if known else name.removesuffix("_id").replace("_", " ")
