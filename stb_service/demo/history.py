"""The history of the demonstration: everything that happens, day by day, through the rooms' verbs."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from stb_service.demo.boxes import plan_boxes
from stb_service.demo.calls import Desk, plan_calls
from stb_service.demo.claims import agree_with_suppliers, plan_claims
from stb_service.demo.lives import draw_lives
from stb_service.demo.model import opening
from stb_service.demo.money import Books, plan_enquiries
from stb_service.demo.operator import Operator, hire
from stb_service.demo.policies import publish_policies
from stb_service.demo.returns import Returns
from stb_service.demo.stock import (
    add_catalogue,
    plan_counter_sales,
    plan_counts,
    plan_defects,
    plan_supply,
)
from stb_service.devices.demo import add_models
from stb_service.shared.files import FileStore
from stb_service.staff.operations import NewPassword
from stb_service.warranty.facts import Sources


def write_history(
    session: Session,
    *,
    sources: Sources,
    files: FileStore,
    lock: NewPassword,
    now: datetime,
    seed: int,
    boxes: int = 300,
) -> Operator:
    """Let 18 months happen up to an instant, and return the operator that they made.

    `sources` are the registries' `warranty_facts`; `lock` is the password of the invented staff,
    which nobody should know; `files` keeps the photographs. What is to happen later than `now` is left out, so that some things
    are under way.
    """
    op = Operator(session, seed, opening(now), now, sources)
    hire(op, lock)
    add_models(session, actor=op.agent, now=op.begun)
    add_catalogue(op)
    publish_policies(op)
    books = Books(op)
    desk = Desk(op, books)
    returns = Returns(op, files, otherwise=desk.answer)
    returns.set_terms()
    agree_with_suppliers(op)
    plan_boxes(op, draw_lives(seed, boxes, now), meet=partial(plan_calls, op, returns.answer))
    returns.plan_board()
    plan_claims(op)
    plan_supply(op)
    plan_counter_sales(op)
    plan_defects(op)
    plan_counts(op)
    plan_enquiries(books)
    op.calendar.play(now)
    return op
