"""What the accounts of a box tell of its cover: worked out by hand, boundaries in threes; then read
from the registry.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.devices.holdings import operations as holdings
from stb_service.devices.models import Device
from stb_service.subscribers import operations as accounts
from stb_service.subscribers.models import Account
from stb_service.warranty import queries
from stb_service.warranty.card import cover_now
from stb_service.warranty.cover import Known, Replaced, cover
from stb_service.warranty.holders import Held, Told, day_of, last_tenure, told_by
from stb_service.warranty.policy import Basis, OnTransfer, Start, Tenure
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.warranty.conftest import Desk
from tests.stb_service.warranty.test_cover import EU, LATER

SOLD, RENTED = Tenure.SOLD, Tenure.RENTED
BY_SALE = replace(EU, starts=(Start(Basis.SALE), Start(Basis.PRODUCTION)))


def day(text: str) -> date:
    return date.fromisoformat(text)


def held(*rows: tuple[str, int] | tuple[str, int, Tenure]) -> list[Held]:
    """Return holdings: since a day, by an account, sold unless another tenure is said."""
    return [
        Held(
            number,
            row[1],
            row[2] if len(row) == 3 else SOLD,
            datetime.combine(day(row[0]), time(12), UTC),
            day(row[0]),
        )
        for number, row in enumerate(rows)
    ]


def dated(**days: str) -> dict[Basis, date]:
    return {Basis(basis): day(text) for basis, text in days.items()}


def names(told: Told) -> list[str]:
    return [rule.name for rule in told.trace]


def last_of(told: Told, tenure: Tenure = SOLD, **changes: Any) -> str:
    known = Known(tenure=tenure, days=told.days, transfers=told.transfers)
    return str(cover(known, replace(EU, **changes), None, LATER).last)


# --- delivery and sale ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sold_on", "since", "delivery", "last"),
    [
        ("2025-05-05", "2025-05-04", "2025-05-04", "2027-05-04"),
        ("2025-05-05", "2025-05-05", "2025-05-05", "2027-05-05"),
        ("2025-05-05", "2025-05-06", "2025-05-06", "2027-05-06"),
        ("2025-05-05", "2025-06-03", "2025-06-03", "2027-06-03"),
        ("2025-05-05", "2025-06-04", "2025-06-04", "2027-06-04"),  # 30 days after
        ("2025-05-05", "2025-06-05", None, "2027-05-05"),  # recorded late: the sale counts
        ("2025-05-05", "2028-01-01", None, "2027-05-05"),
    ],
)
def test_the_first_account_has_the_box_delivered_unless_it_was_recorded_late(
    sold_on: str, since: str, delivery: str | None, last: str
) -> None:
    told = told_by(held((since, 1)), SOLD, dated(sale=sold_on))

    assert told.days.get(Basis.DELIVERY) == (day(delivery) if delivery else None)
    assert last_of(told) == last
    assert names(told) == (["held"] if delivery else ["held_late"])


@pytest.mark.parametrize(
    ("days", "sale", "last"),
    [
        ({}, "2025-05-05", "2027-05-05"),
        ({"production": "2024-01-01"}, "2025-05-05", "2027-05-05"),
        ({"shipment": "2024-01-01"}, "2025-05-05", "2027-05-05"),
        ({"activation": "2025-04-05"}, "2025-05-05", "2027-05-05"),
        ({"activation": "2025-04-04"}, None, "2027-04-04"),  # more than 30 days before
        ({"sale": "2025-05-01"}, "2025-05-01", "2027-05-05"),
    ],
)
def test_where_no_sale_is_stated_the_first_account_tells_it(
    days: dict[str, str], sale: str | None, last: str
) -> None:
    told = told_by(held(("2025-05-05", 1)), SOLD, dated(**days))

    assert told.days.get(Basis.SALE) == (day(sale) if sale else None)
    assert last_of(told) == last
    assert ("held_sale" in names(told)) == (sale is not None and "sale" not in days)


def test_a_box_that_nobody_had_is_told_by_the_registry_alone() -> None:
    told = told_by([], SOLD, dated(sale="2025-05-05"))

    assert (told.days, told.transfers, told.trace) == (dated(sale="2025-05-05"), (), ())


# --- owners --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("later", "rule", "last"),
    [
        ([], OnTransfer.NEVER, "2027-05-05"),
        ([("2025-08-01", 1)], OnTransfer.NEVER, "2027-05-05"),  # taken back and given again
        ([("2025-08-01", 2)], OnTransfer.NEVER, "2025-07-31"),
        ([("2025-08-01", 2)], OnTransfer.ONCE, "2027-05-05"),
        ([("2025-08-01", 2), ("2026-08-01", 2)], OnTransfer.ONCE, "2027-05-05"),
        ([("2025-08-01", 2), ("2026-08-01", 3)], OnTransfer.ONCE, "2026-07-31"),
        ([("2025-08-01", 2), ("2026-08-01", 1)], OnTransfer.ONCE, "2026-07-31"),
        ([("2025-08-01", 2), ("2026-08-01", 3)], OnTransfer.ALWAYS, "2027-05-05"),
        ([("2027-05-04", 2)], OnTransfer.NEVER, "2027-05-03"),
        ([("2027-05-05", 2)], OnTransfer.NEVER, "2027-05-04"),
        ([("2027-05-06", 2)], OnTransfer.NEVER, "2027-05-05"),
    ],
)
def test_another_account_is_another_owner(
    later: list[tuple[str, int]], rule: OnTransfer, last: str
) -> None:
    told = told_by(held(("2025-05-05", 1), *later), SOLD, dated(sale="2025-05-05"))

    assert last_of(told, transfer=rule) == last


def test_a_rented_box_that_goes_to_somebody_else_has_no_other_owner() -> None:
    known = told_by(
        held(("2025-05-05", 1, RENTED), ("2026-05-05", 2, RENTED)), RENTED, dated(sale="2025-05-05")
    )

    every = {"tenures": frozenset(Tenure), "transfer": OnTransfer.NEVER}
    assert (known.transfers, last_of(known, RENTED, **every)) == ((), "2027-05-05")
    assert last_of(known, RENTED) == "None"


@pytest.mark.parametrize(
    ("sold_to", "rule", "last"),
    [
        (1, OnTransfer.NEVER, "2028-03-01"),  # who rented it buys it
        (2, OnTransfer.NEVER, "2028-03-01"),
        (2, OnTransfer.ALWAYS, "2028-03-01"),
    ],
)
def test_a_box_that_was_rented_and_then_sold_begins_anew(
    sold_to: int, rule: OnTransfer, last: str
) -> None:
    rows = held(("2023-05-05", 1, RENTED), ("2026-03-01", sold_to))
    told = told_by(
        rows, SOLD, dated(sale="2023-05-05", activation="2023-05-07", production="2023-01-01")
    )

    assert told.days == dated(sale="2026-03-01", delivery="2026-03-01", production="2023-01-01")
    assert names(told) == ["given_anew", "held", "held_sale"]
    assert last_of(told, transfer=rule) == last


@pytest.mark.parametrize(
    ("given_on", "last"),
    [("2025-07-31", "2025-07-31"), ("2025-08-01", "2027-05-05"), ("2025-08-02", "2027-05-05")],
)
def test_who_had_a_box_before_it_was_given_for_another_does_not_count(
    given_on: str, last: str
) -> None:
    told = told_by(held(("2024-05-05", 1), ("2025-08-01", 2)), SOLD, {})
    known = Known(
        days=told.days,
        transfers=told.transfers,
        replaced=Replaced(day(given_on), day("2027-05-05")),
    )

    found = cover(known, replace(EU, transfer=OnTransfer.NEVER), None, LATER)

    assert str(found.last) == last


def test_the_last_account_tells_the_tenure() -> None:
    rows = held(("2025-05-05", 1), ("2026-05-05", 1, RENTED))

    assert (last_tenure(rows), last_tenure(rows[::-1]), last_tenure([])) == (RENTED, RENTED, None)


@pytest.mark.parametrize(
    ("instant", "zone", "found"),
    [
        ("2025-05-05T20:59:59", "Europe/Athens", "2025-05-05"),
        ("2025-05-05T21:00:00", "Europe/Athens", "2025-05-06"),
        ("2025-05-05T21:00:01", "Europe/Athens", "2025-05-06"),
        ("2025-05-05T23:59:59", "America/New_York", "2025-05-05"),
        ("2025-05-06T00:00:00", "America/New_York", "2025-05-06"),  # a day that was imported
        ("2025-05-06T00:00:01", "America/New_York", "2025-05-05"),
        ("2025-05-05T23:59:59", None, "2025-05-05"),
    ],
)
def test_a_day_is_one_where_the_box_stands(instant: str, zone: str | None, found: str) -> None:
    assert str(day_of(datetime.fromisoformat(instant).replace(tzinfo=UTC), zone)) == found


# --- read from the registry ----------------------------------------------------------------------


def account_of(desk: Desk, name: str = "Ada", zone: str = "") -> Account:
    """Open an account, with a site where a zone is said."""
    made: Account = desk.do(
        accounts.create_account, kind="person", name=name, currency="EUR", language="en"
    )
    if zone:
        desk.do(accounts.add_site, uid=made.public_id, name="home", timezone=zone)
    return made


def give(desk: Desk, box: Device, account: Account, **more: Any) -> None:
    given = {"tenure": "sold", "since": datetime(2025, 6, 1, 21, 30, tzinfo=UTC), **more}
    desk.do(holdings.give_to_account, uid=box.public_id, account=account.number, **given)


def found_for(desk: Desk, box: Device, on: date = date(2026, 1, 31)) -> dict[str, Any]:
    """Return what a fault of a box would get, with its sentences."""
    with desk.db.read() as session:
        device = session.get_one(Device, box.id)
        found = cover_now(session, device, day=on, component="", sources=())
        return {**found, "sentences": [str(one) for one in found["sentences"]]}


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """A desk on both databases whose policy begins with delivery and ends with the owner."""
    desk.in_force("kept", starts=[{"basis": "delivery"}, {"basis": "sale"}], transfer="never")
    desk.assign("kept")
    return desk


@pytest.mark.parametrize(
    ("zone", "delivered"),
    [("", "2025-06-01"), ("Europe/Athens", "2025-06-02"), ("America/New_York", "2025-06-01")],
)
def test_delivery_is_the_day_since_when_the_first_account_has_the_box(
    ready: Desk, zone: str, delivered: str
) -> None:
    box = ready.box("SN-1")
    give(ready, box, account_of(ready, zone=zone))

    found = found_for(ready, box)

    assert str(found["found"].cover.started_on) == delivered
    assert found["sentences"][0] == (
        f"An account has had it since {delivered}: that is the day of delivery."
    )


def test_an_account_that_is_recorded_long_after_the_first_run_begins_no_cover(
    ready: Desk,
) -> None:
    ready.in_force("used", starts=[{"basis": "sale"}, {"basis": "activation"}])
    ready.assign("used", tenure="sold")
    box = ready.box("SN-1", activated_on=date(2023, 3, 4), status="active")
    give(ready, box, account_of(ready), since=None)

    found = found_for(ready, box)

    assert found["found"].outcome == "expired"
    assert str(found["found"].cover.started_on) == "2023-03-04"


def test_another_owner_ends_the_cover_and_the_decision_says_so(ready: Desk) -> None:
    box = ready.box("SN-1")
    give(ready, box, account_of(ready))
    other = account_of(ready, "Byron")
    since = datetime(2025, 9, 1, 12, tzinfo=UTC)
    ready.do(
        holdings.transfer, uid=box.public_id, account=other.number, proof="a bill", since=since
    )

    made = ready.decide(box)
    before = found_for(ready, box, date(2025, 8, 31))

    assert (made.outcome, str(made.covered_until)) == ("expired", "2025-08-31")
    assert made.facts["transfers"] == ["2025-09-01"]
    assert "passed_on" in [rule["name"] for rule in made.trace]
    assert before["found"].outcome == "covered"
    assert not [one for one in before["sentences"] if "another owner" in one]


def test_a_rented_box_that_was_taken_back_stays_the_operators(ready: Desk) -> None:
    box = ready.box("SN-1")
    give(ready, box, account_of(ready), tenure="rented")
    ready.do(holdings.take_back, uid=box.public_id)

    found = found_for(ready, box)

    assert found["found"].outcome == "no_cover"
    assert "it is taken as the last account had it (Rented)" in found["sentences"][0]


def test_what_is_assigned_to_rented_boxes_counts_for_one_that_was_taken_back(ready: Desk) -> None:
    ready.in_force("rent", tenures=["rented"], starts=[{"basis": "delivery"}])
    ready.assign("rent", tenure="rented")
    box = ready.box("SN-1")
    give(ready, box, account_of(ready), tenure="rented")
    ready.do(holdings.take_back, uid=box.public_id)

    assert found_for(ready, box)["found"].version.policy.code == "rent"


def test_however_often_a_box_changed_hands_its_cover_takes_three_queries(one: Desk) -> None:
    box = one.box("SN-1")
    people = [account_of(one, f"Person {n}", "Europe/Athens") for n in range(4)]
    give(one, box, people[0])

    with statements(one.db) as few:
        found_for(one, box)
    for person in people[1:]:
        one.do(holdings.transfer, uid=box.public_id, account=person.number, proof="a bill")
    with statements(one.db) as many:
        found_for(one, box)

    read_the_box = 1
    assert len(few) == len(many) == 3 + read_the_box


def test_card_and_editor_say_who_has_the_box(client: FlaskClient, one: Desk) -> None:
    box = one.box("SN-1")
    give(one, box, account_of(one))
    (policy,) = one.ask(queries.all_policies)

    card = client.get(f"/devices/{box.public_id}").text
    editor = client.get(f"/warranty/policies/{policy.public_id}?serial=SN-1").text

    said = "An account has had it since 1 Jun 2025: that is the day of delivery."
    assert said in card
    assert said in editor
