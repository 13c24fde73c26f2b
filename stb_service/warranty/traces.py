"""Traces and facts as JSON, as decisions keep them; read again they give the same decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from stb_service.warranty.cover import Fit, Known, Replaced, Rule, Stay
from stb_service.warranty.policy import Basis, Tenure

DAYS_AMONG_VALUES = frozenset({"from"})


def trace_json(trace: Iterable[Rule]) -> list[dict[str, Any]]:
    """Return a trace as it is stored."""
    return [
        {
            "name": rule.name,
            "day": _plain(rule.day),
            "values": {name: _plain(value) for name, value in rule.values.items()},
        }
        for rule in trace
    ]


def trace_of(stored: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Return a trace that was stored."""
    return [
        Rule(
            row["name"],
            _day(row["day"]),
            {
                name: _day(value) if name in DAYS_AMONG_VALUES else value
                for name, value in row["values"].items()
            },
        )
        for row in stored
    ]


def facts_json(known: Known) -> dict[str, Any]:
    """Return what was known of a box as it is stored, in an order that does not depend on chance."""
    stays = sorted(known.stays, key=lambda stay: (stay.received_on, str(stay.delivered_on)))
    fits = sorted(known.fits, key=lambda fit: (fit.fitted_on, fit.component))
    replaced = known.replaced
    return {
        "tenure": known.tenure.value,
        "days": {basis.value: known.days[basis].isoformat() for basis in sorted(known.days)},
        "stays": [
            {
                "received_on": stay.received_on.isoformat(),
                "delivered_on": _plain(stay.delivered_on),
                "repaired": sorted(stay.repaired),
                "chose_repair": stay.chose_repair,
            }
            for stay in stays
        ],
        "fits": [{"component": f.component, "fitted_on": f.fitted_on.isoformat()} for f in fits],
        "transfers": [day.isoformat() for day in sorted(known.transfers)],
        "replaced": replaced
        and {
            "on": replaced.on.isoformat(),
            "other_last": _plain(replaced.other_last),
            "components": {c: _plain(day) for c, day in sorted(replaced.components.items())},
        },
        **({} if known.hours_on is None else {"hours_on": known.hours_on}),
    }


def known_of(stored: Mapping[str, Any]) -> Known:
    """Return what was known of a box when it was stored."""
    replaced = stored["replaced"]
    return Known(
        tenure=Tenure(stored["tenure"]),
        days={Basis(name): date.fromisoformat(day) for name, day in stored["days"].items()},
        stays=tuple(_stay(row) for row in stored["stays"]),
        fits=tuple(Fit(r["component"], date.fromisoformat(r["fitted_on"])) for r in stored["fits"]),
        transfers=tuple(_days(stored["transfers"])),
        replaced=replaced
        and Replaced(
            date.fromisoformat(replaced["on"]),
            _day(replaced["other_last"]),
            {name: _day(day) for name, day in replaced["components"].items()},
        ),
        hours_on=stored.get("hours_on"),
    )


def _stay(row: Mapping[str, Any]) -> Stay:
    return Stay(
        date.fromisoformat(row["received_on"]),
        _day(row["delivered_on"]),
        frozenset(row["repaired"]),
        row["chose_repair"],
    )


def _days(stored: Sequence[str]) -> list[date]:
    return [date.fromisoformat(day) for day in stored]


def _day(stored: str | None) -> date | None:
    return None if stored is None else date.fromisoformat(stored)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
