"""How phones, mail addresses, names and numbers are read and looked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stb_service.shared.identifiers import Malformed
from stb_service.subscribers.rules import (
    account_number,
    email_key,
    folded,
    name_words,
    phone_key,
    read_country,
    read_currency,
    read_email,
    read_language,
    read_phone,
    read_timezone,
    typed_number,
    typed_words,
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+49 (30) 123-4567", "+49301234567"),
        ("0049 30 1234567", "+49301234567"),
        ("030/123 45 67", "0301234567"),
        ("\u0660\u0661\u0662\u0663\u0664", "01234"),
        ("\uff0b49 30 1234", "+49301234"),
        ("1234", "1234"),
        ("+123456789012345", "+123456789012345"),
    ],
)
def test_a_phone_is_kept_as_its_digits(typed: str, kept: str) -> None:
    assert read_phone(typed) == kept


@pytest.mark.parametrize("typed", ["", "123", "+1234567890123456", "12a45", "1+2345", "++4930123"])
def test_what_is_no_phone_is_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        read_phone(typed)


@pytest.mark.parametrize("typed", ["+49 30 1234567", "030 1234567", "0049301234567", "234567"])
def test_a_phone_is_found_by_its_end_however_it_was_dialled(typed: str) -> None:
    key = phone_key(typed)

    assert key is not None
    assert "+49301234567".endswith(key)


@pytest.mark.parametrize(("typed", "key"), [("123", None), ("0123", None), ("1234", "1234")])
def test_a_phone_is_not_looked_for_below_four_digits(typed: str, key: str | None) -> None:
    assert phone_key(typed) == key


@pytest.mark.parametrize(
    "typed",
    [
        "a@b.c",
        "ada.l+tv@example.co.uk",
        "\u0438\u0432\u0430\u043d@\u043f\u043e\u0447\u0442\u0430.\u0440\u0444",
    ],
)
def test_a_mail_address_is_kept_as_written(typed: str) -> None:
    assert read_email(f" {typed} ") == typed


@pytest.mark.parametrize(
    "typed", ["", "a", "a@b", "@b.c", "a b@c.d", "a@b..c", "a@" + "b" * 252 + ".c"]
)
def test_what_is_no_mail_address_is_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        read_email(typed)


def test_mail_addresses_are_compared_without_case() -> None:
    assert email_key(" Ada@Example.ORG") == email_key("ada@example.org")


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Ada Lovelace", "lovel"),
        ("J\u00fcrgen M\u00fcller-L\u00fcdenscheidt", "ludens"),
        ("Jurgen", "J\u00dcR"),
        (
            "\u0421\u0435\u0440\u0433\u0435\u0439 \u0419\u043e\u0433\u0430\u043d\u0441\u043e\u043d",
            "\u0438\u043e\u0433",
        ),
        ("\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f", "\u0645\u062d\u0645"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940 \u0930\u093e\u092e", "\u0939\u093f\u0928\u094d"),
        ("\u738b\u5c0f\u660e", "\u5c0f\u660e"),
        ("\uff21\uff44\uff41", "ada"),
    ],
)
def test_a_name_is_found_by_the_beginning_of_a_word(name: str, typed: str) -> None:
    (wanted,) = typed_words(typed)

    assert any(word.startswith(wanted) for word in name_words(name))


def test_vowel_signs_of_hindi_tell_words_apart() -> None:
    assert name_words("\u0915\u093f") != name_words("\u0915\u0940")


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(name: str) -> None:
    assert folded(folded(name)) == folded(name)


@given(st.text(max_size=200))
def test_every_word_of_a_name_fits_its_column(name: str) -> None:
    words = name_words(name)

    assert all(0 < len(word) <= 64 for word in words)
    assert len(words) == len(set(words)) <= 40


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("A-000123", "A-000123"),
        ("a123", "A-000123"),
        ("123", "A-000123"),
        (" 0123 ", "A-000123"),
        ("A-1234567", "A-1234567"),
        ("0", None),
        ("A-", None),
        ("B-1", None),
    ],
)
def test_a_number_is_read_however_it_is_typed(typed: str, number: str | None) -> None:
    assert typed_number(typed) == number


@given(st.integers(1, 999_999_999))
def test_a_number_that_was_given_is_read_back(ordinal: int) -> None:
    assert typed_number(account_number(ordinal)) == account_number(ordinal)


def test_currencies_countries_zones_and_languages_are_read_by_their_codes() -> None:
    assert (read_currency("eur"), read_country("de"), read_country("")) == ("EUR", "DE", "")
    assert read_timezone("Asia/Kolkata") == "Asia/Kolkata"
    assert (read_language("EL"), read_language("")) == ("el", None)


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (read_currency, "EUX"),
        (read_currency, ""),
        (read_country, "XX"),
        (read_country, "EU"),
        (read_timezone, "Mars/Olympus"),
        (read_language, "tlh"),
    ],
)
def test_a_code_that_nobody_gave_is_refused(read: object, raw: str) -> None:
    with pytest.raises(Malformed):
        read(raw)  # type: ignore[operator]
