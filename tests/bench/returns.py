"""Returns among many: their list, narrowed and not, the board, and what the page of one reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from statistics import median

from sqlalchemy.orm import Session

from stb_service.rma.gathering import next_actions
from stb_service.rma.machine import Phase
from stb_service.rma.queries import (
    CaseFilter,
    board,
    case_by_ref,
    cases_page,
    events_of_case,
    order_of_case,
)
from stb_service.shared.access import EVERYTHING, SYSTEM
from tests.bench.figures import Figure, percentile, rounded
from tests.bench.operator import ROUNDS, Operator, counting, operator

Reading = Callable[[Session], object]


def case_list_ms(
    say: Callable[[str], None], *, devices: int | None = None, rounds: int = ROUNDS
) -> Figure:
    """Read the first page of cases, then what else is asked of them; without drawing the pages."""
    found = operator(say, devices)
    spent, queries = _read(found, _wanted(found, rounds + 1), rounds)
    first = next(iter(spent))
    detail = {
        "devices": found.sizes.devices,
        "cases": found.sizes.cases,
        "p99_ms": rounded(percentile(spent[first], 0.99)),
        "queries": queries,
        "median_ms_of": {name: rounded(median(times)) for name, times in spent.items()},
    }
    return Figure("case_list_ms", median(spent[first]), "ms", rounds, detail)


def _wanted(found: Operator, count: int) -> Mapping[str, Sequence[Reading]]:
    now = datetime.now(UTC)

    def page(wanted: CaseFilter) -> Reading:
        return lambda session: cases_page(session, wanted, EVERYTHING, now=now)

    return {
        "list": [page(CaseFilter())],
        "a column of the board": [page(CaseFilter(phase=Phase.BENCH))],
        "overdue": [page(CaseFilter(standing="due"))],
        "closed": [page(CaseFilter(standing="closed"))],
        "board": [lambda session: board(session, EVERYTHING)],
        "case": [_case(ref, now) for ref in _inspected(found, count)],
    }


def _inspected(found: Operator, count: int) -> list[str]:
    """Return the numbers of cases that are closed, which all have the same to read."""
    with found.db.read() as session:
        rows = cases_page(
            session, CaseFilter(state="closed"), EVERYTHING, now=datetime.now(UTC), limit=count
        ).rows
        return [case.number for case in rows]


def _case(ref: str, now: datetime) -> Reading:
    def read(session: Session) -> None:
        case = case_by_ref(session, ref, EVERYTHING)
        order = order_of_case(session, case, EVERYTHING)
        list(events_of_case(session, case, EVERYTHING))
        next_actions(session, case, order, actor=SYSTEM, now=now)

    return read


def _read(
    found: Operator, wanted: Mapping[str, Sequence[Reading]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Read in turn; return the milliseconds and the number of queries, which must be one for each."""
    spent: dict[str, list[float]] = {name: [] for name in wanted}
    queries: dict[str, set[int]] = {name: set() for name in wanted}
    for name, readings in wanted.items():
        for turn, reading in enumerate(islice(cycle(readings), rounds + 1)):
            with counting(found.db) as sent:
                started = time.perf_counter()
                with found.db.read() as session:
                    reading(session)
                took = (time.perf_counter() - started) * 1000
            if turn:  # the first is for caches
                spent[name].append(took)
                queries[name].add(len(sent))
    if varying := {name: sorted(counts) for name, counts in queries.items() if len(counts) > 1}:
        raise RuntimeError(f"the number of queries varies: {varying}")
    return spent, {name: counts.pop() for name, counts in queries.items()}
