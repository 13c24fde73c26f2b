"""When a box may be given to an account, and passed on."""

from __future__ import annotations

from datetime import datetime

from stb_service.devices.rules import STATUS_NAMES, VERDICTS, Status, obstacles_to_change
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import text

GIVEN_FROM = frozenset({Status.IN_STOCK, Status.REFURB})
"""A box on the shelf; given to an account it is sold, however the account has it."""
WITH_CUSTOMER = frozenset({Status.SOLD, Status.ACTIVE})
"""A box that is taken back from here is in return, until somebody says what becomes of it."""

HELD = Obstacle("held", text("An account has the box already; transfer it, or take it back first."))
NOT_HELD = Obstacle("not-held", text("No account has the box."))
SAME_ACCOUNT = Obstacle("same-account", text("This account has the box already."))
ERASED_ACCOUNT = Obstacle(
    "erased", text("The holder of this account was erased; it is given no box.")
)
STILL_HOLDS = Obstacle(
    "holds-boxes", text("The account still has boxes; take them back or transfer them first.")
)

HELD_BY_CUSTOMER = Obstacle(
    "held", text("An account has the box; take it back before it goes on the shelf.")
)


def obstacles_to_shelving(wanted: str, *, is_held: bool) -> list[Obstacle]:
    """Return why a box may not be marked as on the shelf; empty if it may."""
    return [HELD_BY_CUSTOMER] if is_held and wanted in GIVEN_FROM else []


def _obstacles_of_status(status: str) -> list[Obstacle]:
    if status in VERDICTS and not obstacles_to_change(status):
        message = text("A box that is %(status)s goes to no account.", status=STATUS_NAMES[status])
        return [Obstacle("status", message)]
    return obstacles_to_change(status)


def obstacles_to_giving(status: str, *, is_held: bool, is_erased: bool = False) -> list[Obstacle]:
    """Return why a box may not be given to an account; empty if it may."""
    found = _obstacles_of_status(status)
    found += [HELD] if is_held else []
    return found + ([ERASED_ACCOUNT] if is_erased else [])


def obstacles_to_transfer(
    status: str, *, held_by: int | None, to: int | None = None, is_erased: bool = False
) -> list[Obstacle]:
    """Return why a box may not pass from the account that has it to another; empty if it may."""
    found = _obstacles_of_status(status)
    if held_by is None:
        found.append(NOT_HELD)
    elif held_by == to:
        found.append(SAME_ACCOUNT)
    return found + ([ERASED_ACCOUNT] if is_erased else [])


def obstacles_to_taking_back(*, is_held: bool) -> list[Obstacle]:
    """Return why a box may not be taken back; empty if it may."""
    return [] if is_held else [NOT_HELD]


def overlap(
    since: datetime,
    until: datetime | None,
    other_since: datetime,
    other_until: datetime | None,
    number: str,
) -> Obstacle | None:
    """Return that another account (its number) had a box in some of the same time, if it had. Each
    has it from an instant on, and no longer at the other; without one, still.
    """
    if (other_until is not None and other_until <= since) or (
        until is not None and until <= other_since
    ):
        return None
    if other_until is None:
        message = text(
            "Account %(number)s has had the box since %(since)s.",
            number=number,
            since=other_since.date().isoformat(),
        )
    else:
        message = text(
            "Account %(number)s had the box from %(since)s to %(until)s.",
            number=number,
            since=other_since.date().isoformat(),
            until=other_until.date().isoformat(),
        )
    return Obstacle("overlaps", message)
