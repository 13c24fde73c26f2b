"""Whole boxes in a stock-taking: scanned, corrected, settled on closing, written off when missing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.devices.holdings.operations import give_to_account
from stb_service.devices.models import Device
from stb_service.parts.counts import operations, queries, scanning
from stb_service.parts.operations import receive_stock
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Conflict, Invalid, NotFound, Obstacle, Refused
from stb_service.shared.i18n import text
from stb_service.subscribers.operations import create_account
from tests.stb_service.devices.test_queries import statements
from tests.stb_service.parts.conftest import BOX, MAIN, NORTH, PSU, SCRAP, SUPPLIER, VAN, Stock
from tests.stb_service.parts.test_boxes_imported import stands
from tests.stb_service.parts.test_counts import begin
from tests.stb_service.parts.test_pages import post
from tests.stb_service.parts.test_races import THREADS, distant, is_true, together

__all__ = ["distant"]


def put(stock: Stock, *serials: str, to: str = MAIN) -> list[Device]:
    """Register boxes that a supplier delivers to a place, each worth 90.00."""
    boxes = [stock.box(serial) for serial in serials]
    ends: dict[str, Any] = {"from_location": SUPPLIER, "to_location": to}
    for box in boxes:
        stock.do(receive_stock, device=box.public_id, unit_cost_minor=9_000, **ends)
    return boxes


def scan(stock: Stock, ref: str, scanned: str, **more: Any) -> scanning.Scanned:
    found: scanning.Scanned = stock.do(scanning.scan_box, ref=ref, scanned=scanned, **more)
    return found


def close(stock: Stock, ref: str, **more: Any) -> dict[str, str]:
    """Close a sheet; return what became of each box."""
    stock.do(operations.close_count, ref=ref, **more)
    return outcomes(stock, ref)


def outcomes(stock: Stock, ref: str) -> dict[str, str]:
    lines = stock.ask(queries.count_by_ref, ref, EVERYTHING).lines
    return {line.device.serial: line.outcome for line in lines if line.device}


def write_off(stock: Stock, ref: str, number: int, **more: Any) -> dict[str, str]:
    stock.do(scanning.write_off_missing, ref=ref, number=number, **more)
    return outcomes(stock, ref)


def test_what_was_scanned_comes_here_and_what_was_not_is_written_off_when_confirmed(
    stock: Stock,
) -> None:
    put(stock, "SN-0001", "SN-0002")
    put(stock, "SN-0003", to=VAN)
    stock.box("SN-0004")
    ref = begin(stock)
    for serial in ("SN-0001", "SN-0003", "SN-0004"):
        scan(stock, ref, serial)

    closed = close(stock, ref)
    unconfirmed = stands(stock, "SN-0002")
    written_off = write_off(stock, ref, 1)

    assert closed == {
        "SN-0001": "here",
        "SN-0003": "brought",
        "SN-0004": "brought",
        "SN-0002": "missing",
    }
    assert unconfirmed == (MAIN, "new")
    assert written_off["SN-0002"] == "written_off"
    assert stands(stock, "SN-0002") == ("COUNT", "new")
    assert stands(stock, "SN-0003") == stands(stock, "SN-0004") == (MAIN, "new")
    assert stock.balance(MAIN, BOX).value_minor == 3 * 9_000
    assert stock.numbers(VAN, BOX) == (0, 0)
    assert is_true(stock)


def test_a_box_that_is_scanned_twice_counts_once(one: Stock) -> None:
    put(one, "SN-0001", to=VAN)
    ref = begin(one)

    first, again = scan(one, ref, "SN-0001"), scan(one, ref, " sn-0001 ")

    assert (first.was_known, again.was_known) == (False, True)
    assert close(one, ref) == {"SN-0001": "brought"}
    assert one.numbers(MAIN, BOX) == (1, 0)


@pytest.mark.parametrize("scanned", ["SN-9999", "", "PSU-12", "SN-000"])
def test_what_is_no_box_is_refused_and_nothing_is_lost(one: Stock, scanned: str) -> None:
    put(one, "SN-0001")
    ref = begin(one)
    scan(one, ref, "SN-0001")

    with pytest.raises(Invalid, match="nothing was written down"):
        scan(one, ref, scanned)

    assert list(outcomes(one, ref)) == ["SN-0001"]


def test_a_box_of_a_model_that_the_catalogue_lacks_is_refused(one: Stock) -> None:
    one.box("SN-0001", model="BOR-2")

    with pytest.raises(Invalid, match="Add whole boxes of model"):
        scan(one, begin(one), "SN-0001")


def test_a_box_is_found_by_its_mac(one: Stock) -> None:
    one.box("SN-0001", mac_ethernet="00:1A:79:33:44:55")

    line = scan(one, begin(one), "001a79334455").line

    assert line.counted == 1


def test_what_was_scanned_by_mistake_is_taken_out_until_the_sheet_ends(stock: Stock) -> None:
    (wrong, right) = put(stock, "SN-0001", "SN-0002", to=VAN)
    ref = begin(stock)
    for serial in ("SN-0001", "SN-0002"):
        scan(stock, ref, serial)
    take_out = partial(stock.do, scanning.take_out, ref=ref)

    take_out(device=wrong.public_id)
    with pytest.raises(NotFound):
        take_out(device=wrong.public_id)
    closed = close(stock, ref)
    with pytest.raises(Refused, match="has ended"):
        take_out(device=right.public_id)
    with pytest.raises(Refused, match="has ended"):
        scan(stock, ref, "SN-0001")

    assert closed == {"SN-0002": "brought"}
    assert stands(stock, "SN-0001") == (VAN, "new")


@pytest.mark.parametrize(
    ("chosen", "outcome", "where"),
    [
        (None, "brought", (MAIN, "refurbished")),
        ("defective", "brought", (MAIN, "defective")),
        ("new", "kept", (VAN, "refurbished")),
    ],
)
def test_a_box_is_in_the_condition_that_is_chosen_else_as_it_stands(
    one: Stock, chosen: str | None, outcome: str, where: tuple[str, str]
) -> None:
    (box,) = put(one, "SN-0001", to=VAN)
    one.move(VAN, device=box.public_id, to_condition="refurbished")
    ref = begin(one)
    scan(one, ref, "SN-0001", condition=chosen)

    assert close(one, ref) == {"SN-0001": outcome}
    assert stands(one) == where


def test_a_box_that_stands_here_is_graded_where_it_stands(one: Stock) -> None:
    put(one, "SN-0001")
    ref = begin(one)
    scan(one, ref, "SN-0001", condition="defective")

    assert close(one, ref) == {"SN-0001": "brought"}
    assert stands(one) == (MAIN, "defective")


def test_what_another_room_or_an_account_has_is_told_and_not_moved(one: Stock) -> None:
    names = ("SN-0001", "SN-0002", "SN-0003", "SN-0004")
    kept, held = *put(one, "SN-0001", to=VAN), one.box("SN-0002")
    missed, scrapped = put(one, "SN-0003", "SN-0004")
    account = one.do(create_account, kind="person", name="Ada", currency="EUR")
    one.do(give_to_account, uid=held.public_id, account=account.number, tenure="sold")
    one.move(SCRAP, device=scrapped.public_id)

    def keeper(session: Any, uid: str) -> list[Obstacle]:
        ours = {kept.public_id, missed.public_id}
        return [Obstacle("kept", text("Case %(n)s has it.", n="R-1"))] if uid in ours else []

    ref = begin(one)
    for serial in names[:2] + names[3:]:
        scan(one, ref, serial)
    closed = close(one, ref, keepers=[keeper])
    lines = one.ask(queries.count_by_ref, ref, EVERYTHING).lines

    assert closed == dict.fromkeys(names, "kept")
    assert {line.device.serial: str(line.why) for line in lines} == {
        "SN-0001": "Case R-1 has it.",
        "SN-0002": "An account has the box: take it back first.",
        "SN-0003": "Case R-1 has it.",
        "SN-0004": "Nothing is moved between these places.",
    }
    assert [stands(one, name) for name in names] == [
        (VAN, "new"),
        None,
        (MAIN, "new"),
        (SCRAP, "new"),
    ]
    with pytest.raises(Refused, match="No box is missing"):
        write_off(one, ref, 1)


def test_what_moves_while_it_is_counted_is_not_brought_back(one: Stock) -> None:
    here, there = put(one, "SN-0001") + put(one, "SN-0002", to=VAN)
    ref = begin(one)
    scan(one, ref, "SN-0001")
    scan(one, ref, "SN-0002")
    one.move(VAN, device=here.public_id)
    one.move(MAIN, device=there.public_id)

    assert close(one, ref) == {"SN-0001": "away", "SN-0002": "here"}
    assert (stands(one, "SN-0001"), stands(one, "SN-0002")) == ((VAN, "new"), (MAIN, "new"))


def test_boxes_are_missing_only_where_boxes_were_counted(one: Stock) -> None:
    put(one, "SN-0001", "SN-0002")
    parts, some, none = begin(one), "", ""
    one.do(operations.count_part, ref=parts, part=PSU, counted=0)
    assert close(one, parts) == {}
    some = begin(one)
    scan(one, some, "SN-0001")
    assert close(one, some, boxes=False) == {"SN-0001": "here"}
    none = begin(one)
    with pytest.raises(Refused, match="Nothing has been counted"):
        close(one, none)

    assert close(one, none, boxes=True) == {"SN-0001": "missing", "SN-0002": "missing"}


def test_what_is_missing_is_written_off_once_by_its_number(stock: Stock) -> None:
    boxes = put(stock, "SN-0001", "SN-0002", "SN-0003")
    ref = begin(stock)
    with pytest.raises(Refused, match="once the stock-taking is closed"):
        write_off(stock, ref, 3)
    close(stock, ref, boxes=True)
    stock.move(VAN, device=boxes[0].public_id)

    for wrong in (2, 4):
        with pytest.raises(Conflict, match=f"3 boxes are missing, not {wrong}"):
            write_off(stock, ref, wrong)
    done = write_off(stock, ref, 3)

    assert done == {"SN-0001": "away", "SN-0002": "written_off", "SN-0003": "written_off"}
    assert stands(stock, "SN-0001") == (VAN, "new")
    with pytest.raises(Refused, match="No box is missing"):
        write_off(stock, ref, 3)


def test_a_sheet_that_is_called_off_moves_no_box(one: Stock) -> None:
    put(one, "SN-0001", to=VAN)
    ref = begin(one)
    scan(one, ref, "SN-0001")
    one.do(operations.cancel_count, ref=ref)

    assert stands(one) == (VAN, "new")


def test_a_dealer_counts_the_own_boxes_and_knows_of_no_others(one: Stock) -> None:
    put(one, "SN-0001", "SN-0002", to=NORTH)
    put(one, "SN-0003")
    dealer = one.of("north")
    ref = begin(one, NORTH, actor=dealer)
    scan(one, ref, "SN-0001", actor=dealer)

    with pytest.raises(Invalid, match="No box that you see"):
        scan(one, ref, "SN-0003", actor=dealer)
    closed = close(one, ref, actor=dealer)
    write_off(one, ref, 1, actor=dealer)

    assert closed == {"SN-0001": "here", "SN-0002": "missing"}
    assert stands(one, "SN-0002") == ("COUNT", "new")


@pytest.mark.race
@pytest.mark.usefixtures("distant")
def test_scanners_that_meet_on_one_sheet_lose_nothing_and_count_nothing_twice(stock: Stock) -> None:
    serials = [f"SN-{n:04}" for n in range(THREADS)]
    put(stock, *serials, to=VAN)
    ref = begin(stock)

    ended = together([partial(scan, stock, ref, serial) for serial in serials * 2])

    assert ended == {"done": 2 * THREADS}
    assert sorted(outcomes(stock, ref)) == serials


@pytest.mark.race
@pytest.mark.usefixtures("distant")
def test_closing_and_writing_off_at_once_moves_each_box_once(stock: Stock) -> None:
    put(stock, "SN-0001", "SN-0002")
    moved, found = put(stock, "SN-0003", "SN-0004", to=VAN)
    ref = begin(stock)
    scan(stock, ref, "SN-0003")
    scan(stock, ref, "SN-0004")
    closing = [partial(stock.do, operations.close_count, ref=ref)] * 4
    moves = [partial(stock.move, NORTH, device=box.public_id) for box in (moved, found)] * 2

    ended = together([work for pair in zip(closing, moves, strict=True) for work in pair])
    off = together([partial(write_off, stock, ref, 2)] * THREADS)

    assert ended["ended"] == 3
    assert off == {"done": 1, "none-missing": 7}
    assert stock.numbers(MAIN, BOX) == (0, 0)
    assert is_true(stock)


# --- the page and the API ------------------------------------------------------------------------


@pytest.fixture
def shop(client: FlaskClient, one: Stock) -> Stock:
    """A stock behind the app that `client` has signed in to."""
    return one


def test_boxes_are_counted_blind_on_the_page_with_a_scanner(
    client: FlaskClient, shop: Stock
) -> None:
    put(shop, "SN-0001", "SN-0002", "SN-0003")
    sheet = post(client, "/stock/counts/new", location=MAIN).headers["Location"]

    first = post(client, f"{sheet}/boxes", scanned="SN-0001", condition="defective")
    page = client.get(first.headers["Location"]).text
    again = client.get(post(client, f"{sheet}/boxes", scanned="SN-0001").headers["Location"]).text
    post(client, f"{sheet}/boxes", scanned="SN-0002")
    (uid,) = [
        line.device.public_id
        for line in shop.ask(queries.count_by_ref, sheet.split("/")[-1], EVERYTHING).lines
        if line.device.serial == "SN-0001"
    ]
    post(client, f"{sheet}/boxes/{uid}/take-out")
    blind = client.get(sheet).text
    post(client, f"{sheet}/close", boxes="true")
    closed = client.get(sheet).text
    wrong = client.get(post(client, f"{sheet}/missing", number="1").headers["Location"]).text
    post(client, f"{sheet}/missing", number="2", reason="burglary")

    assert "written down. Condition: Defective" in page
    assert "autofocus" in _tag(page, "field-scanned")
    assert "autofocus" not in _tag(page, "field-part")
    assert '<option value="defective" selected>' in page
    assert "It counts once" in again
    assert "SN-0001" not in blind
    assert "SN-0003" not in blind
    assert "What became of it" not in blind
    assert "Write 2 boxes off" in closed
    assert "2 boxes are missing, not 1." in wrong
    assert "Written off as missing" in client.get(sheet).text
    assert shop.numbers(MAIN, BOX) == (1, 0)


def _tag(page: str, of: str) -> str:
    """Return what an input says after its id."""
    return page.partition(f'id="{of}"')[2].partition(">")[0]


@pytest.mark.parametrize("scanned", ["SN-9999", "", "x" * 65])
def test_a_refused_scan_says_so_at_the_field_and_waits_for_the_next(
    client: FlaskClient, shop: Stock, scanned: str
) -> None:
    sheet = post(client, "/stock/counts/new", location=MAIN).headers["Location"]

    answer = post(client, f"{sheet}/boxes", scanned=scanned, condition="defective")

    tag = _tag(answer.text, "field-scanned")
    assert answer.status_code == 422
    assert "autofocus" in tag
    assert "value=" not in tag
    assert 'id="field-scanned-error"' in answer.text
    assert "data-focus" not in answer.text
    assert '<option value="defective" selected>' in answer.text


def test_a_scan_on_a_sheet_that_has_ended_is_told(client: FlaskClient, shop: Stock) -> None:
    put(shop, "SN-0001")
    sheet = post(client, "/stock/counts/new", location=MAIN).headers["Location"]
    post(client, f"{sheet}/cancel")

    answer = post(client, f"{sheet}/boxes", scanned="SN-0001")

    assert answer.status_code == 409
    assert "The stock-taking has ended." in answer.text


def test_a_sheet_takes_as_many_queries_for_many_boxes_as_for_few(
    client: FlaskClient, shop: Stock
) -> None:
    put(shop, "SN-0001", "SN-0002", "SN-0003")
    ref = begin(shop)
    scan(shop, ref, "SN-0001")
    client.get(f"/stock/counts/{ref}")
    with statements(shop.db) as few:
        client.get(f"/stock/counts/{ref}")
    scan(shop, ref, "SN-0002")
    scan(shop, ref, "SN-0003")
    with statements(shop.db) as many:
        client.get(f"/stock/counts/{ref}")

    assert len(few) == len(many)


def test_boxes_are_counted_through_the_api(api: Any, one: Stock) -> None:
    box, _other = put(one, "SN-0001", "SN-0002")
    path = f"/stock-counts/{begin(one)}"

    first = api("POST", f"{path}/boxes", json={"scanned": "SN-0001"})
    again = api("POST", f"{path}/boxes", json={"scanned": "SN-0001", "condition": "new"})
    gone = api("DELETE", f"{path}/boxes/{box.public_id}")
    twice = api("DELETE", f"{path}/boxes/{box.public_id}")
    api("POST", f"{path}/boxes", json={"scanned": "SN-0001"})
    (blind,) = api("GET", path).json["lines"]
    early = api("POST", f"{path}/missing", json={"number": 1})
    closed = api("POST", f"{path}/close", json={})
    late = api("DELETE", f"{path}/boxes/{box.public_id}")
    wrong = api("POST", f"{path}/missing", json={"number": 2})
    done = api("POST", f"{path}/missing", json={"number": 1})

    assert (first.status_code, first.json["was_known"]) == (201, False)
    assert (again.status_code, again.json["was_known"]) == (201, True)
    assert (gone.status_code, twice.status_code, late.status_code) == (204, 404, 409)
    assert [blind[name] for name in ("expected", "difference", "outcome")] == [None] * 3
    assert [line["outcome"] for line in closed.json["lines"]] == ["here", "missing"]
    assert [answer.status_code for answer in (early, wrong, done)] == [409, 409, 200]
    assert [line["outcome"] for line in done.json["lines"]] == ["here", "written_off"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scanned": ""},
        {"scanned": "SN-9999"},
        {"scanned": "SN\u00000001"},
        {"scanned": 7},
        {"scanned": "SN-0001", "condition": "shiny"},
    ],
)
def test_a_scan_that_cannot_be_is_refused_through_the_api(
    api: Any, one: Stock, body: dict[str, Any]
) -> None:
    put(one, "SN-0001")
    path = f"/stock-counts/{begin(one)}"

    answer = api("POST", f"{path}/boxes", json=body)

    assert answer.status_code == 422
    assert api("GET", path).json["lines"] == []


def test_who_may_not_count_scans_nothing(api_as: Callable[..., Any], one: Stock) -> None:
    put(one, "SN-0001")
    path = f"/stock-counts/{begin(one)}"
    viewer, dealer = api_as("viewer"), api_as("agent", "north")

    assert viewer("POST", f"{path}/boxes", json={"scanned": "SN-0001"}).status_code == 403
    assert viewer("POST", f"{path}/missing", json={"number": 1}).status_code == 403
    assert dealer("POST", f"{path}/boxes", json={"scanned": "SN-0001"}).status_code == 404
