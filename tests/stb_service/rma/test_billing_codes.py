"""Who pays follows from the fault; another code is said by whoever decides, with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.rma import bench, photographs
from stb_service.rma.lists import CHECKLIST
from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.errors import Forbidden, Invalid, Refused
from tests.conftest import Api, csrf_of
from tests.stb_service.rma.conftest import PNG, PSU, House

TECH = Actor("person", "tech", "tech", builtin_verbs("technician"))
LABOUR = {"what": "soldered", "minutes": 10}


@pytest.fixture
def mixed(one: House) -> House:
    """A box with a fault that is covered, and one that the customer will not pay for."""
    one.parts()
    device = one.customers_box()
    one.open(device, "power_supply", "mainboard").received(device).on_order("inspect")
    for code in CHECKLIST:
        one.say(bench.record_check, code=code, result="pass")
    one.judge(1, "component").judge(2, "liquid")
    one.say(photographs.add_photo, data=PNG, fault=2, files=one.files)
    one.on_order("judge").quoted()
    return one.on_case("decline_part").on_case("approve_repair")


def began(house: House) -> House:
    return house.on_order("reserve").on_order("begin")


def used(house: House, planned: Any, actor: Actor = TECH) -> Any:
    return house.say(bench.use_part, part=planned.public_id, actor=actor)


@pytest.mark.parametrize("code", ["warranty", "goodwill", "contract", "supplier", "own"])
def test_a_technician_does_not_say_who_pays(mixed: House, code: str) -> None:
    said: dict[str, Any] = {"fault": 2, "billing_code": code, "reason": "kind", "actor": TECH}
    with pytest.raises(Forbidden):
        mixed.say(bench.plan_part, part=PSU, **said)
    with pytest.raises(Forbidden):
        mixed.say(bench.record_labour, **LABOUR, **said)


def test_a_part_of_a_fault_that_was_declined_is_not_used(mixed: House) -> None:
    planned = mixed.say(bench.plan_part, part=PSU, fault=2, actor=TECH)
    with pytest.raises(Refused) as refusal:
        used(began(mixed), planned)
    mixed.say(bench.drop_part, part=planned.public_id)

    assert planned.billing_code == "billable"
    assert [obstacle.code for obstacle in refusal.value.obstacles] == ["not-agreed"]


def test_the_fault_is_named_where_not_all_are_paid_for_by_the_same(mixed: House) -> None:
    for verb, said in ((bench.plan_part, {"part": PSU}), (bench.record_labour, LABOUR)):
        with pytest.raises(Invalid) as refusal:
            mixed.say(verb, **said, actor=TECH)
        assert list(refusal.value.fields) == ["fault"]
    free = mixed.say(bench.plan_part, part=PSU, fault=1, billing_code="warranty", actor=TECH)
    used(began(mixed), free)


def test_whoever_decides_says_another_with_the_reason(mixed: House) -> None:
    said: dict[str, Any] = {"part": PSU, "fault": 2, "billing_code": "goodwill"}
    with pytest.raises(Invalid) as refusal:
        mixed.say(bench.plan_part, **said, reason=" ")
    assert list(refusal.value.fields) == ["reason"]
    planned = mixed.say(bench.plan_part, **said, reason="our courier dropped it")
    found = used(began(mixed), planned)

    assert (found.billing_code, found.code_reason) == ("goodwill", "our courier dropped it")


def test_what_was_planned_before_the_verdict_follows_it(one: House) -> None:
    one.parts()
    device = one.customers_box()
    one.open(device, "power_supply", "mainboard").received(device).on_order("inspect")
    early = [one.say(bench.plan_part, part=PSU, fault=n, actor=TECH) for n in (None, 2)]
    for code in CHECKLIST:
        one.say(bench.record_check, code=code, result="pass")
    one.judge(1, "component").judge(2, "liquid")
    one.say(photographs.add_photo, data=PNG, fault=2, files=one.files)
    one.on_order("judge").quoted().on_case("decline_part").on_case("approve_repair")
    began(one)

    codes = []
    for planned in early:
        with pytest.raises(Refused) as refusal:
            used(one, planned)
        codes += [obstacle.code for obstacle in refusal.value.obstacles]
        one.say(bench.drop_part, part=planned.public_id)
    assert codes == ["fault", "not-agreed"]


def test_the_api_and_the_page_ask_for_role_and_reason(
    mixed: House, api: Api, api_as: Any, sign_in: Any, people: Any
) -> None:
    path = f"/workshop-orders/{mixed.order.number}/parts"
    body = {"part": PSU, "fault": 2, "billing_code": "goodwill"}
    refused = api_as("technician")("POST", path, json={**body, "reason": "kind"})
    bare = api("POST", path, json=body)
    made = api("POST", path, json={**body, "reason": "our courier dropped it"})
    people.person("technician", username="tess.tech")
    people.person("administrator", username="root.admin")
    page = f"/workshop/{mixed.order.number}"
    technicians: FlaskClient = sign_in("tess.tech")
    deciders: FlaskClient = sign_in("root.admin")
    shown = deciders.get(page).text
    form = {**body, "csrf_token": csrf_of(shown), "condition": "new", "quantity": "1"}
    again = deciders.post(f"{page}/parts", data=form)

    assert (refused.status_code, bare.status_code, made.status_code) == (403, 422, 201)
    assert list(bare.json["errors"]) == ["reason"]
    assert made.json["parts"][-1]["code_reason"] == "our courier dropped it"
    assert 'id="plan-payer"' not in technicians.get(page).text
    assert 'id="plan-reason"' in shown
    assert "our courier dropped it" in shown
    assert (again.status_code, "Say why." in again.text) == (422, True)
