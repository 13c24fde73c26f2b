"""What happened to an account, as sentences: its part of the timeline on its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from stb_service.shared.access import Actor
from stb_service.shared.i18n import Text, text
from stb_service.shared.registries import TimelineEntry
from stb_service.subscribers import queries

SENTENCES: Mapping[str, tuple[str, Text]] = {
    "account.create": ("plus", text("Opened by %(who)s")),
    "account.change": ("edit", text("Corrected by %(who)s")),
    "account.person-add": ("user-plus", text("A person was added by %(who)s")),
    "account.person-change": ("user", text("A person was corrected by %(who)s")),
    "account.site-add": ("map-pin", text("A site was added by %(who)s")),
    "account.site-change": ("map-pin", text("A site was corrected by %(who)s")),
    "account.erase": ("trash", text("A person was erased by %(who)s")),
}


def entries(session: Session, uid: str, actor: Actor, limit: int) -> Iterator[TimelineEntry]:
    """Yield what this room did to an account, the newest first. No sentence names a person, so
    that each can be shown to whoever sees the account.
    """
    for row in queries.entries_of_account(session, uid, actor.scope, limit=limit):
        if row.verb in SENTENCES:
            icon, sentence = SENTENCES[row.verb]
            words = str(text(sentence.msgid, who=row.actor_label))
            yield TimelineEntry(row.at, icon, words)
