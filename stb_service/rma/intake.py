"""What a scan at the door means: whose box it is, and what is done with it at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from stb_service.devices import queries as devices
from stb_service.devices.models import Device
from stb_service.rma import board, queries
from stb_service.rma.board import ARRIVING
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.history import TAKING
from stb_service.rma.lists import Stated
from stb_service.rma.lookups import find_scanned, scan_key
from stb_service.rma.machine import Phase
from stb_service.rma.models import ReturnCase
from stb_service.rma.operations import act
from stb_service.shared.access import Actor, Scope
from stb_service.shared.errors import Invalid, NotFound, Refused
from stb_service.shared.i18n import text


class Meaning(StrEnum):
    """What a scan came to."""

    LABEL = "label"
    RECEIVED = "received"
    ALREADY = "already"
    OTHER = "other"
    MISMATCHED = "mismatched"
    UNSETTLED = "unsettled"
    NOT_AUTHORISED = "not_authorised"
    ENDED = "ended"
    OUTGOING = "outgoing"
    NO_CASE = "no_case"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Scan:
    """What a scan came to: the case it is about, the box that was scanned, and that box's own case.

    `received_at` is when a box that is here already came.
    """

    meaning: Meaning
    scanned: str
    case: ReturnCase | None = None
    box: Device | None = None
    own_case: ReturnCase | None = None
    received_at: datetime | None = None


@dataclass(frozen=True)
class Door:
    """Where scans come in, and who makes them. `place` is the code of the place."""

    session: Session
    actor: Actor
    now: datetime
    place: str = ""

    @property
    def _scope(self) -> Scope:
        return self.actor.scope

    def look(self, scanned: str, *, label: str = "") -> Scan:
        """Return what a scan means, with nothing done yet; RECEIVED is what may be received.

        `label` is the case whose label was scanned before.
        """
        if queries.typed_case(scanned):
            case = queries.find_case(self.session, scanned, self._scope)
            return self._of_label(scanned, case) if case else Scan(Meaning.UNKNOWN, scanned)
        asked = queries.find_case(self.session, label, self._scope) if label else None
        box = find_scanned(self.session, scanned)
        if box is None and (parcel := self._of_parcel(scanned)):
            return parcel
        if asked is not None:
            return self._against(asked, scanned, box)
        if box is None:
            return Scan(Meaning.UNKNOWN, scanned)
        case = board.live_case_of(self.session, box.id, self._scope)
        if case is None:
            return self._without_case(scanned, box)
        return self._of_case(scanned, case, box)

    def _of_label(self, scanned: str, case: ReturnCase) -> Scan:
        found = self._of_case(scanned, case, case.device)
        is_expected = found.meaning is Meaning.RECEIVED
        return replace(found, meaning=Meaning.LABEL) if is_expected else found

    def _of_parcel(self, tracking: str) -> Scan | None:
        parcel = board.parcel_called(self.session, tracking, self._scope)
        case = board.case_of_parcel(self.session, parcel, self._scope) if parcel else None
        if parcel is None or case is None:
            return None
        if parcel.direction == "in":
            return self._of_label(tracking, case)
        return Scan(Meaning.OUTGOING, tracking, case, case.device)

    def _against(self, asked: ReturnCase, scanned: str, box: Device | None) -> Scan:
        """Return what a box is beside the one that the label is for."""
        if box is not None and box.id == asked.device_id:
            return self._of_case(scanned, asked, box)
        if asked.state not in ARRIVING:
            return self._of_case(scanned, asked, asked.device)
        own = board.live_case_of(self.session, box.id, self._scope) if box else None
        return Scan(Meaning.OTHER, scanned, asked, self._told(box), own)

    def _told(self, box: Device | None) -> Device | None:
        """Return a box, if the reader may know of it."""
        if box is None:
            return None
        try:
            return devices.device_by_uid(self.session, box.public_id, self._scope)
        except NotFound:
            return None

    def _of_case(self, scanned: str, case: ReturnCase, box: Device) -> Scan:
        came_at = self._came_at(case)
        if case.state in ARRIVING:
            meaning = Meaning.RECEIVED
        elif case.state == CaseState.MISMATCH:
            meaning = Meaning.UNSETTLED
        elif case.phase is Phase.ASKED:
            meaning = Meaning.NOT_AUTHORISED
        elif case.state in {CaseState.OUTBOUND, CaseState.LOST_OUT}:
            meaning = Meaning.OUTGOING
        else:
            meaning = Meaning.ALREADY if came_at and case.is_live else Meaning.ENDED
        return Scan(meaning, scanned, case, box, received_at=came_at)

    def _came_at(self, case: ReturnCase) -> datetime | None:
        events = queries.events_of_case(self.session, case, self._scope)
        return next((row.at for row in reversed(events) if row.event in TAKING), None)

    def _without_case(self, scanned: str, box: Device) -> Scan:
        last = board.last_case_of(self.session, box.id, self._scope)
        seen = self._told(box)
        if seen is None and last is None:
            return Scan(Meaning.UNKNOWN, scanned)
        return Scan(Meaning.NO_CASE, scanned, box=seen, own_case=last)

    def take(self, scanned: str, *, label: str = "", again: str = "") -> Scan:
        """Do what a scan asks for: receive the box; or, where another one than the label's is
        scanned twice (`again` is the first scan), write that it came.

        Scanned twice, nothing happens twice.

        Raises:
            Forbidden: the actor takes no boxes in.
            Invalid: the place is none of the reader's.
            Refused: something else bars it.
        """
        self.actor.demand("rma.receive")
        found = self.look(scanned, label=label)
        if found.meaning is Meaning.RECEIVED:
            return self._receive(found)
        if found.meaning is Meaning.OTHER and again and scan_key(again) == scan_key(scanned):
            if found.box is not None and not self.place:
                raise Invalid.field("place", text("Choose the place where the box is taken in."))
            self._act(found, "mismatch")
            return replace(found, meaning=Meaning.MISMATCHED)
        return found

    def _receive(self, found: Scan) -> Scan:
        if not self.place:
            raise Invalid.field("place", text("Choose the place where the box is taken in."))
        try:
            with self.session.begin_nested():
                self._act(found, "receive")
        except Refused:
            self.session.expire_all()
            now = self.look(found.scanned, label=found.case.number if found.case else "")
            if now.meaning is Meaning.ALREADY:  # somebody else was quicker
                return now
            raise
        return found

    def _act(self, found: Scan, event: str) -> None:
        assert found.case is not None
        act(
            self.session,
            ref=found.case.number,
            machine=CASE,
            event=event,
            stated=Stated(scanned=found.scanned, location=self.place),
            actor=self.actor,
            now=self.now,
        )
