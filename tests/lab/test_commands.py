"""The command line: what is told, what is refused before anything is made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lab import cli
from lab.cli import main
from lab.commands import scenarios, tracing
from lab.network.trace_files import LARGEST_BYTES, as_sabre, read_trace
from lab.network.traces import FASTEST_BPS, LATEST_NS, Step, Trace
from lab.report.result import read_result
from lab.scenarios.files import read_scenario, shipped


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A terminal of 80 columns, in a folder of its own, without a token."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("STB_LAB_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)


def none_is_made(*_: Any, **__: Any) -> Any:
    raise AssertionError("a run was made")


def test_ctrl_c_before_a_command_has_begun_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "build_parser", interrupted)

    assert main(["list"]) == 130
    assert capsys.readouterr().err == "stb-lab: ended by Ctrl-C\n"


def test_the_token_is_asked_for_before_any_run_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scenarios, "make_all", none_is_made)

    assert main(["run", "peak-hour", "--report-to", "http://127.0.0.1:1"]) == 2
    assert "STB_LAB_TOKEN" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--out", "--cache"])
def test_a_folder_without_a_name_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "peak-hour", option, ""])

    assert ended.value.code == 2
    assert "no folder is named" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_reports_are_named_only_where_there_are_some(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.yaml").write_text("title: nothing else\n")

    assert main(["run", "bad.yaml"]) == 2
    assert "reports:" not in capsys.readouterr().out
    assert main(["run", "bad.yaml", "peak-hour", "--jobs", "1"]) == 2
    assert "reports: lab-results/*/report.html" in capsys.readouterr().out


def test_each_run_that_ended_is_told_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", "peak-hour", "--seed", "1-2", "--jobs", "1"])

    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert re.fullmatch(r"peak-hour-seed1: pass, \d+\.\d s \(1 of 2 runs\)", told[0])


@pytest.mark.parametrize(
    "part", ["scenario", "seed", "verdict", "made_with", "measures", "expectations", None]
)
def test_a_result_that_is_not_whole_is_compared_with_nothing(
    part: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["run", "peak-hour", "--out", "out"])
    whole = json.loads(Path("out/peak-hour-seed1/result.json").read_text())
    torn = {"format": whole["format"]} if part is None else {**whole, part: None}
    Path("torn.json").write_text(json.dumps(torn))
    capsys.readouterr()

    assert main(["compare", "out/peak-hour-seed1", "torn.json"]) == 2
    told = capsys.readouterr().err
    assert "torn.json is not whole" in told
    assert told.count("\n") == 1


def test_a_run_of_a_changed_scenario_says_so_wherever_it_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--set", "expect.0.at_most=999", "--set", "title='[x] \u202e'", "--set", "boxes=2"]
    limit = f"{read_scenario(shipped()['peak-hour']).expect[0].at_most:g}"
    main(["run", "peak-hour", "--out", "plain"])
    assert capsys.readouterr().out.count("->") == 0
    main(["run", "peak-hour", *words, "--out", "changed"])
    summary = " ".join(capsys.readouterr().out.split())
    (before,), (after,) = Path("plain").iterdir(), Path("changed").iterdir()
    changes = json.loads((after / "result.json").read_text())["changes"]
    page = (after / "report.html").read_text()

    assert changes[0] == {"name": "expect.0.at_most", "before": limit, "now": "999"}
    assert changes[1]["now"] == r'"[x] \u202e"'
    assert changes[2] == {"name": "boxes", "before": "40", "now": "2"}
    assert "boxes: 40 -> 2" in summary
    assert "all 6 as expected, but of a changed scenario" in page
    assert page.index("<h1") < page.index("expect.0.at_most") < page.index('class="about"')
    assert "changed</title>" in page
    assert "changed" not in (before / "report.html").read_text().partition("</style>")[2]
    assert main(["compare", str(before), str(after)]) == 0
    told = capsys.readouterr().out
    assert "with the same changes" in told
    assert told.index("after: ") < told.index(f"expect.0.at_most: {limit} -> 999")


def test_a_changed_run_stays_beside_the_one_it_is_held_against(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in ([], ["--set", "boxes=3"], ["--set", "boxes=4"], ["--set", "boxes=3"]):
        main(["run", "peak-hour", *words])
    names = sorted(path.name for path in Path("lab-results").iterdir())

    assert len(names) == 3
    assert names[0] == "peak-hour-seed1"
    assert all(re.fullmatch("peak-hour-seed1-[0-9a-f]{6}", name) for name in names[1:])
    boxes = [read_result(Path("lab-results") / name)["changes"] for name in names]
    assert sorted(one["now"] for changes in boxes for one in changes) == ["3", "4"]


def test_the_comparison_of_the_readme_is_of_the_runs_before_it() -> None:
    lines = Path(__file__).parents[2].joinpath("README.md").read_text().splitlines()
    words = [line.split() for line in lines if line.startswith(".venv/bin/stb-lab")]
    (comparing,) = (line for line in words if line[1] == "compare")
    (changed,) = (line for line in words if "--set" in line)
    where, _, value = changed[-1].partition("=")
    path = Path(changed[2])

    assert comparing[2:] == [
        f"lab-results/{scenarios._folder(path, 1, changes)}" for changes in ({}, {where: value})
    ]


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ({}, []),
        ({"boxes": "40"}, []),
        ({"start_within_s": "60.0"}, [("start_within_s", "60", "60.0")]),
        ({"programme.rungs.1.fps": "50"}, [("programme.rungs.1.fps", None, "50")]),
        (
            {"player": "{startup_s: 8, resume_s: 4, most_s: 30}", "player.safety": "0.9"},
            [
                (
                    "player",
                    '{"startup_s": 8, "resume_s": 4, "most_s": 30, "safety": 0.85}',
                    '{"startup_s": 8, "resume_s": 4, "most_s": 30, "safety": 0.9}',
                ),
                ("player.safety", "0.85", "0.9"),
            ],
        ),
    ],
)
def test_a_change_is_what_the_file_has_not(words: dict[str, str], changes: list[Any]) -> None:
    found = read_scenario(shipped()["peak-hour"], words)
    assert [(one.name, one.before, one.now) for one in found.changes] == changes


def test_half_a_result_bears_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two commands that write one folder do not write one file."""
    names: list[str] = []
    write = Path.write_text

    def noted(path: Path, *words: Any, **more: Any) -> int:
        names.append(path.name)
        return write(path, *words, **more)

    monkeypatch.setattr(Path, "write_text", noted)
    main(["run", "peak-hour"])

    assert [name for name in names if re.fullmatch(r"result\.json\.\d+\.part", name)]
    assert len(list(Path("lab-results/peak-hour-seed1").iterdir())) == 3


def test_nothing_that_ships_is_wider_than_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list"])
    for name in shipped():
        main(["describe", name])

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 and "The file, to copy" not in line] == []


COLUMNS = "0 4\n2.5\t1.5\n3.5, 0 # out\n"


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what a table of two columns says."""
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    return dict(line.strip().split(None, 1) for line in lines)


def test_a_trace_is_told_by_its_form_statistics_and_hash(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("street.txt").write_text(COLUMNS)

    assert main(["trace", "street.txt"]) == 0
    assert told(capsys) == {
        "trace": "columns file street.txt",
        "duration": "4.5 s in 3 steps",
        "mean": "2.56 Mbit/s",
        "least": "0.00 Mbit/s",
        "p05": "0.00 Mbit/s",
        "median": "4.00 Mbit/s",
        "most": "4.00 Mbit/s",
        "variation": "0.662",
        "outage": "22.22% of the time",
        "latency": "at most 0 ms",
        "sha256": read_trace(Path("street.txt")).digest,
    }


def test_a_trace_in_another_form_is_the_same_trace(capsys: pytest.CaptureFixture[str]) -> None:
    Path("street.txt").write_text(COLUMNS)

    assert main(["trace", "street.txt", "--out", "street.json"]) == 0
    first = told(capsys)
    assert main(["trace", "street.json"]) == 0
    again = told(capsys)
    assert again.pop("trace") == "sabre file street.json"
    assert first.pop("trace") == "columns file street.txt"
    assert again == first


def test_a_trace_that_was_made_is_what_a_run_of_its_seed_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The file and the model of a scenario give one link: the same hash, the same figures."""
    model = "{mean_mbps: 140, duration_s: 300, variation: 0.4, correlation: 0.8, step_s: 1}"
    text = re.sub(r"trace: \{.*\}", f"trace: {model}", shipped()["peak-hour"].read_text())
    Path("made.yaml").write_text(text)
    Path("read.yaml").write_text(text.replace(model, "{file: evening.json}"))
    words = ["--variation", "0.4", "--correlation", "0.8", "--seed", "5", "--out", "evening.json"]

    assert main(["trace", "--generate", "140", *words]) == 0
    digest = told(capsys)["sha256"]
    main(["run", "made.yaml", "read.yaml", "--seed", "5", "--jobs", "1"])

    made, read = (
        json.loads(Path(f"lab-results/{name}-seed5/result.json").read_text())
        for name in ("made", "read")
    )
    assert made["facts"]["trace sha256"] == read["facts"]["trace sha256"] == digest
    assert made["measures"] == read["measures"]


def test_statistics_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "--generate", "20", "--latency-ms", "12.5", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["steps"] == 300
    assert data["most_latency_ns"] == 12_500_000
    assert len(data["sha256"]) == 64


def test_any_step_is_written_as_it_is(tmp_path: Path) -> None:
    """To the ns and the bit, also where the readers end; and never too large for them."""
    week_ns = 7 * 86_400 * 10**9
    steps = (
        Step(1, FASTEST_BPS, LATEST_NS),
        Step(week_ns // 2 - 1, FASTEST_BPS - 1, 1),
        Step(999_999_999, 1, LATEST_NS - 1),
        Step(123_456_789_012_347, 123_456_789_013, 12_345_678_901),
    )
    trace = Trace(steps, "made up")
    path = tmp_path / "trace.json"
    path.write_text(as_sabre(trace))

    assert read_trace(path).steps == steps
    widest = max(len(line) for line in path.read_text().splitlines()) + 1
    assert widest * tracing.MOST_STEPS < LARGEST_BYTES


@pytest.mark.parametrize(
    "words",
    [
        ["street.txt", "--seed", "3", "--step-s", "2"],
        ["street.txt", "--out", "street.txt"],
        ["street.txt", "--form", "mahimahi"],
        ["nowhere.txt"],
        ["--generate", "5", "--form", "sabre"],
        ["--generate", "5", "--variation", "nan"],
        ["--generate", "5", "--step-s", "0.01", "--duration-s", "604800"],
        ["--generate", "5", "--out", ""],
        ["--generate", "nan"],
        ["--generate", "5", "--duration-s", "inf"],
        ["street.txt", "--generate", "5"],
        [],
    ],
)
def test_a_trace_that_cannot_be_told_or_made_ends_with_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("street.txt").write_text(COLUMNS)
    try:
        ended = main(["trace", *words])
    except SystemExit as refused:
        ended = int(str(refused.code))

    assert ended == 2
    assert "Traceback" not in capsys.readouterr().err
    assert Path("street.txt").read_text() == COLUMNS
    assert [path.name for path in Path().iterdir()] == ["street.txt"]
