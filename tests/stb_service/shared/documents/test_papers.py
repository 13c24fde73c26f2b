"""What can stand on a paper, and what is refused because it would not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stb_service.shared.documents.papers import (
    Address,
    ParcelLabel,
    Quote,
    QuoteLine,
    TaxLine,
    clean,
    printed_lines,
)
from stb_service.shared.documents.samples import sample, samples
from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import CUSTOMER_LANGUAGES


def label(**changes: Any) -> ParcelLabel:
    return replace(sample(ParcelLabel, "en"), **changes)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Mary \t O'Connor\n", "Mary O'Connor"),
        ("a\x00b\x07c", "a b c"),
        ("Invoice \u202eevil", "Invoice evil"),
        ("half \ud800 of it", "half of it"),
        ("e\u0301", "é"),
        ("क्\u200dष", "क्\u200dष"),  # the joiner shapes the letter
    ],
)
def test_words_lose_what_no_printer_has(given: str, kept: str) -> None:
    assert clean(given) == kept


def test_the_values_of_a_paper_are_clean() -> None:
    assert Address(" A\u202e B ", ("1\n2",)).name == "A B"
    assert Address("A", ("1\n2",)).lines == ("1 2",)


@pytest.mark.parametrize(("length", "fits"), [(79, True), (80, True), (81, False)])
def test_a_name_has_its_longest(length: int, fits: bool) -> None:
    if fits:
        assert Address("n" * length, ()).name
        return
    with pytest.raises(Invalid) as refusal:
        Address("n" * length, ())
    assert list(refusal.value.fields) == ["name"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("case", ""),
        ("case", "R 000123"),
        ("case", "\u03a1-000123"),
        ("case", "R" * 25),
        ("link", "javascript:alert(1)"),
        ("link", "https://service.example.com/" + "a" * 400),
        ("return_reference", "r" * 33),
    ],
)
def test_what_a_label_cannot_bear_is_refused(field: str, value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        label(**{field: value})
    assert list(refusal.value.fields) == [field]


def test_an_address_has_seven_lines_at_most() -> None:
    assert Address("A", ("line",) * 7)
    with pytest.raises(Invalid):
        Address("A", ("line",) * 8)


def test_long_addresses_are_set_smaller_and_still_longer_ones_refused() -> None:
    short, long = Address("A", ("street", "town")), Address("A" * 30, ("a street of " * 3,) * 6)
    longest = Address("W" * 60, ("W" * 60,) * 7)

    assert not label(receiver=short).is_dense
    assert label(receiver=long).is_dense
    with pytest.raises(Invalid):
        label(receiver=longest)


def test_broad_letters_take_two_places_and_marks_none() -> None:
    assert printed_lines(Address("あ" * 10, ()), 20) == 1
    assert printed_lines(Address("あ" * 11, ()), 20) == 2
    assert printed_lines(Address("रि" * 10, ()), 20) == 1


def quote(lines: tuple[QuoteLine, ...], taxes: tuple[TaxLine, ...]) -> Quote:
    return replace(sample(Quote, "en"), lines=lines, taxes=taxes)


def test_a_quote_adds_up() -> None:
    made = quote((QuoteLine("work", 3, 333), QuoteLine("part", 1, 1)), (TaxLine(190, 190),))

    assert (made.net_minor, made.total_minor) == (1000, 1190)


def test_a_currency_is_three_letters() -> None:
    with pytest.raises(Invalid):
        replace(quote((), ()), currency="euro")


def test_a_table_that_never_ends_is_refused() -> None:
    with pytest.raises(Invalid):
        quote((QuoteLine("work", 1, 1),) * 101, ())
    with pytest.raises(Invalid):
        replace(sample(Quote, "en"), reasons=("because",) * 11)


@pytest.mark.parametrize("language", CUSTOMER_LANGUAGES)
def test_there_is_a_sample_of_every_paper(language: str) -> None:
    names = [paper.name for paper in samples(language)]

    assert len(names) == len(set(names)) == 9
