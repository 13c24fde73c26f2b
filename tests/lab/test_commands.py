"""The command line: what is told, what is refused before anything is made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lab import cli
from lab.cli import main
from lab.commands import scenarios
from lab.scenarios.files import shipped


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
