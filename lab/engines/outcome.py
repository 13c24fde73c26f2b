"""What an engine gives back: figures, and plots of what happened when; and how far it is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

Some = TypeVar("Some")
Progress = Callable[[int, int], None]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """One curve of a plot."""

    name: str
    points: Points


@dataclass(frozen=True)
class Marks:
    """Moments at which something happened."""

    name: str
    at_s: Sequence[float]


@dataclass(frozen=True)
class Plot:
    """Curves over the same time, in seconds, with what happened meanwhile and a limit."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    marks: tuple[Marks, ...] = ()
    limit: float | None = None


@dataclass(frozen=True)
class Table:
    """Words in rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Sign(StrEnum):
    """What became of a stream on a box."""

    PLAYS = "plays"
    FALSE_PROMISE = "false promise"
    REFUSED_FOR_NOTHING = "refused for nothing"
    CANNOT = "cannot"


@dataclass(frozen=True)
class GridRow:
    """What became of one stream on each box of a grid."""

    name: str
    cells: tuple[Sign, ...]


@dataclass(frozen=True)
class Grid:
    """Each stream (rows) on each box (columns)."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[GridRow, ...]


@dataclass
class Outcome:
    """All of a run. `facts` are what it was made from: hashes, counts, statistics."""

    measures: dict[str, float]
    plots: list[Plot] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


def part_of(tell: Progress, before: int, total: int) -> Progress:
    """Return what hears (done, all) of a part of the work, of which `before` was done when the part
    began, of `total`.
    """
    return lambda done, _all: tell(min(before + done, total), total)


def counted(some: Iterable[Some], due: int, tell: Progress) -> Iterator[Some]:
    """Hand on what comes, and tell how many of those that are due have come."""
    for done, one in enumerate(some, start=1):
        tell(min(done, due), due)
        yield one
