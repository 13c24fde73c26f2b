"""What is found, and that nobody finds more than their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from stb_service.devices import operations, queries
from stb_service.devices.card import card_of
from stb_service.devices.identity import queries as identity
from stb_service.devices.queries import DeviceFilter
from stb_service.devices.rules import Capability
from stb_service.shared.access import EVERYTHING, Scope
from stb_service.shared.db import Database
from stb_service.shared.errors import Invalid, NotFound
from stb_service.shared.paging import encode_cursor
from tests.stb_service.devices.conftest import FORMER_MAC, SHELF_MAC, Registry


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """Gather the statements sent to the database."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


def found(registry: Registry, wanted: DeviceFilter, scope: Scope = EVERYTHING) -> list[str]:
    page = registry.ask(queries.devices_page, wanted, scope, sort="serial")
    return [device.serial for device in page.rows]


@pytest.mark.parametrize(
    ("wanted", "serials"),
    [
        (DeviceFilter(), ["SN-0001", "SN-0002", "SN-0003", "SN-0004"]),
        (DeviceFilter(model="BOR-2"), ["SN-0003", "SN-0004"]),
        (DeviceFilter(model="NONE"), []),
        (DeviceFilter(revision="A"), ["SN-0001"]),
        (DeviceFilter(maker="CONTRACT works"), ["SN-0002"]),
        (DeviceFilter(status="sold"), ["SN-0001"]),
        (DeviceFilter(tenure="rented"), ["SN-0001"]),
        (DeviceFilter(tag="hotel"), ["SN-0003"]),
        (DeviceFilter(batch="B2"), ["SN-0002"]),
        (DeviceFilter(seller="south"), ["SN-0003"]),
        (DeviceFilter(custodian="north"), ["SN-0002"]),
        (DeviceFilter(custodian="south"), []),
        (DeviceFilter(codec="H.265"), ["SN-0001", "SN-0002"]),
        (DeviceFilter(protection="widevine"), ["SN-0001", "SN-0002"]),
        (DeviceFilter(text="sn 0003"), ["SN-0003"]),
        (DeviceFilter(text="0004"), ["SN-0004"]),
        (DeviceFilter(text="ab:01"), ["SN-0001"]),
        (DeviceFilter(text="friendly"), ["SN-0001"]),
        (DeviceFilter(text="B2"), ["SN-0002"]),
        (DeviceFilter(text="crm-1"), ["SN-0001"]),
        (DeviceFilter(model="AUR-1", status="in_stock"), ["SN-0002"]),
    ],
)
def test_every_filter_narrows_the_list(
    shelf: Registry, wanted: DeviceFilter, serials: list[str]
) -> None:
    assert found(shelf, wanted) == serials
    assert shelf.ask(queries.devices_count, wanted, EVERYTHING) == len(serials)


@pytest.mark.parametrize(("most", "count"), [(3, 3), (4, 4), (5, 4), (None, 4)])
def test_boxes_are_counted_no_further_than_asked(
    shelf: Registry, most: int | None, count: int
) -> None:
    assert shelf.ask(queries.devices_count, DeviceFilter(), EVERYTHING, most=most) == count


def test_a_text_that_many_boxes_match_finds_the_same_boxes(
    shelf: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MANY", 2)

    assert found(shelf, DeviceFilter(text="SN")) == ["SN-0001", "SN-0002", "SN-0003", "SN-0004"]


def test_a_box_is_found_by_what_it_can_do_besides_its_model(registry: Registry) -> None:
    with_it = registry.box("SN-0001")
    without = registry.box("SN-0002")
    hevc, av1 = Capability("codec", "hevc"), Capability("codec", "av1")
    registry.do(operations.set_capabilities, uid=with_it.public_id, overrides=[(av1, True)])
    registry.do(operations.set_capabilities, uid=without.public_id, overrides=[(hevc, False)])

    assert found(registry, DeviceFilter(codec="av1")) == ["SN-0001"]
    assert found(registry, DeviceFilter(codec="hevc")) == ["SN-0001"]


def test_a_dealer_lists_and_counts_what_it_sold_or_holds(shelf: Registry) -> None:
    scope = shelf.dealer("north").scope

    assert found(shelf, DeviceFilter(), scope) == ["SN-0001", "SN-0002"]
    assert shelf.ask(queries.devices_count, DeviceFilter(), scope) == 2
    assert shelf.ask(queries.count_by_status, scope) == {"in_stock": 1, "sold": 1}


def test_a_dealer_exports_and_names_only_its_own(shelf: Registry) -> None:
    scope = shelf.dealer("south").scope
    uids = [d.public_id for d in shelf.ask(queries.devices_page, DeviceFilter(), EVERYTHING).rows]

    rows = shelf.ask(queries.devices_after, DeviceFilter(), scope, after_id=0, limit=10)
    named = shelf.ask(queries.devices_by_uids, uids, scope)

    assert [device.serial for device in rows] == ["SN-0003"]
    assert [device.serial for device in named] == ["SN-0003"]


def test_the_card_of_a_foreign_box_is_not_found(shelf: Registry) -> None:
    (box,) = shelf.ask(queries.devices_page, DeviceFilter(tag="hotel"), EVERYTHING).rows

    with pytest.raises(NotFound):
        shelf.ask(card_of, box.public_id, shelf.dealer("north").scope)

    assert shelf.ask(card_of, box.public_id, shelf.dealer("south").scope).device.id == box.id


def test_the_history_of_a_foreign_box_is_empty(shelf: Registry) -> None:
    (box,) = shelf.ask(queries.devices_page, DeviceFilter(tag="hotel"), EVERYTHING).rows
    north = shelf.dealer("north").scope

    assert not shelf.ask(identity.identifiers_of, box, north)
    assert not shelf.ask(queries.custody_of, box, north)
    assert not shelf.ask(identity.disputes_of, box, north)
    assert shelf.ask(identity.identifiers_of, box, EVERYTHING)


def test_a_dealer_searches_its_own_boxes_and_tags(shelf: Registry) -> None:
    north, south = shelf.dealer("north").scope, shelf.dealer("south").scope

    assert [hit.title for hit in shelf.ask(identity.find_boxes, "0001", north, 5)] == ["SN-0001"]
    assert shelf.ask(identity.find_boxes, "0001", south, 5) == []
    assert [hit.title for hit in shelf.ask(queries.find_tags, "frie", north, 5)] == ["friendly"]
    assert shelf.ask(queries.find_tags, "frie", south, 5) == []


@pytest.mark.parametrize("sort", [sign + name for name in queries.SORTS for sign in ("", "-")])
def test_pages_of_every_order_neither_skip_nor_repeat(shelf: Registry, sort: str) -> None:
    ask = shelf.ask
    first = ask(queries.devices_page, DeviceFilter(), EVERYTHING, sort=sort, limit=3)
    cursor = first.next_cursor

    rest = ask(queries.devices_page, DeviceFilter(), EVERYTHING, sort=sort, cursor=cursor, limit=3)

    serials = [device.serial for device in (*first.rows, *rest.rows)]
    assert sorted(serials) == ["SN-0001", "SN-0002", "SN-0003", "SN-0004"]
    assert (len(first.rows), rest.next_cursor) == (3, None)


@pytest.mark.parametrize(
    ("sort", "values"),
    [
        ("serial", [1, 1]),
        ("serial", ["SN", "1"]),
        ("serial", ["SN", 2**70]),
        ("serial", ["SN"]),
        ("changed", ["SN", 1]),
        ("registered", ["SN"]),
        ("registered", [True]),
    ],
)
def test_a_cursor_of_another_list_is_refused(shelf: Registry, sort: str, values: list[Any]) -> None:
    cursor = encode_cursor(values)

    with pytest.raises(Invalid):
        shelf.ask(queries.devices_page, DeviceFilter(), EVERYTHING, sort=sort, cursor=cursor)


def test_an_unknown_order_is_refused(shelf: Registry) -> None:
    with pytest.raises(Invalid):
        shelf.ask(queries.devices_page, DeviceFilter(), EVERYTHING, sort="notes")


# --- search ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "SN-0001",
        "sn 0001",
        "SN-0001"[3:],
        SHELF_MAC,
        "0200.0000.ab01",
        "02-00-00-00-\u0430\u0412",
        "AB:01",
        "b01",
        "00:AB:O1",
    ],
)
def test_a_box_is_found_by_the_beginning_or_the_end_of_a_serial_or_mac(
    shelf: Registry, typed: str
) -> None:
    assert [hit.title for hit in shelf.ask(identity.find_boxes, typed, EVERYTHING, 5)] == [
        "SN-0001"
    ]


@pytest.mark.parametrize("typed", ["", "  ", "01", "zzz", "Ж", "x" * 200, "\x00\x00\x00"])
def test_nothing_is_found_by_too_little_or_by_nonsense(shelf: Registry, typed: str) -> None:
    assert shelf.ask(identity.find_boxes, typed, EVERYTHING, 5) == []
    assert shelf.ask(queries.find_tags, typed, EVERYTHING, 5) == []


def test_a_box_is_found_by_what_it_was_called_before_and_the_hit_says_so(shelf: Registry) -> None:
    (hit,) = shelf.ask(identity.find_boxes, FORMER_MAC, EVERYTHING, 5)

    assert hit.title == "SN-0001"
    assert hit.detail.startswith(f"formerly Ethernet MAC {FORMER_MAC}, until 2026-03-02")


def test_who_holds_an_identifier_now_comes_before_who_held_it(one: Registry) -> None:
    former = one.box("SN-0001", mac_ethernet=SHELF_MAC)
    one.do(operations.change_device, uid=former.public_id, mac_ethernet=None)
    one.box("SN-0002", mac_ethernet=SHELF_MAC)

    hits = one.ask(identity.find_boxes, SHELF_MAC, EVERYTHING, 5)

    assert [hit.title for hit in hits] == ["SN-0002", "SN-0001"]


def test_no_more_hits_come_than_were_asked_for(shelf: Registry) -> None:
    assert len(shelf.ask(identity.find_boxes, "SN-0", EVERYTHING, 2)) == 2


# --- cost -----------------------------------------------------------------------------------------


def test_the_list_takes_as_many_queries_for_many_boxes_as_for_one(shelf: Registry) -> None:
    with statements(shelf.db) as many:
        shelf.ask(queries.devices_page, DeviceFilter(), EVERYTHING)
    with statements(shelf.db) as few:
        shelf.ask(queries.devices_page, DeviceFilter(tag="hotel"), EVERYTHING)

    assert len(many) == len(few) == 2


def test_the_search_takes_two_queries(shelf: Registry) -> None:
    with statements(shelf.db) as sent:
        shelf.ask(identity.find_boxes, "SN-0", EVERYTHING, 5)

    assert len(sent) == 2


def test_the_card_takes_the_same_number_of_queries_however_long_the_history(
    one: Registry,
) -> None:
    box = one.box("SN-0001", mac_ethernet=SHELF_MAC, tags=["a", "b"])
    with statements(one.db) as before:
        one.ask(card_of, box.public_id, EVERYTHING)
    one.do(operations.swap_board, uid=box.public_id, mac_ethernet="02:00:00:00:00:99")
    one.do(operations.move_custody, uid=box.public_id, organisation="north")
    one.do(operations.move_custody, uid=box.public_id, organisation="south")
    with statements(one.db) as after:
        one.ask(card_of, box.public_id, EVERYTHING)

    assert len(before) == len(after)


@pytest.mark.parametrize("index", ["lookup", "lookup_reversed"])
def test_the_search_walks_a_range_of_an_index(one: Registry, index: str) -> None:
    plan = one.ask(
        lambda s: s.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT * FROM device_identifiers JOIN devices"
                " ON devices.id = device_identifiers.device_id"
                f" WHERE {index} >= 'AB' AND {index} < 'AC' ORDER BY {index} LIMIT 10"
            )
        ).all()
    )

    assert f"USING INDEX ix_device_identifiers_{index} ({index}>? AND {index}<?)" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
