"""What is done to a return is allowed by whoever does it, not by the page it was asked on."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from stb_service.rma import (
    bench,
    comparing,
    deciding,
    exchange,
    operations,
    other_box,
    owners,
    photographs,
    quoting,
    stating,
    terms,
)
from stb_service.rma.claiming import crediting
from stb_service.rma.claiming import operations as claiming
from stb_service.shared.errors import Forbidden
from tests.stb_service.rma.conftest import BENCH, PNG, PSU, House

MODULES = (
    bench,
    claiming,
    comparing,
    crediting,
    deciding,
    exchange,
    operations,
    other_box,
    owners,
    photographs,
    quoting,
    stating,
    terms,
)
PARTS_OF_A_VERB = {
    "act_on_first": "who lets time pass and hears answers is the system, by `act`",
    "decide_fault": "a part of opening, adding and judging",
    "record": "the audit of the others",
    "take_back": "a part of undoing, and of granting",
    "write_step": "a part of moving a claim",
}
VERBS: list[tuple[Callable[..., Any], dict[str, Any], set[str]]] = [
    (deciding.add_fault, {"component": "remote"}, {"rma.edit"}),
    (stating.record_precheck, {"code": "restart", "answer": "done"}, {"rma.edit"}),
    (photographs.add_photo, {"data": b"", "files": None}, {"rma.edit", "rma.inspect"}),
    (stating.state, {"kind": "fee_agreed"}, {"rma.edit"}),
    (operations.change_case, {"complaint": "dark"}, {"rma.edit"}),
    (exchange.allocate_spare, {"device": "SN-9001"}, {"rma.edit"}),
    (exchange.release_spare, {}, {"rma.edit"}),
    (exchange.reserve_accessory, {"part": PSU, "location": BENCH}, {"rma.edit"}),
    (exchange.acknowledge_provisioning, {}, {"rma.edit"}),
    (exchange.release_pins, {}, {"rma.edit"}),
    (other_box.deliver, {"parcel": "x"}, {"rma.receive"}),
    (quoting.quote_case, {"lines": [], "zone": "UTC"}, {"rma.decide"}),
    (comparing.compare_repair, {"parts_minor": 1, "labour_minor": 1}, {"rma.edit"}),
]


@pytest.fixture
def asked(one: House) -> House:
    """A house with a return that is asked for."""
    one.open(one.customers_box())
    return one


@pytest.mark.parametrize(
    ("verb", "given", "needed"), VERBS, ids=[verb.__name__ for verb, _, _ in VERBS]
)
def test_who_may_not_is_refused_wherever_it_is_asked(
    asked: House, verb: Callable[..., Any], given: dict[str, Any], needed: set[str]
) -> None:
    unable = replace(asked.actor, verbs=asked.actor.verbs - needed)

    with pytest.raises(Forbidden):
        asked.do(verb, ref=asked.case.number, **given, actor=unable)


@pytest.mark.parametrize("enough", ["rma.edit", "rma.inspect"])
def test_a_photograph_is_kept_by_who_inspects_or_answers_for_the_customer(
    asked: House, enough: str
) -> None:
    able = replace(asked.actor, verbs=asked.actor.verbs - {"rma.edit", "rma.inspect"} | {enough})
    kept = asked.do(
        photographs.add_photo, ref=asked.case.number, data=PNG, files=asked.files, actor=able
    )

    assert kept.media_type == "image/png"


def test_every_verb_of_the_room_demands_something() -> None:
    found = {
        name: function
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and {"actor", "now"} <= set(inspect.signature(function).parameters)
    }

    undemanding = {name for name, f in found.items() if "actor.demand(" not in inspect.getsource(f)}

    assert undemanding == set(PARTS_OF_A_VERB)
