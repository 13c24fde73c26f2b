"""The quotes of a return are its own: billing's verbs make, change, send, answer and take back none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.billing.operations import withdraw_quote
from stb_service.billing.rules import Line
from stb_service.rma import quoting
from stb_service.rma.cases import CASE
from stb_service.rma.events import newest_quote
from stb_service.rma.keeping import why_quotes_kept
from stb_service.rma.queries import case_by_ref
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Refused
from stb_service.subscribers.operations import change_account
from tests.conftest import Api, csrf_of
from tests.stb_service.rma.conftest import OLD, TAX, House

LINE = Line("labour", "Repair", 1_000, 5_000, TAX)


def quote_of(house: House) -> str:
    """Return the newest quote of the case."""
    with house.db.read() as session:
        found = newest_quote(session, case_by_ref(session, house.ref, EVERYTHING))
        assert found is not None
        return found.quote.public_id


def state_of(house: House) -> str:
    """Return how the newest quote of the case is."""
    with house.db.read() as session:
        found = newest_quote(session, case_by_ref(session, house.ref, EVERYTHING))
        assert found is not None
        return str(found.quote.state)


@pytest.fixture
def quoting_case(one: House) -> House:
    """A return of a box out of warranty, with a draft of its quote."""
    device = one.customers_box(sold_on=OLD)
    one.open(device, "mainboard").received(device).judged().on_case("quote")
    one.say(quoting.quote_case, lines=[LINE], zone="UTC")
    return one


@pytest.fixture
def accepted(quoting_case: House) -> House:
    """The same, accepted and not paid."""
    quoting_case.beside(5_000)
    return quoting_case.on_case("send_quote").on_case("accept")


def test_an_accepted_quote_of_a_return_is_not_withdrawn_beside_it(accepted: House) -> None:
    with pytest.raises(Refused) as refusal:
        accepted.do(withdraw_quote, ref=quote_of(accepted), keepers=[why_quotes_kept])

    assert [obstacle.code for obstacle in refusal.value.obstacles] == ["in-return"]


@pytest.mark.parametrize("credit_days", [0, 30])
def test_nothing_is_released_or_begun_that_no_accepted_quote_stands_for(
    accepted: House, credit_days: int
) -> None:
    accepted.do(change_account, uid=accepted.home.public_id, credit_days=credit_days)
    if credit_days:
        accepted.on_case("release_repair").on_order("reserve")
    accepted.do(withdraw_quote, ref=quote_of(accepted))

    if credit_days:
        assert accepted.refused(ORDER, "begin") == ["quote_accepted"]
    else:
        assert accepted.refused(CASE, "release_repair") == ["quote_accepted"]


def test_a_paid_replacement_is_released_for_its_accepted_quote_alone(one: House) -> None:
    device = one.customers_box(sold_on=OLD)
    one.open(device, "mainboard").received(device).judged().quoted(9_900, remedy="replace")
    one.on_case("accept")
    one.do(withdraw_quote, ref=quote_of(one))

    assert "quote_accepted" in one.refused(CASE, "release_replacement")


def test_the_api_leaves_the_quotes_of_a_return_alone(quoting_case: House, api: Api) -> None:
    house = quoting_case
    path = f"/quotes/{quote_of(house)}"
    about = {"kind": "rma_case", "ref": house.case.public_id, "label": house.ref}
    line = {"kind": "labour", "description": "Cheap", "unit_minor": 1, "tax_ppm": 0}
    answers = [
        api(
            "POST",
            "/quotes",
            json={"account": house.home.public_id, "title": "A", "subject": about},
        ),
        api("PATCH", path, json={"lines": [line]}),
        api("POST", f"{path}/send"),
        api("POST", f"{path}/withdraw", json={"reason": "no"}),
    ]
    draft = api("GET", path).json
    house.beside(5_000).on_case("send_quote")
    answers += [
        api("POST", f"{path}/accept", json={"note": "by phone"}),
        api("POST", f"{path}/decline", json={"note": "by phone"}),
        api("POST", f"{path}/revise"),
    ]

    found = [(answer.status_code, answer.json["obstacles"][0]["code"]) for answer in answers]
    assert found == [(409, "in-return")] * 7
    assert draft["next_states"] == []
    assert state_of(house) == "sent"


def test_the_page_of_a_quote_says_whose_steps_move_it(accepted: House, client: FlaskClient) -> None:
    path = f"/quotes/{quote_of(accepted)}"
    page = client.get(path).text
    sent = client.post(f"{path}/withdraw", data={"csrf_token": csrf_of(page), "reason": "no"})
    after = client.get(path).text

    said = (
        f"Quotes of return {accepted.ref} are made, sent, answered and taken back by its own steps."
    )
    assert said in page
    assert f"{path}/withdraw" not in page
    assert (sent.status_code, state_of(accepted)) == (303, "accepted")
    assert after.count(said) == 2


def test_a_quote_that_is_no_returns_is_billings_own(one: House, api: Callable[..., Any]) -> None:
    made = api("POST", "/quotes", json={"account": one.home.public_id, "title": "A cable"})
    withdrawn = api("POST", f"/quotes/{made.json['id']}/withdraw", json={"reason": "no"})
    assert (made.status_code, withdrawn.status_code) == (201, 200)
