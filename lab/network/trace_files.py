"""Traces from files, in the three formats that people have.

- Sabre: a JSON array of ``{"duration_ms", "bandwidth_kbps", "latency_ms"}``.
- Two columns: ``seconds  Mbit/s``; a rate holds from its line's time to the next line's, the last
  one for as long as the one before it (alone: one second).
- mahimahi: one millisecond a line, each an opportunity to deliver 1,500 bytes, never going back;
  turned into rates over bins of 100 ms.

In the two formats that have lines, empty lines are passed over, and what follows a ``#``.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from lab.network.traces import FASTEST_BPS, LATEST_NS, LONGEST_S, Step, Trace
from lab.units import NS_PER_MS, NS_PER_S, from_bytes, from_seconds

FORMATS = ("sabre", "columns", "mahimahi")
LARGEST_BYTES = 50_000_000
OPPORTUNITY_BITS = from_bytes(1500)
BIN_MS = 100
SABRE_KEYS = {"duration_ms": True, "bandwidth_kbps": True, "latency_ms": False}
MOST = 10**12
DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
JSON_SPACE = re.compile(r"[ \t\n]*")
SHOWN = 40

Numbered = tuple[int, Step]  # a step, and the line that it stands on


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
    return parse_trace(text, form, name=path.name)


def parse_trace(text: str, form: str | None, *, name: str) -> Trace:
    """Return the trace that a text holds; lines end as any system ends them.

    Raises:
        BadTrace: the text breaks its format.
    """
    readers: dict[str, Callable[[str, str], list[Numbered]]] = {
        "sabre": _sabre,
        "columns": _columns,
        "mahimahi": _mahimahi,
    }
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise BadTrace(name, 1, "there is nothing in it")
    form = form or _told_by(text)
    found = readers[form](text, name)
    _check(found, name)
    return Trace(tuple(step for _, step in found), f"{form} file {name}")


def _check(found: list[Numbered], name: str) -> None:
    """Refuse what no link can be, at the line where it is."""
    ended_ns = 0
    for line, step in found:
        ended_ns += step.duration_ns
        if step.rate_bps > FASTEST_BPS:
            why = f"{step.rate_bps / 1e6:g} Mbit/s are more than {FASTEST_BPS / 1e6:g}"
            raise BadTrace(name, line, why)
        if step.latency_ns > LATEST_NS:
            why = f"a latency of {step.latency_ns / 1e9:g} s is longer than {LATEST_NS / 1e9:g} s"
            raise BadTrace(name, line, why)
        if ended_ns > LONGEST_S * NS_PER_S:
            raise BadTrace(name, line, "here it lasts longer than a week")
    if not any(step.rate_bps for _, step in found):
        raise BadTrace(name, 1, "nothing ever gets through")


def _told_by(text: str) -> str:
    """Tell the format by the first line that says anything."""
    first = next((words for _, words in _lines(text)), [""])
    if text.lstrip().startswith(("[", "{")):
        return "sabre"
    return "mahimahi" if len(first) == 1 else "columns"


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.partition("#")[0].replace(",", " ").replace(";", " ").split()
        if words:
            yield number, words


def _shown(value: Any) -> str:
    """Return what stands there, in short."""
    told = repr(value)
    return told if len(told) <= SHOWN else f"{told[:SHOWN]}..."


def _number(value: Any, name: str, line: int, what: str) -> float:
    is_number = isinstance(value, float) and math.isfinite(value) and 0 <= value <= MOST
    if not is_number:
        raise BadTrace(name, line, f"{what} is {_shown(value)}, not a number from 0 to {MOST}")
    return float(value)


def _word(word: str, name: str, line: int, what: str) -> float:
    """Return the number that a word is: plain digits, no `1_0`, no words, no other alphabet's."""
    return _number(float(word) if DECIMAL.fullmatch(word) else word, name, line, what)


def _sabre(text: str, name: str) -> list[Numbered]:
    steps = []
    for line, item in _items(text, name):
        if not isinstance(item, dict):
            raise BadTrace(name, line, "not an object")
        for key, is_needed in SABRE_KEYS.items():
            if is_needed and key not in item:
                raise BadTrace(name, line, f"no {key}")
        numbers = {key: _number(item.get(key, 0.0), name, line, key) for key in SABRE_KEYS}
        duration_ns = round(numbers["duration_ms"] * NS_PER_MS)
        if duration_ns <= 0:
            raise BadTrace(name, line, "duration_ms is not above 0")
        rate_bps = round(numbers["bandwidth_kbps"] * 1000)
        latency_ns = round(numbers["latency_ms"] * NS_PER_MS)
        steps.append((line, Step(duration_ns, rate_bps, latency_ns)))
    if not steps:
        raise BadTrace(name, 1, "an empty array")
    return steps


class _Twice(Exception):
    """A key that an object has twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Twice(key)
        found[key] = value
    return found


def _items(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Walk through a JSON array with the line on which each item begins; numbers are floats."""
    decoder = json.JSONDecoder(parse_int=float, object_pairs_hook=_object)
    at = _after_space(text, 0)
    if text[at : at + 1] != "[":
        raise BadTrace(name, 1, "not a JSON array")
    at = _after_space(text, at + 1)
    line, counted = 1, 0
    is_due = False  # whether an item must follow, after a comma
    while is_due or text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            item, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise BadTrace(name, error.lineno, f"not JSON: {error.msg}") from error
        except RecursionError as error:
            raise BadTrace(name, line, "not JSON: nested too deeply") from error
        except _Twice as error:
            raise BadTrace(name, line, f"{_shown(str(error))} is there twice") from error
        yield line, item
        at = _after_space(text, at)
        is_due = text[at : at + 1] == ","
        if is_due:
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise BadTrace(name, 1 + text.count("\n", 0, at), "a comma or ] is missing")
    if text[at + 1 :].strip():
        raise BadTrace(name, 1 + text.count("\n", 0, at), "something follows the array")


def _after_space(text: str, at: int) -> int:
    match = JSON_SPACE.match(text, at)
    assert match is not None
    return match.end()


def _columns(text: str, name: str) -> list[Numbered]:
    rows: list[tuple[int, int, int]] = []
    for line, words in _lines(text):
        if len(words) != 2:
            raise BadTrace(name, line, f"{len(words)} columns, not seconds and Mbit/s")
        at_ns = from_seconds(_word(words[0], name, line, "the time"))
        if rows and at_ns <= rows[-1][1]:
            raise BadTrace(name, line, "the time does not go forward")
        if rows and at_ns - rows[0][1] > LONGEST_S * NS_PER_S:
            raise BadTrace(name, line, "here it lasts longer than a week")
        rows.append((line, at_ns, round(_word(words[1], name, line, "the rate") * 1e6)))
    if not rows:
        raise BadTrace(name, 1, "no line says anything")
    spans = [later[1] - earlier[1] for earlier, later in pairwise(rows)]
    spans.append(spans[-1] if spans else NS_PER_S)
    return [(line, Step(span, rate)) for span, (line, _, rate) in zip(spans, rows, strict=True)]


def _mahimahi(text: str, name: str) -> list[Numbered]:
    counts: dict[int, int] = {}
    lines: dict[int, int] = {}  # the last line of each bin
    last_ms, line = 0, 1
    for line, words in _lines(text):
        if len(words) != 1 or not words[0].isascii() or not words[0].isdigit():
            told = _shown(" ".join(words))
            raise BadTrace(name, line, f"{told} is not one whole millisecond")
        digits = words[0].lstrip("0") or "0"
        if len(digits) > len(str(LONGEST_S * 1000)) or int(digits) > LONGEST_S * 1000:
            raise BadTrace(name, line, "here it lasts longer than a week")
        at_ms = int(digits)
        if at_ms < last_ms:
            raise BadTrace(name, line, "the time goes back")
        last_ms = at_ms
        bin_ = max(0, at_ms - 1) // BIN_MS
        counts[bin_] = counts.get(bin_, 0) + 1
        lines[bin_] = line
    if not last_ms:
        raise BadTrace(name, 1, "no opportunity after 0 ms")
    steps = []
    for number, start_ms in enumerate(range(0, last_ms, BIN_MS)):
        span_ms = min(BIN_MS, last_ms - start_ms)
        rate_bps = counts.get(number, 0) * OPPORTUNITY_BITS * 1000 // span_ms
        steps.append((lines.get(number, line), Step(span_ms * NS_PER_MS, rate_bps)))
    return steps


def as_sabre(trace: Trace) -> str:
    """Return the JSON text of a trace, a step on each line; read again it has the same hash."""
    lines = [
        json.dumps(
            {
                "duration_ms": _plain(step.duration_ns / NS_PER_MS),
                "bandwidth_kbps": _plain(step.rate_bps / 1000),
                "latency_ms": _plain(step.latency_ns / NS_PER_MS),
            }
        )
        for step in trace.steps
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _plain(number: float) -> float:
    """Return a whole number without its .0."""
    return math.floor(number) if number.is_integer() else number
