"""Traces from files, in the three formats that people have.

- Sabre: a JSON array of ``{"duration_ms", "bandwidth_kbps", "latency_ms"}``.
- Two columns: ``seconds  Mbit/s``; a rate holds from its line's time to the next line's, the last
  one for as long as the one before it (alone: one second).
- mahimahi: one millisecond a line, each an opportunity to deliver 1,500 bytes, never going back;
  turned into rates over bins of 100 ms.

Empty lines and lines that begin with ``#`` are passed over, in the two formats that have lines.
"""

import json
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from lab.network.traces import Step, Trace
from lab.units import NS_PER_MS, NS_PER_S, from_bytes, from_seconds

FORMATS = ("sabre", "columns", "mahimahi")
LARGEST_BYTES = 50_000_000
OPPORTUNITY_BITS = from_bytes(1500)
BIN_MS = 100
SABRE_KEYS = {"duration_ms": True, "bandwidth_kbps": True, "latency_ms": False}


class BadTrace(ValueError):
    """A file that is no trace: which line, and why."""

    def __init__(self, name: str, line: int, why: str) -> None:
        """Say where and why."""
        super().__init__(f"{name}, line {line}: {why}")
        self.name, self.line, self.why = name, line, why


def read_trace(path: Path, form: str | None = None) -> Trace:
    """Read a trace; without `form` the format is told by the content.

    Raises:
        BadTrace: the file breaks its format.
        ValueError: no such format.
        OSError: it cannot be read.
    """
    if form is not None and form not in FORMATS:
        raise ValueError(f"no trace format {form}: one of {', '.join(FORMATS)}")
    if path.stat().st_size > LARGEST_BYTES:
        raise BadTrace(path.name, 1, f"larger than {LARGEST_BYTES} bytes")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise BadTrace(path.name, line, "not a text in UTF-8") from error
    return parse_trace(text, form or _told_by(text), name=path.name)


def parse_trace(text: str, form: str, *, name: str) -> Trace:
    """Return the trace that a text holds.

    Raises:
        BadTrace: the text breaks its format.
    """
    readers = {"sabre": _sabre, "columns": _columns, "mahimahi": _mahimahi}
    steps = readers[form](text, name)
    if not any(step.rate_bps for step in steps):
        raise BadTrace(name, 1, "nothing ever gets through")
    try:
        return Trace(tuple(steps), f"{form} file {name}")
    except ValueError as error:
        raise BadTrace(name, 1, str(error)) from error


def _told_by(text: str) -> str:
    """Tell the format by the first line that says anything."""
    first = next((words for _, words in _lines(text)), [""])
    if text.lstrip().startswith("["):
        return "sabre"
    return "mahimahi" if len(first) == 1 else "columns"


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.replace(",", " ").replace(";", " ").split()
        if words and not words[0].startswith("#"):
            yield number, words


def _number(word: Any, name: str, line: int, what: str) -> float:
    try:
        value = float(word)
    except (TypeError, ValueError):
        value = math.nan
    if isinstance(word, bool) or not (math.isfinite(value) and 0 <= value <= 1e12):
        raise BadTrace(name, line, f"{what} is {word!r}, not a number of 0 or more")
    return value


def _sabre(text: str, name: str) -> list[Step]:
    steps = []
    for line, item in _items(text, name):
        if not isinstance(item, dict):
            raise BadTrace(name, line, "not an object")
        for key, is_needed in SABRE_KEYS.items():
            if is_needed and key not in item:
                raise BadTrace(name, line, f"no {key}")
        numbers = {key: _number(item.get(key, 0), name, line, key) for key in SABRE_KEYS}
        duration_ns = round(numbers["duration_ms"] * NS_PER_MS)
        if duration_ns <= 0:
            raise BadTrace(name, line, "duration_ms is not above 0")
        rate_bps = round(numbers["bandwidth_kbps"] * 1000)
        steps.append(Step(duration_ns, rate_bps, round(numbers["latency_ms"] * NS_PER_MS)))
    if not steps:
        raise BadTrace(name, 1, "an empty array")
    return steps


def _items(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Walk through a JSON array with the line on which each item begins."""
    decoder = json.JSONDecoder()
    at = _after_space(text, 0)
    if text[at : at + 1] != "[":
        raise BadTrace(name, 1, "not a JSON array")
    at = _after_space(text, at + 1)
    line, counted = 1, 0
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            item, at = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            raise BadTrace(name, line, f"not JSON: {error}") from error
        yield line, item
        at = _after_space(text, at)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise BadTrace(name, 1 + text.count("\n", 0, at), "a comma or ] is missing")
    if text[at + 1 :].strip():
        raise BadTrace(name, 1 + text.count("\n", 0, at), "something follows the array")


def _after_space(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _columns(text: str, name: str) -> list[Step]:
    rows: list[tuple[int, int, int]] = []
    for line, words in _lines(text):
        if len(words) != 2:
            raise BadTrace(name, line, f"{len(words)} columns, not seconds and Mbit/s")
        at_ns = from_seconds(_number(words[0], name, line, "the time"))
        if rows and at_ns <= rows[-1][1]:
            raise BadTrace(name, line, "the time does not go forward")
        rows.append((line, at_ns, round(_number(words[1], name, line, "the rate") * 1e6)))
    if not rows:
        raise BadTrace(name, 1, "no line says anything")
    spans = [later[1] - earlier[1] for earlier, later in pairwise(rows)]
    spans.append(spans[-1] if spans else NS_PER_S)
    return [Step(span, rate) for span, (_, _, rate) in zip(spans, rows, strict=True)]


def _mahimahi(text: str, name: str) -> list[Step]:
    counts: dict[int, int] = {}
    last_ms = 0
    for line, words in _lines(text):
        if len(words) != 1 or not words[0].isascii() or not words[0].isdigit():
            raise BadTrace(name, line, f"{' '.join(words)!r} is not one whole millisecond")
        at_ms = int(words[0]) if len(words[0]) <= 12 else -1
        if at_ms < last_ms:
            raise BadTrace(name, line, "the time goes back, or is out of range")
        last_ms = at_ms
        bin_ = max(0, at_ms - 1) // BIN_MS
        counts[bin_] = counts.get(bin_, 0) + 1
    if not counts or not last_ms:
        raise BadTrace(name, 1, "no opportunity after 0 ms")
    if last_ms > 7 * 86_400_000:
        raise BadTrace(name, 1, "lasts longer than a week")
    steps = []
    for start_ms in range(0, last_ms, BIN_MS):
        span_ms = min(BIN_MS, last_ms - start_ms)
        bits = counts.get(start_ms // BIN_MS, 0) * OPPORTUNITY_BITS
        steps.append(Step(span_ms * NS_PER_MS, bits * 1000 // span_ms))
    return steps
