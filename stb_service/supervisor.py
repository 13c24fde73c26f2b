"""`stb serve`: the staff app, the box edge and the worker as three processes, ended together."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import requests

PR_SET_PDEATHSIG = 1
STOP_WAIT_S = 15.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _end_with_parent() -> None:
    """In the child: be told to end when the parent dies, however it dies (prctl(2)).

    A shell that starts a program in the background makes it ignore SIGINT; what we start
    must not inherit that.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.setsid()


class Stopped(Exception):
    """SIGINT or SIGTERM has come."""


class Maker:
    """GNU make, where it has started us.

    It passes SIGTERM on to what it runs but not SIGINT, and waits for our end: what tells us of a
    SIGINT that only make got is that make no longer catches it (proc(5), `SigCgt`).
    """

    def __init__(self) -> None:
        self._pid = os.getppid()
        self._is_watched = _name_of(self._pid) == "make" and _catches(self._pid, signal.SIGINT)

    @property
    def is_told_to_stop(self) -> bool:
        """Whether make was interrupted, or is gone."""
        if not self._is_watched:
            return False
        return os.getppid() != self._pid or not _catches(self._pid, signal.SIGINT)


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _catches(pid: int, number: signal.Signals) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    masks = [int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")]
    return any(mask >> (number - 1) & 1 for mask in masks)


class Supervisor:
    """Child processes that live and end together with this one."""

    def __init__(self) -> None:
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._former: dict[int, object] = {}
        self._maker = Maker()

    def __enter__(self) -> Self:
        for number in STOP_SIGNALS:
            self._former[number] = signal.signal(number, self._stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self.end()
        return kind is Stopped

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        raise Stopped(signal.Signals(number).name)

    def start(
        self, name: str, command: Sequence[str], *, quiet: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a child; what it prints goes to the file `quiet`, where there is one."""
        with ExitStack() as stack:
            output = None if quiet is None else stack.enter_context(quiet.open("wb"))
            child = subprocess.Popen(  # noqa: S603 - our own commands
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - we start no threads before
            )
        self.children[name] = child
        return child

    def stb(self, name: str, *, quiet: Path | None = None) -> None:
        """Start one of our own services: `app`, `edge` or `worker`."""
        self.start(name, command_of(name), quiet=quiet)

    def wait_until_ready(self, urls: Sequence[str], *, seconds: float = 60.0) -> None:
        """Wait until each address answers.

        Raises:
            RuntimeError: a child has ended, or the time is over.
        """
        limit = time.monotonic() + seconds
        for url in urls:
            while not _answers(url):
                self.check()
                if time.monotonic() > limit:
                    raise RuntimeError(f"{url} did not answer in {seconds:.0f} s")
                time.sleep(0.1)

    def check(self) -> None:
        """Raise if a child has ended by itself, or if make was told to stop.

        Raises:
            RuntimeError: names the child.
            Stopped: make was interrupted.
        """
        if self._maker.is_told_to_stop:
            raise Stopped(signal.SIGINT.name)
        for name, child in self.children.items():
            if child.poll() is not None:
                raise RuntimeError(f"{name} has ended with status {child.returncode}")

    def watch(self) -> None:
        """Stay until a child ends or a signal comes."""
        while True:
            self.check()
            time.sleep(0.5)

    def end(self) -> None:
        """End all children: SIGTERM first, SIGKILL to their groups after a while."""
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        limit = time.monotonic() + STOP_WAIT_S
        for child in self.children.values():
            try:
                child.wait(max(0.1, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            _kill_group(child.pid)  # what a child that died by itself has left behind
        self.children.clear()


def command_of(name: str) -> list[str]:
    """Return the command line that starts `app`, `edge` or `worker`; the servers load no command."""
    module = "stb_service" if name == "worker" else "stb_service.serving"
    return [sys.executable, "-m", module, name]


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False
