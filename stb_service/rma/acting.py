"""Who acts on which case and order, with what was known and said: what the effects of steps are given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from stb_service.rma.facts import Facts
from stb_service.rma.lists import Stated
from stb_service.rma.models import ReturnCase, WorkshopOrder
from stb_service.shared.access import Actor
from stb_service.subscribers.models import Account


@dataclass
class Acting:
    """One step that is being made. `facts` are those from before it."""

    session: Session
    case: ReturnCase | None
    order: WorkshopOrder | None
    facts: Facts
    stated: Stated
    actor: Actor
    now: datetime

    @property
    def house(self) -> Actor:
        """The actor as other rooms see them: what belongs to a step that was allowed is done,
        whichever boxes, accounts and places the actor's own organisation sees.
        """
        return in_house(self.actor)

    @property
    def the_case(self) -> ReturnCase:
        """The case, where there must be one."""
        assert self.case is not None
        return self.case

    @property
    def the_order(self) -> WorkshopOrder:
        """The order, where there must be one."""
        assert self.order is not None
        return self.order

    @property
    def account(self) -> Account | None:
        """Whose the case is."""
        return self.case.account if self.case else None

    @property
    def reference(self) -> str:
        """What rows of other rooms name as the cause."""
        owner = self.case or self.order
        assert owner is not None
        return owner.number


def in_house(actor: Actor) -> Actor:
    """Return an actor who sees everything, for what follows from a step that they may make."""
    return replace(actor, organisation_id=None)
