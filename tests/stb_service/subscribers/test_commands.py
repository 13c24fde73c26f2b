"""`stb import accounts`: the page's import from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from stb_service.cli import main
from stb_service.shared.db import Database
from stb_service.subscribers.models import Account

HEAD = "external_id,kind,name,currency\n"
Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_db: Database, tmp_path: Path) -> Run:
    address = sqlite_db.engine.url.render_as_string(hide_password=False)
    environ = {"STB_HOME": str(tmp_path), "STB_DATABASE_URL": address}
    return lambda *words: CliRunner().invoke(main, ["import", *words], env=environ)


def names(db: Database) -> list[str]:
    with db.read() as session:
        return list(session.scalars(select(Account.name)))


def test_accounts_are_imported_with_a_trial_and_a_report(
    sqlite_db: Database, run: Run, tmp_path: Path
) -> None:
    source, report = tmp_path / "accounts.csv", tmp_path / "report.csv"
    rows = "c-1,person,Zoë Ødegård,EUR\nc-2,robot,R2,EUR\n"
    source.write_bytes((HEAD + rows).encode("windows-1252"))
    words = ("accounts", str(source), "--encoding", "windows-1252", "--report", str(report))

    trial = run(*words, "--dry-run")
    kept_by_trial = names(sqlite_db)
    done = run(*words)

    assert (trial.exit_code, done.exit_code) == (1, 1)
    assert "2 rows: 1 new, 0 changed, 0 unchanged, 1 refused (trial" in trial.output
    assert kept_by_trial == []
    assert names(sqlite_db) == ["Zoë Ødegård"]
    assert "3,kind,refused" in report.read_text(encoding="utf-8-sig")


def test_a_file_alone_is_one_of_boxes(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "boxes.csv"
    source.write_text("serial,model\nSN-1,NOT-KNOWN\n", encoding="utf-8")

    alone, named = run(str(source), "--dry-run"), run("boxes", "--dry-run", str(source))

    assert (alone.exit_code, alone.output) == (named.exit_code, named.output)
    assert "1 rows: 0 new, 0 changed, 0 unchanged, 1 refused" in alone.output


def test_what_is_no_table_of_accounts_is_a_sentence(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "accounts.csv"
    source.write_text("colour\nred\n", encoding="utf-8")

    done = run("accounts", str(source))

    assert done.exit_code == 1
    assert "Traceback" not in done.output
