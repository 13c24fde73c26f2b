"""Verbs that propose claims: for one repair or one box that went back, or for all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.rma.claiming import claimable, queries, rules
from stb_service.rma.claiming.models import ClaimLine, SupplierClaim
from stb_service.rma.claiming.operations import VERB, next_ordinal, write_step
from stb_service.rma.claiming.rules import Line, LineKind
from stb_service.rma.models import WorkshopOrder
from stb_service.rma.queries import order_by_ref
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Invalid, Refused
from stb_service.shared.i18n import text


def propose_claim(
    session: Session,
    *,
    order: str,
    box_minor: int | None = None,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> SupplierClaim:
    """Work out what the supplier of a box owes for its repair (`order`: number or public id of the
    workshop order) beyond what was claimed, and keep that as a claim that is still to be sent.

    `box_minor` is what a returned box cost, where stock does not know it, and `reason` says why.

    Raises:
        Forbidden: the actor claims nothing from suppliers.
        NotFound: there is no such order.
        Invalid: an amount is stated that is none, without a reason, or where none is asked.
        Refused: nothing can be claimed for it, or all of it is claimed.
    """
    actor.demand(VERB)
    found = order_by_ref(session, order, actor.scope)
    lock_row(session, WorkshopOrder, found.id)
    return _propose(session, found, actor, now, box_minor, reason)


def propose_all(
    session: Session, *, limit: int = 100, actor: Actor, now: datetime
) -> list[SupplierClaim]:
    """Propose a claim for each of the newest repairs for which something can be claimed.

    Raises:
        Forbidden: the actor claims nothing from suppliers.
    """
    actor.demand(VERB)
    page = claimable.candidates_page(session, actor.scope, limit=limit)
    made = []
    for order in sorted(page.rows, key=lambda row: row.id):
        lock_row(session, WorkshopOrder, order.id)
        try:
            made.append(_propose(session, order, actor, now))
        except Refused:
            continue
    return made


def _propose(
    session: Session,
    order: WorkshopOrder,
    actor: Actor,
    now: datetime,
    box_minor: int | None = None,
    reason: str = "",
) -> SupplierClaim:
    row = claimable.terms_of(session, order.device.model_id)
    terms = claimable.plain_terms(row)
    repair = claimable.repairs_of(session, [order])[order.id]
    stated: dict[str, Any] = {}
    if box_minor is not None and terms is not None:
        repair = rules.with_stated_box(repair, terms, box_minor, reason)
        stated = {"box_minor": box_minor, "currency": terms.currency}
    elif box_minor is None and reason.strip():
        message = text("A reason is given only with the amount of a box.")
        raise Invalid.field("reason", message)
    if obstacles := rules.obstacles_to_proposing(repair, terms):
        raise Refused(obstacles)
    assert row is not None
    assert terms is not None
    lines = rules.lines_of(repair, terms)
    ordinal = next_ordinal(session, SupplierClaim)
    claim = SupplierClaim(
        ordinal=ordinal,
        number=queries.claim_number(ordinal),
        order=order,
        device=order.device,
        supplier=row.supplier,
        currency=terms.currency,
        amount_minor=sum(line.amount_minor for line in lines),
        credited_minor=0,
        opened_at=now,
        changed_at=now,
    )
    write_step(session, claim, "propose", reason=reason, stated=stated, actor=actor, now=now)
    session.add_all(
        ClaimLine(
            claim_id=claim.id,
            position=position,
            kind=line.kind,
            what=line.what[:200],
            quantity=line.quantity,
            amount_minor=line.amount_minor,
            **_source(line, order),
        )
        for position, line in enumerate(lines, 1)
    )
    session.flush()
    return claim


def _source(line: Line, order: WorkshopOrder) -> dict[str, int | None]:
    """Return what a line is for, which no other line can be for."""
    if line.kind is LineKind.PART:
        return {"order_part_id": line.source}
    if line.kind is LineKind.LABOUR:
        return {"labour_id": line.source}
    return {"order_id": order.id}
