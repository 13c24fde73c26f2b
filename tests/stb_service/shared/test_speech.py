"""What customers read: their languages, and the texts that each of them has."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest
from babel.messages.pofile import read_po

from stb_service.shared.assets import CUSTOMERS, LOCALE, extract_customers, untranslated
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, LANGUAGES, speaking
from stb_service.shared.speech import customer_text, minor_digits, speech

pytestmark = pytest.mark.xdist_group("texts")  # the code is searched for them once
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%")
TRANSLATED = [code for code in CUSTOMER_LANGUAGES if code != "en"]


def test_customers_have_their_languages_and_staff_theirs() -> None:
    assert list(CUSTOMER_LANGUAGES) == ["en", "ar", "el", "hi", "vi"]
    assert list(LANGUAGES) == ["en", "ar"]


# The catalogues


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_for_customers_is_translated(language: str) -> None:
    assert untranslated(language, domain=CUSTOMERS) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_places_of_its_text_and_no_other(language: str) -> None:
    wrong = [
        (english, words)
        for english, words in catalogue(language).items()
        if Counter(PLACEHOLDER.findall(english)) != Counter(PLACEHOLDER.findall(words))
        or (english != english.strip()) != (words != words.strip())
    ]

    assert wrong == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_text_was_left_in_english(language: str) -> None:
    assert {e for e, words in catalogue(language).items() if e == words} == set()


@pytest.mark.parametrize(
    ("language", "others"),
    [
        ("ar", "[\u0370-\u03ff\u0900-\u097f]"),
        ("el", "[\u0600-\u06ff\u0900-\u097f]"),
        ("hi", "[\u0600-\u06ff\u0370-\u03ff]"),
        ("vi", "[\u0600-\u06ff\u0370-\u03ff\u0900-\u097f]"),
    ],
)
def test_no_catalogue_speaks_in_the_script_of_another_language(language: str, others: str) -> None:
    strange = {e for e, words in catalogue(language).items() if re.search(others, words)}

    assert strange == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_catalogue_holds_what_nobody_says(language: str) -> None:
    said = {message.id for message in extract_customers() if message.id}

    assert set(catalogue(language)) - said == set()


def catalogue(language: str) -> dict[str, str]:
    with CUSTOMERS.file(language, LOCALE).open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file, locale=language) if m.id}


def test_texts_of_staff_and_of_customers_are_kept_apart() -> None:
    from stb_service.shared.assets import extract_messages

    staff = {message.id for message in extract_messages()}
    customers = {message.id for message in extract_customers()}

    assert "Kind regards" in customers - staff
    assert "Boxes" in staff - customers


# Speaking


def test_a_text_is_said_in_the_language_of_the_customer_whoever_asks() -> None:
    ended = customer_text("The warranty ended on %(day)s.", day=date(2026, 3, 14))

    with speaking("ar", "UTC"):
        said = speech("el").say(ended)

    assert said == "\u0397 εγγύηση έληξε στις 14 Μαρτίου 2026."
    assert str(ended) == "The warranty ended on 14 March 2026."


def test_what_somebody_typed_is_said_as_it_stands() -> None:
    assert speech("vi").say("100 % sure, %(n)s") == "100 % sure, %(n)s"


def test_a_text_may_hold_a_text() -> None:
    outer = customer_text("Tax %(share)s", share=customer_text("Main board"))

    assert speech("vi").say(outer) == "Thuế Bo mạch chính"


def test_nobody_is_spoken_to_in_a_language_that_was_not_written() -> None:
    with pytest.raises(KeyError):
        speech("de")


@pytest.mark.parametrize(
    ("language", "minor", "currency", "written"),
    [
        ("en", 123456, "EUR", "€1,234.56"),
        ("en", 5, "USD", "US$0.05"),
        ("el", 123456, "EUR", "1.234,56\xa0€"),
        ("vi", 1250000, "VND", "1.250.000\xa0₫"),
        ("hi", 12345678, "INR", "₹1,23,456.78"),
        ("en", 1, "KWD", "KWD\xa00.001"),
        ("en", -500, "EUR", "-€5.00"),
        ("en", 12345, "RSD", "RSD\xa0123.45"),  # CLDR rounds dinars to whole ones
        ("en", 0, "JPY", "JP¥0"),
    ],
)
def test_money_is_written_as_the_language_does(
    language: str, minor: int, currency: str, written: str
) -> None:
    assert speech(language).money(minor, currency) == written


@pytest.mark.parametrize(("currency", "digits"), [("VND", 0), ("EUR", 2), ("TND", 3), ("UYW", 4)])
def test_a_currency_has_the_digits_of_its_minor_unit(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "4 March 2026"),
        ("ar", "4 مارس 2026"),
        ("el", "4 Μαρτίου 2026"),
        ("hi", "4 मार्च 2026"),
        ("vi", "4 tháng 3, 2026"),
    ],
)
def test_a_day_has_its_month_in_words(language: str, written: str) -> None:
    assert speech(language).day(date(2026, 3, 4)) == written


@pytest.mark.parametrize(("permille", "written"), [(190, "19%"), (195, "19.5%"), (0, "0%")])
def test_a_share_is_a_percentage(permille: int, written: str) -> None:
    assert speech("en").share(permille) == written
