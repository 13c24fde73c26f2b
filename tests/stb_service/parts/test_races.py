"""Stock stays true however many people take, reserve and count at once."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from stb_service.parts import operations
from stb_service.parts.catalogue.queries import part_by_ref
from stb_service.parts.counts import operations as counts
from stb_service.shared.errors import Conflict, Refused
from tests.stb_service.parts.conftest import MAIN, PSU, VAN, Stock

pytestmark = pytest.mark.race

THREADS = 8


@pytest.fixture
def distant(stock: Stock) -> Iterator[None]:
    """The database is some way off, so that units of work overlap whatever the machine."""

    def travel(*_: object) -> None:
        time.sleep(0.001)

    event.listen(stock.db.engine, "after_cursor_execute", travel)
    yield
    event.remove(stock.db.engine, "after_cursor_execute", travel)


def together(works: Sequence[Callable[[], object]]) -> Counter[str]:
    """Do all the work, eight pieces at a time, beginning at once; return how it ended."""
    barrier = threading.Barrier(THREADS)

    def begin(share: Sequence[Callable[[], object]]) -> list[str]:
        barrier.wait()
        return [outcome(work) for work in share]

    with ThreadPoolExecutor(THREADS) as pool:
        shares = [works[n::THREADS] for n in range(THREADS)]
        done = [pool.submit(begin, share) for share in shares]
        return Counter(word for part in done for word in part.result())


def outcome(work: Callable[[], object]) -> str:
    """Return how a piece of work ended; anything but a refusal or a race is a failure."""
    try:
        work()
    except (Conflict, Refused) as refusal:
        return refusal.code
    except IntegrityError:
        return "race"
    return "done"


def is_true(stock: Stock) -> bool:
    """Tell whether each position's last row is the sum of its rows, and nothing is beyond."""
    statement = text(
        "SELECT COUNT(*) FROM stock_moves m WHERE seq = (SELECT MAX(seq) FROM stock_moves n"
        " WHERE n.position_id = m.position_id) AND (on_hand <> (SELECT SUM(CASE side WHEN 'in'"
        " THEN quantity WHEN 'out' THEN -quantity ELSE 0 END) FROM stock_moves n WHERE"
        " n.position_id = m.position_id) OR reserved > CASE WHEN on_hand > 0 THEN on_hand ELSE 0"
        " END OR reserved < 0)"
    )
    with stock.db.read() as session:
        wrong: int = session.scalars(statement).one()
    return wrong == 0


def test_those_who_take_at_once_take_exactly_what_is_there(stock: Stock, distant: None) -> None:
    stock.receive(10)

    ended = together([partial(stock.move, VAN)] * 24)

    assert ended == {"done": 10, "stock": 14}
    assert (stock.numbers(MAIN), stock.numbers(VAN)) == ((0, 0), (10, 0))
    assert is_true(stock)


def test_those_who_reserve_at_once_hold_no_more_than_there_is(stock: Stock, distant: None) -> None:
    stock.receive(10)

    ended = together([partial(stock.reserve, 1, key=f"k{n}") for n in range(24)])

    assert ended == {"done": 10, "available": 14}
    assert stock.numbers() == (10, 10)


def test_one_need_that_is_asked_for_many_times_at_once_is_reserved_once(
    stock: Stock, distant: None
) -> None:
    stock.receive(10)

    ended = together([partial(stock.reserve, 2, key="one")] * 16)

    assert ended == {"done": 16}
    assert stock.numbers() == (10, 2)


def test_a_reservation_that_is_used_and_let_go_at_once_ends_once(
    stock: Stock, distant: None
) -> None:
    stock.receive(10)
    ref = stock.reserve(3).public_id
    use = partial(stock.do, operations.consume_reservation, ref=ref)
    let_go = partial(stock.do, operations.release_reservation, ref=ref)

    ended = together([use, let_go] * 8)

    assert ended["done"] == 8
    assert stock.numbers() in {(7, 0), (10, 0)}
    assert is_true(stock)


def test_a_box_that_is_moved_by_many_at_once_goes_once(stock: Stock, distant: None) -> None:
    box = stock.box()
    stock.receive(1, part=None, device=box.public_id)

    ended = together([partial(stock.move, VAN, device=box.public_id)] * 8)

    assert ended == {"done": 1, "same": 7}


def test_a_sheet_that_is_closed_by_many_at_once_is_closed_once(stock: Stock, distant: None) -> None:
    stock.receive(10)
    ref = stock.do(counts.open_count, location=MAIN).public_id
    stock.do(counts.count_part, ref=ref, part=PSU, counted=7)

    ended = together([partial(stock.do, counts.close_count, ref=ref)] * 8)

    assert ended == {"done": 1, "ended": 7}
    assert stock.numbers() == (7, 0)


def test_two_people_who_count_one_part_at_once_are_not_both_taken(
    stock: Stock, distant: None
) -> None:
    stock.receive(10)
    ref = stock.do(counts.open_count, location=MAIN).public_id
    line: dict[str, Any] = {"ref": ref, "part": PSU}

    ended = together([partial(stock.do, counts.count_part, counted=n, **line) for n in range(8)])

    assert ended == {"done": 1, "counted-already": 7}


def live(stock: Stock, name: str, rng: random.Random) -> None:
    """Do what a person may do next with the shelf, several times."""
    for turn in range(4):
        if rng.random() < 0.4:
            stock.move(*(VAN, 1) if rng.random() < 0.7 else ("CUSTOMER", 2))
        else:
            ref = stock.reserve(rng.randint(1, 3), key=f"{name}/{turn}").public_id
            verb = rng.choice([operations.consume_reservation, operations.release_reservation])
            stock.do(verb, ref=ref)
        if rng.random() < 0.5:
            stock.receive(1)


def test_all_at_once_leaves_the_ledger_true(stock: Stock) -> None:
    stock.receive(15)
    lives = [partial(live, stock, f"p{n}", random.Random(n)) for n in range(24)]

    ended = together(lives)

    assert set(ended) <= {"done", "stock", "reserved", "available"}
    assert is_true(stock)
    assert stock.numbers()[0] >= 0


@pytest.mark.usefixtures("distant")
def test_a_statement_that_is_sent_many_times_at_once_counts_once(stock: Stock) -> None:
    state = partial(_state, stock, "row erp-1", 12)

    ended = together([state] * THREADS)

    assert ended["done"] >= 1
    assert set(ended) <= {"done", "race"}
    assert stock.numbers() == (12, 0)
    assert is_true(stock)


@pytest.mark.usefixtures("distant")
def test_statements_and_moves_meet_and_the_ledger_stays_true(stock: Stock) -> None:
    stock.receive(50)
    states = [partial(_state, stock, f"row {n}", 40) for n in range(THREADS)]
    moves = [partial(stock.move, VAN, 1) for _ in range(THREADS)]

    ended = together([work for pair in zip(states, moves, strict=True) for work in pair])

    assert ended == {"done": 2 * THREADS}
    assert is_true(stock)
    assert stock.numbers(VAN) == (THREADS, 0)


def _state(stock: Stock, key: str, counted: int) -> None:
    with stock.db.write() as session:
        counts.state_stock(
            session,
            key=key,
            part=part_by_ref(session, PSU),
            location=MAIN,
            counted=counted,
            source="file.csv",
            actor=stock.actor,
            now=stock.now,
        )
