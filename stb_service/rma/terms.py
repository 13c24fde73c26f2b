"""Verbs on what returns go by: the terms of a model of box, and how long each wait may take."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.devices.catalogue.queries import find_model, model_by_ref
from stb_service.rma.comparison import DEFAULT_TAU_PERMILLE, PERMILLE
from stb_service.rma.history import Terms
from stb_service.rma.models import ModelTerms, ReturnTerms
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import CURRENCIES, MOST_MINOR

MOST_DAYS = 3650
MOST_MONTHS = 600


class ModelTermsFields(TypedDict, total=False):
    """What can be said of the returns of a model."""

    currency: str
    tau_permille: int
    new_minor: int
    refurbished_minor: int
    unreturned_minor: int
    damage_minor: int
    handling_minor: int
    labour_minor: int
    tax_ppm: int
    may_send_ahead: bool
    late_credited: bool
    repaired_life_months: int
    replacement_life_months: int
    supported_until_on: date | None
    new_supported_until_on: date | None


DEFAULTS: ModelTermsFields = {
    "currency": "EUR",
    "tau_permille": DEFAULT_TAU_PERMILLE,
    "new_minor": 0,
    "refurbished_minor": 0,
    "unreturned_minor": 0,
    "damage_minor": 0,
    "handling_minor": 0,
    "labour_minor": 0,
    "tax_ppm": 0,
    "may_send_ahead": False,
    "late_credited": True,
    "repaired_life_months": 36,
    "replacement_life_months": 60,
    "supported_until_on": None,
    "new_supported_until_on": None,
}
LIMITS = {
    "tau_permille": PERMILLE,
    "new_minor": MOST_MINOR,
    "refurbished_minor": MOST_MINOR,
    "unreturned_minor": MOST_MINOR,
    "damage_minor": MOST_MINOR,
    "handling_minor": MOST_MINOR,
    "labour_minor": MOST_MINOR,
    "tax_ppm": 1_000_000,
    "repaired_life_months": MOST_MONTHS,
    "replacement_life_months": MOST_MONTHS,
}


def set_model_terms(
    session: Session, *, model: str, actor: Actor, now: datetime, **fields: Unpack[ModelTermsFields]
) -> ModelTerms:
    """Set what returns of a model (its code or public id) go by; what is left out stays.

    Raises:
        Forbidden: the actor changes no terms.
        NotFound: there is no such model.
        Invalid: a number or the currency cannot be.
    """
    actor.demand("rma.terms")
    found = find_model(session, model) or model_by_ref(session, model)
    given: dict[str, Any] = {**fields}
    _check(given, LIMITS)
    if given.get("currency", "EUR") not in CURRENCIES:
        raise Invalid.field("currency", text("This is no currency that can be counted."))
    row = session.scalar(select(ModelTerms).where(ModelTerms.model_id == found.id))
    if row is None:
        row = ModelTerms(
            **{**DEFAULTS, **given}, model=found, changed_at=now, changed_by=actor.label[:128]
        )
        session.add(row)
        changes: dict[str, Any] = given
    else:
        lock_row(session, ModelTerms, row.id)
        changes = audit.apply_changes(row, given)
    if changes:
        row.changed_at, row.changed_by = now, actor.label[:128]
        session.flush()
        subject = ("rma_terms", row.public_id, found.code)
        audit.record(
            session, actor=actor, verb="rma_terms.model", subject=subject, changes=changes, now=now
        )
    return row


def _check(given: dict[str, Any], limits: dict[str, int]) -> None:
    problems: dict[str, list[Text]] = {
        name: [text("From 0 to %(most)s.", most=most)]
        for name, most in limits.items()
        if name in given and not 0 <= given[name] <= most
    }
    if problems:
        raise Invalid(fields=problems)


def return_terms(session: Session) -> ReturnTerms | None:
    """Return the row of days that was set; None where the defaults count."""
    return session.get(ReturnTerms, 1)


def set_return_terms(session: Session, *, actor: Actor, now: datetime, **days: int) -> ReturnTerms:
    """Set how many days waits may take; what is left out stays. Cases that wait keep the end that
    was told them until they move.

    Raises:
        Forbidden: the actor changes no terms.
        Invalid: a number cannot be, or there is no such wait.
    """
    actor.demand("rma.terms")
    names = set(Terms.__dataclass_fields__)
    if unknown := set(days) - names:
        raise Invalid(fields={name: [text("There is no such wait.")] for name in sorted(unknown)})
    _check(days, dict.fromkeys(names, MOST_DAYS))
    row = session.get(ReturnTerms, 1)
    if row is None:
        defaults = {name: getattr(Terms(), name) for name in names}
        row = ReturnTerms(
            id=1, **{**defaults, **days}, changed_at=now, changed_by=actor.label[:128]
        )
        session.add(row)
        changes: dict[str, Any] = dict(days)
    else:
        lock_row(session, ReturnTerms, 1)
        changes = dict(audit.apply_changes(row, days))
    if changes:
        row.changed_at, row.changed_by = now, actor.label[:128]
        session.flush()
        subject = ("rma_terms", row.public_id, "1")
        audit.record(
            session, actor=actor, verb="rma_terms.days", subject=subject, changes=changes, now=now
        )
    return row
