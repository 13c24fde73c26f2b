"""Opening and changing accounts, people and sites; on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from stb_service.shared import audit, personal
from stb_service.shared.access import EVERYTHING, builtin_verbs
from stb_service.shared.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from stb_service.subscribers import operations, queries
from stb_service.subscribers.queries import AccountFilter
from tests.stb_service.subscribers.conftest import Desk

PHONE, MAIL = "+49301234567", "Ada@example.org"


def found(desk: Desk, typed: str, *, is_personal: bool = True) -> list[str]:
    page = desk.ask(
        queries.accounts_page, AccountFilter(text=typed), EVERYTHING, personal=is_personal
    )
    return [row.number for row in page.rows]


def entries(desk: Desk, uid: str) -> list[audit.AuditEntry]:
    return list(desk.ask(queries.entries_of_account, uid, EVERYTHING, limit=50))


def opened(desk: Desk, entry: audit.AuditEntry) -> dict[str, object]:
    keys = desk.ask(personal.keys_of, personal.people_in([entry.changes]))
    return personal.opened(entry.changes, keys)


def test_a_household_is_opened_with_its_holder(desk: Desk) -> None:
    account = desk.open(phones=["030 1234567"], emails=[MAIL], language="el")

    read = desk.read(account)
    assert (read.number, read.name, read.currency, read.language) == (
        "A-000001",
        "Ada Lovelace",
        "EUR",
        "el",
    )
    assert read.holder is not None
    assert (read.holder.name, read.holder.phones) == ("Ada Lovelace", ["0301234567"])
    assert read.holder.emails == [MAIL]


def test_a_business_is_opened_without_people(desk: Desk) -> None:
    account = desk.open("Seaview Hotels", kind="business", credit_days=30)

    read = desk.read(account)
    assert (read.holder, read.people, read.credit_days) == (None, [], 30)


def test_accounts_are_numbered_one_by_one(desk: Desk) -> None:
    assert [desk.open().number for _ in range(3)] == ["A-000001", "A-000002", "A-000003"]


@pytest.mark.race
def test_accounts_opened_at_once_have_different_numbers(desk: Desk) -> None:
    barrier = threading.Barrier(8)

    def open_one(n: int) -> str:
        barrier.wait()
        return desk.open(f"Person {n}").number

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(open_one, range(8)))

    assert sorted(numbers) == [f"A-{n:06d}" for n in range(1, 9)]


def test_an_account_is_found_by_number_name_phone_mail_and_id_elsewhere(desk: Desk) -> None:
    account = desk.open(
        "J\u00fcrgen M\u00fcller", phones=[PHONE], emails=[MAIL], external_id="crm-7"
    )
    desk.open("Somebody Else", phones=["+49 30 7654321"])

    ways = ("1", "a-000001", "mull jur", "4567", "030 123 4567", "ADA@exam", "crm-7")
    assert {way: found(desk, way) for way in ways} == {way: [account.number] for way in ways}


@pytest.mark.parametrize("typed", ["uller", "jur else", "9999", "Muller5", "@", "%", "_"])
def test_what_fits_no_account_finds_none(desk: Desk, typed: str) -> None:
    desk.open("J\u00fcrgen M\u00fcller", phones=[PHONE], emails=[MAIL])
    desk.open("Somebody Else")

    assert found(desk, typed) == []


def test_who_may_not_see_phones_does_not_find_by_them(desk: Desk) -> None:
    account = desk.open(phones=[PHONE], emails=[MAIL])

    assert found(desk, "1234567", is_personal=False) == []
    assert found(desk, "ada@exam", is_personal=False) == []
    assert found(desk, "lovelace", is_personal=False) == [account.number]


def test_a_new_name_takes_the_place_of_the_former_in_the_search(desk: Desk) -> None:
    account = desk.open()

    desk.do(operations.change_account, uid=account.public_id, name="Augusta King")

    assert (found(desk, "lovelace"), found(desk, "king")) == ([], [account.number])
    assert desk.read(account).people[0].name == "Augusta King"


def test_the_holder_renamed_renames_the_household(desk: Desk) -> None:
    account = desk.open()
    person = desk.person_of(account)

    desk.do(operations.change_person, uid=account.public_id, person=person, name="Augusta King")

    assert desk.read(account).name == "Augusta King"


def test_phones_are_set_as_a_whole_and_a_change_of_nothing_is_none(desk: Desk) -> None:
    account = desk.open(phones=[PHONE, "12345"])
    arguments = {"uid": account.public_id, "person": desk.person_of(account)}

    desk.do(operations.change_person, **arguments, phones=["+49 30 1234567", "777777", "777777"])
    after = desk.read(account)
    desk.do(operations.change_person, **arguments, phones=after.people[0].phones)

    assert after.people[0].phones == [PHONE, "777777"]
    assert desk.read(account).row_version == after.row_version
    assert len(entries(desk, account.public_id)) == 2


def test_a_change_of_a_person_or_a_site_gives_the_account_a_new_version(desk: Desk) -> None:
    account = desk.open()
    versions = [desk.read(account).row_version]

    desk.do(operations.add_person, uid=account.public_id, name="Byron")
    versions.append(desk.read(account).row_version)
    desk.do(operations.add_site, uid=account.public_id, name="Home", timezone="Europe/London")
    versions.append(desk.read(account).row_version)

    assert versions == sorted(set(versions))


def test_sites_have_their_own_zone_and_are_corrected(desk: Desk) -> None:
    account = desk.open()
    site = desk.do(
        operations.add_site,
        uid=account.public_id,
        name="Home",
        street="12 St James's Square",
        country="gb",
        timezone="Europe/London",
    )

    desk.do(operations.change_site, uid=account.public_id, site=site.public_id, city="London")

    (after,) = desk.read(account).sites
    assert (after.country, after.city, after.timezone) == ("GB", "London", "Europe/London")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, {"name"}),
        ({"name": "x" * 129}, {"name"}),
        ({"currency": "EUX"}, {"currency"}),
        ({"credit_days": -1}, {"credit_days"}),
        ({"credit_days": 366}, {"credit_days"}),
        ({"language": "tlh"}, {"language"}),
        ({"dealer": "nobody"}, {"dealer"}),
        ({"kind": "robot"}, {"kind"}),
        ({"phones": ["12"]}, {"phones"}),
        ({"emails": ["nobody"]}, {"emails"}),
        ({"phones": [str(n) for n in range(10_000, 10_011)]}, {"phones"}),
        ({"kind": "business", "phones": [PHONE]}, {"phones"}),
    ],
)
def test_a_field_that_cannot_be_read_is_refused_by_its_name(
    one: Desk, fields: dict[str, object], wrong: set[str]
) -> None:
    with pytest.raises(Invalid) as refusal:
        one.open(**{"name": "Ada", **fields})  # type: ignore[arg-type]

    assert set(refusal.value.fields) == wrong
    assert found(one, "ada") == []


@pytest.mark.parametrize("days", [0, 365])
def test_credit_is_given_for_no_day_to_a_year(one: Desk, days: int) -> None:
    assert one.read(one.open(credit_days=days)).credit_days == days


def test_an_external_id_belongs_to_one_account(one: Desk) -> None:
    one.open(external_id="crm-1")
    other = one.open()

    with pytest.raises(Conflict):
        one.open(external_id="crm-1")
    with pytest.raises(Conflict):
        one.do(operations.change_account, uid=other.public_id, external_id="crm-1")


# --- what a dealer sees and touches --------------------------------------------------------------


def numbers(desk: Desk, code: str) -> list[str]:
    page = desk.ask(
        queries.accounts_page,
        AccountFilter(),
        desk.dealer(code).scope,
        personal=True,
        sort="opened",
    )
    return [row.number for row in page.rows]


def test_a_dealer_sees_what_it_brought_and_what_it_sold_to(desk: Desk) -> None:
    brought = desk.open(dealer="north")
    sold = desk.open(dealer="south")
    desk.open()

    desk.sold_to(sold, "north")

    assert numbers(desk, "north") == [brought.number, sold.number]
    assert numbers(desk, "south") == [sold.number]


def test_what_a_dealers_people_open_their_organisation_brought(desk: Desk) -> None:
    account = desk.open(actor=desk.dealer("north"))

    assert desk.read(account).dealer_id == desk.dealer("north").organisation_id
    assert numbers(desk, "north") == [account.number]


def test_a_dealer_changes_only_what_it_brought(desk: Desk) -> None:
    account = desk.open(dealer="south")
    desk.sold_to(account, "north")

    with pytest.raises(Refused, match="Another organisation"):
        desk.do(
            operations.change_account, uid=account.public_id, name="X", actor=desk.dealer("north")
        )
    desk.do(operations.change_account, uid=account.public_id, name="Y", actor=desk.dealer("south"))
    assert desk.read(account).name == "Y"


def test_a_dealer_does_not_find_the_account_of_another(desk: Desk) -> None:
    account = desk.open(dealer="south", phones=[PHONE])
    scope = desk.dealer("north").scope

    with pytest.raises(NotFound):
        desk.ask(queries.account_by_uid, account.public_id, scope)
    with pytest.raises(NotFound):
        desk.ask(queries.account_by_number, account.number, scope)
    assert desk.ask(queries.find_accounts, "lovelace", scope, 9) == []
    assert desk.ask(queries.find_by_contact, "1234567", scope, 9) == []


def test_a_dealer_gives_no_credit(desk: Desk) -> None:
    north = desk.dealer("north")
    account = desk.open(actor=north)

    with pytest.raises(Invalid, match="another look"):
        desk.do(operations.change_account, uid=account.public_id, credit_days=30, actor=north)
    assert desk.read(account).credit_days == 0


def test_who_may_not_see_personal_data_may_not_change_it(one: Desk) -> None:
    account = one.open()
    blind = one.dealer("north")
    blind = type(blind)("person", "p", "p", builtin_verbs("agent") - {"accounts.personal"})

    with pytest.raises(Forbidden):
        one.do(operations.add_person, uid=account.public_id, name="X", actor=blind)
    with pytest.raises(Forbidden):
        one.do(operations.add_site, uid=account.public_id, name="X", timezone="UTC", actor=blind)


# --- what the audit keeps ------------------------------------------------------------------------


def test_the_audit_holds_nothing_personal_in_plain_words(desk: Desk) -> None:
    account = desk.open(phones=[PHONE], emails=[MAIL])
    desk.do(
        operations.add_site,
        uid=account.public_id,
        name="Home",
        street="Square 12",
        timezone="Europe/London",
    )
    kept = " ".join(
        str(entry.changes) + entry.subject_label for entry in entries(desk, account.public_id)
    )

    assert [w for w in ("Lovelace", "1234567", MAIL, "Square", "Home") if w in kept] == []
    assert "EUR" in kept


def test_the_key_opens_what_the_audit_keeps(desk: Desk) -> None:
    account = desk.open(phones=[PHONE])
    desk.do(operations.change_account, uid=account.public_id, name="Augusta King")

    changed, made = (opened(desk, entry) for entry in entries(desk, account.public_id))

    assert changed["name"] == ["Ada Lovelace", "Augusta King"]
    assert (made["name"], made["phones"]) == ("Ada Lovelace", [PHONE])


def test_a_businesss_own_name_is_not_personal(desk: Desk) -> None:
    account = desk.open("Seaview Hotels", kind="business")

    (made,) = entries(desk, account.public_id)
    assert made.changes["name"] == "Seaview Hotels"


def test_a_person_of_a_business_has_a_key_of_their_own(desk: Desk) -> None:
    account = desk.open("Seaview Hotels", kind="business")
    for name in ("Ada", "Byron"):
        desk.do(operations.add_person, uid=account.public_id, name=name)

    with desk.db.read() as session:
        keys = session.scalars(select(personal.PersonalKey.key)).all()
    assert len(set(keys)) == 2
    assert [opened(desk, e).get("name") for e in entries(desk, account.public_id)][:2] == [
        "Byron",
        "Ada",
    ]
