"""What is contested is judged by somebody who had no part in the first verdict."""

from __future__ import annotations

import pytest

from stb_service.rma import bench, photographs
from stb_service.rma.lists import CHECKLIST
from stb_service.rma.workshop import ORDER
from stb_service.shared.errors import Refused
from tests.stb_service.rma.conftest import PNG, House


def test_nobody_who_judged_before_judges_again(one: House) -> None:
    first, second, stated, fourth = (one.somebody(name) for name in ("Ana", "Ben", "Cleo", "Dan"))
    one.open(one.customers_box(), "mainboard").received_somewhere()
    one.on_order("inspect", actor=first)
    for code in CHECKLIST:
        one.say(bench.record_check, code=code, result="pass", actor=first)
    one.judge(1, "liquid", actor=first)
    one.say(photographs.add_photo, data=PNG, fault=1, files=one.files)
    one.judge(1, "liquid", actor=second)
    one.fire(ORDER, "judge", actor=stated)
    one.on_case("dispute", reason="no drop of it")
    for somebody in (first, second, stated):
        with pytest.raises(Refused) as refusal:
            one.judge(1, "component", actor=somebody)
        assert [obstacle.code for obstacle in refusal.value.obstacles] == ["second_inspector"]
    one.judge(1, "component", actor=fourth).fire(ORDER, "judge_again", actor=fourth)
    assert one.states == ("decision_pending", "inspected")
