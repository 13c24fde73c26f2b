"""Importing a file of returns that were open elsewhere, each found again by its number there.

A row opens a case, and walks it by the ordinary steps as far as it had come: asked for, authorised,
or with its box here. Once opened it is this service's to lead: the same row again changes nothing.
The complaint is corrected while the case is open, and what is promised while it is asked for; a row
that says anything else otherwise is refused, with what it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from functools import partial

from sqlalchemy.orm import Session

from stb_service.devices.holdings.imports import account_of_row, box_of_row
from stb_service.devices.models import Device
from stb_service.rma.arrivals.columns import BY_SPELLING, NAMED_BY, Arrival
from stb_service.rma.arrivals.differing import differences
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.facts import Remedy
from stb_service.rma.lists import PRECHECKS_OF, Answer, Channel, FaultSaid, Stated
from stb_service.rma.models import ReturnCase
from stb_service.rma.operations import act, change_case, open_case
from stb_service.rma.queries import case_by_external_id
from stb_service.rma.stating import record_precheck
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.imports.rows import Fields, RowByRow, Source
from stb_service.shared.imports.work import run_import
from stb_service.shared.jobs import Handler
from stb_service.warranty.facts import Sources

IMPORT = "rma.import"
REASON = "import"


class _Import(RowByRow):
    spellings, found_by = BY_SPELLING, NAMED_BY
    same = text("Line %(line)s of this file is about the same return.")
    needed = ("external_id", "box", "arrival")

    def __init__(
        self, db: Database, source: Source, actor: Actor, sources: Sources, zone: str = "UTC"
    ) -> None:
        super().__init__(db, source, actor)
        self.sources, self.zone = sources, zone

    def keys(self, fields: Fields) -> Sequence[str]:
        return [f"external_id {fields.get('external_id')}"]

    def by_column(self, refusal: DomainError) -> Mapping[str, Sequence[Text]]:
        found = super().by_column(refusal)
        return {"box" if name == "device" else name: why for name, why in found.items()}

    def write(self, session: Session, fields: Fields, now: datetime) -> str:
        device = box_of_row(session, fields["box"], self.actor.scope)
        known = case_by_external_id(session, fields["external_id"], self.actor.scope)
        if known is not None:
            return self._correct(session, fields, known, device, now)
        case = self._open(session, fields, device, now)
        self._walk(session, fields, case, now)
        return "created"

    def _open(self, session: Session, fields: Fields, device: Device, now: datetime) -> ReturnCase:
        account = self._account(session, fields)
        opened_at = fields.get("opened_at", now)
        if opened_at > now:
            raise Invalid.field("opened_at", text("This day is still to come."))
        return open_case(
            session,
            device=device.public_id,
            account=account,
            remedy=fields.get("remedy", Remedy.REPAIR),
            channel=Channel.IMPORT,
            reported_on=_reported_on(fields),
            opened_at=opened_at,
            is_imported=True,
            complaint=fields.get("complaint", ""),
            faults=[FaultSaid(fields.get("component", ""), fields.get("symptom", ""))],
            external_id=fields["external_id"],
            zone=self.zone,
            sources=self.sources,
            actor=self.actor,
            now=now,
        )

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

    def _account(self, session: Session, fields: Fields) -> str:
        if "account" not in fields:
            return ""
        return account_of_row(session, fields["account"], self.actor.scope).public_id


def _reported_on(fields: Fields) -> date | None:
    """Return the day on which a fault was reported, as far as a row says: that on which the return
    was opened, where that is a day alone. Of an instant the customer's zone tells the day.
    """
    opened_at: datetime | None = fields.get("opened_at")
    is_day = opened_at is not None and opened_at.time() == time()
    named: date | None = fields.get("reported_on")
    return named or (opened_at.date() if opened_at is not None and is_day else None)


import_cases = _Import.of_file


def handlers(sources: Sources, zone: str = "UTC") -> dict[str, Handler]:
    """Return what runs imports; `sources` tell what bears on the warranty of a box, `zone` is the
    operator's.
    """
    return {IMPORT: partial(run_import, import_cases, sources=sources, zone=zone)}
