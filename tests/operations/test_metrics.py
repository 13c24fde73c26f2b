"""What `/metrics` tells is the sum over the processes of a service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from stb_service.serving import EDGE_WORKERS
from stb_service.shared import jobs, metrics
from stb_service.shared.access import SYSTEM
from stb_service.shared.settings import read_settings
from tests.conftest import NOW
from tests.live import Live, live_service, wait_for

KINDS = ("counter", "histogram")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with live_service(tmp_path / "home") as service:
        yield service


def told(url: str, name: str, **labels: str) -> list[float]:
    """Return every sample of a figure with these labels."""
    page = requests.get(f"{url}/metrics", timeout=10).text
    return [
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def polls(live: Live) -> list[float]:
    return told(live.edge_url, "stb_requests_total", route="/healthz", status="200")


def processes(live: Live) -> list[int]:
    """Return the ids of the edge's worker processes that have answered."""
    return sorted(process for _, process in metrics._files(live.settings.home / "metrics/edge"))


def ask(live: Live, *, until_answered_by: int) -> int:
    """Ask over new connections until so many processes have answered; return how often."""
    asked = 0

    def done() -> bool:
        nonlocal asked
        requests.get(f"{live.edge_url}/healthz", timeout=10, headers={"Connection": "close"})
        asked += 1
        return len(set(processes(live))) >= until_answered_by and asked >= 20

    wait_for(done, what=f"{until_answered_by} processes have answered")
    return asked


def test_the_edges_processes_are_told_as_one_and_what_one_counted_outlives_it(live: Live) -> None:
    """But not the service."""
    live.start("edge")
    asked = ask(live, until_answered_by=EDGE_WORKERS)
    counted, before_death = set(processes(live)), polls(live)
    victim = min(counted)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(victim), what="a process of the edge is gone")
    after_death = polls(live)
    ask(live, until_answered_by=EDGE_WORKERS + 1)  # another has taken its place

    live.stop()
    live.start("edge")

    assert len(counted) == EDGE_WORKERS
    assert (before_death, after_death) == ([asked], [asked])
    assert victim not in processes(live)
    assert polls(live) == []


def test_the_app_tells_the_worker_and_the_database_once(live: Live) -> None:
    with live.db.write() as session:
        jobs.enqueue(session, kind="nobody's", title="t", arguments={}, actor=SYSTEM, now=NOW)
    live.box("SERIAL0000000001")
    live.start("worker", "app")

    def ticks() -> list[float]:
        return told(live.staff_url, "stb_tick_seconds_count")

    wait_for(lambda: sum(ticks()) >= 2, what="two ticks")

    assert len(ticks()) == 1
    assert told(live.staff_url, "stb_boxes", kind="known") == [1]


def test_a_service_that_starts_forgets_processes_that_have_ended(tmp_path: Path) -> None:
    settings = read_settings({"STB_HOME": str(tmp_path)})
    folder = metrics.folder_of(settings, metrics.WORKER)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for process in (ended.pid, os.getpid(), os.getppid()):
        (folder / f"counter_{process}.db").touch()
    (folder / "kept").touch()

    metrics.begin(settings, metrics.WORKER)

    assert {file.name for file in folder.iterdir()} == {f"counter_{os.getppid()}.db", "kept"}
