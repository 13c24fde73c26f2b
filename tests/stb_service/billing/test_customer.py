"""What a customer does behind a link, without signing in, and what providers tell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient

from stb_service.billing.addresses import link_of
from stb_service.billing.links import Purpose, sign_link
from stb_service.billing.models import Payment, Quote
from stb_service.billing.notices import signature
from stb_service.shared.settings import Settings
from tests.conftest import NOW, csrf_of
from tests.stb_service.billing.conftest import CASE, TOTAL, Till

SECRET, FORMER = "s" * 20, "f" * 20


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(
        STB_PAYMENT_PROVIDER="test", STB_PAYMENT_SECRETS=f"bank={FORMER},bank={SECRET}"
    )


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def link(app: Any) -> Callable[[Quote], str]:
    def make(quote: Quote) -> str:
        with app.test_request_context():
            found = link_of(quote)
        assert found is not None
        return found.removeprefix("http://localhost:8000")

    return make


def post(browser: FlaskClient, path: str, **form: str) -> Any:
    """Post the form of a page."""
    page = browser.get(path.removesuffix("/pay"))
    return browser.post(path, data={"csrf_token": csrf_of(page.text), **form})


def test_what_a_quote_is_about_is_not_said_twice_where_it_is_its_title(
    one: Till, client: FlaskClient, anonymous: FlaskClient, link: Callable[[Quote], str]
) -> None:
    called = "R-000002"
    other = anonymous.get(link(one.sent())).text
    same = one.sent(title=called, subject=("rma_case", "case-2", called))

    assert f'<bdi class="text-secondary">{CASE[2]}</bdi>' in other
    assert f'<bdi class="text-secondary">{called}</bdi>' not in anonymous.get(link(same)).text
    assert client.get("/quotes").text.count(called) == 1


def test_a_customer_reads_accepts_and_pays(
    one: Till, anonymous: FlaskClient, link: Callable[[Quote], str]
) -> None:
    quote = one.sent()
    path = link(quote)
    shown = anonymous.get(path)
    asked = anonymous.get(f"{path}/accept")
    accepted = post(anonymous, f"{path}/accept")
    began = post(anonymous, f"{path}/pay")
    bank = anonymous.get(began.location)
    paid = post(anonymous, began.location, pay="1")
    after = anonymous.get(path)

    assert "€101.14" in shown.text
    assert "noindex" in shown.headers["X-Robots-Tag"]
    assert "Yes, I accept" in asked.text
    assert (accepted.status_code, began.status_code, paid.status_code) == (303, 303, 303)
    assert "No money is real" in bank.text
    assert "accepted and paid" in after.text
    assert (one.read(quote).state, one.balance(quote.account)) == ("accepted", 0)


def test_looking_at_a_link_accepts_nothing(
    one: Till, anonymous: FlaskClient, link: Callable[[Quote], str]
) -> None:
    quote = one.sent()
    for ending in ("", "/accept", "/decline"):
        assert anonymous.get(link(quote) + ending).status_code == 200

    assert one.read(quote).state == "sent"


def test_a_customer_declines(
    one: Till, anonymous: FlaskClient, link: Callable[[Quote], str]
) -> None:
    quote = one.sent()
    post(anonymous, f"{link(quote)}/decline")

    assert one.read(quote).state == "declined"
    assert "You have declined" in anonymous.get(link(quote)).text


def test_a_link_of_an_older_edition_accepts_nothing(
    one: Till, anonymous: FlaskClient, link: Callable[[Quote], str]
) -> None:
    quote = one.sent()
    old = link(quote)
    page = anonymous.get(f"{old}/accept")
    extended = one.move("extend", quote, valid_until_on=NOW.date() + timedelta(30))
    answer = anonymous.post(f"{old}/accept", data={"csrf_token": csrf_of(page.text)})
    shown = anonymous.get(old)

    assert (answer.status_code, one.read(quote).state) == (303, "sent")
    assert "was changed after this link was made" in shown.text
    assert "Accept …" not in shown.text
    assert "Accept …" in anonymous.get(link(extended)).text


def test_the_last_day_is_over_at_midnight(
    one: Till, anonymous: FlaskClient, link: Callable[[Quote], str]
) -> None:
    quote = one.sent(valid_until_on=NOW.date())
    path = link(quote)
    page = anonymous.get(f"{path}/accept")
    with time_machine.travel(datetime(2026, 3, 3, tzinfo=UTC), tick=False):
        post_late = anonymous.post(f"{path}/accept", data={"csrf_token": csrf_of(page.text)})
        shown = anonymous.get(path)

    assert (post_late.status_code, one.read(quote).state) == (303, "sent")
    assert "The last day of this quote is over" in shown.text


def test_a_superseded_quote_says_so(
    one: Till, anonymous: FlaskClient, link: Callable[[Quote], str]
) -> None:
    quote = one.sent()
    path = link(quote)
    one.move("send", one.move("revise", quote))

    assert "has taken the place" in anonymous.get(path).text
    assert anonymous.get(f"{path}/accept").status_code == 303


def test_a_form_without_its_token_is_refused(
    one: Till, anonymous: FlaskClient, link: Callable[[Quote], str]
) -> None:
    quote = one.sent()

    assert anonymous.post(f"{link(quote)}/accept").status_code == 400
    assert one.read(quote).state == "sent"


@pytest.mark.parametrize("word", ["x", "a.b", "%00", "\N{SNOWMAN}"])
def test_a_forged_link_is_not_found(one: Till, anonymous: FlaskClient, word: str) -> None:
    assert anonymous.get(f"/q/{word}").status_code == 404
    assert anonymous.get(f"/pay/test/{word}").status_code == 404


def test_a_link_for_something_else_opens_no_quote(
    one: Till, anonymous: FlaskClient, settings: Settings
) -> None:
    word = sign_link(
        Purpose.CHECKOUT,
        [one.sent().public_id, 1],
        until=NOW + timedelta(1),
        keys=[settings.secret_key],
    )

    assert anonymous.get(f"/q/{word}").status_code == 404


def test_the_page_is_in_the_customers_language(
    one: Till, anonymous: FlaskClient, link: Callable[[Quote], str]
) -> None:
    quote = one.sent(one.account(language="ar"))

    page = anonymous.get(link(quote), headers={"Accept-Language": "en"}).text

    assert '<html lang="ar" dir="rtl"' in page


def test_without_a_provider_nothing_is_paid_here(
    one: Till,
    app: Any,
    anonymous: FlaskClient,
    link: Callable[[Quote], str],
    make_settings: Callable[..., Settings],
) -> None:
    quote = one.accepted()
    path = link(quote)
    app.extensions["stb"].settings = make_settings()
    page = anonymous.get(path)
    token = page.text.partition('name="csrf-token" content="')[2].partition('"')[0]
    answer = anonymous.post(f"{path}/pay", headers={"X-CSRFToken": token})

    assert "bank transfer" in page.text
    assert answer.status_code == 404


def test_a_payment_that_failed_can_be_tried_again(
    one: Till, anonymous: FlaskClient, link: Callable[[Quote], str]
) -> None:
    quote = one.accepted()
    path = link(quote)
    checkout = post(anonymous, f"{path}/pay").location
    post(anonymous, checkout, fail="1")
    first = one.balance(quote.account)
    post(anonymous, post(anonymous, f"{path}/pay").location, pay="1")

    assert (first, one.balance(quote.account)) == (TOTAL, 0)


def test_the_address_of_a_link_does_not_stand_in_the_log(
    one: Till, anonymous: FlaskClient, link: Callable[[Quote], str], capsys: Any
) -> None:
    path = link(one.sent())
    anonymous.get(path)

    assert path.removeprefix("/q/") not in capsys.readouterr().out


# notices


class Bank:
    """A provider that sends notices to the API."""

    def __init__(self, browser: FlaskClient) -> None:
        self._browser = browser

    def tell(
        self, *, secret: str = SECRET, at: datetime = NOW, body: bytes | None = None, **said: Any
    ) -> Any:
        notice = {
            "event_id": "e1",
            "kind": "succeeded",
            "payment": "p1",
            "amount_minor": TOTAL,
            "currency": "EUR",
        }
        data = json.dumps({**notice, **said}).encode() if body is None else body
        return self._browser.post(
            "/api/v1/payments/notices/bank",
            data=data,
            content_type="application/json",
            headers={"STB-Signature": signature(data, at=at, secret=secret)},
        )


@pytest.fixture
def bank(anonymous: FlaskClient) -> Bank:
    return Bank(anonymous)


def test_a_notice_pays_a_quote_once(one: Till, bank: Bank) -> None:
    quote = one.accepted()
    first = bank.tell(quote=quote.number)
    again = bank.tell(quote=quote.number)

    assert (first.status_code, first.json["outcome"]) == (200, "counted")
    assert (again.status_code, again.json["outcome"]) == (200, "repeated")
    assert one.balance(quote.account) == 0


def test_the_same_payment_told_by_another_event_counts_once(one: Till, bank: Bank) -> None:
    quote = one.accepted()
    outcomes = [
        bank.tell(quote=quote.number, event_id=event_id).json["outcome"]
        for event_id in ("e1", "e2")
    ]

    assert outcomes == ["counted", "repeated"]
    assert one.balance(quote.account) == 0


def test_an_event_id_with_another_body_is_refused(one: Till, bank: Bank) -> None:
    quote = one.accepted()
    bank.tell(quote=quote.number)
    other = bank.tell(quote=quote.number, amount_minor=1)

    assert (other.status_code, other.json["type"]) == (409, "urn:stb:problem:event-reused")


def test_a_former_secret_is_accepted(one: Till, bank: Bank) -> None:
    assert bank.tell(quote=one.accepted().number, secret=FORMER).status_code == 200


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"secret": "x" * 20}, 401),
        ({"at": NOW - timedelta(seconds=301)}, 401),
        ({"at": NOW + timedelta(seconds=301)}, 401),
        ({"body": b"{"}, 400),
        ({"body": b"[]"}, 422),
        ({"body": b"{}"}, 422),
        ({"amount_minor": 0}, 422),
        ({"amount_minor": 1.5}, 422),
        ({"currency": "DEM"}, 422),
        ({"kind": "stolen"}, 422),
        ({"quote": "Q-999999"}, 404),
        ({"quote": ""}, 404),
    ],
)
def test_a_notice_that_cannot_be_believed_is_refused(
    one: Till, bank: Bank, said: dict[str, Any], status: int
) -> None:
    quote = one.accepted()
    answer = bank.tell(**{"quote": quote.number, **said})

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert one.balance(quote.account) == TOTAL


def test_a_provider_without_a_secret_is_never_believed(one: Till, anonymous: FlaskClient) -> None:
    body = b"{}"
    answer = anonymous.post(
        "/api/v1/payments/notices/other",
        data=body,
        content_type="application/json",
        headers={"STB-Signature": signature(body, at=NOW, secret="")},
    )

    assert answer.status_code == 401


def test_what_is_paid_above_the_quote_is_credit(one: Till, bank: Bank) -> None:
    quote = one.accepted()
    bank.tell(quote=quote.number, amount_minor=TOTAL + 500)

    assert (one.outstanding(quote), one.balance(quote.account)) == (0, -500)


def test_money_that_comes_after_the_quote_expired_is_credit(one: Till, bank: Bank) -> None:
    quote = one.move("decline", one.sent())
    told = bank.tell(quote=quote.number)

    assert told.json["outcome"] == "counted"
    assert one.balance(quote.account) == -TOTAL


def test_money_in_another_currency_is_held_and_stands_in_no_ledger(
    one: Till, bank: Bank, client: FlaskClient
) -> None:
    quote = one.accepted()
    told = bank.tell(quote=quote.number, currency="USD")
    path = f"/payments/{told.json['payment']}"
    page = client.get(path)
    returned = client.post(
        f"{path}/return", data={"csrf_token": csrf_of(page.text), "reason": "sent back"}
    )

    assert told.json["outcome"] == "held"
    assert "Held for review" in page.text
    assert returned.status_code == 303
    assert "Returned" in client.get(path).text
    assert one.balance(quote.account) == TOTAL


def test_a_success_may_overtake_a_failure_but_is_never_taken_back(one: Till, bank: Bank) -> None:
    quote = one.accepted()
    said = [
        bank.tell(quote=quote.number, event_id=event_id, kind=kind).json["outcome"]
        for event_id, kind in (("e1", "failed"), ("e2", "succeeded"), ("e3", "failed"))
    ]

    assert said == ["failed", "counted", "repeated"]
    assert one.ask(lambda s: s.query(Payment).one()).state == "succeeded"


def test_the_link_of_a_page_is_whole(
    one: Till, client: FlaskClient, link: Callable[[Quote], str]
) -> None:
    quote = one.sent()
    page = client.get(f"/quotes/{quote.public_id}").text

    assert re.search(r'href="http://localhost:8000/q/[\w.\-]+"', page)
