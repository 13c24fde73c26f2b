"""An accessory is the component that fails, as many as the box has; else somebody decides it."""

from __future__ import annotations

import pytest

from stb_service.parts.catalogue.operations import change_part
from stb_service.parts.catalogue.queries import find_part
from stb_service.rma import exchange
from stb_service.shared.access import Actor, builtin_verbs
from stb_service.shared.errors import Invalid
from tests.stb_service.rma.conftest import BENCH, PSU, REMOTE, House

AGENT = Actor("person", "agent", "agent", builtin_verbs("agent") - {"rma.decide"})


def asked(house: House, component: str = "remote") -> House:
    """Ask for an accessory."""
    house.parts(50, REMOTE)
    house.parts(50)
    return house.open(house.customers_box(), component, remedy="accessory").checked()


def test_what_was_reported_to_fail_is_held_back_by_anybody(one: House) -> None:
    asked(one).say(exchange.reserve_accessory, part=REMOTE, location=BENCH, actor=AGENT)


@pytest.mark.parametrize(
    ("component", "part", "quantity", "field"),
    [
        ("remote", PSU, 1, "part"),
        ("", REMOTE, 1, "part"),
        ("remote", REMOTE, 2, "quantity"),
    ],
)
def test_anything_else_is_decided_with_a_reason(
    one: House, component: str, part: str, quantity: int, field: str
) -> None:
    asked(one, component)
    wanted = {"part": part, "location": BENCH, "quantity": quantity}
    with pytest.raises(Invalid) as refusal:
        one.say(exchange.reserve_accessory, **wanted, reason="they asked", actor=AGENT)
    assert set(refusal.value.fields) == {field}
    with pytest.raises(Invalid) as refusal:
        one.say(exchange.reserve_accessory, **wanted)
    assert set(refusal.value.fields) == {field, "reason"}

    one.say(exchange.reserve_accessory, **wanted, reason="the dog ate the other one")


def test_twice_one_is_two(one: House) -> None:
    asked(one).say(exchange.reserve_accessory, part=REMOTE, location=BENCH)
    with pytest.raises(Invalid):
        one.say(exchange.reserve_accessory, part=REMOTE, location=BENCH, actor=AGENT)


def test_a_part_that_does_not_fit_the_box_is_decided_too(one: House) -> None:
    with one.db.write() as session:
        remote = find_part(session, REMOTE)
        assert remote is not None
        change_part(session, part=remote, fits={}, actor=one.actor, now=one.now)
    asked(one)
    with pytest.raises(Invalid):
        one.say(exchange.reserve_accessory, part=REMOTE, location=BENCH, actor=AGENT)
