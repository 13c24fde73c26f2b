"""Verbs on quotes: making, changing, sending, answering, replacing, and letting them expire.

Each moves a quote by the table of moves, is audited in the same unit of work, and reaches no account
outside the actor's scope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, TypedDict, Unpack

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from stb_service.billing import queries
from stb_service.billing.ledger.operations import (
    NO_SUBJECT,
    Posting,
    Subject,
    announce,
    announce_if_paid,
    due_day,
    post,
    zone_of,
)
from stb_service.billing.ledger.queries import paid_for_quote
from stb_service.billing.models import Quote, QuoteEvent, QuoteLine
from stb_service.billing.rules import (
    LONGEST_VALID_DAYS,
    MOST_LINES,
    MOST_QUANTITY_MILLI,
    MOST_UNIT_MINOR,
    QUOTE_MOVES,
    TAX_UNIT,
    VALID_FOR_DAYS,
    Cause,
    EntryKind,
    Line,
    LineKind,
    QuoteFacts,
    QuoteState,
    day_in,
    end_of_day,
    obstacles_to_editing,
    obstacles_to_extending,
    obstacles_to_move,
    obstacles_to_revising,
    priced,
)
from stb_service.shared import audit
from stb_service.shared.access import SYSTEM, Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict, Invalid, Obstacle, Refused
from stb_service.shared.i18n import text
from stb_service.shared.money import CURRENCIES, MOST_MINOR
from stb_service.shared.registries import QuoteKeeper
from stb_service.subscribers.queries import account_by_uid

COUNTER = 0x5354_4251  # of a lock that PostgreSQL gives by number: the next quote's


class QuoteFields(TypedDict, total=False):
    """What can be said of a draft."""

    title: str
    notes: str
    lines: Sequence[Line]
    discount_minor: int
    valid_until_on: date


def subject_of(quote: Quote) -> tuple[str, str, str]:
    """Return what the audit calls a quote."""
    return "quote", quote.public_id, quote.number


def facts_of(
    session: Session, quote: Quote, *, now: datetime, edition: int | None = None
) -> QuoteFacts:
    """Return what the rules ask of a quote; `edition` is the one that was read, if that is known."""
    paid = paid_for_quote(session, quote) if quote.state == QuoteState.ACCEPTED else 0
    return QuoteFacts(
        state=quote.state,
        lines=len(quote.lines),
        total_minor=quote.total_minor,
        is_over=quote.is_over(now),
        is_current=edition in {None, quote.edition},
        paid_minor=paid,
    )


def touch(
    session: Session, ref: str, *, keepers: Sequence[QuoteKeeper] = (), actor: Actor
) -> Quote:
    """Return a quote of the actor's scope, held against other writers. `keepers` are the registries'.

    Raises:
        NotFound: there is none.
        Refused: it is for the steps of another room alone.
    """
    quote = queries.quote_by_ref(session, ref, actor.scope)
    lock_row(session, Quote, quote.id)
    if kept := why_kept(session, keepers, quote.subject):
        raise Refused(kept)
    return quote


def why_kept(session: Session, keepers: Sequence[QuoteKeeper], subject: Subject) -> list[Obstacle]:
    """Return why quotes about something are for the steps of another room alone."""
    return [found for keeper in keepers for found in keeper(session, subject[0], subject[1])]


# --- making and changing -------------------------------------------------------------------------


def create_quote(
    session: Session,
    *,
    account: str,
    zone: str,
    subject: Subject = NO_SUBJECT,
    keepers: Sequence[QuoteKeeper] = (),
    actor: Actor,
    now: datetime,
    **fields: Unpack[QuoteFields],
) -> Quote:
    """Begin a quote for an account (by its public id), in the account's currency.

    Its days are counted in the zone of the account's first site, else in `zone`. `subject` is what
    it is about: (kind, ref, what people call it).

    Raises:
        NotFound: there is no such account in the actor's scope.
        Invalid: a line, the discount or the last day cannot be.
        Refused: quotes about it are for the steps of another room alone.
    """
    if kept := why_kept(session, keepers, subject):
        raise Refused(kept)
    payer = account_by_uid(session, account, actor.scope)
    if payer.currency not in CURRENCIES:
        raise Invalid.field("account", text("The account's currency is none that can be counted."))
    own_zone = zone_of(payer, zone)
    last_day = fields.get("valid_until_on") or day_in(own_zone, now) + timedelta(VALID_FOR_DAYS)
    ordinal = _next_ordinal(session)
    quote = Quote(
        ordinal=ordinal,
        number=queries.quote_number(ordinal),
        account=payer,
        account_id=payer.id,
        title=fields.get("title", ""),
        notes=fields.get("notes", ""),
        currency=payer.currency,
        timezone=own_zone,
        valid_until_on=last_day,
        expires_at=_end(last_day, own_zone, now),
        created_at=now,
        created_by=actor.label[:128],
        changed_at=now,
    )
    quote.subject_kind, quote.subject_ref, quote.subject_label = subject
    session.add(quote)
    session.flush()
    _set_lines(session, quote, fields.get("lines", ()), fields.get("discount_minor", 0))
    changes = {"account": payer.number, "title": quote.title, "total": quote.total}
    _record(session, quote, "quote.create", changes, actor, now)
    return quote


def _next_ordinal(session: Session) -> int:
    """Return the next quote's place; whoever makes another waits until this one is written."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(COUNTER)))
    return (session.scalar(select(func.max(Quote.ordinal))) or 0) + 1


def _end(last_day: date, zone: str, now: datetime) -> datetime:
    """Return when a quote ends that is valid until a day.

    Raises:
        Invalid: the day is over, or too far away.
    """
    today = day_in(zone, now)
    if last_day < today:
        raise Invalid.field("valid_until_on", text("This day is over."))
    if last_day > today + timedelta(LONGEST_VALID_DAYS):
        raise Invalid.field(
            "valid_until_on", text("At most %(n)s days from today.", n=LONGEST_VALID_DAYS)
        )
    return end_of_day(last_day, zone)


def _set_lines(session: Session, quote: Quote, lines: Sequence[Line], discount_minor: int) -> None:
    """Write the lines anew, with the amounts that follow from them."""
    _check_lines(lines)
    if discount_minor < 0:
        raise Invalid.field("discount", text("A discount is not below zero."))
    try:
        found = priced(lines, discount_minor)
    except ValueError as error:
        message = text("The discount is above the sum of the lines.")
        raise Invalid.field("discount", message) from error
    if found.total_minor > MOST_MINOR:
        raise Invalid.field("lines", text("This amount is too large."))
    quote.lines.clear()
    session.flush()
    quote.lines.extend(
        QuoteLine(
            position=position,
            kind=row.line.kind,
            description=row.line.description,
            quantity_milli=row.line.quantity_milli,
            unit_minor=row.line.unit_minor,
            tax_ppm=row.line.tax_ppm,
            gross_minor=row.gross_minor,
            discount_minor=row.discount_minor,
            net_minor=row.net_minor,
            tax_minor=row.tax_minor,
        )
        for position, row in enumerate(found.lines, start=1)
    )
    quote.discount_minor, quote.net_minor = found.discount_minor, found.net_minor
    quote.tax_minor, quote.total_minor = found.tax_minor, found.total_minor
    session.flush()


def _check_lines(lines: Sequence[Line]) -> None:
    if len(lines) > MOST_LINES:
        raise Invalid.field("lines", text("At most %(n)s lines.", n=MOST_LINES))
    for number, line in enumerate(lines, start=1):
        fits = (
            line.kind in set(LineKind)
            and 0 < line.quantity_milli <= MOST_QUANTITY_MILLI
            and 0 <= line.unit_minor <= MOST_UNIT_MINOR
            and 0 <= line.tax_ppm <= TAX_UNIT
            and 0 < len(line.description) <= 200
        )
        if not fits:
            raise Invalid.field("lines", text("Line %(n)s cannot be counted.", n=number))


def change_quote(
    session: Session,
    *,
    ref: str,
    keepers: Sequence[QuoteKeeper] = (),
    actor: Actor,
    now: datetime,
    **fields: Unpack[QuoteFields],
) -> Quote:
    """Change a draft; what is left out stays.

    Raises:
        NotFound: there is no such quote in the actor's scope.
        Invalid: a line, the discount or the last day cannot be.
        Refused: it was sent.
    """
    quote = touch(session, ref, keepers=keepers, actor=actor)
    if obstacles := obstacles_to_editing(quote.state):
        raise Refused(obstacles)
    given: Mapping[str, Any] = {**fields}
    plain = {n: given[n] for n in ("title", "notes", "valid_until_on") if n in given}
    if "valid_until_on" in fields:
        quote.expires_at = _end(fields["valid_until_on"], quote.timezone, now)
    changes: dict[str, Any] = audit.apply_changes(quote, plain)
    before = quote.total
    if "lines" in fields or "discount_minor" in fields:
        lines = fields.get("lines", [line.as_line for line in quote.lines])
        discount = fields.get("discount_minor", quote.discount_minor)
        if lines != [line.as_line for line in quote.lines] or discount != quote.discount_minor:
            _set_lines(session, quote, lines, discount)
            changes |= {"lines": len(quote.lines), "total": [before, quote.total]}
    if changes:
        quote.edition += 1
        _record(session, quote, "quote.change", changes, actor, now)
    return quote


def revise_quote(
    session: Session, *, ref: str, keepers: Sequence[QuoteKeeper] = (), actor: Actor, now: datetime
) -> Quote:
    """Begin a new quote with the lines of one that was sent; sending it supersedes that one.

    Raises:
        NotFound: there is no such quote in the actor's scope.
        Refused: it was never sent, it was accepted, or another has taken its place.
    """
    former = touch(session, ref, keepers=keepers, actor=actor)
    if obstacles := obstacles_to_revising(former.state):
        raise Refused(obstacles)
    quote = create_quote(
        session,
        account=former.account.public_id,
        zone=former.timezone,
        subject=former.subject,
        title=former.title,
        notes=former.notes,
        lines=[line.as_line for line in former.lines],
        discount_minor=former.discount_minor,
        actor=actor,
        now=now,
    )
    quote.supersedes = former
    session.flush()
    return quote


# --- sending and answering -----------------------------------------------------------------------


def send_quote(
    session: Session, *, ref: str, keepers: Sequence[QuoteKeeper] = (), actor: Actor, now: datetime
) -> Quote:
    """Make a draft binding: from here on its lines are never changed, and its link can be sent.

    A quote that it was made to replace is superseded, if that still waits for an answer.

    Raises:
        NotFound: there is no such quote in the actor's scope.
        Conflict: another quote about the same thing waits for an answer.
        Refused: it is no draft, has no lines, its last day is over, or the quote that it replaces
            was accepted meanwhile.
    """
    quote = touch(session, ref, keepers=keepers, actor=actor)
    _demand(session, quote, QuoteState.SENT, now)
    _supersede(session, quote, actor, now)
    other = queries.open_quote_of_subject(session, quote.subject_kind, quote.subject_ref)
    if other is not None:
        message = text(
            "Quote %(number)s about the same thing waits for an answer.", number=other.number
        )
        raise Conflict(message, code="quote-open")
    quote.line_count, quote.sent_at = len(quote.lines), now
    _move(session, quote, QuoteState.SENT, actor, now, {"total": quote.total})
    return quote


def _supersede(session: Session, quote: Quote, actor: Actor, now: datetime) -> None:
    if quote.supersedes_id is None:
        return
    former = lock_row(session, Quote, quote.supersedes_id)
    assert former is not None
    if former.state == QuoteState.ACCEPTED:
        message = text("Quote %(number)s was accepted meanwhile.", number=former.number)
        raise Refused([Obstacle("quote-accepted", message)])
    if former.state == QuoteState.SENT:
        _move(session, former, QuoteState.SUPERSEDED, actor, now, {"successor": quote.number})


def extend_quote(
    session: Session, *, ref: str, valid_until_on: date, actor: Actor, now: datetime
) -> Quote:
    """Let a sent quote be valid until another day. Links that were made before end to count.

    Raises:
        NotFound: there is no such quote in the actor's scope.
        Invalid: the day cannot be.
        Refused: the quote does not wait for an answer.
    """
    quote = touch(session, ref, actor=actor)
    if obstacles := obstacles_to_extending(quote.state):
        raise Refused(obstacles)
    quote.expires_at = _end(valid_until_on, quote.timezone, now)
    changes = audit.apply_changes(quote, {"valid_until_on": valid_until_on})
    if changes:
        quote.edition += 1
        _record(session, quote, "quote.extend", changes, actor, now)
    return quote


def accept_quote(
    session: Session,
    *,
    ref: str,
    edition: int | None = None,
    note: str = "",
    keepers: Sequence[QuoteKeeper] = (),
    actor: Actor,
    now: datetime,
) -> Quote:
    """Take the customer's yes: the total is charged, and whoever waits for it is told.

    `edition` is the one that the customer read. A person who takes the answer by phone says so in
    the note.

    Raises:
        NotFound: there is no such quote in the actor's scope.
        Refused: it does not wait for an answer, its last day is over, or it was changed.
    """
    quote = touch(session, ref, keepers=keepers, actor=actor)
    _demand(session, quote, QuoteState.ACCEPTED, now, edition)
    quote.answered_at, quote.answer_note = now, note[:500]
    _move(session, quote, QuoteState.ACCEPTED, actor, now, {"total": quote.total})
    posting = Posting(
        EntryKind.CHARGE,
        Cause.QUOTE,
        quote.total,
        f"quote:{quote.public_id}",
        tax_minor=quote.tax_minor,
        quote=quote,
        due_on=due_day(quote.account, zone=quote.timezone, now=now),
    )
    post(session, account=quote.account, posting=posting, actor=actor, now=now)
    announce(session, event="accepted", quote=quote, key=quote.public_id, now=now)
    announce_if_paid(session, quote=quote, key="accepted", now=now)
    return quote


def decline_quote(
    session: Session,
    *,
    ref: str,
    edition: int | None = None,
    note: str = "",
    keepers: Sequence[QuoteKeeper] = (),
    actor: Actor,
    now: datetime,
) -> Quote:
    """Take the customer's no.

    Raises:
        NotFound: there is no such quote in the actor's scope.
        Refused: it does not wait for an answer.
    """
    quote = touch(session, ref, keepers=keepers, actor=actor)
    _demand(session, quote, QuoteState.DECLINED, now, edition)
    quote.answered_at, quote.answer_note = now, note[:500]
    _move(session, quote, QuoteState.DECLINED, actor, now, {})
    announce(session, event="declined", quote=quote, key=quote.public_id, now=now)
    return quote


def withdraw_quote(
    session: Session,
    *,
    ref: str,
    reason: str = "",
    keeps_money: bool = False,
    keepers: Sequence[QuoteKeeper] = (),
    actor: Actor,
    now: datetime,
) -> Quote:
    """Take a quote back. The charge of one that was accepted is credited.

    One that was paid for is refused unless `keeps_money` says that what came shall be the account's
    credit, to be given back.

    Raises:
        NotFound: there is no such quote in the actor's scope.
        Refused: it was answered with no, has expired, or money was paid for it.
    """
    quote = touch(session, ref, keepers=keepers, actor=actor)
    was_accepted = quote.state == QuoteState.ACCEPTED
    facts = facts_of(session, quote, now=now)
    if keeps_money:
        facts = replace(facts, paid_minor=0)
    if obstacles := obstacles_to_move(facts, QuoteState.WITHDRAWN):
        raise Refused(obstacles)
    _move(session, quote, QuoteState.WITHDRAWN, actor, now, {}, reason)
    if was_accepted:
        posting = Posting(
            EntryKind.CREDIT,
            Cause.QUOTE,
            quote.total,
            f"quote-withdrawn:{quote.public_id}",
            tax_minor=quote.tax_minor,
            quote=quote,
            reason=reason,
        )
        post(session, account=quote.account, posting=posting, actor=actor, now=now)
    return quote


def expire_quotes(session: Session, *, now: datetime, limit: int = 200) -> int:
    """Let quotes expire whose last day is over, `limit` at a time; return how many did."""
    count = 0
    for quote_id in queries.expired_ids(session, now=now, limit=limit):
        quote = lock_row(session, Quote, quote_id)
        if quote is None or quote.state != QuoteState.SENT or not quote.is_over(now):
            continue  # whoever held it has answered or extended it
        _move(session, quote, QuoteState.EXPIRED, SYSTEM, now, {})
        announce(session, event="expired", quote=quote, key=quote.public_id, now=now)
        count += 1
    return count


def _demand(
    session: Session, quote: Quote, to: QuoteState, now: datetime, edition: int | None = None
) -> None:
    """Refuse a move that something stands in the way of."""
    if obstacles := obstacles_to_move(facts_of(session, quote, now=now, edition=edition), to):
        raise Refused(obstacles)


def _move(
    session: Session,
    quote: Quote,
    to: QuoteState,
    actor: Actor,
    now: datetime,
    changes: Mapping[str, Any],
    note: str = "",
) -> None:
    """Move a quote to another state, write the event and audit it.

    `note` is the operator's; what the customer said stands in the quote alone, where it can be
    emptied.
    """
    former = QuoteState(quote.state)
    before = quote.event_seq or 0
    quote.state, quote.event_seq = to, before + 1
    session.flush()
    session.add(
        QuoteEvent(
            quote_id=quote.id,
            seq=before + 1,
            previous_seq=before,
            predecessor_seq=before or None,
            from_state=former,
            to_state=to,
            edition=quote.edition,
            at=now,
            actor_label=actor.label[:128],
            note=note[:500],
        )
    )
    said = {"state": [former, to], **changes, **({"note": note} if note else {})}
    _record(session, quote, f"quote.{QUOTE_MOVES[former, to]}", said, actor, now)


def _record(
    session: Session,
    quote: Quote,
    verb: str,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    """Audit a change and give the row a new version, also where only its lines changed."""
    quote.changed_at = now
    flag_modified(quote, "changed_at")
    session.flush()
    audit.record(
        session, actor=actor, verb=verb, subject=subject_of(quote), changes=changes, now=now
    )
