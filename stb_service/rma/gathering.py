"""What the rules ask of a case and its box, read from the database: each fact in its own place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from stb_service.billing.ledger.operations import zone_of
from stb_service.billing.ledger.queries import (
    balances,
    credit_before,
    credited_for,
    paid_for_quote,
    standing_of,
)
from stb_service.billing.models import Quote
from stb_service.billing.rules import QuoteState, Standing, day_in, tax_of
from stb_service.devices.components import Component
from stb_service.devices.holdings.chain import current_holding
from stb_service.devices.identity.rules import lookup_key
from stb_service.devices.models import Device, DeviceCapability, DeviceIdentifier, ModelCapability
from stb_service.devices.rules import Capability, effective_capabilities
from stb_service.parts.rules import Condition, ReservationState
from stb_service.rma import history, wiping
from stb_service.rma.beside import OTHERS, shown_beside
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.comparison import Choice
from stb_service.rma.events import (
    case_history,
    last_event,
    newest_quote,
    order_history,
    terms_in_force,
)
from stb_service.rma.facts import Facts, Remedy
from stb_service.rma.history import Happened
from stb_service.rma.holding import reason_of_hold
from stb_service.rma.lists import (
    CHECKLIST,
    NOTHING,
    PRECHECKS,
    PRECHECKS_OF,
    SINCE_ENTERED,
    Stated,
)
from stb_service.rma.models import (
    Accessory,
    BoxTest,
    CaseEvent,
    CasePhoto,
    CaseQuote,
    Comparison,
    ComponentSwap,
    Exchange,
    Fault,
    InspectionCheck,
    Labour,
    ModelTerms,
    OrderPart,
    Precheck,
    ReturnCase,
    Statement,
    WorkshopOrder,
)
from stb_service.rma.rules import Action, actions
from stb_service.rma.verdicts import BILLABLE, FaultLine, Verdict, outcome_of
from stb_service.rma.verdicts import Outcome as FaultsOutcome
from stb_service.rma.workshop import ORDER, OrderState
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.identifiers import latin
from stb_service.warranty.cover import Outcome

CASE_SUBJECT = "rma_case"
SERIALISED = frozenset({Component.MAINBOARD, Component.DISK, Component.TUNER, Component.WIFI})
"""Components that have a serial of their own, which a repair records."""
COVERING = frozenset({Outcome.COVERED, Outcome.DEAD_ON_ARRIVAL, Outcome.GOODWILL})
STANDING_QUOTES = frozenset({QuoteState.DRAFT, QuoteState.SENT, QuoteState.ACCEPTED})


def gather(
    session: Session,
    case: ReturnCase | None,
    order: WorkshopOrder | None,
    stated: Stated = NOTHING,
    *,
    now: datetime,
) -> Facts:
    """Return what is known of a case and its order, or of an order without a case, right now."""
    return Gathering(session, case, order, stated, now).facts()


def offers_others(terms: ModelTerms, currency: str) -> bool:
    """Tell whether a customer who pays in a currency may buy another box instead of a repair."""
    has_prices = bool(terms.new_minor or terms.refurbished_minor)
    return has_prices and terms.currency == currency


def _photos_of(session: Session, ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(CasePhoto.fault_id, func.count())
        .where(CasePhoto.fault_id.in_(ids))
        .group_by(CasePhoto.fault_id)
    )
    return {row[0]: row[1] for row in rows if row[0] is not None}


def capabilities_of(session: Session, device: Device) -> list[Capability]:
    """Return what a box can do: its model's capabilities and its own differences."""
    of_model = session.scalars(
        select(ModelCapability).where(ModelCapability.model_id == device.model_id)
    )
    own = session.scalars(
        select(DeviceCapability).where(DeviceCapability.device_id == device.id)
    ).all()
    return effective_capabilities(
        [Capability(row.kind, row.name, row.detail) for row in of_model],
        [(Capability(row.kind, row.name, row.detail), row.is_present) for row in own],
    )


def can_replace(session: Session, spare: Device, box: Device) -> bool:
    """Tell whether a box can do all that another can."""
    needed = {(c.kind, c.name) for c in capabilities_of(session, box)}
    return needed <= {(c.kind, c.name) for c in capabilities_of(session, spare)}


def scan_key(scanned: str) -> str:
    """Return what was typed or scanned as identifiers are compared."""
    return lookup_key(latin(scanned).upper())


def find_scanned(session: Session, scanned: str) -> Device | None:
    """Return the box that has an identifier, however it was typed or scanned."""
    key = scan_key(scanned)
    if not key:
        return None
    return session.scalar(
        select(Device)
        .join(DeviceIdentifier, DeviceIdentifier.device_id == Device.id)
        .where(DeviceIdentifier.lookup == key, DeviceIdentifier.until.is_(None))
        .limit(1)
    )


def other_live_case(session: Session, device_id: int, but: int | None = None) -> int:
    """Return how many cases of a box are open, but for one. One that is completed bars no other: its
    box is at home again, and may fail there before the customer has confirmed anything.
    """
    statement = select(func.count()).where(
        ReturnCase.device_id == device_id,
        ReturnCase.closed_at.is_(None),
        ReturnCase.state != CaseState.COMPLETED,
    )
    if but is not None:
        statement = statement.where(ReturnCase.id != but)
    return session.scalar(statement) or 0


def money_of(session: Session, case: ReturnCase, now: datetime) -> Standing | None:
    """Return how the money behind a case stands; None where nobody's account is behind it.

    Money that came for the account as a whole pays for the case too: no more is open of it than
    the account owes in all. So does what is to be paid back: a fee or a quote that was paid and is
    credited. Credit that the account had before the case stays its own.
    """
    account = case.account
    if account is None:
        return None
    found = standing_of(
        session,
        kind=CASE_SUBJECT,
        ref=case.public_id,
        account=account,
        today=day_in(zone_of(account, "UTC"), now),
        scope=EVERYTHING,
    )
    owed = balances(session, account, EVERYTHING)[0].minor
    if found.due_minor > 0:
        return replace(found, due_minor=min(found.due_minor, max(0, owed)))
    credited = credited_for(session, account, kind=CASE_SUBJECT, ref=case.public_id)
    if credited <= 0 or owed >= 0:
        return found
    over = max(owed + credit_before(session, account, case.opened_at), -credited)
    return replace(found, due_minor=min(found.due_minor, over))


def terms_of_model(session: Session, device: Device) -> ModelTerms | None:
    """Return what returns of a box's model go by."""
    return session.scalar(select(ModelTerms).where(ModelTerms.model_id == device.model_id))


def price_of(session: Session, case: ReturnCase) -> int:
    """Return what a box costs with tax by the terms of its model, in the money of a case; 0 if that
    is not known.
    """
    terms = terms_of_model(session, case.device)
    if terms is None or terms.currency != case.currency:
        return 0
    return terms.new_minor + tax_of(terms.new_minor, terms.tax_ppm)


def has_bought(session: Session, case: ReturnCase) -> bool:
    """Tell whether the customer has accepted a quote for another box."""
    found = (
        select(CaseQuote.id)
        .join(Quote, CaseQuote.quote_id == Quote.id)
        .where(
            CaseQuote.case_id == case.id,
            CaseQuote.remedy == Remedy.REPLACE,
            Quote.state == QuoteState.ACCEPTED,
        )
    )
    return session.scalar(found.limit(1)) is not None


def live_exchange(session: Session, case: ReturnCase) -> Exchange | None:
    """Return the exchange of a case that is under way or done."""
    return session.scalar(
        select(Exchange)
        .options(joinedload(Exchange.device))
        .where(Exchange.case_id == case.id, Exchange.state.in_(("allocated", "given")))
    )


@dataclass
class Gathering:
    """Everything that was read for one set of facts, each once."""

    session: Session
    case: ReturnCase | None
    order: WorkshopOrder | None
    stated: Stated
    now: datetime

    def facts(self) -> Facts:
        """Return the facts."""
        found: dict[str, Any] = {
            "reason": self.stated.reason,
            "scanned": self.stated.scanned,
            "tracking": self.stated.tracking,
            "signed_by": self.stated.signed_by,
            "now": self.now,
            "lines": self.lines,
            "warranty_decided": bool(self.faults)
            and all(fault.decision_id is not None for fault in self.faults),
            **self.of_case(),
            **self.of_box(),
            **self.of_bench(),
        }
        facts = Facts(**found)
        return history.remember(facts, self.case_events, self.order_events)

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

    # --- the case --------------------------------------------------------------------------------

    def of_case(self) -> dict[str, Any]:
        """Return what is known of the promise."""
        case = self.case
        if case is None:
            return {}
        return {
            "due_at": case.due_at,
            "held_because": reason_of_hold(self.session, case) if case.held else "",
            "remedy": case.remedy,
            "rented": case.is_rented,
            "other_cases": other_live_case(self.session, case.device_id, case.id),
            "unrecorded_checks": self._unrecorded(case),
            "repeats_ended_case": self._repeats(case),
            "other_is_theirs": self._other_is_theirs(case),
            "stray_gone": self._stray_gone(case),
            "loss_confirmed": "loss_confirmed" in self.statements,
            "ahead_lost": "ahead_loss_confirmed" in self.statements,
            "address_confirmed": "address_confirmed" in self.statements,
            "notice_sent": "notice_sent" in self.statements,
            "disposal_consent": "disposal_consent" in self.statements,
            "fee_agreed": "fee_agreed" in self.statements,
            "fee_chargeable": self._fee_chargeable(case),
            **self._fees_elsewhere(case),
            "ahead_back": self._is_ahead_scanned(case),
            "has_account": case.account_id is not None,
            "refund_minor": self.amount_of("refunded"),
            "price_minor": self.amount_of("price_paid") or price_of(self.session, case),
            "cover_presumed": any(map(_is_covered, self.faults)),
            "all_covered": bool(self.faults) and all(map(_is_covered, self.faults)),
            **self._choice(case),
            **self._exchange(case),
            **self._quote(case),
            **self._money(case),
        }

    def _is_ahead_scanned(self, case: ReturnCase) -> bool:
        """Tell whether what was scanned is the replacement that went ahead: it is here again."""
        exchange = live_exchange(self.session, case) if self.stated.scanned else None
        scanned = find_scanned(self.session, self.stated.scanned) if exchange else None
        return exchange is not None and scanned is not None and scanned.id == exchange.device_id

    def _fee_chargeable(self, case: ReturnCase) -> bool:
        """Tell whether the fee could be charged as agreed: to an account, in its currency."""
        agreed = self.statements.get("fee_agreed")
        fee = agreed.fee if agreed else None
        return (
            fee is not None and case.account is not None and fee.currency == case.account.currency
        )

    def _fees_elsewhere(self, case: ReturnCase) -> dict[str, bool]:
        """Tell which fees fall due by terms that are not in the account's money, while nobody has
        stated what became of them.
        """
        terms, account = terms_of_model(self.session, case.device), case.account
        if terms is None or account is None or terms.currency == account.currency:
            return {}
        if "fee_settled" in self.statements:
            return {}
        damaged = any(line.verdict is Verdict.USER_FAULT for line in self.lines)
        is_nff = outcome_of(self.lines) is FaultsOutcome.NFF
        return {
            "damage_elsewhere": bool(terms.damage_minor) and case.is_rented and damaged,
            "handling_elsewhere": bool(terms.handling_minor) and is_nff,
        }

    def _unrecorded(self, case: ReturnCase) -> Sequence[str]:
        asked = PRECHECKS_OF[case.remedy]
        known = set(self.session.scalars(select(Precheck.code).where(Precheck.case_id == case.id)))
        return [str(PRECHECKS[code]) for code in asked if code not in known]

    def _repeats(self, case: ReturnCase) -> bool:
        if case.previous is None:
            return False
        events = case_history(self.session, case.previous)
        return history.is_repeatable(events, terms_in_force(self.session), self.now)

    def _other_is_theirs(self, case: ReturnCase) -> bool:
        other = stray_box(self.session, case)
        if other is None or case.account_id is None:
            return False
        held = current_holding(self.session, other)
        is_theirs = held is not None and held.account_id == case.account_id
        return is_theirs and other_live_case(self.session, other.id) == 0

    def _stray_gone(self, case: ReturnCase) -> bool:
        """Tell whether the box that came by mistake was received in a return of its own."""
        other = stray_box(self.session, case) if case.state == CaseState.MISMATCH else None
        return other is not None and is_received(self.session, other, case)

    def _choice(self, case: ReturnCase) -> dict[str, Any]:
        """The law asks that a consumer be told, where choosing the repair brings longer cover."""
        covered = [
            fault.decision.version.as_policy().repairs.extend_months > 0
            for fault in self.faults
            if fault.decision and fault.decision.effective_outcome in COVERING
        ]
        rows = select(Comparison.choice).where(Comparison.case_id == case.id)
        choices = self.session.scalars(rows.order_by(Comparison.id)).all()
        return {
            "choice_needed": any(covered) and not case.is_rented,
            "choice_recorded": "remedy_chosen" in self.statements or any(choices),
            "side_by_side": shown_beside(self.session, case, self._quoted_in(case)) is not None,
            "nothing_else_offered": "nothing_else_offered" in self.statements,
            "other_chosen": bool(choices) and choices[-1] in OTHERS,
            "promised_condition": self._promised(case, [one for one in choices if one]),
        }

    def _promised(self, case: ReturnCase, chosen: Sequence[str]) -> str:
        """Return whether the customer was promised a new or a refurbished box: as they chose last,
        else a new one where they accepted a quote for another box.
        """
        if chosen and chosen[-1] in OTHERS:
            return chosen[-1]
        return Condition.NEW if has_bought(self.session, case) else ""

    def _quoted_in(self, case: ReturnCase) -> str:
        """Return the currency in which the customer is quoted, or would be."""
        found = newest_quote(self.session, case)
        return found.quote.currency if found else case.currency

    def _exchange(self, case: ReturnCase) -> dict[str, Any]:
        exchange = live_exchange(self.session, case)
        given = self.session.scalars(
            select(Exchange).where(Exchange.case_id == case.id, Exchange.state == "given")
        ).all()
        terms = terms_of_model(self.session, case.device)
        accessories = self.session.scalars(
            select(Accessory).where(Accessory.case_id == case.id)
        ).all()
        spare = exchange.device if exchange and exchange.state == "allocated" else None
        return {
            "accessory_reserved": any(
                row.reservation.state == ReservationState.HELD for row in accessories
            ),
            "spare": spare.label if spare else "",
            "spare_fits": spare is not None and can_replace(self.session, spare, case.device),
            "spare_condition": exchange.condition if exchange else "",
            "may_send_ahead": terms is not None and terms.may_send_ahead,
            "others_offered": terms is not None and offers_others(terms, case.currency),
            "provisioned": bool(given) and all(row.provisioned_at for row in given),
            "pins_released": bool(given) and all(row.pins_released_at for row in given),
        }

    def _quote(self, case: ReturnCase) -> dict[str, Any]:
        found = newest_quote(self.session, case)
        quote = found.quote if found else None
        if found is None or quote is None or quote.state not in STANDING_QUOTES:
            return {"quote_gone": quote is not None and quote.state == QuoteState.WITHDRAWN}
        until = quote.expires_at
        if quote.state == QuoteState.ACCEPTED:  # an answer that was given in time stands
            until = max(until, self.now + timedelta(days=1))
        return {
            "quote_lines": _line_count(quote),
            "quote_leaves_out": self._left_out(found),
            "quote_sent": quote.state in {QuoteState.SENT, QuoteState.ACCEPTED},
            "quote_accepted": quote.state == QuoteState.ACCEPTED,
            "quote_until": until,
            "quoted_remedy": found.remedy,
        }

    def _left_out(self, quoted: CaseQuote) -> list[int]:
        """Return the faults to be paid for that a quote of a repair has no price for."""
        if quoted.remedy != Remedy.REPAIR:
            return []
        return [
            line.number
            for line in self.lines
            if line.verdict in BILLABLE
            and not (line.agreed or line.declined)
            and line.number not in quoted.faults
        ]

    def _money(self, case: ReturnCase) -> dict[str, Any]:
        standing = money_of(self.session, case, self.now)
        if standing is None:
            return {}
        return {
            "quote_paid_minor": self._paid_for_quote(case),
            "to_pay_minor": max(0, standing.due_minor),
            "balance_minor": standing.due_minor,
            "credit_terms": standing.has_terms and standing.overdue_minor == 0,
        }

    def _paid_for_quote(self, case: ReturnCase) -> int:
        """Return how much money came for the quote that was accepted last."""
        found = newest_quote(self.session, case)
        if found is None or found.quote.state != QuoteState.ACCEPTED:
            return 0
        return paid_for_quote(self.session, found.quote)

    # --- the box ---------------------------------------------------------------------------------

    def of_box(self) -> dict[str, Any]:
        """Return how the box is called; what was scanned is compared as people write it."""
        rows = self.session.execute(
            select(DeviceIdentifier.value, DeviceIdentifier.lookup).where(
                DeviceIdentifier.device_id == self.device.id, DeviceIdentifier.until.is_(None)
            )
        ).all()
        names = {row.value for row in rows}
        if self.stated.scanned and scan_key(self.stated.scanned) in {
            row.lookup.upper() for row in rows
        }:
            names.add(self.stated.scanned)
        return {"serial": self.device.label, "identifiers": frozenset(names)}

    # --- the bench -------------------------------------------------------------------------------

    def of_bench(self) -> dict[str, Any]:
        """Return what is known of the work."""
        order = self.order
        if order is None:
            return {}
        parts = self._parts(order)
        wanted = [row for row in parts if row.dropped_at is None]
        comparison = self._comparison(order)
        return {
            "open_checks": self._open_checks(order),
            "new_lines": self._new_lines(),
            "beyond_repair": order.state in {OrderState.CONDEMNED, OrderState.WITH_SUPPLIER}
            or (comparison is not None and self._is_too_dear(comparison)),
            "compared": comparison is not None,
            "missing_parts": [
                row.part.sku
                for row in wanted
                if row.reservation is None or row.reservation.state == ReservationState.RELEASED
            ],
            "parts_unsettled": sum(
                row.reservation is not None and row.reservation.state == ReservationState.HELD
                for row in parts
            ),
            **self._tested(order),
            "firmware_recorded": bool(order.firmware_before and order.firmware_after),
            "components_recorded": self._components_recorded(order, wanted),
            "work_recorded": self._work_recorded(order, wanted),
            "wiping_proven": wiping.is_proven(
                self.session, order, self.order_events, self.statements.get(wiping.WIPING)
            ),
            "grade": order.grade,
        }

    def _parts(self, order: WorkshopOrder) -> Sequence[OrderPart]:
        return self.session.scalars(
            select(OrderPart)
            .where(OrderPart.order_id == order.id)
            .order_by(OrderPart.id)
            .execution_options(populate_existing=True)
        ).all()

    def _comparison(self, order: WorkshopOrder) -> Comparison | None:
        return self.session.scalar(
            select(Comparison)
            .where(Comparison.order_id == order.id)
            .order_by(Comparison.id.desc())
            .limit(1)
        )

    def _is_too_dear(self, comparison: Comparison) -> bool:
        """Tell whether the repair is refused for what it costs. The law comes first: a consumer who
        chose it, and may not be refused it, gets it whatever the model's threshold says.
        """
        result = comparison.result
        if not result["beyond_repair"] or result["may_refuse_choice"]:
            return bool(result["beyond_repair"])
        chosen = self.session.scalar(
            select(Comparison.choice)
            .where(Comparison.order_id == comparison.order_id, Comparison.choice != "")
            .order_by(Comparison.chosen_at.desc(), Comparison.id.desc())
            .limit(1)
        )
        return chosen != Choice.REPAIR

    def _open_checks(self, order: WorkshopOrder) -> Sequence[str]:
        known = set(
            self.session.scalars(
                select(InspectionCheck.code).where(
                    InspectionCheck.order_id == order.id,
                    InspectionCheck.round == round_of(self.order_events),
                )
            )
        )
        return [str(title) for code, title in CHECKLIST.items() if code not in known]

    def _new_lines(self) -> int:
        """Return how many faults were written down since the work was begun last."""
        begun = last_event(self.order_events, "begin", "go_on")
        if begun is None:
            return 0
        first = last_event(self.order_events, "begin") or begun
        return sum(
            fault.found_seq is not None and fault.found_seq >= first for fault in self.faults
        )

    def _tested(self, order: WorkshopOrder) -> dict[str, bool]:
        """Return what the last test came to; one made before the last repair was passed for nothing."""
        last = self.session.scalar(
            select(BoxTest).where(BoxTest.order_id == order.id).order_by(BoxTest.id.desc()).limit(1)
        )
        begun = last_event(self.order_events, "begin", "test", "fail") or 0
        return {
            "test_passed": last is not None and last.passed and last.order_seq >= begun,
            "test_failed": last is not None and not last.passed,
        }

    def _work_recorded(self, order: WorkshopOrder, parts: Sequence[OrderPart]) -> bool:
        """Tell whether anything says what was done to the box."""
        if any(row.used for row in parts) or order.firmware_before != order.firmware_after:
            return True
        rows = (
            select(Labour.id).where(Labour.order_id == order.id),
            select(ComponentSwap.id).where(ComponentSwap.order_id == order.id),
            select(BoxTest.id).where(BoxTest.order_id == order.id, BoxTest.note != ""),
        )
        return any(self.session.scalar(found.limit(1)) is not None for found in rows)

    def _components_recorded(self, order: WorkshopOrder, parts: Sequence[OrderPart]) -> bool:
        recorded = set(
            self.session.scalars(
                select(ComponentSwap.component).where(ComponentSwap.order_id == order.id)
            )
        )
        used = {row.part.component for row in parts if row.used}
        return (used & SERIALISED) <= recorded


def round_of(events: Sequence[Happened]) -> int:
    """Return which round of inspection an order is in."""
    return 1 + sum(happened.event == "dispute" for happened in events)


def stray_box(session: Session, case: ReturnCase) -> Device | None:
    """Return the box that came instead of the one that was authorised."""
    event = session.scalar(
        select(CaseEvent)
        .where(CaseEvent.case_id == case.id, CaseEvent.event == "mismatch")
        .order_by(CaseEvent.seq.desc())
        .limit(1)
    )
    return find_scanned(session, str(event.stated.get("scanned", ""))) if event else None


def is_received(session: Session, device: Device, but: ReturnCase) -> bool:
    """Tell whether a box is in the workshop for another case, or as the operator's own."""
    rows = select(WorkshopOrder.id).where(
        WorkshopOrder.device_id == device.id,
        WorkshopOrder.ended_at.is_(None),
        WorkshopOrder.state != OrderState.EXPECTED,
        or_(WorkshopOrder.case_id.is_(None), WorkshopOrder.case_id != but.id),
    )
    return session.scalar(rows.limit(1)) is not None


def _is_covered(fault: Fault) -> bool:
    return fault.decision is not None and fault.decision.effective_outcome in COVERING


def _line_count(quote: Quote) -> int:
    return quote.line_count if quote.line_count is not None else len(quote.lines)


def next_actions(
    session: Session,
    case: ReturnCase | None,
    order: WorkshopOrder | None,
    *,
    actor: Actor,
    now: datetime,
) -> list[Action]:
    """Return what the actor could do next with a case and its order, each with what bars it."""
    facts = gather(session, case, order, now=now)
    found: list[Action] = []
    if case is not None:
        found += actions(CASE, facts, actor.can)
    if order is not None:
        found += actions(ORDER, facts, actor.can)
    return found
