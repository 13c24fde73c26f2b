"""What stands behind a customer's link is in the customer's language, whatever becomes of it."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient

from stb_service.billing.models import Quote
from stb_service.billing.rules import LINK_DAYS_AFTER, Line
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, direction
from stb_service.shared.settings import Settings
from stb_service.shared.speech import speech
from tests.conftest import NOW, csrf_of
from tests.stb_service.billing.conftest import Till
from tests.stb_service.languages import english_in, seen

LINES = (Line("part", "12345", 1_500, 4_000, 190_000), Line("part", "67890", 1_000, 2_499, 81_250))
TOTAL = 6_000 + 1_140 + 2_499 + 203


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(STB_PAYMENT_PROVIDER="test", STB_PAYMENT_SECRETS="bank=" + "s" * 20)


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


class Customer:
    """A customer of some language, who opens links in a browser that asks for English."""

    def __init__(self, till: Till, browser: FlaskClient, link: Callable[[Quote], str]) -> None:
        self.till, self._browser, self._link = till, browser, link
        self.pages: dict[str, str] = {}

    def quote(self, language: str, **fields: Any) -> Quote:
        account = self.till.account("1", language=language)
        return self.till.sent(account, title="1", lines=LINES, subject=("", "", ""), **fields)

    def path(self, quote: Quote) -> str:
        return self._link(self.till.read(quote))

    def get(self, name: str, path: str, status: int = 200) -> str:
        answer = self._browser.get(path, headers={"Accept-Language": "en"})
        assert answer.status_code == status, name
        self.pages[name] = answer.text
        return answer.text

    def post(self, path: str, shown: str, **form: str) -> str:
        """Send the form of a page; return where it leads."""
        sent = {"csrf_token": csrf_of(shown), **form}
        answer = self._browser.post(path, data=sent, headers={"Accept-Language": "en"})
        assert answer.status_code == 303
        return str(answer.location).removeprefix("http://localhost:8000")


@pytest.fixture
def customer(one: Till, app: Any, anonymous: FlaskClient) -> Customer:
    from stb_service.billing.addresses import link_of

    def link(quote: Quote) -> str:
        with app.test_request_context():
            found = link_of(quote)
        assert found is not None
        return found.removeprefix("http://localhost:8000")

    return Customer(one, anonymous, link)


def buys(customer: Customer, language: str) -> None:
    """Read a quote, accept it, fail to pay, and pay."""
    quote = customer.quote(language)
    path = customer.path(quote)
    customer.get("open", path)
    question = customer.get("accept?", f"{path}/accept")
    customer.get("decline?", f"{path}/decline")
    customer.post(f"{path}/accept", question)
    shown = customer.get("accepted", path)
    bank = customer.post(f"{path}/pay", shown)
    checkout = customer.get("bank", bank)
    customer.get("payment failed", customer.post(bank, checkout, fail="1"))
    bank = customer.post(f"{path}/pay", shown)
    customer.get("paid", customer.post(bank, checkout, pay="1"))
    customer.get("bank, done", bank)
    customer.get("nothing due", customer.post(f"{path}/pay", shown))
    customer.get("accepted before", customer.post(f"{path}/accept", question))


def answers_too_late(customer: Customer, language: str) -> None:
    """Open quotes that were declined, withdrawn, replaced, changed, over; and links of none."""
    for end in ("decline", "withdraw"):
        quote = customer.quote(language)
        path = customer.path(quote)
        shown = customer.get("accept?", f"{path}/accept")
        customer.till.move(end, quote)
        customer.get(end, path)
        customer.get(f"accept after {end}", customer.post(f"{path}/accept", shown))
    quote = customer.quote(language)
    path = customer.path(quote)
    customer.till.move("extend", quote, valid_until_on=NOW.date() + timedelta(30))
    customer.get("changed", path)
    customer.get("accept what changed", customer.post(f"{path}/accept", shown))
    path = customer.path(quote)
    customer.till.move("send", customer.till.move("revise", quote))
    customer.get("replaced", path)
    customer.get("accept what is replaced", customer.post(f"{path}/accept", shown))
    path = customer.path(customer.quote(language, valid_until_on=NOW.date()))
    with time_machine.travel(NOW + timedelta(3), tick=False):
        customer.get("over", path)
        customer.get("accept after its end", customer.post(f"{path}/accept", shown))
    with time_machine.travel(NOW + timedelta(LINK_DAYS_AFTER + 3), tick=False):
        customer.get("link ended", path, 404)


@pytest.mark.parametrize("play", [buys, answers_too_late])
@pytest.mark.parametrize("language", [code for code in CUSTOMER_LANGUAGES if code != "en"])
def test_no_page_behind_a_link_is_left_in_english(
    customer: Customer, language: str, play: Callable[[Customer, str], None]
) -> None:
    play(customer, language)

    left = {name: english_in(page, language) for name, page in customer.pages.items()}
    assert {name: words for name, words in left.items() if words} == {}
    opening = f'<html lang="{language}" dir="{direction(language)}"'
    assert {name for name, page in customer.pages.items() if opening not in page} == set()


@pytest.mark.parametrize("language", list(CUSTOMER_LANGUAGES))
def test_money_days_and_rates_are_written_as_the_language_does(
    customer: Customer, language: str
) -> None:
    quote = customer.quote(language)
    page, said = customer.get("open", customer.path(quote)), speech(language)

    text = html.unescape(page)
    assert said.money(TOTAL, "EUR") in text
    assert said.day(quote.valid_until_on) in text
    assert said.rate(81_250) in text


@pytest.mark.parametrize("language", ["ar", "el", "hi", "vi"])
def test_a_link_that_nobody_signed_is_refused_in_the_language_of_the_browser(
    anonymous: FlaskClient, language: str
) -> None:
    answer = anonymous.get("/q/x.y", headers={"Accept-Language": f"{language}, en;q=0.5"})
    words = seen(answer.text)

    assert answer.status_code == 404
    assert f'<html lang="{language}"' in answer.text
    assert "Ask us" not in words
    assert "link" not in words.lower()


def test_a_form_without_its_token_is_refused_in_the_customers_words(
    customer: Customer, anonymous: FlaskClient
) -> None:
    path = customer.path(customer.quote("el"))
    answer = anonymous.post(f"{path}/accept", headers={"Accept-Language": "el"})

    assert answer.status_code == 400
    assert english_in(answer.text, "el") == []
