"""Who takes the customer's money: one interface, and a registry of those that keep to it.

*manual* is a person who records what came; *test* stands in for a bank where nothing is real. A
further provider is a class with the same four members, put into `PROVIDERS`, and named in
`STB_PAYMENT_PROVIDER`. What it tells afterwards comes as notices (`notices`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from stb_service.shared.i18n import Text, text
from stb_service.shared.money import Money

MANUAL, TEST = "manual", "test"
CHECKOUT_HOURS = 24


@dataclass(frozen=True)
class Order:
    """What a customer is to pay. `uid` is our name of the payment: the same order begun twice under
    one uid is one order. `sign(reference, until)` returns a signed word for an address of ours.
    """

    uid: str
    amount: Money
    title: str
    now: datetime
    sign: Callable[[str, datetime], str]


@dataclass(frozen=True)
class Checkout:
    """Where the customer goes to pay, and what the provider calls the payment."""

    reference: str
    path: str


class Provider(Protocol):
    """What every provider can do."""

    title: Text

    def begin(self, order: Order) -> Checkout | None:
        """Begin a payment; None where there is no page to send the customer to."""

    def give_back(self, reference: str, amount: Money, key: str) -> None:
        """Give money back; called at least once for each key, after the refund is written down."""

    def pay_out(self, payee: str, amount: Money, key: str) -> None:
        """Pay money that no payment brought here to an account, by its number; called as often."""


class Manual:
    """A person takes the money and records it; giving back is their business too."""

    title = text("By hand")

    def begin(self, order: Order) -> Checkout | None:
        """Send nobody anywhere."""
        return None

    def give_back(self, reference: str, amount: Money, key: str) -> None:
        """Do nothing: the person who recorded the refund has given the money back."""

    def pay_out(self, payee: str, amount: Money, key: str) -> None:
        """Do nothing: the person who recorded it pays."""


class PretendBank:
    """A bank of our own where nothing is real: its page asks whether the payment shall succeed."""

    title = text("Test, nothing is real")

    def begin(self, order: Order) -> Checkout | None:
        """Send the customer to the page that plays the bank."""
        reference = f"test-{order.uid}"
        word = order.sign(reference, order.now + timedelta(hours=CHECKOUT_HOURS))
        return Checkout(reference, f"/pay/test/{word}")

    def give_back(self, reference: str, amount: Money, key: str) -> None:
        """Do nothing: no money was taken."""

    def pay_out(self, payee: str, amount: Money, key: str) -> None:
        """Do nothing: no money is paid."""


PROVIDERS: dict[str, Provider] = {MANUAL: Manual(), TEST: PretendBank()}


def provider_name(name: str) -> Text:
    """Return what a provider is called; one that only sends notices by its own name."""
    known = PROVIDERS.get(name)
    return known.title if known else Text(name.replace("%", "%%"))
