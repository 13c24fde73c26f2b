"""The money behind a case: how its account stands, and what the terms of its model ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.billing.ledger.operations import zone_of
from stb_service.billing.ledger.queries import balances, credit_before, credited_for, standing_of
from stb_service.billing.models import Quote
from stb_service.billing.rules import QuoteState, Standing, day_in, tax_of
from stb_service.devices.models import Device
from stb_service.rma.facts import Remedy
from stb_service.rma.models import CaseQuote, ModelTerms, ReturnCase
from stb_service.shared.access import EVERYTHING

CASE_SUBJECT = "rma_case"


def money_of(session: Session, case: ReturnCase, now: datetime) -> Standing | None:
    """Return how the money behind a case stands; None where nobody's account is behind it.

    Money that came for the account as a whole pays for the case too: no more is open of it than
    the account owes in all. So does what is to be paid back: a fee or a quote that was paid and is
    credited. Credit that the account had before the case stays its own.
    """
    account = case.account
    if account is None:
        return None
    found = standing_of(
        session,
        kind=CASE_SUBJECT,
        ref=case.public_id,
        account=account,
        today=day_in(zone_of(account, "UTC"), now),
        scope=EVERYTHING,
    )
    owed = balances(session, account, EVERYTHING)[0].minor
    if found.due_minor > 0:
        return replace(found, due_minor=min(found.due_minor, max(0, owed)))
    credited = credited_for(session, account, kind=CASE_SUBJECT, ref=case.public_id)
    if credited <= 0 or owed >= 0:
        return found
    over = max(owed + credit_before(session, account, case.opened_at), -credited)
    return replace(found, due_minor=min(found.due_minor, over))


def terms_of_model(session: Session, device: Device) -> ModelTerms | None:
    """Return what returns of a box's model go by."""
    return session.scalar(select(ModelTerms).where(ModelTerms.model_id == device.model_id))


def price_of(session: Session, case: ReturnCase) -> int:
    """Return what a box costs with tax by the terms of its model, in the money of a case; 0 if that
    is not known.
    """
    terms = terms_of_model(session, case.device)
    if terms is None or terms.currency != case.currency:
        return 0
    return terms.new_minor + tax_of(terms.new_minor, terms.tax_ppm)


def offers_others(terms: ModelTerms, currency: str) -> bool:
    """Tell whether a customer who pays in a currency may buy another box instead of a repair."""
    has_prices = bool(terms.new_minor or terms.refurbished_minor)
    return has_prices and terms.currency == currency


def has_bought(session: Session, case: ReturnCase) -> bool:
    """Tell whether the customer has accepted a quote for another box."""
    found = (
        select(CaseQuote.id)
        .join(Quote, CaseQuote.quote_id == Quote.id)
        .where(
            CaseQuote.case_id == case.id,
            CaseQuote.remedy == Remedy.REPLACE,
            Quote.state == QuoteState.ACCEPTED,
        )
    )
    return session.scalar(found.limit(1)) is not None
