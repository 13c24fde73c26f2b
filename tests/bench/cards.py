"""The card of a box and the page of an account with its timeline, among many."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from stb_service.devices.models import Device, Holding
from stb_service.devices.rules import Status
from stb_service.subscribers.models import Account
from tests.bench.figures import Figure
from tests.bench.operator import ROUNDS, Operator, figure_of, operator


def held_boxes(found: Operator, count: int) -> list[tuple[str, str]]:
    """Return the ids of some boxes that customers have, each with that of its account."""
    with found.db.read() as session:
        rows = session.execute(
            select(Device.public_id, Account.public_id)
            .join(Holding, Holding.device_id == Device.id)
            .join(Account, Holding.account_id == Account.id)
            .where(
                Device.id.in_(found.ids(count * 4)),
                Device.status == Status.ACTIVE,
                Holding.until.is_(None),
                Account.kind == "person",
            )
            .order_by(Device.id)
            .limit(count)
        )
        return [(row[0], row[1]) for row in rows]


def box_card_ms(
    say: Callable[[str], None], *, devices: int | None = None, rounds: int = ROUNDS
) -> Figure:
    """Open the cards of boxes that customers have, each another one."""
    found = operator(say, devices)
    boxes = [box for box, _ in held_boxes(found, rounds + 1)]
    wanted = {
        "card": [f"/devices/{box}" for box in boxes],
        "box over the API": [f"/api/v1/devices/{box}" for box in boxes],
        "its holdings": [f"/api/v1/devices/{box}/holdings" for box in boxes],
    }
    return figure_of("box_card_ms", found, wanted, rounds)


def timeline_ms(
    say: Callable[[str], None], *, devices: int | None = None, rounds: int = ROUNDS
) -> Figure:
    """Open the pages of households, with their boxes and all that happened, each another one."""
    found = operator(say, devices)
    accounts = [account for _, account in held_boxes(found, rounds + 1)]
    wanted = {
        "account with its timeline": [f"/accounts/{account}" for account in accounts],
        "account over the API": [f"/api/v1/accounts/{account}" for account in accounts],
        "its boxes": [f"/api/v1/accounts/{account}/holdings" for account in accounts],
    }
    return figure_of("timeline_ms", found, wanted, rounds)
