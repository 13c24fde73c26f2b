"""Who has a box: given, passed on, taken back; on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from stb_service.devices import operations as devices
from stb_service.devices import queries
from stb_service.devices.holdings import operations
from stb_service.devices.holdings.queries import holdings_of_device, holdings_page
from stb_service.devices.models import Device, Holding
from stb_service.devices.queries import DeviceFilter
from stb_service.devices.rules import VERDICTS, Status
from stb_service.shared.access import EVERYTHING, Scope
from stb_service.shared.errors import DomainError, Invalid, Refused
from stb_service.subscribers import operations as accounts
from stb_service.subscribers.models import Account, AccountSeller
from tests.stb_service.devices.conftest import Registry


def open_account(registry: Registry, name: str = "Ada", **fields: Any) -> Account:
    account: Account = registry.do(
        accounts.create_account, **{"kind": "person", "name": name, "currency": "EUR", **fields}
    )
    return account


@pytest.fixture
def ada(registry: Registry) -> Account:
    return open_account(registry)


@pytest.fixture
def box(registry: Registry) -> Device:
    return registry.box("SN-1", seller="north")


def give(registry: Registry, box: Device, account: Account, **more: Any) -> Holding:
    holding: Holding = registry.do(
        operations.give_to_account,
        **{"uid": box.public_id, "account": account.number, "tenure": "rented", **more},
    )
    return holding


def read(registry: Registry, box: Device) -> Device:
    found: Device = registry.ask(queries.device_by_uid, box.public_id, EVERYTHING)
    return found


def chain(registry: Registry, box: Device, scope: Scope = EVERYTHING) -> list[Holding]:
    return list(registry.ask(holdings_of_device, box, scope))


def sellers(registry: Registry, account: Account) -> set[int]:
    with registry.db.read() as session:
        of_account = AccountSeller.account_id == account.id
        return set(session.scalars(select(AccountSeller.organisation_id).where(of_account)))


def test_a_box_given_is_sold_and_with_the_customer(
    registry: Registry, box: Device, ada: Account
) -> None:
    give(registry, box, ada)

    after = read(registry, box)
    (custody,) = registry.ask(queries.custody_of, box, EVERYTHING)[:1]
    assert (after.status, after.tenure) == ("sold", "rented")
    assert (custody.holder, after.custodian_id) == (ada.number, None)
    assert [(row.account.number, row.until) for row in chain(registry, box)] == [(ada.number, None)]


@pytest.mark.parametrize("days_ago", [0, 700])
@pytest.mark.parametrize("tenure", ["sold", "rented"])
def test_no_day_of_sale_is_made_up_for_a_box_that_is_given(
    registry: Registry, box: Device, ada: Account, tenure: str, days_ago: int
) -> None:
    give(registry, box, ada, tenure=tenure, since=registry.now - timedelta(days=days_ago))
    given = read(registry, box)
    registry.do(
        operations.transfer,
        uid=box.public_id,
        account=open_account(registry, "Byron").number,
        proof="a bill",
    )

    assert (given.sold_on, read(registry, box).sold_on) == (None, None)


def test_a_day_of_sale_that_is_stated_stays(registry: Registry, ada: Account) -> None:
    box = registry.box("SN-2", sold_on=date(2024, 5, 6))

    give(registry, box, ada)

    assert read(registry, box).sold_on == date(2024, 5, 6)


def test_a_box_is_one_accounts_at_a_time(registry: Registry, box: Device, ada: Account) -> None:
    give(registry, box, ada)

    with pytest.raises(Refused, match="An account has the box already"):
        give(registry, box, open_account(registry, "Byron"))


def test_the_database_lets_no_two_accounts_have_a_box(
    registry: Registry, box: Device, ada: Account
) -> None:
    holding = give(registry, box, ada)

    with pytest.raises(IntegrityError), registry.db.write() as session:
        session.add(
            Holding(
                device_id=holding.device_id,
                account_id=ada.id,
                tenure="sold",
                since=registry.now,
            )
        )


@pytest.mark.race
def test_of_eight_who_are_given_a_box_at_once_one_has_it(registry: Registry, box: Device) -> None:
    people = [open_account(registry, f"Person {n}") for n in range(8)]
    barrier = threading.Barrier(8)

    def try_to(account: Account) -> str:
        barrier.wait()
        try:
            give(registry, box, account)
        except DomainError as refusal:
            return refusal.code
        return "given"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(try_to, people))

    assert outcomes == ["given", *["held"] * 7]
    assert len(chain(registry, box)) == 1


@pytest.mark.race
def test_the_sellers_of_an_account_are_right_when_boxes_come_and_go_at_once(
    registry: Registry, ada: Account
) -> None:
    boxes = [registry.box(f"SN-{n}", seller="north") for n in range(8)]
    for leaving in boxes[:4]:
        give(registry, leaving, ada)
    barrier = threading.Barrier(8)

    def act(n: int) -> None:
        barrier.wait()
        if n < 4:
            registry.do(operations.take_back, uid=boxes[n].public_id)
        else:
            give(registry, boxes[n], ada)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(8)))

    assert sellers(registry, ada) == {registry.dealer("north").organisation_id}


def test_a_transfer_begins_where_the_former_owner_ends(
    registry: Registry, box: Device, ada: Account
) -> None:
    byron = open_account(registry, "Byron")
    give(registry, box, ada, tenure="sold")
    later = registry.now + timedelta(days=9)

    registry.do(
        operations.transfer,
        uid=box.public_id,
        account=byron.number,
        proof="bill of sale",
        since=later - timedelta(days=2),
        now=later,
    )

    new, old = chain(registry, box)
    assert (new.account.number, new.tenure, new.until) == (byron.number, "sold", None)
    assert new.since == old.until == later - timedelta(days=2)
    assert new.follows_id == old.id
    assert (sellers(registry, ada), sellers(registry, byron)) == (
        set(),
        {registry.dealer("north").organisation_id},
    )


def test_the_database_lets_a_holding_follow_only_where_another_ended(
    registry: Registry, box: Device, ada: Account
) -> None:
    first = give(registry, box, ada)
    registry.do(operations.take_back, uid=box.public_id, now=registry.now + timedelta(days=1))

    with pytest.raises(IntegrityError), registry.db.write() as session:
        session.add(
            Holding(
                device_id=first.device_id,
                account_id=ada.id,
                follows_id=first.id,
                tenure="sold",
                since=registry.now + timedelta(days=2),
            )
        )


def test_the_end_of_a_holding_that_was_passed_on_stays(
    registry: Registry, box: Device, ada: Account
) -> None:
    give(registry, box, ada)
    byron = open_account(registry, "Byron")
    registry.do(operations.transfer, uid=box.public_id, account=byron.number, proof="letter")

    with pytest.raises(IntegrityError), registry.db.write() as session:
        session.execute(text("UPDATE holdings SET until = NULL WHERE follows_id IS NULL"))


def test_a_transfer_needs_proof_and_another_owner(
    registry: Registry, box: Device, ada: Account
) -> None:
    byron = open_account(registry, "Byron")
    arguments = {"uid": box.public_id, "account": byron.number, "proof": "letter"}

    with pytest.raises(Refused, match="No account has the box"):
        registry.do(operations.transfer, **arguments)
    give(registry, box, ada)
    with pytest.raises(Invalid):
        registry.do(operations.transfer, **{**arguments, "proof": " "})
    with pytest.raises(Refused, match="This account has the box already"):
        registry.do(operations.transfer, **{**arguments, "account": ada.number})


@pytest.mark.parametrize("days", [0, 9])
def test_a_transfer_lies_between_the_former_owners_beginning_and_now(
    registry: Registry, box: Device, ada: Account, days: int
) -> None:
    give(registry, box, ada)

    pass_on_after(registry, box, days)

    assert len(chain(registry, box)) == 2


@pytest.mark.parametrize("days", [-1, 10])
def test_a_transfer_before_or_to_come_is_refused(
    registry: Registry, box: Device, ada: Account, days: int
) -> None:
    give(registry, box, ada)

    with pytest.raises(Invalid) as refusal:
        pass_on_after(registry, box, days)

    assert set(refusal.value.fields) == {"since"}
    assert len(chain(registry, box)) == 1


def pass_on_after(registry: Registry, box: Device, days: int) -> None:
    """Pass a box on so many days after it was given, said nine days after."""
    registry.do(
        operations.transfer,
        uid=box.public_id,
        account=open_account(registry, "Byron").number,
        proof="letter",
        since=registry.now + timedelta(days=days),
        now=registry.now + timedelta(days=9),
    )


def test_a_box_taken_back_is_in_return_and_with_whoever_took_it(
    registry: Registry, box: Device, ada: Account
) -> None:
    give(registry, box, ada)

    registry.do(
        operations.take_back, uid=box.public_id, organisation="south", reason="no longer paid for"
    )

    after = read(registry, box)
    (holding,) = chain(registry, box)
    assert (after.status, after.tenure) == ("in_rma", None)
    assert after.custodian is not None
    assert after.custodian.code == "south"
    assert (holding.until, holding.ended_reason) == (registry.now, "no longer paid for")
    assert sellers(registry, ada) == set()


def test_what_nobody_has_is_not_taken_back(registry: Registry, box: Device) -> None:
    with pytest.raises(Refused, match="No account has the box"):
        registry.do(operations.take_back, uid=box.public_id)


def test_a_box_is_given_again_only_after_it_came_back(
    registry: Registry, box: Device, ada: Account
) -> None:
    give(registry, box, ada)
    back = registry.now + timedelta(days=5)
    registry.do(operations.take_back, uid=box.public_id, now=back)
    now = back + timedelta(days=5)

    with pytest.raises(Invalid):
        give(registry, box, ada, since=back - timedelta(seconds=1), now=now)
    give(registry, box, ada, since=back, now=now)

    assert [row.follows_id for row in chain(registry, box)] == [None, None]


@pytest.mark.parametrize("status", sorted(VERDICTS))
def test_what_the_operator_put_aside_goes_to_no_account(
    registry: Registry, ada: Account, status: Status
) -> None:
    box = registry.box("SN-9", status="in_rma")
    registry.do(devices.change_status, uid=box.public_id, status=status)

    with pytest.raises(Refused):
        give(registry, box, ada)


def test_a_scrapped_box_is_no_accounts(registry: Registry, box: Device, ada: Account) -> None:
    give(registry, box, ada)

    registry.do(devices.change_status, status=Status.SCRAPPED, uid=box.public_id, reason="burnt")

    (holding,) = chain(registry, box)
    assert holding.until is not None
    assert sellers(registry, ada) == set()


@pytest.mark.parametrize(
    "fields",
    [{"account": "A-999999"}, {"tenure": "stolen"}, {"site": "nowhere"}],
)
def test_what_does_not_exist_is_refused_at_its_field(
    registry: Registry, box: Device, ada: Account, fields: dict[str, str]
) -> None:
    with pytest.raises(Invalid) as refusal:
        registry.do(
            operations.give_to_account,
            **{"uid": box.public_id, "account": ada.number, "tenure": "rented", **fields},
        )

    assert set(refusal.value.fields) == set(fields)
    assert chain(registry, box) == []


def test_a_box_stands_at_a_site_of_its_account(
    registry: Registry, box: Device, ada: Account
) -> None:
    where = {"name": "Home", "timezone": "Europe/London"}
    site = registry.do(accounts.add_site, uid=ada.public_id, **where)
    other = registry.do(accounts.add_site, uid=open_account(registry).public_id, **where)
    give(registry, box, ada)

    registry.do(operations.place_at_site, uid=box.public_id, site=site.public_id)
    with pytest.raises(Invalid):
        registry.do(operations.place_at_site, uid=box.public_id, site=other.public_id)

    (holding,) = chain(registry, box)
    assert holding.site_id == site.id


def test_boxes_are_listed_by_the_account_that_has_them(
    registry: Registry, box: Device, ada: Account
) -> None:
    registry.box("SN-2")
    give(registry, box, ada)

    for called, serials in ((ada.number, ["SN-1"]), ("1", ["SN-1"]), ("A-999999", [])):
        page = registry.ask(queries.devices_page, DeviceFilter(account=called), EVERYTHING)
        assert [device.serial for device in page.rows] == serials


# --- what a dealer is told -----------------------------------------------------------------------


def test_a_seller_sees_the_account_that_has_its_box_until_it_is_passed_on(
    registry: Registry, box: Device, ada: Account
) -> None:
    north = registry.dealer("north")
    byron = open_account(registry, "Byron")
    give(registry, box, ada)
    seen = chain(registry, box, north.scope)

    registry.do(operations.transfer, uid=box.public_id, account=byron.number, proof="letter")

    assert [row.account.number for row in seen] == [ada.number]
    assert [row.account.number for row in chain(registry, box, north.scope)] == [byron.number]


def test_a_dealer_is_told_of_no_box_that_another_sold(
    registry: Registry, box: Device, ada: Account
) -> None:
    other = registry.box("SN-2", seller="south")
    for one in (box, other):
        give(registry, one, ada)

    page = registry.ask(holdings_page, ada, registry.dealer("north").scope, cursor=None, limit=9)

    assert [row.device.serial for row in page.rows] == ["SN-1"]


def test_a_dealer_gives_what_it_holds_to_an_account_it_brought(registry: Registry) -> None:
    north = registry.dealer("north")
    own = open_account(registry, actor=north)
    foreign = open_account(registry)
    box = registry.box("SN-1", seller="north", custodian="north")

    with pytest.raises(Invalid):
        give(registry, box, foreign, actor=north)
    give(registry, box, own, actor=north)

    assert [row.account.number for row in chain(registry, box, north.scope)] == [own.number]


def test_a_dealer_gives_nothing_that_another_holds(registry: Registry) -> None:
    north = registry.dealer("north")
    own = open_account(registry, actor=north)
    box = registry.box("SN-1", seller="north", custodian="south")

    with pytest.raises(Refused, match="not in the custody"):
        give(registry, box, own, actor=north)


def test_another_seller_sees_the_account_from_then_on(
    registry: Registry, box: Device, ada: Account
) -> None:
    give(registry, box, ada)

    registry.do(devices.change_device, uid=box.public_id, seller="south")

    assert sellers(registry, ada) == {registry.dealer("south").organisation_id}


# --- erasure -------------------------------------------------------------------------------------


@pytest.fixture
def known() -> Any:
    from stb_service.app import wire_rooms

    return wire_rooms().personal


def erase(registry: Registry, account: Account, known: Any) -> None:
    with registry.db.read() as session:
        person = session.get_one(Account, account.id).people[0].public_id
    registry.do(accounts.erase_person, uid=account.public_id, person=person, others=known)


def test_a_household_that_has_boxes_is_not_erased(
    registry: Registry, box: Device, ada: Account, known: Any
) -> None:
    give(registry, box, ada)

    with pytest.raises(Refused, match="The account still has boxes"):
        erase(registry, ada, known)


def test_an_erased_household_leaves_which_boxes_it_had_and_no_words(
    registry: Registry, box: Device, ada: Account, known: Any
) -> None:
    give(registry, box, ada, reason="Ada asked", proof="passport 123")
    registry.do(operations.take_back, uid=box.public_id, reason="Ada moved")

    erase(registry, ada, known)

    (holding,) = chain(registry, box)
    assert (holding.reason, holding.proof, holding.ended_reason) == ("", "", "")
    assert (holding.account.number, holding.until) == (ada.number, registry.now)
    with pytest.raises(Refused, match="erased"):
        give(registry, box, ada)
