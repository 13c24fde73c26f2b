"""Warranty of the demonstration: both presets in force, and a draft that somebody works on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial

from stb_service.demo.operator import Operator
from stb_service.warranty import operations, queries

SINCE = date(2018, 1, 1)
"""Boxes that were given out before the history are covered too."""
PRESETS = (("eu-consumer", None), ("twelve-months", "BOR-20"))
"""Each preset, and the model that it is for; the first is for all others."""


def publish_policies(op: Operator) -> None:
    """Bring the presets into force on the first day; lately a next version has been begun."""
    session, now = op.session, op.begun
    for preset, model in PRESETS:
        policy = operations.load_preset(session, preset=preset, actor=op.agent, now=now)
        operations.publish(
            session,
            policy=policy,
            in_force_from=SINCE,
            checked_by="Nobody: a demonstration",
            actor=op.agent,
            now=now,
        )
        operations.assign(
            session, policy=policy, from_on=SINCE, model=model, actor=op.agent, now=now
        )
    op.calendar.add(op.now - timedelta(days=9), partial(_begin_draft, op))


def _begin_draft(op: Operator, now: datetime) -> None:
    policy = queries.find_policy(op.session, PRESETS[0][0])
    assert policy is not None  # published on the first day
    title = f"{policy.newest.title}, with three years"
    terms = {**policy.newest.terms, "months": 36}
    operations.write_draft(
        op.session, policy=policy, title=title, terms=terms, actor=op.agent, now=now
    )
