"""What a measurement says: one figure with its unit, how many samples, and the rest."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of the output; names are stable."""

    name: str
    value: float
    unit: str
    n: int
    detail: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the line for machines."""
        return json.dumps(
            {
                "name": self.name,
                "value": rounded(self.value),
                "unit": self.unit,
                "n": self.n,
                "detail": self.detail,
            },
            ensure_ascii=False,
        )


def rounded(value: float) -> float:
    """Return a number with three digits that count."""
    if value == 0:
        return 0.0
    return round(value, 2 - math.floor(math.log10(abs(value))))


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile (`share` from 0 to 1) of samples in any order."""
    ordered = sorted(samples)
    rank = max(1, math.ceil(share * len(ordered)))
    return ordered[rank - 1]
