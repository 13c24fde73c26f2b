"""What a person is told of the returns that are kept about them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from stb_service.rma import personal
from stb_service.rma.terms import set_model_terms
from stb_service.shared.db import Database
from tests.stb_service.rma.conftest import SHOP, House


@pytest.fixture
def house(sqlite_db: Database, actor: Any, now: datetime, files: Any) -> House:
    made = House(sqlite_db, actor, now)
    made.files = files
    return made


def exported(house: House) -> list[dict[str, Any]]:
    person = house.case.person
    assert person is not None
    with house.db.read() as session:
        found: list[dict[str, Any]] = personal.export(
            session, house.home.public_id, person.public_id
        )
    assert json.loads(json.dumps(found)) == found  # it is told in plain values
    return found


def test_the_export_of_a_person_holds_all_that_is_kept_of_their_returns(house: House) -> None:
    house.do(set_model_terms, model="AUR-1", new_minor=9_900, tax_ppm=190_000)
    device = house.customers_box()
    first, second = house.somebody("ines"), house.somebody("omar")
    house.open(device, "mainboard", complaint="It stays dark").received(device)
    house.judged("liquid", photo=True, actor=first).on_case("dispute", reason="Never got wet")
    house.judge(1, "liquid", actor=second).on_order("judge_again", actor=second)
    house.quoted(5_000).on_case("accept", reason="by phone").state("remedy_chosen")

    (case,) = exported(house)
    (fault,) = case["faults"]
    assert case["complaint"] == "It stays dark"
    assert (fault["disputed"], fault["dispute_reason"]) == (True, "Never got wet")
    assert fault["second_verdict"] == "user_fault"
    assert fault["warranty"]["policy"]
    assert fault["warranty"]["covered_until"]
    assert [row["code"] for row in case["prechecks"]]
    assert "remedy_chosen" in {row["kind"] for row in case["statements"]}
    (compared,) = case["comparisons"]
    assert compared["choice"] == "repair"
    assert {offer["choice"] for offer in compared["offers"]} == {"repair", "new"}
    (photo,) = case["photographs"]
    assert photo["name"].endswith(".png")
    assert [parcel["direction"] for parcel in case["parcels"]] == ["in"]
    assert {step["event"]: step["reason"] for step in case["steps"]}["accept"] == "by phone"


def fields_in(value: Any, part: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield each field with the part that it is in, and what it holds."""
    for row in value if isinstance(value, list) else [value]:
        for name, inner in row.items() if isinstance(row, dict) else ():
            yield part, name, inner
            yield from fields_in(inner, name)


def test_the_page_has_words_for_every_field_and_code_of_the_export(house: House) -> None:
    house.do(set_model_terms, model="AUR-1", new_minor=9_900, tax_ppm=190_000)
    device = house.customers_box()
    house.open(device, "mainboard", language="el").received(device).judged("liquid", photo=True)
    house.quoted(5_000).state("price_paid", amount_minor=9_900, note="receipt")

    spoken = personal.KNOWN.spoken
    found = list(fields_in(exported(house)))

    for part, name, _ in found:
        assert f"{part}.{name}" in spoken.names or name in spoken.names
    codes = [(p, n, v) for p, n, v in found if n in spoken.values and v]
    assert {name for _, name, _ in codes} >= {"state", "verdict", "code", "kind", "event", "choice"}
    for part, name, value in codes:
        assert spoken.value_of(part, name, value) != value


def test_the_export_names_who_signed(house: House) -> None:
    device, spare = house.customers_box(), house.spare(place=SHOP)
    house.open(device).authorised().allocated(spare)
    said = {"scanned": "SN-0001", "location": SHOP}
    house.on_case("swap_at_counter", signed_by="Ada Lovelace", **said)

    (case,) = exported(house)
    assert [step.get("signed_by") for step in case["steps"]][-1] == "Ada Lovelace"
