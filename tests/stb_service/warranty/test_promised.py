"""A policy does not take over from another in the past, once a box was decided on by that one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from stb_service.shared.errors import Refused
from stb_service.warranty import operations
from tests.stb_service.warranty.conftest import LONG_AGO, Desk


@pytest.fixture
def told(one: Desk) -> Desk:
    """A household was told what it gets by the policy of all boxes; there is a meaner one."""
    one.in_force("mean", months=6)
    one.decide(one.sold())
    return one


def refused(desk: Desk, code: str | None, since: date, **named: str) -> list[str]:
    with pytest.raises(Refused) as found:
        desk.assign(code, since, **named)
    return [obstacle.code for obstacle in found.value.obstacles]


@pytest.mark.parametrize(
    ("code", "since", "named"),
    [
        ("mean", date(2025, 1, 1), {"model": "AUR-1"}),
        ("mean", LONG_AGO, {"tenure": "sold"}),
        ("mean", LONG_AGO, {}),
        ("mean", date(2025, 1, 1), {}),
        (None, date(2025, 1, 1), {}),
        (None, LONG_AGO, {}),
    ],
)
def test_nobody_loses_what_was_told_them(
    told: Desk, code: str | None, since: date, named: dict[str, str]
) -> None:
    assert refused(told, code, since, **named) == ["in-the-past"]
    found = told.decide(told.sold("SN-2"))
    assert found.version.policy.code == "plain"


def test_from_today_on_another_policy_may_count(told: Desk) -> None:
    told.assign("mean", told.now.date())
    told.assign(None, told.now.date() + timedelta(days=9), model="AUR-1")


def test_where_another_comes_first_nothing_changes_and_nothing_is_barred(one: Desk) -> None:
    one.in_force("of-model")
    one.in_force("rest")
    one.assign("of-model", model="AUR-1")
    one.decide(one.sold())
    one.assign("rest", date(2024, 1, 1), tenure="rented")
    one.assign("plain", date(2024, 1, 1), tenure="sold")


def test_a_policy_that_is_published_late_does_not_take_over_either(one: Desk) -> None:
    one.policy("late")
    one.assign("late", model="AUR-1")
    one.decide(one.sold())

    with pytest.raises(Refused) as found:
        one.change(operations.publish, "late", in_force_from=LONG_AGO)
    assert [obstacle.code for obstacle in found.value.obstacles] == ["in-the-past"]
    one.change(operations.publish, "late", in_force_from=one.now.date())
