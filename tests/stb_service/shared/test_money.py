"""Money: decimals of currencies, what is typed, what is shown, rounding and splitting."""

from __future__ import annotations

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import speaking, text
from stb_service.shared.money import (
    CURRENCIES,
    MOST_MINOR,
    Money,
    decimals,
    plain_amount,
    read_amount,
    rounded_share,
    split_amount,
)


@pytest.mark.parametrize(
    ("currency", "places"),
    [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("HUF", 2), ("IQD", 3), ("ISK", 0)],
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, places: int) -> None:
    assert decimals(currency) == places


@pytest.mark.parametrize("code", ["", "eur", "XXX", "XAU", "ABC", "EURO"])
def test_what_is_no_currency_has_none(code: str) -> None:
    with pytest.raises(KeyError):
        decimals(code)


def test_the_table_agrees_with_cldr_but_for_what_shops_leave_out() -> None:
    more = {code for code in CURRENCIES if get_currency_precision(code) > decimals(code)}

    assert more <= {"BYR", "CLP", "UYI"}


@pytest.mark.parametrize(
    ("minor", "currency", "words"),
    [
        (123456, "EUR", "€1,234.56"),
        (5, "JPY", "¥5"),
        (1250, "KWD", "KWD1.250"),
        (-50, "USD", "-$0.50"),
    ],
)
def test_an_amount_is_said_with_its_currency(minor: int, currency: str, words: str) -> None:
    assert str(Money(minor, currency)) == words


def test_an_amount_is_said_in_the_readers_language() -> None:
    with speaking("ar", "UTC"):
        said = str(text("%(amount)s", amount=Money(123456, "EUR")))

    assert "€" in said
    assert said != "€1,234.56"


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("12.50", "EUR", 1250),
        ("12,5", "EUR", 1250),
        (" 12 ", "EUR", 1200),
        ("1\u00a0234.5", "EUR", 123450),
        ("1.250", "KWD", 1250),
        ("7", "JPY", 7),
        ("\u0661\u0662\u066b\u0665\u0660", "EUR", 1250),
        ("0", "EUR", 0),
        ("10000000000", "EUR", MOST_MINOR),
    ],
)
def test_a_typed_amount_is_read(typed: str, currency: str, minor: int) -> None:
    assert read_amount(typed, currency, field="amount") == minor


@pytest.mark.parametrize(
    ("typed", "currency"),
    [
        ("", "EUR"),
        ("-1", "EUR"),
        ("1,234", "EUR"),
        ("1.234,50", "EUR"),
        ("12.505", "EUR"),
        ("1.5", "JPY"),
        ("1e3", "EUR"),
        ("NaN", "EUR"),
        ("10000000000.01", "EUR"),
        ("9" * 400, "EUR"),
    ],
)
def test_what_could_mean_two_things_or_nothing_is_refused(typed: str, currency: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_amount(typed, currency, field="amount")
    assert list(refusal.value.fields) == ["amount"]


@pytest.mark.parametrize("code", ["ZZZ", "eur", "", "SSAA"])
def test_an_amount_of_no_currency_is_refused(code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_amount("1", code, field="price")

    assert list(refusal.value.fields) == ["currency"]


@given(st.integers(0, MOST_MINOR), st.sampled_from(sorted(CURRENCIES)))
def test_what_a_form_shows_is_read_back(minor: int, currency: str) -> None:
    assert read_amount(plain_amount(minor, currency), currency, field="amount") == minor


@pytest.mark.parametrize(
    ("amount", "ppm", "share"),
    [(249, 10_000, 2), (250, 10_000, 3), (251, 10_000, 3), (0, 190_000, 0), (100, 1_000_000, 100)],
)
def test_half_a_minor_unit_is_rounded_up(amount: int, ppm: int, share: int) -> None:
    assert rounded_share(amount, ppm, 1_000_000) == share


def test_the_largest_remainder_gets_the_minor_unit() -> None:
    assert split_amount(100, [1, 1, 1]) == [34, 33, 33]
    assert split_amount(10, [3, 3, 1]) == [4, 4, 2]
    assert split_amount(1, [1, 5]) == [0, 1]


@given(st.integers(0, MOST_MINOR), st.lists(st.integers(0, 10**9), min_size=1, max_size=9))
def test_the_parts_sum_to_the_whole_and_are_off_by_less_than_one(
    whole: int, weights: list[int]
) -> None:
    total = sum(weights) or 1
    weights = weights if sum(weights) else [1, *weights[1:]]

    parts = split_amount(whole, weights)

    assert sum(parts) == whole
    assert all(
        abs(part * total - whole * weight) < total
        for part, weight in zip(parts, weights, strict=True)
    )


@pytest.mark.parametrize(("whole", "weights"), [(1, [0, 0]), (-1, [1]), (1, [2, -1])])
def test_nothing_is_split_by_no_weight(whole: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split_amount(whole, weights)
