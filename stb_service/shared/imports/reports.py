"""What an import did, or would do, and what it refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stb_service.shared.i18n import Text
from stb_service.shared.imports.columns import Header
from stb_service.shared.tables import Line

MAX_WARNINGS = 1_000
REFUSED, WARNING = "refused", "warning"


@dataclass(frozen=True)
class Remark:
    """One entry of the report: where in the file, what stands there, what is wrong or odd."""

    line: int
    column: str
    value: str
    reason: Text
    severity: str = REFUSED


@dataclass
class Report:
    """What an import did, or would do."""

    is_dry_run: bool
    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    remarks: list[Remark] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()

    def refuse(self, line: Line, header: Header, problems: Mapping[str, Sequence[Text]]) -> None:
        """Count a row as refused, with each of its problems."""
        self.refused += 1
        for name, messages in problems.items():
            place = header.place_of(name)
            value = "" if place is None or place >= len(line.cells) else line.cells[place]
            self.remarks += [Remark(line.number, name, value, message) for message in messages]

    def warn(self, line: Line, value: str, reasons: Iterable[Text]) -> None:
        """Note what is odd about a row that was taken."""
        if len(self.remarks) < MAX_WARNINGS:
            self.remarks += [Remark(line.number, "", value, reason, WARNING) for reason in reasons]

    def figures(self) -> dict[str, Any]:
        """Return the counts, for the page of the job."""
        return {
            "rows": self.rows,
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "warnings": sum(remark.severity == WARNING for remark in self.remarks),
            "dry_run": self.is_dry_run,
            "unknown_columns": ", ".join(self.unknown_columns),
        }

    def table(self) -> Iterable[Sequence[str]]:
        """Yield the report as rows, its header first."""
        yield ("line", "column", "severity", "value", "reason")
        for remark in sorted(self.remarks, key=lambda remark: remark.line):
            yield (
                str(remark.line),
                remark.column,
                remark.severity,
                remark.value,
                str(remark.reason),
            )
