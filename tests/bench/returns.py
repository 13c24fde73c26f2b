"""The board and the list of returns as people open them, narrowed and not, and one of them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from stb_service.rma.cases import CaseState
from stb_service.rma.facts import Remedy
from stb_service.rma.models import CaseQuote, ReturnCase
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
        "case of the api": [f"{API}/{ref}" for _, ref in closed],
    }
    return figure_of("case_list_ms", found, wanted, rounds)


def _closed(found: Operator, count: int) -> list[tuple[str, str]]:
    """Return the numbers and ids of repairs that are closed and were not quoted: all have the same to
    read.
    """
    quoted = select(CaseQuote.case_id)
    statement = (
        select(ReturnCase.number, ReturnCase.public_id)
        .where(
            ReturnCase.state == CaseState.CLOSED,
            ReturnCase.remedy == Remedy.REPAIR,
            ReturnCase.id.not_in(quoted),
        )
        .order_by(ReturnCase.id.desc())
        .limit(count)
    )
    with found.db.read() as session:
        return [(row[0], row[1]) for row in session.execute(statement)]
