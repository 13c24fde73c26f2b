"""What is read of a case and its order for all the rules that ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from stb_service.devices.models import Device
from stb_service.rma.events import case_history, order_history
from stb_service.rma.history import Happened
from stb_service.rma.lists import SINCE_ENTERED, Stated
from stb_service.rma.models import CasePhoto, Fault, ReturnCase, Statement, WorkshopOrder
from stb_service.rma.verdicts import FaultLine


def _photos_of(session: Session, ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(CasePhoto.fault_id, func.count())
        .where(CasePhoto.fault_id.in_(ids))
        .group_by(CasePhoto.fault_id)
    )
    return {row[0]: row[1] for row in rows if row[0] is not None}


@dataclass
class Known:
    """A case and its order, or an order without a case, with what rules ask of both: read once."""

    session: Session
    case: ReturnCase | None
    order: WorkshopOrder | None
    stated: Stated
    now: datetime

    @cached_property
    def case_events(self) -> list[Happened]:
        """What has happened to the case."""
        return case_history(self.session, self.case)

    @cached_property
    def order_events(self) -> list[Happened]:
        """What has happened to the order."""
        return order_history(self.session, self.order)

    @cached_property
    def device(self) -> Device:
        """The box that the return is for."""
        owner = self.case or self.order
        assert owner is not None
        return owner.device

    @property
    def owner(self) -> dict[str, int]:
        """Whose the faults and photographs are."""
        if self.case is not None:
            return {"case_id": self.case.id}
        assert self.order is not None
        return {"order_id": self.order.id}

    @cached_property
    def faults(self) -> Sequence[Fault]:
        """The faults, the first first."""
        return self.session.scalars(
            select(Fault)
            .options(joinedload(Fault.decision))
            .filter_by(**self.owner)
            .order_by(Fault.number)
        ).all()

    @cached_property
    def lines(self) -> tuple[FaultLine, ...]:
        """The faults as the arithmetic wants them."""
        photos = _photos_of(self.session, [fault.id for fault in self.faults])
        return tuple(fault.as_line(photos.get(fault.id, 0)) for fault in self.faults)

    @cached_property
    def statements(self) -> dict[str, Statement]:
        """What was stated last of each kind, as far as it stands and still counts."""
        found: dict[str, Statement] = {}
        for owner, since in ((self.case, self._entered_seq), (self.order, 0)):
            if owner is None:
                continue
            column = Statement.case_id if owner is self.case else Statement.order_id
            rows = self.session.scalars(
                select(Statement).where(column == owner.id).order_by(Statement.id)
            )
            for row in rows:
                if row.kind not in SINCE_ENTERED or row.seq >= since:
                    found[row.kind] = row
        return {kind: row for kind, row in found.items() if row.stands}

    @cached_property
    def _entered_seq(self) -> int:
        """The number of the event by which the case came to its present state."""
        seqs = [
            seq
            for seq, happened in enumerate(self.case_events, 1)
            if happened.end.state != happened.start.state
        ]
        return seqs[-1] if seqs else 0

    def amount_of(self, kind: str) -> int | None:
        """Return the amount that was stated last."""
        row = self.statements.get(kind)
        return row.amount_minor if row else None
