"""What returns keep of a person: the complaints of a household, told to its holder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from stb_service.rma.models import (
    CasePhoto,
    Comparison,
    Fault,
    Precheck,
    ReturnCase,
    Statement,
)
from stb_service.rma.personal_export import SPOKEN, told
from stb_service.shared import personal
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import text
from stb_service.shared.registries import PersonalData
from stb_service.subscribers.models import Subscriber
from stb_service.subscribers.queries import person_by_ref

WORDS: Mapping[Any, tuple[str, ...]] = {
    Fault: ("symptom", "dispute_reason", "note", "second_note"),
    Precheck: ("finding", "note"),
    Comparison: ("choice_note",),
    Statement: ("note",),
}
"""The columns in which words stand that a customer said, or that were said of one."""


def _theirs(person: Subscriber) -> Any:
    """Return the condition that a case is a person's: theirs, or of the household they hold."""
    own = ReturnCase.person_id == person.id
    if person.is_holder and person.account.is_of_person:
        return or_(own, ReturnCase.account_id == person.account_id)
    return own


def export(session: Session, uid: str, ref: str) -> list[dict[str, Any]]:
    """Return the returns of a person, the first first."""
    person = person_by_ref(session, uid, ref, EVERYTHING)
    rows = session.scalars(select(ReturnCase).where(_theirs(person)).order_by(ReturnCase.id)).all()
    return told(session, rows)


def obstacles(session: Session, uid: str, ref: str) -> list[Obstacle]:
    """Return that a person whose return is not closed cannot be erased yet."""
    person = person_by_ref(session, uid, ref, EVERYTHING)
    live = select(ReturnCase.id).where(_theirs(person), ReturnCase.closed_at.is_(None)).limit(1)
    if session.scalar(live) is None:
        return []
    return [Obstacle("return-open", text("A return of this person is not closed."))]


def erase(session: Session, uid: str, ref: str, now: datetime) -> None:
    """Take away what was said in words and shown in pictures; which box came back when, and what it
    got, stays. The files of photographs go with the next sweep of the store.

    Who signed for a business is not said to be one of its people: with any of them, the names of
    all cases without a person can be read no more.
    """
    person = person_by_ref(session, uid, ref, EVERYTHING)
    cases = select(ReturnCase.id).where(_theirs(person)).scalar_subquery()
    for model, names in WORDS.items():
        session.execute(
            update(model)
            .where(model.case_id.in_(cases))
            .values(dict.fromkeys(names, ""))
            .execution_options(synchronize_session=False)
        )
    session.execute(
        delete(CasePhoto)
        .where(CasePhoto.case_id.in_(cases))
        .execution_options(synchronize_session=False)
    )
    nobodys = select(ReturnCase.public_id).where(
        ReturnCase.account_id == person.account_id, ReturnCase.person_id.is_(None)
    )
    for case in session.scalars(nobodys):
        personal.destroy_key(session, ref=case, now=now)
    session.execute(
        update(ReturnCase)
        .where(_theirs(person))
        .values(complaint="", row_version=ReturnCase.row_version + 1)
        .execution_options(synchronize_session=False)
    )


KNOWN = PersonalData("returns", export, obstacles, erase, SPOKEN)
