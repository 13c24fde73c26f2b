"""Papers as they look, with a made-up case in each language: for staff to see, and for tests."""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from stb_service.shared.documents.papers import (
    PAPERS,
    Address,
    BoxFacts,
    Choice,
    DamageFee,
    Declined,
    FinalNotice,
    Letter,
    Operator,
    PackingSlip,
    Paper,
    ParcelLabel,
    Quote,
    QuoteLine,
    Replaced,
    ReturnAuthorised,
    ReturnedUnrepaired,
    TaxLine,
    Words,
)
from stb_service.shared.speech import customer_text

P = TypeVar("P", bound=Paper)
OPERATOR = Operator(
    address=Address("Example TV", ("Service Street 1", "10115 Example City")),
    phone="+49 30 5550100",
    mail="service@example.com",
)
RETURNS = Address("Example TV, Returns", ("Workshop Road 12", "Gate 3", "10317 Example City"))
CUSTOMERS = {
    "en": Address("Mary O'Connor", ("Flat 4, 12 Harbour Lane", "Cork T12 X2N4", "Ireland")),
    "ar": Address("فاطمة الزهراء", ("شارع التحرير 15، شقة 7", "الدقي، الجيزة 12611", "مصر")),
    "el": Address("Ελένη Παπαδοπούλου", ("Οδός Ερμού 25", "105 63 Αθήνα", "Ελλάδα")),
    "hi": Address("प्रिया शर्मा", ("42, गांधी मार्ग, फ़्लैट 3", "नई दिल्ली 110001", "भारत")),
    "vi": Address(
        "Nguyễn Thị Hồng Nhung", ("25 phố Trần Hưng Đạo", "Hoàn Kiếm, Hà Nội", "Việt Nam")
    ),
}
# The currency, and how many of its minor units make a price of about one euro cent.
CURRENCIES = {
    "en": ("EUR", 1),
    "ar": ("EGP", 50),
    "el": ("EUR", 1),
    "hi": ("INR", 100),
    "vi": ("VND", 300),
}
BOX = BoxFacts("KX-4K Mini", "SN4K-0028817")
CASE = "R-000123"
LINK = "https://service.example.com/case/7Qm2xV9bKd4T"
ON = date(2026, 11, 23)
UNTIL = date(2026, 12, 23)


def sample(kind: type[P], language: str) -> P:
    """Return a made-up paper of this kind, to a customer who reads this language."""
    return next(paper for paper in samples(language) if isinstance(paper, kind))


def samples(language: str) -> tuple[Paper, ...]:
    """Return one paper of each kind, in the order of `PAPERS`."""
    made = (*_for_the_parcel(language), *_letters(language))
    return tuple(sorted(made, key=lambda paper: PAPERS.index(type(paper))))


def _for_the_parcel(language: str) -> tuple[Paper, ...]:
    to = CUSTOMERS[language]
    return (
        ParcelLabel(OPERATOR, to, CASE, LINK, receiver=RETURNS, return_reference="RET-2026-004711"),
        PackingSlip(
            *(OPERATOR, to, CASE, LINK),
            box=BOX,
            receiver=RETURNS,
            with_power_supply=True,
            with_remote=False,
            send_by=UNTIL,
        ),
    )


def _letters(language: str) -> tuple[Letter, ...]:
    about = (OPERATOR, CUSTOMERS[language], CASE, LINK, ON, BOX)
    currency, cents = CURRENCIES[language]
    wet = customer_text("The box was damaged by a liquid, which the warranty excludes.")
    over = customer_text("The warranty ended on %(day)s.", day=date(2026, 3, 14))
    return (
        ReturnAuthorised(
            *about,
            fault=customer_text("The picture freezes, and the box restarts by itself."),
            send_by=UNTIL,
            is_postage_paid=True,
        ),
        _quote(about, currency, cents, wet),
        Declined(*about, reasons=(over,)),
        ReturnedUnrepaired(
            *about,
            reasons=(customer_text("You declined our quote."),),
            carrier="Example Post",
            tracking="EP123456789XX",
        ),
        DamageFee(*about, fee_minor=4900 * cents, currency=currency),
        Replaced(
            *about,
            replacement=BoxFacts("KX-4K Mini", "SN4K-0051204"),
            is_refurbished=True,
            covered_until=date(2027, 11, 23),
        ),
        FinalNotice(
            *about,
            receiver=RETURNS,
            send_by=UNTIL,
            fee_minor=12900 * cents,
            currency=currency,
            replacement_sent_on=date(2026, 10, 26),
        ),
    )


def _quote(
    about: tuple[Operator, Address, str, str, date, BoxFacts],
    currency: str,
    cents: int,
    reason: Words,
) -> Quote:
    lines = (
        QuoteLine(customer_text("Inspection and repair"), 1, 3500 * cents),
        QuoteLine(customer_text("Main board"), 1, 4200 * cents),
        QuoteLine(customer_text("Power supply"), 2, 1290 * cents),
    )
    return Quote(
        *about,
        number="Q-000045",
        reasons=(reason,),
        lines=lines,
        taxes=(TaxLine(190, 1953 * cents),),
        currency=currency,
        valid_until=UNTIL,
        choices=(
            Choice("repair", 12233 * cents, date(2029, 6, 30)),
            Choice("refurbished", 7900 * cents, date(2029, 6, 30)),
            Choice("new", 14900 * cents, date(2032, 12, 31)),
        ),
    )
