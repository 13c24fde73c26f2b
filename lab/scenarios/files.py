"""Scenario files: those that ship, those that people write, and changes asked for by the way."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import marshmallow as ma
import yaml
from marshmallow import fields, validate

from lab.documents import BadDocument, load_document
from lab.measures.catalogue import Kind
from lab.network.trace_files import read_trace
from lab.scenarios.schema import SCHEMAS, Change, Expectation, Playback, Scenario, Work

LARGEST_BYTES = 1_000_000
LONGEST_VALUE = 200


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
        BadTrace: the trace it names is none.
        ValueError: a change names no value of the file.
        OSError: it cannot be read, or its trace cannot.
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise BadDocument(path.name, [(1, "", f"larger than {LARGEST_BYTES} bytes")])
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadDocument(path.name, [(1, "", "not a text in UTF-8")]) from error
    written: dict[str, Any] = {}
    seen: dict[str, Any] = {}

    def change(data: dict[str, Any]) -> None:
        written.update(deepcopy(data) if changes else {})
        for where, value in (changes or {}).items():
            _put(data, where, value)
        seen.update(data)

    kind = Kind(load_document(text, _KindSchema(), name=path.name, change=change)["kind"])
    schema = SCHEMAS[kind]()
    data = load_document(text, schema, name=path.name, change=change)
    work = _with_trace(schema.work(data), path.parent)
    scenario = Scenario(
        name=path.stem,
        digest=_digest(seen, work),
        title=data["title"],
        about=data["about"].strip(),
        kind=kind,
        work=work,
        expect=tuple(data["expect"]),
        changes=tuple(_changed(written, seen, changes or {})),
    )
    _check_names(scenario, text, path.name)
    return scenario


def _with_trace(work: Work, folder: Path) -> Work:
    """Return the work with the trace that it names read from its file, once."""
    if not isinstance(work, Playback) or work.trace.file is None:
        return work
    read = read_trace(folder / work.trace.file, work.trace.form)
    return replace(work, trace=replace(work.trace, read=read))


def _digest(seen: Mapping[str, Any], work: Work) -> str:
    """Return SHA-256 of all that a run's result depends on, besides the seed.

    The order of names in the file is left out, but for that of `streams`: reports show them in it.
    """
    parts: list[Any] = [seen, list(seen.get("streams", {}))]
    if isinstance(work, Playback) and work.trace.read is not None:
        parts.append([work.trace.read.origin, work.trace.read.digest])
    words = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(words.encode()).hexdigest()


def _changed(
    written: dict[str, Any], seen: dict[str, Any], changes: Mapping[str, str]
) -> Iterator[Change]:
    """Yield what is not as the file has it; a value that was set to what it was is no change."""
    for where in changes:
        before, now = _words(_found(written, where)), _words(_found(seen, where))
        if now is not None and now != before:  # a later change may have taken it away with all
            yield Change(_shortened(where), before and _shortened(before), _shortened(now))


def _found(data: Any, where: str) -> Any:
    """Return the value at a dotted path, or the class of nothing where there is none."""
    for word in where.split("."):
        if isinstance(data, dict) and word in data:
            data = data[word]
        elif isinstance(data, list) and word.isdigit() and int(word) < len(data):
            data = data[int(word)]
        else:
            return _Nothing
    return data


class _Nothing:
    """What a file does not have."""


def _words(value: Any) -> str | None:
    """Return a value as JSON text on one line, every sign of it printable."""
    if value is _Nothing:
        return None
    text = json.dumps(value, ensure_ascii=False, default=str)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _shortened(words: str) -> str:
    return words if len(words) <= LONGEST_VALUE else f"{words[: LONGEST_VALUE - 1]}…"


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
