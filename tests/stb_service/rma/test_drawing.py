"""The drawing of a machine: whole, readable, the same each time, and told in words."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stb_service.rma.cases import CASE
from stb_service.rma.claims import CLAIM
from stb_service.rma.drawing import LINE_CHARACTERS, describe, draw, wrapped
from stb_service.rma.layout import Box, lay_out
from stb_service.rma.machine import Machine
from stb_service.rma.rules import MACHINES
from stb_service.rma.workshop import ORDER
from stb_service.shared.i18n import speaking
from tests.stb_service.rma.journey import Journey

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {**MACHINES, CLAIM.name: CLAIM}
every = pytest.mark.parametrize("machine", DRAWN.values(), ids=list(DRAWN))


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def classes(svg: str, name: str) -> list[str]:
    """Return the texts of the states that have a class."""
    return [
        " ".join(text.text or "" for text in group.iter(f"{SVG}text"))
        for group in parsed(svg).iter(f"{SVG}g")
        if name in (group.get("class") or "").split()
    ]


@every
def test_every_state_and_every_step_is_drawn(machine: Machine) -> None:
    drawing = parsed(draw(machine))
    told = [t.text for p in drawing.iter(f"{SVG}path") for t in p.iter(f"{SVG}title")]

    shown = classes(draw(machine), "stb-machine-state")
    assert sorted(shown) == sorted(str(place.title) for place in machine.places.values())
    assert len(told) == len({(s.from_state, s.to_state) for s in machine.moves})
    assert all(
        any(str(machine.events[step.event]) in (words or "") for words in told)
        for step in machine.moves
    )


@every
def test_no_two_states_overlap(machine: Machine) -> None:
    boxes = [
        tuple(float(rect.get(name) or "") for name in ("x", "y", "width", "height"))
        for rect in parsed(draw(machine)).iter(f"{SVG}rect")
    ]

    assert all(
        abs(a[0] - b[0]) >= a[2] or abs(a[1] - b[1]) >= a[3] for a, b in combinations(boxes, 2)
    )


@every
def test_everything_lies_inside(machine: Machine) -> None:
    drawing = parsed(draw(machine))
    width, height = float(drawing.get("width") or 0), float(drawing.get("height") or 0)

    for rect in drawing.iter(f"{SVG}rect"):
        assert 0 <= float(rect.get("x") or -1) <= width - float(rect.get("width") or 0)
        assert 0 <= float(rect.get("y") or -1) <= height - float(rect.get("height") or 0)


def test_the_way_so_far_and_the_present_state_are_marked() -> None:
    svg = draw(CASE, Journey().to("deciding").happened["case"])

    assert classes(svg, "stb-machine-here") == ["To be decided"]
    assert set(classes(svg, "stb-machine-been")) == {
        *("New", "Requested", "Authorised", "On its way here", "Received", "Being inspected"),
    }
    assert "Approve the repair" in classes(svg, "stb-machine-label")
    assert svg.count('stb-machine-edge stb-machine-past"') == 6


def test_a_hold_is_marked_and_leaves_no_way_on() -> None:
    events = Journey().to("received").case("hold").happened["case"]

    assert classes(draw(CASE, events), "stb-machine-here") == ["⏸ Received"]
    assert classes(draw(CASE, events), "stb-machine-label") == []
    assert describe(CASE, events) == (
        "Now: Received. It is on hold. "
        "The way here: Requested, Authorised, On its way here, Received."
    )


def test_the_drawing_is_told_in_words() -> None:
    svg = parsed(draw(ORDER, Journey().to("repairing").happened["order"]))
    title, words = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")

    assert svg.get("role") == "img"
    assert title is not None
    assert words is not None
    assert svg.get("aria-labelledby") == f"{title.get('id')} {words.get('id')}"
    assert (words.text or "").startswith("Now: In repair. The way here: Expected, Arrived,")
    assert describe(CLAIM, []) == "7 states and 18 steps."


def test_a_language_read_from_right_to_left_sees_it_mirrored() -> None:
    plain, mirrored = parsed(draw(CASE)), parsed(draw(CASE, direction="rtl"))
    width = float(plain.get("width") or 0)
    left = [float(r.get("x") or 0) + 62 for r in plain.iter(f"{SVG}rect")]
    right = [float(r.get("x") or 0) + 62 for r in mirrored.iter(f"{SVG}rect")]

    assert mirrored.get("direction") == "rtl"
    assert [a + b for a, b in zip(left, right, strict=True)] == pytest.approx(
        [width] * len(left), abs=1
    )


@every
def test_the_same_table_gives_the_same_drawing_in_every_language(machine: Machine) -> None:
    first = draw(machine)
    with speaking("ar", "UTC"):
        arabic = draw(machine)

    assert draw(machine) == first
    places = re.compile(r'<rect x="([\d.]+)" y="([\d.]+)"')
    assert places.findall(arabic) == places.findall(first)


def test_nothing_in_it_needs_what_the_pages_forbid() -> None:
    svg = draw(CASE, Journey().to("deciding").happened["case"])

    assert "<script" not in svg
    assert "style=" not in svg
    assert "href" not in svg
    assert not re.search(r"\bon\w+=", svg)


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("Received", ["Received"]),
        ("Quoted again", ["Quoted again"]),
        ("To be returned, no fault found", ["To be returned,", "no fault found"]),
        ("Unterschriftsberechtigung", ["Unterschriftsberechtigung"]),
        ("Another box in the parcel", ["Another box in", "the parcel"]),
    ],
)
def test_titles_are_broken_into_lines_of_about_one_length(words: str, lines: list[str]) -> None:
    assert wrapped(words, LINE_CHARACTERS) == lines


@given(st.text(alphabet="ab ", min_size=1, max_size=80))
def test_no_word_is_lost_in_breaking(words: str) -> None:
    assert " ".join(wrapped(words, LINE_CHARACTERS)).split() == words.split()


GRAPHS = st.integers(2, 9).flatmap(
    lambda n: st.tuples(
        st.just([f"s{i}" for i in range(n)]),
        st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda e: e[0] != e[1]),
            max_size=20,
            unique=True,
        ),
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
    )
)


@settings(deadline=None)
@given(GRAPHS)
def test_any_graph_is_laid_out_without_overlaps(
    graph: tuple[list[str], list[tuple[int, int]], list[int]],
) -> None:
    states, pairs, stages = graph
    edges = [(states[a], states[b]) for a, b in pairs]
    box = Box()

    layout = lay_out(states, edges, box, dict(zip(states, stages, strict=True)))

    centres = [layout.centres[state] for state in states]
    assert all(
        abs(a.y - b.y) >= box.height or abs(a.x - b.x) >= box.width - 0.01
        for a, b in combinations(centres, 2)
    )
    for edge in edges:
        route = layout.routes[edge]
        assert (route[0], route[-1]) == (layout.centres[edge[0]], layout.centres[edge[1]])
        assert route[0].y != route[-1].y
