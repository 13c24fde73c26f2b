"""Importing a file of boxes: good rows are kept, none is half-written, the rest is reported.

Rows are taken in chunks, each in a unit of work of its own. New boxes of a chunk are written
together; should that fail, one by one. A row finds its box by external id, else by maker and
serial, and changes only what it says; where two rows of a file contradict each other about
one box, the first counts and the other is refused. So the same file twice changes nothing, and
an import that was cut off is simply run again.

A trial keeps no chunk. What its earlier chunks would have written about boxes of the present one is
written again before it (and undone with it), so that a trial and the import say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from functools import cached_property
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from stb_service.devices.arrivals.columns import BY_SPELLING, FOUND_BY
from stb_service.devices.arrivals.matching import Found, find_boxes
from stb_service.devices.arrivals.operations import Draft, adopts, draft_of, register_many
from stb_service.devices.fields import IDENTITY, Reading, References, read_fields
from stb_service.devices.holdings.operations import give_to_account, transfer
from stb_service.devices.holdings.queries import accounts_of
from stb_service.devices.holdings.rules import GIVEN_FROM
from stb_service.devices.identity.operations import (
    Disputed,
    Holders,
    Identity,
    list_for_review,
)
from stb_service.devices.identity.rules import ClaimSource, identity_warnings
from stb_service.devices.models import Device
from stb_service.devices.operations import change_device, change_status, move_custody
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid, Refused
from stb_service.shared.i18n import Text, text
from stb_service.shared.imports.columns import read_cells
from stb_service.shared.imports.reports import Report
from stb_service.shared.imports.rows import FileImport, Source
from stb_service.shared.registries import Keeper, Leaver, Loser
from stb_service.shared.tables import Line

NEEDED = ("serial", "model")


@dataclass
class _Row:
    """A row on its way."""

    line: Line
    fields: dict[str, Any]
    reading: Reading
    identity: Identity
    device: Device | None = None
    held_by: int | None = None
    wrong: Mapping[str, Sequence[Text]] = field(default_factory=dict)
    """Why it cannot be taken, by column."""

    @cached_property
    def keys(self) -> frozenset[str]:
        """By what another row may be about the same box, or claim what this one gives up.

        To be read before the box is changed.
        """
        found = _keys(self.identity, self.fields.get("external_id"))
        if self.device is not None:
            found |= _keys(Identity.of(self.device), self.device.external_id)
        return found


def _keys(identity: Identity, external_id: str | None) -> frozenset[str]:
    values = {value for _, _, value in identity.keys.values()}
    return frozenset(values | ({f"external_id {external_id}"} if external_id else set()))


@dataclass
class _Past:
    """In a trial, the rows that were taken so far, by their keys."""

    rows: list[tuple[Line, frozenset[str]]] = field(default_factory=list)
    by_key: dict[str, list[int]] = field(default_factory=dict)

    def note(self, row: _Row) -> None:
        """Keep a row that was taken."""
        for key in row.keys:
            self.by_key.setdefault(key, []).append(len(self.rows))
        self.rows.append((row.line, row.keys))

    def about(self, keys: Iterable[str]) -> list[Line]:
        """Return the rows that have to do with some keys, and those that have to do with them."""
        found: set[int] = set()
        known: set[str] = set()
        asked = set(keys)
        while asked:
            known |= asked
            new = {place for key in asked for place in self.by_key.get(key, ())} - found
            found |= new
            asked = {key for place in new for key in self.rows[place][1]} - known
        return [self.rows[place][0] for place in sorted(found)]


class _Import(FileImport):
    spellings, found_by = BY_SPELLING, FOUND_BY

    def __init__(
        self,
        db: Database,
        source: Source,
        actor: Actor,
        keepers: Sequence[Keeper] = (),
        leavers: Sequence[Leaver] = (),
        losers: Sequence[Loser] = (),
    ) -> None:
        super().__init__(db, source, actor)
        self.header = source.header
        self.keepers, self.leavers, self.losers = keepers, leavers, losers
        self.adopt = False
        self.past = _Past()
        self.said: dict[str, list[tuple[int, frozenset[str]]]] = {}
        """By the uid of a box, which lines of the file were taken about it, and what they said."""
        self.sayings: dict[frozenset[str], frozenset[str]] = {}

    def take_lines(self, session: Session, chunk: Sequence[Line], now: datetime) -> None:
        """Take the lines of a chunk, in a trial after those before that they have to do with."""
        self.adopt = adopts(session, self.actor)
        if self.report.is_dry_run:
            self._bring_back(session, chunk, now)
        self._work_off(session, chunk, now)

    def _bring_back(self, session: Session, chunk: Sequence[Line], now: datetime) -> None:
        """Write what earlier chunks of a trial would have written about what this one is about."""
        rows = self._read(session, chunk) if self.past.rows else []
        earlier = self.past.about({key for row in rows for key in row.keys})
        if earlier:
            report, past = self.report, self.past
            self.report, self.past = Report(is_dry_run=True), _Past()
            self._work_off(session, earlier, now)
            self.report, self.past = report, past

    def _work_off(self, session: Session, lines: Sequence[Line], now: datetime) -> None:
        while lines:  # rows that have to do with a row before them wait until that is written
            lines = self._pass(session, lines, now)

    def _pass(self, session: Session, lines: Sequence[Line], now: datetime) -> list[Line]:
        rows = self._read(session, lines)
        holders = Holders.of(session, [row.identity for row in rows if row.device is None])
        new: list[tuple[_Row, Draft]] = []
        taken: set[str] = set()
        later: list[Line] = []
        for row in rows:
            keys = row.keys
            if taken & keys:
                later.append(row.line)
                taken |= keys
            elif row.wrong:
                self.report.refuse(row.line, self.header, row.wrong)
            elif row.device is not None:
                taken |= keys if self._change(session, row, now) else set()
            elif draft := self._draft(session, row, holders, now):
                taken |= keys
                new.append((row, draft))
        self._register(session, new, now)
        return later

    def _read(self, session: Session, lines: Sequence[Line]) -> list[_Row]:
        """Read rows and find their boxes."""
        refs = References(session)
        read = [(line, *read_cells(self.header, line)) for line in lines]
        first = [read_fields(fields, refs, scope=self.actor.scope) for _, fields, _ in read]  # type: ignore[arg-type]
        found = find_boxes(session, first, self.actor.scope)
        known = [device.id for reading in first if (device := found.box_of(reading))]
        held = accounts_of(session, known, self.actor.scope)
        rows = []
        for (line, fields, problems), reading in zip(read, first, strict=True):
            row = self._row(line, fields, reading, found, refs)
            if row.device is not None:
                row.held_by = held.get(row.device.id)
            _check_holding(row)
            of_cells = {name: [reason] for name, reason in problems.items()}
            row.wrong = {**of_cells, **row.reading.problems, **of_cells}
            rows.append(row)
        return rows

    def _row(
        self, line: Line, fields: dict[str, Any], reading: Reading, found: Found, refs: References
    ) -> _Row:
        device = found.box_of(reading)
        if device is None:
            for name in NEEDED:
                if name not in fields:
                    reading.problems[name] = [self._missing(name)]
            return _Row(line, fields, reading, reading.identity(Identity()))
        reading = read_fields(fields, refs, scope=self.actor.scope, device=device)  # type: ignore[arg-type]
        return _Row(line, fields, reading, reading.identity(Identity.of(device)), device)

    def _missing(self, name: str) -> Text:
        if self.header.place_of(name) is None:
            return text("A box that is new needs this, and the file has no such column.")
        return text("A box that is new needs this.")

    # New boxes

    def _draft(self, session: Session, row: _Row, holders: Holders, now: datetime) -> Draft | None:
        claims = holders.claims(row.identity, but=None, scope=self.actor.scope)
        try:
            if claims:
                details = row.reading.as_typed
                raise Disputed(claims, claimant=row.identity.serial, details=details)
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
                for row, draft in new:
                    _give_new(session, row, draft, self.actor, now)
        except (IntegrityError, DomainError) as error:
            if len(new) > 1:
                for one in new:
                    self._register(session, [one], now)
                return
            row, _ = new[0]
            raced = Invalid.field("serial", text("Someone else registered it at the same moment."))
            self._refuse(session, row, error if isinstance(error, DomainError) else raced, now)
            return
        self.report.created += len(new)
        for row, draft in new:
            self.report.warn(row.line, draft.identity.serial, _warnings(draft.identity))
            self._note(row, draft.uid)

    def _note(self, row: _Row, uid: str) -> None:
        """Remember that a row was taken, and what it said."""
        said = frozenset(row.fields)
        said = self.sayings.setdefault(said, said)  # one object for all rows alike
        self.said.setdefault(uid, []).append((row.line.number, said))
        if self.report.is_dry_run:
            self.past.note(row)

    # Boxes that are known

    def _change(self, session: Session, row: _Row, now: datetime) -> bool:
        """Take a row about a box that is known; return whether the box changed."""
        device = row.device
        assert device is not None
        wanted = _differences(device, row)
        if not wanted:
            self.report.unchanged += 1
            self._note(row, device.public_id)
            return False
        try:
            self._check_contradiction(device.public_id, row, wanted)
            with session.begin_nested():
                who = {"actor": self.actor, "now": now}
                _apply(session, device, row, wanted, who, self)
        except DomainError as refusal:
            self._refuse(session, row, refusal, now)
        except IntegrityError:
            raced = Invalid.field("serial", text("Someone else was first; import it again."))
            self._refuse(session, row, raced, now)
        else:
            self.report.changed += 1
            self._note(row, device.public_id)
            return True
        return False

    def _check_contradiction(self, uid: str, row: _Row, wanted: set[str]) -> None:
        """Refuse a row that would change what a row before it said of the same box."""
        problems: dict[str, list[Text]] = {}
        for number, said in self.said.get(uid, ()):
            for name in (
                sorted(said & wanted & row.fields.keys()) if number < row.line.number else ()
            ):
                reason = text("Line %(line)s of this file says otherwise of this box.", line=number)
                problems.setdefault(name, [reason])
        if problems:
            raise Invalid(fields=problems)

    def _refuse(self, session: Session, row: _Row, refusal: DomainError, now: datetime) -> None:
        self.report.refuse(row.line, self.header, _by_column(refusal))
        if isinstance(refusal, Disputed) and not self.report.is_dry_run:
            place = f"{self.source.name}, {row.line.number}"
            list_for_review(
                session,
                refusal=refusal,
                source=ClaimSource.IMPORT,
                place=place,
                actor=self.actor,
                now=now,
            )


import_file = _Import.of_file


def _warnings(identity: Identity) -> list[Text]:
    """Return what is odd about a box that was taken."""
    macs = (identity.mac_ethernet, identity.mac_wifi)
    return identity_warnings(serial=identity.serial, maker=identity.maker, macs=macs)


COLUMNS_OF_CODES = {
    "custody": "custodian",
    "erased": "account",
    "held": "account",
    "same-account": "account",
    "operator": "status",
    "status": "status",
    "external-id-taken": "external_id",
}
"""In which column of a row stands what a refusal is about, by the refusal's code."""


def _by_column(refusal: DomainError) -> Mapping[str, Sequence[Text]]:
    """Return why a row was refused, by column; of the whole row under the empty name."""
    if isinstance(refusal, Refused):
        return {COLUMNS_OF_CODES.get(o.code, ""): [o.message] for o in refusal.obstacles}
    if isinstance(refusal, Invalid) and refusal.fields:
        other = {"organisation": "custodian"}
        return {other.get(name, name): found for name, found in refusal.fields.items()}
    return {COLUMNS_OF_CODES.get(refusal.code, ""): [refusal.detail]}


COLUMNS_OF_IDS = {f"{name}_id": name for name in ("model", "revision", "seller", "custodian")}


def _differences(device: Device, row: _Row) -> set[str]:
    """Return the names of what a row changes about a box, also of what follows from it."""
    before = Identity.of(device)
    found = {COLUMNS_OF_IDS.get(n, n) for n in audit.differences(device, row.reading.columns)}
    found |= {n for n in IDENTITY if getattr(row.identity, n) != getattr(before, n)}
    if row.reading.account is not None and row.reading.account.id != row.held_by:
        found.add("account")
    if "tags" in row.fields and row.reading.tags != device.tag_names:
        found.add("tags")
    return found


def _apply(
    session: Session,
    device: Device,
    row: _Row,
    wanted: set[str],
    who: Mapping[str, Any],
    task: _Import,
) -> None:
    """Make the changes of one row; a refusal of any of them undoes the row."""
    uid, fields = device.public_id, dict(row.fields)
    status, custodian = fields.pop("status", None), fields.pop("custodian", None)
    fields.pop("account", None)
    if wanted - {"status", "custodian", "account"}:
        change_device(session, uid=uid, **who, **fields)
    if "account" in wanted:
        _give_known(session, device, row, task, **who)
    if "custodian" in wanted:
        held: dict[str, Any] = {"organisation": custodian, "keepers": task.keepers}
        move_custody(session, uid=uid, reason="import", **held, **who)
    if "status" in wanted and device.status != status:
        new: dict[str, Any] = {"status": str(status), "keepers": task.keepers}
        new["losers"] = task.losers
        change_status(session, uid=uid, reason="import", **new, **who)


# Who has a box


def _check_holding(row: _Row) -> None:
    """Refuse a row that gives a box to an account and says what does not go with that."""
    reading, account = row.reading, row.reading.account
    if account is None:
        return
    if reading.values.get("status", "") in GIVEN_FROM:
        message = text("A box that an account has is not on the shelf.")
        reading.problems.setdefault("status", [message])
    tenure = reading.values.get("tenure") or (row.device.tenure if row.device else None)
    if tenure is None and row.held_by != account.id:
        message = text("A box that goes to an account is sold, rented or on loan.")
        reading.problems.setdefault("tenure", [message])


def _given(row: _Row) -> dict[str, Any]:
    assert row.reading.account is not None
    tenure = row.reading.values.get("tenure") or (row.device and row.device.tenure)
    return {"account": row.reading.account.public_id, "tenure": tenure, "reason": "import"}


def _give_new(session: Session, row: _Row, draft: Draft, actor: Actor, now: datetime) -> None:
    """Give a box that was just registered to the account of its row, since the day it was sold."""
    if row.reading.account is None:
        return
    sold_on = row.reading.values.get("sold_on")
    sold_at = datetime.combine(sold_on, time(), UTC) if sold_on else now
    give_to_account(
        session,
        uid=draft.uid,
        **_given(row),
        since=min(sold_at, now),
        moves="custodian" not in row.fields,
        actor=actor,
        now=now,
    )


def _give_known(session: Session, device: Device, row: _Row, task: _Import, **who: Any) -> None:
    """Give a known box to the account of its row, or pass it on from the one that has it."""
    who["keepers"] = task.keepers
    if row.held_by is None:
        who |= {"moves": "custodian" not in row.fields, "leavers": task.leavers}
        give_to_account(session, uid=device.public_id, **_given(row), **who)
    else:
        transfer(session, uid=device.public_id, **_given(row), proof="import", **who)
