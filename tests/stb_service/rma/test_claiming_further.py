"""What else a supplier owes: a second repair, a box that went back, and what a claim leaves out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError

from stb_service.devices.models import Device
from stb_service.parts import operations as stock
from stb_service.parts.catalogue.operations import create_part
from stb_service.rma import bench
from stb_service.rma.claiming import claimable, operations, proposing, queries
from stb_service.rma.claiming.models import ClaimLine, SupplierClaim
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import Invalid, Refused
from tests.conftest import csrf_of
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.rma.conftest import ACME, PSU
from tests.stb_service.rma.test_claiming import AGREED, CLAIMED, Claims
from tests.stb_service.rma.test_races import at_once

WORN_OUT = {"method": "overwritten", "note": "report 17"}
FRESH = date(2026, 2, 25)


class Further(Claims):
    """A house whose repairs fail again, and which returns boxes to their supplier."""

    def again(self, part: str = PSU) -> str:
        """Let what was repaired fail, repair it with another part, and finish."""
        self.on_order("fail", reason="died overnight")
        self.parts(1, part)
        planned = self.say(bench.plan_part, part=part, fault=1)
        self.say(bench.use_part, part=planned.public_id)
        self.say(bench.record_labour, what="again", minutes=60, fault=1)
        self.on_order("test")
        self.say(bench.record_test, passed=True)
        return self.on_order("finish").order.number

    def dead(self, serial: str = "SN-0001", cost: int | None = None) -> Device:
        """Let a box that was dead on arrival be replaced, and keep it, wiped."""
        device = self.customers_box(serial, sold_on=FRESH)
        if cost is not None:
            self.received_for(device, cost)
        spare = self.spare("SN-9" + serial[-3:])
        self.open(device, "mainboard").received(device).judged()
        self.on_case("approve_replace").allocated(spare).on_case("allocate")
        self.on_case("ship", tracking="1").on_case("deliver")
        self.state("wiped", **WORN_OUT)
        return device

    def received_for(self, device: Device, cost: int) -> None:
        """Let the ledger know what a box cost that was bought and sold."""
        self.do(
            stock.receive_stock,
            device=device.public_id,
            from_location=ACME,
            to_location="MAIN",
            unit_cost_minor=cost,
        )
        self.do(stock.move_stock, device=device.public_id, to_location=stock.CUSTOMERS)

    def lines(self, ref: str) -> list[tuple[str, int]]:
        """Return what a claim is made of."""
        rows = self.ask(queries.lines_of_claim, self.claim(ref), EVERYTHING)
        return [(row.kind, row.amount_minor) for row in rows]

    def propose(self, order: str = "", **more: Any) -> str:
        made: SupplierClaim = self.do(
            proposing.propose_claim, order=order or self.order.number, **more
        )
        return made.number

    def waiting(self) -> list[str]:
        """Return the orders that the list of candidates shows."""
        rows = self.ask(claimable.candidates_page, EVERYTHING).rows
        return [row.number for row in rows]


@pytest.fixture
def house(db: Database, actor: Actor, now: datetime, files: Any) -> Further:
    made = Further(db, actor, now)
    made.files = files
    return made


@pytest.fixture
def one(sqlite_db: Database, actor: Actor, now: datetime, files: Any) -> Further:
    made = Further(sqlite_db, actor, now)
    made.files = files
    return made


# --- a second repair -----------------------------------------------------------------------------


def test_what_a_second_repair_took_is_a_further_claim(house: Further) -> None:
    (first,) = house.claims(1)
    assert house.waiting() == []

    order = house.again()

    assert house.waiting() == [order]
    second = house.propose(order)
    assert house.lines(first) == [("part", 700), ("labour", 1_500), ("freight", 490)]
    assert house.lines(second) == [("part", 700), ("labour", 3_000)]
    assert house.waiting() == []
    with pytest.raises(Refused, match="claimed already"):
        house.propose(order)


def test_what_was_waived_stays_waived_and_what_came_later_does_not(one: Further) -> None:
    (first,) = one.claims(1)
    one.do(operations.move_claim, ref=first, event="waive", reason="typed wrongly")
    with pytest.raises(Refused, match="claimed already"):
        one.propose()

    one.again()

    (second,) = one.do(proposing.propose_all)
    assert one.lines(second.number) == [("part", 700), ("labour", 3_000)]
    assert one.do(proposing.propose_all) == []


def test_while_a_box_is_repaired_again_nothing_is_claimed(one: Further) -> None:
    one.do(operations.set_supplier_terms, **AGREED)
    order = one.repair()
    one.on_order("fail", reason="died overnight")

    assert one.waiting() == []
    with pytest.raises(Refused, match="not finished"):
        one.propose(order)


def test_what_the_supplier_does_not_pay_keeps_no_repair_in_the_list(one: Further) -> None:
    one.do(operations.set_supplier_terms, **{**AGREED, "labour_minor": 0})
    one.repair()
    one.propose()

    assert one.waiting() == []


@pytest.mark.parametrize("source", ["order_part_id", "labour_id", "order_id"])
def test_the_database_takes_nothing_twice(house: Further, source: str) -> None:
    (first,) = house.claims(1)
    house.again()
    second = house.claim(house.propose())
    row = next(
        row
        for row in house.ask(queries.lines_of_claim, house.claim(first), EVERYTHING)
        if getattr(row, source)
    )
    again = {"kind": row.kind, "what": "", "quantity": 1, "amount_minor": 5}

    with pytest.raises(IntegrityError), house.db.write() as session:
        session.add(
            ClaimLine(claim_id=second.id, position=9, **again, **{source: getattr(row, source)})
        )


def test_a_line_names_what_it_is_for(house: Further) -> None:
    (claim,) = house.claims(1)
    lines = (
        "INSERT INTO rma_claim_lines (claim_id, position, kind, what, quantity, amount_minor)"
        " VALUES (:claim, 9, 'part', 'P', 1, 5)"
    )

    with pytest.raises(IntegrityError), house.db.write() as session:
        session.execute(sql(lines), {"claim": house.claim(claim).id})


@pytest.mark.race
def test_of_many_who_claim_what_a_second_repair_took_one_does(house: Further) -> None:
    house.claims(1)
    order = house.again()

    found = at_once(lambda _number: house.propose(order), 4)

    assert sum(isinstance(each, Refused) for each in found) == 3
    with house.db.read() as session:
        assert len(session.scalars(select(SupplierClaim)).all()) == 2


# --- a box that went back ------------------------------------------------------------------------


def test_a_box_that_went_back_is_claimed_once_at_what_the_supplier_was_paid(
    house: Further,
) -> None:
    house.do(operations.set_supplier_terms, **AGREED)
    house.dead(cost=8_500)
    with pytest.raises(Refused, match="not finished"):
        house.propose()
    house.on_order("claim", tracking="2", location=ACME)

    assert house.waiting() == [house.order.number]
    claim = house.propose()

    assert house.lines(claim) == [("box", 8_500), ("freight", 490)]
    assert house.waiting() == []
    with pytest.raises(Refused, match="claimed already"):
        house.propose()


def test_a_box_of_unknown_cost_is_claimed_at_what_a_person_states(one: Further) -> None:
    one.do(operations.set_supplier_terms, **AGREED)
    one.dead()
    one.on_order("claim", tracking="2", location=ACME)
    assert one.do(proposing.propose_all) == []
    with pytest.raises(Refused, match="does not know what the box cost"):
        one.propose()
    for wrong in ({"box_minor": 0}, {"box_minor": 5, "reason": " "}, {"reason": "why not"}):
        with pytest.raises(Invalid):
            one.propose(**{"reason": "invoice 7"} | wrong if "box_minor" in wrong else wrong)

    claim = one.propose(box_minor=7_700, reason="invoice 7")

    assert one.lines(claim) == [("box", 7_700), ("freight", 490)]
    (step,) = one.ask(queries.events_of_claim, one.claim(claim), EVERYTHING)
    assert (step.reason, step.stated) == ("invoice 7", {"box_minor": 7_700, "currency": "EUR"})
    assert one.waiting() == []


def test_no_amount_is_stated_for_a_box_whose_cost_is_known_or_that_did_not_go_back(
    one: Further,
) -> None:
    one.do(operations.set_supplier_terms, **AGREED)
    order = one.repair()
    with pytest.raises(Invalid):
        one.propose(order, box_minor=5, reason="dear")
    one.dead("SN-0002", cost=8_500)
    one.on_order("claim", tracking="2", location=ACME)
    with pytest.raises(Invalid):
        one.propose(box_minor=9_999, reason="dear")


def test_a_box_that_was_never_bought_from_the_supplier_is_claimed_at_its_worth_in_stock(
    one: Further,
) -> None:
    one.do(operations.set_supplier_terms, **{**AGREED, "basis": "production"})
    device = one.box(made_on=date(2026, 1, 1))
    one.do(
        stock.move_stock,
        device=device.public_id,
        from_location=stock.CUSTOMERS,
        to_location="MAIN",
        to_condition="defective",
        unit_cost_minor=4_000,
    )
    one.admit(device).judged().on_order("shelve").state("wiped", **WORN_OUT)
    one.on_order("claim", tracking="2", location=ACME)

    assert one.lines(one.propose()) == [("box", 4_000), ("freight", 490)]


def test_a_box_that_water_killed_is_not_the_suppliers(one: Further) -> None:
    one.do(operations.set_supplier_terms, **AGREED)
    device = one.customers_box(tenure="rented")
    one.open(device).received_somewhere().judged("liquid", photo=True)
    one.on_case("recover", reason="ours").state("wiped", **WORN_OUT)
    one.on_order("claim", tracking="2", location=ACME)

    assert one.waiting() == []
    with pytest.raises(Refused, match="Nothing was done"):
        one.propose()


# --- another currency ----------------------------------------------------------------------------


def test_a_part_in_another_currency_is_left_out_and_the_rest_is_claimed(
    one: Further, client: Any, api: Any
) -> None:
    one.do(operations.set_supplier_terms, **AGREED)
    one.do(create_part, sku="PSU-US", name="Supply", currency="USD", fits={"AUR-1": 1})
    one.repair()
    one.again("PSU-US")

    listed = client.get("/returns/claims/candidates").text
    claim = one.propose()

    why = "Parts were bought in USD"
    assert why in listed
    assert one.lines(claim) == [
        ("part", 700),
        ("labour", 1_500),
        ("labour", 3_000),
        ("freight", 490),
    ]
    assert why in client.get(f"/returns/claims/{claim}").text
    told = api("GET", f"/claims/{claim}").json["left_out"]
    assert [row["code"] for row in told] == ["currency"]
    assert one.waiting() == []


# --- edges ---------------------------------------------------------------------------------------


def test_the_api_takes_what_a_box_cost(one: Further, api: Any) -> None:
    one.do(operations.set_supplier_terms, **AGREED)
    one.dead()
    one.on_order("claim", tracking="2", location=ACME)
    order = {"order": one.order.number}
    asked = api("POST", "/claims", json=order)
    assert (asked.status_code, asked.json["obstacles"][0]["code"]) == (409, "box-cost")
    for wrong in ({"box_minor": 0}, {"box_minor": "5"}, {"box_minor": 5}, {"box": 5}):
        assert api("POST", "/claims", json=order | wrong).status_code == 422

    made = api("POST", "/claims", json=order | {"box_minor": 7_700, "reason": "invoice 7"})

    assert made.status_code == 201
    assert [line["kind"] for line in made.json["lines"]] == ["box", "freight"]
    assert made.json["left_out"] == []


def test_the_page_asks_what_a_box_cost(one: Further, client: Any) -> None:
    one.do(operations.set_supplier_terms, **AGREED)
    one.dead()
    one.on_order("claim", tracking="2", location=ACME)
    page = "/returns/claims/candidates"
    shown = client.get(page).text
    form = {"csrf_token": csrf_of(shown), "order": one.order.public_id, "currency": "EUR"}
    assert "does not know what the box cost in EUR" in shown
    assert "State what the box cost" in shown

    for wrong in ({}, {"box": "much", "reason": "x"}, {"box": "5", "reason": ""}, {"box": "0"}):
        said = client.post(page, data=form | wrong, follow_redirects=True)
        assert (said.status_code, "Propose claims" in said.text) == (200, True)
    assert client.post(page, data=form | {"currency": "nonsense"}).status_code in {303, 422}
    assert one.ask(queries.claims_page, queries.ClaimFilter(), EVERYTHING).rows == []

    client.post(page, data=form | {"box": "77.00", "reason": "invoice 7"})

    card = client.get("/returns/claims/SC-000001").text
    assert ("€77.00" in card, "invoice 7" in card) == (True, True)


def test_a_case_names_each_claim_of_its_repair(one: Further, client: Any) -> None:
    (first,) = one.claims(1)
    one.again()
    second = one.propose()

    page = client.get(f"/returns/{one.case.number}").text

    assert [f"/returns/claims/{number}" in page for number in (first, second)] == [True, True]


def test_the_list_of_candidates_asks_the_database_as_often_for_many(
    one: Further, client: Any
) -> None:
    one.do(operations.set_supplier_terms, **AGREED)
    page = "/returns/claims/candidates"
    one.repair()
    client.get(page)
    with statements(one.db) as few:
        client.get(page)
    one.repair("SN-0002")
    one.repair("SN-0003")
    with statements(one.db) as many:
        client.get(page)
    assert len(many) == len(few)
    assert CLAIMED == 2_690
