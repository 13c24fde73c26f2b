"""What customers read, in one of `CUSTOMER_LANGUAGES`: words, money, days.

Customers are spoken to in the language of their account, whoever prints the letter and whatever
language that person reads, so nothing here looks at a request. The words are a catalogue of their
own (`customer.po`, beside the `messages.po` of staff): `_()` in a template that lies in a folder
named `customer`, `customer_text()` in Python. Message ids are %-formatted, as those of staff are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from gettext import NullTranslations, translation
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent, parse_pattern

from stb_service.shared.i18n import CUSTOMER_LANGUAGES, LOCALE, direction

DOMAIN = "customer"
# "22 November 2026" and "US$5.00" are read alike wherever English is.
LOCALES = {"en": "en_001"}

# ISO 4217, column "minor unit", where it is not 2. CLDR's digits differ: they are those of cash.
MINOR_DIGITS = {
    code: digits
    for digits, codes in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for code in codes.split()
}
# Unicode TR 35, part 3, 2.4.2: between a letter of the currency and a digit stands a space.
TOUCHING = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


@dataclass(frozen=True)
class CustomerText:
    """A sentence for a customer, to be said in the customer's language."""

    msgid: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence in English, for whoever reads a log."""
        return speech("en").say(self)


def customer_text(msgid: str, /, **values: Any) -> CustomerText:
    """Mark a sentence for the customers' catalogue; a day among its values is said as a day."""
    return CustomerText(msgid, values)


@dataclass(frozen=True)
class Speech:
    """One language that customers read."""

    language: str
    words: NullTranslations = field(repr=False, compare=False)

    @property
    def direction(self) -> str:
        """`rtl` or `ltr`."""
        return direction(self.language)

    @property
    def locale(self) -> str:
        """Whose numbers and days these are, as Babel names it."""
        return LOCALES.get(self.language, self.language)

    def say(self, words: CustomerText | str) -> str:
        """Return a sentence in this language; what is no `CustomerText` is said as it stands."""
        if isinstance(words, str):
            return words
        values = {name: self._value(value) for name, value in words.values.items()}
        return self.words.gettext(words.msgid) % values

    def _value(self, value: Any) -> Any:
        if isinstance(value, date):
            return self.day(value)
        return self.say(value) if isinstance(value, CustomerText) else value

    def day(self, day: date) -> str:
        """Return a day with its month in words: 03/04 is two days."""
        return format_date(day, "long", locale=self.locale)

    def money(self, minor: int, currency: str) -> str:
        """Return an amount in minor units (ISO 4217) as it is written in this language."""
        digits = minor_digits(currency)
        pattern = parse_pattern(Locale.parse(self.locale).currency_formats["standard"].pattern)
        pattern.frac_prec = (digits, digits)
        written = pattern.apply(
            Decimal(minor).scaleb(-digits), self.locale, currency=currency, currency_digits=False
        )
        return TOUCHING.sub("\N{NO-BREAK SPACE}", written)

    def number(self, value: Decimal | int) -> str:
        """Return a number as it is written in this language."""
        return format_decimal(value, locale=self.locale)

    def share(self, permille: int) -> str:
        """Return a share of a thousand as a percentage: 195 is 19.5 %."""
        return format_percent(Decimal(permille) / 1000, "#,##0.#%", locale=self.locale)

    def rate(self, ppm: int) -> str:
        """Return a rate in millionths as a percentage: 81250 is 8.125 %."""
        return format_percent(Decimal(ppm) / 1_000_000, "#,##0.####%", locale=self.locale)


def minor_digits(currency: str) -> int:
    """Return how many digits the minor unit of a currency has."""
    return MINOR_DIGITS.get(currency, 2)


@cache
def speech(language: str) -> Speech:
    """Return one of `CUSTOMER_LANGUAGES`; its words are English until `make` has compiled them.

    Raises:
        KeyError: customers are not spoken to in this language.
    """
    if language not in CUSTOMER_LANGUAGES:
        raise KeyError(language)
    return Speech(language, translation(DOMAIN, LOCALE, [language], fallback=True))
