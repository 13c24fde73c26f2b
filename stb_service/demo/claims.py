"""Claims from suppliers in the demonstration: what repairs in warranty cost is claimed each quarter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from stb_service.demo.operator import Operator
from stb_service.devices.demo import MODELS
from stb_service.rma.claiming.crediting import enter_credit_note
from stb_service.rma.claiming.models import ClaimBatch, SupplierClaim
from stb_service.rma.claiming.operations import (
    move_claim,
    propose_all,
    set_supplier_terms,
    submit_claims,
)
from stb_service.rma.claims import Credited
from stb_service.shared.access import SYSTEM

QUARTER = timedelta(days=91)
ANSWER = timedelta(days=30)
LABOUR_CENTS, FREIGHT_CENTS, KEPT_CENTS = 2_400, 490, 350
MONTHS = 48


def agree_with_suppliers(op: Operator) -> None:
    """Say what the maker of each model answers for."""
    for model in MODELS:
        set_supplier_terms(
            op.session,
            model=model["code"],
            supplier="AURORA" if model["code"].startswith("AUR") else "BOREAL",
            months=MONTHS,
            basis="production",
            currency="EUR",
            labour_minor=LABOUR_CENTS,
            freight_minor=FREIGHT_CENTS,
            actor=SYSTEM,
            now=op.begun,
        )


def plan_claims(op: Operator) -> None:
    """Let what was repaired be claimed each quarter; the last quarter's is proposed and not sent."""
    at = op.now - timedelta(days=3)
    op.calendar.add(at, partial(_propose, op))
    while (at := at - QUARTER) > op.begun:
        op.calendar.add(at, partial(_claim, op))


def _propose(op: Operator, now: datetime) -> None:
    _proposed(op, now)


def _proposed(op: Operator, now: datetime) -> list[SupplierClaim]:
    made = propose_all(op.session, actor=op.agent, now=now)
    return sorted(made, key=lambda claim: (claim.supplier.code, claim.id))


def _claim(op: Operator, now: datetime) -> None:
    """Send what can be claimed to its suppliers."""
    for _supplier, found in groupby(_proposed(op, now), key=lambda claim: claim.supplier.code):
        claims = list(found)
        numbers = [claim.number for claim in claims]
        batch = submit_claims(op.session, claims=numbers, actor=op.agent, now=now)
        op.calendar.add(now + ANSWER, partial(_answer, op, batch, claims))


def _answer(op: Operator, batch: ClaimBatch, sent: Sequence[SupplierClaim], now: datetime) -> None:
    """Let the supplier credit what it was sent: of each second batch not all, and one claim not."""
    is_strict = batch.ordinal % 2 == 0
    claims = sent[:-1] if is_strict and len(sent) > 1 else sent
    for refused in sent[len(claims) :]:
        move_claim(
            op.session,
            ref=refused.number,
            event="refuse",
            reason="No fault was found by the maker",
            actor=op.agent,
            now=now,
        )
    kept = KEPT_CENTS if is_strict else 0
    enter_credit_note(
        op.session,
        supplier=batch.supplier.code,
        number=f"CN-{1000 + batch.ordinal}",
        issued_on=now.date(),
        lines=[Credited(one.number, one.amount_minor - kept, one.currency) for one in claims],
        batch=batch.number,
        actor=op.agent,
        now=now,
    )
