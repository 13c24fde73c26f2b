"""The arithmetic of stock: what moves are, what pieces are worth, what to order, barcodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stb_service.parts.rules import (
    EMPTY,
    Balance,
    LocationKind,
    MoveKind,
    Side,
    after,
    gtin,
    move_kind,
    obstacles_to_holding,
    obstacles_to_taking,
    suggestion,
)
from tests.stb_service.parts.conftest import codes


@pytest.mark.parametrize(
    ("source", "target", "same", "kind"),
    [
        ("supplier", "warehouse", False, MoveKind.RECEIVE),
        ("supplier", "scrap", False, None),
        ("supplier", "customer", False, None),
        ("warehouse", "van", False, MoveKind.TRANSFER),
        ("warehouse", "warehouse", False, MoveKind.TRANSFER),
        ("warehouse", "warehouse", True, MoveKind.GRADE),
        ("quarantine", "warehouse", False, MoveKind.TRANSFER),
        ("van", "customer", False, MoveKind.USE),
        ("customer", "centre", False, MoveKind.RETURN),
        ("customer", "scrap", False, MoveKind.RETURN),
        ("warehouse", "supplier", False, MoveKind.SEND_BACK),
        ("dealer", "scrap", False, MoveKind.SCRAP),
        ("scrap", "warehouse", False, None),
        ("scrap", "scrap", True, None),
        ("count", "warehouse", False, MoveKind.COUNT),
        ("warehouse", "count", False, MoveKind.COUNT),
        ("supplier", "count", False, None),
        ("customer", "customer", True, None),
    ],
)
def test_a_move_is_what_its_ends_make_it(
    source: str, target: str, same: bool, kind: MoveKind | None
) -> None:
    assert move_kind(source, target, is_same_place=same) == kind


@pytest.mark.parametrize(("quantity", "worth"), [(0, 0), (1, 33), (2, 67), (3, 100), (4, 100)])
def test_the_last_piece_takes_what_is_left_of_the_worth(quantity: int, worth: int) -> None:
    assert Balance(1, 3, 0, 100).worth(quantity) == worth


def test_what_stands_below_zero_is_worth_nothing() -> None:
    assert Balance(1, -3, 0, -100).worth(1) == 0


@given(st.integers(1, 500), st.integers(0, 10**9), st.lists(st.integers(1, 40), max_size=30))
def test_no_minor_unit_is_lost_however_pieces_leave(
    pieces: int, value: int, takes: list[int]
) -> None:
    balance, gone = Balance(1, pieces, 0, value), 0
    for wanted in [*takes, pieces]:
        taken = min(wanted, balance.on_hand)
        worth = balance.worth(taken)
        assert 0 <= worth <= balance.value_minor
        balance = after(balance, Side.OUT, taken, worth)
        gone += worth
    assert (balance.on_hand, balance.value_minor, gone) == (0, 0, value)


@pytest.mark.parametrize(
    ("side", "left"),
    [
        (Side.IN, Balance(1, 5, 0, 50)),
        (Side.OUT, Balance(1, -5, 0, -50)),
        (Side.HOLD, Balance(1, 0, 5, 0)),
        (Side.FREE, Balance(1, 0, -5, 0)),
    ],
)
def test_a_row_changes_what_its_side_says(side: Side, left: Balance) -> None:
    assert after(EMPTY, side, 5, 50) == left


def test_what_is_used_of_a_reservation_is_freed_as_it_leaves() -> None:
    assert after(Balance(4, 9, 3, 90), Side.OUT, 2, 20, freed=2) == Balance(5, 7, 1, 70)


@pytest.mark.parametrize(
    ("quantity", "found"),
    [(6, []), (7, []), (8, ["reserved"]), (10, ["reserved"]), (11, ["stock"])],
)
def test_what_may_leave_is_what_is_not_reserved(quantity: int, found: list[str]) -> None:
    assert codes(obstacles_to_taking(Balance(1, 10, 3, 0), quantity)) == found


@pytest.mark.parametrize(
    ("quantity", "condition", "place", "found"),
    [
        (6, "new", "warehouse", []),
        (7, "refurbished", "van", []),
        (8, "new", "warehouse", ["available"]),
        (1, "defective", "warehouse", ["condition"]),
        (1, "new", "quarantine", ["place"]),
        (1, "new", "supplier", ["place"]),
    ],
)
def test_what_may_be_reserved_is_good_free_and_on_a_shelf(
    quantity: int, condition: str, place: str, found: list[str]
) -> None:
    obstacles = obstacles_to_holding(
        Balance(1, 10, 3, 0), quantity, condition=condition, location_kind=place
    )

    assert codes(obstacles) == found


@pytest.mark.parametrize(
    ("projected", "order"),
    [(4, 0), (3, 0), (2, 10), (0, 10), (-2, 15)],
)
def test_the_order_fills_up_to_the_maximum_in_whole_packs(projected: int, order: int) -> None:
    found = suggestion(projected, minimum=3, maximum=10, min_order=1, pack_size=5)

    assert found == order


@pytest.mark.parametrize(("min_order", "order"), [(7, 8), (8, 8), (9, 9)])
def test_no_less_is_ordered_than_the_supplier_takes(min_order: int, order: int) -> None:
    assert suggestion(2, minimum=3, maximum=10, min_order=min_order) == order


@given(
    st.integers(-50, 50),
    st.integers(1, 50),
    st.integers(0, 50),
    st.integers(1, 60),
    st.integers(1, 12),
)
def test_an_order_always_reaches_the_maximum(
    projected: int, minimum: int, above: int, least: int, pack: int
) -> None:
    maximum = minimum + above
    found = suggestion(projected, minimum=minimum, maximum=maximum, min_order=least, pack_size=pack)
    assert (found == 0) == (projected >= minimum)
    assert found == 0 or (projected + found >= maximum and found >= least and found % pack == 0)


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("4006381333931", "4006381333931"),
        ("4006381 333931", "4006381333931"),
        ("4006381333932", None),
        ("96385074", "96385074"),
        ("036000291452", "0036000291452"),
        ("10036000291459", "10036000291459"),
        ("123456789", None),
        ("", None),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", None),
        ("400638133393X", None),
    ],
)
def test_a_barcode_is_read_by_its_check_digit(raw: str, read: str | None) -> None:
    assert gtin(raw) == read


def test_every_kind_of_place_is_an_end_of_some_move() -> None:
    ends = {
        kind
        for source in LocationKind
        for target in LocationKind
        if move_kind(source, target, is_same_place=False)
        for kind in (source, target)
    }

    assert ends == set(LocationKind)
