"""Importing a file of boxes: good rows are kept, none is half-written, the rest is reported.

Rows are taken in chunks, each in a unit of work of its own. New boxes of a chunk are written
together; should that fail, one by one. A row finds its box by external id, else by maker and
serial, and changes only what it says: the same file twice changes nothing, so an import
that was cut off is simply run again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from stb_service.devices.arrivals.columns import Header, read_cells, read_header
from stb_service.devices.arrivals.matching import Found, find_boxes
from stb_service.devices.arrivals.operations import Draft, adopts, draft_of, register_many
from stb_service.devices.fields import Reading, References, read_fields
from stb_service.devices.identity.operations import (
    Disputed,
    Holders,
    Identity,
    list_for_review,
)
from stb_service.devices.identity.rules import ClaimSource, IdentifierKey, identity_warnings
from stb_service.devices.models import Device
from stb_service.devices.operations import change_device, change_status, move_custody
from stb_service.devices.tables import Line, count_lines, read_lines
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid
from stb_service.shared.i18n import Text, text

CHUNK = 500
MAX_WARNINGS = 1_000
REFUSED, WARNING = "refused", "warning"
Progress = Callable[[int, int | None], None]


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
        cells = {column.name: place for place, column in header.places.items()}
        for name, messages in problems.items():
            place = cells.get(name)
            known = place is not None and place < len(line.cells)
            value = line.cells[place] if known and place is not None else ""
            self.remarks += [
                Remark(line.number, name if place is not None else "", value, message)
                for message in messages
            ]

    def warn(self, line: Line, identity: Identity) -> None:
        """Note what is odd about a row that was taken."""
        if len(self.remarks) >= MAX_WARNINGS:
            return
        macs = (identity.mac_ethernet, identity.mac_wifi)
        self.remarks += [
            Remark(line.number, "", identity.serial, reason, WARNING)
            for reason in identity_warnings(serial=identity.serial, maker=identity.maker, macs=macs)
        ]

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


@dataclass
class _Row:
    """A row on its way."""

    line: Line
    fields: dict[str, Any]
    reading: Reading
    identity: Identity
    device: Device | None = None


def import_file(
    db: Database,
    path: Path,
    *,
    name: str,
    actor: Actor,
    clock: Callable[[], datetime],
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Import a CSV or XLSX file of boxes; a dry run does the same and keeps nothing.

    Raises:
        Invalid: the file is no table, or its first line names no boxes. Rows before a place
            where a file breaks off are kept.
    """
    lines = read_lines(path, name)
    first = next(lines, None)
    if first is None:
        raise Invalid.field("file", text("The file is empty."))
    header = read_header(first.cells)
    total = count_lines(path)
    total = None if total is None else max(total - 1, 1)
    task = _Import(db, header, name, actor, Report(dry_run, unknown_columns=header.unknown))
    while chunk := list(itertools.islice(lines, CHUNK)):
        task.take(chunk, clock())
        if progress is not None:
            progress(task.report.rows, total if total is None else max(total, task.report.rows))
    return task.report


@dataclass
class _Import:
    db: Database
    header: Header
    name: str
    actor: Actor
    report: Report
    claimed: dict[IdentifierKey, int] = field(default_factory=dict)
    """In a dry run, what earlier chunks would have registered, and on which line."""
    adopt: bool = False

    def take(self, chunk: Sequence[Line], now: datetime) -> None:
        """Import one chunk in a unit of work of its own."""
        self.report.rows += len(chunk)
        with self.db.open(writes=True) as session:
            self.adopt = adopts(session, self.actor)
            waiting: Sequence[Line] = chunk
            while waiting:  # rows that claim from a row before them wait until that is written
                waiting = self._pass(session, waiting, now)
            if self.report.is_dry_run:
                session.rollback()
            else:
                session.commit()

    def _pass(self, session: Session, lines: Sequence[Line], now: datetime) -> list[Line]:
        rows = self._read(session, lines)
        holders = Holders.of(session, [row.identity for row in rows if row.device is None])
        new: list[tuple[_Row, Draft]] = []
        taken: set[object] = set()
        later: list[Line] = []
        for row in rows:
            keys = {*row.identity.keys.values(), row.fields.get("external_id")} - {None}
            if taken & keys:
                later.append(row.line)
            elif row.device is not None:
                self._change(session, row, now)
            elif draft := self._draft(session, row, holders, now):
                taken |= keys
                new.append((row, draft))
        self._register(session, new, now)
        return later

    def _read(self, session: Session, lines: Sequence[Line]) -> list[_Row]:
        """Read rows and find their boxes; those that cannot be read are refused here."""
        refs = References(session)
        read = [(line, *read_cells(self.header, line.cells)) for line in lines]
        first = [read_fields(fields, refs, scope=self.actor.scope) for _, fields, _ in read]  # type: ignore[arg-type]
        found = find_boxes(session, first, self.actor.scope)
        rows = []
        for (line, fields, problems), reading in zip(read, first, strict=True):
            row = self._row(line, fields, reading, found, refs)
            wrong = {name: [reason] for name, reason in problems.items()} | row.reading.problems
            if wrong:
                self.report.refuse(line, self.header, wrong)
            else:
                rows.append(row)
        return rows

    def _row(
        self, line: Line, fields: dict[str, Any], reading: Reading, found: Found, refs: References
    ) -> _Row:
        device = found.box_of(reading)
        if device is None:
            for name in ("serial", "model"):
                if name not in fields:
                    reading.problems[name] = [text("A box that is new needs this.")]
            return _Row(line, fields, reading, reading.identity(Identity()))
        reading = read_fields(fields, refs, scope=self.actor.scope, device=device)  # type: ignore[arg-type]
        return _Row(line, fields, reading, reading.identity(Identity.of(device)), device)

    # New boxes

    def _draft(self, session: Session, row: _Row, holders: Holders, now: datetime) -> Draft | None:
        claims = holders.claims(row.identity, but=None, scope=self.actor.scope)
        earlier = {
            name: [text("Line %(line)s of this file has it.", line=self.claimed[key])]
            for name, key in row.identity.keys.items()
            if key in self.claimed
        }
        try:
            if claims:
                details = row.reading.as_typed
                raise Disputed(claims, claimant=row.identity.serial, details=details)
            if earlier:
                raise Invalid(fields=earlier)
            return draft_of(session, row.reading, adopt=self.adopt)
        except DomainError as refusal:
            self._refuse(session, row, refusal, now)
            return None

    def _register(self, session: Session, new: Sequence[tuple[_Row, Draft]], now: datetime) -> None:
        """Write the new boxes of a chunk together, or one by one where that fails."""
        if not new:
            return
        try:
            with session.begin_nested():
                drafts = [draft for _, draft in new]
                register_many(session, drafts, actor=self.actor, now=now)
        except IntegrityError:
            if len(new) > 1:
                for one in new:
                    self._register(session, [one], now)
                return
            row, _ = new[0]
            raced = Invalid.field("serial", text("Someone else registered it at the same moment."))
            self._refuse(session, row, raced, now)
            return
        self.report.created += len(new)
        for row, draft in new:
            self.report.warn(row.line, draft.identity)
            if self.report.is_dry_run:
                self.claimed |= dict.fromkeys(row.identity.keys.values(), row.line.number)

    # Boxes that are known

    def _change(self, session: Session, row: _Row, now: datetime) -> None:
        device = row.device
        assert device is not None
        wanted = _differences(device, row)
        if not wanted:
            self.report.unchanged += 1
            return
        try:
            with session.begin_nested():
                _apply(session, device, row, wanted, self.actor, now)
        except DomainError as refusal:
            self._refuse(session, row, refusal, now)
        except IntegrityError:
            raced = Invalid.field("serial", text("Someone else was first; import it again."))
            self._refuse(session, row, raced, now)
        else:
            self.report.changed += 1

    def _refuse(self, session: Session, row: _Row, refusal: DomainError, now: datetime) -> None:
        problems: Mapping[str, Sequence[Text]] = {"": [refusal.detail]}
        if isinstance(refusal, Invalid) and refusal.fields:
            problems = refusal.fields
        self.report.refuse(row.line, self.header, problems)
        if isinstance(refusal, Disputed) and not self.report.is_dry_run:
            place = f"{self.name}, {row.line.number}"
            list_for_review(
                session,
                refusal=refusal,
                source=ClaimSource.IMPORT,
                place=place,
                actor=self.actor,
                now=now,
            )


def _differences(device: Device, row: _Row) -> set[str]:
    """Return which kinds of change a row asks for: fields, status, custody."""
    columns = dict(row.reading.columns)
    status = columns.pop("status", device.status)
    custodian = columns.pop("custodian_id", device.custodian_id)
    tags = row.reading.tags if "tags" in row.fields else device.tag_names
    found = set()
    if (
        audit.differences(device, columns)
        or row.identity != Identity.of(device)
        or tags != device.tag_names
    ):
        found.add("fields")
    if status != device.status:
        found.add("status")
    if custodian != device.custodian_id:
        found.add("custody")
    return found


def _apply(
    session: Session,
    device: Device,
    row: _Row,
    wanted: set[str],
    actor: Actor,
    now: datetime,
) -> None:
    """Make the changes of one row; a refusal of any of them undoes the row."""
    who: dict[str, Any] = {"actor": actor, "now": now}
    uid, fields = device.public_id, dict(row.fields)
    status, custodian = fields.pop("status", None), fields.pop("custodian", None)
    if "fields" in wanted:
        change_device(session, uid=uid, **who, **fields)
    if "custody" in wanted:
        move_custody(session, uid=uid, organisation=custodian, reason="import", **who)
    if "status" in wanted:
        change_status(session, uid=uid, status=str(status), reason="import", **who)
