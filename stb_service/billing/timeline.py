"""What happened to quotes and money, as sentences: this room's part of timelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from stb_service.billing.ledger.queries import entries_page
from stb_service.billing.queries import moves_of_account
from stb_service.billing.rules import CAUSE_NAMES, EntryKind, QuoteState
from stb_service.shared.access import Actor
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import Money
from stb_service.shared.registries import TimelineEntry
from stb_service.subscribers.queries import account_row

MOVES: Mapping[str, tuple[str, Text]] = {
    QuoteState.SENT: ("send", text("Quote %(number)s over %(total)s was sent by %(who)s")),
    QuoteState.ACCEPTED: ("circle-check", text("Quote %(number)s was accepted (%(who)s)")),
    QuoteState.DECLINED: ("circle-x", text("Quote %(number)s was declined (%(who)s)")),
    QuoteState.EXPIRED: ("clock", text("Quote %(number)s expired")),
    QuoteState.SUPERSEDED: ("refresh", text("Quote %(number)s was superseded")),
    QuoteState.WITHDRAWN: ("arrow-back-up", text("Quote %(number)s was withdrawn by %(who)s")),
}
ENTRIES: Mapping[str, tuple[str, Text]] = {
    EntryKind.CHARGE: ("receipt", text("Charged %(amount)s: %(cause)s")),
    EntryKind.CREDIT: ("coin", text("Credited %(amount)s: %(cause)s")),
    EntryKind.PAYMENT: ("credit-card", text("Paid %(amount)s")),
    EntryKind.REFUND: ("arrow-back-up", text("%(amount)s was given back")),
}


def entries(session: Session, uid: str, actor: Actor, limit: int) -> Iterator[TimelineEntry]:
    """Yield what happened to an account's quotes and money, the newest first, for readers who may
    see either.
    """
    if not actor.can("billing.view"):
        return
    account = account_row(session, uid, actor.scope)
    for event, quote in moves_of_account(session, account, actor.scope, limit=limit):
        icon, sentence = MOVES[event.to_state]
        words = str(
            text(sentence.msgid, number=quote.number, total=quote.total, who=event.actor_label)
        )
        yield TimelineEntry(event.at, icon, words, event.words)
    for row in entries_page(session, account, actor.scope, cursor=None, limit=limit).rows:
        icon, sentence = ENTRIES[row.kind]
        amount = Money(abs(row.amount_minor), row.currency)
        words = str(text(sentence.msgid, amount=amount, cause=CAUSE_NAMES[row.cause]))
        yield TimelineEntry(row.at, icon, words, row.reason)
