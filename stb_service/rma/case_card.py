"""A case as its page shows it: where it is, what may come next, and all that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from markupsafe import Markup
from sqlalchemy.orm import Session

from stb_service.billing.ledger.queries import entries_about
from stb_service.billing.models import LedgerEntry
from stb_service.devices import queries as devices
from stb_service.devices.models import Device
from stb_service.parts.models import Location
from stb_service.parts.queries import all_locations
from stb_service.rma import history, queries
from stb_service.rma.before import findings
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.claiming.models import SupplierClaim
from stb_service.rma.claiming.queries import claims_of_order
from stb_service.rma.deciding import may_be_goodwill
from stb_service.rma.drawing import draw
from stb_service.rma.facts import Facts
from stb_service.rma.gathering import gather
from stb_service.rma.lists import PRECHECKS, PRECHECKS_OF
from stb_service.rma.lookups import stray_box
from stb_service.rma.machine import Machine, Phase, Place
from stb_service.rma.models import (
    CaseEvent,
    Fault,
    OrderEvent,
    Precheck,
    ReturnCase,
    WorkshopOrder,
)
from stb_service.rma.money import CASE_SUBJECT, money_of
from stb_service.rma.queries import Belongings
from stb_service.rma.rules import Action, actions
from stb_service.rma.steps import QUIET, kinds_of_place
from stb_service.rma.told import account_told, name_told
from stb_service.rma.verdicts import disputable
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import Text
from stb_service.shared.money import Money
from stb_service.subscribers.models import Account

SAID = ("scanned", "carrier", "tracking", "location")


@dataclass(frozen=True)
class Asked:
    """A check that comes before a return: what the service knows, and what came of it."""

    code: str
    title: Text
    finding: str
    row: Precheck | None = None


@dataclass(frozen=True)
class Told:
    """A step that was made, as the history tells it; `lasted` is how long it stayed there."""

    machine: Machine
    row: CaseEvent | OrderEvent
    lasted: timedelta | None
    by: str

    @property
    def title(self) -> Text:
        """What the step is called."""
        return self.machine.events[self.row.event]

    @property
    def place(self) -> Place:
        """Where it led."""
        return self.machine.places[self.row.to_state]

    @property
    def said(self) -> list[str]:
        """What was scanned or typed with it."""
        found = (self.row.stated.get(name) for name in SAID)
        return [str(value) for value in found if value]


@dataclass(frozen=True)
class CaseCard:
    """A case with what follows from its rows for one reader."""

    session: Session
    case: ReturnCase
    order: WorkshopOrder | None
    reader: Actor
    now: datetime

    # --- where it is -----------------------------------------------------------------------------

    @property
    def mark(self) -> str:
        """What differs whenever the case or its order was changed."""
        return f"{self.case.row_version}-{self.order.row_version if self.order else 0}"

    @property
    def may_move(self) -> bool:
        """Whether something can still happen to the case or its order."""
        return self.case.is_live or (self.order is not None and self.order.is_live)

    @property
    def place(self) -> Place:
        """The state it is in."""
        return CASE.places[self.case.state]

    @property
    def is_late(self) -> bool:
        """Whether the time of the present state is over."""
        return self.case.due_at is not None and self.case.due_at <= self.now

    @cached_property
    def _facts(self) -> Facts:
        return gather(self.session, self.case, self.order, now=self.now)

    @cached_property
    def actions(self) -> list[Action]:
        """What the reader could do next, each with what bars it."""
        found = actions(CASE, self._facts, self.reader.can)
        if self.order is not None:
            found += actions(ORDER, self._facts, self.reader.can)
        return found

    @property
    def possible(self) -> list[Action]:
        """What the reader can do now; what leads away from the promise comes last."""
        found = [action for action in self.actions if not action.obstacles]
        return sorted(found, key=lambda action: action.event in QUIET)

    @property
    def barred(self) -> list[Action]:
        """What the reader cannot do yet."""
        return [action for action in self.actions if action.obstacles]

    @property
    def disputable(self) -> Sequence[int]:
        """The numbers of the faults whose verdict may be contested."""
        return disputable(self._facts.lines)

    @property
    def payable(self) -> Sequence[Fault]:
        """The faults that the operator may answer for now, instead of the customer."""
        return [fault for fault in self.rows.faults if may_be_goodwill(self.case, fault)]

    def places_for(self, event: str) -> Sequence[Location]:
        """Return the places that a step may put the box at."""
        kinds = kinds_of_place(event)
        return all_locations(self.session, self.reader.scope, kinds) if kinds else []

    def drawing(self, direction: str) -> Markup:
        """Return the machine with where it is, and the way it came."""
        events = [row.happened for row in self._case_events]
        return Markup(draw(CASE, events, direction=direction))  # noqa: S704 - made of our words

    # --- what belongs to it ----------------------------------------------------------------------

    @cached_property
    def rows(self) -> Belongings:
        """The rows that belong to it."""
        return queries.belongings(self.session, self.case, self.order, self.reader.scope)

    @cached_property
    def account(self) -> Account | None:
        """Whose it is, as far as the reader is told."""
        return account_told(self.session, self.case, self.reader)

    @cached_property
    def shows_box(self) -> bool:
        """Whether the reader may open the card of the box."""
        return self._is_seen(self.case.device)

    def _is_seen(self, device: Device) -> bool:
        try:
            devices.device_by_uid(self.session, device.public_id, self.reader.scope)
        except NotFound:
            return False
        return True

    @cached_property
    def stray(self) -> Device | None:
        """The box that came instead, while that is not settled."""
        if self.case.state != CaseState.MISMATCH:
            return None
        found = stray_box(self.session, self.case)
        return found if found is not None and self._is_seen(found) else None

    @cached_property
    def balance(self) -> Money | None:
        """What is open of it; None where nobody pays, or the reader is not told."""
        if not self.reader.can("billing.view"):
            return None
        standing = money_of(self.session, self.case, self.now)
        return Money(standing.due_minor, standing.currency) if standing else None

    @cached_property
    def previous(self) -> ReturnCase | None:
        """The case that it repeats."""
        return queries.previous_of(self.session, self.case, self.reader.scope)

    @cached_property
    def part_paid(self) -> Money | None:
        """What came for the quote, where the time to pay is over and a part is still open."""
        facts = self._facts
        waits = self.case.state == CaseState.AWAITING_PAYMENT and self.is_late
        if not waits or facts.quote_paid_minor <= 0 or facts.to_pay_minor <= 0:
            return None
        return Money(facts.quote_paid_minor, self.case.currency)

    @cached_property
    def entries(self) -> Sequence[LedgerEntry]:
        """What was charged, credited and paid back for it beside quotes, for who is told of money."""
        account = self.case.account
        if account is None or not self.reader.can("billing.view"):
            return []
        found = entries_about(
            self.session,
            kind=CASE_SUBJECT,
            ref=self.case.public_id,
            account=account,
            scope=EVERYTHING,
        )
        return [row for row in found if row.quote_id is None]

    @cached_property
    def later(self) -> ReturnCase | None:
        """The case that repeats it."""
        return queries.next_of(self.session, self.case, self.reader.scope)

    @cached_property
    def claims(self) -> Sequence[SupplierClaim]:
        """What is claimed from a supplier for its repair, where the reader is told."""
        if self.order is None or not self.reader.can("rma.claim"):
            return ()
        return claims_of_order(self.session, self.order, self.reader.scope)

    @cached_property
    def is_asking(self) -> bool:
        """Whether the checks before a return are still to be made."""
        return self.place.phase is Phase.ASKED and self.case.is_live

    @cached_property
    def prechecks(self) -> list[Asked]:
        """The checks before the return with their answers; while it is asked for, what is known."""
        answered = {row.code: row for row in self.rows.prechecks}
        known = findings(self.session, self.case.device, self.now) if self.is_asking else {}
        asked = dict.fromkeys([*PRECHECKS_OF[self.case.remedy], *answered])
        return [
            Asked(code, PRECHECKS[code], str(known.get(code, "")), answered.get(code))
            for code in asked
        ]

    # --- what happened ---------------------------------------------------------------------------

    @cached_property
    def _case_events(self) -> Sequence[CaseEvent]:
        return queries.events_of_case(self.session, self.case, self.reader.scope)

    @cached_property
    def steps_made(self) -> list[Told]:
        """The steps of case and order, the last first."""
        found = self._told(CASE, self._case_events)
        if self.order is not None:
            scope = self.reader.scope
            found += self._told(ORDER, queries.events_of_order(self.session, self.order, scope))
        return sorted(found, key=lambda told: (told.row.at, told.row.id), reverse=True)

    def _told(self, machine: Machine, rows: Sequence[CaseEvent | OrderEvent]) -> list[Told]:
        stays = history.stays([row.happened for row in rows])
        return [
            Told(
                machine,
                row,
                self._lasted(machine, stay),
                self.name_of(row.actor_label, row.actor_ref),
            )
            for row, stay in zip(rows, stays, strict=True)
        ]

    def _lasted(self, machine: Machine, stay: history.Stay) -> timedelta | None:
        return None if stay.position.state in machine.final_states else stay.lasted(self.now)

    def name_of(self, label: str, ref: str = "") -> str:
        """Return who did something, as far as the reader is told."""
        return name_told(self.reader, label, ref)

    @cached_property
    def times(self) -> list[tuple[Place, timedelta]]:
        """How long each step of the case took."""
        events = [row.happened for row in self._case_events]
        found = history.time_in_states(CASE, events, self.now)
        return [(CASE.places[state], time) for state, time in found.items()]

    @cached_property
    def turnaround(self) -> history.Turnaround | None:
        """How long the box was here, up to now while it is; None before it was received."""
        return history.turnaround([row.happened for row in self._case_events], self.now)


def card_of(session: Session, ref: str, reader: Actor, now: datetime) -> CaseCard:
    """Return the card of a case by its number or public id.

    Raises:
        NotFound: there is none in the reader's scope.
    """
    case = queries.case_by_ref(session, ref, reader.scope)
    order = queries.order_of_case(session, case, reader.scope)
    return CaseCard(session, case, order, reader, now)
