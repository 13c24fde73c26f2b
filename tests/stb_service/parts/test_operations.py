"""Verbs on stock: what moves, what it is worth, what is held back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.devices import operations as devices
from stb_service.devices.queries import device_by_uid
from stb_service.devices.rules import Status
from stb_service.parts import operations, queries
from stb_service.parts.catalogue.operations import change_location, change_part, create_part
from stb_service.parts.catalogue.queries import part_by_ref
from stb_service.parts.models import StockMove
from stb_service.shared.access import EVERYTHING
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import Conflict, Invalid, NotFound, Refused
from tests.stb_service.parts.conftest import (
    BOX,
    CENTRE,
    MAIN,
    NORTH,
    PSU,
    QUARANTINE,
    SCRAP,
    SUPPLIER,
    VAN,
    Stock,
)

CUSTOMERS = operations.CUSTOMERS


def audited(stock: Stock, verb: str) -> list[dict[str, Any]]:
    """Return what the audit says of a verb, in order."""
    statement = select(AuditEntry).where(AuditEntry.verb == verb).order_by(AuditEntry.id)
    found: list[dict[str, Any]] = stock.ask(lambda s: [row.changes for row in s.scalars(statement)])
    return found


# --- moves ---------------------------------------------------------------------------------------


def test_what_a_supplier_delivers_is_there_and_missing_at_the_supplier(stock: Stock) -> None:
    stock.receive(10, cost=250)

    assert stock.numbers(MAIN) == (10, 0)
    assert stock.numbers(SUPPLIER) == (-10, 0)
    assert stock.balance(MAIN).value_minor == 2500


def test_a_move_is_audited_with_what_it_was_worth(stock: Stock) -> None:
    stock.receive(10, cost=250, reference="PO-7")

    assert audited(stock, "stock_move.make") == [
        {
            "part": PSU,
            "quantity": 10,
            "from_location": SUPPLIER,
            "to_location": MAIN,
            "condition": "new",
            "value_minor": 2500,
            "currency": "EUR",
            "reference": "PO-7",
        }
    ]


def test_a_transfer_takes_its_worth_along_and_loses_no_minor_unit(stock: Stock) -> None:
    stock.receive(2, cost=100)
    stock.receive(1, cost=101)

    moved = [stock.move(VAN).value_minor for _ in range(3)]

    assert moved == [100, 101, 100]
    assert stock.balance(MAIN).value_minor == 0
    assert stock.balance(VAN).value_minor == 301


@pytest.mark.parametrize(("quantity", "code"), [(4, None), (5, None), (6, "stock")])
def test_no_more_leaves_than_is_there(stock: Stock, quantity: int, code: str | None) -> None:
    stock.receive(5)

    found = refusal(stock.move, VAN, quantity)

    assert found == code
    assert stock.numbers(VAN)[0] == (0 if code else quantity)


def refusal(verb: Any, *arguments: Any, **more: Any) -> str | None:
    """Return the code of a refusal, or None if there was none."""
    try:
        verb(*arguments, **more)
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        (MAIN, MAIN, "same"),
        (SUPPLIER, CUSTOMERS, "move"),
        (SUPPLIER, SCRAP, "move"),
        (SCRAP, MAIN, "move"),
        (MAIN, SUPPLIER, None),
        (MAIN, SCRAP, None),
        (MAIN, CUSTOMERS, None),
        (CUSTOMERS, MAIN, None),
        (SUPPLIER, CENTRE, None),
    ],
)
def test_between_some_places_nothing_is_moved(
    one: Stock, source: str, target: str, code: str | None
) -> None:
    one.receive(1)

    assert refusal(one.move, target, from_location=source) == code


def test_a_piece_is_graded_where_it_is_and_never_becomes_new_again(one: Stock) -> None:
    one.receive(3)

    one.move(MAIN, 2, to_condition="defective")
    one.move(MAIN, 1, condition="defective", to_condition="refurbished")
    found = refusal(one.move, MAIN, condition="refurbished", to_condition="new")

    assert found == "condition"
    states = [one.numbers(condition=c)[0] for c in ("new", "refurbished", "defective")]
    assert states == [1, 1, 1]


def close(session: Session, *, code: str, **who: Any) -> None:
    location = queries.location_by_ref(session, code, EVERYTHING)
    change_location(session, location=location, is_active=False, **who)


def retire(session: Session, *, sku: str, **who: Any) -> None:
    change_part(session, part=part_by_ref(session, sku), is_active=False, **who)


def test_a_closed_place_takes_nothing_but_gives(one: Stock) -> None:
    one.receive(2, to=VAN)
    one.do(close, code=VAN)

    assert refusal(one.receive, 1, to=VAN) == "place"
    assert refusal(one.move, MAIN, from_location=VAN) is None


def test_a_part_out_of_use_is_not_received_but_used_up(one: Stock) -> None:
    one.receive(2)
    one.do(retire, sku=PSU)

    assert refusal(one.receive, 1) == "part"
    assert refusal(one.move, CUSTOMERS) is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"part": "NONE"}, "part"),
        ({"part": None}, "part"),
        ({"part": BOX}, "part"),
        ({"from_location": "NOWHERE"}, "from_location"),
        ({"from_location": None}, "from_location"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 1_000_001}, "quantity"),
        ({"unit_cost_minor": 5}, "unit_cost_minor"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field(
    one: Stock, wrong: dict[str, Any], field: str
) -> None:
    one.receive(1)

    with pytest.raises(Invalid) as refused:
        one.move(VAN, **wrong)

    assert field in refused.value.fields


def test_only_a_supplier_delivers(one: Stock) -> None:
    with pytest.raises(Invalid, match="Name a supplier"):
        one.receive(1, from_location=VAN)


# --- boxes ---------------------------------------------------------------------------------------


def test_a_box_stands_in_one_place_and_leaves_from_there(stock: Stock) -> None:
    box = stock.box()
    stock.receive(1, part=None, device=box.public_id)

    stock.move(VAN, device=box.public_id)

    assert stock.numbers(MAIN, BOX) == (0, 0)
    assert stock.numbers(VAN, BOX) == (1, 0)
    with pytest.raises(Invalid) as refused:
        stock.move(QUARANTINE, device=box.public_id, from_location=MAIN)
    assert str(refused.value.fields["device"][0]) == "The box stands at VAN-1."


def test_custody_follows_a_box_to_a_place_of_an_organisation_and_back(stock: Stock) -> None:
    box = stock.box()
    stock.receive(1, part=None, device=box.public_id)
    operator_gave = stock.ask(device_by_uid, box.public_id, EVERYTHING).custodian
    stock.move(NORTH, device=box.public_id)

    held = stock.ask(device_by_uid, box.public_id, EVERYTHING).custodian

    assert operator_gave is None
    assert held is not None
    assert held.code == "north"


def test_a_box_of_a_model_that_is_not_in_the_catalogue_is_refused(one: Stock) -> None:
    box = one.box(model="BOR-2")

    with pytest.raises(Invalid, match="Add whole boxes of model BOR-2"):
        one.receive(1, part=None, device=box.public_id)


def test_a_scrapped_box_is_not_moved(one: Stock) -> None:
    box = one.box()
    one.do(devices.change_status, status=Status.SCRAPPED, uid=box.public_id)

    with pytest.raises(Refused, match="history"):
        one.receive(1, part=None, device=box.public_id)


# --- reservations --------------------------------------------------------------------------------


def test_what_is_reserved_is_there_but_not_available(stock: Stock) -> None:
    stock.receive(3)

    stock.reserve(2)

    assert stock.numbers() == (3, 2)
    assert refusal(stock.move, VAN, 2) == "reserved"
    assert refusal(stock.move, VAN, 1) is None


@pytest.mark.parametrize(("quantity", "code"), [(2, None), (3, None), (4, "available")])
def test_no_more_is_reserved_than_is_available(
    stock: Stock, quantity: int, code: str | None
) -> None:
    stock.receive(3)

    assert refusal(stock.reserve, quantity) == code
    assert stock.numbers() == (3, 0 if code else quantity)


def test_the_same_need_is_reserved_once(stock: Stock) -> None:
    stock.receive(3)

    first, second = stock.reserve(2), stock.reserve(2)

    assert first.public_id == second.public_id
    assert stock.numbers() == (3, 2)
    with pytest.raises(Conflict, match="another reservation"):
        stock.reserve(1)


def test_what_is_used_of_a_reservation_leaves_and_the_rest_is_let_go(stock: Stock) -> None:
    stock.receive(5, cost=300)
    made = stock.reserve(3)

    used = stock.do(operations.consume_reservation, ref=made.public_id, quantity=2)
    again = stock.do(operations.consume_reservation, ref=made.public_id, quantity=2)

    assert (used.state, used.used, again.row_version) == ("used", 2, used.row_version)
    assert stock.numbers() == (3, 0)
    assert stock.numbers(CUSTOMERS) == (2, 0)
    assert stock.balance().value_minor == 900


def test_what_is_let_go_is_available_again_and_not_used_later(stock: Stock) -> None:
    stock.receive(2)
    made = stock.reserve(2)

    stock.do(operations.release_reservation, ref=made.public_id)
    stock.do(operations.release_reservation, ref=made.key)

    assert stock.numbers() == (2, 0)
    with pytest.raises(Refused, match="let go"):
        stock.do(operations.consume_reservation, ref=made.public_id)


def test_what_was_used_is_not_let_go(one: Stock) -> None:
    one.receive(2)
    made = one.reserve(2)
    one.do(operations.consume_reservation, ref=made.public_id)

    assert refusal(one.do, operations.release_reservation, ref=made.public_id) == "used"
    assert refusal(one.do, operations.consume_reservation, ref=made.public_id, quantity=1) == "used"


@pytest.mark.parametrize(
    ("location", "condition", "code"),
    [(MAIN, "defective", "condition"), (QUARANTINE, "new", "place"), (SUPPLIER, "new", "place")],
)
def test_only_good_pieces_on_a_shelf_are_reserved(
    one: Stock, location: str, condition: str, code: str
) -> None:
    one.receive(2, to=QUARANTINE)
    one.receive(2, condition="defective")

    assert refusal(one.reserve, 1, location=location, condition=condition) == code


def test_a_reservation_is_audited_from_end_to_end(one: Stock) -> None:
    one.receive(2)
    made = one.reserve(2)
    one.do(operations.consume_reservation, ref=made.public_id, quantity=1)

    assert audited(one, "reservation.make")[0]["quantity"] == 2
    assert audited(one, "reservation.consume") == [{"state": ["held", "used"], "used": 1}]


# --- scope ---------------------------------------------------------------------------------------


def test_a_dealer_moves_nothing_out_of_places_of_others(stock: Stock) -> None:
    stock.receive(2)
    stock.receive(2, to=NORTH)
    dealer = stock.of("north")

    stock.move(CUSTOMERS, from_location=NORTH, actor=dealer)

    assert stock.numbers(NORTH) == (1, 0)
    with pytest.raises(Invalid, match="another look"):
        stock.move(NORTH, from_location=MAIN, actor=dealer)
    with pytest.raises(Invalid, match="another look"):
        stock.move(MAIN, from_location=NORTH, actor=dealer)
    with pytest.raises(Invalid, match="another look"):
        stock.reserve(1, actor=dealer)


def test_the_reservation_of_another_is_not_there_for_a_dealer(one: Stock) -> None:
    one.receive(2)
    made = one.reserve(2)

    with pytest.raises(NotFound):
        one.do(operations.release_reservation, ref=made.public_id, actor=one.of("north"))


def test_the_ledger_holds_two_sides_of_each_move(one: Stock) -> None:
    one.receive(2)
    one.move(VAN)

    rows = one.ask(lambda s: s.scalars(select(StockMove).order_by(StockMove.id)).all())

    assert [(row.side, row.seq, row.on_hand) for row in rows] == [
        ("out", 1, -2),
        ("in", 1, 2),
        ("out", 2, 1),
        ("in", 1, 1),
    ]
    assert len({row.number for row in rows}) == 2


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"currency": "EUX"}, "currency"),
        ({"currency": "eur"}, "currency"),
        ({"component": "engine"}, "component"),
    ],
)
def test_a_part_has_a_currency_and_a_component_that_there_are(
    stock: Stock, wrong: dict[str, str], field: str
) -> None:
    fields: dict[str, Any] = {"sku": "HD-1", "name": "Disk", "currency": "EUR", **wrong}

    with pytest.raises(Invalid) as refused, stock.db.write() as session:
        create_part(session, actor=stock.actor, now=stock.now, **fields)

    assert list(refused.value.fields) == [field]
