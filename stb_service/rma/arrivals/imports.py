"""Importing a file of returns that were open elsewhere, each found again by its number there.

A row opens a case, and walks it by the ordinary steps as far as it had come: asked for, authorised,
or with its box here. Once opened it is this service's to lead: the same row again changes nothing.
The complaint is corrected while the case is open, and what is promised while it is asked for; a row
that says anything else otherwise is refused, with what it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from stb_service.devices.holdings.queries import devices_called
from stb_service.devices.models import Device
from stb_service.rma.arrivals.columns import BY_SPELLING, NAMED_BY, Arrival
from stb_service.rma.arrivals.differing import differences
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.deciding import record_precheck
from stb_service.rma.facts import Remedy
from stb_service.rma.lists import PRECHECKS_OF, Answer, Channel, FaultSaid, Stated
from stb_service.rma.models import ReturnCase
from stb_service.rma.operations import act, change_case, open_case
from stb_service.rma.queries import case_by_external_id
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.imports import (
    Fields,
    Progress,
    Report,
    RowByRow,
    Source,
    open_source,
    outcome_of,
)
from stb_service.shared.jobs import Handler, Outcome, Work
from stb_service.shared.tables import AUTO
from stb_service.subscribers.queries import find_account
from stb_service.warranty.facts import Sources

IMPORT = "rma.import"
NEEDED = ("external_id", "box", "arrival")
REASON = "import"


def run_import(work: Work, sources: Sources) -> Outcome:
    """Import the file; the report holds every refused row."""
    report = import_cases(
        work.db,
        work.files.path(work.arguments["sha256"]),
        name=work.arguments["name"],
        sources=sources,
        actor=work.actor,
        clock=work.clock,
        encoding=work.arguments["encoding"],
        dry_run=work.arguments["dry_run"],
        progress=work.progress,
    )
    return outcome_of(work, report)


def handlers(sources: Sources) -> dict[str, Handler]:
    """Return what runs imports; `sources` tell what bears on the warranty of a box."""
    return {IMPORT: lambda work: run_import(work, sources)}


def import_cases(
    db: Database,
    path: Path,
    *,
    name: str,
    sources: Sources,
    actor: Actor,
    clock: Callable[[], datetime],
    encoding: str = AUTO,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Import a CSV or XLSX file of open returns; a dry run does the same and keeps nothing.

    Raises:
        Invalid: the file is no table, its first line does not name the number elsewhere, or there
            is no other.
    """
    source = open_source(
        path,
        name=name,
        encoding=encoding,
        dry_run=dry_run,
        spellings=BY_SPELLING,
        by=NAMED_BY,
    )
    task = _Import(db, source, actor, sources)
    return source.take_chunks(lambda chunk: task.take(chunk, clock()), progress)


class _Import(RowByRow):
    same = text("Line %(line)s of this file is about the same return.")

    def __init__(self, db: Database, source: Source, actor: Actor, sources: Sources) -> None:
        super().__init__(db, source, actor)
        self.sources = sources

    def keys(self, fields: Fields) -> Sequence[str]:
        return [f"external_id {fields.get('external_id')}"]

    def by_column(self, refusal: DomainError) -> Mapping[str, Sequence[Text]]:
        found = super().by_column(refusal)
        return {"box" if name == "device" else name: why for name, why in found.items()}

    def write(self, session: Session, fields: Fields, now: datetime) -> str:
        if missing := {n: [text("Each row needs this.")] for n in NEEDED if n not in fields}:
            raise Invalid(fields=missing)
        device = self._device(session, fields["box"])
        known = case_by_external_id(session, fields["external_id"], self.actor.scope)
        if known is not None:
            return self._correct(session, fields, known, device, now)
        case = self._open(session, fields, device, now)
        self._walk(session, fields, case, now)
        return "created"

    def _open(self, session: Session, fields: Fields, device: Device, now: datetime) -> ReturnCase:
        account = self._account(session, fields)
        opened_at = fields.get("opened_at", now)
        reported_on = opened_at.date() if "opened_at" in fields else None
        if opened_at > now:
            raise Invalid.field("opened_at", text("This day is still to come."))
        case = open_case(
            session,
            device=device.public_id,
            account=account,
            remedy=fields.get("remedy", Remedy.REPAIR),
            channel=Channel.IMPORT,
            reported_on=fields.get("reported_on", reported_on),
            complaint=fields.get("complaint", ""),
            faults=[FaultSaid(fields.get("component", ""), fields.get("symptom", ""))],
            external_id=fields["external_id"],
            sources=self.sources,
            actor=self.actor,
            now=now,
        )
        case.opened_at = opened_at
        session.flush()
        return case

    def _walk(self, session: Session, fields: Fields, case: ReturnCase, now: datetime) -> None:
        """Make the steps as far as the return had come; what was asked elsewhere is not known."""
        if fields["arrival"] == Arrival.ASKED:
            return
        for code in PRECHECKS_OF[case.remedy]:
            record_precheck(
                session,
                ref=case.number,
                code=code,
                answer=Answer.NOT_POSSIBLE,
                note=REASON,
                actor=self.actor,
                now=now,
            )
        stated = {"approve": Stated(reason=REASON)}
        if fields["arrival"] == Arrival.HERE:
            stated["receive"] = Stated(
                reason=REASON, scanned=case.device.label, location=fields.get("location", "")
            )
        for event, said in stated.items():
            act(
                session,
                ref=case.number,
                machine=CASE,
                event=event,
                stated=said,
                actor=self.actor,
                now=now,
            )

    def _correct(
        self, session: Session, fields: Fields, known: ReturnCase, device: Device, now: datetime
    ) -> str:
        if known.device_id != device.id:
            raise Invalid.field("box", text("This return is known with another box."))
        if told := differences(session, fields, known, self._account(session, fields)):
            raise Invalid(fields=told)
        if not known.is_live:
            return "unchanged"
        version = known.row_version
        remedy = fields.get("remedy") if known.state == CaseState.REQUESTED else None
        change_case(
            session,
            ref=known.number,
            complaint=fields.get("complaint"),
            remedy=remedy,
            actor=self.actor,
            now=now,
        )
        return "unchanged" if known.row_version == version else "changed"

    def _device(self, session: Session, called: str) -> Device:
        found = devices_called(session, called, self.actor.scope)
        if not found:
            raise Invalid.field("box", text("There is no such box."))
        if len(found) > 1:
            message = text("Several boxes are called so; name it by its id elsewhere.")
            raise Invalid.field("box", message)
        return found[0]

    def _account(self, session: Session, fields: Fields) -> str:
        if "account" not in fields:
            return ""
        found = find_account(session, fields["account"], self.actor.scope)
        if found is None:
            raise Invalid.field("account", text("There is no such account."))
        return found.public_id
