"""One case as its papers see it: who writes to whom, in which language, on which day, of what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from babel import Locale
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from stb_service.billing import rules as billing
from stb_service.billing.ledger.queries import entries_about
from stb_service.billing.models import LedgerEntry, Quote
from stb_service.devices.models import Device
from stb_service.rma import queries
from stb_service.rma.events import newest_quote
from stb_service.rma.models import CaseEvent, Exchange, Fault, ModelTerms, ReturnCase
from stb_service.rma.money import CASE_SUBJECT, terms_of_model
from stb_service.shared.access import EVERYTHING, Scope
from stb_service.shared.documents import papers
from stb_service.shared.documents.papers import Address, BoxFacts, Operator, Paper
from stb_service.shared.errors import Obstacle, Refused
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, text
from stb_service.staff.models import Organisation
from stb_service.staff.queries import operator
from stb_service.staff.rules import OrganisationKind
from stb_service.subscribers.models import Site
from stb_service.warranty.facts import Sources

SHOWN_QUOTES = frozenset({billing.QuoteState.SENT, billing.QuoteState.ACCEPTED})


@dataclass(frozen=True)
class Installation:
    """What papers take from the installation: its language and zone, and how links are made.

    `parcel_link` is for what goes with a parcel, and is seen by whoever has that in their hands.
    """

    language: str
    zone: str
    link: Callable[[ReturnCase], str]
    quote_link: Callable[[Quote], str | None]
    parcel_link: Callable[[ReturnCase], str]
    sources: Sources = ()


@dataclass
class Writing:
    """One case as its papers see it; what is asked of the database is asked once."""

    session: Session
    case: ReturnCase
    scope: Scope
    house: Installation
    now: datetime

    # --- who writes to whom ----------------------------------------------------------------------

    @cached_property
    def language(self) -> str:
        """What the customer reads: what the case says, else the person, the account, the operator."""
        case, account = self.case, self.case.account
        own = case.language if account is None or case.language != account.language else None
        wished = (
            own,
            case.person.language if case.person else None,
            account.language if account else None,
            self.house.language,
        )
        return next((code for code in wished if code in CUSTOMER_LANGUAGES), "en")

    @cached_property
    def operator(self) -> Organisation | None:
        """Who writes."""
        return operator(self.session)

    @cached_property
    def taker(self) -> Organisation | None:
        """Where the box is sent: the service centre that has it, that it is sent to, or that took it
        on; else the operator.
        """
        order = queries.order_of_case(self.session, self.case, EVERYTHING)
        place = order.location or order.destination if order else None
        for found in (place.organisation if place else None, self.case.handler):
            if found is not None and found.kind == OrganisationKind.SERVICE_CENTRE:
                return found
        return self.operator

    @cached_property
    def site(self) -> Site | None:
        """Where the customer is: the site of the case, else the account's first with a street."""
        if self.case.site is not None or self.case.account is None:
            return self.case.site
        sites = self.case.account.sites
        return next((site for site in sites if site.street), sites[0] if sites else None)

    @property
    def customer_name(self) -> str:
        """What the customer is called; empty once that was erased."""
        if self.case.account is None:
            return self.case.handler.name
        person = self.case.person
        return (person.name if person else "") or self.case.account.name

    def missing(self, kind: type[Paper]) -> list[Obstacle]:
        """Return what is missing for a paper, whatever stands on it."""
        found = []
        if self.operator is None or not self.operator.address_lines:
            found.append(NO_OPERATOR)
        if not self.customer_name:
            found.append(NO_NAME)
        if not self._customer_lines:
            found.append(NO_STREET if self.case.account else _no_address(self.case.handler))
        taker = self.taker
        is_sent = kind in {papers.ParcelLabel, papers.PackingSlip, papers.FinalNotice}
        if is_sent and taker not in {None, self.operator} and not taker.address_lines:
            found.append(_no_address(taker))
        if not self.case.device.serial:
            found.append(NO_SERIAL)
        return found

    @property
    def _customer_lines(self) -> tuple[str, ...]:
        if self.case.account is None:
            return self.case.handler.address_lines
        site = self.site
        if site is None or not site.street:
            return ()
        names = Locale.parse(self.language).territories
        lines = (
            site.street,
            " ".join(part for part in (site.postcode, site.city) if part),
            str(names.get(site.country.upper(), site.country)) if site.country else "",
        )
        return tuple(line for line in lines if line)

    @property
    def head(self) -> tuple[Operator, Address, str, str]:
        """Return what every letter begins with."""
        return (*self._parties, self.case.number, self.house.link(self.case))

    @property
    def outer_head(self) -> tuple[Operator, Address, str, str]:
        """Return what papers begin with that go with a parcel: nobody answers behind their link."""
        return (*self._parties, self.case.number, self.house.parcel_link(self.case))

    @property
    def _parties(self) -> tuple[Operator, Address]:
        writer = self.operator
        assert writer is not None
        return (
            Operator(Address(writer.name, writer.address_lines), writer.phone, writer.mail),
            Address(self.customer_name, self._customer_lines),
        )

    @property
    def receiver(self) -> Address:
        """Where the parcel goes."""
        taker = self.taker
        assert taker is not None
        return Address(taker.name, taker.address_lines, taker.phone)

    # --- days ------------------------------------------------------------------------------------

    @cached_property
    def _charges(self) -> Sequence[LedgerEntry]:
        account = self.case.account
        if account is None:
            return []
        return entries_about(
            self.session,
            kind=CASE_SUBJECT,
            ref=self.case.public_id,
            account=account,
            scope=EVERYTHING,
        )

    def charged(self, cause: billing.Cause) -> int:
        """Return the fee that was charged for it, with tax; none once it was given back."""
        key = f"{self.case.number}/{cause}"
        keys = {f"charge:{key}", f"credit:{key}"}
        return sum(row.amount_minor for row in self._charges if row.key in keys)

    def day(self, at: datetime) -> date:
        """Return the day of a moment where the customer is."""
        zone = self.site.timezone if self.site else self.house.zone
        return at.astimezone(ZoneInfo(zone)).date()

    @property
    def send_by(self) -> date:
        """The last whole day on which the box can be sent.

        Raises:
            Refused: no time runs, or it is over.
        """
        if self.case.due_at is None:
            raise Refused([NO_DEADLINE])
        last = self.day(self.case.due_at - timedelta(days=1))
        if last < self.day(self.now):
            raise Refused([OVER])
        return last

    # --- what is known of the case ---------------------------------------------------------------

    @cached_property
    def events(self) -> Sequence[CaseEvent]:
        """The steps, the first first."""
        return queries.events_of_case(self.session, self.case, EVERYTHING)

    def entered(self, *states: str) -> CaseEvent | None:
        """Return the last step that led into one of some states from another."""
        into = (e for e in self.events if e.to_state in states and e.from_state != e.to_state)
        return max(into, key=lambda e: e.seq, default=None)

    def made(self, event: str) -> CaseEvent | None:
        """Return the last step of an event."""
        return max((e for e in self.events if e.event == event), key=lambda e: e.seq, default=None)

    @cached_property
    def faults(self) -> Sequence[Fault]:
        """The fault lines."""
        rows = select(Fault).where(Fault.case_id == self.case.id).order_by(Fault.number)
        return self.session.scalars(rows.options(joinedload(Fault.decision))).all()

    @cached_property
    def quote(self) -> Quote | None:
        """The last quote, if the customer may see it."""
        found = newest_quote(self.session, self.case)
        return found.quote if found and found.quote.state in SHOWN_QUOTES else None

    @cached_property
    def exchange(self) -> Exchange | None:
        """The replacement that was given."""
        return self.session.scalar(
            select(Exchange)
            .options(joinedload(Exchange.device).joinedload(Device.model))
            .where(Exchange.case_id == self.case.id, Exchange.state == "given")
        )

    @cached_property
    def terms(self) -> ModelTerms | None:
        """What returns of the model go by."""
        return terms_of_model(self.session, self.case.device)

    @property
    def about(self) -> BoxFacts:
        """The box of the case."""
        return box_facts(self.case.device)

    @property
    def is_covered(self) -> bool:
        """Whether the customer need not pay the postage: the box is the operator's, or covered."""
        return self.case.is_rented or any(
            fault.decision is not None
            and fault.decision.effective_outcome in {"covered", "dead_on_arrival"}
            for fault in self.faults
        )

    def names(self, component: str) -> bool:
        """Tell whether a fault of some component was reported."""
        return any(fault.component == component for fault in self.faults)


def box_facts(device: Device) -> BoxFacts:
    """Return what the label of a box says."""
    return BoxFacts(device.model.name if device.model else "", device.serial or "")


NO_OPERATOR = Obstacle(
    "no-operator-address",
    text("The operator has no address. It is entered at the organisation."),
)
NO_NAME = Obstacle("no-name", text("The customer has no name any more."))
NO_STREET = Obstacle("no-street", text("The customer's site has no street."))
NO_SERIAL = Obstacle("no-serial", text("The box has no serial number."))
NO_DEADLINE = Obstacle("no-deadline", text("No time runs for the box to be sent."))
OVER = Obstacle("over", text("The time in which the box can be sent is over."))
NO_FEE = Obstacle("no-fee", text("The terms of the model name no fee for a box that stays away."))
NO_COVER = Obstacle("no-cover", text("It is not known until when the replacement is covered."))


def _no_address(organisation: Organisation) -> Obstacle:
    message = text("%(name)s has no address.", name=organisation.name)
    return Obstacle("no-address", message)
