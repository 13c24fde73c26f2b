"""What a customer sees of a return behind signed links."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import update

from stb_service.rma import queries
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.customer_words import REMEDIES, STATES
from stb_service.rma.facts import Remedy
from stb_service.rma.paper_pages import FOLLOWED, link_of_case
from stb_service.shared.access import EVERYTHING
from stb_service.shared.db import Database
from stb_service.shared.i18n import direction
from stb_service.shared.speech import speech
from stb_service.subscribers.models import Account
from tests.stb_service.languages import english_in, seen
from tests.stb_service.rma.conftest import House

NAMES = frozenset({"SN", "Aurora", "One"})
LANGUAGES = ("ar", "el", "hi", "vi")


@pytest.fixture
def house(sqlite_db: Database, actor: Any, now: datetime) -> House:
    return House(sqlite_db, actor, now)


@pytest.fixture
def follow(app: Any, house: House) -> Callable[[], str]:
    def path() -> str:
        with app.test_request_context(), house.db.read() as session:
            found = link_of_case(queries.case_by_ref(session, house.ref, EVERYTHING))
        return found.removeprefix("http://localhost:8000")

    return path


def speaks(house: House, language: str) -> None:
    """Let the household read a language."""
    with house.db.write() as session:
        session.execute(update(Account).values(language=language))


def test_customers_have_words_for_every_state_and_remedy() -> None:
    assert set(STATES) == set(CaseState) == set(CASE.places) - {"new"}
    assert set(REMEDIES) == set(Remedy)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_a_case_is_in_the_customers_language(
    house: House, follow: Callable[[], str], anonymous: FlaskClient, language: str
) -> None:
    speaks(house, language)
    house.open(house.customers_box(), "power_supply").authorised()
    path = follow()
    with time_machine.travel(house.now, tick=False):
        page = anonymous.get(path, headers={"Accept-Language": "en"})
    with time_machine.travel(house.now + FOLLOWED + timedelta(1), tick=False):
        ended = anonymous.get(path, headers={"Accept-Language": "en"})

    assert (page.status_code, ended.status_code) == (200, 404)
    opening = f'<html lang="{language}" dir="{direction(language)}"'
    for answer in (page, ended):
        assert opening in answer.text
        assert english_in(answer.text, language, NAMES) == []
    assert speech(language).say(STATES["authorised"]) in seen(page.text)
