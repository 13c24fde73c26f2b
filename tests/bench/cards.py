"""The card of a box and the page of an account with its timeline, among many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from stb_service.devices.models import Device, Holding
from stb_service.devices.rules import Status
from stb_service.rma.models import ReturnCase
from stb_service.subscribers.models import Account
from tests.bench.figures import Figure
from tests.bench.operator import ROUNDS, Operator, figure_of, operator


def held_boxes(found: Operator, count: int, *more: Any) -> list[tuple[str, str]]:
    """Return the ids of some boxes that customers have, each with that of its account."""
    with found.db.read() as session:
        rows = session.execute(
            select(Device.public_id, Account.public_id)
            .join(Holding, Holding.device_id == Device.id)
            .join(Account, Holding.account_id == Account.id)
            .where(
                Device.id.in_(found.ids(min(count * 40, found.sizes.devices))),
                Device.status == Status.ACTIVE,
                Holding.until.is_(None),
                Account.kind == "person",
                *more,
            )
            .order_by(Device.id)
            .limit(count)
        )
        return [(row[0], row[1]) for row in rows]


def box_card_ms(
    say: Callable[[str], None], *, devices: int | None = None, rounds: int = ROUNDS
) -> Figure:
    """Open the cards of boxes that customers have, each another one: of those that came back once,
    of which there is most to tell, and of those that never did.
    """
    found = operator(say, devices)
    came_back = select(ReturnCase.id).where(ReturnCase.device_id == Device.id).exists()
    returned = [box for box, _ in held_boxes(found, rounds + 1, came_back)]
    others = [box for box, _ in held_boxes(found, rounds + 1, ~came_back)]
    wanted = {
        "card of one that came back": [f"/devices/{box}" for box in returned],
        "card of another": [f"/devices/{box}" for box in others],
        "box over the API": [f"/api/v1/devices/{box}" for box in others],
        "its holdings": [f"/api/v1/devices/{box}/holdings" for box in others],
    }
    return figure_of("box_card_ms", found, wanted, rounds)


def timeline_ms(
    say: Callable[[str], None], *, devices: int | None = None, rounds: int = ROUNDS
) -> Figure:
    """Open the pages of households, with their boxes and all that happened, each another one: of
    those that sent a box in, of which there is most to tell, and of those that never did.
    """
    found = operator(say, devices)
    sent_in = select(ReturnCase.id).where(ReturnCase.account_id == Account.id).exists()
    accounts = [account for _, account in held_boxes(found, rounds + 1, sent_in)]
    others = [account for _, account in held_boxes(found, rounds + 1, ~sent_in)]
    wanted = {
        "account with its timeline": [f"/accounts/{account}" for account in accounts],
        "account without returns": [f"/accounts/{account}" for account in others],
        "account over the API": [f"/api/v1/accounts/{account}" for account in accounts],
        "its boxes": [f"/api/v1/accounts/{account}/holdings" for account in accounts],
    }
    return figure_of("timeline_ms", found, wanted, rounds)
