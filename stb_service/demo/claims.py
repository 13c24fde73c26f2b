"""Claims of the demonstration: what suppliers owe for repairs, sent once a month, and what they credit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from stb_service.demo.operator import Operator
from stb_service.devices.demo import MODELS
from stb_service.rma.claiming.batches import claims_of_batch
from stb_service.rma.claiming.crediting import enter_credit_note
from stb_service.rma.claiming.models import ClaimBatch, SupplierClaim
from stb_service.rma.claiming.operations import move_claim, set_supplier_terms, submit_claims
from stb_service.rma.claiming.proposing import propose_all
from stb_service.rma.claiming.rules import Basis
from stb_service.rma.claims import ClaimState, Credited
from stb_service.shared.access import EVERYTHING, SYSTEM

MONTHS = 30
HOUR_CENTS, FREIGHT_CENTS = 2_800, 450
FIRST_AFTER, EVERY = timedelta(days=120), timedelta(days=30)
CREDITED_AFTER, TAKEN_AFTER = timedelta(days=24), timedelta(days=35)
PAID: Sequence[float] = (1, 0.6, 1, 1, 0, 1, 0.6, 1)
"""Which share of a claim is credited, in the order of claims, again and again."""
TAKEN_SHARE = 0.5
"""Of how many claims that were credited in part the operator lets it be."""
AT_LEAST = 2
"""So many claims are sent together; fewer wait for the next month, so that some always do."""


def plan_claims(op: Operator) -> None:
    """Agree with the makers on what they answer for, and let claims be made every month."""
    for model in MODELS:
        set_supplier_terms(
            op.session,
            model=model["code"],
            supplier=model["maker"].upper(),
            months=MONTHS,
            basis=Basis.PRODUCTION,
            currency="EUR",
            labour_minor=HOUR_CENTS,
            freight_minor=FREIGHT_CENTS,
            actor=SYSTEM,
            now=op.begun,
        )
    _Claims(op).plan(op.begun + FIRST_AFTER)


class _Claims:
    """Claims by the month: what was proposed is sent by supplier, and credited some weeks later."""

    def __init__(self, op: Operator) -> None:
        self._op = op
        self._waiting: list[SupplierClaim] = []

    def plan(self, at: datetime) -> None:
        """Let claims be made at an instant, and again a month later."""
        self._op.calendar.add(at, self._month)

    def _month(self, now: datetime) -> None:
        op = self._op
        self._waiting += propose_all(op.session, actor=op.agent, now=now)
        waiting, self._waiting = self._waiting, []
        for supplier in dict.fromkeys(claim.supplier_id for claim in waiting):
            claims = [claim for claim in waiting if claim.supplier_id == supplier]
            if len(claims) < AT_LEAST:
                self._waiting += claims
            else:
                self._send(claims, now)
        self.plan(now + EVERY)

    def _send(self, claims: Sequence[SupplierClaim], now: datetime) -> None:
        op = self._op
        numbers = [claim.number for claim in claims]
        batch = submit_claims(op.session, claims=numbers, actor=op.agent, now=now)
        op.calendar.add(now + CREDITED_AFTER, partial(self._credit, batch))
        op.calendar.add(now + TAKEN_AFTER, partial(self._settle, batch))

    def _credit(self, batch: ClaimBatch, now: datetime) -> None:
        """Enter what the supplier credits: most in full, some in part; what it refuses is written."""
        op, lines = self._op, list[Credited]()
        for claim in claims_of_batch(op.session, batch, EVERYTHING):
            share = PAID[claim.ordinal % len(PAID)]
            if not share:
                move_claim(
                    op.session,
                    ref=claim.number,
                    event="refuse",
                    reason="The supplier found nothing wrong with the part",
                    actor=op.agent,
                    now=now,
                )
                continue
            amount = max(1, round(claim.amount_minor * share))
            lines.append(Credited(claim.number, amount, claim.currency))
        if lines:
            enter_credit_note(
                op.session,
                supplier=batch.supplier.code,
                number=f"CN-{now:%Y}-{batch.ordinal:03d}",
                issued_on=now.date() - timedelta(days=3),
                lines=lines,
                batch=batch.number,
                actor=op.agent,
                now=now,
            )

    def _settle(self, batch: ClaimBatch, now: datetime) -> None:
        """Take some of what was credited in part, and leave the rest open."""
        op = self._op
        for claim in claims_of_batch(op.session, batch, EVERYTHING):
            is_taken = op.chance(f"taken/{claim.number}").random() < TAKEN_SHARE
            if claim.state == ClaimState.SHORT and is_taken:
                move_claim(
                    op.session,
                    ref=claim.number,
                    event="take",
                    reason="Not worth a dispute",
                    actor=op.agent,
                    now=now,
                )
