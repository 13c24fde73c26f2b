"""Who the customers of the demonstration are: nobody. Names that say so, in five languages.

Phone numbers are of ranges that are set aside for fiction (Ofcom: +44 20 7946 0xxx and
+44 7700 900xxx; ComReg: +353 20 91x xxxx), also where a country sets none aside; mail addresses
are under `.example` (RFC 2606).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class Names:
    """What people, streets and businesses are called in a language."""

    language: str
    given: Sequence[str]
    family: Sequence[str]
    streets: Sequence[str]
    businesses: Sequence[str]
    family_first: bool = False


@dataclass(frozen=True)
class Country:
    """A country where customers live, and how they are called and pay there.

    `price_factor` is how many minor units of the currency a cent of a euro is worth.
    """

    code: str
    timezone: str
    currency: str
    price_factor: float
    cities: Sequence[tuple[str, str]]
    names: Names


_ENGLISH = Names(
    "en",
    ("Alice", "Bruno", "Clara", "Dorian", "Edith", "Fergus", "Greta", "Hugo", "Iris"),
    ("Sampleworth", "Exampleton", "Placeholm", "Makebelief", "Fictionby", "Demoson"),
    ("Sample Street", "Example Lane", "Placeholder Road", "Fiction Row"),
    ("Hotel Example", "The Sample Arms", "Placeholder Clinic", "Fiction Gym"),
)
_GREEK = Names(
    "el",
    ("Άννα", "Γιώργος", "Ελένη", "Κώστας", "Μαρία", "Νίκος", "Σοφία", "Χρήστος"),
    ("Παραδειγματίδης", "Δειγματάκης", "Φαντασιώτης", "Δοκιμόπουλος"),
    ("Οδός Παραδείγματος", "Οδός Δοκιμής", "Οδός Φαντασίας"),
    ("Ξενοδοχείο Παράδειγμα", "Καφενείο Δοκιμή", "Ταβέρνα Δείγμα"),
)
_ARABIC = Names(
    "ar",
    ("أحمد", "ليلى", "سامي", "نور", "هند", "ياسر", "مريم", "عمر"),
    ("المثالي", "التجريبي", "الخيالي", "النموذجي", "الافتراضي"),
    ("شارع المثال", "شارع التجربة", "شارع الخيال"),
    ("فندق المثال", "مقهى التجربة", "عيادة النموذج"),
)
_HINDI = Names(
    "hi",
    ("आशा", "विकास", "मीरा", "रोहन", "सीमा", "अर्जुन", "नेहा"),
    ("उदाहरणकर", "नमूनावाला", "काल्पनिक", "परीक्षणकर"),
    ("उदाहरण मार्ग", "नमूना गली", "कल्पना पथ"),
    ("होटल उदाहरण", "नमूना अस्पताल", "कल्पना जिम"),
)
_VIETNAMESE = Names(
    "vi",
    ("An", "Bình", "Chi", "Dũng", "Hà", "Lan", "Minh"),
    ("Ví Dụ", "Mẫu", "Giả Định", "Thử Nghiệm"),
    ("Đường Ví Dụ", "Phố Mẫu", "Ngõ Giả Định"),
    ("Khách sạn Ví Dụ", "Quán Mẫu", "Phòng khám Giả Định"),
    family_first=True,
)
_IRISH = (("Exampleford", "X91 EX00"), ("Ballysample", "X42 SA00"))
_BRITISH = (("Fictionham", "ZZ1 1ZZ"), ("Upper Sample", "ZZ9 9ZZ"))
_HELLENIC = (("Παραδειγματούπολη", "000 11"), ("Νέα Δοκιμή", "000 22"))
_EMIRATI = (("مدينة المثال", "00000"), ("واحة الخيال", "00000"))
_INDIAN = (("उदाहरणपुर", "000000"), ("नमूनागढ़", "000000"))
_OF_VIETNAM = (("Thành phố Ví Dụ", "000000"), ("Thị trấn Mẫu", "000000"))
COUNTRIES: Mapping[str, Country] = {
    country.code: country
    for country in (
        Country("IE", "Europe/Dublin", "EUR", 1.0, _IRISH, _ENGLISH),
        Country("GB", "Europe/London", "GBP", 0.9, _BRITISH, _ENGLISH),
        Country("GR", "Europe/Athens", "EUR", 1.0, _HELLENIC, _GREEK),
        Country("CY", "Asia/Nicosia", "EUR", 1.0, (("Άνω Δείγμα", "0011"),), _GREEK),
        Country("AE", "Asia/Dubai", "AED", 4.0, _EMIRATI, _ARABIC),
        Country("IN", "Asia/Kolkata", "INR", 90.0, _INDIAN, _HINDI),
        Country("VN", "Asia/Ho_Chi_Minh", "VND", 280.0, _OF_VIETNAM, _VIETNAMESE),
    )
}
AT: Mapping[str, Mapping[str, float]] = {
    "MAIN": {"IE": 40, "GB": 20, "IN": 15, "VN": 15, "CY": 10},
    "DEA-A": {"GR": 80, "CY": 20},
    "DEA-B": {"AE": 100},
    "DEA-C": {"IE": 60, "GB": 40},
}
"""Where the customers of a shop live."""


@dataclass(frozen=True)
class Invented:
    """Somebody, as an account is opened for them."""

    country: Country
    name: str
    is_business: bool
    contact: str
    phone: str
    email: str

    def street(self, chance: random.Random) -> dict[str, str]:
        """Return an address in their country."""
        city, postcode = chance.choice(self.country.cities)
        street = f"{chance.choice(self.country.names.streets)} {chance.randrange(1, 99)}"
        return {
            "street": street,
            "postcode": postcode,
            "city": city,
            "country": self.country.code,
            "timezone": self.country.timezone,
        }


class Inventor:
    """Invents people, no two with the same phone or mail address."""

    def __init__(self) -> None:
        self._numbers = count()

    def invent(self, chance: random.Random, shop: str, *, is_business: bool) -> Invented:
        """Return somebody new who buys in a shop."""
        shares = AT[shop]
        code = chance.choices(list(shares), list(shares.values()))[0]
        country = COUNTRIES[code]
        number = next(self._numbers)
        names = country.names
        given, family = chance.choice(names.given), chance.choice(names.family)
        person = f"{family} {given}" if names.family_first else f"{given} {family}"
        business = f"{chance.choice(names.businesses)} {number % 90 + 10}"
        return Invented(
            country,
            business if is_business else person,
            is_business,
            person,
            _phone(code, number),
            f"customer{number:04d}@mail.example",
        )


def _phone(country: str, number: int) -> str:
    if country == "IE":
        return f"+353 20 91{number % 10} {number:04d}"
    if country == "GB":
        return f"+44 20 7946 {number % 1000:04d}"
    return f"+44 7700 {900_000 + number % 1000}"
