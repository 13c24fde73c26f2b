"""Verbs of repair beside replacement: what each comes to by the terms of the model, and which the
customer chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.rma import comparison
from stb_service.rma.choosing import keep_choice
from stb_service.rma.comparison import Choice, Inputs, Offer
from stb_service.rma.law import Law, law_of
from stb_service.rma.models import Comparison, ModelTerms
from stb_service.rma.money import has_bought, terms_of_model
from stb_service.rma.owners import record
from stb_service.rma.touching import ENDED, touch
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid, NotFound, Obstacle, Refused
from stb_service.shared.i18n import text


def compare_repair(
    session: Session,
    *,
    ref: str,
    parts_minor: int,
    labour_minor: int,
    repair_price_minor: int | None = None,
    more: Mapping[str, Any] | None = None,
    actor: Actor,
    now: datetime,
) -> Comparison:
    """Hold repair and replacement side by side, by the terms of the model; keep what went in and
    what came out. `more` are further inputs of `comparison.Inputs`, but for what is not the
    caller's to say (see `inputs_by_terms`).

    Raises:
        Forbidden: the actor answers for no customers.
        NotFound: there is no such case or order in the actor's scope.
        Invalid: an input is unknown, not the caller's, or below zero.
        Refused: it has ended, or the model has no terms.
    """
    actor.demand("rma.edit")
    case, order = touch(session, ref, actor=actor)
    owner = case or order
    assert owner is not None
    if not (owner.is_live or (order is not None and order.is_live)):
        raise Refused([ENDED])
    terms = terms_of_model(session, owner.device)
    if terms is None:
        message = text("Nothing is known of prices and lives of this model; enter its terms.")
        raise Refused([Obstacle("no-terms", message)])
    law, given = law_of(case), dict(more or {})
    inputs = inputs_by_terms(terms, law, parts_minor, labour_minor, given, now.date())
    result = comparison.compare(inputs)
    price = parts_minor + labour_minor if repair_price_minor is None else repair_price_minor
    kept = comparison.as_data(inputs, result)
    made = Comparison(
        case_id=case.id if case else None,
        order_id=order.id if order else None,
        form=kept["form"],
        inputs=kept["inputs"],
        result=kept["result"],
        offers=offers_by_terms(terms, price, now.date()),
        made_at=now,
        made_by=actor.label[:128],
    )
    session.add(made)
    changes = {"advice": result.advice, "beyond_repair": result.beyond_repair}
    record(session, owner, "compare", changes, actor=actor, now=now)
    return made


NOT_TYPED = frozenset({"currency", "tau_permille", *Law.__dataclass_fields__})
"""What the terms of the model and the law say, whoever compares."""


def inputs_by_terms(
    terms: ModelTerms,
    law: Law,
    parts_minor: int,
    labour_minor: int,
    more: dict[str, Any],
    today: date,
) -> Inputs:
    """Return the inputs of a comparison: what the terms of the model and the law say, and `more`.

    The threshold is a share of what a replacement costs: that may be typed only where the terms of
    the model have no price of it.

    Raises:
        Invalid: one is unknown, is not to be typed, or is below zero.
    """
    ends = terms.supported_until_on or terms.model.end_of_service_on
    later = terms.new_supported_until_on or ends
    known: dict[str, Any] = {
        "currency": terms.currency,
        "parts_minor": parts_minor,
        "labour_minor": labour_minor,
        "repair_freight_minor": 0,
        "handling_minor": 0,
        "repair_goodwill_minor": 0,
        "bounce_permille": 0,
        "second_repair_minor": 0,
        "repaired_life_months": terms.repaired_life_months,
        "repaired_supported_months": _months(today, ends, terms.repaired_life_months),
        "unit_minor": terms.new_minor,
        "salvage_minor": 0,
        "replacement_freight_minor": 0,
        "replacement_goodwill_minor": 0,
        "replacement_life_months": terms.replacement_life_months,
        "replacement_supported_months": _months(today, later, terms.replacement_life_months),
        "tau_permille": terms.tau_permille,
        **asdict(law),
    }
    fixed = NOT_TYPED | ({"unit_minor"} if terms.new_minor else set())
    if barred := {name for name in fixed & set(more) if more[name] != known[name]}:
        message = text("The terms of the model and the law say this, not who compares.")
        raise Invalid(fields={name: [message] for name in sorted(barred)})
    unknown = set(more) - set(Inputs.__dataclass_fields__)
    below = {name for name, value in {**known, **more}.items() if _is_below(value)}
    if unknown or below:
        problems = {name: [text("There is no such input.")] for name in unknown}
        raise Invalid(fields={**problems, **{name: [text("Not below zero.")] for name in below}})
    return Inputs(**{**known, **more})


def _is_below(value: object) -> bool:
    return isinstance(value, int) and value < 0


def _months(today: date, last_day: date | None, otherwise: int) -> int:
    return comparison.months_until(today, last_day) if last_day else otherwise


def offers_by_terms(terms: ModelTerms, repair_minor: int, today: date) -> list[dict[str, Any]]:
    """Return what the customer is shown side by side, with the day until which each is supported."""
    ends = terms.supported_until_on or terms.model.end_of_service_on
    own = ends or comparison.add_months(today, terms.repaired_life_months)
    new = terms.new_supported_until_on or comparison.add_months(
        today, terms.replacement_life_months
    )
    offers = [Offer(Choice.REPAIR, repair_minor, own)]
    if terms.refurbished_minor:
        offers.append(Offer(Choice.REFURBISHED, terms.refurbished_minor, own))
    if terms.new_minor:
        offers.append(Offer(Choice.NEW, terms.new_minor, new))
    return [
        {**asdict(offer), "supported_until_on": offer.supported_until_on.isoformat()}
        for offer in offers
    ]


def choose(
    session: Session,
    *,
    ref: str,
    comparison_ref: str,
    choice: str,
    note: str = "",
    actor: Actor,
    now: datetime,
) -> Comparison:
    """Keep what the customer chose, having seen the comparison.

    Raises:
        Forbidden: the actor answers for no customers.
        NotFound: there is no such case or comparison.
        Invalid: there is no such choice, or it is another than what was quoted and accepted, and
            nothing says how the customer agreed to that.
    """
    actor.demand("rma.edit")
    case, order = touch(session, ref, actor=actor)
    owner = case or order
    assert owner is not None
    key = {"case_id": case.id} if case else {"order_id": owner.id}
    found = session.scalar(select(Comparison).filter_by(**key, public_id=comparison_ref))
    if found is None:
        raise NotFound(text("There is no such comparison."))
    if choice not in set(Choice):
        raise Invalid.field("choice", text("One of: %(names)s", names=", ".join(Choice)))
    if case is not None and not note.strip() and has_bought(session, case):
        message = text("A quote for another box is accepted: say how the customer agreed to this.")
        raise Invalid.field("note", message)
    keep_choice(session, owner, found, choice, note=note, actor=actor, now=now)
    return found
