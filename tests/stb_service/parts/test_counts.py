"""Stock-taking: blind, by several people, with differences that become moves."""

from __future__ import annotations

import re
from html import unescape
from itertools import chain
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from stb_service.parts import operations as stocking
from stb_service.parts.counts import operations, queries
from stb_service.parts.models import CountLine, Part, StockCount, StockMove
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.errors import Conflict, Invalid, NotFound, Refused
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.parts.conftest import BOX, MAIN, NORTH, PSU, REMOTE, SCRAP, VAN, Stock
from tests.stb_service.parts.test_pages import post

OTHER = Actor("person", "other", "other.person")


def begin(stock: Stock, location: str = MAIN, **more: Any) -> str:
    found: str = stock.do(operations.open_count, location=location, **more).public_id
    return found


def count(stock: Stock, ref: str, counted: int, part: str = PSU, **more: Any) -> Any:
    return stock.do(operations.count_part, ref=ref, part=part, counted=counted, **more)


def close(stock: Stock, ref: str) -> Any:
    return stock.do(operations.close_count, ref=ref, reason="year's end")


@pytest.mark.parametrize(("counted", "worth"), [(8, 1600), (10, 2000), (12, 2400)])
def test_a_difference_becomes_a_move_at_the_average_worth(
    stock: Stock, counted: int, worth: int
) -> None:
    stock.receive(10, cost=200)
    ref = begin(stock)
    count(stock, ref, counted)

    close(stock, ref)

    assert stock.numbers() == (counted, 0)
    assert stock.balance().value_minor == worth
    rows = stock.ask(lambda s: s.scalars(select(StockMove).where(StockMove.kind == "count")).all())
    assert {(row.reason, row.reference) for row in rows} <= {("year's end", ref)}
    assert len(rows) == (0 if counted == 10 else 2)


def test_what_was_found_where_nothing_was_is_worth_what_came_last(one: Stock) -> None:
    one.receive(2, cost=300, to=VAN)
    ref = begin(one)
    count(one, ref, 2)

    close(one, ref)

    assert one.balance().value_minor == 600


@pytest.mark.parametrize(("worth", "found"), [(99, 149), (100, 150), (101, 152)])
def test_half_a_minor_unit_of_what_was_found_is_rounded_up(
    one: Stock, worth: int, found: int
) -> None:
    one.receive(1, cost=worth)
    one.receive(1, cost=0)
    ref = begin(one)
    count(one, ref, 3)

    close(one, ref)

    assert one.balance().value_minor == found


@pytest.mark.parametrize(("worth", "found"), [(99, 50), (100, 50), (101, 51)])
def test_half_a_minor_unit_of_what_came_last_is_rounded_up(
    one: Stock, worth: int, found: int
) -> None:
    one.receive(1, cost=worth)
    one.receive(1, cost=0)
    one.move(VAN, 2)
    ref = begin(one)
    count(one, ref, 1)

    close(one, ref)

    assert one.balance().value_minor == found


def test_pieces_that_move_while_they_are_counted_do_not_count_twice(stock: Stock) -> None:
    stock.receive(10)
    ref = begin(stock)
    count(stock, ref, 9)
    stock.move(VAN, 4)

    close(stock, ref)

    assert stock.numbers() == (5, 0)


def test_what_was_not_counted_stays(one: Stock) -> None:
    one.receive(10)
    one.receive(4, part=REMOTE)
    ref = begin(one)
    count(one, ref, 10)

    close(one, ref)

    assert one.numbers(part=REMOTE) == (4, 0)


def test_the_second_person_is_told_that_it_was_counted(stock: Stock) -> None:
    stock.receive(10)
    ref = begin(stock)
    count(stock, ref, 9)

    with pytest.raises(Conflict, match="test-admin has counted PSU-12 already"):
        count(stock, ref, 10, actor=OTHER)
    line = count(stock, ref, 10, actor=OTHER, again=True)

    assert (line.counted, line.times, line.counted_by) == (10, 2, "other.person")


def test_a_place_is_counted_by_one_sheet_at_a_time(stock: Stock) -> None:
    first = begin(stock)

    with pytest.raises(Conflict, match="being counted"):
        begin(stock)
    stock.do(operations.cancel_count, ref=first)
    begin(stock)


def test_what_is_reserved_cannot_be_missing(stock: Stock) -> None:
    stock.receive(10)
    made = stock.reserve(8)
    ref = begin(stock)
    count(stock, ref, 5)

    with pytest.raises(Refused, match="PSU-12: There are 10, but 8 of them are reserved"):
        close(stock, ref)
    stock.do(stocking.release_reservation, ref=made.public_id)
    close(stock, ref)

    assert stock.numbers() == (5, 0)


def test_a_sheet_ends_once(one: Stock) -> None:
    one.receive(10)
    ref = begin(one)
    with pytest.raises(Refused, match="Nothing has been counted"):
        close(one, ref)
    count(one, ref, 9)
    close(one, ref)

    for verb in (operations.close_count, operations.cancel_count):
        with pytest.raises(Refused, match="has ended"):
            one.do(verb, ref=ref)
    with pytest.raises(Refused, match="has ended"):
        count(one, ref, 8, again=True)
    assert one.numbers() == (9, 0)


@pytest.mark.parametrize("place", [SCRAP, "CUSTOMER", "ACME", "NOWHERE"])
def test_some_places_are_not_counted(one: Stock, place: str) -> None:
    with pytest.raises(Invalid):
        begin(one, place)


@pytest.mark.parametrize(("part", "counted"), [("NONE", 1), (BOX, 1), (PSU, -1), (PSU, 1_000_001)])
def test_what_cannot_be_counted_is_refused(one: Stock, part: str, counted: int) -> None:
    ref = begin(one)

    with pytest.raises(Invalid):
        count(one, ref, counted, part)


def test_the_sheets_of_another_are_not_there_for_a_dealer(stock: Stock) -> None:
    theirs = begin(stock, NORTH)
    others = begin(stock, MAIN)
    dealer = stock.of("north")

    found = stock.ask(queries.counts_page, dealer.scope, cursor=None, limit=9).rows

    assert [row.public_id for row in found] == [theirs]
    with pytest.raises(NotFound):
        count(stock, others, 1, actor=dealer)
    with pytest.raises(Invalid):
        begin(stock, VAN, actor=dealer)


def test_a_closed_sheet_says_what_was_expected(one: Stock) -> None:
    one.receive(10)
    ref = begin(one)
    count(one, ref, 7)
    close(one, ref)

    (line,) = one.ask(queries.count_by_ref, ref, EVERYTHING).lines

    assert (line.expected, line.difference) == (10, -3)


def many(stock: Stock, ref: str, lines: int, *, after: int = 0) -> None:
    """Let a sheet say of so many parts that one was found, as many scans would."""
    with stock.db.write() as session:
        (sheet,) = session.scalars(select(StockCount).where(StockCount.public_id == ref))
        for number in range(after, after + lines):
            screw = {"name": "Screw", "kind": "part", "currency": "EUR"}
            made = {"created_at": stock.now, "changed_at": stock.now}
            part = Part(sku=f"P-{number:04}", **screw, **made)
            line = {"part": part, "condition": "new", "counted": 1, "expected": 0, "times": 1}
            session.add(CountLine(count=sheet, counted_at=stock.now, counted_by="cara", **line))


def skus(page: str) -> list[str]:
    return re.findall(r">(P-\d{4})</a>", page)


def test_a_sheet_is_shown_by_pages_with_what_was_written_down_last_before_the_rest(
    client: FlaskClient, one: Stock
) -> None:
    ref = begin(one)
    many(one, ref, 120)

    pages: list[str] = []
    address = f"/stock/counts/{ref}?boxes=&condition=refurbished"
    while address and len(pages) < 9:
        pages.append(client.get(address).text)
        following = re.search(r'rel="next" href="([^"]+)"', pages[-1])
        address = unescape(following[1]) if following else ""

    shown = [skus(page) for page in pages]
    assert [len(found) for found in shown] == [50, 50, 20]
    assert list(chain(*shown)) == [f"P-{number:04}" for number in reversed(range(120))]
    assert "What was found: 120" in pages[2]
    assert '<option value="refurbished" selected>' in pages[2]


def test_a_large_sheet_takes_as_many_queries_as_a_small_one_and_reads_one_page_of_it(
    client: FlaskClient, one: Stock
) -> None:
    ref = begin(one)
    many(one, ref, 2)
    paths = ("/stock/counts", f"/stock/counts/{ref}")
    few, several = [], []
    for path in paths:
        client.get(path)
        with statements(one.db) as found:
            client.get(path)
        few.append(len(found))
    many(one, ref, 200, after=2)
    for path in paths:
        with statements(one.db) as found:
            page = client.get(path).text
        several.append(len(found))

    assert few == several
    assert len(skus(page)) == 50


def test_a_scan_reads_no_other_line_of_the_sheet(one: Stock) -> None:
    ref = begin(one)
    many(one, ref, 60)
    read: list[CountLine] = []

    def note(line: CountLine, _context: Any) -> None:
        read.append(line)

    event.listen(CountLine, "load", note)
    try:
        count(one, ref, 3)
    finally:
        event.remove(CountLine, "load", note)

    assert read == []


def test_a_refused_count_keeps_what_was_typed_and_leads_on_to_the_next_page(
    client: FlaskClient, one: Stock
) -> None:
    ref = begin(one)
    many(one, ref, 60)

    answer = post(client, f"/stock/counts/{ref}", part="NO-SUCH", counted="17")

    assert answer.status_code == 422
    assert 'value="NO-SUCH"' in answer.text
    assert 'value="17"' in answer.text
    assert len(skus(answer.text)) == 50
    assert f'href="/stock/counts/{ref}?cursor=' in answer.text
