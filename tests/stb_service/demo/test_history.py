"""The history of the demonstration: the same for the same seed, sound, and something on each page."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from stb_service.billing.ledger.queries import balances
from stb_service.billing.models import LedgerEntry, Payment, Quote
from stb_service.billing.payments.queries import PaymentFilter, payments_page
from stb_service.billing.queries import QuoteFilter, quotes_page
from stb_service.billing.rules import PaymentState, QuoteState
from stb_service.demo.model import opening
from stb_service.demo.operator import STAFF, Calendar
from stb_service.devices.demo import MODELS
from stb_service.devices.models import Device, Holding
from stb_service.devices.queries import DeviceFilter, devices_page
from stb_service.parts.catalogue.queries import PartFilter, parts_page
from stb_service.parts.counts.queries import counts_page
from stb_service.parts.models import StockCount, StockMove, StockPosition
from stb_service.parts.moves.queries import (
    MoveFilter,
    ReservationFilter,
    moves_page,
    reservations_page,
)
from stb_service.parts.ordering.queries import shortages_page
from stb_service.parts.queries import LocationFilter, locations_page
from stb_service.parts.rules import CountState, LocationKind, MoveKind
from stb_service.rma.claiming.models import CreditNote, SupplierClaim
from stb_service.rma.machine import Phase
from stb_service.rma.models import (
    CaseEvent,
    CasePhoto,
    ModelTerms,
    OrderPart,
    ReturnCase,
    WorkshopOrder,
)
from stb_service.shared.access import EVERYTHING, Actor, Scope
from stb_service.shared.audit import AuditEntry
from stb_service.staff.models import Person
from stb_service.staff.queries import operator, organisation_by_ref
from stb_service.subscribers.models import Account, Contact, Site
from stb_service.subscribers.queries import AccountFilter, accounts_page
from stb_service.subscribers.rules import ContactKind
from stb_service.warranty.models import WarrantyDecision
from stb_service.warranty.queries import (
    DecisionFilter,
    assignments_page,
    decisions_page,
    policies_page,
)
from tests.conftest import NOW
from tests.stb_service.demo.conftest import BOXES, Told

pytestmark = [
    pytest.mark.xdist_group("history"),  # written once
    pytest.mark.timeout(300),  # it takes long on a busy machine
]

# what a row says besides ids that are drawn anew each time
SAID = (
    "SELECT serial, status, tenure, sold_on, activated_on FROM devices ORDER BY id",
    "SELECT number, name, currency, credit_days, opened_at FROM accounts ORDER BY id",
    "SELECT value FROM contacts ORDER BY id",
    "SELECT device_id, account_id, tenure, since, until FROM holdings ORDER BY id",
    "SELECT position_id, side, kind, quantity, on_hand, value_after, at FROM stock_moves",
    "SELECT number, state, total_minor, currency, created_at FROM quotes ORDER BY id",
    "SELECT account_id, kind, amount_minor, at FROM ledger_entries ORDER BY id",
    "SELECT device_id, outcome, cause, reported_on, decided_at FROM warranty_decisions ORDER BY id",
    "SELECT case_id, seq, event, to_state, at FROM rma_case_events ORDER BY id",
    "SELECT order_id, seq, event, to_state, at FROM rma_order_events ORDER BY id",
    "SELECT at, actor_label, verb FROM audit_entries ORDER BY id",
)


ALL: dict[str, Any] = {"cursor": None, "limit": 500}


def digest(told: Told) -> str:
    found = hashlib.sha256()
    with told.db.read() as session:
        for statement in SAID:
            for row in session.execute(text(statement)):
                found.update(repr(tuple(row)).encode())
    return found.hexdigest()


@pytest.mark.prove  # that it draws the same lives is asked in test_lives
def test_the_same_seed_is_the_same_history(told: Told, tell: Callable[..., Told]) -> None:
    assert digest(tell(boxes=BOXES)) == digest(told)


def test_it_takes_a_bounded_number_of_statements(told: Told) -> None:
    """About 170 for each box, and some thousands for parts, money and the returns on the board:
    66,000 for 300 boxes.
    """
    assert told.statements < 25_000 + 170 * BOXES


# --- soundness -----------------------------------------------------------------------------------


@pytest.fixture
def session(told: Told) -> Any:
    with told.db.read() as opened:
        yield opened


def test_nothing_happened_before_it_began_or_after_now(session: Session) -> None:
    first, last = session.execute(
        select(func.min(AuditEntry.at), func.max(AuditEntry.at)).where(
            AuditEntry.actor_label != "test-admin"
        )
    ).one()

    assert opening(NOW) <= first
    assert last <= NOW


def test_it_happened_in_the_order_of_time(session: Session) -> None:
    """But for the few things that one person does within the same hours."""
    days = session.scalars(
        select(AuditEntry.at).where(AuditEntry.actor_label != "test-admin").order_by(AuditEntry.id)
    ).all()

    late = [(a - b).total_seconds() / 3600 for a, b in pairwise(days) if b < a]
    assert max(late, default=0.0) < 72


def test_no_place_of_the_house_ever_has_less_than_nothing(session: Session) -> None:
    least = session.scalar(select(func.min(StockMove.on_hand)).where(StockMove.is_open.is_(False)))

    assert least == 0


def test_stock_is_the_sum_of_its_moves(session: Session) -> None:
    signs = {"in": 1, "out": -1}
    sums: Counter[int] = Counter()
    for side, position, quantity in session.execute(
        select(StockMove.side, StockMove.position_id, StockMove.quantity)
    ):
        sums[position] += signs.get(side, 0) * quantity
    last = {
        row.position_id: row.on_hand
        for row in session.scalars(select(StockMove).order_by(StockMove.position_id, StockMove.seq))
    }

    assert sum(sums.values()) == 0
    assert {key: sums[key] for key in last} == last


def test_a_box_is_with_one_account_at_a_time(session: Session) -> None:
    spans: dict[int, list[tuple[datetime, datetime | None]]] = {}
    for row in session.scalars(select(Holding).order_by(Holding.device_id, Holding.since)):
        spans.setdefault(row.device_id, []).append((row.since, row.until))

    pairs = [pair for found in spans.values() for pair in pairwise(found)]
    assert pairs
    assert all(until is not None and until <= since for (_, until), (since, _) in pairs)


def test_a_box_on_a_shelf_is_with_nobody(session: Session) -> None:
    held = select(Holding.device_id).where(Holding.until.is_(None))
    wrong = select(func.count()).where(
        Device.id.in_(held), Device.status.in_(("in_stock", "refurb", "scrapped", "quarantined"))
    )

    assert session.scalar(wrong) == 0


def test_nobody_can_be_reached(session: Session) -> None:
    """Phones are of ranges that are kept for fiction, mail addresses of no domain."""
    rows = session.execute(select(Contact.kind, Contact.value)).all()
    phones = [value for kind, value in rows if kind == ContactKind.PHONE]
    mails = [value for kind, value in rows if kind == ContactKind.EMAIL]
    fiction = re.compile(r"\+(353209\d{6,8}|44207946\d{4}|447700900\d{3})")

    assert phones
    assert [phone for phone in phones if not fiction.fullmatch(phone)] == []
    assert [mail for mail in mails if not mail.endswith(".example")] == []
    assert len(set(phones)) == len(phones)


def test_the_invented_staff_cannot_sign_in_with_what_they_were_given(session: Session) -> None:
    found = session.scalars(
        select(Person).where(Person.username.in_([name for name, *_ in STAFF]))
    ).all()

    assert len(found) == len(STAFF)
    assert all(person.must_change_password for person in found)


# --- something to show ---------------------------------------------------------------------------


def rows(found: Any) -> int:
    return len(found.rows)


def test_every_list_of_the_rooms_has_something_to_show(session: Session, actor: Actor) -> None:
    scope, page = actor.scope, ALL
    found = {
        "boxes": devices_page(session, DeviceFilter(), scope, limit=500),
        "accounts": accounts_page(session, AccountFilter(), scope, personal=True, limit=500),
        "quotes": quotes_page(session, QuoteFilter(), scope, limit=500),
        "payments": payments_page(session, PaymentFilter(), scope, limit=500),
        "parts": parts_page(session, PartFilter(), **page),
        "places": locations_page(session, LocationFilter(), scope, **page),
        "moves": moves_page(session, MoveFilter(), scope, **page),
        "reservations": reservations_page(session, ReservationFilter(), scope, **page),
        "shortages": shortages_page(session, scope, **page),
        "counts": counts_page(session, scope, **page),
        "policies": policies_page(session, **page),
        "assignments": assignments_page(session, **page),
        "decisions": decisions_page(session, DecisionFilter(), scope, **page),
    }

    assert [name for name, shown in found.items() if rows(shown) == 0] == []
    assert rows(found["boxes"]) == BOXES
    assert rows(found["accounts"]) > BOXES / 3


def scope_of(session: Session, code: str) -> Scope:
    return Scope(organisation_by_ref(session, code, EVERYTHING).id)


@pytest.mark.parametrize("code", ["dealer-a", "dealer-b", "dealer-c"])
def test_a_dealer_sees_boxes_customers_and_moves_and_not_all_of_them(
    session: Session, code: str
) -> None:
    scope = scope_of(session, code)

    boxes = rows(devices_page(session, DeviceFilter(), scope, limit=500))
    accounts = rows(accounts_page(session, AccountFilter(), scope, personal=True, limit=500))
    moves = rows(moves_page(session, MoveFilter(), scope, cursor=None, limit=500))

    assert 0 < boxes < BOXES
    assert 0 < accounts < session.scalars(select(func.count(Account.id))).one()
    assert moves > 0


@pytest.mark.parametrize("code", ["centre-n", "centre-s"])
def test_a_centre_sees_its_stock(session: Session, code: str) -> None:
    scope = scope_of(session, code)

    assert rows(moves_page(session, MoveFilter(), scope, cursor=None, limit=500)) > 0


def states(session: Session, column: Any) -> set[str]:
    return set(session.scalars(select(column).distinct()))


def test_there_are_quotes_in_every_state(session: Session) -> None:
    assert states(session, Quote.state) == set(QuoteState)


def test_there_are_payments_that_came_and_one_that_is_held(session: Session) -> None:
    assert {PaymentState.SUCCEEDED, PaymentState.HELD} <= states(session, Payment.state)


def test_somebody_owes_money_since_longer_than_was_agreed(session: Session) -> None:
    owing = [
        account.number
        for account in session.scalars(select(Account))
        if any(balance.minor > 0 for balance in balances(session, account, EVERYTHING))
    ]
    overdue = session.scalar(
        select(func.count(LedgerEntry.id)).where(LedgerEntry.due_on < NOW.date())
    )

    assert owing
    assert overdue


def test_stock_has_moved_in_every_way(session: Session) -> None:
    assert states(session, StockMove.kind) - {""} >= set(MoveKind) - {MoveKind.SCRAP}
    assert states(session, StockCount.state) == set(CountState)
    kinds = {position.location.kind for position in session.scalars(select(StockPosition))}
    assert kinds == set(LocationKind)


def test_customers_are_of_several_countries_languages_and_currencies(session: Session) -> None:
    assert len(states(session, Site.country)) >= 4
    assert len(states(session, Account.language)) >= 3
    assert len(states(session, Account.currency)) >= 3
    assert states(session, Account.kind) == {"person", "business"}


def test_faults_were_decided_when_they_were_reported_and_again_with_their_cause(
    session: Session,
) -> None:
    found = session.scalars(select(WarrantyDecision)).all()

    assert {row.cause is None for row in found} == {True, False}
    assert len({row.outcome for row in found}) >= 3
    assert all(row.reported_on <= row.decided_at.date() for row in found)


# --- returns -------------------------------------------------------------------------------------


def test_no_step_of_a_return_was_refused(told: Told) -> None:
    assert told.op.barred == []


def test_each_column_of_the_board_has_something_and_some_of_it_waits_too_long(
    session: Session,
) -> None:
    live = session.scalars(select(ReturnCase).where(ReturnCase.closed_at.is_(None))).all()

    assert {case.phase for case in live} == set(Phase)
    assert any(case.held for case in live)
    assert any(case.due_at is not None and case.due_at < NOW for case in live)


def test_returns_have_gone_in_many_ways_and_ended(session: Session) -> None:
    events = states(session, CaseEvent.event)
    ends = states(session, WorkshopOrder.state)

    assert {"approve_repair", "return_nff", "quote", "dispute", "send_ahead", "lose"} <= events
    assert {"mismatch", "bounce", "approve_replace", "confirm", "close"} <= events
    assert {"unreturned_fee"} <= states(session, LedgerEntry.cause)
    assert session.scalar(select(ReturnCase.id).where(ReturnCase.state == "not_returned"))
    assert {"given_back", "missing"} <= ends
    assert session.scalar(select(func.count(OrderPart.id)).where(OrderPart.used > 0))


def test_the_operators_letters_have_an_address(session: Session) -> None:
    own = operator(session)

    assert own is not None
    assert own.address_lines


def test_a_user_fault_is_shown_by_a_photograph_that_is_kept(told: Told, session: Session) -> None:
    photos = session.scalars(select(CasePhoto)).all()

    assert photos
    assert all(told.files.path(photo.sha256).exists() for photo in photos)


def test_each_model_has_terms_of_its_returns(session: Session) -> None:
    assert session.scalar(select(func.count(ModelTerms.id))) == len(MODELS)


def test_suppliers_were_claimed_from_and_credited_in_full_in_part_and_not(
    session: Session,
) -> None:
    states = set(session.scalars(select(SupplierClaim.state)))
    notes = session.scalars(select(CreditNote)).all()
    matches = {line.match for note in notes for line in note.lines}

    assert "credited" in states
    assert states & {"short", "refused", "submitted"}
    assert matches >= {"matched", "short"}
    assert all(note.batch is not None for note in notes)


# --- the calendar --------------------------------------------------------------------------------


def at(hour: int) -> datetime:
    return NOW.replace(hour=hour)


def test_what_happens_brings_about_more_in_the_order_of_time() -> None:
    calendar, seen = Calendar(), list[tuple[str, int]]()

    def first(now: datetime) -> None:
        seen.append(("first", now.hour))
        calendar.add(at(5), lambda now: seen.append(("brought about", now.hour)))

    calendar.add(at(9), lambda now: seen.append(("last", now.hour)))
    calendar.add(at(3), first)

    assert calendar.play(at(9)) == 3
    assert seen == [("first", 3), ("brought about", 5), ("last", 9)]


def test_what_lies_in_the_future_is_left_to_it() -> None:
    calendar, seen = Calendar(), list[int]()
    calendar.add(at(9), lambda now: seen.append(now.hour))
    calendar.add(at(10), lambda now: seen.append(now.hour))

    assert calendar.play(at(9)) == 1
    assert seen == [9]


def test_of_two_at_the_same_instant_the_first_added_comes_first() -> None:
    calendar, seen = Calendar(), list[str]()
    for name in ("one", "two", "three"):
        calendar.add(at(9), lambda _now, name=name: seen.append(name))  # type: ignore[misc]

    calendar.play(at(9))

    assert seen == ["one", "two", "three"]
