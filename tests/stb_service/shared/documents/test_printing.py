"""Papers as documents: in every language of customers, on one page, with codes that can be read."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from stb_service.shared.documents import render
from stb_service.shared.documents.papers import (
    Address,
    FinalNotice,
    PackingSlip,
    Paper,
    ParcelLabel,
    Quote,
    QuoteLine,
    Replaced,
    ReturnAuthorised,
)
from stb_service.shared.documents.press import Press, Unprinted
from stb_service.shared.documents.printing import page_of
from stb_service.shared.documents.samples import CASE, LINK, UNTIL, sample, samples
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, speaking
from stb_service.shared.speech import speech

real = pytest.mark.real("pango", "fonts of all customers")
PRINTER_DPI = 203  # of a common label printer
A6_MM, A4_MM = (105, 148), (210, 297)
FONTS = {"ar": "Noto Sans Arabic", "hi": "Noto Sans Devanagari"}


def opened(content: bytes) -> Any:
    import pypdfium2

    return pypdfium2.PdfDocument(content)


def codes_of(page: Any) -> dict[str, str]:
    """Return what a scanner reads off the page as it is printed."""
    import zxingcpp

    picture = page.render(scale=PRINTER_DPI / 72, grayscale=True).to_numpy()
    return {code.format.name: code.text for code in zxingcpp.read_barcodes(picture)}


def fonts_of(page: Any) -> set[str]:
    texts = (each for each in page.get_objects() if hasattr(each, "get_font"))
    return {text.get_font().get_family_name() for text in texts}


def size_mm(page: Any) -> tuple[int, int]:
    return tuple(round(points / 72 * 25.4) for points in page.get_size())


@real
@pytest.mark.parametrize("language", CUSTOMER_LANGUAGES)
def test_every_paper_is_one_page_with_codes_that_can_be_read(language: str) -> None:
    for paper in samples(language):
        document = render(paper, language)
        assert document.is_pdf, paper.name
        pdf = opened(document.content)
        codes = codes_of(pdf[0])

        assert len(pdf) == 1, paper.name
        assert codes.pop("QRCode") == LINK
        assert codes == ({"Code128": CASE} if isinstance(paper, ParcelLabel | PackingSlip) else {})
        assert size_mm(pdf[0]) == (A6_MM if isinstance(paper, ParcelLabel) else A4_MM)
        assert FONTS.get(language, "Noto Sans") in fonts_of(pdf[0])


@real
def test_the_longest_code_and_link_can_be_read_off_a_label() -> None:
    long = replace(
        sample(ParcelLabel, "en"), case="RMA-2026-0000123456-ABCD", link=LINK + "x" * 250
    )

    assert codes_of(opened(render(long, "en").content)[0]) == {
        "Code128": long.case,
        "QRCode": long.link,
    }


@real
def test_a_label_with_long_addresses_is_one_page_still() -> None:
    long = Address(
        "Γεώργιος Παπακωνσταντίνου-Αλεξανδρόπουλος", ("Λεωφόρος Ελευθερίου Βενιζέλου 1234",) * 6
    )
    label = replace(sample(ParcelLabel, "el"), customer=long, receiver=long)
    assert label.is_dense

    pdf = opened(render(label, "el").content)

    assert len(pdf) == 1
    assert codes_of(pdf[0]) == {"Code128": CASE, "QRCode": LINK}


@real
def test_a_quote_of_many_lines_goes_on_to_a_second_page() -> None:
    quote = sample(Quote, "en")

    pdf = opened(render(replace(quote, lines=quote.lines * 20), "en").content)

    assert 2 <= len(pdf) <= 4
    assert codes_of(pdf[len(pdf) - 1]) == {"QRCode": LINK}


@real
def test_the_longest_quote_is_printed_in_time() -> None:
    """It takes 2 s of a processor; with `overflow-wrap: anywhere` it took more than 30."""
    lines = (QuoteLine("word " * 60, 1, 1),) * 100
    quote = replace(sample(Quote, "ar"), lines=lines, reasons=("word " * 400,) * 10)

    assert render(quote, "ar").is_pdf


@real
def test_equal_papers_are_equal_bytes_in_whichever_process_they_are_made() -> None:
    presses = Press(), Press()
    try:
        for language in ("ar", "hi"):
            first, second = (
                render(sample(PackingSlip, language), language, make_pdf=press.print)
                for press in presses
            )
            assert first == second
    finally:
        for press in presses:
            press.close()


@real
@pytest.mark.parametrize("language", ["en", "el", "vi"])
def test_the_words_of_a_pdf_can_be_searched_and_copied(language: str) -> None:
    said = speech(language)
    document = render(sample(PackingSlip, language), language)

    words = " ".join(opened(document.content)[0].get_textpage().get_text_range().split())

    assert said.words.gettext("What is stored in the box will be erased") in words
    assert said.day(UNTIL) in words


# Where no PDF can be made


def no_press(page: str) -> bytes:
    raise Unprinted("cannot load library 'libpango-1.0-0'")


@pytest.mark.parametrize("language", CUSTOMER_LANGUAGES)
def test_without_a_pdf_the_page_itself_is_given_with_a_notice(language: str) -> None:
    document = render(sample(ReturnAuthorised, language), language, make_pdf=no_press)
    page = document.content.decode()

    assert document.content_type == "text/html; charset=utf-8"
    assert document.filename == f"return-authorised-R-000123-{language}.html"
    assert '<p class="notice" lang="en" dir="ltr">This computer cannot make a PDF' in page
    assert "100 % of its size" in page
    assert f'<html lang="{language}" dir="{speech(language).direction}">' in page


def test_the_notice_is_for_whoever_prints_and_the_page_for_the_customer() -> None:
    with speaking("ar", "UTC"):
        page = render(sample(ReturnAuthorised, "vi"), "vi", make_pdf=no_press).content.decode()

    assert '<p class="notice" lang="ar" dir="rtl">' in page
    assert '<html lang="vi" dir="ltr">' in page


def test_a_page_names_nothing_that_would_be_loaded() -> None:
    for paper in samples("en"):
        page = page_of(paper, "en")
        assert re.findall(r"\b(?:src|href|action|data)=|url\(|@import", page) == [], paper.name


def test_customers_are_spoken_to_in_their_languages_alone() -> None:
    with pytest.raises(KeyError):
        page_of(sample(Replaced, "en"), "de")


# What stands on them


@pytest.mark.parametrize("kind", [ParcelLabel, PackingSlip, ReturnAuthorised, FinalNotice])
def test_bad_values_stay_words(kind: type[Paper]) -> None:
    bad = "<script>alert(1)</script>\"'{{ 7 * 7 }}"
    page = page_of(replace(sample(kind, "en"), customer=Address(bad, (bad,))), "en")

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7 * 7 }}" in page


def test_percent_signs_in_values_do_no_harm() -> None:
    page = page_of(
        replace(sample(Replaced, "en"), customer=Address("100% (name)s %(x)s", ())), "en"
    )

    assert 'Hello <bdi dir="ltr">100% (name)s %(x)s</bdi>,' in page


def test_a_value_stands_in_its_own_direction() -> None:
    page = page_of(sample(ReturnAuthorised, "ar"), "ar")

    assert '<bdi dir="rtl">فاطمة الزهراء</bdi>' in page
    assert '<bdi dir="ltr">10115 Example City</bdi>' in page
    assert '<bdi class="word" dir="ltr">+49 30 5550100</bdi>' in page


@pytest.mark.parametrize(
    ("power", "remote", "sent", "kept"),
    [
        (True, True, ["its power supply", "its remote control, without batteries"], []),
        (True, False, ["its power supply"], ["the remote control"]),
        (False, True, ["its remote control, without batteries"], ["the power supply"]),
        (False, False, [], ["the power supply", "the remote control"]),
    ],
)
def test_the_slip_says_what_to_send_and_what_to_keep(
    power: bool, remote: bool, sent: list[str], kept: list[str]
) -> None:
    slip = sample(PackingSlip, "en")
    page = page_of(replace(slip, with_power_supply=power, with_remote=remote), "en")
    send, _, keep = page.partition("Keep at home")
    accessories = {
        *("its power supply", "its remote control, without batteries"),
        *("the power supply", "the remote control"),
    }

    assert [w for w in re.findall(r"<li>(.*?)</li>", send) if w in accessories] == sent
    assert [w for w in re.findall(r"<li>(.*?)</li>", keep) if w in accessories] == kept


def test_money_and_days_are_written_as_in_the_customers_language() -> None:
    quote = page_of(sample(Quote, "vi"), "vi")

    assert "3.669.900\xa0₫" in quote
    assert "23 tháng 12, 2026" in quote


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_refurbished": True}, "This box is refurbished."),
        ({"is_refurbished": False}, "This box is new."),
        ({"covered_until": None}, "It is our property"),
        (
            {},
            'under warranty until <strong class="word">23 November 2027</strong>, that day included.',
        ),
    ],
)
def test_a_replacement_says_what_it_is_and_how_long_it_is_covered(
    changes: dict[str, Any], words: str
) -> None:
    assert words in page_of(replace(sample(Replaced, "en"), **changes), "en")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "That costs you nothing."),
        ({"is_paid_first": False}, "the invoice follows"),
        ({"is_paid_first": True}, "your payment has arrived"),
    ],
)
def test_a_quote_says_what_follows_from_each_answer(changes: dict[str, Any], words: str) -> None:
    assert words in page_of(replace(sample(Quote, "en"), **changes), "en")


@pytest.mark.parametrize("is_paid_first", [False, True])
@pytest.mark.parametrize(
    ("offered", "title", "sent"),
    [
        ("replace", "Quote for another set-top box", "We send the other box when"),
        ("accessory", "Quote for an accessory of your set-top box", "We send the accessory when"),
    ],
)
def test_a_quote_speaks_of_what_it_offers(
    offered: str, title: str, sent: str, is_paid_first: bool
) -> None:
    changes: dict[str, Any] = {"offered": offered, "choices": (), "is_paid_first": is_paid_first}
    page = page_of(replace(sample(Quote, "en"), **changes, lines=()), "en")

    assert title in page
    assert sent in page
    assert "repair" not in page.partition("<body")[2].lower()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "On 26 October 2026 we sent you another set-top box in advance."),
        ({"replacement_sent_on": None}, "The set-top box named above is our property."),
    ],
)
def test_a_final_notice_says_why_the_box_is_expected(changes: dict[str, Any], words: str) -> None:
    assert words in page_of(replace(sample(FinalNotice, "en"), **changes), "en")


@pytest.mark.parametrize(
    ("phone", "mail", "words"),
    [("1", "a@b", "Call"), ("1", "", "Call"), ("", "a@b", "Write to"), ("", "", "")],
)
def test_an_operator_may_have_no_phone_or_no_mail(phone: str, mail: str, words: str) -> None:
    letter = sample(Replaced, "en")
    page = page_of(replace(letter, operator=replace(letter.operator, phone=phone, mail=mail)), "en")

    assert ("Do you have a question?" in page) == bool(words)
    assert f"question? {words}" in page or not words
