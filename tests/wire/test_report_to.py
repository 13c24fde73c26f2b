"""`stb-lab run --report-to`: a real run is sent to the running back office, by a real token."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from firmware.images.models import Image
from lab.cli import main
from lab.commands.sending import send
from stb_service.shared.access import SYSTEM
from stb_service.staff import operations as staff
from stb_service.staff.models import ApiToken, Person
from tests.conftest import People
from tests.live import Live, free_port, live_service

pytestmark = [pytest.mark.xdist_group("report-to"), pytest.mark.timeout(200)]

SCENARIO = """\
title: Two boxes on one quiet link
about: For tests.
kind: playback
boxes: 2
start_within_s: 2
profiles: {fhd-hevc-2016: 1}
link:
  round_trip_ms: 40
  trace: {constant_mbps: 20}
programme:
  segment_s: 2
  segments: 10
  rungs:
    - {profile: Main, width: 640, height: 360, kbps: 800}
player: {startup_s: 4, resume_s: 2, most_s: 20, safety: 0.85}
expect:
  - {measure: startup_worst_s, at_most: 10}
"""
Lab = Callable[..., "Done"]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The back office as it really runs, on SQLite."""
    with live_service(tmp_path_factory.mktemp("live") / "home") as service:
        service.start("app")
        yield service


@pytest.fixture(scope="module")
def image(live: Live) -> str:
    """The id of an image."""
    row = live.image("1.1.0", b"an image")
    with live.db.read() as session:
        return session.get_one(Image, row).public_id


@dataclass
class Tokens:
    """Tokens of several people, and what is kept of them."""

    live: Live
    people: People
    engineer: str
    viewer: str

    def revoke(self, secret_of: Person) -> None:
        """Revoke every token of a person."""
        with self.live.db.write() as session:
            for token in session.scalars(
                select(ApiToken).where(ApiToken.person_id == secret_of.id)
            ):
                staff.revoke_token(session, token=token, actor=SYSTEM, now=datetime.now(UTC))


@pytest.fixture(scope="module")
def tokens(live: Live) -> Tokens:
    people = People(live.db, SYSTEM, datetime.now(UTC))
    engineer, viewer = (people.token(people.person(role)) for role in ("lab_engineer", "viewer"))
    return Tokens(live, people, engineer, viewer)


@dataclass
class Done:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def lab(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Lab:
    """Run the small scenario and send it, by the command in this process."""
    (tmp_path / "quiet.yaml").write_text(SCENARIO)
    monkeypatch.chdir(tmp_path)

    def run(token: str | None, *words: str, url: str = live.staff_url) -> Done:
        if token is None:
            monkeypatch.delenv("STB_LAB_TOKEN", raising=False)
        else:
            monkeypatch.setenv("STB_LAB_TOKEN", token)
        capsys.readouterr()
        code = main(["run", "quiet.yaml", "--report-to", url, *words])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def lab_process(live: Live, tmp_path: Path) -> Lab:
    """The same in a process of its own, as it is typed."""
    (tmp_path / "quiet.yaml").write_text(SCENARIO)

    def run(token: str, *words: str) -> Done:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("STB_")}
        program = str(Path(sys.executable).with_name("stb-lab"))
        done = subprocess.run(
            [program, "run", "quiet.yaml", "--report-to", live.staff_url, *words],
            cwd=tmp_path,
            env={**inherited, "STB_LAB_TOKEN": token},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run."""
    (tmp_path / "result.json").write_text("{}")
    (tmp_path / "report.html").write_text("<html>")
    return tmp_path


def listed(live: Live, token: str) -> list[dict[str, Any]]:
    answer = requests.get(
        f"{live.staff_url}/api/v1/lab/runs",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def stored(live: Live) -> set[Path]:
    return {path for path in live.files.root.rglob("*") if path.is_file()}


def test_a_run_names_the_image_that_was_tried(
    live: Live, tokens: Tokens, lab: Lab, image: str
) -> None:
    good, bad = (lab(tokens.engineer, "--image", word) for word in (image, "nonesuch"))

    assert (good.returncode, bad.returncode) == (0, 2), good.stdout + bad.stdout
    assert image in [run["image"] for run in listed(live, tokens.engineer)]
    assert "image: " in bad.stdout


def test_a_run_is_sent_listed_and_there_once(
    live: Live, tokens: Tokens, lab_process: Lab, lab: Lab
) -> None:
    first, again = lab_process(tokens.engineer), lab(tokens.engineer)

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + first.stdout
    (run,) = [run for run in listed(live, tokens.engineer) if run["image"] is None]
    assert f"quiet-seed1: {run['url']}" in first.stdout
    assert f"quiet-seed1: {run['url']}" in again.stdout
    assert (run["name"], run["evidence"], run["verdict"]) == ("quiet", "emulated", "pass")
    assert (run["held"], run["expected"], run["seed"]) == (1, 1, 1)


def test_a_run_that_fails_is_sent_too_and_ends_with_1(live: Live, tokens: Tokens, lab: Lab) -> None:
    done = lab(tokens.engineer, "--seed", "5", "--set", "expect.0.at_most=0")

    assert done.returncode == 1, done.stderr + done.stdout
    (run,) = (run for run in listed(live, tokens.engineer) if run["seed"] == 5)
    assert (run["verdict"], run["held"]) == ("fail", 0)


@pytest.mark.parametrize(
    ("token", "told"),
    [
        (None, "STB_LAB_TOKEN"),
        ("", "STB_LAB_TOKEN"),
        ("not-a-token", "answers 401: "),
        ("nöt ascii", "STB_LAB_TOKEN holds characters that no API token has"),
        ("revoked", "answers 401: "),
        ("viewer", "answers 403: "),
    ],
)
def test_a_token_that_will_not_do_is_told_in_one_line_and_nothing_is_kept(
    live: Live, tokens: Tokens, lab: Lab, token: str | None, told: str
) -> None:
    if token == "viewer":
        token = tokens.viewer
    elif token == "revoked":
        former = tokens.people.person("lab_engineer", username="former.engineer")
        token = tokens.people.token(former)
        tokens.revoke(former)
    runs, files = listed(live, tokens.engineer), stored(live)

    done = lab(token, "--seed", "77")

    assert done.returncode == 2
    (line,) = (line for line in (done.stdout + done.stderr).splitlines() if told in line)
    assert "Traceback" not in done.stderr
    assert line.startswith(("quiet-seed77: not sent: ", "stb-lab: "))
    assert (listed(live, tokens.engineer), stored(live)) == (runs, files)


def test_a_server_that_is_not_there_is_named_with_the_reason(lab: Lab) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = lab("x" * 40, url=url)
    assert done.returncode == 2
    assert f"quiet-seed1: not sent: {url} cannot be reached: Connection refused\n" in done.stdout


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("127.0.0.1:8000", "127.0.0.1:8000 cannot be reached: "),
        ("http://", "http:// cannot be reached: "),
        ("http://name.invalid", "http://name.invalid cannot be reached: "),
    ],
)
def test_an_address_that_is_none_is_told(run: Path, url: str, told: str) -> None:
    with pytest.raises(OSError, match=f"^{told}") as caught:
        send(url, "x" * 40, run)
    assert "HTTPConnectionPool" not in str(caught.value)


@pytest.fixture
def says() -> Iterator[Callable[..., str]]:
    """Start a server that answers every sending in one way; return its address."""
    servers = []

    def start(status: int, body: bytes, form: str = "application/problem+json") -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Type", form)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (413, b'{"detail": "At most 5 bytes."}', "answers 413: At most 5 bytes."),
        (413, b"<html>\n<h1>too\nlarge", "answers 413: Request Entity Too Large"),
        (422, b'{"detail": "x", "errors": {"result": ["a", "b"]}}', "answers 422: result: a, b"),
        (500, b"", "answers 500: Internal Server Error"),
        (500, b'["a list"]', "answers 500: Internal Server Error"),
        (500, b'{"detail": "one\\ntwo\\u001b[31m"}', "answers 500: one two[31m"),
        (302, b"", "answers 302: Found"),
        (200, b"<html>Welcome to the hotel", "answers 200, but is no back office"),
        (200, b"{}", "answers 200, but is no back office"),
        (201, b"[1]", "answers 201, but is no back office"),
    ],
)
def test_what_a_server_answers_instead_is_told_in_one_line(
    run: Path, says: Callable[..., str], status: int, body: bytes, told: str
) -> None:
    url = says(status, body)
    with pytest.raises(OSError, match="answers") as caught:
        send(url, "x" * 40, run)
    assert str(caught.value) == f"{url} {told}"


def test_a_refusal_ends_with_2_and_leaves_the_run_in_its_folder(
    lab: Lab, says: Callable[..., str], tmp_path: Path
) -> None:
    url = says(413, b'{"detail": "At most 5 bytes are accepted."}')
    done = lab("x" * 40, url=url)
    assert done.returncode == 2
    assert f"not sent: {url} answers 413: At most 5 bytes are accepted.\n" in done.stdout
    assert (tmp_path / "lab-results" / "quiet-seed1" / "report.html").exists()
