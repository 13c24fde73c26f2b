"""`stb serve` as it is really started: whatever ends it, nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from stb_service.cli import main
from stb_service.supervisor import Supervisor, command_of
from tests.live import answers, free_port, wait_for

pytestmark = pytest.mark.timeout(120)


class Service:
    """A service started in the background by a shell, which makes it ignore SIGINT."""

    def __init__(self, home: Path) -> None:
        self.ports = (free_port(), free_port())
        environ = {k: v for k, v in os.environ.items() if not k.startswith("STB_")} | {
            "STB_HOME": str(home),
            "STB_PORT": str(self.ports[0]),
            "STB_EDGE_PORT": str(self.ports[1]),
            "STB_LOG_LEVEL": "WARNING",
            "STB_ADMIN_PASSWORD": "correct horse battery",
        }
        self.log = home / "serve.log"
        home.mkdir(parents=True)
        command = f"'{sys.executable}' -m stb_service serve > '{self.log}' 2>&1 & echo $!"
        shell = subprocess.run(
            ["bash", "-c", command], env=environ, check=True, capture_output=True, text=True
        )
        self.process = psutil.Process(int(shell.stdout))
        self.family: list[psutil.Process] = []

    def wait_until_ready(self) -> None:
        wait_for(
            lambda: (
                all(answers(f"http://127.0.0.1:{port}") for port in self.ports)
                and "boxes:" in self.log.read_text()
            ),
            seconds=90,
            what=f"the service: {self.log.read_text()}",
        )
        self.family = [self.process, *self.process.children(recursive=True)]

    def left(self) -> list[psutil.Process]:
        """Return the processes that still run."""
        return [p for p in self.family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

    def end(self) -> None:
        for process in self.left():
            process.kill()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    started = Service(tmp_path / "home")
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.end()


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,  # which whoever starts it in the background has it ignore
        pytest.param(signal.SIGTERM, marks=pytest.mark.prove),
        signal.SIGKILL,
    ],
)
def test_a_signal_ends_everything(service: Service, number: signal.Signals) -> None:
    count = len(service.family)

    service.process.send_signal(number)
    wait_for(lambda: not service.left(), seconds=25, what="all processes have ended")

    assert count >= 6  # supervisor, two servers with their workers, and the worker
    assert not any(answers(f"http://127.0.0.1:{port}") for port in service.ports)
    assert "Traceback" not in service.log.read_text()


@pytest.mark.prove
def test_a_server_that_dies_ends_the_others(service: Service) -> None:
    edge = next(p for p in service.family if p.is_running() and p.cmdline()[-1:] == ["edge"])

    edge.kill()
    wait_for(lambda: not service.left(), seconds=25, what="all processes have ended")

    assert "edge has ended" in service.log.read_text()


# The servers' own processes


def test_the_box_edge_loads_no_command_and_nothing_of_the_back_office_but_what_is_shared() -> None:
    code = "import sys, stb_service.serving, firmware.edge; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    loaded = set(done.stdout.split())
    ours = {name for name in loaded if name.startswith("stb_service.")}
    assert {name for name in ours if not name.startswith("stb_service.shared")} == {
        "stb_service.serving"
    }
    assert loaded.isdisjoint({"alembic", "openpyxl"})


@pytest.mark.parametrize("name", ["app", "edge"])
def test_the_commands_of_the_servers_go_on_as_those_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    gone: list[object] = []
    monkeypatch.setattr("os.execv", lambda *arguments: gone.append(arguments))

    done = CliRunner().invoke(main, [name], env={"STB_HOME": str(tmp_path)})

    command = [sys.executable, "-m", "stb_service.serving", name]
    assert (done.exit_code, gone) == (0, [(sys.executable, command)])


def test_a_server_with_a_bad_setting_ends_with_status_2_and_a_sentence() -> None:
    done = subprocess.run(
        command_of("edge"),
        env={**os.environ, "STB_PORT": "none"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 2
    assert "STB_PORT" in done.stderr
    assert "Traceback" not in done.stderr


# The supervisor alone


def sleeping(seconds: int = 60) -> list[str]:
    return [sys.executable, "-c", f"import time; time.sleep({seconds})"]


def test_children_end_with_the_block() -> None:
    with Supervisor() as supervisor:
        child = supervisor.start("one", sleeping())
    signal_handlers_again()

    assert child.returncode == -signal.SIGTERM


def test_a_child_that_takes_no_hint_is_killed_with_all_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("stb_service.supervisor.STOP_WAIT_S", 0.5)
    note = tmp_path / "pid"
    deaf = (
        "import signal, subprocess, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"p = subprocess.Popen({sleeping()!r})\n"
        f"pathlib.Path({str(note)!r}).write_text(str(p.pid))\n"
        "time.sleep(60)\n"
    )
    with Supervisor() as supervisor:
        child = supervisor.start("deaf", [sys.executable, "-c", deaf])
        wait_for(lambda: note.exists() and note.read_text(), what="the grandchild")
        grandchild = psutil.Process(int(note.read_text()))
    signal_handlers_again()

    assert child.returncode == -signal.SIGKILL
    wait_for(lambda: ended(grandchild), what="the grandchild has ended")


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def small_service(folder: Path) -> Path:
    """Write a program that watches over two children, which say who they are; return it."""
    program = folder / "work.py"
    program.write_text(
        "import os, pathlib\n"
        "from stb_service.supervisor import Supervisor\n"
        "with Supervisor() as supervisor:\n"
        f"    children = [supervisor.start(name, {sleeping()!r}) for name in ('one', 'two')]\n"
        "    pids = [os.getpid(), *(child.pid for child in children)]\n"
        "    pathlib.Path('noted').write_text(' '.join(map(str, pids)))\n"
        "    os.rename('noted', 'pids')\n"
        "    supervisor.watch()\n"
    )
    return program


def family_of(folder: Path) -> list[psutil.Process]:
    """Wait for that program; return it and its children."""
    note = folder / "pids"
    wait_for(note.exists, seconds=30, what="the children")
    return [psutil.Process(int(pid)) for pid in note.read_text().split()]


ENVIRON = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.mark.parametrize(
    ("member", "number"),
    [(0, signal.SIGINT), (0, signal.SIGTERM), (0, signal.SIGKILL), (1, signal.SIGKILL)],
    ids=str,
)
def test_whatever_ends_one_of_a_small_service_ends_all_of_it(
    tmp_path: Path, member: int, number: signal.Signals
) -> None:
    """The shell starts it in the background, which makes it ignore SIGINT."""
    command = f"'{sys.executable}' {small_service(tmp_path)} > log 2>&1 &"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env=ENVIRON, check=True)
    family = family_of(tmp_path)

    family[member].send_signal(number)

    wait_for(lambda: all(ended(process) for process in family), what="all have ended")
    log = (tmp_path / "log").read_text()
    assert ("one has ended with status -9" in log) is (member == 1)
    assert ("Traceback" in log) is (member == 1)


def test_what_make_started_ends_when_make_alone_is_interrupted(tmp_path: Path) -> None:
    """GNU make does not pass SIGINT on to what it runs; started with it ignored, it never ends."""
    program = small_service(tmp_path)
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {sys.executable} {program}\n")
    with subprocess.Popen(
        ["make", "run"],
        cwd=tmp_path,
        env=ENVIRON,
        process_group=0,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as make:
        family = family_of(tmp_path)
        make.send_signal(signal.SIGINT)
        make.wait(25)

    wait_for(lambda: all(ended(process) for process in family), what="all have ended")


def test_a_child_that_ended_is_named() -> None:
    with Supervisor() as supervisor:
        child = supervisor.start("short", [sys.executable, "-c", "raise SystemExit(3)"])
        child.wait(20)
        with pytest.raises(RuntimeError, match="short has ended with status 3"):
            supervisor.check()
    signal_handlers_again()


def test_what_never_answers_is_given_up() -> None:
    with Supervisor() as supervisor:
        supervisor.start("quiet", sleeping())
        with pytest.raises(RuntimeError, match="did not answer"):
            supervisor.wait_until_ready([f"http://127.0.0.1:{free_port()}/"], seconds=0.3)
    signal_handlers_again()


def signal_handlers_again() -> None:
    """Give the test's own process its handlers back; a supervisor ends with its process."""
    handlers: dict[int, Callable[..., object] | int] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    for number, handler in handlers.items():
        signal.signal(number, handler)
