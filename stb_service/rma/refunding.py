"""What a refund does: the price of the box is credited and paid out, once for each case."""

from __future__ import annotations

from collections.abc import Sequence

from stb_service.billing.payments.payouts import refund_box
from stb_service.billing.providers import MANUAL, PROVIDERS, provider_name
from stb_service.rma.acting import Acting
from stb_service.rma.lists import Stated
from stb_service.rma.quoting import subject
from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text


def pay_back(acting: Acting) -> None:
    """Pay the account of a case what was stated, by the provider that was named."""
    case, amount_minor = acting.the_case, acting.facts.refund_minor
    assert case.account is not None
    assert amount_minor is not None
    refund_box(
        acting.session,
        account=case.account.public_id,
        amount_minor=amount_minor,
        currency=case.currency,
        provider=acting.stated.provider,
        key=case.number,
        subject=subject(case),
        reason=case.device.label,
        actor=acting.house,
        now=acting.now,
    )


def payers(configured: str) -> Sequence[tuple[str, Text]]:
    """Return who may pay money back, by name: a person, and the provider of the installation."""
    names = [MANUAL, *(name for name in PROVIDERS if name == configured != MANUAL)]
    return [(name, provider_name(name)) for name in names]


def check_payer(stated: Stated, configured: str) -> Stated:
    """Refuse a provider that is not the installation's.

    Raises:
        Invalid: it is another one.
    """
    names = [name for name, _title in payers(configured)]
    if stated.provider and stated.provider not in names:
        raise Invalid.field("provider", text("One of: %(names)s", names=", ".join(names)))
    return stated
