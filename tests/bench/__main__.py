"""`python -m tests.bench [NAME ...]`: a table on standard error, a JSON object a line on standard
output for each measurement.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Column, Table

from stb_service.shared import logs
from tests.bench.cards import box_card_ms, timeline_ms
from tests.bench.figures import Figure, rounded
from tests.bench.lab import lab_media_realtime_x, lab_model_segments_per_s
from tests.bench.polls import polls_vs_null
from tests.bench.registry import import_rows_per_s, search_100k_ms
from tests.bench.returns import case_list_ms
from tests.bench.stock import stock_ms
from tests.bench.warranty import cover_decision_us

BENCHES: dict[str, Callable[[Callable[[str], None]], Figure]] = {
    "polls_vs_null": polls_vs_null,
    "search_100k_ms": search_100k_ms,
    "import_rows_per_s": import_rows_per_s,
    "box_card_ms": box_card_ms,
    "stock_ms": stock_ms,
    "timeline_ms": timeline_ms,
    "case_list_ms": case_list_ms,
    "cover_decision_us": cover_decision_us,
    "lab_model_segments_per_s": lab_model_segments_per_s,
    "lab_media_realtime_x": lab_media_realtime_x,
}


def shown(figures: list[Figure]) -> Table:
    """Return the figures as a table for people."""
    table = Table("measurement", "value", "unit", "n", Column("detail", overflow="fold"))
    for figure in figures:
        detail = "\n".join(f"{name}: {value}" for name, value in figure.detail.items())
        table.add_row(figure.name, f"{rounded(figure.value):g}", figure.unit, str(figure.n), detail)
    return table


def main(names: list[str]) -> int:
    """Measure what is named, or everything."""
    console = Console(stderr=True, highlight=False)
    logs.configure("ERROR")
    if unknown := set(names) - set(BENCHES):
        console.print(f"no such measurement: {', '.join(sorted(unknown))}")
        console.print(f"there are: {', '.join(BENCHES)}")
        return 2
    figures = []
    for name in names or BENCHES:
        started = time.monotonic()
        figure = BENCHES[name](lambda words, name=name: console.print(f"{name}: {words}"))  # type: ignore[misc]
        console.print(f"{name}: done in {time.monotonic() - started:.0f} s")
        figures.append(figure)
        print(figure.as_json(), flush=True)
    console.print(shown(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
