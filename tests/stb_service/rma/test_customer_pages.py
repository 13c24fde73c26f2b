"""What a customer sees of a return behind signed links."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from stb_service.app import wire_rooms
from stb_service.billing.addresses import link_of
from stb_service.billing.models import Quote
from stb_service.billing.rules import Line
from stb_service.rma import comparing, queries, quoting
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.cover_words import OUTCOMES, letter_words, outcome_words
from stb_service.rma.customer_words import REMEDIES, STATES
from stb_service.rma.events import newest_quote
from stb_service.rma.facts import Remedy
from stb_service.rma.models import Comparison, Fault
from stb_service.rma.paper_pages import FOLLOWED, link_of_case
from stb_service.rma.terms import set_model_terms
from stb_service.shared import outbox
from stb_service.shared.access import EVERYTHING
from stb_service.shared.db import Database
from stb_service.shared.i18n import direction
from stb_service.shared.speech import customer_text, speech
from stb_service.staff.operations import install_builtin_roles
from stb_service.subscribers.models import Account
from stb_service.warranty.models import WarrantyDecision
from tests.conftest import People
from tests.stb_service.languages import LATIN, english_in, seen
from tests.stb_service.rma.conftest import OLD, TAX, House

NAMES = frozenset({"SN", "Aurora", "One", "Plain", *("does", "not", "work")})
"""What somebody called something, or typed."""
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


# Repair or replace


@dataclass
class Shop:
    """A household that reads the quote of a repair, in a shop that has other boxes too."""

    house: House
    app: Any
    browser: FlaskClient

    def quoted(self, language: str = "en", **terms: Any) -> str:
        """Quote a repair; return the link."""
        speaks(self.house, language)
        house, offered = self.house, {**OFFERED, **terms}
        house.do(set_model_terms, model="AUR-1", tax_ppm=TAX, **offered)
        device = house.customers_box(sold_on=OLD)
        house.open(device).received(device).judged().quoted(1_000, title="1")
        return self.link()

    def link(self) -> str:
        with self.app.test_request_context(), self.house.db.read() as session:
            found = link_of(self._quote(session))
        assert found is not None
        return found.removeprefix("http://localhost:8000")

    def get(self, path: str, status: int = 200) -> str:
        with time_machine.travel(self.house.now, tick=False):
            answer = self.browser.get(path)
        assert answer.status_code == status
        return answer.text

    def post(self, path: str, asked: str = "") -> str:
        """Send the form of a page, and return the page that follows."""
        self.house.tick()
        token = token_of(self.get(asked or path))
        with time_machine.travel(self.house.now, tick=False):
            answer = self.browser.post(path, headers={"X-CSRFToken": token})
        assert answer.status_code == 303
        return self.get(str(answer.location))

    @property
    def quote_state(self) -> str:
        with self.house.db.read() as session:
            return self._quote(session).state

    @property
    def compared(self) -> Comparison:
        with self.house.db.read() as session:
            return session.scalars(select(Comparison)).one()

    def _quote(self, session: Session) -> Quote:
        found = newest_quote(session, queries.case_by_ref(session, self.house.ref, EVERYTHING))
        assert found is not None
        return found.quote


def token_of(page: str) -> str:
    return page.partition('name="csrf-token" content="')[2].partition('"')[0]


OFFERED = {
    "new_minor": 9_900,
    "refurbished_minor": 6_900,
    "supported_until_on": date(2028, 6, 30),
    "new_supported_until_on": date(2031, 3, 31),
}


@pytest.fixture
def shop(house: House, app: Any, anonymous: FlaskClient) -> Shop:
    return Shop(house, app, anonymous)


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_a_customer_sees_what_another_box_costs_and_until_when_each_is_supported(
    shop: Shop, language: str
) -> None:
    path, said = shop.quoted(language), speech(language)
    page = shop.get(path)
    asked = shop.get(f"{path}/choose/new")
    chosen = shop.post(f"{path}/choose/new")

    words = html.unescape(page)
    for price in (1_190, 8_211, 11_781):  # with tax of 19 %
        assert said.money(price, "EUR") in words
    assert words.count(said.day(date(2028, 6, 30))) == 2
    assert words.count(said.day(date(2031, 3, 31))) == 1
    if language != "en":
        for shown in (page, asked, chosen):
            assert english_in(shown, language, NAMES | {"Repair", "Europe", "Berlin"}) == []


def test_who_chooses_another_box_is_quoted_for_it(shop: Shop) -> None:
    path, house = shop.quoted(), shop.house
    after = shop.post(f"{path}/choose/refurbished")

    assert "We have noted your choice" in after
    assert "You have chosen this." in after
    kept = shop.compared
    assert (kept.choice, kept.chosen_by) == ("refurbished", house.home.number)
    assert (house.case.state, shop.quote_state) == ("quoting", "withdrawn")

    house.quoted(6_900, remedy="replace")
    later = shop.get(shop.link())
    assert "What you can choose from" not in later
    house.on_case("accept").pay_rest().on_case("release_replacement")
    assert house.states == ("approved_replace", "kept")


def test_who_accepts_the_repair_has_chosen_it(shop: Shop) -> None:
    path = shop.quoted()
    shop.post(f"{path}/accept")
    outbox.deliver(shop.house.db, wire_rooms().outbox, now=shop.house.now)

    assert shop.house.case.state == "awaiting_payment"
    assert shop.compared.choice == "repair"
    assert "choose/new" not in shop.get(path)


def test_a_choice_that_comes_too_late_changes_nothing(shop: Shop) -> None:
    path, house = shop.quoted(), shop.house
    question = f"{path}/choose/new"
    shop.get(question)
    shop.post(f"{path}/accept")
    told = shop.post(question, asked=path)

    assert "You have accepted this quote already." in told
    assert (house.case.state, shop.compared.choice) == ("quoted", "")


def test_a_choice_after_the_last_day_of_the_quote_is_refused(shop: Shop) -> None:
    path = shop.quoted()
    shop.house.tick(days=40)
    told = shop.post(f"{path}/choose/new", asked=path)

    assert "The last day of this quote is over" in told
    assert shop.compared.choice == ""


@pytest.mark.parametrize("choice", ["repair", "gold", "refurbished"])
def test_nobody_chooses_what_is_not_offered(shop: Shop, choice: str) -> None:
    path = shop.quoted(refurbished_minor=0)
    page = shop.get(path)
    with time_machine.travel(shop.house.now, tick=False):
        headers = {"X-CSRFToken": token_of(page)}
        answer = shop.browser.post(f"{path}/choose/{choice}", headers=headers)

    assert answer.status_code == 404
    assert shop.house.case.state == "quoted"


def test_a_repair_is_quoted_only_beside_what_else_is_offered(house: House) -> None:
    house.do(set_model_terms, model="AUR-1", **OFFERED)
    device = house.customers_box(sold_on=OLD)
    house.open(device).received(device).judged().on_case("quote")
    lines = [Line("labour", "Repair", 1_000, 1_000, TAX)]
    house.say(quoting.quote_case, lines=lines, zone="UTC")

    assert house.refused(CASE, "send_quote") == ["offers_shown"]
    house.state("nothing_else_offered")
    assert house.refused(CASE, "send_quote") == ["offers_shown"]
    house.say(comparing.compare_repair, parts_minor=0, labour_minor=1_000)
    house.on_case("send_quote")
    assert house.refused(CASE, "choose_replacement") == ["other_chosen"]


def test_where_nothing_else_is_offered_that_is_stated(house: House) -> None:
    device = house.customers_box(sold_on=OLD)
    house.open(device).received(device).judged().on_case("quote")
    lines = [Line("labour", "Repair", 1_000, 1_000, TAX)]
    house.say(quoting.quote_case, lines=lines, zone="UTC")

    assert house.refused(CASE, "send_quote") == ["offers_shown"]
    house.state("nothing_else_offered")
    house.on_case("send_quote")


def test_a_choice_that_was_told_by_phone_is_acted_on(shop: Shop) -> None:
    shop.quoted()
    house, made = shop.house, shop.compared
    house.say(comparing.choose, comparison_ref=made.public_id, choice="new", note="By phone")
    house.on_case("choose_replacement")

    assert (house.case.state, shop.quote_state) == ("quoting", "withdrawn")


@pytest.mark.parametrize(
    ("choice", "remedy"), [("", "repair"), ("refurbished", "replace"), ("new", "replace")]
)
def test_the_form_of_the_quote_is_for_what_was_chosen_last(
    shop: Shop, sign_in: Callable[[str], FlaskClient], choice: str, remedy: str
) -> None:
    path, house = shop.quoted(), shop.house
    people = People(house.db, house.actor, house.now)
    with house.db.write() as session:
        install_builtin_roles(session)
    people.person("administrator", username="root.admin")
    form = f"/returns/{house.ref}/quote"

    def chosen() -> str:
        with time_machine.travel(house.now, tick=False):
            page = sign_in("root.admin").get(form).text
        page = page.partition('name="remedy"')[2].partition("</select>")[0]
        return page.partition(" selected")[0].rpartition('value="')[2].rstrip('"')

    assert chosen() == "repair"
    if choice:
        shop.post(f"{path}/choose/{choice}")
        assert chosen() == remedy
        made = shop.compared
        house.say(comparing.compare_repair, parts_minor=0, labour_minor=900)
        assert chosen() == remedy
        house.say(comparing.choose, comparison_ref=made.public_id, choice="repair", note="By phone")
        assert chosen() == "repair"


# What the warranty gave


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_a_covered_repair_tells_its_customer_by_which_policy_and_why(
    house: House, follow: Callable[[], str], anonymous: FlaskClient, language: str
) -> None:
    speaks(house, language)
    device = house.customers_box(sold_on=date(2025, 5, 5))
    house.open(device).received(device).judged().on_case("approve_repair")
    with time_machine.travel(house.now, tick=False):
        page = anonymous.get(follow()).text

    words, said = " ".join(html.unescape(page).split()), speech(language)
    with house.db.read() as session:
        decision = session.scalars(
            select(WarrantyDecision).order_by(WarrantyDecision.id.desc())
        ).first()
    assert decision is not None
    assert decision.covered_until is not None
    for sentence in (
        OUTCOMES["covered"],
        customer_text("The warranty began on %(day)s.", day=date(2025, 5, 5)),
        customer_text("The fault was reported on %(day)s.", day=decision.reported_on),
        customer_text(
            "It holds for %(months)s months, until %(day)s.",
            months=24,
            day=decision.covered_until,
        ),
        customer_text(
            "Decided by the warranty policy “%(policy)s”, version %(version)s.",
            policy=decision.version.title,
            version=decision.version.number,
        ),
    ):
        assert said.say(sentence) in words
    if language != "en":
        known = NAMES | {"does", "not", "work"} | set(LATIN.findall(decision.version.title))
        assert english_in(page, language, known) == []


def test_a_quote_says_beside_its_price_what_the_warranty_gave(shop: Shop) -> None:
    page = shop.get(shop.quoted())

    assert "What the warranty gives" in page
    assert "The warranty ended on" in page
    assert "Decided by the warranty policy" in page


def test_the_letter_of_a_quote_says_what_the_warranty_gave(shop: Shop) -> None:
    shop.quoted()
    with shop.house.db.read() as session:
        faults = session.scalars(select(Fault).options(joinedload(Fault.decision))).all()
        case = queries.case_by_ref(session, shop.house.ref, EVERYTHING)
        said = [str(sentence) for sentence in letter_words(case, faults)]

    assert said[0].startswith("The warranty ended on")
    assert said[-1].startswith("Decided by the warranty policy")


def test_a_rented_box_has_no_warranty_of_its_own(
    house: House, follow: Callable[[], str], anonymous: FlaskClient
) -> None:
    house.open(house.customers_box(tenure="rented")).authorised()
    with time_machine.travel(house.now, tick=False):
        page = anonymous.get(follow()).text

    assert "The box is ours" in page
    assert "Decided by" not in page


def fault(verdict: str | None, outcome: str, **more: Any) -> Fault:
    ended = {"expired": date(2024, 5, 4)}.get(outcome)
    decision = WarrantyDecision(outcome=outcome, covered_until=ended, reported_on=date(2026, 3, 2))
    return Fault(verdict=verdict, decision=decision, **more)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (fault(None, "covered"), "covers this fault"),
        (fault("in_warranty", "expired"), "covers this fault"),
        (fault("doa", "dead_on_arrival"), "from the beginning"),
        (fault("out_of_warranty", "expired"), "ended on 4 May 2024"),
        (fault("out_of_warranty", "no_cover"), "No warranty applies"),
        (fault("out_of_warranty", "covered"), "does not cover"),
        (fault("user_fault", "excluded", fault_class="liquid"), "by a liquid"),
        (fault("user_fault", "covered", fault_class="liquid", second_class="surge"), "by a surge"),
        (fault("user_fault", "covered", fault_class="config"), "excludes what was found"),
        (fault("nff", "covered"), "no fault"),
        (fault("goodwill", "expired"), "make it good"),
        (fault("contract", "expired"), "Your contract"),
        (Fault(verdict="out_of_warranty"), "does not cover"),
    ],
)
def test_what_a_customer_is_told_goes_by_the_verdict(found: Fault, said: str) -> None:
    assert said in str(outcome_words(found))
