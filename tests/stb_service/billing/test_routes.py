"""The API of quotes, the ledger and payments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.stb_service.billing.conftest import CASE, TOTAL, Till

LINE = {"kind": "labour", "description": "Repair", "unit_minor": 1_000, "tax_ppm": 190_000}


def new(till: Till, **fields: Any) -> dict[str, Any]:
    return {
        "account": till.account().public_id,
        "title": "Repair",
        "lines": [LINE],
        "subject": {"kind": CASE[0], "ref": CASE[1], "label": CASE[2]},
        **fields,
    }


def test_a_quote_is_made_changed_sent_and_paid(api: Any, one: Till) -> None:
    made = api("POST", "/quotes", json=new(one))
    path = f"/quotes/{made.json['id']}"
    changed = api("PATCH", path, json={"discount_minor": 500, "valid_until_on": "2099-01-01"})
    shorter = api("PATCH", path, json={"discount_minor": 500})
    sent = api("POST", f"{path}/send")
    accepted = api("POST", f"{path}/accept", json={"note": "by phone", "edition": 2})
    paid = api(
        "POST",
        "/payments",
        json={
            "quote": made.json["number"],
            "amount_minor": 595,
            "currency": "EUR",
            "method": "card",
        },
    )
    read = api("GET", path).json

    assert (made.status_code, made.json["total_minor"], made.json["link"]) == (201, 1_190, None)
    assert (changed.status_code, list(changed.json["errors"])) == (422, ["valid_until_on"])
    assert (shorter.json["total_minor"], shorter.json["edition"]) == (595, 2)
    assert (sent.status_code, "/q/" in sent.json["link"]) == (200, True)
    assert (accepted.status_code, accepted.json["outstanding_minor"]) == (200, 595)
    assert (paid.status_code, paid.json["left_minor"]) == (201, 595)
    assert (read["paid_minor"], read["outstanding_minor"]) == (595, 0)
    assert [move["to_state"] for move in read["moves"]] == ["accepted", "sent"]
    assert read["next_states"] == []


def test_a_refused_move_is_a_problem_with_its_obstacles(api: Any, one: Till) -> None:
    made = api("POST", "/quotes", json=new(one, lines=[]))
    refused = api("POST", f"/quotes/{made.json['id']}/send")

    assert (refused.status_code, refused.mimetype) == (409, "application/problem+json")
    assert [o["code"] for o in refused.json["obstacles"]] == ["no-lines"]


def test_a_change_needs_the_version_that_was_read(api: Any, one: Till) -> None:
    made = api("POST", "/quotes", json=new(one))
    path, tag = f"/quotes/{made.json['id']}", made.headers["ETag"]

    first = api("PATCH", path, json={"title": "A"}, headers={"If-Match": tag})
    second = api("POST", f"{path}/send", headers={"If-Match": tag})

    assert (first.status_code, second.status_code) == (200, 412)


def test_a_post_with_the_same_key_is_carried_out_once(api: Any, one: Till) -> None:
    body = new(one)
    answers = [
        api("POST", "/quotes", json=body, headers={"Idempotency-Key": "k1"}) for _ in range(2)
    ]

    assert answers[0].json["id"] == answers[1].json["id"]


@pytest.mark.parametrize(
    "body",
    [
        {"lines": [{**LINE, "unit_minor": "1000"}]},
        {"lines": [{**LINE, "unit_minor": 1.5}]},
        {"lines": [{**LINE, "unit_minor": -1}]},
        {"lines": [{**LINE, "kind": "bribe"}]},
        {"lines": [{**LINE, "quantity_milli": 0}]},
        {"lines": [{**LINE, "tax_ppm": 1_000_001}]},
        {"lines": [{**LINE, "description": "\x00"}]},
        {"lines": "none"},
        {"discount_minor": 10**13},
        {"discount_minor": 1_001},
        {"valid_until_on": "2026-02-30"},
        {"title": ""},
        {"total_minor": 1},
        {"subject": {"kind": "x"}},
    ],
)
def test_a_quote_that_cannot_be_is_refused(api: Any, one: Till, body: dict[str, Any]) -> None:
    assert api("POST", "/quotes", json=new(one, **body)).status_code == 422


def test_quotes_are_found_by_number_state_account_and_subject(api: Any, one: Till) -> None:
    quote = one.sent()
    one.draft(subject=("", "", ""))
    number = quote.account.number

    for query in (
        "text=q-1",
        "state=sent",
        f"account={number}",
        f"subject_kind={CASE[0]}&subject_ref={CASE[1]}",
        f"text={CASE[2]}",
    ):
        items = api("GET", f"/quotes?{query}").json["items"]
        assert [row["number"] for row in items] == [quote.number], query
    assert api("GET", "/quotes?account=A-999999").json["items"] == []
    assert api("GET", "/quotes?state=lost").status_code == 422
    first = api("GET", "/quotes?limit=1").json
    second = api("GET", f"/quotes?limit=1&cursor={first['next_cursor']}").json
    assert [first["items"][0]["number"], second["items"][0]["number"]] == ["Q-000002", "Q-000001"]


def test_an_account_is_charged_credited_and_told(api: Any, one: Till) -> None:
    path = f"/accounts/{one.account().public_id}"
    fee = {"cause": "damage_fee", "net_minor": 1_000, "tax_ppm": 190_000, "currency": "EUR"}
    charged = api("POST", f"{path}/charges", json={**fee, "key": "k1"})
    again = api("POST", f"{path}/charges", json={**fee, "key": "k1"})
    credit = {"cause": "goodwill", "amount_minor": 190, "currency": "EUR", "key": "k1"}
    credited = api("POST", f"{path}/credits", json=credit)
    told = api("GET", f"{path}/ledger").json

    assert [a.status_code for a in (charged, again, credited)] == [201, 201, 201]
    assert told["balances"] == [{"minor": 1_000, "currency": "EUR"}]
    assert [row["kind"] for row in told["items"]] == ["credit", "charge"]
    assert api("POST", f"{path}/charges", json={**fee, "key": "k2", "currency": "USD"}).json[
        "errors"
    ] == {"currency": ["The account is kept in EUR."]}


def test_a_payment_is_given_back_once(api: Any, one: Till) -> None:
    payment = one.pay(one.accepted())
    path = f"/payments/{payment.public_id}"
    body = {"amount_minor": 100, "key": "k1", "reason": "late"}
    first, second = (api("POST", f"{path}/refunds", json=body) for _ in range(2))
    refused = api("POST", f"{path}/refunds", json={"amount_minor": TOTAL, "key": "k2"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert api("GET", path).json["left_minor"] == TOTAL - 100
    assert [o["code"] for o in refused.json["obstacles"]] == ["above-paid"]


@pytest.mark.parametrize("body", [{}, {"quote": "Q-000001", "account": "x"}])
def test_a_payment_is_for_a_quote_or_for_an_account(
    api: Any, one: Till, body: dict[str, Any]
) -> None:
    given = {"amount_minor": 1, "currency": "EUR", "method": "cash"}

    assert api("POST", "/payments", json={**given, **body}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/quotes/{quote}", None),
        ("PATCH", "/quotes/{quote}", {"title": "x"}),
        ("POST", "/quotes/{quote}/send", None),
        ("POST", "/quotes/{quote}/accept", {"note": "x"}),
        ("POST", "/quotes/{quote}/decline", {"note": "x"}),
        ("POST", "/quotes/{quote}/withdraw", {}),
        ("POST", "/quotes/{quote}/extend", {"valid_until_on": "2026-03-09"}),
        ("POST", "/quotes/{quote}/revise", None),
        ("GET", "/payments/{payment}", None),
        ("POST", "/payments/{payment}/refunds", {"amount_minor": 1, "key": "k"}),
        ("POST", "/payments/{payment}/return", {"reason": "x"}),
        ("GET", "/accounts/{account}/ledger", None),
    ],
)
def test_a_dealer_meets_nothing_of_anothers_account(
    api_as: Callable[..., Any], one: Till, method: str, path: str, body: Any
) -> None:
    quote = one.accepted(one.account(dealer="south"))
    payment = one.pay(quote)
    north = api_as("agent", "north")
    names = {
        "quote": quote.public_id,
        "payment": payment.public_id,
        "account": quote.account.public_id,
    }

    assert north(method, path.format(**names), json=body).status_code == 404
    assert north("GET", "/quotes").json["items"] == []
    assert north("GET", "/payments").json["items"] == []


def test_a_viewer_sees_and_changes_nothing(api_as: Callable[..., Any], one: Till) -> None:
    quote = one.draft()
    viewer = api_as("viewer")

    assert viewer("GET", f"/quotes/{quote.public_id}").status_code == 200
    assert viewer("POST", f"/quotes/{quote.public_id}/send").status_code == 403
