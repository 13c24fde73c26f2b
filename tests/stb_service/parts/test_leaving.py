"""A box that goes from a shelf to an account leaves the stock."""

from __future__ import annotations

from typing import Any

from stb_service.devices.holdings.operations import give_to_account
from stb_service.devices.models import Device
from stb_service.parts.leaving import leave_shelf
from stb_service.parts.moves.queries import last_place_of
from stb_service.shared.access import EVERYTHING
from stb_service.subscribers.operations import create_account
from tests.stb_service.parts.conftest import BOX, MAIN, SUPPLIER, Stock


def stand(stock: Stock, uid: str) -> str:
    """Return the code of the place where a box stands."""

    def ask(session: Any) -> str:
        box = session.query(Device).filter_by(public_id=uid).one()
        last = last_place_of(session, box, EVERYTHING)
        assert last is not None
        return str(last.position.location.code)

    return str(stock.ask(ask))


def on_the_shelf(stock: Stock) -> str:
    box = stock.box()
    stock.receive(1, part=None, device=box.public_id)
    return str(box.public_id)


def test_a_box_that_is_given_to_an_account_leaves_its_shelf(api: Any, one: Stock) -> None:
    uid = on_the_shelf(one)
    ada = api("POST", "/accounts", json={"name": "Ada", "kind": "person", "currency": "EUR"}).json
    held = {"account": ada["id"], "tenure": "sold"}

    given = api("POST", f"/devices/{uid}/holdings", json=held)

    assert given.status_code == 200
    assert one.numbers(MAIN, BOX) == (0, 0)
    assert one.balance(SUPPLIER, BOX).on_hand == -1
    assert stand(one, uid) not in {MAIN, SUPPLIER}
    (move, *_) = api("GET", "/stock-moves?location=MAIN").json["items"]
    assert (move["reference"], move["quantity"]) == (ada["number"], 1)


def test_a_box_that_stands_as_another_model_is_corrected_first(api: Any, one: Stock) -> None:
    uid = on_the_shelf(one)
    api("PATCH", f"/devices/{uid}", json={"model": "BOR-2"})
    ada = api("POST", "/accounts", json={"name": "Ada", "kind": "person", "currency": "EUR"}).json

    refused = api("POST", f"/devices/{uid}/holdings", json={"account": ada["id"], "tenure": "sold"})

    assert refused.status_code == 422
    assert one.numbers(MAIN, BOX) == (1, 0)
    assert api("GET", f"/devices/{uid}/holdings").json == []


def test_who_has_a_box_by_a_file_alone_moves_nothing(one: Stock) -> None:
    uid = on_the_shelf(one)

    def give(session: Any, **who: Any) -> None:
        account = create_account(session, kind="person", name="Ada", currency="EUR", **who)
        more: dict[str, Any] = {"account": account.number, "tenure": "sold"}
        give_to_account(session, uid=uid, moves=False, leavers=[leave_shelf], **more, **who)

    one.do(give)

    assert stand(one, uid) == MAIN
