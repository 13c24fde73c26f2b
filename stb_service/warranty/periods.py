"""Periods of civil days: months that end, spans that overlap."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class LastDay(StrEnum):
    """Which day is the last one of a period that begins on a day of the year.

    `ANNIVERSARY`: the same day, as where the first day is not counted (Regulation (EEC, Euratom)
    1182/71 Article 3(2)(c)). `DAY_BEFORE`: the day before, as where the first day counts. Where
    the last month has no such day, its last day in both.
    """

    ANNIVERSARY = "anniversary"
    DAY_BEFORE = "day_before"


@dataclass(frozen=True, order=True)
class Span:
    """Days from the first to the last, both counted."""

    first: date
    last: date

    def __post_init__(self) -> None:
        """Refuse a span that ends before it begins.

        Raises:
            ValueError: it does.
        """
        if self.last < self.first:
            raise ValueError(f"{self.last} is before {self.first}")

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def last_of_months(first: date, months: int, convention: LastDay) -> date:
    """Return the last day of a period of whole months that begins on `first`."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    in_month = monthrange(year, month + 1)[1]
    if first.day > in_month:
        return date(year, month + 1, in_month)
    end = date(year, month + 1, first.day)
    return end if convention == LastDay.ANNIVERSARY else end - timedelta(days=1)


def last_of_days(first: date, days: int, convention: LastDay) -> date:
    """Return the last day of a period of days that begins on `first`."""
    return first + timedelta(days=days if convention == LastDay.ANNIVERSARY else days - 1)


def later_by_months(last: date, months: int) -> date:
    """Return a last day that moves on by whole months; at most to the end of its month."""
    return last_of_months(last, months, LastDay.ANNIVERSARY)


def merged(spans: Iterable[Span]) -> Sequence[Span]:
    """Return the same days as spans that neither overlap nor touch, in order."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.first <= found[-1].last + timedelta(days=1):
            found[-1] = Span(found[-1].first, max(found[-1].last, span.last))
        else:
            found.append(span)
    return found
