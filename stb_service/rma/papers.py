"""The papers of a case: which make sense now, what stands on each, and what is missing for it.

A paper is made when somebody asks for it, from the rows as they are; none is kept. `PAPERS_DUE`
tells the outbox which are to reach the customer after a step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from stb_service.billing import rules as billing
from stb_service.billing.ledger.queries import entries_about
from stb_service.billing.models import LedgerEntry, Quote
from stb_service.devices.models import Device
from stb_service.parts.rules import Condition
from stb_service.rma import queries
from stb_service.rma.ahead import agreed_fee
from stb_service.rma.cases import CaseState
from stb_service.rma.choosing import ways_of
from stb_service.rma.cover_words import letter_words, outcome_words
from stb_service.rma.events import newest_quote
from stb_service.rma.facts import Content
from stb_service.rma.gathering import CASE_SUBJECT, terms_of_model
from stb_service.rma.machine import Step
from stb_service.rma.models import CaseEvent, Exchange, Fault, ModelTerms, ReturnCase
from stb_service.rma.verdicts import BILLABLE
from stb_service.shared import outbox
from stb_service.shared.access import EVERYTHING, Scope
from stb_service.shared.documents import papers
from stb_service.shared.documents.papers import Address, BoxFacts, Operator, Paper, Words
from stb_service.shared.errors import Invalid, NotFound, Obstacle, Refused
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, Text, text
from stb_service.shared.speech import customer_text
from stb_service.staff.models import Organisation
from stb_service.staff.queries import operator
from stb_service.staff.rules import OrganisationKind
from stb_service.subscribers.models import Site
from stb_service.warranty.facts import Sources
from stb_service.warranty.judging import judge, standing_of

DUE = "paper.due"
"""The outbox topic by which the post is told that a paper is to reach the customer."""
_S = CaseState
SENDING = frozenset({_S.AUTHORISED, _S.AHEAD, _S.NOT_RETURNED})
"""Where the customer's box is still to come."""
UNREPAIRED = frozenset({_S.UNREPAIRED, _S.NFF})
LEFT = frozenset({_S.OUTBOUND, _S.LOST_OUT, _S.UNDELIVERED, _S.COMPLETED, _S.CLOSED})
SHOWN_QUOTES = frozenset({billing.QuoteState.SENT, billing.QuoteState.ACCEPTED})


@dataclass(frozen=True)
class Installation:
    """What papers take from the installation: its language and zone, and how links are made."""

    language: str
    zone: str
    link: Callable[[ReturnCase], str]
    quote_link: Callable[[Quote], str | None]
    sources: Sources = ()


@dataclass(frozen=True)
class Offer:
    """A paper that makes sense now: the paper itself, or what it lacks."""

    kind: type[Paper]
    language: str
    paper: Paper | None
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def name(self) -> str:
        """What its address calls it."""
        return self.kind.name

    @property
    def title(self) -> Text:
        """What people call it."""
        return self.kind.title


def offers(
    session: Session, case: ReturnCase, scope: Scope, house: Installation, *, now: datetime
) -> list[Offer]:
    """Return the papers that make sense now, each with what it lacks, in the order of `PAPERS`."""
    writing = Writing(session, case, scope, house, now)
    return [writing.offer(kind) for kind in papers.PAPERS if WRITERS[kind][0](writing)]


def paper_of(
    session: Session,
    case: ReturnCase,
    name: str,
    scope: Scope,
    house: Installation,
    *,
    now: datetime,
) -> tuple[Paper, str]:
    """Return a paper of a case, and the language that it is written in.

    Raises:
        NotFound: there is no such paper, or it makes no sense now.
        Refused: something is missing for it.
    """
    kind = next((kind for kind in papers.PAPERS if kind.name == name), None)
    writing = Writing(session, case, scope, house, now)
    if kind is None or not WRITERS[kind][0](writing):
        raise NotFound(text("This return has no such paper now."))
    found = writing.offer(kind)
    if found.paper is None:
        raise Refused(list(found.obstacles))
    return found.paper, found.language


@dataclass
class Writing:
    """One case as its papers see it; what is asked of the database is asked once."""

    session: Session
    case: ReturnCase
    scope: Scope
    house: Installation
    now: datetime

    def offer(self, kind: type[Paper]) -> Offer:
        """Return a paper, or what it lacks."""
        missing = self._missing(kind)
        if not missing:
            try:
                return Offer(kind, self.language, WRITERS[kind][1](self))
            except Refused as refusal:
                missing = list(refusal.obstacles)
            except Invalid as refusal:
                messages = [said for all_said in refusal.fields.values() for said in all_said]
                missing = [Obstacle("paper", said) for said in messages or [refusal.detail]]
        return Offer(kind, self.language, None, tuple(missing))

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

    def _missing(self, kind: type[Paper]) -> list[Obstacle]:
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
        """Return what every paper begins with."""
        writer = self.operator
        assert writer is not None
        return (
            Operator(Address(writer.name, writer.address_lines), writer.phone, writer.mail),
            Address(self.customer_name, self._customer_lines),
            self.case.number,
            self.house.link(self.case),
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


# --- each paper ----------------------------------------------------------------------------------


def _is_sending(writing: Writing) -> bool:
    return writing.case.state in SENDING


def _label(writing: Writing) -> Paper:
    order = queries.order_of_case(writing.session, writing.case, EVERYTHING)
    return papers.ParcelLabel(
        *writing.head,
        receiver=writing.receiver,
        return_reference=order.number if order else writing.case.number,
    )


def _slip(writing: Writing) -> Paper:
    has_term = writing.case.due_at is not None
    return papers.PackingSlip(
        *writing.head,
        box=writing.about,
        receiver=writing.receiver,
        with_power_supply=writing.names("power_supply"),
        with_remote=writing.names("remote"),
        send_by=writing.send_by if has_term else None,
    )


def _may_send(writing: Writing) -> bool:
    return writing.case.state in {_S.AUTHORISED, _S.AHEAD}


def _authorised(writing: Writing) -> Paper:
    approved = writing.entered(_S.AUTHORISED)
    symptoms = "; ".join(fault.symptom for fault in writing.faults if fault.symptom)
    return papers.ReturnAuthorised(
        *writing.head,
        on=writing.day(approved.at if approved else writing.now),
        box=writing.about,
        fault=writing.case.complaint or symptoms or customer_text("No fault was described."),
        send_by=writing.send_by,
        is_postage_paid=writing.is_covered,
    )


def _has_quote(writing: Writing) -> bool:
    return writing.quote is not None


def _quote(writing: Writing) -> Paper:
    quote = writing.quote
    assert quote is not None
    operator_, customer, number, _link = writing.head
    rows = [(row.tax_ppm, row.net_minor, row.tax_minor) for row in quote.lines]
    return papers.Quote(
        operator_,
        customer,
        number,
        writing.house.quote_link(quote) or _link,
        writing.day(quote.sent_at or writing.now),
        writing.about,
        number=quote.number,
        reasons=_why_to_pay(writing),
        lines=tuple(_quote_line(row) for row in quote.lines),
        taxes=tuple(
            papers.TaxLine(rate // 1000, tax) for rate, _, tax in billing.taxes_by_rate(rows)
        ),
        currency=quote.currency,
        valid_until=quote.valid_until_on,
        is_paid_first=quote.account.credit_days == 0,
        choices=ways_of(writing.session, writing.case, quote),
        warranty=letter_words(writing.case, writing.faults),
    )


def _quote_line(row: Any) -> papers.QuoteLine:
    """Return a line; one with a discount, or of a part of a piece, is told by its sum."""
    pieces = row.quantity_milli // 1000
    if pieces and pieces * row.unit_minor == row.net_minor:
        return papers.QuoteLine(row.description, pieces, row.unit_minor)
    return papers.QuoteLine(row.description, 1, row.net_minor)


def _why_to_pay(writing: Writing) -> tuple[Words, ...]:
    """Return why the customer is asked to pay, each reason once."""
    payable = (fault for fault in writing.faults if fault.effective_verdict in BILLABLE)
    reasons = [outcome_words(fault) for fault in payable]
    return tuple(reason for n, reason in enumerate(reasons) if reason not in reasons[:n])


def _is_declined(writing: Writing) -> bool:
    return writing.case.state == _S.REJECTED


def _declined(writing: Writing) -> Paper:
    step = writing.entered(_S.REJECTED)
    late = customer_text("We did not hear from you in time.")
    return papers.Declined(
        *writing.head,
        on=writing.day(step.at if step else writing.now),
        box=writing.about,
        reasons=((step.reason if step else "") or late,),
    )


def _is_unrepaired(writing: Writing) -> bool:
    """Tell whether the box goes, or went, back as it came: nothing was decided after that."""
    state = writing.case.state
    if state in UNREPAIRED:
        return True
    into = writing.entered(*UNREPAIRED)
    after = [e.to_state for e in writing.events if into and e.seq > into.seq]
    return into is not None and state in LEFT and set(after) <= UNREPAIRED | LEFT


WHY_BACK: Mapping[str, Words] = {
    "decline": customer_text("You declined our quote."),
    "lapse": customer_text("Our quote ended without an answer."),
    "lapse_part_paid": customer_text("We did not hear from you in time."),
    "withdraw": customer_text("You asked to have it back."),
    "choose_return": customer_text("You chose to have it back unrepaired."),
    "return_nff": customer_text("We found no fault in it."),
}


def _unrepaired(writing: Writing) -> Paper:
    into = writing.entered(*UNREPAIRED)
    assert into is not None
    left = next((e for e in reversed(writing.events) if e.event == "ship"), None)
    said = left.stated if left is not None and left.seq > into.seq else {}
    return papers.ReturnedUnrepaired(
        *writing.head,
        on=writing.day(left.at if said and left else into.at),
        box=writing.about,
        reasons=(WHY_BACK.get(into.event) or into.reason or WHY_BACK["withdraw"],),
        carrier=said.get("carrier", ""),
        tracking=said.get("tracking", ""),
        fee_minor=writing.charged(billing.Cause.HANDLING_FEE),
        currency=writing.case.currency,
        warranty=letter_words(writing.case, writing.faults),
    )


def _has_damage_fee(writing: Writing) -> bool:
    return writing.charged(billing.Cause.DAMAGE_FEE) > 0


def _damage_fee(writing: Writing) -> Paper:
    return papers.DamageFee(
        *writing.head,
        on=writing.day(writing.now),
        box=writing.about,
        fee_minor=writing.charged(billing.Cause.DAMAGE_FEE),
        currency=writing.case.currency,
    )


def _is_replaced(writing: Writing) -> bool:
    return writing.exchange is not None


def _replaced(writing: Writing) -> Paper:
    exchange = writing.exchange
    assert exchange is not None
    on = writing.day(exchange.given_at or exchange.allocated_at)
    until = None if writing.case.is_rented else _covered_until(writing, exchange.device, on)
    return papers.Replaced(
        *writing.head,
        on=on,
        box=box_facts(writing.case.device),
        replacement=box_facts(exchange.device),
        is_refurbished=exchange.condition == Condition.REFURBISHED,
        covered_until=until,
        warranty=letter_words(writing.case, writing.faults),
    )


def _covered_until(writing: Writing, device: Device, on: date) -> date:
    standing = standing_of(writing.session, device, on, writing.house.sources)
    if standing.version is None:
        raise Refused([NO_COVER])
    found = judge(standing.version, standing.known, component="", day=on, found=standing.trace)
    if found.cover.last is None:
        raise Refused([NO_COVER])
    return found.cover.last


def _is_overdue(writing: Writing) -> bool:
    """Tell whether a box that was replaced ahead is waited for. One that nobody replaced is with the
    customer as before, and costs nothing.
    """
    return writing.case.state == _S.AHEAD


def _final_notice(writing: Writing) -> Paper:
    sent = writing.entered(_S.AHEAD)
    fee = agreed_fee(writing.session, writing.case)
    if fee is None:
        raise Refused([NO_FEE])
    return papers.FinalNotice(
        *writing.head,
        on=writing.day(writing.now),
        box=writing.about,
        receiver=writing.receiver,
        send_by=writing.send_by,
        fee_minor=fee.total_minor,
        currency=fee.currency,
        replacement_sent_on=writing.day(sent.at) if sent else None,
    )


Writer = tuple[Callable[[Writing], bool], Callable[[Writing], Paper]]
WRITERS: Mapping[type[Paper], Writer] = {
    papers.ParcelLabel: (_is_sending, _label),
    papers.PackingSlip: (_is_sending, _slip),
    papers.ReturnAuthorised: (_may_send, _authorised),
    papers.Quote: (_has_quote, _quote),
    papers.Declined: (_is_declined, _declined),
    papers.ReturnedUnrepaired: (_is_unrepaired, _unrepaired),
    papers.DamageFee: (_has_damage_fee, _damage_fee),
    papers.Replaced: (_is_replaced, _replaced),
    papers.FinalNotice: (_is_overdue, _final_notice),
}
"""When each paper makes sense, and what makes it."""


# --- what is to reach the customer ---------------------------------------------------------------

PAPERS_DUE: Mapping[str, Sequence[type[Paper]]] = {
    "approve": (papers.ParcelLabel, papers.PackingSlip, papers.ReturnAuthorised),
    "reject": (papers.Declined,),
    "send_quote": (papers.Quote,),
    "send_ahead": (papers.Replaced,),
    "swap_at_counter": (papers.Replaced,),
    "swap_at_door": (papers.Replaced,),
}


def tell_papers_due(
    session: Session, case: ReturnCase, step: Step, content: str | None, *, now: datetime
) -> None:
    """Tell the outbox which papers are to reach the customer after a step; each step tells once."""
    due = list(PAPERS_DUE.get(step.event, ()))
    if step.event == "ship":
        if step.from_state in UNREPAIRED:
            due.append(papers.ReturnedUnrepaired)
        elif content == Content.SPARE:
            due.append(papers.Replaced)
    for kind in due:
        tell_due(session, case, kind, now=now)


def tell_due(session: Session, case: ReturnCase, kind: type[Paper], *, now: datetime) -> None:
    """Tell the outbox that a paper is to reach the customer, once for a step."""
    outbox.emit(
        session,
        topic=DUE,
        key=f"{DUE}:{case.number}:{case.event_seq}:{kind.name}",
        payload={"case": case.public_id, "paper": kind.name},
        now=now,
    )


def nobody_mails(session: Session, payload: Mapping[str, Any], now: datetime) -> None:
    """Do nothing: papers are printed, or saved and sent by hand, until a room mails them."""
