"""The fee for a box that does not come back, be it that a replacement went ahead or that it is the
operator's: frozen as it was agreed, charged, and given back.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.billing.ledger.operations import charge_account, credit_account, credit_charge
from stb_service.billing.ledger.queries import entry_by_key
from stb_service.billing.rules import Cause
from stb_service.rma.acting import Acting
from stb_service.rma.cases import CaseState
from stb_service.rma.fee import Fee
from stb_service.rma.lookups import live_exchange
from stb_service.rma.models import ReturnCase, Statement
from stb_service.rma.money import CASE_SUBJECT, terms_of_model
from stb_service.rma.verdicts import Outcome
from stb_service.shared.errors import Obstacle, Refused
from stb_service.shared.i18n import text

FEE_AGREED = "fee_agreed"


FEE_STANDS = Obstacle(
    "fee-stands",
    text("The fee is agreed while only the box is waited for; what was agreed stands."),
)
BEFORE = frozenset({CaseState.REQUESTED, CaseState.AUTHORISED})
"""Where the customer may still agree to a fee, or take that back."""


def _fee_now(session: Session, case: ReturnCase) -> Fee | None:
    """Return what the terms of the box ask for today; None where they ask for nothing."""
    terms = terms_of_model(session, case.device)
    if terms is None or not terms.unreturned_minor:
        return None
    return Fee(terms.unreturned_minor, terms.tax_ppm, terms.currency, terms.late_credited)


def agreed_fee(session: Session, case: ReturnCase) -> Fee | None:
    """Return the fee as it was when the customer agreed to it last; None without one."""
    row = session.scalar(
        select(Statement)
        .where(Statement.case_id == case.id, Statement.kind == FEE_AGREED)
        .order_by(Statement.id.desc())
        .limit(1)
    )
    return row.fee if row is not None and row.stands else None


def frozen(session: Session, case: ReturnCase) -> dict[str, Any]:
    """Return what a statement keeps of the fee that is agreed to now; nothing where there is none.

    Raises:
        Refused: the replacement has left, or the fee was charged; what was agreed before stands.
    """
    if case.state not in BEFORE:
        raise Refused([FEE_STANDS])
    fee = _fee_now(session, case)
    if fee is None:
        return {}
    return {
        "amount_minor": fee.net_minor,
        "fee_tax_ppm": fee.tax_ppm,
        "fee_currency": fee.currency,
        "late_credited": fee.late_credited,
    }


def _key(acting: Acting) -> str:
    """Return the key of the fee: one for each replacement that went ahead, one for the box itself."""
    case = acting.the_case
    if not acting.facts.sent_ahead:
        return f"{case.number}/{Cause.UNRETURNED_FEE}"
    given = live_exchange(acting.session, case)
    return f"{case.number}/advance-fee/{given.public_id if given else ''}"


def charge(acting: Acting) -> None:
    """Charge the fee that was agreed: once for a replacement, once for a box that none replaced."""
    case = acting.the_case
    fee = agreed_fee(acting.session, case)
    assert fee is not None
    assert case.account is not None
    charge_account(
        acting.session,
        account=case.account.public_id,
        cause=Cause.ADVANCE_FEE if acting.facts.sent_ahead else Cause.UNRETURNED_FEE,
        net_minor=fee.net_minor,
        tax_ppm=fee.tax_ppm,
        currency=fee.currency,
        zone="UTC",
        key=_key(acting),
        subject=(CASE_SUBJECT, case.public_id, case.number),
        actor=acting.house,
        now=acting.now,
    )


def give_back(acting: Acting) -> None:
    """Credit the fee, if it was charged."""
    credit_charge(
        acting.session,
        key=_key(acting),
        reason=acting.reference,
        actor=acting.house,
        now=acting.now,
    )


def write_off(acting: Acting) -> None:
    """Credit what is open of the fee: nobody waits for it any more."""
    case = acting.the_case
    charged = entry_by_key(acting.session, f"charge:{_key(acting)}")
    still_open = acting.facts.balance_minor
    if charged is None or case.account is None or still_open <= 0:
        return
    credit_account(
        acting.session,
        account=case.account.public_id,
        cause=Cause.CORRECTION,
        amount_minor=min(still_open, charged.amount_minor),
        currency=charged.currency,
        key=_key(acting),
        subject=(CASE_SUBJECT, case.public_id, case.number),
        reason=acting.stated.reason,
        actor=acting.house,
        now=acting.now,
    )


def settle(acting: Acting) -> None:
    """Credit a fee that was charged for a box that came back late after all, or was lost on its way,
    if that was agreed. What is not covered stays charged.
    """
    fee = agreed_fee(acting.session, acting.the_case)
    if acting.facts.outcome is not Outcome.BILLABLE and fee is not None and fee.late_credited:
        give_back(acting)


def come_late(acting: Acting) -> None:
    """Credit a fee that was charged for a rented box which comes late after all, if that was agreed.
    Where a replacement went ahead, the verdict comes first: `settle`.
    """
    if acting.facts.sent_ahead or not acting.facts.fee_charged:
        return
    fee = agreed_fee(acting.session, acting.the_case)
    if fee is not None and fee.late_credited:
        give_back(acting)


def drop(acting: Acting) -> None:
    """Credit a fee that was charged for a rented box which the case waits for no longer."""
    if acting.facts.fee_charged and not acting.facts.sent_ahead:
        give_back(acting)
