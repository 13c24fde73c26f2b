"""`stb backup` and `stb restore` as they are typed, while boxes poll and report."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import requests
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from firmware.boxes.models import Box, BoxReport
from firmware.images.models import Image
from stb_service.cli import main
from stb_service.metadata import metadata
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.staff.setup import first_administrator
from tests.conftest import NOW
from tests.databases import KINDS, Databases
from tests.live import Live, live_service, wait_for
from tests.operations.filling import counts

PAYLOAD = os.urandom(200_000)
PAUSE_S = 0.05  # between two visits of a box: what is backed up must get some of the machine too


def stb(*arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stb_service", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def stb_here(*arguments: str, environ: dict[str, str]) -> Result:
    """Run the command in this process; what it does not foresee is raised."""
    return CliRunner().invoke(main, arguments, env=environ, catch_exceptions=False)


@pytest.fixture(params=KINDS)
def live(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Live]:
    url = None
    if request.param == "postgresql":
        url = databases.make("postgresql").engine.url.render_as_string(hide_password=False)
    with live_service(tmp_path / "home", url) as service:
        yield service


class Reporters:
    """Boxes that state what they run, again and again, each time something new."""

    def __init__(self, live: Live, count: int) -> None:
        self.live = live
        self.tokens = {f"REPORTER{number:08d}": "" for number in range(count)}
        self.tokens = {serial: live.box(serial) for serial in self.tokens}
        self.said = 0
        self.refused: list[str] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._report, args=pair) for pair in self.tokens.items()
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _report(self, serial: str, token: str) -> None:
        base = f"{self.live.edge_url}/{self.live.settings.tenant}/controller/v1/{serial}"
        headers = {"Authorization": f"TargetToken {token}"}
        with requests.Session() as session:
            session.headers.update(headers)
            number = 0
            while not self._stop.wait(PAUSE_S):
                number += 1
                stated = {"mode": "merge", "data": {"sw_version": f"1.{number}", "boot_id": "b"}}
                final = {"status": {"execution": "closed", "result": {"finished": "success"}}}
                answers = (
                    session.put(f"{base}/configData", json=stated, timeout=30),
                    session.get(base, timeout=30),
                    session.post(f"{base}/deploymentBase/9/feedback", json=final, timeout=30),
                )
                self.refused += [a.text for a in answers if a.status_code != 200]
                self.said += 1


def test_a_backup_under_way_disturbs_no_box_and_comes_back_whole(
    live: Live, databases: Databases, tmp_path: Path
) -> None:
    live.start("edge")
    image = live.image("1.0.0", PAYLOAD)
    archive = tmp_path / "backup.tar.gz"
    with Reporters(live, 4) as boxes:
        wait_for(lambda: boxes.said >= 8, seconds=60, what="some reports")
        before = counts(live.db)
        said_before = boxes.said
        taken = stb("backup", str(archive), environ=live.environ)
        wait_for(lambda: boxes.said > said_before, seconds=30, what="a report during the backup")
    after = counts(live.db)
    target = databases.make("sqlite")
    elsewhere = {
        **live.environ,
        "STB_HOME": str(tmp_path / "elsewhere"),
        "STB_DATABASE_URL": str(target.engine.url),
    }

    restored = stb_here("restore", str(archive), environ=elsewhere)
    again = stb_here("restore", str(archive), environ=elsewhere)

    assert (taken.returncode, restored.exit_code) == (0, 0), taken.stderr + restored.stderr
    assert boxes.refused == []
    found = counts(target)
    assert {
        name: (before[name], count, after[name])
        for name, count in found.items()
        if not before[name] <= count <= after[name]
    } == {}
    assert f"{sum(found.values())} rows and 1 files" in restored.stdout
    assert orphans(target) == {}
    assert_consistent(target)
    files = FileStore(tmp_path / "elsewhere" / "files")
    with target.read() as session:
        kept = session.get_one(Image, image)
        assert files.path(kept.sha256).read_bytes() == PAYLOAD
    assert again.exit_code == 1
    assert "not empty" in again.stderr


def orphans(db: Database) -> dict[str, int]:
    """Return the foreign keys that point to rows that are not there."""
    with db.read() as session:
        found = {
            f"{table.name}.{key.parent.name}": session.scalar(
                select(func.count())
                .select_from(table)
                .where(key.parent.is_not(None), key.parent.not_in(select(key.column)))
            )
            or 0
            for table in metadata.sorted_tables
            for key in table.foreign_keys
            if len(key.constraint.columns) == 1  # type: ignore[union-attr]
        }
    return {name: count for name, count in found.items() if count}


def assert_consistent(db: Database) -> None:
    """What one transaction wrote is there together: a version and the attribute it came from."""
    with db.read() as session:
        boxes = session.scalars(select(Box)).all()
        reports = session.scalar(select(func.count()).select_from(BoxReport)) or 0
    assert {box.attributes["sw_version"] for box in boxes} - {
        box.running_version for box in boxes
    } == set()
    assert reports > 0


def test_an_archive_that_is_none_ends_with_status_1_and_a_sentence(tmp_path: Path) -> None:
    source = tmp_path / "text.tar.gz"
    source.write_text("no archive")
    environ = {**os.environ, "STB_HOME": str(tmp_path / "home")}

    done = stb("restore", str(source), environ=environ)

    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_backup_into_a_folder_that_is_not_there_ends_with_status_1(
    tmp_path: Path,
) -> None:
    with live_service(tmp_path / "home") as live:
        first_administrator(live.db, live.settings, now=NOW)

        done = stb_here("backup", str(tmp_path / "no" / "x.tar.gz"), environ=live.environ)

    assert done.exit_code == 1
    assert "cannot be written" in done.stderr
