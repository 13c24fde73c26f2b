"""The pages of parts and stock in the whole app, and how many queries they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.conftest import People, csrf_of
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.parts.conftest import BOX, MAIN, NORTH, PSU, REMOTE, SUPPLIER, VAN, Stock


@pytest.fixture
def shop(client: FlaskClient, one: Stock) -> Stock:
    """A stock behind the app that `client` has signed in to."""
    return one


def post(client: FlaskClient, path: str, **data: Any) -> Any:
    """Send a form the way a browser does that has opened a page."""
    token = csrf_of(client.get("/parts/new").text)
    return client.post(path, data={"csrf_token": token, **data})


def test_a_part_added_by_the_form_is_on_its_page(client: FlaskClient, shop: Stock) -> None:
    answer = post(
        client,
        "/parts/new",
        sku="HD-1",
        name="Disk",
        currency="EUR",
        ean="96385074",
        component="disk",
        fits="AUR-1 x2\nBOR-2",
        min_order="1",
    )

    page = client.get(answer.headers["Location"]).text
    assert answer.status_code == 303
    assert "96385074" in page
    assert "AUR-1 (2)" in page
    assert "HD-1" in client.get("/parts?text=disk&model=BOR-2").text


def test_a_refused_part_keeps_what_was_typed_and_tells_it_at_the_field(
    client: FlaskClient, shop: Stock
) -> None:
    answer = post(
        client, "/parts/new", sku="HD-1", name="Disk", currency="EUR", ean="123", fits="NONE"
    )

    assert answer.status_code == 422
    assert 'value="123"' in answer.text
    assert 'id="field-ean-error"' in answer.text
    assert "There is no model NONE." in answer.text


def test_a_part_is_changed_by_the_form(client: FlaskClient, shop: Stock) -> None:
    answer = post(
        client, f"/parts/{PSU}/edit", name="Supply", currency="EUR", fits="BOR-2", is_active="true"
    )

    page = client.get(answer.headers["Location"]).text
    assert answer.status_code == 303
    assert "Supply" in page
    assert "BOR-2" in page


def test_a_scan_is_received_and_the_form_goes_on_with_the_next(
    client: FlaskClient, shop: Stock
) -> None:
    answer = post(
        client,
        "/stock/receive",
        scanned="4006381333931",
        quantity="3",
        unit_cost="2,50",
        from_location=SUPPLIER,
        to_location=MAIN,
        condition="new",
    )

    assert answer.status_code == 303
    following = client.get(answer.headers["Location"]).text
    assert "Received: PSU-12 · 3." in following
    assert f'<option value="{MAIN}" selected>' in following
    assert shop.balance().value_minor == 750


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"scanned": "NOTHING"}, "scanned"),
        ({"unit_cost": "2.505"}, "unit_cost"),
        ({"unit_cost": ""}, "unit_cost"),
        ({"unit_cost": "1,234.50"}, "unit_cost"),
        ({"unit_cost": "10000000000.01"}, "unit_cost"),
        ({"quantity": "0"}, "quantity"),
        ({"to_location": "NOWHERE"}, "to_location"),
        ({"from_location": ""}, "from_location"),
    ],
)
def test_a_refused_receipt_tells_it_at_the_field(
    client: FlaskClient, shop: Stock, wrong: dict[str, str], field: str
) -> None:
    form = {
        "scanned": PSU,
        "quantity": "3",
        "unit_cost": "2.50",
        "from_location": SUPPLIER,
        "to_location": MAIN,
        "reference": "PO-77",
    }
    answer = post(client, "/stock/receive", **{**form, **wrong})

    assert answer.status_code == 422
    assert f'id="field-{field}-error"' in answer.text
    assert "PO-77" in answer.text


def test_the_barcode_is_the_first_field_of_a_form_that_is_scanned(
    client: FlaskClient, shop: Stock
) -> None:
    for path in ("/stock/receive", "/stock/move"):
        page = client.get(path).text
        form = page[page.index("data-scan") :]
        assert form.index('name="scanned"') < form.index("<select")
        assert "autofocus" in form.partition('name="scanned"')[2].partition(">")[0]


def test_a_box_is_moved_by_its_serial(client: FlaskClient, shop: Stock) -> None:
    box = shop.box("SN-0007")
    shop.receive(1, part=None, device=box.public_id)

    answer = post(client, "/stock/move", scanned="SN-0007", to_location=VAN)

    assert answer.status_code == 303
    assert shop.numbers(VAN, BOX) == (1, 0)
    card = client.get(f"/devices/{box.public_id}").text
    assert "Stands in stock" in card
    assert "Transferred by root.admin: from MAIN to VAN-1" in card
    assert "PSU-12" in card


def test_the_moves_are_listed_and_filtered_by_the_address(client: FlaskClient, shop: Stock) -> None:
    shop.receive(3, reference="PO-1")
    shop.move(VAN, reason="for Tuesday")

    every = client.get("/stock/moves").text
    used = client.get("/stock/moves?kind=use").text
    nonsense = client.get("/stock/moves?kind=dance&location=" + "x" * 99).text

    assert "PO-1" in every
    assert "for Tuesday" in every
    assert "No move matches" in used
    assert "for Tuesday" in nonsense


def test_a_move_has_a_page(client: FlaskClient, shop: Stock) -> None:
    number = shop.receive(3, reference="PO-1").number

    page = client.get(f"/stock/moves/{number}").text

    assert "PO-1" in page
    assert "€3.00" in page


def test_the_stock_of_a_place_is_shown_by_part(client: FlaskClient, shop: Stock) -> None:
    shop.receive(3)
    shop.reserve(1)

    page = client.get(f"/locations/{MAIN}").text

    assert PSU in page
    assert "New 3" in page
    assert "No part matches" in client.get(f"/locations/{MAIN}?text=remote").text


def test_a_part_that_is_gone_is_shown_where_it_is_asked_for(
    client: FlaskClient, shop: Stock
) -> None:
    shop.receive(3)
    shop.receive(2, part=REMOTE)
    shop.move(VAN, 3)

    page = client.get(f"/locations/{MAIN}").text
    whole = client.get(f"/locations/{MAIN}?empty=all").text
    strange = client.get(f"/locations/{MAIN}?empty=no").text

    assert (REMOTE in page, PSU in page) == (True, False)
    assert (REMOTE in whole, PSU in whole) == (True, True)
    assert (REMOTE in strange, PSU in strange) == (True, False)


def test_a_place_that_was_emptied_leads_to_what_stood_there(
    client: FlaskClient, shop: Stock
) -> None:
    shop.receive(3)
    shop.move(VAN, 3)

    page = client.get(f"/locations/{MAIN}").text

    assert "Nothing stands here" in page
    assert "empty=all" in page.split("Nothing stands here")[1]


def test_a_place_is_added_and_closed_by_the_form(client: FlaskClient, shop: Stock) -> None:
    made = post(client, "/locations/new", code="VAN-2", name="Van two", kind="van")
    closed = post(client, "/locations/VAN-2/edit", name="Van two")

    assert (made.status_code, closed.status_code) == (303, 303)
    assert "closed" in client.get("/locations?text=VAN-2").text


def test_a_refused_place_tells_it_at_the_field(client: FlaskClient, shop: Stock) -> None:
    answer = post(client, "/locations/new", code="X", name="X", kind="dealer")

    assert answer.status_code == 422
    assert 'id="field-organisation-error"' in answer.text


def test_a_reservation_is_used_and_let_go_from_the_list(client: FlaskClient, shop: Stock) -> None:
    shop.receive(5)
    first, second = shop.reserve(2, key="a"), shop.reserve(2, key="b")

    post(client, f"/stock/reservations/{first.public_id}/consume", quantity="1")
    post(client, f"/stock/reservations/{second.public_id}/release")
    told = post(client, f"/stock/reservations/{first.public_id}/release")

    assert shop.numbers() == (4, 0)
    assert "has been used" in client.get(told.headers["Location"]).text


def test_what_is_short_is_listed_and_counted_on_the_overview(
    client: FlaskClient, shop: Stock
) -> None:
    shop.receive(1)
    post(client, f"/parts/{PSU}/limits", location=MAIN, minimum="3", maximum="9")

    page = client.get("/stock/reorder").text

    assert PSU in page
    assert "<strong>8</strong>" in page
    assert "1 limit is undercut" in client.get("/").text


def test_refused_limits_keep_what_was_typed(client: FlaskClient, shop: Stock) -> None:
    answer = post(client, f"/parts/{PSU}/limits", location=MAIN, minimum="9", maximum="3")

    assert answer.status_code == 422
    assert 'id="field-maximum-error"' in answer.text


def test_a_place_is_counted_blind_with_a_scanner(client: FlaskClient, shop: Stock) -> None:
    shop.receive(37)
    begun = post(client, "/stock/counts/new", location=MAIN, reason="spot check")
    path = begun.headers["Location"]
    post(client, path, part="4006381333931", counted="36")

    blind = client.get(path).text
    again = post(client, path, part=PSU, counted="35")
    post(client, f"{path}/close", reason="one is missing")
    closed = client.get(path).text

    assert ">37<" not in blind
    assert "Expected" not in blind
    assert ">37<" in closed
    assert again.status_code == 409
    assert "has counted PSU-12 already" in again.text
    assert "<strong>-1</strong>" in closed
    assert shop.numbers() == (36, 0)


def test_a_count_that_is_called_off_changes_nothing(client: FlaskClient, shop: Stock) -> None:
    shop.receive(5)
    path = post(client, "/stock/counts/new", location=MAIN).headers["Location"]
    post(client, path, part=PSU, counted="1")

    post(client, f"{path}/cancel")

    assert "Called off" in client.get("/stock/counts").text
    assert shop.numbers() == (5, 0)


@pytest.mark.parametrize(
    "path",
    [
        "/parts",
        f"/locations/{MAIN}",
        f"/locations/{MAIN}?empty=all",
        "/stock/moves",
        "/stock/reservations",
        "/stock/reorder",
        "/stock/counts",
        "/locations",
    ],
)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    client: FlaskClient, shop: Stock, path: str
) -> None:
    shop.receive(20)
    shop.reserve(1, key="a")
    limit(client, PSU, MAIN)
    post(client, "/stock/counts/new", location=MAIN)
    client.get(path)
    with statements(shop.db) as few:
        client.get(path)
    shop.receive(5, part=REMOTE)
    shop.move(VAN, 3)
    for key in "bcd":
        shop.reserve(1, key=key)
    limit(client, REMOTE, MAIN)
    limit(client, PSU, VAN)
    post(client, "/stock/counts/new", location=VAN)
    with statements(shop.db) as many:
        client.get(path)

    assert len(few) == len(many)


def limit(client: FlaskClient, part: str, location: str) -> None:
    answer = post(client, f"/parts/{part}/limits", location=location, minimum="50", maximum="99")
    assert answer.status_code == 303


def test_a_part_and_a_place_are_found_by_the_search_box(client: FlaskClient, shop: Stock) -> None:
    assert PSU in client.get("/search/results?q=psu").text
    assert PSU in client.get("/search/results?q=4006381333931").text
    assert VAN in client.get("/search/results?q=van-1").text


def test_a_dealer_sees_only_what_is_theirs_and_no_prices(
    people: People, sign_in: Callable[[str], FlaskClient], one: Stock
) -> None:
    one.receive(5, cost=123)
    one.move(NORTH, 2)
    people.person("agent", "north", username="dora.dealer")
    browser = sign_in("dora.dealer")

    moves = browser.get("/stock/moves").text

    assert "elsewhere" in moves
    assert MAIN not in moves.partition("<main")[2]
    assert "€" not in moves + browser.get(f"/locations/{NORTH}").text
    assert browser.get(f"/locations/{MAIN}").status_code == 404
    assert MAIN not in browser.get(f"/parts/{PSU}").text.partition("<main")[2]
