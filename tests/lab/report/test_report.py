"""The report of a run: one page that needs nothing else, and plots that hold what they are given."""

from __future__ import annotations

import re
from typing import Any

import pytest
from lxml import etree

from lab.engines.outcome import Sign
from lab.report.drawing import MOST_POINTS, draw, legend, nice_steps, stretches, thinned
from lab.report.grid import TITLES, draw_grid
from lab.report.page import report_of

EVIL = "<script>alert(1)</script>\"'&"


def plot(points: Any = ((0.0, 1.0), (1.0, 2.0)), **changes: Any) -> dict[str, Any]:
    return {
        "title": "h264: PSNR of the luma",
        "unit": "dB",
        "lines": [{"name": "picture", "points": points}],
        "marks": [],
        "limit": None,
        **changes,
    }


def mark(*at_s: float, name: str = "continuity error") -> dict[str, Any]:
    return {"name": name, "at_s": list(at_s)}


def result(**changes: Any) -> dict[str, Any]:
    return {
        "evidence": "emulated",
        "scenario": {"name": "small", "title": "Small", "about": "For tests.", "digest": "0f"},
        "seed": 1,
        "made_with": {"stb-lab": "0.1.0"},
        "verdict": "fail",
        "expectations": [
            {
                "measure": "h264.missing_frames",
                "expected": "at most 5",
                "value": 9.0,
                "unit": "",
                "holds": False,
            },
            {
                "measure": "hevc.missing_frames",
                "expected": "at most 5",
                "value": 3.0,
                "unit": "",
                "holds": True,
            },
        ],
        "measures": {"h264.missing_frames": {"value": 9.0, "unit": ""}},
        "facts": {"recipe": "ab"},
        "tables": [{"title": "What was done", "columns": ["fault"], "rows": [["lost"]]}],
        "grids": [],
        "plots": [plot(marks=[mark(0.5)]), plot(title="hevc: PSNR of the luma")],
        **changes,
    }


def grid(**changes: Any) -> dict[str, Any]:
    """Return a grid of two streams on two boxes."""
    rows = [
        {"name": "h264", "cells": ["plays", "refused for nothing"]},
        {"name": "av1", "cells": ["cannot", "false promise"]},
    ]
    return {"title": "What plays", "columns": ["old", "new"], "rows": rows, **changes}


def svgs(drawn: str) -> list[Any]:
    """Return the drawings, read as strictly as XML is."""
    return list(etree.fromstring(f"<all>{drawn}</all>"))


def numbers(drawn: str) -> list[float]:
    """Return every coordinate of a drawing."""
    found: list[float] = []
    for element in etree.fromstring(f"<all>{drawn}</all>").iter():
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy"):
            found += [float(element.get(name))] if element.get(name) else []
        found += map(float, (element.get("points") or "").replace(",", " ").split())
    return found


def test_the_page_needs_and_runs_nothing() -> None:
    page = report_of(result())
    assert "<script" not in page
    assert not re.search(r"https?:|//|url\(|@import|\bsrc=|\bhref=|\bon[a-z]+=", page)
    assert "default-src 'none'" in page


def test_words_of_a_scenario_are_words_wherever_they_stand() -> None:
    page = report_of(
        result(
            evidence=EVIL,
            verdict=EVIL,
            scenario=dict.fromkeys(("name", "title", "about", "digest"), EVIL),
            made_with={EVIL: EVIL},
            facts={EVIL: EVIL},
            changes=[{"name": EVIL, "before": EVIL, "now": EVIL}],
            measures={EVIL: {"value": 1.0, "unit": EVIL}},
            expectations=[
                {"measure": EVIL, "expected": EVIL, "value": 1.0, "unit": EVIL, "holds": False}
            ],
            tables=[{"title": EVIL, "columns": [EVIL], "rows": [[EVIL]]}],
            grids=[grid(title=EVIL, columns=[EVIL], rows=[{"name": EVIL, "cells": [EVIL]}])],
            plots=[
                plot(
                    title=EVIL,
                    unit=EVIL,
                    limit=1.0,
                    marks=[mark(0.5, name=EVIL)],
                    lines=[{"name": EVIL, "points": [(0.0, 1.0)]}],
                )
            ],
        )
    )
    assert "<script" not in page
    assert EVIL not in page
    assert page.count("&lt;script&gt;") > 20
    body = page[page.index("<body>") : page.index("</html>")]
    assert len(etree.fromstring(body)) == 1  # every quote and bracket is closed


def test_what_is_not_as_expected_stands_first_and_beneath_the_plot_of_its_stream() -> None:
    page = report_of(result())
    assert "1 of 2 not as expected" in page
    assert page.index("fails</b>") < page.index("holds</b>")
    told = "<code>h264.missing_frames</code> is 9, expected at most 5"
    h264, hevc = page.split("<figure>")[1:]
    assert told in h264
    assert told not in hevc


def test_axes_say_what_they_count_and_lanes_what_happened() -> None:
    for drawing in svgs(draw(plot(marks=[mark(0.25, 0.25, 0.9), mark(name="picture missing")]))):
        words = [text.text for text in drawing.iter("text")]
        titles = [title.text for title in drawing.iter("title")]
        assert {"dB", "time in seconds", "continuity error: 3", "picture missing: 0"} <= {*words}
        assert titles == [
            "2 x continuity error, 0.25 to 0.25 s",
            "continuity error at 0.9 s",
        ]


def test_a_plot_is_there_once_for_a_desk_and_once_for_a_phone() -> None:
    assert [drawing.get("class") for drawing in svgs(draw(plot()))] == ["wide", "narrow"]


def test_nothing_of_a_plot_lies_outside_it() -> None:
    drawn = draw(plot(((-3.0, -7.0), (900.0, 1e6)), limit=2e6, marks=[mark(-5.0, 1000.0)] * 6))
    for drawing in svgs(drawn):
        width, height = map(int, drawing.get("viewBox").split()[2:])
        inside = numbers(etree.tostring(drawing).decode())
        assert min(inside) >= 0
        assert max(inside) <= max(width, height)


def test_a_plot_without_points_says_so() -> None:
    drawn = draw(plot(()))
    assert drawn.count("no figures") == 2
    assert "polyline" not in drawn
    assert "no figures" not in draw(plot())


def test_one_point_is_a_dot() -> None:
    drawn = draw(plot(((3.0, 4.0),)))
    assert drawn.count("<circle") == 2
    assert "polyline" not in drawn


def test_a_hundred_thousand_points_keep_their_peaks_and_stay_small() -> None:
    points = [(at / 100, 1.0) for at in range(100_000)]
    points[50_000] = (500.0, 99.0)
    drawn = draw(plot(points, marks=[mark(*(at / 100 for at in range(100_000)))]))
    assert len(drawn) < 500_000
    assert len(thinned(points)) <= MOST_POINTS
    assert (500.0, 99.0) in thinned(points)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), None, 1e300])
def test_what_is_no_number_is_a_gap(value: Any) -> None:
    points = [(0.0, 1.0), (1.0, 2.0), (2.0, value), (value, 3.0), (3.0, 4.0)]
    drawn = draw(plot(points, limit=value, marks=[mark(value, 1.0)]))
    assert stretches(points) == [[(0.0, 1.0), (1.0, 2.0)], [(3.0, 4.0)]]
    assert drawn.count("<polyline") == drawn.count("<circle") == 2
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert "limit" not in drawn + legend(plot(points, limit=value))
    assert numbers(drawn)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 0), (5, 5), (-1, 1), (0, 1e-12), (1e14, 1e14), (1e14, 1e14 + 1), (-1e15, 1e15), (0, 7.3)],
)
def test_steps_are_few_and_reach_from_end_to_end(low: float, high: float) -> None:
    steps = nice_steps(low, high)
    assert 2 <= len(steps) <= 12
    assert steps == sorted(set(steps))
    assert steps[0] <= low
    assert steps[-1] >= high


def test_what_is_yes_or_no_is_said_so() -> None:
    measures = {"a": {"value": 1.0, "unit": "yes/no"}, "b": {"value": 0.0, "unit": "yes/no"}}
    page = report_of(result(measures=measures))
    assert ">1 (yes)<" in page
    assert ">0 (no)<" in page
    assert "yes/no" not in page


def test_a_grid_has_a_sign_for_every_offer_and_says_what_it_means() -> None:
    drawn = draw_grid(grid())
    wide, narrow, legend_of_it = svgs(drawn)

    told = [title.text for title in wide.iter("title")]
    assert told == [title.text for title in narrow.iter("title")]
    assert told == [
        "h264 on old: plays",
        "h264 on new: is refused and would play",
        "av1 on old: is refused and cannot play",
        "av1 on new: is tried and does not play",
    ]
    assert [sign.get("class") for sign in wide.iter("g") if sign.get("class")] == [
        "sign good",
        "sign odd",
        "sign none",
        "sign bad",
    ]
    assert len(legend_of_it) == 4


def test_every_sign_has_its_title() -> None:
    assert set(TITLES) == set(Sign)


def test_the_legend_of_a_grid_names_only_what_it_shows() -> None:
    drawn = draw_grid(grid(rows=[{"name": "h264", "cells": ["plays", "plays"]}]))

    assert [item.xpath("string()") for item in svgs(drawn)[-1]] == ["playsplays"]


def test_a_box_has_its_column_however_many_there_are() -> None:
    columns = [f"box-{number}" for number in range(20)]
    drawn = draw_grid(grid(columns=columns, rows=[{"name": "h264", "cells": ["plays"] * 20}]))

    for sheet in svgs(drawn)[:2]:
        width = float(sheet.get("viewBox").split()[2])
        assert all(0 <= float(text.get("x")) < width for text in sheet.iter("text"))
