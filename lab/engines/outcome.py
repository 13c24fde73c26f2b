"""What an engine gives back: figures, and plots of what happened when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

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


@dataclass
class Outcome:
    """All of a run. `facts` are what it was made from: hashes, counts, statistics."""

    measures: dict[str, float]
    plots: list[Plot] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
