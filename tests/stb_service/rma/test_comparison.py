"""Repair or replace: worked examples, boundaries in threes, and what holds for all numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stb_service.rma.comparison import (
    Advice,
    Choice,
    Inputs,
    Offer,
    as_data,
    compare,
    compare_for_customer,
    from_data,
    is_beyond_repair,
    months_until,
    why_sentence,
)

TODAY = date(2026, 3, 2)
KX1 = Inputs(
    currency="EUR",
    parts_minor=900,
    labour_minor=1_200,
    repair_freight_minor=700,
    handling_minor=300,
    repair_goodwill_minor=0,
    bounce_permille=120,
    second_repair_minor=2_500,
    repaired_life_months=30,
    repaired_supported_months=60,
    unit_minor=6_000,
    salvage_minor=500,
    replacement_freight_minor=700,
    replacement_goodwill_minor=0,
    replacement_life_months=48,
    replacement_supported_months=60,
)
"""Parts 9, labour 12, freight 7, handling 3; one in eight comes back; a new box costs 60."""


def offers(repair: int, refurbished: int, new: int, until: int = 2028) -> list[Offer]:
    return [
        Offer(Choice.REPAIR, repair, date(until, 3, 1)),
        Offer(Choice.REFURBISHED, refurbished, date(2028, 3, 1)),
        Offer(Choice.NEW, new, date(2030, 3, 1)),
    ]


@pytest.mark.parametrize(
    ("today", "last", "months"),
    [
        (date(2026, 3, 2), date(2026, 3, 31), 0),
        (date(2026, 3, 2), date(2026, 4, 1), 1),
        (date(2026, 3, 2), date(2026, 4, 2), 1),
        (date(2026, 3, 2), date(2028, 2, 29), 23),
        (date(2026, 3, 2), date(2028, 3, 1), 24),
        (date(2026, 1, 31), date(2026, 2, 26), 0),
        (date(2026, 1, 31), date(2026, 2, 27), 1),
        (date(2024, 1, 31), date(2024, 2, 28), 1),
        (date(2026, 3, 2), date(2020, 1, 1), 0),
    ],
)
def test_months_are_whole_and_the_last_day_is_one_of_them(
    today: date, last: date, months: int
) -> None:
    assert months_until(today, last) == months


def test_the_customer_sees_what_a_month_costs_of_each_offer() -> None:
    found = compare_for_customer(offers(2_400, 3_600, 9_600), TODAY)

    assert [(w.offer.choice, w.months, w.per_month_minor) for w in found.worths] == [
        ("repair", 24, 100),
        ("refurbished", 24, 150),
        ("new", 48, 200),
    ]
    assert found.best == Choice.REPAIR


@pytest.mark.parametrize(
    ("repair", "best"),
    [(3_599, Choice.REPAIR), (3_600, Choice.REPAIR), (3_601, Choice.REFURBISHED)],
)
def test_a_repair_is_worth_it_up_to_the_price_of_the_others_months(
    repair: int, best: Choice
) -> None:
    assert compare_for_customer(offers(repair, 3_600, 9_600), TODAY).best == best


def test_what_is_supported_no_longer_is_worth_no_price() -> None:
    found = compare_for_customer(offers(1, 3_600, 9_600, until=2025), TODAY)

    assert found.worths[0].per_month_minor is None
    assert found.best == Choice.REFURBISHED


def test_nothing_supported_is_nothing_advised() -> None:
    assert compare_for_customer([Offer(Choice.REPAIR, 1, date(2025, 1, 1))], TODAY).best is None


def test_a_plain_repair_is_cheaper_by_the_month() -> None:
    found = compare(KX1)

    # 31.00 and an eighth of 25.00 are 34.00, for 30 months; 62.00 for 48 months
    assert (found.repair_minor, found.repair_per_month_minor) == (3_400, 113)
    assert (found.replacement_minor, found.replacement_per_month_minor) == (6_200, 129)
    assert (found.advice, found.why, found.beyond_repair) == ("repair", "cheaper_months", False)


def test_repairs_that_often_come_back_are_not_worth_their_price() -> None:
    found = compare(replace(KX1, bounce_permille=400))

    assert (found.repair_minor, found.repair_per_month_minor) == (4_100, 137)
    assert found.advice == Advice.REPLACE


@pytest.mark.parametrize(("parts", "beyond"), [(1_399, False), (1_400, False), (1_401, True)])
def test_a_repair_is_given_up_above_tau_of_a_replacements_worth(parts: int, beyond: bool) -> None:
    found = compare(replace(KX1, parts_minor=parts))

    assert (found.limit_minor, found.beyond_repair) == (3_600, beyond)
    assert is_beyond_repair(replace(KX1, parts_minor=parts)) == beyond


def test_what_is_beyond_repair_is_replaced_and_says_the_share() -> None:
    dear = replace(KX1, parts_minor=1_401)

    assert compare(dear).advice == Advice.REPLACE
    assert str(why_sentence(dear, compare(dear))) == (
        "The repair costs more than 60 % of what a replacement is worth."
    )


@pytest.mark.parametrize(
    ("repaired", "replaced", "expected"),
    [
        (0, 60, ("replace", "no_months_repaired")),
        (60, 0, ("repair", "no_months_replaced")),
        (0, 0, ("neither", "no_months")),
    ],
)
def test_a_box_that_is_no_longer_supported_serves_nobody(
    repaired: int, replaced: int, expected: tuple[str, str]
) -> None:
    found = compare(
        replace(KX1, repaired_supported_months=repaired, replacement_supported_months=replaced)
    )

    assert (found.advice, found.why) == expected


@pytest.mark.parametrize(
    ("labour", "expected"),
    [
        (1_199, ("repair", "cheaper_months")),
        (1_200, ("repair", "same")),
        (1_201, ("replace", "cheaper_months")),
    ],
)
def test_months_that_cost_the_same_keep_the_box(labour: int, expected: tuple[str, str]) -> None:
    """31.00 for 24 months against 62.00 for 48."""
    found = compare(replace(KX1, bounce_permille=0, repaired_life_months=24, labour_minor=labour))

    assert (found.advice, found.why) == expected


@pytest.mark.parametrize(("goodwill", "refusable"), [(2_099, False), (2_100, False), (2_101, True)])
def test_a_consumer_chooses_unless_that_costs_out_of_proportion(
    goodwill: int, refusable: bool
) -> None:
    """The repair costs 34.00; a replacement may cost the consumer's choice half as much more."""
    asked = replace(KX1, salvage_minor=3_700, replacement_life_months=40)

    found = compare(replace(asked, replacement_goodwill_minor=goodwill))

    assert (found.advice, found.may_refuse_choice) == ("repair", refusable)


def test_where_the_law_gives_no_choice_the_operator_may_refuse_it() -> None:
    assert compare(replace(KX1, consumer_chooses=False)).may_refuse_choice


MONEY = st.integers(0, 50_000)
MONTHS = st.integers(0, 120)
CASES = st.builds(
    Inputs,
    currency=st.just("EUR"),
    parts_minor=MONEY,
    labour_minor=MONEY,
    repair_freight_minor=MONEY,
    handling_minor=MONEY,
    repair_goodwill_minor=MONEY,
    bounce_permille=st.integers(0, 1_000),
    second_repair_minor=MONEY,
    repaired_life_months=MONTHS,
    repaired_supported_months=MONTHS,
    unit_minor=MONEY,
    salvage_minor=MONEY,
    replacement_freight_minor=MONEY,
    replacement_goodwill_minor=MONEY,
    replacement_life_months=MONTHS,
    replacement_supported_months=MONTHS,
    tau_permille=st.integers(1, 2_000),
    consumer_chooses=st.booleans(),
)


@given(CASES)
def test_what_is_kept_is_what_was_found(inputs: Inputs) -> None:
    kept = json.loads(json.dumps(as_data(inputs, compare(inputs))))

    assert from_data(kept) == (inputs, compare(inputs))


@given(CASES, st.integers(1, 10_000))
def test_a_dearer_repair_is_never_advised_where_a_cheaper_was_not(
    inputs: Inputs, more: int
) -> None:
    dearer = compare(replace(inputs, parts_minor=inputs.parts_minor + more))

    assert not (compare(inputs).advice == Advice.REPLACE and dearer.advice == Advice.REPAIR)
    assert dearer.beyond_repair >= compare(inputs).beyond_repair


@given(CASES, st.integers(1, 60))
def test_longer_support_never_speaks_against_the_repair(inputs: Inputs, more: int) -> None:
    longer = replace(inputs, repaired_supported_months=inputs.repaired_supported_months + more)
    was, now = compare(inputs), compare(longer)

    assert not (was.advice == Advice.REPAIR and now.advice == Advice.REPLACE)


@given(CASES)
def test_every_advice_has_its_sentence(inputs: Inputs) -> None:
    assert str(why_sentence(inputs, compare(inputs))).endswith(".")


@given(CASES, st.integers(2, 9))
def test_the_advice_knows_no_currency(inputs: Inputs, factor: int) -> None:
    scaled = {
        name: getattr(inputs, name) * factor
        for name in Inputs.__dataclass_fields__
        if name.endswith("_minor")
    }

    found, same = compare(inputs), compare(replace(inputs, **scaled))

    assert (found.advice, found.why) == (same.advice, same.why)
