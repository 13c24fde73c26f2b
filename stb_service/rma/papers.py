"""The papers of a case: which make sense now, what stands on each, and what is missing for it.

A paper is made when somebody asks for it, from the rows as they are; none is kept. `PAPERS_DUE`
tells the outbox which are to reach the customer after a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.rma.facts import Content
from stb_service.rma.letters import UNREPAIRED, WRITERS
from stb_service.rma.machine import Step
from stb_service.rma.models import ReturnCase
from stb_service.rma.writing import Installation, Writing
from stb_service.shared import outbox
from stb_service.shared.access import Scope
from stb_service.shared.documents import papers
from stb_service.shared.documents.papers import Paper
from stb_service.shared.errors import Invalid, NotFound, Obstacle, Refused
from stb_service.shared.i18n import Text, text

DUE = "paper.due"
"""The outbox topic by which the post is told that a paper is to reach the customer."""


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
    return [_offer(writing, kind) for kind in papers.PAPERS if WRITERS[kind][0](writing)]


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
    found = _offer(writing, kind)
    if found.paper is None:
        raise Refused(list(found.obstacles))
    return found.paper, found.language


def _offer(writing: Writing, kind: type[Paper]) -> Offer:
    """Return a paper, or what it lacks."""
    missing = writing.missing(kind)
    if not missing:
        try:
            return Offer(kind, writing.language, WRITERS[kind][1](writing))
        except Refused as refusal:
            missing = list(refusal.obstacles)
        except Invalid as refusal:
            messages = [said for all_said in refusal.fields.values() for said in all_said]
            missing = [Obstacle("paper", said) for said in messages or [refusal.detail]]
    return Offer(kind, writing.language, None, tuple(missing))


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
