"""What moves cases without a person: the customers' answers to quotes, money, and time.

Each is told at least once and may be late: a case that has gone on is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.billing.models import Quote
from stb_service.billing.rules import QuoteState
from stb_service.rma.beside import OTHERS, newest_comparison
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.choosing import case_of_quote, keep_choice, ways_of
from stb_service.rma.events import newest_quote
from stb_service.rma.models import Comparison, ReturnCase
from stb_service.rma.money import CASE_SUBJECT
from stb_service.rma.operations import act, act_on_first
from stb_service.rma.overruling import go_on
from stb_service.shared.access import SYSTEM, Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import DomainError, NotFound, Obstacle, Refused
from stb_service.shared.i18n import text

log = structlog.get_logger()

ANSWERS: Mapping[str, tuple[CaseState, Sequence[str]]] = {
    "quote.accepted": (CaseState.QUOTED, ("accept",)),
    "quote.declined": (CaseState.QUOTED, ("decline", "decline_part", "decline_accessory")),
    "quote.expired": (CaseState.QUOTED, ("lapse", "lapse_part", "expire")),
    "quote.paid": (
        CaseState.AWAITING_PAYMENT,
        ("release_repair", "release_replacement", "release_accessory"),
    ),
}
"""What billing tells, the state in which that moves a case, and the steps that are tried."""

TOLD_BY: Mapping[str, str] = {
    QuoteState.ACCEPTED: "quote.accepted",
    QuoteState.DECLINED: "quote.declined",
    QuoteState.EXPIRED: "quote.expired",
}
"""What a quote that is so was told as: while the case was on hold, nobody could hear it."""

OVER: Mapping[str, Sequence[str]] = {
    CaseState.REQUESTED: ("expire",),
    CaseState.AUTHORISED: ("expire",),
    CaseState.CHOOSING: ("lapse",),
    CaseState.QUOTED: ("lapse", "lapse_part", "expire"),
    CaseState.AWAITING_PAYMENT: ("lapse", "expire"),
    CaseState.COMPLETED: ("close",),
}
"""The steps that time alone makes. A fee is charged, and a box disposed of, by a person."""


def take_answer(topic: str, session: Session, payload: dict[str, Any], now: datetime) -> None:
    """Move the case that a quote is about, if it still waits for that."""
    if payload.get("subject_kind") != CASE_SUBJECT:
        return
    case = session.scalar(select(ReturnCase).where(ReturnCase.public_id == payload["subject_ref"]))
    state = ANSWERS[topic][0]
    if case is None or not _waits(session, case, state, payload):
        return
    _answer(session, case, topic, now)


def _answer(session: Session, case: ReturnCase, topic: str, now: datetime) -> None:
    act_on_first(session, ref=case.number, events=ANSWERS[topic][1], actor=SYSTEM, now=now)
    if topic == "quote.accepted":  # with credit terms, or paid before the answer was heard
        act_on_first(
            session, ref=case.number, events=ANSWERS["quote.paid"][1], actor=SYSTEM, now=now
        )


def make_up(session: Session, payload: dict[str, Any], now: datetime) -> None:
    """Hear what was answered and paid while a case was on hold (outbox topic `case.resumed`)."""
    case = session.scalar(select(ReturnCase).where(ReturnCase.public_id == payload["case"]))
    if case is not None:
        hear_again(session, case, now)
        go_on(session, case, now)


def hear_again(session: Session, case: ReturnCase, now: datetime) -> None:
    """Make the step that the newest quote, as it is now, asks of a case that waits for it."""
    if case.held:
        return
    newest = newest_quote(session, case)
    topic = TOLD_BY.get(newest.quote.state) if newest is not None else None
    if case.state == CaseState.QUOTED and topic is not None:
        _answer(session, case, topic, now)
    elif case.state == CaseState.AWAITING_PAYMENT and topic == "quote.accepted":
        _answer(session, case, "quote.paid", now)


def _waits(
    session: Session, case: ReturnCase, state: CaseState, payload: Mapping[str, Any]
) -> bool:
    newest = newest_quote(session, case)
    return (
        case.state == state
        and not case.held
        and newest is not None
        and newest.quote.public_id == payload["quote"]
    )


def let_time_pass(
    session: Session, *, after: tuple[datetime, int] | None = None, limit: int = 50, now: datetime
) -> tuple[datetime, int] | None:
    """Let cases whose time is over make the step that time alone makes, so many at once; return
    where to go on, None at the end. An answer or a payment that nobody heard is heard first. One
    that something bars stays, and is shown as due.
    """
    statement = (
        select(ReturnCase.id, ReturnCase.number, ReturnCase.state, ReturnCase.due_at)
        .where(ReturnCase.due_at <= now, ReturnCase.closed_at.is_(None), ReturnCase.state.in_(OVER))
        .order_by(ReturnCase.due_at, ReturnCase.id)
        .limit(limit)
    )
    if after is not None:
        due_at, row_id = after
        statement = statement.where(
            (ReturnCase.due_at > due_at)
            | ((ReturnCase.due_at == due_at) & (ReturnCase.id > row_id))
        )
    rows = session.execute(statement).all()
    for row in rows:
        _let_pass(session, row.number, OVER[row.state], now)
    if len(rows) < limit:
        return None
    last_due: datetime = rows[-1].due_at
    last_id: int = rows[-1].id
    return last_due, last_id


def _let_pass(session: Session, number: str, events: Sequence[str], now: datetime) -> None:
    try:
        with session.begin_nested():
            case = session.scalars(select(ReturnCase).where(ReturnCase.number == number)).one()
            state = case.state
            hear_again(session, case, now)
            if case.state != state:
                return
            act_on_first(session, ref=number, events=events, actor=SYSTEM, now=now)
    except (NotFound, DomainError) as error:
        log.warning("return", case=number, error=error.code)


def choose_other(
    session: Session, *, quote: Quote, edition: int, choice: str, actor: Actor, now: datetime
) -> Comparison:
    """Keep that a customer wants another box instead of the repair: its quote is taken back, and
    the case is quoted anew.

    Raises:
        NotFound: nothing of that kind stands beside the quote.
        Refused: the quote no longer waits for an answer, was changed, or the case has gone on.
    """
    found = case_of_quote(session, quote)
    ways = ways_of(session, found[0], quote) if found else ()
    if found is None or choice not in OTHERS & {way.kind for way in ways}:
        raise NotFound(text("This is not offered."))
    case, _link = found
    lock_row(session, ReturnCase, case.id)
    session.refresh(quote)
    newest, shown = newest_quote(session, case), newest_comparison(session, case)
    if quote.edition != edition:
        message = text("The quote was changed after this link was made; a newer link was sent.")
        raise Refused([Obstacle("edition", message)])
    if quote.state != QuoteState.SENT or newest is None or newest.quote_id != quote.id:
        message = text("The quote no longer waits for an answer.")
        raise Refused([Obstacle(f"quote-{quote.state}", message)])
    if quote.is_over(now):
        raise Refused([Obstacle("over", text("The last day of the quote is over."))])
    assert shown is not None
    keep_choice(session, case, shown, choice, actor=actor, now=now)
    act(session, ref=case.number, machine=CASE, event="choose_replacement", actor=SYSTEM, now=now)
    return shown
