"""Terms of policies as data, and the presets that ship."""

from __future__ import annotations

from datetime import date
from typing import Any

import marshmallow as ma
import pytest

from stb_service.warranty.cover import Known, cover
from stb_service.warranty.policy import Basis
from stb_service.warranty.terms import policy_of, presets

LEAST = {"starts": [{"basis": "sale"}], "months": 12, "last_day": "anniversary"}


@pytest.mark.parametrize(
    ("code", "days", "last"),
    [
        ("eu-consumer", {Basis.DELIVERY: date(2025, 5, 5)}, date(2027, 5, 5)),
        ("eu-consumer", {Basis.PRODUCTION: date(2025, 1, 1)}, date(2027, 6, 30)),
        ("twelve-months", {Basis.SALE: date(2025, 5, 5)}, date(2026, 5, 4)),
        ("twelve-months", {Basis.PRODUCTION: date(2025, 5, 5)}, date(2026, 5, 4)),
    ],
)
def test_a_preset_gives_cover(code: str, days: dict[Basis, date], last: date) -> None:
    preset = presets()[code]
    policy = policy_of(code, 1, preset["jurisdiction"], preset["terms"])

    assert cover(Known(days=days), policy, None, date(2030, 1, 1)).last == last


def test_every_preset_says_where_it_comes_from() -> None:
    assert {code: bool(preset["sources"]) for code, preset in presets().items()} == {
        "eu-consumer": True,
        "twelve-months": True,
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"starts": []}, "starts"),
        ({"starts": [{"basis": "rumour"}]}, "starts"),
        ({"starts": [{"basis": "sale"}, {"basis": "sale"}]}, "starts"),
        ({"months": -1}, "months"),
        ({"months": 241}, "months"),
        ({"months": 1.5}, "months"),
        ({"last_day": "friday"}, "last_day"),
        ({"components": {"psu": -1}}, "components"),
        ({"repairs": {"tail_days": "many"}}, "repairs"),
        ({"replacement": "maybe"}, "replacement"),
        ({"tenures": ["stolen"]}, "tenures"),
        ({"discount": 5}, "discount"),
    ],
)
def test_terms_that_are_none_are_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ma.ValidationError) as refused:
        policy_of("p", 1, "-", {**LEAST, **change})

    assert list(refused.value.messages_dict) == [field]
