"""Runs of scenarios: each by itself in a folder of its own, several at a time on several cores.

What a run gives depends on its scenario and seed alone, not on what runs beside it.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from lab.engines.offers import run_offers
from lab.engines.outcome import Outcome, Progress
from lab.engines.playback import run_playback
from lab.engines.streams import run_streams
from lab.measures.catalogue import Kind
from lab.media.encode import Cache
from lab.report.page import report_of
from lab.report.result import as_text, result_of
from lab.scenarios.files import read_scenario
from lab.scenarios.schema import Scenario

TOLD_EVERY_S = 0.2
Tell = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Job:
    """One run to be made."""

    path: Path
    seed: int
    folder: Path
    cache: Path
    changes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """One run that was made, or could not be: then `error` says why and there is no result."""

    job: Job
    result: dict[str, Any] | None = None
    error: str = ""
    took_s: float = 0.0


def replay(scenario: Scenario, seed: int, cache: Cache, tell: Progress) -> Outcome:
    """Carry a scenario out.

    Raises:
        ValueError: it cannot be.
        OSError: a file it needs cannot be read or written.
    """
    if scenario.kind == Kind.PLAYBACK:
        return run_playback(scenario, seed=seed, tell=tell)
    if scenario.kind == Kind.STREAM:
        return run_streams(scenario, seed=seed, cache=cache, tell=tell)
    return run_offers(scenario, seed=seed, cache=cache, tell=tell)


def make(job: Job, tell: Progress) -> Done:
    """Make a run and write its folder; what hinders it is returned, not raised."""
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 greets on standard error otherwise
    started = time.monotonic()
    try:
        scenario = read_scenario(job.path, job.changes)
        result = result_of(scenario, job.seed, replay(scenario, job.seed, Cache(job.cache), tell))
        took_s = time.monotonic() - started
        _write(job.folder, result, took_s)
    except (OSError, ValueError) as error:
        return Done(job, error=str(error) or type(error).__name__)
    return Done(job, result, took_s=took_s)


def _write(folder: Path, result: dict[str, Any], took_s: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wall = {"ended_at": datetime.now(UTC).isoformat(timespec="seconds"), "took_s": round(took_s, 3)}
    for name, text in (
        ("report.html", report_of(result)),
        ("wall.json", json.dumps(wall) + "\n"),
        ("result.json", as_text(result)),
    ):
        partial = folder / f"{name}.part"
        partial.write_text(text, encoding="utf-8")
        partial.replace(folder / name)


def make_all(jobs: Sequence[Job], *, workers: int, tell: Tell) -> list[Done]:
    """Make all runs, so many at a time; `tell` hears (number of the run, done, total)."""
    if workers <= 1 or len(jobs) <= 1:
        return [make(job, _numbered(number, tell)) for number, job in enumerate(jobs)]
    context = get_context("spawn")
    told = context.Queue()
    listener = threading.Thread(target=_listen, args=(told, tell), daemon=True)
    listener.start()
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin, initargs=(told,)
    ) as pool:
        futures: dict[Future[Done], int] = {
            pool.submit(_made_elsewhere, job, number): number for number, job in enumerate(jobs)
        }
        found = {futures[f]: _result(f, jobs[futures[f]]) for f in as_completed(futures)}
    told.put(None)
    listener.join(timeout=5)
    return [found[number] for number in range(len(jobs))]


def _result(future: Future[Done], job: Job) -> Done:
    try:
        return future.result()
    except BrokenProcessPool:
        return Done(job, error="its process was killed, or one beside it; is there enough memory?")


def _numbered(number: int, tell: Tell) -> Progress:
    """Return what an engine tells, with the run's number, not too often."""
    last = 0.0

    def said(done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last >= TOLD_EVERY_S:
            last = time.monotonic()
            tell(number, done, total)

    return said


def _listen(told: Any, tell: Tell) -> None:
    while (words := told.get()) is not None:
        tell(*words)


class _Worker:
    """What a process of the pool was given."""

    told: Any = None


def _begin(told: Any) -> None:
    _Worker.told = told


def _made_elsewhere(job: Job, number: int) -> Done:
    return make(job, _numbered(number, lambda *words: _Worker.told.put(words)))
