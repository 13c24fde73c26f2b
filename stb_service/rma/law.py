"""What the law says of repair and replacement, which nobody who compares them may set aside.

A consumer chooses the remedy unless it is impossible or out of proportion (Directive (EU) 2019/771
Article 13(2)). The Directive names no share; this one is the house's. Whoever bought as a business
has what was agreed, and a box of the operator's own is its own to decide on.
"""

from __future__ import annotations

from dataclasses import dataclass

from stb_service.rma.models import ReturnCase

DISPROPORTION_PERMILLE = 1500
"""From so much of what the other remedy costs on, the one that was chosen is out of proportion."""


@dataclass(frozen=True)
class Law:
    """Whether the customer of a case chooses the remedy, and from where on that may be refused."""

    consumer_chooses: bool
    disproportion_permille: int = DISPROPORTION_PERMILLE


def law_of(case: ReturnCase | None) -> Law:
    """Return what the law gives the customer of a case; nobody chooses where there is none."""
    if case is None or case.account is None:
        return Law(consumer_chooses=False)
    return Law(consumer_chooses=case.account.is_of_person and not case.is_rented)
