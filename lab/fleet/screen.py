"""What the operator sees while a fleet runs: a live table, or plain lines without a terminal."""

import heapq
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lab.box.box import Box, Phase
from lab.fleet.summary import Member
from lab.units import NS_PER_S, to_seconds

PLAIN_INTERVAL_NS = 5 * NS_PER_S
EVENTS_SHOWN = 8


class PlainScreen:
    """A line every few seconds, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        """Print to this console."""
        self._console = console
        self._printed_ns = -PLAIN_INTERVAL_NS

    def __enter__(self) -> Self:
        """Nothing to set up."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to undo."""

    def __call__(self, members: Sequence[Member], elapsed_ns: int) -> None:
        """Print, unless a line was printed a moment ago."""
        if elapsed_ns - self._printed_ns < PLAIN_INTERVAL_NS:
            return
        self._printed_ns = elapsed_ns
        self._console.print(status_line(members, elapsed_ns), highlight=False, soft_wrap=True)


class LiveScreen:
    """A table by model, revision and version, redrawn in place."""

    def __init__(self, console: Console) -> None:
        """Draw on this console."""
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        """Take the terminal."""
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back; the last table stays."""
        self._live.stop()

    def __call__(self, members: Sequence[Member], elapsed_ns: int) -> None:
        """Redraw."""
        parts = (Text(status_line(members, elapsed_ns)), fleet_table(members), _latest(members))
        self._live.update(Group(*parts), refresh=True)


def status_line(members: Sequence[Member], elapsed_ns: int) -> str:
    """One line: time, versions, phases, and what went wrong."""
    boxes = [member.box for member in members]
    versions = _listing(Counter(box.version for box in boxes))
    phases = _listing(Counter(box.phase.value for box in boxes))
    polls = sum(box.record.polls for box in boxes)
    errors = sum(box.record.http_errors.total() for box in boxes)
    broken = sum(bool(box.record.violations()) for box in boxes)
    return (
        f"{to_seconds(elapsed_ns):6.1f} s  {len(boxes)} boxes  runs {versions}  now {phases}  "
        f"polls {polls}  http errors {errors}  boxes with violations {broken}"
    )


def fleet_table(members: Sequence[Member]) -> Table:
    """A row for each model, revision, wire and running version."""
    table = Table(title=None, expand=False)
    for name in ("model", "rev", "wire", "runs"):
        table.add_column(name)
    for name in ("boxes", "busy", "downloads", "said ok", "said failed", "violations"):
        table.add_column(name, justify="right")
    groups: dict[tuple[str, str, str, str], list[Box]] = {}
    for member in members:
        who = member.box.identity
        key = (who.model, who.revision, who.wire.value, member.box.version)
        groups.setdefault(key, []).append(member.box)
    for key in sorted(groups):
        table.add_row(*key, *map(str, _figures(groups[key])))
    return table


def _figures(boxes: Sequence[Box]) -> tuple[int, ...]:
    resting = {Phase.IDLE, Phase.POLLING, Phase.OFF, Phase.SILENT, Phase.CRASHED}
    said = Counter(
        report.finished
        for box in boxes
        for report in box.record.reports
        if report.execution == "closed" and report.about == "deploymentBase"
    )
    return (
        len(boxes),
        sum(box.phase not in resting for box in boxes),
        sum(box.record.downloads.finished for box in boxes),
        said["success"],
        said["failure"],
        sum(len(box.record.violations()) for box in boxes),
    )


def _latest(members: Sequence[Member]) -> Text:
    """The boxes to which something happened last."""
    entries = [
        (member.box.record.journal[-1], member.box)
        for member in members
        if member.box.record.journal
    ]
    latest = heapq.nlargest(EVENTS_SHOWN, entries, key=lambda pair: pair[0].at_ns)
    lines = [
        f"{box.identity.serial:<14} {box.temper.personality.value:<11} {entry.event}  {entry.detail}"
        for entry, box in reversed(latest)
    ]
    return Text("\n".join(lines), overflow="ellipsis", no_wrap=True)


def _listing(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in sorted(counts.items()))
