"""Runs beside each other, how far they are, and what becomes of those that the lab itself lets
down: never a verdict.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from lab import cli
from lab.commands import scenarios
from lab.commands.progress import RunsProgress
from lab.runs import Done, Job, make_all
from lab.scenarios.files import shipped

LADDER = """\
title: One stream
about: For tests.
kind: ladder
profiles: [sd-hd-2012]
streams:
  one: {codec: mpeg2video, width: 320, height: 180, seconds: SECONDS}
expect:
  - {measure: one.sd-hd-2012.plays, equals: true}
"""


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


class Unforeseen(Exception):
    """What no part of the lab raises."""


class Odd:
    """A scenario's path that breaks whatever reads it."""

    name = stem = "odd"

    def stat(self) -> Any:
        raise Unforeseen("one\n two")


def former(folder: Path) -> Path:
    """A folder that holds a whole run of former times, and a file of somebody's own."""
    folder.mkdir()
    for name in ("report.html", "wall.json", "result.json", "notes.txt"):
        (folder / name).write_text("former")
    return folder


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_that_nobody_foresaw_ends_its_run_and_no_other(
    tmp_path: Path, workers: int
) -> None:
    paths: list[Any] = [Odd(), ladder(tmp_path, 1), Odd()]
    jobs = [
        Job(path, seed, tmp_path / f"run{seed}", tmp_path / "cache")
        for seed, path in enumerate(paths)
    ]
    former(jobs[0].folder)

    done = make_all(jobs, workers=workers, tell=lambda *_: None)

    assert [one.error for one in done] == ["Unforeseen: one two", "", "Unforeseen: one two"]
    assert [one.result is not None for one in done] == [False, True, False]
    assert [path.name for path in jobs[0].folder.iterdir()] == ["notes.txt"]


def test_a_batch_with_such_a_fault_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    paths = {"odd": Odd(), "peak-hour": shipped()["peak-hour"]}
    monkeypatch.setattr(scenarios, "path_of", paths.__getitem__)

    assert cli.main(["run", *paths, "--jobs", "1", "--out", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert "odd-seed1: Unforeseen: one two\n" in told.out
    assert "Traceback" not in told.out + told.err
    assert (tmp_path / "peak-hour-seed1" / "result.json").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_holds_no_verdict_of_another_try(tmp_path: Path, workers: int) -> None:
    missing, deadly = tmp_path / "missing.yaml", Deadly() if workers > 1 else Odd()
    paths: list[Any] = [missing, deadly]
    jobs = [
        Job(path, seed, former(tmp_path / f"run{seed}"), tmp_path / "cache")
        for seed, path in enumerate(paths)
    ]

    done = make_all(jobs, workers=workers, tell=lambda *_: None)

    assert [one.result for one in done] == [None, None]
    for job in jobs:
        assert [path.name for path in job.folder.iterdir()] == ["notes.txt"]


def test_a_former_run_that_cannot_be_taken_away_is_told(tmp_path: Path) -> None:
    job = Job(ladder(tmp_path, 1), 1, tmp_path / "run", tmp_path / "cache")
    (job.folder / "result.json").mkdir(parents=True)

    (done,) = make_all([job], workers=1, tell=lambda *_: None)

    assert done.result is None
    assert "result.json" in done.error


@pytest.mark.parametrize("last", ["report.html", "result.json"])
def test_a_run_that_is_broken_off_as_it_is_written_leaves_none_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    replace = Path.replace

    def stopped(path: Path, target: Path) -> Path:
        if target.name == last:
            raise KeyboardInterrupt
        return replace(path, target)

    job = Job(ladder(tmp_path, 1), 1, former(tmp_path / "run"), tmp_path / "cache")
    monkeypatch.setattr(Path, "replace", lambda path, to: stopped(path, Path(to)))

    with pytest.raises(KeyboardInterrupt):
        make_all([job], workers=1, tell=lambda *_: None)

    assert [path.name for path in job.folder.iterdir()] == ["notes.txt"]


def ladder(tmp_path: Path, seconds: int) -> Path:
    path = tmp_path / "one.yaml"
    path.write_text(LADDER.replace("SECONDS", str(seconds)))
    return path


@pytest.mark.parametrize("workers", [1, 2])
def test_runs_tell_how_far_they_are_and_when_they_end(tmp_path: Path, workers: int) -> None:
    path = ladder(tmp_path, 10)
    jobs = [Job(path, seed, tmp_path / f"run{seed}", tmp_path / "cache") for seed in (1, 2)]
    told: list[tuple[int, int, int]] = []
    ended: list[int] = []

    done = make_all(
        jobs,
        workers=workers,
        tell=lambda *words: told.append(words),
        ended=lambda number, one: ended.append(number) if one.result else None,
    )

    assert [one.error for one in done] == ["", ""]
    assert sorted(ended) == [0, 1]
    for number in (0, 1):
        heard = [words for words in told if words[0] == number]
        assert heard == sorted(heard)
        assert heard[0][1] < heard[0][2] / 2
        assert heard[-1] == (number, 500, 500)


def test_a_run_that_is_broken_off_leaves_no_half_file(tmp_path: Path) -> None:
    def stop(_number: int, done: int, _total: int) -> None:
        if done > 2:
            raise KeyboardInterrupt

    job = Job(ladder(tmp_path, 60), 1, former(tmp_path / "run"), tmp_path / "cache")

    with pytest.raises(KeyboardInterrupt):
        make_all([job], workers=1, tell=stop)

    assert list((tmp_path / "cache").iterdir()) == []
    assert [path.name for path in job.folder.iterdir()] == ["notes.txt"]


def of_group(process: subprocess.Popen[str], number: int) -> None:
    os.killpg(process.pid, number)


def of_process(process: subprocess.Popen[str], number: int) -> None:
    process.send_signal(number)


def is_encoding(process: subprocess.Popen[str], cache: Path, jobs: int) -> bool:
    return len(list(cache.glob("*.part"))) >= jobs


def is_starting(process: subprocess.Popen[str], cache: Path, jobs: int) -> bool:
    """Tell whether its processes, and the one that keeps their locks, are there and import."""
    return len(psutil.Process(process.pid).children()) > jobs


@contextlib.contextmanager
def at_work(
    tmp_path: Path, jobs: int, is_ready: Callable[..., bool] = is_encoding
) -> Iterator[subprocess.Popen[str]]:
    """A command in a session of its own, at a certain point of its work."""
    words = [sys.executable, "-m", "lab.cli", "run", str(ladder(tmp_path, 600)), "--seed", "1-9"]
    words += ["--jobs", str(jobs), "--out", str(tmp_path), "--cache", str(tmp_path / "cache")]
    process = subprocess.Popen(
        words,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    try:
        while not is_ready(process, tmp_path / "cache", jobs):
            assert process.poll() is None
            time.sleep(0.02)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ends_within(process: subprocess.Popen[str], seconds: float) -> bool:
    """Tell whether no process of the session is left after so many seconds at the most."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("send", "jobs"),
    [
        (of_process, 1),
        (of_group, 2),
        pytest.param(of_group, 1, marks=pytest.mark.prove),
        pytest.param(of_process, 2, marks=pytest.mark.prove),
    ],
)
def test_ctrl_c_is_one_line_and_leaves_nothing(
    tmp_path: Path, send: Callable[[subprocess.Popen[str], int], None], jobs: int
) -> None:
    """A terminal sends it to all processes, `kill -INT` to one."""
    with at_work(tmp_path, jobs) as process:
        send(process, signal.SIGINT)
        _, told = process.communicate(timeout=20)

        assert told == "stb-lab: ended by Ctrl-C\n"
        assert process.returncode == 130
        assert ends_within(process, 5)
        assert list(tmp_path.glob("**/*.part")) == []


def test_ctrl_c_while_processes_are_started_is_one_line(tmp_path: Path) -> None:
    with at_work(tmp_path, 2, is_starting) as process:
        started = psutil.Process(process.pid).children()
        for _ in range(10):  # at whatever point of their start they are
            for one in started:
                one.send_signal(signal.SIGINT)
            time.sleep(0.05)
        of_group(process, signal.SIGINT)
        _, told = process.communicate(timeout=20)

        assert told == "stb-lab: ended by Ctrl-C\n"
        assert process.returncode == 130
        assert ends_within(process, 5)


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    with at_work(tmp_path, 2) as process:
        process.kill()

        assert ends_within(process, 10)


def job_of(name: str) -> Job:
    return Job(Path("x.yaml"), 1, Path(name), Path("cache"))


def shown(*, is_terminal: bool) -> str:
    text = StringIO()
    console = Console(file=text, width=80, force_terminal=is_terminal, color_system=None)
    names = ["peak-hour-seed1", "a-scenario-of-a-very-long-name-indeed-seed2"]
    with RunsProgress(names, console) as progress:
        progress.tell(0, 1, 4)
        progress.tell(1, 1, 2)
        progress._bars.refresh()
        progress.end(0, Done(job_of(names[0]), {"verdict": "pass"}, took_s=1.25))
        progress.tell(0, 4, 4)
        progress.end(1, Done(job_of(names[1]), error="no room"))
    return text.getvalue()


def test_bars_stand_on_a_terminal_of_80_columns() -> None:
    text = shown(is_terminal=True)

    assert "0 of 2 runs" in text
    assert "peak-hour-seed1" in text
    assert "25%" in text
    assert "50%" in text
    assert max(map(len, text.replace("\r", "\n").split("\n"))) <= 80 + len("\x1b[2K\x1b[1A") * 4


def test_off_a_terminal_a_line_tells_of_each_run_that_ended() -> None:
    assert shown(is_terminal=False).splitlines() == [
        "peak-hour-seed1: pass, 1.2 s (1 of 2 runs)",
        "a-scenario-of-a-very-long-name-indeed-seed2: could not run (2 of 2 runs)",
    ]
