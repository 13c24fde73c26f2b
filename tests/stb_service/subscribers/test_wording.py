"""What is known of a person is told in words: names of fields and codes, days, local times, money."""

from __future__ import annotations

import re
from typing import Any, cast

from flask.testing import FlaskClient

from stb_service.shared.http.pages import format_when
from stb_service.shared.i18n import text
from stb_service.shared.registries import PersonalData, Spoken
from stb_service.subscribers.wording import Table, in_words
from tests.stb_service.subscribers.conftest import Desk


def test_the_page_tells_what_is_known_in_words_and_local_times(
    app: Any, client: FlaskClient, one: Desk
) -> None:
    account = one.open("Ada Lovelace", phones=["+49301234567"], emails=["ada@example.org"])
    page = client.get(f"/accounts/{account.public_id}/people/{one.person_of(account)}/data").text
    read = re.sub(r"<[^>]+>", " ", page)
    with app.test_request_context():
        opened = format_when(account.opened_at)

    assert "Account opened" in read
    assert "Private person" in read
    assert read.count(opened) == 2
    assert re.findall(r"account\.create|is_holder|opened_at|\d{4}-\d\d-\d\dT", read) == []


def test_a_room_says_what_it_knows_in_its_own_words(app: Any) -> None:
    spoken = Spoken(
        text("Calls"),
        {"state": text("State"), "taken_on": text("Day"), "part.price_minor": text("Price")},
        {"state": {"open": text("Not answered")}},
    )
    unused = cast("Any", None)
    other = PersonalData("calls", unused, unused, unused, spoken)
    known = [
        {"state": "open", "taken_on": "2026-03-02", "note": ""},
        {"state": "odd", "currency": "EUR", "part": [{"price_minor": 1_250, "at": "soon"}]},
    ]
    nothing: dict[str, Any] = {"person": {}, "account": {}, "sites": [], "history": []}

    with app.test_request_context():
        told = in_words({**nothing, "rooms": {"calls": known}}, [other])
        none = in_words({**nothing, "rooms": {"calls": []}}, [other])

    ((title, (first, second)),) = told["rooms"]
    assert title == "Calls"
    assert first.pairs == [("State", "Not answered"), ("Day", "2 Mar 2026")]
    assert second.pairs[:2] == [("State", "odd"), ("currency", "EUR")]
    assert second.pairs[2] == ("part", Table(["Price", "at"], [{"Price": "€12.50", "at": "soon"}]))
    assert none["rooms"] == []
