"""Results that are read again: whole ones are compared, others refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.cli import main
from lab.engines.outcome import Line, Outcome, Plot
from lab.report import result as results
from lab.report.comparison import differences
from lab.report.result import as_text, read_result, result_of
from lab.scenarios.files import read_scenario, shipped


def figure(value: float, unit: str = "") -> dict[str, Any]:
    return {"value": value, "unit": unit}


def result(digest: str = "0f", **measures: float) -> dict[str, Any]:
    return {
        "format": "stb-lab-result/1",
        "scenario": {"name": "small", "title": "Small", "about": "x", "digest": digest},
        "seed": 1,
        "made_with": {"stb-lab": "0.1.0"},
        "verdict": "pass",
        "measures": {name.replace("__", "."): figure(value) for name, value in measures.items()},
        "expectations": [],
    }


def outcome(value: float = 1.0) -> Outcome:
    scenario = read_scenario(shipped()["peak-hour"])
    return Outcome(dict.fromkeys((one.measure for one in scenario.expect), value))


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(name: str, content: Any) -> Path:
        path = tmp_path / name
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(data)
        return path

    return written


def test_each_figure_is_worse_in_its_own_direction() -> None:
    before = result(stall_ratio=0.1, fairness=0.5, link_used_share=0.5, startup_p95_s=2)
    more = result(stall_ratio=0.2, fairness=0.6, link_used_share=0.6, startup_p95_s=2)
    trends = {found.measure: found.trend for found in differences(before, more)}
    back = {found.measure: found.trend for found in differences(more, before)}

    assert trends == {
        "stall_ratio": "worse",
        "fairness": "better",
        "link_used_share": "",
        "startup_p95_s": "",
    }
    assert back["stall_ratio"] == "better"
    assert back["fairness"] == "worse"
    assert [found.measure for found in differences(before, more)][-1] == "startup_p95_s"


def test_a_figure_of_a_stream_goes_by_the_figure_itself() -> None:
    (found,) = differences(result(hevc__missing_frames=3), result(hevc__missing_frames=5))
    assert (found.measure, found.trend, found.change) == ("hevc.missing_frames", "worse", 2)


def test_a_figure_of_one_side_alone_is_there_without_a_judgement() -> None:
    found = differences(result(fairness=1), result(stall_ratio=0.5))
    assert [(one.measure, one.before, one.after, one.change, one.trend) for one in found] == [
        ("fairness", 1, None, None, ""),
        ("stall_ratio", None, 0.5, None, ""),
    ]


def test_a_figure_that_nobody_knows_is_compared_without_a_judgement() -> None:
    (found,) = differences(result(of_tomorrow=1), result(of_tomorrow=3))
    assert (found.change, found.trend) == (2, "")


def test_another_scenario_is_said_to_be_one(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = write("a.json", result("0f")), write("b.json", result("1f"))
    assert main(["compare", str(one), str(other)]) == 0
    assert "not runs of the same scenario file" in capsys.readouterr().out
    assert main(["compare", str(one), str(one)]) == 0
    assert "not runs of the same scenario file" not in capsys.readouterr().out


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in result().items() if key != name}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"9" * 5000, "is no JSON"),
        (b'{"format": "stb-lab-result/1", "seed": NaN}', "is no JSON: NaN is no number"),
        (b"[1]", "is no result of this lab (stb-lab-result/1)"),
        (b"null", "is no result of this lab"),
        ({"format": "stb-lab-result/9"}, "is no result of this lab"),
        ({"format": "stb-lab-result/1"}, "is not whole: scenario"),
        (without("measures"), "is not whole: measures"),
        (without("verdict"), "is not whole: verdict"),
        (without("made_with"), "is not whole: made_with"),
        (without("expectations"), "is not whole: expectations"),
        ({**result(), "seed": "1"}, "is not whole: seed"),
        ({**result(), "verdict": []}, "is not whole: verdict"),
        ({**result(), "scenario": {"name": "x"}}, "is not whole: scenario"),
        ({**result(), "measures": [1]}, "is not whole: measures"),
        ({**result(), "measures": {"a": 1}}, "is not whole: measures"),
        ({**result(), "measures": {"a": {"value": "1", "unit": ""}}}, "is not whole: measures"),
        ({**result(), "measures": {"a": {"value": 1}}}, "is not whole: measures"),
        ({**result(), "expectations": [{}]}, "is not whole: expectations"),
        ({**result(), "changes": {}}, "is not whole: changes"),
        ({**result(), "changes": [{"name": "a", "now": 1}]}, "is not whole: changes"),
        (
            {**result(), "changes": [{"name": "a", "before": 0, "now": "1"}]},
            "is not whole: changes",
        ),
    ],
)
def test_what_is_no_result_is_refused_by_its_name_with_the_reason(
    write: Any, content: Any, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("result.json", content)
    with pytest.raises(ValueError, match="is no") as caught:
        read_result(path)
    assert str(caught.value).startswith(f"{path} {told}")
    assert main(["compare", str(path), str(path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_file_that_is_too_large_is_not_read(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("result.json", result())
    read_result(path.parent)
    monkeypatch.setattr(results, "LARGEST_BYTES", 100)
    with pytest.raises(ValueError, match="larger than 100 bytes"):
        read_result(path)


def test_a_folder_without_a_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"result\.json"):
        read_result(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_figure_that_is_no_number_is_no_result(value: float) -> None:
    scenario = read_scenario(shipped()["peak-hour"])
    with pytest.raises(ValueError, match="which is no figure"):
        result_of(scenario, 1, outcome(value))


def test_a_point_that_is_no_number_is_kept_as_a_gap(tmp_path: Path) -> None:
    scenario = read_scenario(shipped()["peak-hour"])
    made = outcome()
    made.plots.append(Plot("x", "s", (Line("l", [(0.0, float("nan")), (1.0, 2.0)]),)))
    path = tmp_path / "result.json"
    path.write_text(as_text(result_of(scenario, 1, made)))
    (line,) = read_result(path)["plots"][0]["lines"]
    assert line["points"] == [[0.0, None], [1.0, 2.0]]
