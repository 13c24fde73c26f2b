"""Figures for Prometheus, added up over the processes of a service.

Each process counts into files of its own in `STB_HOME/metrics/<service>`, and whichever process is
asked adds up all. Counts of a process that died stay, or the sums would fall. Only what grows is
counted so (counters, histograms): what rises and falls is read from the database when it is told.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

from stb_service.shared.settings import Settings

APP, EDGE, WORKER = "app", "edge", "worker"


def folder_of(settings: Settings, service: str) -> Path:
    """Return where the processes of a service keep their counts; it is made if need be."""
    folder = settings.home / "metrics" / service
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def begin(settings: Settings, service: str) -> None:
    """Start a service's counts anew: remove what processes that have ended left behind.

    Called once, before the service's processes are started. Files of processes that live are
    kept: two workers may share a folder.
    """
    for file, process in _files(folder_of(settings, service)):
        if process == os.getpid() or not psutil.pid_exists(process):
            file.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the files of counts (`counter_123.db`) and the processes that write them."""
    for file in folder.glob("*.db"):
        _, _, process = file.stem.rpartition("_")
        if process.isdecimal():
            yield file, int(process)


class Counts:
    """Where a process registers what it counts (`own`), and what a scrape is told (`told`).

    Without a folder a process tells its own counts. With one it writes them there, and tells the
    sums over that folder and `others`. One such object per process: the client library knows one
    folder.
    """

    def __init__(self, folder: Path | None = None, *, others: tuple[Path, ...] = ()) -> None:
        self.own = self.told = CollectorRegistry()
        if folder is not None:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
            values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
            self.told = CollectorRegistry()
            for found in (folder, *others):
                MultiProcessCollector(self.told, path=str(found))  # type: ignore[no-untyped-call]
