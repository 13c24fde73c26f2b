"""Claims from suppliers: proposed, sent, credited, and never twice."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError

from stb_service.devices.models import Holding
from stb_service.rma.claiming import batches, claimable, crediting, operations, proposing, queries
from stb_service.rma.claiming.models import SupplierClaim
from stb_service.rma.claiming.rules import (
    Repair,
    ReturnedBox,
    Terms,
    UsedPart,
    Worked,
    lines_of,
    obstacles_to_proposing,
)
from stb_service.rma.claims import Credited
from stb_service.rma.queries import order_by_ref
from stb_service.shared.access import EVERYTHING, Actor, Scope
from stb_service.shared.db import Database
from stb_service.shared.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from tests.conftest import csrf_of
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.rma.conftest import ACME, House
from tests.stb_service.rma.test_races import at_once

AGREED = {
    "model": "AUR-1",
    "supplier": ACME,
    "months": 24,
    "basis": "sale",
    "currency": "EUR",
    "labour_minor": 3_000,
    "freight_minor": 490,
}
CLAIMED = 700 + 1_500 + 490
TODAY = date(2026, 3, 1)
TERMS = Terms(24, "sale", "EUR", True, 3_000, 490)
PART = UsedPart("PSU-12", 1, 700, "EUR", "warranty", "component")
DOLLARS = UsedPart("P", 1, 7, "USD", "warranty")
WORK = Worked("exchange", 30, "warranty", "component")


class Claims(House):
    """A house that repairs in warranty and claims what that cost."""

    def repair(self, serial: str = "SN-0001") -> str:
        """Repair a box in warranty; return the number of its workshop order."""
        device = self.customers_box(serial)
        self.parts(1)
        self.open(device, "power_supply").received(device).judged()
        self.on_case("approve_repair").repaired()
        return self.order.number

    def claims(self, count: int) -> list[str]:
        """Agree on terms, repair boxes, and propose a claim for each."""
        self.do(operations.set_supplier_terms, **AGREED)
        orders = [self.repair(f"SN-{n:04d}") for n in range(1, count + 1)]
        return [self.do(proposing.propose_claim, order=order).number for order in orders]

    def claim(self, ref: str) -> SupplierClaim:
        found: SupplierClaim = self.ask(queries.claim_by_ref, ref, EVERYTHING)
        return found

    def states(self, *refs: str) -> list[str]:  # type: ignore[override]
        return [self.claim(ref).state for ref in refs]

    def note(self, *lines: tuple[str, int], number: str = "CN 1", **more: Any) -> Any:
        return self.do(
            crediting.enter_credit_note,
            supplier=ACME,
            number=number,
            issued_on=TODAY,
            lines=[Credited(ref, amount, "EUR") for ref, amount in lines],
            **more,
        )

    def look(self, *lines: Credited, **more: Any) -> crediting.Preview:
        with self.db.read() as session:
            return crediting.preview_credit_note(
                session, supplier=ACME, number="CN 1", lines=lines, actor=self.actor, **more
            )


@pytest.fixture
def house(db: Database, actor: Actor, now: datetime, files: Any) -> Claims:
    made = Claims(db, actor, now)
    made.files = files
    return made


@pytest.fixture
def one(sqlite_db: Database, actor: Actor, now: datetime, files: Any) -> Claims:
    made = Claims(sqlite_db, actor, now)
    made.files = files
    return made


def repair(**changes: Any) -> Repair:
    known: dict[str, Any] = {
        "is_finished": True,
        "is_claimed": False,
        "reported_on": TODAY,
        "made_on": date(2023, 1, 1),
        "sold_on": date(2025, 5, 5),
        "parts": (PART,),
        "work": (WORK,),
    }
    return Repair(**{**known, **changes})


# --- the arithmetic ------------------------------------------------------------------------------


def test_a_claim_is_parts_at_cost_labour_by_tariff_and_freight() -> None:
    amounts = [(line.kind, line.amount_minor) for line in lines_of(repair(), TERMS)]
    assert amounts == [("part", 700), ("labour", 1_500), ("freight", 490)]
    assert lines_of(repair(parts=(), work=()), TERMS) == []


@pytest.mark.parametrize(
    ("code", "cause", "is_claimed"),
    [
        ("warranty", "component", True),
        ("goodwill", "manufacturing", True),
        ("warranty", None, True),
        ("warranty", "firmware", False),
        ("warranty", "liquid", False),
        ("billable", "component", False),
        ("own", "component", False),
    ],
)
def test_what_the_customer_pays_or_we_caused_is_not_the_suppliers(
    code: str, cause: str | None, *, is_claimed: bool
) -> None:
    part = UsedPart("PSU-12", 1, 700, "EUR", code, cause)
    assert bool(lines_of(repair(parts=(part,), work=()), TERMS)) is is_claimed


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"reported_on": date(2027, 5, 4)}, []),
        ({"reported_on": date(2027, 5, 5)}, []),
        ({"reported_on": date(2027, 5, 6)}, ["expired"]),
        ({"sold_on": None}, ["no-start"]),
        ({"is_finished": False}, ["unfinished"]),
        ({"is_claimed": True}, []),
        ({"is_claimed": True, "parts": (), "work": ()}, ["claimed"]),
        ({"parts": (), "work": ()}, ["nothing"]),
        ({"parts": (DOLLARS,)}, []),
        ({"parts": (DOLLARS,), "work": ()}, ["currency"]),
        ({"parts": (), "work": (), "box": ReturnedBox(9_000, "EUR")}, []),
        ({"parts": (), "work": (), "box": ReturnedBox(9_000, "USD")}, ["box-cost"]),
        ({"parts": (), "work": (), "box": ReturnedBox(0, "")}, ["box-cost"]),
    ],
)
def test_what_bars_a_claim(changes: dict[str, Any], codes: list[str]) -> None:
    assert [o.code for o in obstacles_to_proposing(repair(**changes), TERMS)] == codes


def test_without_terms_nothing_is_claimed() -> None:
    assert [o.code for o in obstacles_to_proposing(repair(), None)] == ["no-terms"]


def test_a_note_is_read_with_or_without_a_heading() -> None:
    raw = "Claim;Amount;Currency\nSC-000001;12,50;\nsc 2; 3.00 ;usd\n"
    assert crediting.read_lines(raw, "EUR") == [
        Credited("SC-000001", 1_250, "EUR"),
        Credited("sc 2", 300, "USD"),
    ]
    with pytest.raises(Invalid, match="Line 2"):
        crediting.read_lines("SC-1,1\nSC-2,much\n", "EUR")


@pytest.mark.parametrize(
    "second",
    ["SC-2," + "1" * 140_000, '"SC-2' + "\n" * 140_000, "SC\0-2,1", "SC-2,1,ZZZ"],
    ids=["long", "open", "zero", "currency"],
)
def test_a_line_that_nothing_can_be_made_of_is_refused_by_its_number(second: str) -> None:
    with pytest.raises(Invalid, match="Line 2"):
        crediting.read_lines(f"SC-1,1\n{second}\n", "EUR")


def test_where_no_sale_is_stated_the_supplier_answers_from_who_had_the_box_first(
    one: Claims,
) -> None:
    one.do(operations.set_supplier_terms, **AGREED)
    order = one.repair()
    with one.db.write() as session:
        order_by_ref(session, order, EVERYTHING).device.sold_on = None

    repairs = one.ask(lambda s: claimable.repairs_of(s, [order_by_ref(s, order, EVERYTHING)]))

    (holding,) = one.ask(lambda s: s.scalars(select(Holding)).all())
    assert [row.sold_on for row in repairs.values()] == [holding.since.date()]


# --- stories -------------------------------------------------------------------------------------


def test_claims_are_sent_in_a_batch_and_credited(house: Claims) -> None:
    first, second, third = house.claims(3)
    assert house.claim(first).amount_minor == CLAIMED
    with pytest.raises(Refused, match="claimed already"):
        house.do(proposing.propose_claim, order=house.claim(first).order.number)

    batch = house.do(operations.submit_claims, claims=[first, second, third])
    with pytest.raises(Refused, match="no step"):
        house.do(operations.submit_claims, claims=[third])
    lines = (
        Credited(f" {first.lower()} ", CLAIMED, "EUR"),
        Credited(second, 1_000, "EUR"),
        Credited("SC-9", 5, "EUR"),
    )
    seen = house.look(*lines, batch=batch.number)
    told = [(row.found.match, row.event) for row in seen.consequences]
    assert told == [
        ("matched", "credit"),
        ("short", "credit_short"),
        ("missing", None),
        ("unknown", None),
    ]
    given = [(line.reference, line.amount_minor) for line in lines]
    house.note(*given, batch=batch.number, seen=seen.seen)
    assert house.states(first, second, third) == ["credited", "short", "submitted"]

    with pytest.raises(Refused, match="is entered"):
        house.note((third, CLAIMED), number="cn1")
    with pytest.raises(Refused, match="Say why"):
        house.do(operations.move_claim, ref=second, event="claim_again")
    house.do(operations.move_claim, ref=second, event="claim_again", reason="look again")
    assert house.look(Credited(second, 5, "EUR")).consequences[0].found.claimed_minor == 1_690
    house.note((second, 1_690), (third, CLAIMED + 1), number="CN 2")
    assert house.states(second, third) == ["credited", "credited"]
    assert house.claim(second).credited_minor == CLAIMED
    (total,) = house.ask(queries.sums_of, queries.ClaimFilter(), EVERYTHING)
    assert (total.count, total.credited.minor) == (3, 3 * CLAIMED + 1)


def test_the_rest_of_a_short_claim_is_credited_without_claiming_again(one: Claims) -> None:
    (claim,) = one.claims(1)
    one.do(operations.submit_claims, claims=[claim])

    one.note((claim, 1_000))
    one.note((claim, 500), number="CN 2")
    assert (one.states(claim), one.claim(claim).outstanding_minor) == (["short"], CLAIMED - 1_500)
    one.note((claim, CLAIMED - 1_500), number="CN 3")
    assert (one.states(claim), one.claim(claim).outstanding_minor) == (["credited"], 0)


def test_a_refused_claim_that_is_credited_after_all_is_credited(one: Claims) -> None:
    (claim,) = one.claims(1)
    one.do(operations.submit_claims, claims=[claim])
    one.do(operations.move_claim, ref=claim, event="refuse", reason="too late")

    one.note((claim, CLAIMED))

    assert one.states(claim) == ["credited"]


def test_what_is_credited_of_a_claim_on_hold_is_not_lost_to_it(one: Claims) -> None:
    (claim,) = one.claims(1)
    one.do(operations.submit_claims, claims=[claim])
    one.do(operations.move_claim, ref=claim, event="hold", reason="asked them")

    with pytest.raises(Refused, match="on hold; resume it first"):
        one.note((claim, CLAIMED))
    one.do(operations.move_claim, ref=claim, event="resume")
    one.note((claim, CLAIMED))
    assert one.states(claim) == ["credited"]


def test_what_changed_since_somebody_looked_is_not_entered(one: Claims) -> None:
    (claim,) = one.claims(1)
    one.do(operations.submit_claims, claims=[claim])
    seen = one.look(Credited(claim, CLAIMED, "EUR")).seen
    one.do(operations.move_claim, ref=claim, event="refuse", reason="no fault of ours")
    with pytest.raises(Conflict, match="changed meanwhile"):
        one.note((claim, CLAIMED), seen=seen)
    assert one.states(claim) == ["refused"]
    with pytest.raises(Refused, match="credit note"):
        one.do(operations.move_claim, ref=claim, event="credit")
    dollars = one.look(Credited(claim, CLAIMED, "USD"))
    assert [row.event for row in dollars.consequences] == [None]


def test_another_currency_is_told_and_moves_nothing(one: Claims) -> None:
    (claim,) = one.claims(1)
    one.do(operations.submit_claims, claims=[claim])
    (row,) = one.look(Credited(claim, CLAIMED, "USD")).consequences
    assert (row.found.match, row.event, row.currency) == ("currency", None, "USD")


def test_all_that_can_be_claimed_is_proposed_once(one: Claims) -> None:
    one.repair()
    assert one.do(proposing.propose_all) == []
    one.do(operations.set_supplier_terms, **AGREED)
    assert len(one.do(proposing.propose_all)) == 1
    assert one.do(proposing.propose_all) == []


def test_only_the_operators_people_claim(one: Claims) -> None:
    (claim,) = one.claims(1)
    with one.db.read() as session, pytest.raises(NotFound):
        queries.claim_by_ref(session, claim, Scope(one._organisations["north"]))
    nobody = Actor("person", "n", "n", frozenset({"rma.view"}), None)
    with pytest.raises(Forbidden):
        one.do(operations.submit_claims, claims=[claim], actor=nobody)


PAST_THE_SERVICE = (
    "UPDATE rma_claims SET state = 'credited'",
    "UPDATE rma_claims SET ended_at = entered_at",
    "UPDATE rma_claim_lines SET amount_minor = 1",
    "DELETE FROM rma_claim_events",
    "UPDATE rma_credit_lines SET amount_minor = 1",
    "UPDATE rma_claim_events SET to_state = 'credited'",
)


def test_sql_past_the_service_is_refused(house: Claims) -> None:
    (claim,) = house.claims(1)
    house.do(operations.submit_claims, claims=[claim])
    house.note((claim, 5))

    taken = [statement for statement in PAST_THE_SERVICE if takes(house.db, statement)]

    assert taken == []


def takes(db: Database, statement: str) -> bool:
    """Return whether the database carries a statement out."""
    try:
        with db.write() as session:
            session.execute(sql(statement))
    except DBAPIError:
        return False
    return True


# --- two at once ---------------------------------------------------------------------------------


@pytest.mark.race
def test_of_many_who_send_the_same_claims_one_does_and_the_others_are_told(house: Claims) -> None:
    claims = house.claims(2)

    def send(number: int) -> Any:
        given = claims if number % 2 else claims[::-1]
        return house.do(operations.submit_claims, claims=given)

    found = at_once(send, 6)

    assert sum(isinstance(each, Refused) for each in found) == 5
    assert len({house.claim(number).batch_id for number in claims}) == 1


@pytest.mark.race
def test_a_note_that_two_enter_is_entered_once(house: Claims) -> None:
    (claim,) = house.claims(1)
    house.do(operations.submit_claims, claims=[claim])

    found = at_once(lambda _number: house.note((claim, CLAIMED)), 4)

    assert sum(isinstance(each, Refused) for each in found) == 3
    assert house.claim(claim).credited_minor == CLAIMED


# --- edges ---------------------------------------------------------------------------------------


def test_the_api_plays_it_all(people: Any, api: Any, one: Claims) -> None:
    order = one.repair()
    terms = {name: value for name, value in AGREED.items() if name != "model"}
    assert api("POST", "/claims", json={"order": order}).status_code == 409
    assert api("PUT", "/supplier-terms/AUR-1", json=terms).json["months"] == 24
    made = api("POST", "/claims", json={"order": order})
    assert (made.status_code, made.json["amount_minor"]) == (201, CLAIMED)
    assert [line["kind"] for line in made.json["lines"]] == ["part", "labour", "freight"]
    number = made.json["number"]

    batch = api("POST", "/claim-batches", json={"claims": [number]})
    again = api("POST", "/claim-batches", json={"claims": [number]})
    assert (batch.status_code, again.status_code) == (201, 409)
    step = {"event": "accept"}
    stale = api("POST", f"/claims/{number}/steps", json=step, headers={"If-Match": '"0"'})
    moved = api("POST", f"/claims/{number}/steps", json=step)
    assert (stale.status_code, moved.json["state"]) == (412, "accepted")

    look = {
        "supplier": ACME,
        "number": "CN-1",
        "lines": [{"reference": number, "amount_minor": CLAIMED, "currency": "EUR"}],
    }
    seen = api("POST", "/credit-notes/preview", json=look).json
    assert [row["event"] for row in seen["consequences"]] == ["credit"]
    note = look | {"issued_on": "2026-03-01", "seen": seen["seen"]}
    entered = api("POST", "/credit-notes", json=note)
    assert (entered.status_code, entered.json["lines"][0]["match"]) == (201, "matched")
    assert api("POST", "/credit-notes", json=note | {"seen": None}).status_code == 409
    assert api("GET", f"/credit-notes/{entered.json['id']}").json["number"] == "CN-1"
    assert [row["state"] for row in api("GET", "/claims?state=credited").json["items"]] == [
        "credited"
    ]
    assert api("GET", "/claim-batches").json["items"][0]["credited_minor"] == CLAIMED
    assert api("GET", "/supplier-terms").json["items"][0]["model"] == "AUR-1"


def test_the_pages_play_it_all(people: Any, client: Any, one: Claims) -> None:
    def send(page: str, path: str = "", **form: Any) -> Any:
        token = csrf_of(client.get(page).text)
        return client.post(path or page, data={"csrf_token": token, **form})

    root = "/returns/claims"
    assert "No claims yet" in client.get(root).text
    order = one.repair()
    form = {"model": "AUR-1", "supplier": ACME, "months": "24", "basis": "sale", "currency": "eur"}
    more = {"with_parts": "true", "labour": "30.00", "freight": "4.90"}
    refused = send(f"{root}/terms", **form, labour="much")
    assert refused.status_code == 422
    assert 'value="much"' in refused.text
    assert send(f"{root}/terms", **form, **more).status_code == 303
    assert order in client.get(f"{root}/candidates").text
    assert send(f"{root}/candidates", order=order).status_code == 303
    assert "Nothing to claim" in client.get(f"{root}/candidates").text

    page = client.get(root).text
    assert "SC-000001" in page
    assert "€26.90" in page
    assert (
        "From 1 to 500 claims."
        in client.post(
            f"{root}/batches", data={"csrf_token": csrf_of(page)}, follow_redirects=True
        ).text
    )
    sent = send(root, f"{root}/batches", claims="SC-000001")
    assert sent.headers["Location"].endswith("/batches/SB-000001")
    assert "SC-000001" in client.get(f"{root}/batches/SB-000001").text
    assert "SB-000001" in client.get(f"{root}/batches").text
    table = client.get(f"{root}/batches/SB-000001.csv")
    assert "SC-000001,SN-0001,AUR-1,2026-" in table.text
    assert "part,PSU-12,1,7.00,EUR" in table.text

    enter = f"{root}/credit-notes/new"
    assert 'value="SB-000001"' in client.get(f"{enter}?batch=SB-000001").text
    note = {"supplier": ACME, "number": "CN-1", "issued_on": "2026-03-01", "currency": "EUR"}
    unread = send(enter, **note, lines="SC-000001")
    assert unread.status_code == 422
    assert "Line 1" in unread.text
    shown = send(enter, **note, lines="SC-000001;20.00")
    assert (shown.status_code, "Credited too little" in shown.text) == (200, True)
    assert one.states("SC-000001") == ["submitted"]
    seen = shown.text.partition('name="seen" value="')[2].partition('"')[0]
    entered = send(enter, **note, lines="SC-000001;20.00", seen=seen)
    assert entered.status_code == 303
    assert "CN-1" in client.get(entered.headers["Location"]).text

    card = client.get(f"{root}/SC-000001").text
    assert "Take what was credited" in card
    assert "€20.00" in card
    assert send(f"{root}/SC-000001", f"{root}/SC-000001/take").status_code == 303
    assert one.states("SC-000001") == ["short"]
    send(f"{root}/SC-000001", f"{root}/SC-000001/take", reason="enough")
    assert one.states("SC-000001") == ["credited"]
    assert client.get(f"{root}/SC-9").status_code == 404
    assert client.get(f"{root}?state=nonsense&cursor=x").status_code in {200, 422}


def test_terms_in_no_currency_are_refused_on_the_page(client: Any, one: Claims) -> None:
    page = "/returns/claims/terms"
    form = {**AGREED, "labour": "30.00", "freight": "4.90", "currency": "zzz"}

    answer = client.post(page, data={"csrf_token": csrf_of(client.get(page).text), **form})

    assert (answer.status_code, "no currency that can be" in answer.text) == (422, True)


def noted(one: Claims) -> list[str]:
    """Enter two credit notes for three claims; return the numbers of the claims."""
    first, second, third = one.claims(3)
    batch = one.do(operations.submit_claims, claims=[first, second]).number
    one.do(operations.submit_claims, claims=[third])
    one.note((first, CLAIMED), (second, 100), batch=batch)
    one.note((third, CLAIMED), number="CN 2")
    return [first, second, third]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", ["CN 2", "CN 1"]),
        ("?text=cn2", ["CN 2"]),
        ("?text=SC-2", ["CN 1"]),
        ("?text=SC-9", []),
        ("?text=50%25", []),
        (f"?supplier={ACME}", ["CN 2", "CN 1"]),
        ("?supplier=OTHER", []),
        ("?batch=SB-000001", ["CN 1"]),
        ("?limit=1", ["CN 2"]),
    ],
)
def test_credit_notes_are_listed_the_newest_first(
    api: Any, one: Claims, query: str, numbers: list[str]
) -> None:
    noted(one)

    found = api("GET", f"/credit-notes{query}").json

    assert [row["number"] for row in found["items"]] == numbers


def test_the_list_of_credit_notes_goes_on_where_it_ended(api: Any, one: Claims) -> None:
    noted(one)
    cursor = api("GET", "/credit-notes?limit=1").json["next_cursor"]

    found = api("GET", f"/credit-notes?limit=1&cursor={cursor}").json

    assert ([row["number"] for row in found["items"]], found["next_cursor"]) == (["CN 1"], None)
    assert len(found["items"][0]["lines"]) == 2
    assert api("GET", "/credit-notes?cursor=x").status_code == 422


def test_credit_notes_are_the_operators_alone(one: Claims) -> None:
    noted(one)
    with one.db.read() as session:
        assert batches.notes_page(session, batches.NoteFilter(), Scope(7)).rows == []
        assert queries.claims_of_box(session, "any", Scope(7), limit=5) == []


def test_credit_notes_have_a_page_with_filters_and_sums(client: Any, one: Claims) -> None:
    root = "/returns/claims/credit-notes"
    empty = client.get(root).text
    noted(one)

    page, narrowed = client.get(root).text, client.get(f"{root}?batch=SB-000001&text=1").text

    assert "No credit notes yet" in empty
    assert ("CN 1" in page, "CN 2" in page, "€27.90" in page) == (True, True, True)
    assert ("CN 1" in narrowed, "CN 2" in narrowed) == (True, False)
    assert 'name="batch" value="SB-000001"' in narrowed
    assert "No credit note matches" in client.get(f"{root}?text=nothing").text
    assert root in client.get("/returns/claims").text


def test_the_list_of_credit_notes_asks_the_database_as_often_for_many(
    client: Any, one: Claims
) -> None:
    first, second, third = one.claims(3)
    one.do(operations.submit_claims, claims=[first, second, third])
    one.note((first, CLAIMED))
    client.get("/returns/claims/credit-notes")
    with statements(one.db) as few:
        client.get("/returns/claims/credit-notes")
    one.note((second, 100), (third, 100), number="CN 2")
    one.note((second, 200), number="CN 3")
    with statements(one.db) as many:
        client.get("/returns/claims/credit-notes")
    assert len(many) == len(few)


def test_case_and_box_name_what_is_claimed_from_the_supplier(client: Any, one: Claims) -> None:
    one.do(operations.set_supplier_terms, **AGREED)
    order = one.repair()
    case, box = f"/returns/{one.case.number}", f"/devices/{one.case.device.public_id}"
    before = client.get(case).text + client.get(box).text
    one.do(proposing.propose_claim, order=order)

    link = 'href="/returns/claims/SC-000001"'
    assert "/returns/claims/SC-" not in before
    assert "Claims from suppliers</h2>" not in before
    assert link in client.get(case).text
    assert link in client.get(box).text


def test_who_may_not_claim_is_told_of_no_claim(people: Any, sign_in: Any, one: Claims) -> None:
    one.claims(1)
    browser = sign_in(people.person("viewer", username="looker").username)

    pages = [f"/returns/{one.case.number}", f"/devices/{one.case.device.public_id}"]

    assert [("SC-000001" in browser.get(page).text) for page in pages] == [False, False]
    assert browser.get("/returns/claims/credit-notes").status_code == 403


def test_the_list_asks_the_database_as_often_for_many(
    people: Any, client: Any, one: Claims
) -> None:
    one.claims(1)
    with statements(one.db) as few:
        client.get("/returns/claims")
    for serial in ("SN-0002", "SN-0003"):
        order = one.repair(serial)
        one.do(proposing.propose_claim, order=order)
    with statements(one.db) as many:
        client.get("/returns/claims")
    assert len(many) == len(few)
