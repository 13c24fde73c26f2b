"""Repair or replace: what each costs for every month that the box will still serve.

The customer's question is what a month of service costs, repaired or bought; the operator's is
the same with the second repair that some first ones bring, and with what a taken-back box is
worth (reference of the trade's rules, 2.8). Whole numbers throughout: money in integer minor
units of one currency, shares in permille, lives in months; nothing is rounded before it is
compared.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any

from stb_service.shared.i18n import Text, text

PERMILLE = 1000
DEFAULT_TAU_PERMILLE = 600
FORM = 1
"""The form in which a comparison is kept."""


def add_months(day: date, months: int) -> date:
    """Return the same day so many months later, or the last one of a month that is too short."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def months_until(today: date, last_day: date) -> int:
    """Return the whole months from today to the last day, that day being one of them."""
    after = last_day + timedelta(days=1)
    months = (after.year - today.year) * 12 + after.month - today.month
    if months > 0 and add_months(today, months) > after:
        months -= 1
    return max(0, months)


# the customer's side


class Choice(StrEnum):
    """What a customer may do about a broken box."""

    REPAIR = "repair"
    REFURBISHED = "refurbished"
    NEW = "new"


CHOICE_NAMES: Mapping[str, Text] = {
    Choice.REPAIR: text("Repair"),
    Choice.REFURBISHED: text("A refurbished box"),
    Choice.NEW: text("A new box"),
}


@dataclass(frozen=True)
class Offer:
    """What one choice costs the customer, and until when it will be supported."""

    choice: Choice
    price_minor: int
    supported_until_on: date


@dataclass(frozen=True)
class Worth:
    """An offer with the months that it buys, and what one of them costs."""

    offer: Offer
    months: int

    @property
    def per_month(self) -> Fraction | None:
        """The exact price of a month; None where there is none to come."""
        return Fraction(self.offer.price_minor, self.months) if self.months else None

    @property
    def per_month_minor(self) -> int | None:
        """The price of a month as it is shown."""
        return _rounded(self.per_month)


@dataclass(frozen=True)
class ForCustomer:
    """The offers side by side, and the one whose months are the cheapest."""

    worths: Sequence[Worth]
    best: Choice | None


def compare_for_customer(offers: Sequence[Offer], today: date) -> ForCustomer:
    """Return what each offer is worth. Of two that are worth the same, the box is kept."""
    order = list(Choice)
    worths = sorted(
        (Worth(offer, months_until(today, offer.supported_until_on)) for offer in offers),
        key=lambda worth: order.index(worth.offer.choice),
    )
    priced = [(per_month, worth) for worth in worths if (per_month := worth.per_month) is not None]
    best = min(priced, key=lambda pair: pair[0])[1].offer.choice if priced else None
    return ForCustomer(tuple(worths), best)


# the operator's side


@dataclass(frozen=True)
class Inputs:
    """What the operator's comparison stands on.

    `second_repair_minor` is what a repair costs that comes back; `bounce_permille` how many do.
    Lives are expected months of service; `supported` ones are the months until the model's
    support ends, after which a box serves nobody. `goodwill_minor` is what a replacement or a
    repair costs beside the bench: a price reduction, service missed under an agreement.
    """

    currency: str
    parts_minor: int
    labour_minor: int
    repair_freight_minor: int
    handling_minor: int
    repair_goodwill_minor: int
    bounce_permille: int
    second_repair_minor: int
    repaired_life_months: int
    repaired_supported_months: int
    unit_minor: int
    salvage_minor: int
    replacement_freight_minor: int
    replacement_goodwill_minor: int
    replacement_life_months: int
    replacement_supported_months: int
    tau_permille: int = DEFAULT_TAU_PERMILLE
    consumer_chooses: bool = True
    disproportion_permille: int = 1500


class Advice(StrEnum):
    """What the comparison comes to."""

    REPAIR = "repair"
    REPLACE = "replace"
    NEITHER = "neither"


ADVICE_NAMES: Mapping[str, Text] = {
    Advice.REPAIR: text("Repair"),
    Advice.REPLACE: text("Replace"),
    Advice.NEITHER: text("Neither: support ends before either would serve"),
}
WHY: Mapping[str, Text] = {
    "beyond_repair": text(
        "The repair costs more than %(share)s %% of what a replacement is worth."
    ),
    "cheaper_months": text("Its months of service cost less."),
    "same": text("Its months of service cost the same, and the box is kept."),
    "no_months_repaired": text("The repaired box would not be supported for another month."),
    "no_months_replaced": text("The replacement would not be supported for another month."),
    "no_months": text("Neither would be supported for another month."),
}


@dataclass(frozen=True)
class Result:
    """What the operator's comparison comes to. The law comes first: a consumer may choose the
    remedy that is not advised, unless it costs out of proportion (`may_refuse_choice`).
    """

    repair_minor: int
    repair_months: int
    repair_per_month_minor: int | None
    replacement_minor: int
    replacement_months: int
    replacement_per_month_minor: int | None
    limit_minor: int
    beyond_repair: bool
    advice: str
    why: str
    may_refuse_choice: bool


def repair_cost_minor(inputs: Inputs) -> int:
    """Return what this repair costs, without the one that may follow: what tau is held against."""
    return (
        inputs.parts_minor
        + inputs.labour_minor
        + inputs.repair_freight_minor
        + inputs.handling_minor
    )


def is_beyond_repair(inputs: Inputs) -> bool:
    """Tell whether the repair costs more than tau of what a replacement is worth."""
    return repair_cost_minor(inputs) * PERMILLE > inputs.tau_permille * inputs.unit_minor


def expected_repair(inputs: Inputs) -> Fraction:
    """Return the expected cost of the repair, with the share of those that come back."""
    again = Fraction(inputs.bounce_permille * inputs.second_repair_minor, PERMILLE)
    return repair_cost_minor(inputs) + inputs.repair_goodwill_minor + again


def expected_replacement(inputs: Inputs) -> Fraction:
    """Return the cost of a replacement, less what the old box is still worth."""
    return Fraction(
        inputs.unit_minor
        - inputs.salvage_minor
        + inputs.replacement_freight_minor
        + inputs.replacement_goodwill_minor
    )


def compare(inputs: Inputs) -> Result:
    """Return what repair and replacement cost for each month of service, and what to do."""
    repair, replacement = expected_repair(inputs), expected_replacement(inputs)
    repaired = min(inputs.repaired_life_months, inputs.repaired_supported_months)
    replaced = min(inputs.replacement_life_months, inputs.replacement_supported_months)
    by_repair = repair / repaired if repaired else None
    by_replacement = replacement / replaced if replaced else None
    condemned = is_beyond_repair(inputs)
    advice, why = _advice(by_repair, by_replacement, condemned=condemned)
    return Result(
        repair_minor=_whole(repair),
        repair_months=repaired,
        repair_per_month_minor=_rounded(by_repair),
        replacement_minor=_whole(replacement),
        replacement_months=replaced,
        replacement_per_month_minor=_rounded(by_replacement),
        limit_minor=inputs.tau_permille * inputs.unit_minor // PERMILLE,
        beyond_repair=condemned,
        advice=advice,
        why=why,
        may_refuse_choice=_may_refuse(inputs, repair, replacement, advice),
    )


def _advice(
    by_repair: Fraction | None, by_replacement: Fraction | None, *, condemned: bool
) -> tuple[Advice, str]:
    if by_repair is None and by_replacement is None:
        return Advice.NEITHER, "no_months"
    if by_replacement is None:
        return Advice.REPAIR, "no_months_replaced"
    if by_repair is None:
        return Advice.REPLACE, "no_months_repaired"
    if condemned:
        return Advice.REPLACE, "beyond_repair"
    if by_repair == by_replacement:
        return Advice.REPAIR, "same"
    cheaper = Advice.REPAIR if by_repair < by_replacement else Advice.REPLACE
    return cheaper, "cheaper_months"


def _may_refuse(inputs: Inputs, repair: Fraction, replacement: Fraction, advice: Advice) -> bool:
    """Tell whether a consumer who wants the other remedy may be refused it."""
    if advice is Advice.NEITHER or not inputs.consumer_chooses:
        return True
    wanted, advised = (replacement, repair) if advice is Advice.REPAIR else (repair, replacement)
    return wanted * PERMILLE > inputs.disproportion_permille * max(advised, Fraction(0))


def why_sentence(inputs: Inputs, result: Result) -> Text:
    """Return the reason of the advice in a sentence."""
    sentence = WHY[result.why]
    values = {"share": inputs.tau_permille // 10} if result.why == "beyond_repair" else {}
    return Text(sentence.msgid, values)


def as_data(inputs: Inputs, result: Result) -> dict[str, Any]:
    """Return a comparison as it is kept beside the decision."""
    return {"form": FORM, "inputs": asdict(inputs), "result": asdict(result)}


def from_data(data: Mapping[str, Any]) -> tuple[Inputs, Result]:
    """Return a comparison that was kept: what was known then, not what would be found today."""
    return Inputs(**data["inputs"]), Result(**data["result"])


def _whole(amount: Fraction) -> int:
    """Return the nearest whole number; a half goes away from nought."""
    doubled = abs(amount) * 2
    nearest = int((doubled + 1) // 2)
    return nearest if amount >= 0 else -nearest


def _rounded(amount: Fraction | None) -> int | None:
    return None if amount is None else _whole(amount)
