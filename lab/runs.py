"""Runs of scenarios: each by itself in a folder of its own, several at a time on several cores.

What a run gives depends on its scenario and seed alone, not on what runs beside it.
"""

import contextlib
import json
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import active_children, get_context, parent_process
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
HEARD_EVERY_S = 0.05
STOPPED_WITHIN_S = 1.0
WRITTEN = ("report.html", "wall.json", "result.json")  # in this order: a result has its report
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
        _clear(job.folder)
        scenario = read_scenario(job.path, job.changes)
        result = result_of(scenario, job.seed, replay(scenario, job.seed, Cache(job.cache), tell))
        took_s = time.monotonic() - started
        _write(job.folder, result, took_s)
    except Exception as error:  # noqa: BLE001 - a fault of ours ends this run, and no other
        return Done(job, error=_why(error))
    return Done(job, result, took_s=took_s)


def _why(error: Exception) -> str:
    """Return what hindered a run; of a fault that nobody foresaw its kind and one line."""
    if isinstance(error, (OSError, ValueError)) and str(error):
        return str(error)
    return ": ".join(filter(None, (type(error).__name__, " ".join(str(error).split()))))


def _clear(folder: Path) -> None:
    """Take away what another try left: a folder never holds the verdict of another than the last.

    Raises:
        OSError: it cannot be taken away.
    """
    for name in WRITTEN:
        (folder / name).unlink(missing_ok=True)


def _write(folder: Path, result: dict[str, Any], took_s: float) -> None:
    """Write all files of a run, or none: they get their names when all of them are there."""
    folder.mkdir(parents=True, exist_ok=True)
    wall = {"ended_at": datetime.now(UTC).isoformat(timespec="seconds"), "took_s": round(took_s, 3)}
    texts = (report_of(result), json.dumps(wall) + "\n", as_text(result))
    partials = [folder / f"{name}.{os.getpid()}.part" for name in WRITTEN]
    try:
        for partial, text in zip(partials, texts, strict=True):
            partial.write_text(text, encoding="utf-8")
        for partial, name in zip(partials, WRITTEN, strict=True):
            partial.replace(folder / name)
    except BaseException:
        _clear(folder)
        raise
    finally:
        for partial in partials:
            partial.unlink(missing_ok=True)


def _unheard(_number: int, _done: Done) -> None:
    pass


Ended = Callable[[int, Done], None]


def make_all(
    jobs: Sequence[Job], *, workers: int, tell: Tell, ended: Ended = _unheard
) -> list[Done]:
    """Make all runs, so many at a time; `tell` hears (number of the run, done, total), and `ended`
    each run as it ends.

    Raises:
        KeyboardInterrupt: then no process is left, and nothing half encoded or half written.
    """
    if workers > 1 and len(jobs) > 1:
        return _made_beside(jobs, min(workers, len(jobs)), tell, ended)
    found = []
    for number, job in enumerate(jobs):
        found.append(make(job, _numbered(number, tell)))
        ended(number, found[-1])
    return found


def _made_beside(jobs: Sequence[Job], workers: int, tell: Tell, ended: Ended) -> list[Done]:
    context, over = get_context("spawn"), threading.Event()
    with _ctrl_c_noted() as interrupted:
        told, stop = context.Queue(), context.Event()
        pool = ProcessPoolExecutor(workers, context, _begin, (told, stop))
        listener = threading.Thread(target=_listen, args=(told, tell, over), daemon=True)
        listener.start()
        try:
            with _ctrl_c_blocked():
                futures = [pool.submit(_made_elsewhere, job, n) for n, job in enumerate(jobs)]
            found = _gathered(jobs, futures, ended, interrupted)
        except BaseException:
            stop.set()
            _end(pool)
            raise
        finally:
            over.set()
            listener.join(timeout=5)
        pool.shutdown()
    return found


def _gathered(
    jobs: Sequence[Job], futures: Sequence[Future[Done]], ended: Ended, interrupted: threading.Event
) -> list[Done]:
    """Wait for all runs.

    Raises:
        KeyboardInterrupt: Ctrl-C was noted.
    """
    numbers = {future: number for number, future in enumerate(futures)}
    found: dict[int, Done] = {}
    pending = set(futures)
    while pending:
        now, pending = wait(pending, timeout=HEARD_EVERY_S, return_when=FIRST_COMPLETED)
        if interrupted.is_set():
            raise KeyboardInterrupt
        for number in sorted(numbers[future] for future in now):
            found[number] = _result(futures[number], jobs[number])
            ended(number, found[number])
    return [found[number] for number in range(len(jobs))]


@contextlib.contextmanager
def _ctrl_c_noted() -> Iterator[threading.Event]:
    """Note Ctrl-C, and do not break off what starts or ends processes. Who ignores it still does,
    as the background of a shell, and only the main thread may do otherwise.
    """
    noted = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or before in {signal.SIG_IGN, None}:
        yield noted
        return
    signal.signal(signal.SIGINT, lambda *_: noted.set())
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Block it for good in processes that are started meanwhile: a terminal sends it to all, and it
    is for this one to end them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(pool: ProcessPoolExecutor) -> None:
    """Begin no other run; end processes that do not end by themselves in time."""
    pool.shutdown(wait=False, cancel_futures=True)
    until = time.monotonic() + STOPPED_WITHIN_S
    for process in active_children():
        process.join(max(0.0, until - time.monotonic()))
        process.terminate()


def _result(future: Future[Done], job: Job) -> Done:
    try:
        return future.result()
    except BrokenProcessPool:
        why = "its process was killed, or one beside it; is there enough memory?"
    except Exception as error:  # noqa: BLE001 - what a run gave could not be handed over
        why = _why(error)
    with contextlib.suppress(OSError):
        _clear(job.folder)  # it may not have begun, or have ended without a word
    return Done(job, error=why)


def _numbered(number: int, tell: Tell) -> Progress:
    """Return what an engine tells, with the run's number, not too often."""
    last = 0.0

    def said(done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last >= TOLD_EVERY_S:
            last = time.monotonic()
            tell(number, done, total)

    return said


def _listen(told: Any, tell: Tell, over: threading.Event) -> None:
    """Hand on what processes tell until it is over, and then what is left."""
    while True:
        was_over = over.is_set()
        try:
            tell(*told.get(timeout=HEARD_EVERY_S))
        except queue.Empty:
            if was_over:
                return


class _Worker:
    """What a process of the pool was given."""

    told: Any = None
    stop: Any = None


def _begin(told: Any, stop: Any) -> None:
    _Worker.told, _Worker.stop = told, stop
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _made_elsewhere(job: Job, number: int) -> Done:
    def said(*words: int) -> None:
        _check()
        _Worker.told.put(words)

    _check()
    return make(job, _numbered(number, said))


def _check() -> None:
    """Break off where it was asked for.

    Raises:
        KeyboardInterrupt: it was.
    """
    if _Worker.stop.is_set():
        raise KeyboardInterrupt
