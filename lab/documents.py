"""YAML documents that people write: checked against a schema, every mistake with its line."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import marshmallow as ma
import yaml

LARGEST_BYTES = 1_000_000
DEEPEST = 30  # far more than any schema asks for, far less than what parsers stand
Where = tuple[Hashable, ...]


class BadDocument(ValueError):
    """A document with mistakes: (line, where, what) each."""

    def __init__(self, name: str, mistakes: list[tuple[int, str, str]]) -> None:
        """List all of them."""
        self.name, self.mistakes = name, sorted(mistakes)
        super().__init__("\n".join(self._told()))

    def _told(self) -> Iterator[str]:
        for line, where, what in self.mistakes:
            yield f"{self.name}, line {line}: {where + ': ' if where else ''}{what}"


def read_document(path: Path, schema: ma.Schema) -> Any:
    """Read a document and load it with a schema.

    Raises:
        BadDocument: it is no YAML, or not what the schema wants.
        OSError: it cannot be read.
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise BadDocument(path.name, [(1, "", f"larger than {LARGEST_BYTES} bytes")])
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadDocument(path.name, [(1, "", "not a text in UTF-8")]) from error
    return load_document(text, schema, name=path.name)


def load_document(
    text: str,
    schema: ma.Schema,
    *,
    name: str,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Any:
    """Load the text of a document with a schema, after `change` was done to it.

    Raises:
        BadDocument: it is no YAML, or not what the schema wants.
    """
    try:
        _refuse_traps(text)
        root = yaml.compose(text, yaml.CSafeLoader)
        lines = dict(_lines(root, ())) if root is not None else {}
        data = yaml.load(text, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise BadDocument(name, [(line, "", f"not YAML: {error.problem}")]) from error
    except _Refused as error:
        raise BadDocument(name, [error.mistake]) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadDocument(name, [(1, "", f"not YAML: {error}")]) from error
    if not isinstance(data, dict):
        raise BadDocument(name, [(1, "", "not a list of `name: value`")])
    change(data)
    try:
        return schema.load(data)
    except ma.ValidationError as error:
        raise BadDocument(name, list(_mistakes(error.messages, (), lines))) from error


class _Refused(Exception):
    """A mistake that ends the reading: the mark where it stands, of what, and the words for it."""

    def __init__(self, mark: Any, where: str, what: str) -> None:
        super().__init__(what)
        self.mistake = (mark.line + 1, where, what)


def _refuse_traps(text: str) -> None:
    """Refuse what is small to write and huge to read: aliases of aliases, and endless depth.

    Raises:
        _Refused: it is there.
        yaml.YAMLError: it is no YAML.
    """
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(
                event.start_mark, "", f"write it out: an alias (*{event.anchor}) is not read"
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise _Refused(
                    event.start_mark, "", f"more than {DEEPEST} lists or mappings in each other"
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _lines(node: yaml.Node, where: Where) -> Iterator[tuple[Where, int]]:
    """Walk through a document with the line of each part, counted from 1."""
    yield where, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _Refused(key.start_mark, "", "a name is one word, not a list or a mapping")
            if key.value in seen:
                raise _Refused(key.start_mark, key.value, "is there twice")
            seen.add(key.value)
            yield from _lines(value, (*where, key.value))
            yield (*where, key.value), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, (*where, number))


def _mistakes(
    messages: Any, where: Where, lines: Mapping[Where, int]
) -> Iterator[tuple[int, str, str]]:
    """Flatten what the schema says; marshmallow's own steps into a mapping are left out."""
    if isinstance(messages, Mapping):
        for key, more in messages.items():
            is_step = key in {"value", "key", "_schema"} and (*where, key) not in lines
            yield from _mistakes(more, where if is_step else (*where, key), lines)
        return
    known = where
    while known and known not in lines:
        known = known[:-1]
    told = ".".join(str(part) for part in where)
    for message in messages if isinstance(messages, list) else [messages]:
        yield lines.get(known, 1), told, str(message)
