"""Money: whole minor units and a currency of ISO 4217. No fraction of a minor unit is ever kept.

How many decimals a currency has is what ISO 4217 says (list one, 2026), which for some currencies
is not what is usual in shops (that is what CLDR, and so Babel, would say).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal

from babel import Locale
from flask import has_app_context
from flask_babel import get_locale

from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import text

_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN
BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD
FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS
KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH
UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
_PLACES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DECIMALS = {code: places for places, codes in _PLACES.items() for code in codes.split()}
MOST_MINOR = 10**12
"""No amount is larger: products with quantities and rates then fit in 64 bits."""

_TYPED = re.compile(r"(\d+)(?:[.,](\d+))?")


def decimals(currency: str) -> int:
    """Return how many decimals the currency has.

    Raises:
        KeyError: it is none of ISO 4217.
    """
    if currency not in CURRENCIES:
        raise KeyError(currency)
    return _DECIMALS.get(currency, 2)


@dataclass(frozen=True)
class Money:
    """An amount of one currency; in a text it is said as the reader's language writes it."""

    minor: int
    currency: str

    def __str__(self) -> str:
        """Return the amount with its currency, with as many decimals as ISO 4217 says."""
        locale = (get_locale() if has_app_context() else None) or Locale("en")
        pattern = copy(locale.currency_formats["standard"])
        places = decimals(self.currency)
        pattern.frac_prec = (places, places)
        return str(
            pattern.apply(
                Decimal(self.minor).scaleb(-places),
                locale,
                currency=self.currency,
                currency_digits=False,
            )
        )


def plain_amount(minor: int, currency: str) -> str:
    """Return an amount as it stands in a form: `12.50`."""
    return f"{Decimal(minor).scaleb(-decimals(currency)):f}"


def read_decimal(raw: str, places: int) -> int | None:
    """Return a typed number in units of its last place, None if it is none or has more places.

    Digits of any script, a point or a comma before the decimals, no separators of thousands.
    """
    typed = "".join(unicodedata.normalize("NFKC", raw).replace("\u066b", ".").split())
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in typed)
    found = _TYPED.fullmatch(plain)
    if found is None or len(found[2] or "") > places or len(found[1]) > 32:
        return None
    return int(found[1] + (found[2] or "").ljust(places, "0"))


def plain_decimal(units: int, places: int) -> str:
    """Return a number as it stands in a form, without zeros at its end."""
    words = f"{Decimal(units).scaleb(-places):f}"
    return words.rstrip("0").rstrip(".") if "." in words else words


def read_amount(raw: str, currency: str, *, field: str) -> int:
    """Return the minor units of a typed amount (see `read_decimal`; `1,234` could mean two things).

    Raises:
        Invalid: it is no amount of the currency, or that is none of ISO 4217.
    """
    if currency not in CURRENCIES:
        raise Invalid.field("currency", text("This is no currency that can be counted."))
    places = decimals(currency)
    minor = read_decimal(raw, places)
    if minor is None:
        message = text(
            "An amount with at most %(n)s decimals, without separators of thousands.", n=places
        )
        raise Invalid.field(field, message)
    if minor > MOST_MINOR:
        raise Invalid.field(field, text("This amount is too large."))
    return minor


def rounded_share(amount: int, numerator: int, denominator: int) -> int:
    """Return amount x numerator / denominator, half a minor unit rounded up; none is negative."""
    return (2 * amount * numerator + denominator) // (2 * denominator)


def split_amount(whole: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights so that the parts sum to the whole (largest remainder; of equal
    remainders the first gets the minor unit).

    Raises:
        ValueError: nothing has weight, or something is negative.
    """
    total = sum(weights)
    if total <= 0 or whole < 0 or min(weights) < 0:
        raise ValueError("an amount is split by weights of which one is above zero")
    parts = [whole * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda n: -(whole * weights[n] % total))
    for n in by_remainder[: whole - sum(parts)]:
        parts[n] += 1
    return parts
