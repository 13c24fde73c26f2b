"""Tells how far runs are: bars with an estimate on a terminal; off it, a line for each that ended."""

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from lab.report.result import Verdict
from lab.runs import Done

BAR_WIDTH = 28
WIDEST_NAME = 30
WHOLE = 1.0


class RunsProgress:
    """The bars of runs that are being made, and one of all where there are several.

    `tell` and `end` may be called from several threads.
    """

    def __init__(self, names: Sequence[str], console: Console) -> None:
        """Take the names of all runs, in their order."""
        self._names, self._console, self._lock = names, console, threading.Lock()
        name = Column(max_width=WIDEST_NAME, overflow="ellipsis", no_wrap=True)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False, table_column=name),
            BarColumn(BAR_WIDTH),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._shares = [0.0] * len(names)
        self._tasks: dict[int, TaskID] = {}
        self._ended: set[int] = set()
        self._all = self._bars.add_task(self._counted(), total=len(names), visible=len(names) > 1)

    def __enter__(self) -> Self:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Take them away."""
        self._bars.stop()

    def tell(self, number: int, done: int, total: int) -> None:
        """Move the bar of a run, which begins with the first word of it."""
        with self._lock:
            if number in self._ended:
                return
            if number not in self._tasks:
                self._tasks[number] = self._bars.add_task(self._names[number], total=total)
            self._bars.update(self._tasks[number], completed=done, total=total)
            self._move_all(number, done / max(1, total))

    def end(self, number: int, done: Done) -> None:
        """Take a run's bar away; off a terminal tell what became of it."""
        with self._lock:
            self._ended.add(number)
            if number in self._tasks:
                self._bars.remove_task(self._tasks.pop(number))
            self._move_all(number, WHOLE)
        if not self._console.is_terminal:
            told = f"{self._names[number]}: {_outcome(done)} ({self._counted()})"
            self._console.print(told, markup=False, highlight=False, soft_wrap=True)

    def _counted(self) -> str:
        return f"{len(self._ended)} of {len(self._names)} runs"

    def _move_all(self, number: int, share: float) -> None:
        self._shares[number] = share
        self._bars.update(self._all, completed=sum(self._shares), description=self._counted())


def _outcome(done: Done) -> str:
    if done.result is None:
        return "could not run"
    word = "pass" if done.result["verdict"] == Verdict.PASS else "fail"
    return f"{word}, {done.took_s:.1f} s"
