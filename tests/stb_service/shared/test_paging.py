"""Keyset pages."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import Invalid
from stb_service.shared.paging import Page, encode_cursor, keyset_page

ORDER = [(AuditEntry.verb, True), (AuditEntry.id, False)]


def add(session: Session, actor: Actor, now: datetime, *verbs: str) -> None:
    for verb in verbs:
        audit.record(session, actor=actor, verb=verb, subject=("thing", "1", "one"), now=now)
    session.flush()


def page(session: Session, cursor: str | None = None, limit: int = 2) -> Page[AuditEntry]:
    return keyset_page(session, select(AuditEntry), order=ORDER, cursor=cursor, limit=limit)


def test_pages_follow_each_other_without_gap_or_repeat(
    session: Session, actor: Actor, now: datetime
) -> None:
    add(session, actor, now, "b", "a", "b", "c", "a")

    first = page(session)
    second = page(session, first.next_cursor)
    third = page(session, second.next_cursor)

    verbs = [[row.verb for row in one.rows] for one in (first, second, third)]
    assert verbs == [["c", "b"], ["b", "a"], ["a"]]
    assert third.next_cursor is None


def test_a_full_last_page_has_no_cursor(session: Session, actor: Actor, now: datetime) -> None:
    add(session, actor, now, "a", "b")

    assert page(session).next_cursor is None


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "Zm9v",
        encode_cursor(["only one"]),
        encode_cursor([1, 1]),
        encode_cursor(["a", "1"]),
        encode_cursor(["a", 2**70]),
        encode_cursor(["a\0", 1]),
        encode_cursor(["a", True]),
        encode_cursor([None, None]),
    ],
)
def test_a_forged_cursor_is_refused(session: Session, cursor: str) -> None:
    with pytest.raises(Invalid):
        page(session, cursor)


def test_a_cursor_with_a_naive_instant_is_refused(session: Session, now: datetime) -> None:
    forged = encode_cursor([now.replace(tzinfo=None), 1])
    order = [(AuditEntry.at, True), (AuditEntry.id, False)]

    with pytest.raises(Invalid):
        keyset_page(session, select(AuditEntry), order=order, cursor=forged, limit=2)
