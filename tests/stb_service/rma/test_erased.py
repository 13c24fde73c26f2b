"""What a person said of their returns is gone with them; what happened stays."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError

from stb_service.billing import personal as money
from stb_service.billing.models import Quote, QuoteEvent
from stb_service.billing.operations import decline_quote
from stb_service.devices.holdings.operations import give_to_account
from stb_service.rma import comparing
from stb_service.rma.answers import hear_again
from stb_service.rma.models import CaseEvent, CasePhoto, Comparison, Fault, ReturnCase, Statement
from stb_service.rma.terms import set_model_terms
from stb_service.shared import personal
from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Database
from stb_service.subscribers.operations import add_person, add_site, create_account
from tests.stb_service.rma.conftest import OLD, House

SAID = "Ada Lovelace: my husband is ill"


@pytest.fixture
def house(db: Database, actor: Any, now: datetime, files: Any) -> House:
    """A house on SQLite and on PostgreSQL."""
    made = House(db, actor, now)
    made.files = files
    return made


def told_everything(house: House) -> None:
    """Let a household say much of one return, which ends."""
    house.do(set_model_terms, model="AUR-1", new_minor=9_900)
    device = house.customers_box(sold_on=OLD)
    house.open(device, "mainboard", complaint=SAID).received(device).judged(photo=True)
    with house.db.write() as session:
        fault = session.scalars(select(Fault)).one()
        fault.note = fault.second_note = SAID
    house.quoted(5_000)
    with house.db.read() as session:
        made = session.scalars(select(Comparison)).one()
    house.say(comparing.choose, comparison_ref=made.public_id, choice="repair", note=SAID)
    house.state("address_confirmed", note=SAID)
    with house.db.write() as session:
        quote = session.scalars(select(Quote)).one()
        decline_quote(session, ref=quote.public_id, note=SAID, actor=house.actor, now=house.now)
        hear_again(session, session.scalars(select(ReturnCase)).one(), house.now)
    house.on_case("ship", tracking="1Z").on_case("deliver").on_case("confirm")


def everything_kept(house: House) -> str:
    """Return all rows in which words of the return may stand."""
    kinds = (Quote, QuoteEvent, Statement, Comparison, Fault, CasePhoto, ReturnCase, CaseEvent)
    with house.db.read() as session:
        rows = [
            {column.name: getattr(row, column.name) for column in kind.__table__.columns}
            for kind in (*kinds, AuditEntry)
            for row in session.scalars(select(kind))
        ]
    return str(rows)


def test_nothing_that_was_said_is_left_and_what_happened_is(house: House) -> None:
    told_everything(house)
    assert SAID in everything_kept(house)
    person = house.case.person
    assert person is not None

    house.erase(uid=house.home.public_id, person=person.public_id)
    with house.db.write() as session:
        money.erase(session, house.home.public_id, person.public_id, house.now)

    assert SAID not in everything_kept(house)
    with house.db.read() as session:
        assert session.scalars(select(CasePhoto)).all() == []
        assert session.scalars(select(Comparison)).one().choice == "repair"
        assert "address_confirmed" in session.scalars(select(Statement.kind)).all()
        assert session.scalars(select(Quote)).one().state == "declined"


@pytest.mark.parametrize(
    "changed", ["note = 'mended'", "stands = (1 = 0)", "kind = 'notice_sent', note = ''"]
)
def test_a_statement_may_be_emptied_of_its_words_and_of_nothing_else(
    house: House, changed: str
) -> None:
    house.open(house.customers_box()).state("loss_confirmed", note=SAID)

    with (
        pytest.raises(DBAPIError, match="never changed"),
        house.db.engine.execution_options(writes=True).begin() as connection,
    ):
        connection.execute(sql(f"UPDATE rma_statements SET {changed}"))


def test_who_signed_for_a_business_is_read_until_one_of_its_people_is_erased(house: House) -> None:
    hotel = house.do(create_account, kind="business", name="Hotel", currency="EUR")
    house.do(add_site, uid=hotel.public_id, name="Lobby", timezone="Europe/London")
    box = house.box("SN-B", tenure="sold", sold_on=date(2025, 5, 5), status="sold")
    house.do(give_to_account, uid=box.public_id, account=hotel.number, tenure="sold", moves=False)
    house.open(box).received_somewhere().judged("none_found", confirmed="no")
    house.on_case("return_nff").on_case("hand_over", signed_by="Grace Hopper")

    def signed() -> Any:
        with house.db.read() as session:
            events = session.scalars(select(CaseEvent).where(CaseEvent.event == "hand_over"))
            said = events.one().stated
            assert "Grace" not in str(said)
            return personal.opened(said, personal.keys_of(session, personal.people_in([said])))

    assert signed()["signed_by"] == "Grace Hopper"
    grace = house.do(add_person, uid=hotel.public_id, name="Grace Hopper")
    house.erase(uid=hotel.public_id, person=grace.public_id)
    assert signed()["signed_by"] is personal.UNREADABLE
