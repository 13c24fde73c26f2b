"""The board and the list of returns as people open them, narrowed and not, and the page of one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from stb_service.rma.queries import CaseFilter, cases_page
from stb_service.shared.access import EVERYTHING
from tests.bench.figures import Figure
from tests.bench.operator import ROUNDS, Operator, figure_of, operator

API = "/api/v1/returns"


def case_list_ms(
    say: Callable[[str], None], *, devices: int | None = None, rounds: int = ROUNDS
) -> Figure:
    """Open the list of returns, then what else people open of them; whole requests."""
    found = operator(say, devices)
    closed = _closed(found, rounds + 1)
    wanted = {
        "list": ["/returns/list"],
        "list by state": ["/returns/list?phase=bench"],
        "list of who is late": ["/returns/list?standing=due"],
        "list of one that was typed": [f"/returns/list?text={number}" for number, _ in closed],
        "board": ["/returns"],
        "board narrowed": ["/returns?remedy=repair"],
        "list of the api": [API],
        "list of the api by phase": [f"{API}?phase=bench"],
        "closed ones of the api": [f"{API}?standing=closed"],
        "case": [f"/returns/{ref}" for _, ref in closed],
        "case of the api": [f"{API}/{ref}" for _, ref in closed],
    }
    return figure_of("case_list_ms", found, wanted, rounds)


def _closed(found: Operator, count: int) -> list[tuple[str, str]]:
    """Return the numbers and ids of cases that are closed, which all have the same to read."""
    with found.db.read() as session:
        rows = cases_page(
            session,
            CaseFilter(state="closed", remedy="repair"),
            EVERYTHING,
            now=datetime.now(UTC),
            limit=count,
        ).rows
        return [(case.number, case.public_id) for case in rows]
