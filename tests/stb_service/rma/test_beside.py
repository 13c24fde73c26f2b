"""Beside the quote of a repair stands what its customer sees, in their money, as of the last fault."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from stb_service.billing.rules import Line
from stb_service.devices.holdings.operations import give_to_account
from stb_service.rma import bench, comparing, deciding, quoting
from stb_service.rma.cases import CASE
from stb_service.rma.choosing import ways_of
from stb_service.rma.events import newest_quote
from stb_service.rma.lists import CHECKLIST
from stb_service.rma.models import ReturnCase
from stb_service.rma.terms import set_model_terms
from stb_service.subscribers.operations import add_site, create_account
from tests.stb_service.rma.conftest import OLD, TAX, House

LINES = [Line("labour", "Repair", 1_000, 5_000, TAX)]


@pytest.fixture
def priced(one: House) -> House:
    """A model whose boxes are sold anew and refurbished, for euros."""
    one.do(set_model_terms, model="AUR-1", currency="EUR", new_minor=9_900, refurbished_minor=5_900)
    return one


def seen(house: House) -> int:
    """Return between how many ways the customer may choose."""
    with house.db.read() as session:
        case = session.scalars(select(ReturnCase).order_by(ReturnCase.id.desc())).first()
        assert case is not None
        quoted = newest_quote(session, case)
        assert quoted is not None
        return len(ways_of(session, case, quoted.quote))


def test_a_comparison_in_other_money_is_not_seen_and_does_not_count(priced: House) -> None:
    account = priced.do(create_account, kind="person", name="Sam", currency="USD")
    priced.do(add_site, uid=account.public_id, name="Home", timezone="America/New_York")
    box = priced.box("SN-US", tenure="sold", sold_on=OLD, status="sold")
    priced.do(
        give_to_account, uid=box.public_id, account=account.number, tenure="sold", moves=False
    )
    priced.open(box, "mainboard").received_somewhere().judged().on_case("quote")
    priced.say(quoting.quote_case, remedy="repair", lines=LINES, zone="UTC")
    priced.say(comparing.compare_repair, parts_minor=0, labour_minor=5_000)

    assert "offers_shown" in priced.refused(CASE, "send_quote")
    assert seen(priced) == 0
    priced.state("nothing_else_offered").on_case("send_quote")


def test_a_comparison_from_before_a_further_fault_does_not_count(priced: House) -> None:
    box = priced.customers_box(sold_on=OLD)
    priced.open(box, "mainboard").received_somewhere().on_order("inspect")
    priced.say(comparing.compare_repair, parts_minor=0, labour_minor=5_000)
    priced.say(deciding.add_fault, component="tuner", symptom="no channels")
    for code in CHECKLIST:
        priced.say(bench.record_check, code=code, result="pass")
    priced.judge(1, "component").judge(2, "component").on_order("judge").on_case("quote")
    priced.say(quoting.quote_case, remedy="repair", lines=LINES, zone="UTC")

    assert "offers_shown" in priced.refused(CASE, "send_quote")
    priced.say(comparing.compare_repair, parts_minor=0, labour_minor=9_000)
    priced.on_case("send_quote")
    assert seen(priced) == 3


def test_a_comparison_that_offers_no_other_box_shows_none(priced: House) -> None:
    priced.do(set_model_terms, model="AUR-1", new_minor=0, refurbished_minor=0)
    box = priced.customers_box(sold_on=OLD)
    priced.open(box, "mainboard").received_somewhere().judged().on_case("quote")
    priced.say(quoting.quote_case, remedy="repair", lines=LINES, zone="UTC")
    priced.say(comparing.compare_repair, parts_minor=0, labour_minor=5_000)

    assert "offers_shown" in priced.refused(CASE, "send_quote")
