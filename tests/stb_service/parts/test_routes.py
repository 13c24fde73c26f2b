"""The API of parts and stock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.stb_service.parts.conftest import MAIN, NORTH, PSU, SUPPLIER, VAN, Stock

NEW_PART = {"sku": "HD-1", "name": "Disk", "currency": "EUR"}


def test_a_part_is_made_read_and_changed(api: Any, one: Stock) -> None:
    fits = [{"model": "AUR-1", "quantity": 2}]
    made = api("POST", "/parts", json={**NEW_PART, "fits": fits, "supersedes": PSU})
    path = f"/parts/{made.json['id']}"
    changed = api("PATCH", path, json={"name": "Disk 1 TB", "fits": [], "ean": "40063813 33931"})
    freed = api("PATCH", path, json={"ean": "96385074"})

    assert (made.status_code, made.json["fits"], made.json["supersedes"]) == (201, fits, PSU)
    assert changed.status_code == 409
    assert (freed.json["ean"], freed.json["name"]) == ("96385074", "Disk")
    assert api("GET", "/parts/HD-1").json == freed.json == api("GET", "/parts/96385074").json


def test_a_change_needs_the_version_it_was_based_on(api: Any, one: Stock) -> None:
    tag = api("GET", f"/parts/{PSU}").headers["ETag"]

    first = api("PATCH", f"/parts/{PSU}", json={"fits": []}, headers={"If-Match": tag})
    second = api("PATCH", f"/parts/{PSU}", json={"fits": []}, headers={"If-Match": tag})

    assert (first.status_code, second.status_code) == (200, 412)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"ean": "4006381333932"}, "ean"),
        ({"currency": "eur"}, "currency"),
        ({"currency": "EUX"}, "currency"),
        ({"supersedes": "NONE"}, "supersedes"),
        ({"fits": [{"model": "NONE"}]}, "fits"),
        ({"model": "NONE"}, "model"),
        ({"pack_size": 0}, "pack_size"),
        ({"component": "engine"}, "component"),
        ({"name": ""}, "name"),
    ],
)
def test_a_part_that_cannot_be_is_refused_at_its_field(
    api: Any, one: Stock, wrong: dict[str, Any], field: str
) -> None:
    answer = api("POST", "/parts", json={**NEW_PART, **wrong})

    assert answer.status_code == 422
    assert field in answer.json["errors"]


@pytest.mark.parametrize("taken", [{"sku": PSU}, {"ean": "4006381333931"}, {"model": "AUR-1"}])
def test_what_another_part_has_is_a_conflict(api: Any, one: Stock, taken: dict[str, str]) -> None:
    assert api("POST", "/parts", json={**NEW_PART, **taken}).status_code == 409


def test_the_currency_of_a_part_that_has_moved_stays(api: Any, one: Stock) -> None:
    before = api("PATCH", f"/parts/{PSU}", json={"currency": "USD"})
    one.receive(1)
    after = api("PATCH", f"/parts/{PSU}", json={"currency": "EUR"})

    assert before.status_code == 200
    assert (after.status_code, after.json["obstacles"][0]["code"]) == (409, "currency")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "warehouse"}, 201),
        ({"kind": "dealer", "organisation": "north"}, 201),
        ({"kind": "van", "organisation": "fixit"}, 201),
        ({"kind": "dealer"}, 422),
        ({"kind": "dealer", "organisation": "fixit"}, 422),
        ({"kind": "centre", "organisation": "operator"}, 422),
        ({"kind": "warehouse", "organisation": "north"}, 422),
        ({"kind": "warehouse", "organisation": "nobody"}, 422),
        ({"kind": "customer"}, 422),
        ({"kind": "moon"}, 422),
    ],
)
def test_a_place_belongs_to_whom_its_kind_says(
    api: Any, one: Stock, body: dict[str, str], status: int
) -> None:
    answer = api("POST", "/locations", json={"code": "NEW", "name": "New", **body})

    assert answer.status_code == status


def test_a_place_is_renamed_and_closed(api: Any, one: Stock) -> None:
    path = f"/locations/{VAN}"
    tag = api("GET", path).headers["ETag"]

    changed = api("PATCH", path, json={"is_active": False}, headers={"If-Match": tag})
    stale = api("PATCH", path, json={"name": "x"}, headers={"If-Match": tag})

    assert (changed.status_code, changed.json["is_active"], stale.status_code) == (200, False, 412)


def receipt(quantity: int = 10, **more: Any) -> dict[str, Any]:
    return {
        "part": PSU,
        "from_location": SUPPLIER,
        "to_location": MAIN,
        "quantity": quantity,
        "unit_cost_minor": 250,
        **more,
    }


def test_the_stock_of_a_place_leaves_out_what_is_gone(api: Any, one: Stock) -> None:
    one.receive(3)
    one.move(VAN, 3)
    path = f"/locations/{MAIN}/stock"

    shown, whole = api("GET", path).json["items"], api("GET", f"{path}?empty=all").json["items"]

    assert shown == []
    assert [(line["part"]["sku"], line["on_hand"]) for line in whole] == [(PSU, 0)]
    assert api("GET", f"{path}?empty=some").status_code == 422


def test_a_part_of_which_one_condition_is_gone_stays_in_the_stock(api: Any, one: Stock) -> None:
    one.receive(3)
    one.receive(1, condition="defective")
    one.move(VAN, 3)

    (line,) = api("GET", f"/locations/{MAIN}/stock").json["items"]

    assert line["on_hand"] == 1


def test_what_is_received_stands_in_the_stock_of_the_place(api: Any, one: Stock) -> None:
    made = api("POST", "/stock-receipts", json=receipt(reference="PO-1"))
    moved = api(
        "POST",
        "/stock-moves",
        json={"part": PSU, "from_location": MAIN, "to_location": VAN, "quantity": 4},
    )
    stock = api("GET", f"/locations/{MAIN}/stock").json["items"]

    assert (made.status_code, moved.status_code) == (201, 201)
    assert (made.json["kind"], made.json["value_minor"]) == ("receive", 2500)
    assert (moved.json["kind"], moved.json["target"]["location"]["code"]) == ("transfer", VAN)
    assert api("GET", f"/stock-moves/{made.json['id']}").json == made.json
    assert stock == [
        {
            "part": made.json["part"],
            "currency": "EUR",
            "on_hand": 6,
            "reserved": 0,
            "available": 6,
            "standings": [
                {
                    "condition": "new",
                    "on_hand": 6,
                    "reserved": 0,
                    "available": 6,
                    "value_minor": 1500,
                }
            ],
        }
    ]


def test_a_move_that_cannot_be_returns_its_obstacles(api: Any, one: Stock) -> None:
    answer = api(
        "POST", "/stock-moves", json={"part": PSU, "from_location": MAIN, "to_location": VAN}
    )

    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert answer.json["obstacles"][0]["code"] == "stock"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": 0}, "quantity"),
        ({"unit_cost_minor": -1}, "unit_cost_minor"),
        ({"part": "NONE"}, "part"),
        ({"to_location": "NONE"}, "to_location"),
        ({"from_location": MAIN}, "from_location"),
        ({"condition": "shiny"}, "condition"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_receipt_that_cannot_be_is_refused_at_its_field(
    api: Any, one: Stock, wrong: dict[str, Any], field: str
) -> None:
    answer = api("POST", "/stock-receipts", json=receipt(**wrong))

    assert answer.status_code == 422
    assert field in answer.json["errors"]


def test_a_delivery_sent_twice_with_one_key_is_received_once(api: Any, one: Stock) -> None:
    key = {"Idempotency-Key": "delivery-1"}

    first = api("POST", "/stock-receipts", json=receipt(), headers=key)
    second = api("POST", "/stock-receipts", json=receipt(), headers=key)

    assert first.json == second.json
    assert one.numbers() == (10, 0)


def test_a_reservation_is_made_used_and_read(api: Any, one: Stock) -> None:
    one.receive(5)
    body = {"key": "repair-1", "part": PSU, "location": MAIN, "quantity": 3}
    made = api("POST", "/reservations", json=body)
    again = api("POST", "/reservations", json=body)
    path = f"/reservations/{made.json['id']}"
    used = api("POST", f"{path}/consume", json={"quantity": 2})
    late = api("POST", f"{path}/release", json={})

    assert (made.status_code, again.json["id"]) == (201, made.json["id"])
    assert (used.status_code, used.json["state"], used.json["used"]) == (200, "used", 2)
    assert late.status_code == 409
    assert api("GET", path).json == used.json
    assert one.numbers() == (3, 0)


def test_nobody_reserves_by_a_key_of_a_return(api: Any, one: Stock) -> None:
    one.receive(5)
    body = {"key": "R-000001/accessory/1", "part": PSU, "location": MAIN}

    answer = api("POST", "/reservations", json=body)

    assert (answer.status_code, list(answer.json["errors"])) == (422, ["key"])
    assert one.numbers() == (5, 0)


def test_a_reservation_is_used_only_as_it_was_read(api: Any, one: Stock) -> None:
    one.receive(5)
    path = f"/reservations/{one.reserve(1).public_id}"
    tag = api("GET", path).headers["ETag"]
    api("POST", f"{path}/release", json={}, headers={"If-Match": tag})

    stale = api("POST", f"{path}/consume", json={}, headers={"If-Match": tag})

    assert stale.status_code == 412


def test_limits_and_what_to_order(api: Any, one: Stock) -> None:
    one.receive(2)
    api("PATCH", f"/parts/{PSU}", json={"pack_size": 5})
    path = f"/parts/{PSU}/limits"
    wrong = api("PUT", path, json={"location": MAIN, "minimum": 5, "maximum": 4})
    limits = api("PUT", path, json={"location": MAIN, "minimum": 3, "maximum": 10})
    (short,) = api("GET", "/reorder").json["items"]
    gone = api("PUT", path, json={"location": MAIN, "minimum": 0})

    assert (wrong.status_code, limits.status_code) == (422, 200)
    assert (short["available"], short["order"]) == (2, 10)
    assert gone.json["items"] == []
    assert api("GET", "/reorder").json["items"] == []


def test_a_count_is_blind_until_it_is_closed(api: Any, one: Stock) -> None:
    one.receive(5)
    made = api("POST", "/stock-counts", json={"location": MAIN})
    path = f"/stock-counts/{made.json['id']}"
    line = api("POST", f"{path}/lines", json={"part": PSU, "counted": 4})
    twice = api("POST", f"{path}/lines", json={"part": PSU, "counted": 5})
    closed = api("POST", f"{path}/close", json={"reason": "year's end"})

    assert made.status_code == 201
    assert line.json["lines"][0]["expected"] is None
    assert twice.status_code == 409
    assert closed.json["lines"][0]["difference"] == -1
    assert one.numbers() == (4, 0)


# --- scope ---------------------------------------------------------------------------------------


def test_a_dealer_is_told_of_no_other_place_and_of_no_cost(
    api_as: Callable[..., Any], one: Stock
) -> None:
    one.receive(5)
    one.move(NORTH, 2)
    dealer = api_as("agent", "north")

    (move,) = dealer("GET", "/stock-moves").json["items"]
    (line,) = dealer("GET", f"/locations/{NORTH}/stock").json["items"]

    assert (move["source"], move["value_minor"]) == (None, None)
    assert move["target"]["location"]["code"] == NORTH
    assert line["standings"][0]["value_minor"] is None
    assert [row["code"] for row in dealer("GET", "/locations").json["items"]] == [NORTH]
    assert dealer("GET", f"/locations/{MAIN}").status_code == 404
    assert dealer("GET", f"/locations/{MAIN}/stock").status_code == 404
    assert dealer("GET", f"/stock-moves?location={MAIN}").json["items"] == []


def test_a_dealer_neither_changes_the_catalogue_nor_takes_from_others(
    api_as: Callable[..., Any], one: Stock
) -> None:
    one.receive(5)
    dealer = api_as("agent", "north")
    body = {"part": PSU, "from_location": MAIN, "to_location": NORTH}

    assert dealer("POST", "/parts", json=NEW_PART).status_code == 403
    assert dealer("POST", "/stock-moves", json=body).status_code == 422
    assert dealer("POST", "/stock-counts", json={"location": MAIN}).status_code == 422
