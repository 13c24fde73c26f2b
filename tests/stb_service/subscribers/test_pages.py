"""The pages of accounts in the whole app, and how many queries they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.shared.access import EVERYTHING
from stb_service.subscribers import operations, queries
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import AccountFilter
from tests.conftest import People, csrf_of
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.subscribers.conftest import Desk

PHONE = "+49301234567"


@pytest.fixture
def shop(client: FlaskClient, one: Desk) -> Desk:
    """Accounts behind the app that `client` has signed in to."""
    return one


@pytest.fixture
def ada(shop: Desk) -> Account:
    return shop.open(phones=[PHONE], emails=["ada@example.org"])


def post(client: FlaskClient, path: str, **data: Any) -> Any:
    """Send a form the way a browser does that has opened a page."""
    token = csrf_of(client.get("/accounts/new").text)
    return client.post(path, data={"csrf_token": token, **data})


def test_an_account_opened_by_the_form_is_on_its_page(client: FlaskClient, shop: Desk) -> None:
    answer = post(
        client,
        "/accounts/new",
        kind="person",
        name="Ada Lovelace",
        currency="eur",
        credit_days="0",
        phones="030 1234567\n\n+49 30 7654321",
    )

    assert answer.status_code == 303
    page = client.get(answer.headers["Location"]).text
    assert "A-000001" in page
    assert "Ada Lovelace" in page
    assert 'href="tel:0301234567"' in page
    assert 'href="tel:+49307654321"' in page
    assert "Opened by root.admin" in page


def test_a_refused_form_keeps_what_was_typed_and_tells_it_at_the_field(
    client: FlaskClient, shop: Desk
) -> None:
    answer = post(
        client, "/accounts/new", kind="person", name="Ada", currency="EUX", phones="by pigeon"
    )

    assert answer.status_code == 422
    assert "by pigeon" in answer.text
    assert 'value="EUX"' in answer.text
    assert 'id="field-currency-error"' in answer.text


def test_an_account_is_corrected_and_a_field_emptied(
    client: FlaskClient, shop: Desk, ada: Account
) -> None:
    shop.do(operations.change_account, uid=ada.public_id, external_id="crm-1", language="el")

    answer = post(
        client,
        f"/accounts/{ada.public_id}/edit",
        name="Augusta King",
        currency="GBP",
        credit_days="14",
        external_id="",
        language="",
        dealer="north",
    )

    after = shop.read(ada)
    assert answer.status_code == 303
    assert (after.name, after.currency, after.credit_days) == ("Augusta King", "GBP", 14)
    assert (after.external_id, after.language) == (None, None)
    assert after.dealer is not None


def test_a_person_is_added_and_corrected_by_the_forms(
    client: FlaskClient, shop: Desk, ada: Account
) -> None:
    base = f"/accounts/{ada.public_id}"

    post(client, f"{base}/people/new", name="Byron", phones="12345")
    person = shop.read(ada).people[1]
    form = client.get(f"{base}/people/{person.public_id}/edit").text
    post(client, f"{base}/people/{person.public_id}/edit", name="Byron", phones="", emails="b@c.de")

    after = shop.read(ada).people[1]
    assert "12345</textarea>" in form
    assert (after.phones, after.emails) == ([], ["b@c.de"])


def test_a_site_is_added_and_corrected_by_the_forms(
    client: FlaskClient, shop: Desk, ada: Account
) -> None:
    base = f"/accounts/{ada.public_id}"

    post(client, f"{base}/sites/new", name="Home", timezone="Asia/Kolkata", country="IN")
    site = shop.read(ada).sites[0]
    post(
        client,
        f"{base}/sites/{site.public_id}/edit",
        name="Shop",
        timezone="Asia/Kolkata",
        country="",
    )

    after = shop.read(ada).sites[0]
    assert (after.name, after.country) == ("Shop", "")
    assert "Asia/Kolkata" in client.get(base).text


def test_the_list_is_narrowed_by_its_address(client: FlaskClient, shop: Desk, ada: Account) -> None:
    shop.open("Seaview Hotels", kind="business", dealer="north")

    assert "Seaview" not in client.get("/accounts?text=1234567").text
    assert "Lovelace" not in client.get("/accounts?kind=business&dealer=north").text
    assert "No account matches" in client.get("/accounts?text=nobody").text
    assert "Lovelace" in client.get("/accounts?kind=robot").text


def test_an_empty_list_says_what_to_do_first(client: FlaskClient, shop: Desk) -> None:
    assert "No accounts yet" in client.get("/accounts").text


def test_a_viewer_sees_an_account_without_phones_and_streets(
    shop: Desk, ada: Account, people: People, sign_in: Callable[[str], FlaskClient]
) -> None:
    shop.do(operations.add_site, uid=ada.public_id, name="Home", street="12 Square", timezone="UTC")
    people.person("viewer", username="vic.viewer")
    viewer = sign_in("vic.viewer")

    page = viewer.get(f"/accounts/{ada.public_id}").text

    assert "Ada Lovelace" in page
    assert [word for word in (PHONE, "ada@example.org", "12 Square") if word in page] == []
    assert "Your role does not show phones" in page
    assert viewer.get(f"/accounts/{ada.public_id}/edit").status_code == 403


def test_a_firmware_managers_menu_has_no_accounts(
    shop: Desk, people: People, sign_in: Callable[[str], FlaskClient]
) -> None:
    people.person("firmware_manager", username="fred.firmware")

    browser = sign_in("fred.firmware")

    assert 'href="/accounts"' not in browser.get("/").text
    assert browser.get("/accounts").status_code == 403


def test_a_seller_is_told_why_it_may_not_correct_an_account(
    shop: Desk, people: People, sign_in: Callable[[str], FlaskClient]
) -> None:
    account = shop.open(dealer="south")
    shop.sold_to(account, "north")
    people.person("agent", "north", username="counter.north")

    page = sign_in("counter.north").get(f"/accounts/{account.public_id}").text

    assert "Another organisation brought this account." in page
    assert "South" not in page


@pytest.mark.parametrize("count", [1, 12])
def test_the_list_takes_one_query_however_long_it_is(one: Desk, count: int) -> None:
    for n in range(count):
        one.open(f"Person {n}", dealer="north")

    with statements(one.db) as seen:
        page = one.ask(queries.accounts_page, AccountFilter(text="pers"), EVERYTHING, personal=True)
        names = [row.dealer.name for row in page.rows]

    assert (len(names), len(seen)) == (count, 1)


@pytest.mark.parametrize("count", [1, 6])
def test_an_account_takes_four_queries_however_many_people_it_has(one: Desk, count: int) -> None:
    account = one.open()
    for n in range(count):
        one.do(operations.add_person, uid=account.public_id, name=f"P{n}", phones=["12345"])

    with statements(one.db) as seen:
        found = one.ask(queries.account_by_uid, account.public_id, EVERYTHING)
        phones = [person.phones for person in found.people]

    assert (len(phones), len(seen)) == (count + 1, 4)
