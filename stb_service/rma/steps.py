"""What a page asks with a step, beyond what its needs say: places, and which faults are meant."""

from __future__ import annotations

from collections.abc import Mapping

from stb_service.parts.rules import LocationKind
from stb_service.rma.needs import Need
from stb_service.rma.other_box import ASIDE
from stb_service.rma.rules import Action
from stb_service.rma.shipping import TAKEN_IN

OF_NEED: Mapping[str, tuple[str, ...]] = {
    Need.REASON: ("reason",),
    Need.SAME_BOX: ("scanned",),
    Need.OTHER_BOX: ("scanned",),
    Need.AHEAD_BACK: ("scanned",),
    Need.PARCEL: ("carrier", "tracking"),
    Need.STRAY_GONE: ("carrier", "tracking"),
    Need.SIGNATURE: ("signed_by",),
}
PLACES_OF: Mapping[str, frozenset[LocationKind]] = {
    **dict.fromkeys(("receive", "accept_other", "swap_at_counter", "swap_at_door"), TAKEN_IN),
    **dict.fromkeys(("approve", "ahead_undelivered", "unclaimed", "restock"), TAKEN_IN),
    "mismatch": ASIDE,
    "scrap": frozenset({LocationKind.SCRAP}),
    "claim": frozenset({LocationKind.SUPPLIER}),
    "supplier_keeps": frozenset({LocationKind.SUPPLIER}),
}
"""Where a box may be put by a step that moves it, or sent by one that asks for it."""
NEEDED_PLACES = frozenset(
    {"receive", "accept_other", "mismatch", "swap_at_counter", "swap_at_door"}
)
QUIET = frozenset({"hold", "resume", "cancel", "reject"})
"""Steps that lead away from what was promised: they do not stand out."""


def asked_with(action: Action) -> tuple[str, ...]:
    """Return the names of the fields that a step asks for, in the order in which they are filled."""
    found = [name for need in action.asks for name in OF_NEED[need]]
    if action.event == "dispute":
        found.append("lines")
    if action.event == "refund":
        found.append("provider")
    if action.event in PLACES_OF:
        found.append("location")
    return tuple(dict.fromkeys(found))


def kinds_of_place(event: str) -> tuple[str, ...]:
    """Return the kinds of the places that a step may put a box at."""
    return tuple(sorted(PLACES_OF.get(event, ())))
