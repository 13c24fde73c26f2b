"""The overview's tile: how many returns wait for whom."""

from __future__ import annotations

from stb_service.rma import board
from stb_service.rma.board import Tally
from stb_service.rma.operations import open_case
from stb_service.rma.wiring import wire
from stb_service.shared.access import EVERYTHING
from stb_service.shared.registries import Registries
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.rma.conftest import House


def test_cases_are_counted_by_whom_they_wait_for_and_by_their_day(one: House) -> None:
    one.open(one.customers_box("SN-0001")).received_somewhere()
    one.open(one.customers_box("SN-0002")).authorised()
    one.open(one.customers_box("SN-0003")).authorised().on_case("post", carrier="P", tracking="1Z3")
    one.open(one.customers_box("SN-0004")).on_case("cancel", reason="It works again")
    before = one.ask(board.tally, EVERYTHING, one.now)

    one.tick(days=60)
    one.open(one.customers_box("SN-0005"))

    assert before == Tally(live=3, us=1, customer=1, late=0)
    assert one.ask(board.tally, EVERYTHING, one.now) == Tally(live=4, us=2, customer=1, late=1)


def test_the_tile_counts_within_the_scope_and_is_absent_without_a_case(one: House) -> None:
    registries = Registries()
    wire(registries)
    (tile,) = registries.tiles
    dealer = one.dealer("north")
    one.open(one.customers_box())
    none = one.ask(tile.load, dealer, one.now)
    one.do(open_case, device=one.box("SN-2", custodian="north").public_id, actor=dealer)

    assert tile.verb == "rma.view"
    assert none == {}
    assert one.ask(tile.load, dealer, one.now)["tally"].live == 1
    assert one.ask(tile.load, one.actor, one.now)["tally"].live == 2


def test_the_tile_takes_one_query(one: House) -> None:
    def count() -> int:
        with statements(one.db) as sent:
            one.ask(board.tally, EVERYTHING, one.now)
        return len(sent)

    empty = count()
    one.open(one.customers_box("SN-0001")).authorised()
    one.open(one.customers_box("SN-0002"))

    assert count() == empty == 1
