"""The tables of the README say what the code says."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import click
import pytest

from lab.cli import build_parser
from stb_service.cli import main
from stb_service.shared.access import ROLE_NAMES
from stb_service.shared.settings import SETTINGS
from tests.architecture.source import ROOT


def tables(markdown: str) -> dict[str, list[list[str]]]:
    """Return the table rows of each section whose first cell is a name in backticks."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in markdown.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        elif line.startswith("| `"):
            found.setdefault(heading, []).append(
                [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            )
    return found


@pytest.fixture(scope="module")
def readme() -> dict[str, list[list[str]]]:
    return tables((ROOT / "README.md").read_text(encoding="utf-8"))


def names(rows: list[list[str]]) -> list[str]:
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row[0])]


def test_every_setting_is_listed_with_its_default_and_meaning(
    readme: dict[str, list[list[str]]],
) -> None:
    stated = [tuple(cell.strip("` ") for cell in row) for row in readme["Settings"]]
    real = [(setting.name, setting.default or "-", setting.meaning) for setting in SETTINGS]

    assert stated == [tuple(cell.strip("` ") for cell in row) for row in real]


def test_the_list_of_the_command_line_is_the_same(tmp_path: Path) -> None:
    from click.testing import CliRunner

    listed = (
        CliRunner()
        .invoke(main, ["settings"], env={"STB_HOME": str(tmp_path)})
        .output.replace("\n", " ")
    )

    assert all(f"{setting.name}:" in listed for setting in SETTINGS)


def lab_commands() -> set[str]:
    parser = build_parser()
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return {name for group in groups for name in group.choices}


def test_every_command_is_listed(readme: dict[str, list[list[str]]]) -> None:
    assert isinstance(main, click.Group)
    real = {f"stb {name}" for name in main.commands} | {
        f"stb-lab {name}" for name in lab_commands()
    }

    assert {" ".join(name.split()[:2]) for name in names(readme["Commands"])} == real


def test_the_commands_of_a_group_are_listed(readme: dict[str, list[list[str]]]) -> None:
    rows = {names([row])[0]: " ".join(row[1:]) for row in readme["Commands"]}
    groups = {n: c for n, c in main.commands.items() if isinstance(c, click.Group)}

    missing = {
        f"stb {name} {inner}"
        for name, group in groups.items()
        for inner in group.commands
        if f"`{inner}`" not in rows[f"stb {name}"]
    }

    assert missing == set()


def test_every_built_in_role_is_listed(readme: dict[str, list[list[str]]]) -> None:
    assert names(readme["Roles"]) == list(ROLE_NAMES)


def test_the_glossary_has_each_word_once(readme: dict[str, list[list[str]]]) -> None:
    words = names(readme["Glossary"])

    assert {"box", "image", "rollout", "wave", "cap", "verified", "suspect", "scope"} <= set(words)
    assert len(words) == len(set(words))


def test_targets_of_make_that_the_readme_names_exist() -> None:
    named = set(re.findall(r"`make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert named
    assert {name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)} == set()


def test_a_wrong_table_is_noticed() -> None:
    stated = tables("## Roles\n| `viewer` | looks |\n| `ghost` | none |\n")

    assert names(stated["Roles"]) == ["viewer", "ghost"]
