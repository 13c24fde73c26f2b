"""Whatever people do with stock in whatever order, the ledger agrees with a plain count."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import text

from stb_service.parts import operations
from stb_service.parts.counts import operations as counts
from stb_service.shared.errors import Refused
from tests.conftest import ADMIN, NOW
from tests.databases import KINDS, Databases
from tests.stb_service.parts.conftest import MAIN, PSU, QUARANTINE, SCRAP, VAN, Stock

PLACES = (MAIN, VAN, QUARANTINE, SCRAP)
SHELVES = (MAIN, VAN)
SUMS = text(
    "SELECT position_id, SUM(CASE side WHEN 'in' THEN quantity WHEN 'out' THEN -quantity ELSE 0"
    " END), SUM(CASE side WHEN 'in' THEN value_minor WHEN 'out' THEN -value_minor ELSE 0 END)"
    " FROM stock_moves GROUP BY position_id ORDER BY position_id"
)
LASTS = text(
    "SELECT position_id, on_hand, value_after FROM stock_moves m WHERE seq = (SELECT MAX(seq)"
    " FROM stock_moves n WHERE n.position_id = m.position_id) ORDER BY position_id"
)


class StockMachine(RuleBasedStateMachine):
    """Receives, moves, grades, reserves, uses, lets go and counts, beside a plain count."""

    new_stock: ClassVar[Callable[[], Stock]]
    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.stock = type(self).new_stock()
        self.there: dict[tuple[str, str], int] = {}
        self.kept: dict[tuple[str, str], int] = {}
        self.keys = 0

    def _try(self, may: bool, verb: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """Carry out a verb, which is refused exactly when the plain count says so."""
        if may:
            return verb(*args, **more)
        with pytest.raises(Refused):
            verb(*args, **more)
        return None

    def _free(self, key: tuple[str, str]) -> int:
        return self.there.get(key, 0) - self.kept.get(key, 0)

    def _add(self, key: tuple[str, str], pieces: int) -> None:
        self.there[key] = self.there.get(key, 0) + pieces

    @rule(
        place=st.sampled_from((MAIN, VAN, QUARANTINE)), n=st.integers(1, 9), cost=st.integers(0, 99)
    )
    def receive(self, place: str, n: int, cost: int) -> None:
        self.stock.receive(n, cost=cost, to=place)
        self._add((place, "new"), n)

    @rule(
        source=st.sampled_from((MAIN, VAN, QUARANTINE)),
        to=st.sampled_from((*PLACES, "CUSTOMER")),
        condition=st.sampled_from(("new", "defective")),
        n=st.integers(1, 9),
    )
    def move(self, source: str, to: str, condition: str, n: int) -> None:
        key = (source, condition)
        may = source != to and n <= self._free(key)
        self._try(may, self.stock.move, to, n, from_location=source, condition=condition)
        if may:
            self._add(key, -n)
            self._add((to, condition), n)

    @rule(place=st.sampled_from((MAIN, VAN, QUARANTINE)), n=st.integers(1, 4))
    def break_some(self, place: str, n: int) -> None:
        may = n <= self._free((place, "new"))
        self._try(may, self.stock.move, place, n, from_location=place, to_condition="defective")
        if may:
            self._add((place, "new"), -n)
            self._add((place, "defective"), n)

    @rule(target=held, place=st.sampled_from(SHELVES), n=st.integers(1, 9))
    def reserve(self, place: str, n: int) -> Any:
        self.keys += 1
        may = n <= self._free((place, "new"))
        made = self._try(may, self.stock.reserve, n, key=f"k{self.keys}", location=place)
        if may:
            self.kept[place, "new"] = self.kept.get((place, "new"), 0) + n
        return (made.public_id, place, n) if may else None

    @rule(reservation=consumes(held), used=st.integers(1, 9))
    def use(self, reservation: Any, used: int) -> None:
        if reservation is None:
            return
        ref, place, n = reservation
        used = min(used, n)
        for _ in range(2):
            self.stock.do(operations.consume_reservation, ref=ref, quantity=used)
        self._add((place, "new"), -used)
        self._add(("CUSTOMER", "new"), used)
        self.kept[place, "new"] -= n

    @rule(reservation=consumes(held))
    def let_go(self, reservation: Any) -> None:
        if reservation is None:
            return
        ref, place, n = reservation
        for _ in range(2):
            self.stock.do(operations.release_reservation, ref=ref)
        self.kept[place, "new"] -= n

    @rule(place=st.sampled_from(SHELVES), found=st.integers(0, 20))
    def count(self, place: str, found: int) -> None:
        ref = self.stock.do(counts.open_count, location=place).public_id
        self.stock.do(counts.count_part, ref=ref, part=PSU, counted=found)
        may = found >= self.kept.get((place, "new"), 0)
        self._try(may, self.stock.do, counts.close_count, ref=ref)
        if may:
            self.there[place, "new"] = found
        else:
            self.stock.do(counts.cancel_count, ref=ref)

    @invariant()
    def the_ledger_agrees(self) -> None:
        for place in PLACES:
            for condition in ("new", "defective"):
                key = (place, condition)
                found = self.stock.numbers(place, condition=condition)
                assert found == (self.there.get(key, 0), self.kept.get(key, 0))

    @invariant()
    def the_last_rows_are_the_sums(self) -> None:
        with self.stock.db.read() as session:
            sums = [tuple(map(int, row)) for row in session.execute(SUMS)]
            lasts = [tuple(map(int, row)) for row in session.execute(LASTS)]
        assert sums == lasts
        assert sum(row[1] for row in sums) == sum(row[2] for row in sums) == 0


def run(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, *, examples: int, steps: int
) -> None:
    """Let the machine run on one kind of database, each time on a fresh one."""
    made: list[Databases] = []

    def new_stock() -> Stock:
        while made:
            made.pop().close()
        made.append(Databases(request, Path(tempfile.mkdtemp(dir=tmp_path))))
        return Stock(made[-1].make(kind), ADMIN, NOW)

    machine = type("Machine", (StockMachine,), {"new_stock": staticmethod(new_stock)})
    try:
        run_machine(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                derandomize=True,
                database=None,
            ),
        )
    finally:
        while made:
            made.pop().close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_ledger_agrees_with_a_plain_count(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run(kind, request, tmp_path, examples=5, steps=20)


@pytest.mark.prove
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", KINDS)
def test_the_ledger_agrees_with_a_plain_count_for_long(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run(kind, request, tmp_path, examples=100, steps=50)
