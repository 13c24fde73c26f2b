"""Reads of what places are to have of parts, what they lack, and what fits a model. Every one takes
the scope: people of a dealer or a service centre are told of their own places alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from stb_service.devices.queries import check_cursor
from stb_service.parts.models import Location, Part, PartFit, StockMove, StockPosition, StockRule
from stb_service.parts.queries import within
from stb_service.parts.rules import GOOD, SHELVES, suggestion
from stb_service.shared.access import Scope
from stb_service.shared.paging import Page, keyset_page

Last = aliased(StockMove)


@dataclass(frozen=True)
class Shortage:
    """A place that has less of a part than its minimum, and how many to order."""

    rule: StockRule
    available: int

    @property
    def order(self) -> int:
        """How many to order."""
        part = self.rule.part
        return suggestion(
            self.available,
            minimum=self.rule.minimum,
            maximum=self.rule.maximum,
            min_order=part.min_order,
            pack_size=part.pack_size,
        )


def _available() -> ColumnElement[int]:
    """Return what a rule's place has available of its part, as the last rows of the chains say."""
    last = aliased(StockMove)
    newest = (
        select(last.on_hand - last.reserved)
        .where(last.position_id == StockPosition.id)
        .order_by(last.seq.desc())
        .limit(1)
        .correlate(StockPosition)
        .scalar_subquery()
    )
    return (
        select(func.coalesce(func.sum(newest), 0))
        .where(
            StockPosition.location_id == StockRule.location_id,
            StockPosition.part_id == StockRule.part_id,
            StockPosition.condition.in_(sorted(GOOD)),
        )
        .correlate(StockRule)
        .scalar_subquery()
    )


def shortages_page(
    session: Session, scope: Scope, *, location: str = "", cursor: str | None, limit: int
) -> Page[Shortage]:
    """Return what places in use have too few of, oldest rule first, with how many to order."""
    order = [(StockRule.id, False)]
    check_cursor(cursor, order)
    statement = (
        select(StockRule)
        .join(Location, StockRule.location_id == Location.id)
        .join(Part, StockRule.part_id == Part.id)
        .options(joinedload(StockRule.location), joinedload(StockRule.part))
        .where(within(scope), Location.is_active, Part.is_active, _available() < StockRule.minimum)
    )
    if location:
        names = or_(Location.public_id == location, Location.code == location)
        statement = statement.where(names)
    page = keyset_page(session, statement, order=order, cursor=cursor, limit=limit)
    counts = available_of(session, page.rows, scope)
    return Page([Shortage(rule, counts[rule.id]) for rule in page.rows], page.next_cursor)


def available_of(session: Session, rules: Sequence[StockRule], scope: Scope) -> Mapping[int, int]:
    """Return what each rule's place has available of its part."""
    rows = session.execute(
        select(StockRule.id, _available())
        .join(Location, StockRule.location_id == Location.id)
        .where(StockRule.id.in_([rule.id for rule in rules]), within(scope))
    )
    return {row[0]: row[1] for row in rows}


def shortages_count(session: Session, scope: Scope) -> int:
    """Return how many limits are undercut."""
    statement = (
        select(func.count())
        .select_from(StockRule)
        .join(Location, StockRule.location_id == Location.id)
        .join(Part, StockRule.part_id == Part.id)
        .where(within(scope), Location.is_active, Part.is_active, _available() < StockRule.minimum)
    )
    return session.scalar(statement) or 0


def rules_of_part(session: Session, part: Part, scope: Scope) -> Sequence[StockRule]:
    """Return the limits of a part at the places of the scope, by the code of the place."""
    return session.scalars(
        select(StockRule)
        .join(Location, StockRule.location_id == Location.id)
        .options(joinedload(StockRule.location), joinedload(StockRule.part))
        .where(StockRule.part_id == part.id, within(scope))
        .order_by(Location.code)
    ).all()


def rule_of(session: Session, part: Part, location: Location, scope: Scope) -> StockRule | None:
    """Return the limits of a part at a place, or None."""
    return session.scalar(
        select(StockRule)
        .join(Location, StockRule.location_id == Location.id)
        .where(
            and_(StockRule.part_id == part.id, StockRule.location_id == location.id),
            within(scope),
        )
    )


def parts_of_model(
    session: Session, model_id: int, scope: Scope, *, limit: int
) -> Sequence[tuple[Part, int]]:
    """Return the parts in use that fit a model, with how many the reader's places have."""
    newest = (
        select(Last.on_hand - Last.reserved)
        .where(Last.position_id == StockPosition.id)
        .order_by(Last.seq.desc())
        .limit(1)
        .correlate(StockPosition)
        .scalar_subquery()
    )
    available = (
        select(func.coalesce(func.sum(newest), 0))
        .select_from(StockPosition)
        .join(Location, StockPosition.location_id == Location.id)
        .where(
            StockPosition.part_id == Part.id,
            StockPosition.condition.in_(sorted(GOOD)),
            Location.kind.in_(sorted(SHELVES)),
            within(scope),
        )
        .correlate(Part)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Part, available)
        .join(PartFit, PartFit.part_id == Part.id)
        .where(PartFit.model_id == model_id, Part.is_active)
        .order_by(Part.sku)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]
