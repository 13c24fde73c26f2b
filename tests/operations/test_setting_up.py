"""Setting up with one command after another: what each makes, prints and keeps to its owner."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from firmware.edge import make_edge
from stb_service.app import make_app
from stb_service.cli import main
from stb_service.serving import logging_of_granian
from stb_service.shared import migrate
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings, read_settings
from stb_service.supervisor import Supervisor
from tests import parts

CHOSEN = "correct horse battery"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def stb(home: Path, *arguments: str, **environ: str) -> Result:
    environ = {"STB_HOME": str(home), "STB_ADMIN_PASSWORD": "", **environ}
    return CliRunner().invoke(main, arguments, env=environ)


def settings_of(home: Path, **environ: str) -> Settings:
    return read_settings({"STB_HOME": str(home), **environ})


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stb", "wait_until_ready", "watch"):
        monkeypatch.setattr(Supervisor, name, lambda *_, **__: None)


# stb db upgrade, then the processes one by one


def test_after_an_upgrade_people_can_be_made(home: Path) -> None:
    upgraded = stb(home, "db", "upgrade")
    again = stb(home, "db", "upgrade")
    made = stb(home, "user", "create", "ann", "--name", "Ann", "--role", "agent")

    assert "administrator: admin   password: " in upgraded.output
    assert (home / "admin_password").read_text().strip() in upgraded.output
    assert "password" not in again.output
    assert (made.exit_code, made.output.split()[0]) == (0, "ann")


def test_an_upgrade_to_no_newest_revision_makes_nobody(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "head", lambda: "a later one")

    upgraded = stb(home, "db", "upgrade", "0001")

    assert (upgraded.exit_code, "password" in upgraded.output) == (0, False), upgraded.output


@pytest.fixture(params=["staff app", "box edge"])
def unready(request: pytest.FixtureRequest, home: Path) -> Iterator[tuple[Any, Database]]:
    """A server on an empty database."""
    settings = settings_of(home)
    db = Database(settings.database_url)
    if request.param == "staff app":
        yield make_app(settings, db), db
    else:
        made = make_edge(settings, db)
        yield made, db
        made.extensions["edge"].presence.close()
    db.close()


def test_a_server_is_ready_when_the_schema_is_there(
    unready: tuple[Any, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, db = unready
    browser = app.test_client()

    before, alive = browser.get("/readyz"), browser.get("/healthz")
    migrate.upgrade(db)
    after = browser.get("/readyz")
    monkeypatch.setattr(migrate, "head", lambda: pytest.fail("a yes is not asked for again"))

    assert (before.status_code, before.mimetype) == (503, "application/problem+json")
    assert before.json["type"].endswith("schema")
    assert alive.status_code == 200
    assert (after.status_code, browser.get("/readyz").status_code) == (200, 200)


@pytest.mark.parametrize("command", ["current", "upgrade"])
def test_a_database_that_cannot_be_reached_is_told_in_a_sentence(home: Path, command: str) -> None:
    url = "postgresql://nobody@127.0.0.1:9/nothing?connect_timeout=2"

    done = stb(home, "db", command, STB_DATABASE_URL=url)

    assert (done.exit_code, isinstance(done.exception, SystemExit)) == (1, True)
    assert "cannot be reached" in done.output


# The first password


@pytest.mark.usefixtures("nothing_starts")
def test_a_chosen_password_is_not_printed_a_generated_one_is(tmp_path: Path) -> None:
    chosen = stb(tmp_path / "chosen", "serve", STB_ADMIN_PASSWORD=CHOSEN)
    generated = stb(tmp_path / "generated", "serve")

    assert CHOSEN not in chosen.output
    assert "as set in STB_ADMIN_PASSWORD" in chosen.output
    assert (tmp_path / "generated" / "admin_password").read_text().strip() in generated.output


# For the owner alone


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_folder_and_what_is_in_it_are_for_their_owner(home: Path, umask: int) -> None:
    former = os.umask(umask)
    try:
        assert stb(home, "db", "upgrade").exit_code == 0
        assert os.umask(umask) == umask  # the commands leave it as it was
    finally:
        os.umask(former)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert modes["stb.sqlite3"] == 0o600
    assert not any(mode & 0o077 for mode in modes.values()), modes


# What the servers log


def test_the_lines_of_granian_are_json_without_its_remark(
    capfd: pytest.CaptureFixture[str],
) -> None:
    from granian.log import LogLevels, configure_logging

    logger = logging.getLogger("_granian")
    try:
        configure_logging(LogLevels.warning, logging_of_granian())
        logger.warning("Configuration allows spawning up to 64 Python threads, which ...")
        logger.error("Unexpected exit from worker-1")
    finally:
        logger.handlers.clear()

    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "Unexpected exit from worker-1"
    assert json.loads(line)["level"] == "error"


# The parts of the tests that are no Python packages


@pytest.mark.parametrize(("wanted", "status"), [("", 0), ("1", 1)])
def test_a_part_that_cannot_be_installed_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    wanted: str,
    status: int,
) -> None:
    (tmp_path / "apt-get").write_text("#!/bin/sh\nexit 100\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("STB_TEST_ALL", wanted)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(parts, "PARTS", {"x": parts.Part("some part", "no-such-program", ("x",))})
    monkeypatch.setattr(Path, "exists", lambda _: True)

    assert parts.main() == status
    assert "could not be installed: some part" in capsys.readouterr().out
