import ast
from pathlib import Path

import pytest

LAB = Path(__file__).parents[2] / "lab"
MODULES = sorted(LAB.rglob("*.py"))
EDGES = {"cli.py", "media/encode.py", "runs.py", "commands/fleet.py", "commands/scenarios.py"}


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    sources = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in plain | sources}


def attributes_used(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 15


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LAB)))
def test_the_lab_imports_nothing_of_the_service(path: Path) -> None:
    assert not imported(path) & {"stb_service", "firmware"}


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if str(path.relative_to(LAB)) not in EDGES],
    ids=lambda path: str(path.relative_to(LAB)),
)
def test_only_the_edges_read_clocks_settings_and_common_chance(path: Path) -> None:
    drawn = {name for name in attributes_used(path) if name.startswith("random.")}
    assert not imported(path) & {"time", "os"}
    assert drawn <= {"random.Random"}
    assert not attributes_used(path) & {"datetime.now", "datetime.utcnow"}
