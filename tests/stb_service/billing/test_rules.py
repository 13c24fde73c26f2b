"""The rules of quotes and payments, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stb_service.billing.rules import (
    PAYMENT_MOVES,
    QUOTE_MOVES,
    QUOTE_STATE_COLOURS,
    QUOTE_STATE_NAMES,
    Line,
    PaymentState,
    QuoteFacts,
    QuoteState,
    Standing,
    day_in,
    end_of_day,
    obstacles_to_beginning,
    obstacles_to_editing,
    obstacles_to_extending,
    obstacles_to_move,
    obstacles_to_refund,
    obstacles_to_releasing,
    obstacles_to_revising,
    overdue,
    priced,
    taxes_by_rate,
)

FACTS = QuoteFacts(state="sent", lines=1, total_minor=100, is_over=False)


def line(quantity_milli: int, unit_minor: int, tax_ppm: int = 190_000) -> Line:
    return Line("labour", "Work", quantity_milli, unit_minor, tax_ppm)


def codes(found: object) -> list[str]:
    return [obstacle.code for obstacle in found]  # type: ignore[attr-defined]


# the arithmetic


def test_a_quote_is_the_sum_of_its_lines() -> None:
    found = priced([line(1_500, 4_000), line(2_000, 999, 70_000), line(1_000, 500, 0)])

    assert [row.net_minor for row in found.lines] == [6_000, 1_998, 500]
    assert [row.tax_minor for row in found.lines] == [1_140, 140, 0]
    assert (found.net_minor, found.tax_minor, found.total_minor) == (8_498, 1_280, 9_778)


def test_tax_is_rounded_by_line_and_half_a_minor_unit_goes_up() -> None:
    """Three lines of 0.05 tax-wise 0.0095 each: by line 0.03, by the whole it would be 0.03 or 0.02."""
    three = priced([line(1_000, 5, 100_000)] * 3)
    one = priced([line(3_000, 5, 100_000)])

    assert (three.tax_minor, one.tax_minor) == (3, 2)


@pytest.mark.parametrize(
    ("quantity_milli", "gross"), [(1_499, 1), (1_500, 2), (1_501, 2), (499, 0), (500, 1)]
)
def test_a_part_of_a_unit_is_rounded(quantity_milli: int, gross: int) -> None:
    assert priced([line(quantity_milli, 1)]).lines[0].gross_minor == gross


def test_a_discount_lowers_each_rate_of_tax_by_its_part() -> None:
    found = priced([line(1_000, 10_000, 200_000), line(1_000, 5_000, 0)], discount_minor=1_000)

    assert [row.discount_minor for row in found.lines] == [667, 333]
    assert (found.net_minor, found.tax_minor) == (14_000, 1_867)


@pytest.mark.parametrize(("discount", "total"), [(99, 1), (100, 0)])
def test_a_discount_may_be_as_large_as_what_it_is_taken_from(discount: int, total: int) -> None:
    assert priced([line(1_000, 100, 0)], discount).total_minor == total


def test_a_larger_discount_is_refused() -> None:
    with pytest.raises(ValueError, match="discount"):
        priced([line(1_000, 100, 0)], 101)


@given(
    st.lists(
        st.builds(
            line, st.integers(1, 10_000_000), st.integers(0, 10**11), st.integers(0, 1_000_000)
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 1_000),
)
def test_parts_always_sum_to_the_whole(lines: list[Line], permille: int) -> None:
    gross = sum(row.gross_minor for row in priced(lines).lines)
    found = priced(lines, gross * permille // 1_000)

    assert sum(row.discount_minor for row in found.lines) == found.discount_minor
    assert found.net_minor == gross - found.discount_minor
    assert found.total_minor == sum(row.net_minor + row.tax_minor for row in found.lines)
    assert all(row.net_minor >= 0 and row.tax_minor >= 0 for row in found.lines)


def test_taxes_are_told_by_rate() -> None:
    rows = [(0, 5, 0), (190_000, 100, 19), (190_000, 10, 2)]

    assert taxes_by_rate(rows) == [(190_000, 110, 21), (0, 5, 0)]


# days


@pytest.mark.parametrize(
    ("zone", "ends"),
    [
        ("UTC", datetime(2026, 3, 29, tzinfo=UTC)),
        ("Europe/Athens", datetime(2026, 3, 28, 22, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 3, 28, 18, 30, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 29, 4, tzinfo=UTC)),
    ],
)
def test_a_day_ends_where_the_customer_lives(zone: str, ends: datetime) -> None:
    assert end_of_day(date(2026, 3, 28), zone) == ends


def test_a_day_whose_midnight_does_not_exist_ends_when_the_clocks_jump() -> None:
    """Cairo, 24 April 2026: 00:00 becomes 01:00."""
    assert end_of_day(date(2026, 4, 23), "Africa/Cairo") == datetime(2026, 4, 23, 22, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "day"), [(-1, 28), (0, 29), (1, 29)])
def test_the_instant_a_day_ends_belongs_to_the_next(seconds: int, day: int) -> None:
    end = end_of_day(date(2026, 3, 28), "Asia/Kolkata")

    assert day_in("Asia/Kolkata", end + timedelta(seconds=seconds)) == date(2026, 3, day)


# moves


def test_every_state_has_its_words_and_colour() -> None:
    assert set(QUOTE_STATE_NAMES) == set(QUOTE_STATE_COLOURS) == set(QuoteState)


def test_every_state_is_reached_and_only_answers_end_a_quote() -> None:
    left = {before for before, _ in QUOTE_MOVES}

    assert {after for _, after in QUOTE_MOVES} == set(QuoteState) - {QuoteState.DRAFT}
    assert set(QuoteState) - left == {
        QuoteState.DECLINED,
        QuoteState.EXPIRED,
        QuoteState.SUPERSEDED,
        QuoteState.WITHDRAWN,
    }


@pytest.mark.parametrize(("state", "to"), list(product(QuoteState, QuoteState)))
def test_a_move_that_is_not_in_the_table_has_an_obstacle(state: QuoteState, to: QuoteState) -> None:
    found = obstacles_to_move(replace(FACTS, state=state), to)

    assert bool(found) == ((state, to) not in QUOTE_MOVES)


@pytest.mark.parametrize(
    ("change", "to", "expected"),
    [
        ({"state": "draft", "lines": 0, "total_minor": 0}, "sent", ["no-lines"]),
        ({"state": "draft", "total_minor": 0}, "sent", ["nothing-to-pay"]),
        ({"state": "draft", "is_over": True}, "sent", ["over"]),
        ({"is_over": True}, "accepted", ["over"]),
        ({"is_current": False}, "accepted", ["edition"]),
        ({"is_over": True}, "declined", []),
        ({"state": "accepted"}, "accepted", ["quote-accepted"]),
        ({"state": "accepted"}, "withdrawn", []),
        ({"state": "accepted", "paid_minor": 1}, "withdrawn", ["paid"]),
    ],
)
def test_a_refused_move_says_why(change: dict[str, object], to: str, expected: list[str]) -> None:
    facts = replace(FACTS, **change)  # type: ignore[arg-type]

    assert codes(obstacles_to_move(facts, QuoteState(to))) == expected


def test_only_a_draft_is_edited_only_a_sent_quote_extended() -> None:
    assert [s for s in QuoteState if not obstacles_to_editing(s)] == [QuoteState.DRAFT]
    assert [s for s in QuoteState if not obstacles_to_extending(s)] == [QuoteState.SENT]
    assert [s for s in QuoteState if obstacles_to_revising(s)] == [
        QuoteState.DRAFT,
        QuoteState.ACCEPTED,
        QuoteState.SUPERSEDED,
    ]


def test_no_payment_that_was_received_moves_on() -> None:
    assert not [move for move in PAYMENT_MOVES if move[0] is PaymentState.SUCCEEDED]


# refunds


@pytest.mark.parametrize(
    ("wanted", "state", "of_operator", "expected"),
    [
        (99, "succeeded", True, []),
        (100, "succeeded", True, []),
        (101, "succeeded", True, ["above-paid"]),
        (1, "awaited", True, ["not-received"]),
        (1, "succeeded", False, ["operator-only"]),
    ],
)
def test_no_more_is_given_back_than_was_paid(
    wanted: int, state: str, of_operator: bool, expected: list[str]
) -> None:
    found = obstacles_to_refund(
        state=state, paid_minor=100, wanted_minor=wanted, currency="EUR", of_operator=of_operator
    )

    assert codes(found) == expected


# what may go on


@pytest.mark.parametrize(
    ("quotes", "due", "credit_days", "overdue_minor", "begin", "release"),
    [
        ((), 0, 0, 0, [], []),
        (("draft",), 0, 0, 0, ["quote-open"], []),
        (("sent",), 0, 30, 0, ["quote-open"], []),
        (("declined",), 0, 0, 0, ["quote-refused"], []),
        (("expired",), 0, 30, 0, ["quote-refused"], []),
        (("accepted",), 1, 0, 0, ["unpaid"], ["unpaid"]),
        (("accepted",), 0, 0, 0, [], []),
        (("accepted",), -1, 0, 0, [], []),
        (("accepted",), 100, 30, 0, [], []),
        (("accepted",), 100, 30, 1, ["overdue"], ["overdue"]),
        (("accepted",), 0, 30, 500, [], []),
        (("accepted", "sent"), 0, 0, 0, ["quote-open"], []),
        (("accepted", "declined"), 0, 0, 0, [], []),
        ((), 100, 0, 0, ["unpaid"], ["unpaid"]),
    ],
)
def test_nothing_is_begun_or_leaves_unpaid_unless_there_are_terms(
    quotes: tuple[str, ...],
    due: int,
    credit_days: int,
    overdue_minor: int,
    begin: list[str],
    release: list[str],
) -> None:
    standing = Standing("EUR", quotes, due, credit_days, overdue_minor)

    assert codes(obstacles_to_beginning(standing)) == begin
    assert codes(obstacles_to_releasing(standing)) == release


@pytest.mark.parametrize(
    ("balance", "later", "expected"), [(100, 100, 0), (101, 100, 1), (-5, 0, 0), (100, 150, 0)]
)
def test_a_charge_is_overdue_when_its_day_has_come(balance: int, later: int, expected: int) -> None:
    assert overdue(balance, later) == expected
