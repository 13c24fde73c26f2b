"""The code as trees, read once: what the rules of the house are checked on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("stb_service", "firmware", "lab")


@dataclass(frozen=True)
class Module:
    """One file of code."""

    path: str
    tree: ast.Module
    text: str

    def functions(self) -> Iterator[ast.FunctionDef]:
        """Yield the functions that other modules may call."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield node

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def names(self) -> tuple[tuple[int, str], ...]:
        """Each dotted name that is used, with its line: `datetime.now`, `session.commit`."""
        return tuple(
            (node.lineno, f"{_dotted(node.value)}.{node.attr}")
            for node in self.nodes
            if isinstance(node, ast.Attribute)
        )

    @cached_property
    def imported(self) -> tuple[tuple[int, str], ...]:
        """What is imported, with its line: `time`, `time.monotonic`."""
        return tuple(self._imported())

    def _imported(self) -> Iterator[tuple[int, str]]:
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return "()"


def parse(path: str, text: str) -> Module:
    """Return a module from its text."""
    return Module(path, ast.parse(text), text)


def modules(*packages: str) -> tuple[Module, ...]:
    """Return every module of the packages (of all of them where none is named)."""
    return tuple(module for package in packages or PACKAGES for module in _of(package))


@cache
def _of(package: str) -> tuple[Module, ...]:
    return tuple(parse(path, (ROOT / path).read_text(encoding="utf-8")) for path in paths(package))


def paths(package: str) -> list[str]:
    """Return where the modules of a package lie."""
    return [str(path.relative_to(ROOT)) for path in sorted((ROOT / package).rglob("*.py"))]


def arguments(function: ast.FunctionDef) -> set[str]:
    """Return the names of a function's arguments."""
    given = function.args
    return {argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
