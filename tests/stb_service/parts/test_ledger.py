"""What the database itself refuses, whoever writes: SQL that goes past the service."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from stb_service.parts import operations
from stb_service.parts.models import StockMove
from stb_service.shared.db import Database
from tests.stb_service.parts.conftest import MAIN, VAN, Stock


def last_pair(stock: Stock) -> list[dict[str, Any]]:
    """Return the sides of the last move, as rows that would follow it with the same change."""
    columns = StockMove.__table__.columns.keys()
    with stock.db.read() as session:
        rows = session.scalars(select(StockMove).order_by(StockMove.id.desc()).limit(2)).all()
        plain = [{name: getattr(row, name) for name in columns} for row in reversed(rows)]
    return [_following(row) for row in plain]


def _following(row: dict[str, Any]) -> dict[str, Any]:
    sign = 1 if row["side"] == "in" else -1
    return row | {
        "id": None,
        "number": "forged",
        "seq": row["seq"] + 1,
        "previous_seq": row["seq"],
        "on_hand_before": row["on_hand"],
        "on_hand": row["on_hand"] + sign * row["quantity"],
        "value_before": row["value_after"],
        "value_after": row["value_after"] + sign * row["value_minor"],
    }


def write(stock: Stock, *rows: dict[str, Any]) -> None:
    with stock.db.write() as session:
        for row in rows:
            values = {name: value for name, value in row.items() if name != "id"}
            session.execute(insert(StockMove).values(values))


@pytest.fixture
def filled(stock: Stock) -> Stock:
    """Ten in the warehouse, three of them moved to the van."""
    stock.receive(10)
    stock.move(VAN, 3)
    return stock


def test_a_pair_that_follows_is_taken(filled: Stock) -> None:
    write(filled, *last_pair(filled))

    assert (filled.numbers(MAIN), filled.numbers(VAN)) == ((4, 0), (6, 0))


@pytest.mark.parametrize(
    ("side", "change"),
    [
        (0, {"on_hand": 99}),
        (0, {"on_hand_before": 99, "on_hand": 96}),
        (0, {"value_before": 9900, "value_after": 9600}),
        (0, {"seq": 9, "previous_seq": 8}),
        (0, {"seq": 1, "previous_seq": None, "on_hand_before": 0, "on_hand": -3}),
        (0, {"previous_seq": None}),
        (0, {"quantity": 8, "on_hand": -1}),
        (0, {"reserved": 1}),
        (0, {"side": "hold"}),
        (0, {"kind": "magic"}),
        (0, {"currency": "USD"}),
        (0, {"is_open": True}),
        (1, {"quantity": 4, "on_hand": 7}),
        (1, {"value_minor": 999, "value_after": 1299}),
        (1, {"number": "another"}),
        (1, {"device_seq": 1}),
    ],
)
def test_a_row_that_does_not_follow_is_refused(
    filled: Stock, side: int, change: dict[str, Any]
) -> None:
    pair = last_pair(filled)
    pair[side] = pair[side] | change

    with pytest.raises(IntegrityError):
        write(filled, *pair)


@pytest.mark.parametrize("side", [0, 1])
def test_a_side_without_the_other_is_refused(filled: Stock, side: int) -> None:
    with pytest.raises(IntegrityError):
        write(filled, last_pair(filled)[side])


def test_a_row_cannot_be_followed_twice(filled: Stock) -> None:
    pair = last_pair(filled)
    write(filled, *pair)

    with pytest.raises(IntegrityError):
        write(filled, *[row | {"number": "again"} for row in pair])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stock_moves SET reason = 'nothing'",
        "UPDATE stock_moves SET on_hand = 99 WHERE seq = 1",
        "DELETE FROM stock_moves",
        "DELETE FROM stock_moves WHERE seq = 1",
    ],
)
def test_the_ledger_is_never_changed(filled: Stock, statement: str) -> None:
    with (
        pytest.raises(DBAPIError, match="the ledger is never changed"),
        filled.db.engine.execution_options(writes=True).begin() as connection,
    ):
        connection.execute(text(statement))


def test_postgresql_refuses_to_empty_the_ledger(postgresql_db: Database) -> None:
    with (
        pytest.raises(DBAPIError, match="the ledger is never changed"),
        postgresql_db.engine.begin() as connection,
    ):
        connection.execute(text("TRUNCATE stock_moves"))


def test_a_box_is_not_in_two_places(stock: Stock) -> None:
    box = stock.box()
    stock.receive(1, part=None, device=box.public_id)
    pair = last_pair(stock)
    pair = [row | {"device_seq": 2, "came_seq": row["came_seq"] and 2} for row in pair]

    with pytest.raises(IntegrityError):  # it would come from the supplier once more
        write(stock, pair[0] | {"stood_seq": 1}, pair[1])
    with pytest.raises(IntegrityError):
        write(stock, pair[0] | {"stood_seq": None}, pair[1])


def test_a_reservation_is_used_once(stock: Stock) -> None:
    stock.receive(9)
    made = stock.reserve(3)
    stock.do(operations.consume_reservation, ref=made.public_id)

    with pytest.raises(IntegrityError):
        write(stock, *[row | {"reserved": 0, "reserved_before": 0} for row in last_pair(stock)])


def test_the_last_row_of_each_position_is_the_sum_of_its_moves(filled: Stock) -> None:
    filled.reserve(2)
    filled.move(VAN, 1)
    summed = text(
        "SELECT position_id, SUM(CASE side WHEN 'in' THEN quantity WHEN 'out' THEN -quantity"
        " ELSE 0 END), SUM(CASE side WHEN 'in' THEN value_minor WHEN 'out' THEN -value_minor"
        " ELSE 0 END) FROM stock_moves GROUP BY position_id ORDER BY position_id"
    )
    last = text(
        "SELECT position_id, on_hand, value_after FROM stock_moves m WHERE seq ="
        " (SELECT MAX(seq) FROM stock_moves n WHERE n.position_id = m.position_id)"
        " ORDER BY position_id"
    )
    with filled.db.read() as session:
        sums = [tuple(map(int, row)) for row in session.execute(summed)]
        lasts = [tuple(map(int, row)) for row in session.execute(last)]

    assert sums == lasts
    assert sum(row[1] for row in sums) == 0
    assert sum(row[2] for row in sums) == 0
