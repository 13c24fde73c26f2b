"""What is known of a person is handed out, and forgotten: nothing personal is left anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import MetaData, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from stb_service.shared import personal
from stb_service.shared.access import EVERYTHING
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import Refused
from stb_service.subscribers import operations, queries
from stb_service.subscribers.data import data_of_person
from stb_service.subscribers.models import Account
from tests.conftest import csrf_of
from tests.stb_service.subscribers.conftest import Desk

WORDS = ("Lovelace", "lovelace", "1234567", "7654321", "ada@example", " Square", "SW1Y 4AB")
"""None of them can come about by chance in what is enciphered."""


@pytest.fixture
def ada(desk: Desk) -> Account:
    """A household of which much was said."""
    return said_of(desk)


def said_of(desk: Desk) -> Account:
    account = desk.open(
        "Ada Lovelace", phones=["+49301234567"], emails=["ada@example.org"], credit_days=14
    )
    uid, person = account.public_id, desk.person_of(account)
    where = {"name": "Ada's", "street": "12 Square", "postcode": "SW1Y 4AB", "timezone": "UTC"}
    site = desk.do(operations.add_site, uid=uid, **where)
    desk.do(operations.change_site, uid=uid, site=site.public_id, street="13 Square")
    desk.do(operations.change_person, uid=uid, person=person, phones=["+49307654321"])
    return account


def erase(desk: Desk, account: Account) -> None:
    desk.do(operations.erase_person, uid=account.public_id, person=desk.person_of(account))


def everything(desk: Desk) -> str:
    """Return every value of every row of the database, in one text."""
    found = MetaData()
    found.reflect(desk.db.engine)
    with desk.db.read() as session:
        return "\n".join(
            str(tuple(row))
            for table in found.tables.values()
            if table.name != "organisations"
            for row in session.execute(select(table))
        )


def test_nothing_of_somebody_who_was_erased_is_left_in_the_database(
    desk: Desk, ada: Account
) -> None:
    before = everything(desk)

    erase(desk, ada)

    after = everything(desk)
    assert [word for word in WORDS if word not in before] == []
    assert [word for word in WORDS if word in after] == []


def test_the_audit_stays_whole_and_its_values_are_unreadable(desk: Desk, ada: Account) -> None:
    with desk.db.read() as session:
        before = [
            (row.verb, row.changes)
            for row in session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        ]

    erase(desk, ada)

    with desk.db.read() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        keys = personal.keys_of(session, personal.people_in(row.changes for row in rows))
    made = personal.opened(rows[0].changes, keys)
    assert [(row.verb, row.changes) for row in rows][: len(before)] == before
    assert made["name"] is personal.UNREADABLE
    assert (made["currency"], made["credit_days"]) == ("EUR", 14)
    assert rows[-1].verb == "account.erase"


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET verb = ''", "DELETE FROM audit_entries"]
)
def test_the_audit_refuses_every_change_as_before(desk: Desk, ada: Account, statement: str) -> None:
    erase(desk, ada)

    with pytest.raises(DBAPIError, match="never changed"), desk.db.write() as session:
        session.execute(text(statement))


def test_the_account_keeps_its_number_and_its_figures(desk: Desk, ada: Account) -> None:
    erase(desk, ada)

    after = desk.read(ada)
    assert (after.number, after.name, after.credit_days) == (ada.number, "", 14)
    assert (after.is_erased, after.label) == (True, ada.number)
    assert desk.ask(queries.find_accounts, "lovel", EVERYTHING, 9) == []
    assert desk.ask(queries.find_by_contact, "7654321", EVERYTHING, 9) == []


def test_nothing_of_somebody_who_was_erased_can_be_changed(desk: Desk, ada: Account) -> None:
    erase(desk, ada)
    person = desk.person_of(ada)

    for verb, more in (
        (operations.change_account, {"name": "Back"}),
        (operations.change_person, {"person": person, "name": "Back"}),
        (operations.add_person, {"name": "Back"}),
        (operations.erase_person, {"person": person}),
    ):
        with pytest.raises(Refused, match="erased"):
            desk.do(verb, uid=ada.public_id, **more)


def test_the_database_keeps_the_name_of_somebody_erased_empty(desk: Desk, ada: Account) -> None:
    erase(desk, ada)

    with pytest.raises(IntegrityError), desk.db.write() as session:
        session.execute(text("UPDATE subscribers SET name = 'Ada'"))


def test_a_person_of_a_business_is_erased_alone(desk: Desk) -> None:
    account = desk.open("Seaview Hotels", kind="business")
    for name in ("Ada Lovelace", "Byron"):
        desk.do(operations.add_person, uid=account.public_id, name=name)

    erase(desk, account)

    after = desk.read(account)
    assert [person.name for person in after.people] == ["", "Byron"]
    assert (after.name, after.is_erased) == ("Seaview Hotels", False)
    desk.do(operations.change_account, uid=account.public_id, name="Hillview Hotels")


def test_what_is_known_is_handed_out_with_its_history(desk: Desk, ada: Account) -> None:
    person = desk.person_of(ada)

    data = desk.ask(data_of_person, ada.public_id, person, EVERYTHING, others=[])

    told = json.dumps(data)
    assert [word for word in WORDS if word not in told] == ["lovelace"]
    assert data["person"]["phones"] == ["+49307654321"]
    assert data["history"][-1]["what"] == "account.create"


def test_of_others_of_a_business_nothing_is_handed_out(desk: Desk) -> None:
    account = desk.open("Seaview Hotels", kind="business", credit_days=30)
    people = [
        desk.do(operations.add_person, uid=account.public_id, name=name)
        for name in ("Ada Lovelace", "Byron")
    ]

    data = desk.ask(data_of_person, account.public_id, people[1].public_id, EVERYTHING, others=[])

    told = json.dumps(data)
    assert "Byron" in told
    assert "Ada" not in told
    assert "credit_days" not in told


# --- the key -------------------------------------------------------------------------------------


def test_a_value_opens_only_in_its_own_field_and_for_its_own_person() -> None:
    key = bytes(range(32))
    sealed = personal.seal(key, "ada", {"name": "Ada"})
    moved = {"street": sealed["name"]}
    stolen = {"name": {**sealed["name"], "of": "eve"}}

    assert personal.opened(sealed, {"ada": key}) == {"name": "Ada"}
    assert personal.opened(moved, {"ada": key})["street"] is personal.UNREADABLE
    assert personal.opened(stolen, {"eve": key})["name"] is personal.UNREADABLE
    assert personal.opened(sealed, {"ada": bytes(32)})["name"] is personal.UNREADABLE
    assert personal.opened(sealed, {})["name"] is personal.UNREADABLE


def test_the_same_value_is_never_enciphered_alike() -> None:
    key = bytes(32)

    assert personal.seal(key, "a", {"n": "x"}) != personal.seal(key, "a", {"n": "x"})


# --- the edges -----------------------------------------------------------------------------------


def test_a_person_is_read_downloaded_and_erased_on_the_pages(
    client: FlaskClient, one: Desk
) -> None:
    account = said_of(one)
    base = f"/accounts/{account.public_id}/people/{one.person_of(account)}"
    page = client.get(f"{base}/data").text
    file = client.get(f"{base}/data.json")
    token = csrf_of(client.get("/accounts/new").text)

    answer = client.post(f"{base}/erase", data={"csrf_token": token})

    after = client.get(f"/accounts/{account.public_id}").text
    history = client.get(f"/audit?subject={account.public_id}").text
    assert "13 Square" in page
    assert "attachment" in file.headers["Content-Disposition"]
    assert file.get_json()["person"]["emails"] == ["ada@example.org"]
    assert answer.status_code == 303
    assert [word for word in WORDS if word in after + history] == []
    assert "personal, and not readable" in history
    assert "This person was erased" in client.get(f"{base}/data").text


def test_the_api_hands_out_and_erases(api: Any, one: Desk) -> None:
    account = said_of(one)
    base = f"/accounts/{account.public_id}/people/{one.person_of(account)}"

    known = api("GET", f"{base}/data").get_json()
    erased = api("POST", f"{base}/erasure")
    twice = api("POST", f"{base}/erasure")
    (made,) = api("GET", "/audit?verb=account.create").get_json()["items"]

    assert known["sites"][0]["street"] == "13 Square"
    assert (erased.status_code, erased.get_json()["name"]) == (200, "")
    assert (twice.status_code, twice.get_json()["obstacles"][0]["code"]) == (409, "erased")
    assert (made["changes"]["name"], made["changes"]["currency"]) == (None, "EUR")
