"""What returns add to the box card and to the page of an account: the cases, and a new one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.rma import queries
from stb_service.rma.wording import words
from stb_service.shared.access import Actor
from stb_service.subscribers.queries import account_by_uid

SHOWN = 5


def load_box(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return the last cases of a box, the open one first, with an address for a new one."""
    cases = queries.cases_of_device(session, uid, actor.scope, limit=SHOWN)
    live = next((row for row in cases if row.is_live and row.device.public_id == uid), None)
    return {**words(), "cases": cases, "live": live, "asked": {"device": uid}, "now": now}


def load_account(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return the last cases of an account, with an address for a new one."""
    account = account_by_uid(session, uid, actor.scope)
    cases = queries.cases_of_account(session, account.id, actor.scope, limit=SHOWN)
    return {
        **words(),
        "cases": cases,
        "live": None,
        "asked": {"account": account.number},
        "now": now,
    }
