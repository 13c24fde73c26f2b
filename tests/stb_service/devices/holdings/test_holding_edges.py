"""Holdings at the edges: the API's answers, the cards and forms of the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.devices.holdings import operations
from stb_service.devices.holdings.queries import holdings_page
from stb_service.devices.models import Device
from stb_service.devices.operations import move_custody
from stb_service.shared.access import EVERYTHING
from stb_service.subscribers import operations as accounts
from stb_service.subscribers.models import Account
from tests.conftest import People, csrf_of
from tests.stb_service.devices.conftest import Registry
from tests.stb_service.devices.test_queries import statements


@pytest.fixture
def ada(one: Registry) -> Account:
    return opened(one, "Ada Lovelace")


@pytest.fixture
def byron(one: Registry) -> Account:
    return opened(one, "Byron")


def opened(registry: Registry, name: str) -> Account:
    account: Account = registry.do(
        accounts.create_account, kind="person", name=name, currency="EUR"
    )
    return account


@pytest.fixture
def box(one: Registry) -> Device:
    return one.box("SN-1", seller="north")


def post(client: FlaskClient, path: str, **data: Any) -> Any:
    """Send a form the way a browser does that has opened a page."""
    token = csrf_of(client.get("/devices/new").text)
    return client.post(path, data={"csrf_token": token, **data})


# --- the API -------------------------------------------------------------------------------------


def test_a_box_is_given_passed_on_and_taken_back(
    api: Any, box: Device, ada: Account, byron: Account
) -> None:
    path = f"/devices/{box.public_id}/holdings"
    stale = api("GET", path).headers["ETag"]

    given = api("POST", path, json={"account": ada.number, "tenure": "rented"})
    late = api("POST", f"{path}/end", json={}, headers={"If-Match": stale})
    passed = api("POST", f"{path}/transfer", json={"account": byron.public_id, "proof": "letter"})
    back = api("POST", f"{path}/end", json={"reason": "moved"})

    rows = api("GET", path).get_json()
    assert [a.status_code for a in (given, late, passed, back)] == [200, 412, 200, 204]
    assert [row["account"]["name"] for row in rows] == ["Byron", "Ada Lovelace"]
    assert rows[0]["ended_reason"] == "moved"
    assert rows[0]["since"] == rows[1]["until"]


def test_a_box_is_placed_at_a_site(api: Any, one: Registry, box: Device, ada: Account) -> None:
    site = one.do(accounts.add_site, uid=ada.public_id, name="Home", timezone="UTC")
    path = f"/devices/{box.public_id}/holdings"
    api("POST", path, json={"account": ada.number, "tenure": "sold", "site": site.public_id})

    moved = api("PUT", f"{path}/site", json={"site": None})

    assert moved.get_json()[0]["site"] is None


def test_the_boxes_of_an_account_are_listed_page_by_page(
    api: Any, one: Registry, ada: Account
) -> None:
    for n in range(3):
        box = one.box(f"SN-{n}")
        one.do(operations.give_to_account, uid=box.public_id, account=ada.number, tenure="on_loan")
    path = f"/accounts/{ada.public_id}/holdings?limit=2"

    first = api("GET", path).get_json()
    rest = api("GET", f"{path}&cursor={first['next_cursor']}").get_json()

    serials = [row["device"]["serial"] for row in first["items"] + rest["items"]]
    assert (serials, rest["next_cursor"]) == (["SN-2", "SN-1", "SN-0"], None)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/devices/{box}/holdings", {"tenure": "sold"}, 422),
        ("POST", "/devices/{box}/holdings", {"account": "A-9", "tenure": "sold"}, 422),
        ("POST", "/devices/{box}/holdings", {"account": "A-1", "tenure": "x"}, 422),
        (
            "POST",
            "/devices/{box}/holdings",
            {"account": "A-1", "tenure": "sold", "since": "2026-03-02"},
            422,
        ),
        ("POST", "/devices/nothing/holdings", {"account": "A-1", "tenure": "sold"}, 404),
        ("POST", "/devices/{box}/holdings/transfer", {"account": "A-1", "proof": "x"}, 409),
        ("POST", "/devices/{box}/holdings/transfer", {"account": "A-1"}, 422),
        ("POST", "/devices/{box}/holdings/end", {}, 409),
        ("PUT", "/devices/{box}/holdings/site", {"site": None}, 409),
        ("GET", "/devices/nothing/holdings", None, 404),
        ("GET", "/accounts/nothing/holdings", None, 404),
        ("GET", "/accounts/{ada}/holdings?cursor=forged", None, 422),
    ],
)
def test_a_refusal_is_a_problem(
    api: Any, box: Device, ada: Account, method: str, path: str, body: Any, status: int
) -> None:
    arguments = {} if body is None else {"json": body}

    answer = api(method, path.format(box=box.public_id, ada=ada.public_id), **arguments)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_a_refused_step_tells_its_obstacle(api: Any, box: Device, ada: Account) -> None:
    path = f"/devices/{box.public_id}/holdings"
    body = {"account": ada.number, "tenure": "sold"}

    answers = [api("POST", path, json=body) for _ in range(2)]

    assert answers[1].get_json()["obstacles"][0]["code"] == "held"


# --- pages ---------------------------------------------------------------------------------------


def test_a_box_is_given_by_the_form_and_both_pages_show_it(
    client: FlaskClient, one: Registry, box: Device, ada: Account
) -> None:
    answer = post(
        client, f"/devices/{box.public_id}/give", account=ada.number, tenure="rented", reason="new"
    )

    card = client.get(f"/devices/{box.public_id}").text
    page = client.get(f"/accounts/{ada.public_id}").text
    assert answer.status_code == 303
    assert "Ada Lovelace" in card
    assert f"root.admin gave it to account {ada.number}" in card
    assert "SN-1" in page
    assert "Box SN-1 came: Rented" in page


def test_the_form_keeps_what_was_typed_when_there_is_no_such_account(
    client: FlaskClient, one: Registry, box: Device
) -> None:
    answer = post(
        client, f"/devices/{box.public_id}/give", account="A-77", tenure="sold", reason="why not"
    )

    assert answer.status_code == 422
    assert 'value="A-77"' in answer.text
    assert "why not" in answer.text
    assert 'id="field-account-error"' in answer.text


def test_a_box_is_passed_on_and_taken_back_on_its_card(
    client: FlaskClient, one: Registry, box: Device, ada: Account, byron: Account
) -> None:
    base = f"/devices/{box.public_id}"
    site = one.do(accounts.add_site, uid=byron.public_id, name="Abbey", timezone="Europe/London")
    post(client, f"{base}/give", account=ada.number, tenure="rented")

    post(client, f"{base}/transfer", account=byron.number, proof="letter")
    post(client, f"{base}/site", site=site.public_id)
    placed = client.get(base).text
    post(client, f"{base}/take-back", reason="moved")
    after = client.get(base).text

    assert "Abbey" in placed
    assert f"passed it from account {ada.number} to {byron.number}" in placed
    assert "No account has the box." in after
    assert f"root.admin took it back from account {byron.number}" in after
    assert "Box SN-1 left" in client.get(f"/accounts/{byron.public_id}").text


def test_what_cannot_be_done_is_greyed_with_its_reason(
    client: FlaskClient, one: Registry, ada: Account
) -> None:
    box = one.box("SN-2", status="lost")

    card = client.get(f"/devices/{box.public_id}").text

    assert "A box that is Lost goes to no account." in card


def test_a_technician_of_the_lab_is_shown_no_owner(
    one: Registry,
    box: Device,
    ada: Account,
    people: People,
    sign_in: Callable[[str], FlaskClient],
) -> None:
    one.do(operations.give_to_account, uid=box.public_id, account=ada.number, tenure="sold")
    people.person("lab_engineer", username="lee.lab")

    card = sign_in("lee.lab").get(f"/devices/{box.public_id}").text

    assert "Ada Lovelace" not in card
    assert "/accounts/" not in card


def test_the_holder_of_a_box_that_another_sold_is_not_told_who_has_it(
    one: Registry,
    ada: Account,
    people: People,
    sign_in: Callable[[str], FlaskClient],
) -> None:
    box = one.box("SN-3", seller="south")
    one.do(operations.give_to_account, uid=box.public_id, account=ada.number, tenure="sold")
    one.do(
        move_custody,
        uid=box.public_id,
        organisation="north",
    )
    people.person("agent", "north", username="counter.north")

    card = sign_in("counter.north").get(f"/devices/{box.public_id}").text

    assert "A customer has it." in card
    assert "Ada Lovelace" not in card


@pytest.mark.parametrize("count", [1, 9])
def test_the_boxes_of_an_account_take_one_query(one: Registry, ada: Account, count: int) -> None:
    for n in range(count):
        box = one.box(f"SN-{n}")
        one.do(operations.give_to_account, uid=box.public_id, account=ada.number, tenure="sold")

    with statements(one.db) as seen:
        page = one.ask(holdings_page, ada, EVERYTHING, cursor=None, limit=50)
        labels = [(row.device.label, row.device.model_code, row.site) for row in page.rows]

    assert (len(labels), len(seen)) == (count, 1)
