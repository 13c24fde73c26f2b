"""What becomes of runs that the lab itself lets down: never a verdict."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lab import cli
from lab.commands import scenarios
from lab.runs import Job, make_all
from lab.scenarios.files import shipped


class Deadly:
    """A path whose mere arrival ends the process, as a lack of memory would."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


def test_a_process_that_is_killed_ends_its_run_and_not_the_others_without_a_word(
    tmp_path: Path,
) -> None:
    paths: list[Any] = [shipped()["peak-hour"], Deadly()]
    jobs = [
        Job(path, seed, tmp_path / f"run{seed}", tmp_path / "cache")
        for seed, path in enumerate(paths)
    ]

    done = make_all(jobs, workers=2, tell=lambda *_: None)

    assert [one.job for one in done] == jobs
    assert done[1].result is None
    assert "was killed" in done[1].error


def test_a_fault_of_the_lab_itself_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_word: str) -> Path:
        raise RuntimeError("of our own")

    monkeypatch.setattr(scenarios, "path_of", broken)

    assert cli.main(["describe", "peak-hour"]) == 2
    assert "of our own" in capsys.readouterr().err
