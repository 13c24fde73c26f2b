"""The staff pages of quotes, the ledger and payments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.shared.access import EVERYTHING
from stb_service.subscribers.queries import account_by_uid
from tests.conftest import csrf_of
from tests.firmware.world import listening
from tests.stb_service.billing.conftest import TOTAL, Till

COLUMNS = ("kind", "description", "quantity", "unit", "tax")


def lines(*rows: tuple[str, ...]) -> dict[str, Any]:
    filled = [*rows, ("labour", "", "", "", "")]
    return {f"line_{name}": [row[n] for row in filled] for n, name in enumerate(COLUMNS)}


def send(browser: FlaskClient, page: str, path: str | None = None, **form: Any) -> Any:
    """Post a form with the token of a page."""
    token = csrf_of(browser.get(page).text)
    return browser.post(path or page, data={"csrf_token": token, **form})


def test_a_quote_is_begun_and_sent_by_its_pages(one: Till, client: FlaskClient) -> None:
    account = one.account()
    made = send(
        client,
        "/quotes/new",
        account=account.number.lower(),
        title="Repair <b>",
        discount="1,00",
        **lines(("labour", "Work", "1,5", "40.00", "19"), ("part", "Fan", "", "9.99", "8.875")),
    )
    page = client.get(made.location).text
    sent = send(client, made.location, f"{made.location}/send")
    after = client.get(made.location).text

    assert made.status_code == 303
    assert "Repair &lt;b&gt;" in page
    assert ">1.5<" in page
    assert "8.875 %" in page
    assert "€81.10" in page
    assert "It has not moved yet." in page
    assert sent.status_code == 303
    assert "The customer&#39;s link" in after or "The customer's link" in after


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"account": "A-999999"}, "There is no such account."),
        ({"line_unit": ["1,234.5", ""]}, "Line 1: "),
        ({"line_quantity": ["0", ""]}, "Line 1 cannot be counted."),
        ({"line_tax": ["many", ""]}, "Line 1 needs a description"),
        ({"line_kind": ["bribe", "labour"]}, "Line 1 cannot be counted."),
        ({"discount": "99"}, "The discount is above the sum of the lines."),
        ({"valid_until_on": "2020-01-01"}, "This day is over."),
        ({"title": ""}, "Missing data for required field."),
    ],
)
def test_a_refused_form_keeps_what_was_typed(
    one: Till, client: FlaskClient, change: dict[str, Any], words: str
) -> None:
    form: dict[str, Any] = {
        "account": one.account().number,
        "title": "Repair",
        "notes": "Typed before",
        **lines(("labour", "Work as typed", "1", "40.00", "19")),
        **change,
    }
    answer = send(client, "/quotes/new", **form)

    assert answer.status_code in {409, 422}
    assert words in answer.text
    assert "Work as typed" in answer.text
    assert "Typed before" in answer.text


@pytest.mark.parametrize(
    "form", [{}, {"line_kind": "labour"}, {"line_description": ["a", "b"], "line_unit": "1"}]
)
def test_a_form_that_lacks_columns_is_refused_and_shown(
    one: Till, client: FlaskClient, form: dict[str, Any]
) -> None:
    assert send(client, "/quotes/new", **form).status_code == 422


def test_a_draft_is_changed_and_a_sent_quote_is_not(one: Till, client: FlaskClient) -> None:
    quote = one.draft()
    path = f"/quotes/{quote.public_id}"
    form: dict[str, Any] = {"title": "Other", **lines(("labour", "Work", "1", "1", "0"))}
    changed = send(client, f"{path}/edit", **form)
    one.move("send", quote)
    refused = send(client, f"{path}/edit", **form)

    assert (changed.status_code, one.read(quote).total_minor) == (303, 100)
    assert refused.status_code == 409
    assert "What was sent is never changed" in refused.text


@pytest.mark.parametrize(
    ("verb", "form", "state"),
    [
        ("accept", {"note": "by phone", "edition": "1"}, "accepted"),
        ("decline", {"note": "too dear"}, "declined"),
        ("withdraw", {"reason": "no parts"}, "withdrawn"),
        ("extend", {"valid_until_on": "2099-01-01"}, "sent"),
        ("accept", {"note": ""}, "sent"),
    ],
)
def test_buttons_move_a_quote_or_say_why_not(
    one: Till, client: FlaskClient, verb: str, form: dict[str, str], state: str
) -> None:
    quote = one.sent(now=_now())
    path = f"/quotes/{quote.public_id}"
    answer = send(client, path, f"{path}/{verb}", **form)

    assert answer.status_code == 303
    assert one.read(quote).state == state
    assert client.get(path).status_code == 200


def _now() -> Any:
    from stb_service.shared.clock import utc_now

    return utc_now()


def test_a_quote_is_replaced_from_its_page(one: Till, client: FlaskClient) -> None:
    quote = one.sent(now=_now())
    path = f"/quotes/{quote.public_id}"
    answer = send(client, path, f"{path}/revise")
    draft = answer.location.removesuffix("/edit")
    send(client, draft, f"{draft}/send")

    assert one.read(quote).state == "superseded"
    assert "Followed by" in client.get(path).text
    assert "Takes the place of" in client.get(draft).text


def test_a_payment_is_recorded_and_given_back(one: Till, client: FlaskClient) -> None:
    quote = one.accepted()
    form = f"/accounts/{quote.account.public_id}/payments/new?quote={quote.number}"
    page = client.get(form).text
    more = send(client, form, amount="200", method="cash", quote=quote.number, key="k")
    paid = send(client, form, amount="101,14", method="cash", quote=quote.number, key="k")
    twice = send(client, form, amount="101,14", method="cash", quote="", key="k")
    given = send(client, f"{paid.location}/refund", amount="1", reason="late", key="k")
    shown = client.get(paid.location).text

    assert 'value="101.14"' in page
    assert (more.status_code, "Only €101.14 is due" in more.text) == (409, True)
    assert 'value="200"' in more.text
    assert (paid.status_code, twice.status_code, given.status_code) == (303, 409, 303)
    assert "€100.14" in shown
    assert one.balance(quote.account) == 100


def test_the_ledger_shows_balance_and_entries(one: Till, client: FlaskClient) -> None:
    quote = one.accepted()
    path = f"/accounts/{quote.account.public_id}/ledger"
    charged = send(
        client, f"{path}/charge", cause="handling_fee", amount="10", tax="19", reason="nff", key="k"
    )
    credited = send(client, f"{path}/credit", cause="goodwill", amount="1", reason="sorry", key="k")
    refused = send(client, f"{path}/charge", cause="handling_fee", amount="x", reason="y", key="l")
    page = client.get(path).text

    assert (charged.status_code, credited.status_code, refused.status_code) == (303, 303, 422)
    assert "owes €112.04" in page
    assert "Handling fee" in page
    assert one.balance(quote.account) == TOTAL + 1_190 - 100


def test_the_accounts_page_tells_of_its_money(one: Till, client: FlaskClient) -> None:
    quote = one.accepted()
    page = client.get(f"/accounts/{quote.account.public_id}").text

    assert quote.number in page
    assert "€101.14" in page
    assert f"Quote {quote.number} was accepted" in page


def test_the_search_box_finds_a_quote_by_its_number(one: Till, client: FlaskClient) -> None:
    quote = one.draft()

    assert f"/quotes/{quote.public_id}" in client.get("/search?q=q-1").text


def test_lists_are_narrowed_by_the_address(one: Till, client: FlaskClient) -> None:
    quote = one.accepted()
    one.pay(quote)
    one.draft(subject=("", "", ""))

    drafts = client.get("/quotes?state=draft").text
    payments = client.get(f"/payments?account={quote.account.number}&state=succeeded").text
    odd = client.get("/quotes?state=nonsense&cursor=")

    assert "Q-000002" in drafts
    assert "Q-000001" not in drafts
    assert "€101.14" in payments
    assert odd.status_code == 200
    assert "No quote matches" in client.get("/quotes?text=none").text
    assert "No payment matches" in client.get("/payments?text=none").text


@pytest.mark.parametrize("path", ["/quotes", "/payments"])
def test_a_list_costs_the_same_however_long(one: Till, client: FlaskClient, path: str) -> None:
    def count() -> int:
        asked: list[str] = []

        def note(*arguments: Any) -> None:
            asked.append(arguments[2])

        with listening(one.db, "after_cursor_execute", note):
            assert client.get(path).status_code == 200
        return len(asked)

    one.pay(one.accepted())
    client.get(path)
    few = count()
    for number in range(5):
        one.pay(one.accepted(subject=("a", str(number), "")))

    assert count() == few


def test_a_holder_is_erased_once_the_account_is_settled(one: Till, client: FlaskClient) -> None:
    quote = one.accepted()
    account = one.ask(account_by_uid, quote.account.public_id, EVERYTHING)
    path = f"/accounts/{account.public_id}/people/{account.people[0].public_id}"
    before = client.get(f"{path}/data").text
    one.pay(quote)
    after = client.get(f"{path}/data").text

    assert "The account is not settled." in before
    assert "The account is not settled." not in after
    assert quote.number in after


def test_a_dealers_person_is_offered_no_credit(
    one: Till, people: Any, sign_in: Callable[[str], FlaskClient]
) -> None:
    people.person("agent", "north", username="nora")
    browser = sign_in("nora")
    account = one.account(dealer="north")
    page = browser.get(f"/accounts/{account.public_id}/ledger").text

    assert "/ledger/charge" in page
    assert "/ledger/credit" not in page
