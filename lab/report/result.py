"""The result of a run as JSON: the same scenario, seed and wheel give the same bytes.

What the wall's clock tells stands in a file of its own.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import numpy as np

from lab.engines.outcome import Outcome
from lab.measures.catalogue import measure_of
from lab.scenarios.schema import Expectation, Scenario

FORMAT = "stb-lab-result/1"
DIGITS = 6
LARGEST_BYTES = 20_000_000


class Verdict(StrEnum):
    """Whether all expectations hold."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"


@dataclass(frozen=True)
class Checked:
    """An expectation and what became of it; whoever keeps the result can work it out again."""

    measure: str
    expected: str
    value: float
    unit: str
    holds: bool
    at_most: float | None = None
    at_least: float | None = None
    equals: float | None = None


def check(expectations: tuple[Expectation, ...], measures: dict[str, float]) -> list[Checked]:
    """Hold every expectation against its figure."""
    found = []
    for expectation in expectations:
        value = rounded(measures[expectation.measure])
        measure = measure_of(expectation.measure)
        unit = measure.unit if measure else ""
        holds = expectation.holds(value)
        bounds = (expectation.at_most, expectation.at_least, expectation.equals)
        found.append(Checked(expectation.measure, str(expectation), value, unit, holds, *bounds))
    return found


def result_of(scenario: Scenario, seed: int, outcome: Outcome) -> dict[str, Any]:
    """Return all that is kept of a run.

    Raises:
        ValueError: a figure is no number.
    """
    for name, value in outcome.measures.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}, which is no figure")
    checked = check(scenario.expect, outcome.measures)
    holds = all(one.holds for one in checked)
    return {
        "format": FORMAT,
        "evidence": "emulated",
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "about": scenario.about,
            "kind": scenario.kind.value,
            "digest": scenario.digest,
        },
        "changes": [asdict(one) for one in scenario.changes],
        "seed": seed,
        "made_with": made_with(),
        "verdict": (Verdict.PASS if holds else Verdict.FAIL).value,
        "expectations": [asdict(one) for one in checked],
        "measures": {
            name: {"value": rounded(value), "unit": _unit(name)}
            for name, value in sorted(outcome.measures.items())
        },
        "facts": dict(sorted(outcome.facts.items())),
        "tables": [asdict(table) for table in outcome.tables],
        "plots": [_plain(asdict(plot)) for plot in outcome.plots],
        "grids": [_plain(asdict(grid)) for grid in outcome.grids],
    }


def made_with() -> dict[str, str]:
    """Return the versions that shape the figures."""
    return {"stb-lab": version("stb-service"), "av": av.__version__, "numpy": np.__version__}


def _unit(name: str) -> str:
    measure = measure_of(name)
    return measure.unit if measure else ""


def rounded(value: float) -> float:
    """Return a figure as it is kept."""
    return round(float(value), DIGITS)


def _plain(part: Any) -> Any:
    """Round all numbers; tuples become lists as JSON has them, what is no number a gap."""
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(value) for value in part]
    if isinstance(part, float):
        return rounded(part) if math.isfinite(part) else None
    return part


def as_text(result: dict[str, Any]) -> str:
    """Return the JSON text of a result."""
    return json.dumps(result, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_result(path: Path) -> dict[str, Any]:
    """Read a result: a file, or the folder of a run.

    Raises:
        ValueError: it is no result of this lab, or not a whole one.
        OSError: it cannot be read.
    """
    file = path / "result.json" if path.is_dir() else path
    with file.open("rb") as stream:
        data = stream.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise ValueError(f"{file}: larger than {LARGEST_BYTES} bytes")
    try:
        found = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no JSON: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"{file} is no result of this lab ({FORMAT})")
    for where, is_there in _PARTS.items():
        if not is_there(found):
            raise ValueError(f"{file} is not whole: {where} is missing or not as it should be")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _has_words(part: Any, *names: str) -> bool:
    return isinstance(part, dict) and all(isinstance(part.get(name), str) for name in names)


def _is_figure(part: Any) -> bool:
    number = part.get("value") if isinstance(part, dict) else None
    is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
    return is_number and _has_words(part, "unit")


def _is_expectation(part: Any) -> bool:
    return (
        _is_figure(part)
        and _has_words(part, "measure", "expected")
        and isinstance(part.get("holds"), bool)
    )


def _is_change(part: Any) -> bool:
    was = part.get("before") if isinstance(part, dict) else 0
    return (was is None or isinstance(was, str)) and _has_words(part, "name", "now")


def changes_of(result: dict[str, Any]) -> list[str]:
    """Return the values of the file that were changed for this run, a line of each; a result of a
    lab that did not yet write them has none.
    """
    return [
        f"{one['name']}: {'not set' if one['before'] is None else one['before']} -> {one['now']}"
        for one in result.get("changes", [])
    ]


def _all(part: Any, kind: type, is_one: Callable[[Any], bool]) -> bool:
    ones = part.values() if isinstance(part, dict) else part
    return isinstance(part, kind) and all(map(is_one, ones))


# What every reader of a result goes by.
_PARTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "scenario": lambda found: _has_words(found.get("scenario"), "name", "title", "digest"),
    "seed": lambda found: isinstance(found.get("seed"), int),
    "verdict": lambda found: found.get("verdict") in list(Verdict),
    "made_with": lambda found: isinstance(found.get("made_with"), dict),
    "measures": lambda found: _all(found.get("measures"), dict, _is_figure),
    "expectations": lambda found: _all(found.get("expectations"), list, _is_expectation),
    "changes": lambda found: _all(found.get("changes", []), list, _is_change),
}
