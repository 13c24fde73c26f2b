"""The fee that a customer agrees to for a box that does not come back."""

from __future__ import annotations

from dataclasses import dataclass

from stb_service.billing.rules import tax_of
from stb_service.subscribers.models import Account


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

    def can_be_charged(self, account: Account | None) -> bool:
        """Tell whether it can be charged as agreed: to an account, in its currency."""
        return account is not None and account.currency == self.currency
