"""Scenario files: those that ship, those that people write, and changes asked for by the way."""

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import marshmallow as ma
import yaml
from marshmallow import fields, validate

from lab.documents import BadDocument, load_document
from lab.measures.catalogue import Kind
from lab.scenarios.schema import SCHEMAS, Expectation, Scenario

LARGEST_BYTES = 1_000_000


class _KindSchema(ma.Schema):
    class Meta:
        """What else there is depends on the kind."""

        unknown = ma.EXCLUDE

    kind = fields.String(required=True, validate=validate.OneOf(sorted(SCHEMAS)))


def shipped() -> dict[str, Path]:
    """Return the scenarios that ship with the lab, by name."""
    folder = Path(str(files("lab.scenarios")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def path_of(word: str) -> Path:
    """Return the file that a word of the command line means: a path, or the name of a shipped one.

    Raises:
        ValueError: there is no such scenario.
    """
    path = Path(word)
    if path.suffix in {".yaml", ".yml"} or path.exists():
        return path
    known = shipped()
    if word not in known:
        raise ValueError(f"no scenario {word}: a file, or one of {', '.join(known)}")
    return known[word]


def read_scenario(path: Path, changes: Mapping[str, str] | None = None) -> Scenario:
    """Read a scenario; `changes` are values by their dotted path, as YAML writes them.

    Raises:
        BadDocument: the file is no scenario, with every mistake and its line.
        ValueError: a change names no value of the file.
        OSError: it cannot be read.
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise BadDocument(path.name, [(1, "", f"larger than {LARGEST_BYTES} bytes")])
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadDocument(path.name, [(1, "", "not a text in UTF-8")]) from error
    kind = Kind(load_document(text, _KindSchema(), name=path.name)["kind"])
    schema = SCHEMAS[kind]()
    seen: dict[str, Any] = {}

    def change(data: dict[str, Any]) -> None:
        for where, value in (changes or {}).items():
            _put(data, where, value)
        seen.update(data)

    data = load_document(text, schema, name=path.name, change=change)
    words = json.dumps(seen, sort_keys=True, default=str)
    scenario = Scenario(
        name=path.stem,
        digest=hashlib.sha256(words.encode()).hexdigest(),
        title=data["title"],
        about=data["about"].strip(),
        kind=kind,
        work=schema.work(data),
        expect=tuple(data["expect"]),
        folder=str(path.parent),
    )
    _check_names(scenario, text, path.name)
    return scenario


def _check_names(scenario: Scenario, text: str, name: str) -> None:
    """Refuse expectations of figures that the scenario does not give.

    Raises:
        BadDocument: with the line of each.
    """
    known = set(scenario.measures)
    wrong = [(n, e) for n, e in enumerate(scenario.expect) if e.measure not in known]
    if not wrong:
        return
    lines = _lines_of_expect(text)
    raise BadDocument(
        name,
        [
            (lines[n] if n < len(lines) else 1, f"expect.{n}.measure", _told(expectation))
            for n, expectation in wrong
        ],
    )


def _told(expectation: Expectation) -> str:
    return f"no figure {expectation.measure}; `stb-lab describe` lists them"


def _lines_of_expect(text: str) -> list[int]:
    root = yaml.compose(text, yaml.CSafeLoader)
    assert isinstance(root, yaml.MappingNode)
    found = next(value for key, value in root.value if key.value == "expect")
    return [item.start_mark.line + 1 for item in found.value]


def _put(data: dict[str, Any], where: str, value: str) -> None:
    """Change one value; what leads to it must be there.

    Raises:
        ValueError: the path leads nowhere, or the value is no YAML.
    """
    *way, last = where.split(".")
    part: Any = data
    for word in way:
        part = _step(part, word, where)
    try:
        parsed = yaml.load(value, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"--set {where}: {value!r} is no YAML") from error
    if isinstance(part, list) and last.isdigit() and int(last) < len(part):
        part[int(last)] = parsed
    elif isinstance(part, dict):
        part[last] = parsed
    else:
        raise ValueError(f"--set {where}: there is no such value")


def _step(part: Any, word: str, where: str) -> Any:
    if isinstance(part, dict) and word in part:
        return part[word]
    if isinstance(part, list) and word.isdigit() and int(word) < len(part):
        return part[int(word)]
    raise ValueError(f"--set {where}: there is no {word}")
