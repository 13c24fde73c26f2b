"""A box that goes from a shelf to an account, is scrapped or is lost, leaves the stock."""

from __future__ import annotations

from typing import Any

import pytest

from stb_service.devices.holdings.operations import give_to_account
from stb_service.devices.models import Device
from stb_service.parts.catalogue.operations import create_location
from stb_service.parts.leaving import leave_shelf
from stb_service.parts.moves.queries import last_place_of
from stb_service.parts.operations import move_stock
from stb_service.shared.access import EVERYTHING
from stb_service.subscribers.operations import create_account
from tests.stb_service.parts.conftest import BOX, MAIN, SCRAP, SUPPLIER, Stock


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


# --- scrapped and lost ---------------------------------------------------------------------------


def say(api: Any, uid: str, status: str) -> Any:
    """Move a box on in its life, as the registry's page and API do."""
    etag = api("GET", f"/devices/{uid}").headers["ETag"]
    said = {"status": status, "reason": "burnt"}
    return api("POST", f"/devices/{uid}/status", json=said, headers={"If-Match": etag})


def test_a_box_that_is_scrapped_leaves_its_shelf_for_the_only_place_of_scrap(
    api: Any, one: Stock
) -> None:
    uid = on_the_shelf(one)

    assert say(api, uid, "scrapped").status_code == 200

    assert (one.numbers(MAIN, BOX), one.numbers(SCRAP, BOX)) == ((0, 0), (1, 0))
    assert stand(one, uid) == SCRAP


def test_a_box_is_not_scrapped_where_it_is_not_clear_where_it_goes(api: Any, one: Stock) -> None:
    uid = on_the_shelf(one)
    one.do(create_location, code="SCRAP-2", name="Other", kind="scrap")

    refused = say(api, uid, "scrapped")
    assert refused.status_code == 409
    assert [found["code"] for found in refused.json["obstacles"]] == ["scrap-place"]
    assert api("GET", f"/devices/{uid}").json["status"] == "in_stock"

    one.do(move_stock, device=uid, to_location="SCRAP-2")
    assert say(api, uid, "scrapped").status_code == 200
    assert one.numbers("SCRAP-2", BOX) == (1, 0)


def test_a_box_that_is_lost_is_missing_from_its_shelf_and_may_be_found_again(
    api: Any, one: Stock
) -> None:
    uid = on_the_shelf(one)

    assert say(api, uid, "lost").status_code == 200
    (move, *_) = api("GET", "/stock-moves?location=MAIN").json["items"]
    assert (one.numbers(MAIN, BOX), move["kind"], move["reason"]) == ((0, 0), "count", "burnt")

    assert say(api, uid, "in_stock").status_code == 200
    back = {"device": uid, "to_location": MAIN}
    assert api("POST", "/stock-moves", json=back).status_code == 201
    assert one.numbers(MAIN, BOX) == (1, 0)


@pytest.mark.parametrize("status", ["scrapped", "lost"])
def test_a_box_that_no_stock_knows_is_scrapped_or_lost_as_before(
    api: Any, one: Stock, status: str
) -> None:
    assert say(api, one.box().public_id, status).status_code == 200


def test_nobody_moves_a_box_into_the_stock_taking(api: Any, one: Stock) -> None:
    uid = on_the_shelf(one)
    other = on_the_shelf_too(one)
    assert say(api, other, "lost").status_code == 200

    refused = api("POST", "/stock-moves", json={"device": uid, "to_location": "COUNT"})

    assert refused.status_code == 409


def on_the_shelf_too(stock: Stock) -> str:
    box = stock.box("SN-OTHER")
    stock.receive(1, part=None, device=box.public_id)
    return str(box.public_id)
