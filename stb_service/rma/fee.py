"""The fee that a customer agrees to when a replacement goes ahead of the box."""

from __future__ import annotations

from dataclasses import dataclass

from stb_service.billing.rules import tax_of


@dataclass(frozen=True)
class Fee:
    """What is to be paid for a box that does not come back, or is not covered.

    `late_credited`: it is credited when a box that is covered comes back late after all.
    """

    net_minor: int
    tax_ppm: int
    currency: str
    late_credited: bool

    @property
    def total_minor(self) -> int:
        """The fee with its tax."""
        return self.net_minor + tax_of(self.net_minor, self.tax_ppm)
