"""Two results beside each other."""

from dataclasses import dataclass
from typing import Any

from lab.measures.catalogue import measure_of


@dataclass(frozen=True)
class Difference:
    """One figure in both; None where one of them has it not. `trend` is better, worse or empty."""

    measure: str
    unit: str
    before: float | None
    after: float | None
    trend: str

    @property
    def change(self) -> float | None:
        """By how much it changed."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Return every figure of both results; those that differ come first."""
    names = sorted({*before["measures"], *after["measures"]})
    found = []
    for name in names:
        figures = [result["measures"].get(name) for result in (before, after)]
        one, two = (figure["value"] if figure else None for figure in figures)
        unit = next(figure["unit"] for figure in figures if figure)
        found.append(Difference(name, unit, one, two, _trend(name, one, two)))
    return sorted(found, key=lambda difference: difference.before == difference.after)


def _trend(name: str, before: float | None, after: float | None) -> str:
    measure = measure_of(name)
    if before is None or after is None or before == after or measure is None or not measure.worse:
        return ""
    return "worse" if (after > before) == (measure.worse == "more") else "better"
