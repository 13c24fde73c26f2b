"""Verbs on claims: agree on terms, send, move; `proposing` makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stb_service.devices.catalogue.queries import find_model, model_by_ref
from stb_service.parts.models import Location
from stb_service.parts.queries import find_location
from stb_service.parts.rules import LocationKind
from stb_service.rma.claiming import batches, claimable, queries, rules
from stb_service.rma.claiming.models import (
    ClaimBatch,
    ClaimEvent,
    SupplierClaim,
    SupplierTerms,
)
from stb_service.rma.claims import CLAIM, ClaimState
from stb_service.rma.facts import Facts
from stb_service.rma.guards import obstacles_of
from stb_service.rma.machine import NEW, Position, Step
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Invalid, Obstacle, Refused
from stb_service.shared.i18n import text
from stb_service.shared.money import CURRENCIES, MOST_MINOR

VERB = "rma.claim"
COUNTER = (
    0x5354_5243  # of a lock that PostgreSQL gives by number: the next claim's, the next batch's
)
BY_HAND = frozenset({"accept", "refuse", "take", "claim_again", "waive", "hold", "resume"})
"""What people say of a claim; the other steps follow from batches and credit notes."""


# --- terms ---------------------------------------------------------------------------------------


class TermsFields(TypedDict, total=False):
    """What can be agreed with the supplier of a model."""

    supplier: str
    months: int
    basis: str
    currency: str
    with_parts: bool
    labour_minor: int
    freight_minor: int


def set_supplier_terms(
    session: Session, *, model: str, actor: Actor, now: datetime, **fields: Unpack[TermsFields]
) -> SupplierTerms:
    """Set what the supplier of a model (its code or public id) answers for; what is left out stays.

    Claims that were proposed before keep what was worked out for them.

    Raises:
        Forbidden: the actor changes no terms.
        NotFound: there is no such model.
        Invalid: the supplier is none, or a number or the currency cannot be.
    """
    actor.demand("rma.terms")
    found = find_model(session, model) or model_by_ref(session, model)
    row = claimable.terms_of(session, found.id)
    given: dict[str, Any] = {**fields}
    supplier = given.pop("supplier", None)
    if supplier is not None:
        given["supplier_id"] = supplier_by_ref(session, supplier, actor).id
    elif row is None:
        raise Invalid.field("supplier", text("This is needed."))
    _check(given)
    if row is None:
        defaults: dict[str, Any] = {
            "months": 24,
            "basis": rules.Basis.PRODUCTION.value,
            "currency": "EUR",
            "with_parts": True,
            "labour_minor": 0,
            "freight_minor": 0,
        }
        row = SupplierTerms(
            **{**defaults, **given}, model=found, changed_at=now, changed_by=actor.label[:128]
        )
        session.add(row)
        changes: Mapping[str, Any] = given
    else:
        lock_row(session, SupplierTerms, row.id)
        changes = audit.apply_changes(row, given)
    if changes:
        row.changed_at, row.changed_by = now, actor.label[:128]
        session.flush()
        session.refresh(row, ["supplier"])
        subject = ("rma_supplier_terms", row.public_id, found.code)
        audit.record(
            session,
            actor=actor,
            verb="rma_supplier_terms.set",
            subject=subject,
            changes=_told(row, changes),
            now=now,
        )
    return row


def _told(row: SupplierTerms, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes with the supplier by its code: nobody reads internal ids."""
    told = dict(changes)
    if told.pop("supplier_id", None) is not None:
        told["supplier"] = row.supplier.code
    return told


def _check(given: Mapping[str, Any]) -> None:
    limits = {"months": 600, "labour_minor": MOST_MINOR, "freight_minor": MOST_MINOR}
    problems = {
        name: [text("From 0 to %(most)s.", most=most)]
        for name, most in limits.items()
        if name in given and not 0 <= given[name] <= most
    }
    if given.get("basis", rules.Basis.SALE) not in set(rules.Basis):
        problems["basis"] = [text("One of: %(names)s", names=", ".join(rules.Basis))]
    if given.get("currency", "EUR") not in CURRENCIES:
        problems["currency"] = [text("This is no currency that can be counted.")]
    if problems:
        raise Invalid(fields=problems)


def supplier_by_ref(session: Session, ref: str, actor: Actor) -> Location:
    """Return a supplier by the code or public id of its place.

    Raises:
        Invalid: there is none.
    """
    found = find_location(session, ref, actor.scope)
    if found is None or found.kind != LocationKind.SUPPLIER:
        raise Invalid.field("supplier", text("There is no such supplier."))
    return found


def next_ordinal(session: Session, model: type[SupplierClaim | ClaimBatch]) -> int:
    """Return the next number in a row of claims or batches, which nobody else gets meanwhile."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(COUNTER)))
    return (session.scalar(select(func.max(model.ordinal))) or 0) + 1


# --- sending and moving --------------------------------------------------------------------------


def submit_claims(
    session: Session, *, claims: Sequence[str], actor: Actor, now: datetime
) -> ClaimBatch:
    """Send claims to their supplier as one batch: all of them, or none.

    Raises:
        Forbidden: the actor claims nothing from suppliers.
        NotFound: one of them is none.
        Invalid: there are none, or too many, or they are from different suppliers or currencies.
        Refused: one was sent already, or has ended.
    """
    actor.demand(VERB)
    rows = _held(session, claims, actor)
    if not rows or len(rows) > rules.MOST_IN_BATCH:
        message = text("From 1 to %(most)s claims.", most=rules.MOST_IN_BATCH)
        raise Invalid.field("claims", message)
    if len({(row.supplier_id, row.currency) for row in rows}) > 1:
        raise Invalid.field("claims", text("A batch goes to one supplier, in one currency."))
    obstacles = [o for row in rows for o in _obstacles_to_step(row, "submit", "", now)]
    if obstacles:
        raise Refused(obstacles)
    ordinal = next_ordinal(session, ClaimBatch)
    batch = ClaimBatch(
        ordinal=ordinal,
        number=batches.batch_number(ordinal),
        supplier=rows[0].supplier,
        currency=rows[0].currency,
        made_at=now,
        made_by=actor.label[:128],
    )
    session.add(batch)
    session.flush()
    for row in rows:
        row.batch = batch
        write_step(session, row, "submit", actor=actor, now=now, stated={"batch": batch.number})
    audit.record(
        session,
        actor=actor,
        verb="rma_claim_batch.send",
        subject=("rma_claim_batch", batch.public_id, batch.number),
        changes={"supplier": batch.supplier.code, "claims": len(rows)},
        now=now,
    )
    return batch


def _held(session: Session, refs: Sequence[str], actor: Actor) -> list[SupplierClaim]:
    """Return claims held against other writers, in one order whoever asks."""
    found = {row.id: row for row in (queries.claim_by_ref(session, r, actor.scope) for r in refs)}
    for key in sorted(found):
        lock_row(session, SupplierClaim, key)
    return [found[key] for key in sorted(found)]


def move_claim(
    session: Session,
    *,
    ref: str,
    event: str,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> SupplierClaim:
    """Say what became of a claim: accepted, refused, taken as it is, claimed again, given up.

    Raises:
        Forbidden: the actor claims nothing from suppliers.
        NotFound: there is no such claim.
        Invalid: there is no such step.
        Refused: something bars it; all of that is told.
    """
    actor.demand(VERB)
    if event not in CLAIM.events:
        raise Invalid.field("event", text("There is no such step."))
    claim = queries.claim_by_ref(session, ref, actor.scope)
    lock_row(session, SupplierClaim, claim.id)
    obstacles = obstacles_to_moving(claim, event, reason, now)
    if obstacles:
        raise Refused(obstacles)
    write_step(session, claim, event, reason=reason, actor=actor, now=now)
    return claim


def obstacles_to_moving(
    claim: SupplierClaim, event: str, reason: str, now: datetime
) -> list[Obstacle]:
    """Return why people cannot make a step of a claim."""
    if event not in BY_HAND:
        message = text(
            "“%(event)s” follows from a batch or a credit note.", event=CLAIM.events[event]
        )
        return [Obstacle("follows", message)]
    return _obstacles_to_step(claim, event, reason, now)


def _obstacles_to_step(
    claim: SupplierClaim, event: str, reason: str, now: datetime
) -> list[Obstacle]:
    missing = CLAIM.obstacle_to_step(claim.position, event)
    if missing is not None:
        message = text("%(number)s: %(why)s", number=claim.number, why=missing.message)
        return [Obstacle(missing.code, message)]
    step = CLAIM.step(claim.position, event)
    assert step is not None
    return obstacles_of(step.needs, Facts(now=now, reason=reason))


def write_step(
    session: Session,
    claim: SupplierClaim,
    event: str,
    *,
    reason: str = "",
    stated: Mapping[str, Any] | None = None,
    actor: Actor,
    now: datetime,
) -> ClaimEvent:
    """Write a step of a claim and put it where that leads: the one writer of its state.

    Raises:
        Refused: there is no such step from where it is.
    """
    position = claim.position if claim.event_seq else Position()
    missing = CLAIM.obstacle_to_step(position, event)
    step = CLAIM.step(position, event)
    if missing is not None or step is None:
        raise Refused([missing] if missing else [])
    _place(claim, step, now)
    session.add(claim)
    session.flush()
    row = ClaimEvent(
        claim_id=claim.id,
        seq=claim.event_seq,
        previous_seq=claim.event_seq - 1,
        predecessor_seq=claim.event_seq - 1 or None,
        from_state=step.from_state,
        from_held=step.from_held,
        event=event,
        to_state=step.to_state,
        to_held=step.to_held,
        at=now,
        actor_ref=actor.ref[:64],
        actor_label=actor.label[:128],
        reason=reason.strip()[:1000],
        stated=dict(stated or {}),
    )
    session.add(row)
    session.flush()
    changes: dict[str, Any] = {"claim_state": [step.from_state, step.to_state], **row.stated}
    if reason.strip():
        changes["reason"] = row.reason
    audit.record(
        session,
        actor=actor,
        verb=f"rma_claim.{event}",
        subject=("rma_claim", claim.public_id, claim.number),
        changes=changes,
        now=now,
    )
    return row


def _place(claim: SupplierClaim, step: Step, now: datetime) -> None:
    if step.from_state == NEW:
        claim.event_seq = 0
    if step.to_state != step.from_state:
        claim.entered_at = now
    claim.state, claim.held = step.to_state, step.to_held
    claim.event_seq += 1
    claim.changed_at = now
    if step.to_state in CLAIM.final_states:
        claim.ended_at = now


WAITING = frozenset({ClaimState.SUBMITTED, ClaimState.ACCEPTED})
"""Where a claim waits for the supplier's credit."""
CREDITABLE = WAITING | {ClaimState.SHORT, ClaimState.REFUSED}
"""Where a credit that names a claim is still for it: the rest of a short one, or after all."""
