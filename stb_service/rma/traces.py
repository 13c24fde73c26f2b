"""The one writer of verdicts on faults and of where exchanges are: each with the row that proves it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stb_service.rma.models import Exchange, ExchangeEvent, Fault, Judgement
from stb_service.shared.access import Actor


def pronounce(
    session: Session, fault: Fault, verdict: str, *, second: bool, actor: Actor, now: datetime
) -> None:
    """Let a verdict on a fault count from now on, the first or the second."""
    last = session.scalar(select(func.max(Judgement.seq)).where(Judgement.fault_id == fault.id))
    seq = (last or 0) + 1
    if second:
        fault.second_verdict, fault.second_seq = verdict, seq
    else:
        fault.verdict, fault.verdict_seq = verdict, seq
    session.flush()
    made = Judgement(
        fault_id=fault.id,
        seq=seq,
        verdict=None if second else verdict,
        second_verdict=verdict if second else None,
        at=now,
        actor_ref=actor.ref[:64],
        actor_label=actor.label[:128],
    )
    session.add(made)
    session.flush()
    session.expire(fault, ["judgements"])


def move_exchange(
    session: Session, exchange: Exchange, state: str, *, actor: Actor, now: datetime
) -> None:
    """Let a box that is given for another be where it went; a new one is allocated."""
    former = exchange.state if exchange.event_seq else "new"
    exchange.state, exchange.event_seq = state, (exchange.event_seq or 0) + 1
    session.add(exchange)
    session.flush()
    made = ExchangeEvent(
        exchange_id=exchange.id,
        seq=exchange.event_seq,
        predecessor_seq=exchange.event_seq - 1 or None,
        from_state=former,
        to_state=state,
        at=now,
        actor_ref=actor.ref[:64],
        actor_label=actor.label[:128],
    )
    session.add(made)
    session.flush()
