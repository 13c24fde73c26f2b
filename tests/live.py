"""The service as it really runs: its own processes, ports and folder, started for a test."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psutil
import requests
from sqlalchemy import select

from firmware.boxes.models import Box
from firmware.boxes.operations import know_box, rotate_token
from firmware.images.models import Image
from firmware.images.operations import add_image
from firmware.rollouts import operations as rollouts
from firmware.rollouts.models import Member, Rollout
from firmware.rollouts.operations import Plan, WavePlan
from firmware.rollouts.rules import Timing
from firmware.rollouts.safety import Limits
from stb_service.shared import migrate
from stb_service.shared.access import SYSTEM
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.settings import Settings, read_settings
from stb_service.supervisor import command_of

QUICK = Timing(
    offer=timedelta(seconds=30),
    silence=timedelta(seconds=15),
    install=timedelta(seconds=60),
    grace=timedelta(seconds=15),
    seen_within=timedelta(days=1),
)


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
# below the ports that the system gives to those who call (Linux: from 32768), and each process of the
# suite has its own thousand, so that nobody takes one between its choice and its use
_PORTS = itertools.cycle(range(20_000 + 1000 * _WORKER, 21_000 + 1000 * _WORKER))


def free_port() -> int:
    """Return a port that nobody listens on, another one each time."""
    for port in itertools.islice(_PORTS, 1000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def wait_for(condition: Callable[[], object], *, seconds: float = 30.0, what: str = "") -> None:
    """Wait until a condition holds; fail by name where it does not."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError(f"not in {seconds} s: {what or condition}")
        time.sleep(0.1)


@dataclass
class Live:
    """A running service and the hands of its staff."""

    settings: Settings
    environ: dict[str, str]
    db: Database
    files: FileStore
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def staff_url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @property
    def edge_url(self) -> str:
        return f"http://127.0.0.1:{self.settings.edge_port}"

    def start(self, *names: str) -> None:
        """Start `app`, `edge` or `worker` and wait until the servers answer."""
        started = {}
        for name in names:
            with (self.settings.home / f"{name}.log").open("ab") as log:
                started[name] = subprocess.Popen(
                    command_of(name), env=self.environ, stdout=log, stderr=log
                )
        self.processes += started.values()
        urls = {"app": self.staff_url, "edge": self.edge_url}

        def is_up(name: str) -> bool:
            assert started[name].poll() is None, f"{name} has ended by itself"
            return answers(urls[name])

        for name in started.keys() & urls.keys():
            try:
                wait_for(partial(is_up, name), seconds=90, what=f"{name} answers")
            except AssertionError as error:
                error.add_note(self.told())
                raise

    def told(self) -> str:
        """Let every process write what it is doing (SIGABRT ends it so); return all they wrote."""
        for process in self.processes:
            with suppress(psutil.NoSuchProcess):
                parent = psutil.Process(process.pid)
                for one in (*parent.children(recursive=True), parent):
                    one.send_signal(signal.SIGABRT)
        psutil.wait_procs([p for one in self.processes if (p := _alive(one.pid))], timeout=5)
        logs = sorted(self.settings.home.glob("*.log"))
        return "\n".join(f"{log.name}:\n{log.read_text()[-6000:]}" for log in logs)

    def stop(self) -> None:
        """End everything that was started."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)
        self.processes.clear()

    def box(
        self,
        serial: str,
        *,
        mac: str | None = None,
        model: str = "AX1",
        revision: str = "A",
        has_token: bool = True,
    ) -> str:
        """Register a box and return its target token; one that speaks XConf has none."""
        now = datetime.now(UTC)
        with self.db.write() as session:
            box = know_box(
                session,
                uid=serial[-16:],
                serial=serial,
                mac_ethernet=mac,
                mac_wifi=None,
                model_code=model,
                revision_code=revision,
                tags=[],
                actor=SYSTEM,
                now=now,
            )
            if not has_token:
                return ""
            return rotate_token(session, box=box, actor=SYSTEM, now=now)

    def image(self, version: str, content: bytes, *, models: Sequence[str] = ("AX1",)) -> int:
        """Publish an image and return its id."""
        with self.db.write() as session, self.files.receiving() as incoming:
            incoming.write(content)
            image = add_image(
                session,
                self.files,
                incoming=incoming,
                name="stb-fw",
                version=version,
                fits=[(model, "*") for model in models],
                filename=f"fw-{version}.swu",
                actor=SYSTEM,
                now=datetime.now(UTC),
            )
            return image.id

    def rollout(
        self,
        name: str,
        image_id: int,
        *,
        shares: Sequence[int] = (1000,),
        cap: int = 50,
        timing: Timing = QUICK,
        limits: Limits = Limits(failure_count=1000, suspect_count=1000, success_permille=0),  # noqa: B008
    ) -> int:
        """Start a rollout and return its id."""
        now = datetime.now(UTC)
        plan = Plan(
            name=name,
            waves=tuple(WavePlan(share, limits) for share in shares),
            cap=cap,
            timing=timing,
        )
        with self.db.write() as session:
            image = session.get_one(Image, image_id)
            rollout = rollouts.create_rollout(
                session, plan=plan, image=image, actor=SYSTEM, now=now
            )
            rollouts.start(session, rollout=rollout, actor=SYSTEM, now=now)
            return rollout.id

    def cancel(self, rollout_id: int) -> None:
        """Cancel a rollout."""
        with self.db.write() as session:
            rollout = session.get_one(Rollout, rollout_id)
            rollouts.cancel(
                session, rollout=rollout, why="test", actor=SYSTEM, now=datetime.now(UTC)
            )

    def state(self, serial: str, rollout_id: int) -> str:
        """Return where a box is in a rollout."""
        with self.db.read() as session:
            return session.scalar(
                select(Member.state)
                .join(Box, Box.id == Member.box_id)
                .where(Box.serial == serial, Member.rollout_id == rollout_id)
            ) or ("nowhere")

    def states(self, rollout_id: int) -> dict[str, str]:
        """Return where every box of a rollout is, by serial."""
        with self.db.read() as session:
            rows = session.execute(
                select(Box.serial, Member.state)
                .join(Member, Member.box_id == Box.id)
                .where(Member.rollout_id == rollout_id)
            )
            return {serial or "": state for serial, state in rows}

    def rollout_state(self, rollout_id: int) -> str:
        """Return the state of a rollout."""
        with self.db.read() as session:
            return session.get_one(Rollout, rollout_id).state


def _alive(pid: int) -> psutil.Process | None:
    return psutil.Process(pid) if psutil.pid_exists(pid) else None


def answers(url: str) -> bool:
    """Tell whether a server is ready."""
    try:
        return requests.get(f"{url}/readyz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


@contextmanager
def live_service(home: Path, database_url: str | None = None, **environ: str) -> Iterator[Live]:
    """Prepare a service in a folder; `start` starts its processes, the end stops them."""
    variables = {
        "STB_HOME": str(home),
        "STB_PORT": str(free_port()),
        "STB_EDGE_PORT": str(free_port()),
        "STB_POLL_INTERVAL_S": "1",
        "STB_LOG_LEVEL": "WARNING",
        "PYTHONFAULTHANDLER": "1",  # a process that hangs can be asked where
        **({"STB_DATABASE_URL": database_url} if database_url else {}),
        **environ,
    }
    home.mkdir(parents=True, exist_ok=True)
    settings = read_settings(variables)
    db = Database(settings.database_url)
    migrate.upgrade(db)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("STB_")}
    live = Live(settings, {**inherited, **variables}, db, FileStore(settings.files_dir))
    try:
        yield live
    finally:
        live.stop()
        db.close()
