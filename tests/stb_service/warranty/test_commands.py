"""`stb warranty`: the presets from the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stb_service.cli import main
from stb_service.shared.db import Database
from stb_service.warranty import queries

Stb = Callable[..., Result]


@pytest.fixture
def stb(sqlite_db: Database, tmp_path: Path) -> Stb:
    address = sqlite_db.engine.url.render_as_string(hide_password=False)
    environ = {"STB_HOME": str(tmp_path), "STB_DATABASE_URL": address}
    return lambda *words: CliRunner().invoke(main, ["warranty", *words], env=environ)


def test_the_presets_are_listed_with_their_sources(stb: Stb) -> None:
    said = stb("presets").output

    assert "eu-consumer: Consumer in the European Union" in said
    assert "Directive (EU) 2019/771" in said


def test_a_preset_is_loaded_as_a_draft(stb: Stb, sqlite_db: Database) -> None:
    said = stb("load", "eu-consumer")

    assert said.exit_code == 0, said.output
    assert "have it checked by your lawyer" in said.output
    with sqlite_db.read() as session:
        (policy,) = queries.all_policies(session)
        assert (policy.code, policy.newest.is_draft) == ("eu-consumer", True)


def test_a_preset_is_published_and_assigned_at_once(stb: Stb, sqlite_db: Database) -> None:
    said = stb("load", "twelve-months", "--in-force-from", "2020-01-01", "--for-all-boxes")

    assert said.exit_code == 0, said.output
    with sqlite_db.read() as session:
        (policy,) = queries.all_policies(session)
        (row,) = queries.assignments_of(session, policy)
        assert (policy.newest.in_force_from, row.names) == (date(2020, 1, 1), frozenset())


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["load", "mars"], 2),
        (["load", "eu-consumer", "--for-all-boxes"], 2),
        (["load", "eu-consumer", "--in-force-from", "soon"], 2),
    ],
)
def test_what_cannot_be_loaded_is_refused(stb: Stb, words: list[str], status: int) -> None:
    assert stb(*words).exit_code == status


def test_a_preset_that_is_there_is_told(stb: Stb) -> None:
    stb("load", "eu-consumer")

    again = stb("load", "eu-consumer")

    assert again.exit_code == 1
