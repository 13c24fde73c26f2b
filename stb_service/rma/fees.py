"""Fees that follow from a verdict by the terms of a model: for a rented box that was damaged, and for
handling where no fault was found. Each is charged once for a case; a model without one charges none.
"""

from __future__ import annotations

from stb_service.billing.ledger.operations import charge_account, credit_account
from stb_service.billing.ledger.queries import entry_by_key
from stb_service.billing.rules import Cause
from stb_service.rma.acting import Acting
from stb_service.rma.money import terms_of_model
from stb_service.rma.papers import tell_due
from stb_service.rma.quoting import subject
from stb_service.rma.verdicts import Outcome, Verdict
from stb_service.shared.documents.papers import DamageFee


def settle_damage(acting: Acting) -> None:
    """Charge what a damaged box of the operator's costs; give it back where the verdict that it was
    charged for no longer stands.
    """
    if not acting.the_case.is_rented:
        return
    if any(line.verdict is Verdict.USER_FAULT for line in acting.facts.lines):
        terms = terms_of_model(acting.session, acting.the_case.device)
        if _charge(acting, Cause.DAMAGE_FEE, terms.damage_minor if terms else 0):
            tell_due(acting.session, acting.the_case, DamageFee, now=acting.now)
    else:
        _give_back(acting, Cause.DAMAGE_FEE)


def charge_handling(acting: Acting) -> None:
    """Charge for a box in which no fault was found."""
    if acting.facts.outcome is Outcome.NFF:
        terms = terms_of_model(acting.session, acting.the_case.device)
        _charge(acting, Cause.HANDLING_FEE, terms.handling_minor if terms else 0)


def _charge(acting: Acting, cause: Cause, net_minor: int) -> bool:
    """Charge a fee, unless it was charged; tell whether it is now."""
    case, session = acting.the_case, acting.session
    terms = terms_of_model(session, case.device)
    if case.account is None or terms is None or not net_minor:
        return False
    if terms.currency != case.account.currency:  # the terms name no fee in the customer's money
        return False
    key = f"{case.number}/{cause}"
    if entry_by_key(session, f"charge:{key}") is not None:
        return False
    charge_account(
        session,
        account=case.account.public_id,
        cause=cause,
        net_minor=net_minor,
        tax_ppm=terms.tax_ppm,
        currency=terms.currency,
        zone="UTC",
        key=key,
        subject=subject(case),
        reason=case.device.label,
        actor=acting.house,
        now=acting.now,
    )
    return True


def _give_back(acting: Acting, cause: Cause) -> None:
    case, session = acting.the_case, acting.session
    key = f"{case.number}/{cause}"
    charged = entry_by_key(session, f"charge:{key}")
    if charged is not None and case.account is not None:
        credit_account(
            session,
            account=case.account.public_id,
            cause=Cause.CORRECTION,
            amount_minor=charged.amount_minor,
            currency=charged.currency,
            key=key,
            subject=subject(case),
            reason=case.device.label,
            actor=acting.house,
            now=acting.now,
        )
