"""Data are wiped in a way that has a name, something shows it, and it holds until the box is used again."""

from __future__ import annotations

import pytest

from stb_service.rma import bench, photographs
from stb_service.rma.workshop import ORDER
from stb_service.shared.errors import Invalid
from tests.stb_service.rma.conftest import MAIN, PNG, House

PROOF = {"method": "overwritten", "note": "report 17"}


@pytest.fixture
def kept(one: House) -> House:
    """A rented box that was recovered."""
    one.open(one.customers_box(tenure="rented")).received_somewhere().judged()
    return one.on_case("recover", reason="ours")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "method"),
        ({"method": "prayer", "note": "report 17"}, "method"),
        ({"method": "overwritten", "note": "  "}, "note"),
        ({"method": "overwritten", "photo": "nothing"}, "photo"),
        ({"method": "overwritten", "lab_run": "nothing"}, "lab_run"),
    ],
)
def test_a_wiping_names_its_method_and_what_shows_it(
    kept: House, said: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        kept.state("wiped", **said)
    assert list(refusal.value.fields) == [field]
    assert kept.refused(ORDER, "wipe") == ["wiped"]


def test_a_photograph_shows_it(kept: House) -> None:
    photo = kept.say(photographs.add_photo, data=PNG, files=kept.files)
    kept.state("wiped", method="storage_destroyed", photo=photo.public_id)
    assert kept.on_order("scrap", reason="worn").order.state == "scrapped"


def test_what_was_wiped_before_the_inspection_is_not_wiped_after_it(one: House) -> None:
    one.open(one.customers_box(tenure="rented")).received_somewhere().state("wiped", **PROOF)
    assert one.facts.wiping_proven
    one.judged().on_case("recover", reason="ours")
    assert one.refused(ORDER, "scrap", reason="worn") == ["wiped"]


def test_a_later_test_makes_the_proof_stale(kept: House) -> None:
    kept.state("wiped", **PROOF).on_order("wipe")
    kept.say(bench.grade_box, grade="B")
    kept.say(bench.record_test, passed=True)
    assert kept.refused(ORDER, "restock", location=MAIN) == ["wiped"]
    kept.state("wiped", **PROOF)
    assert kept.on_order("restock", location=MAIN).order.state == "restocked"


def test_a_box_that_was_away_meanwhile_is_wiped_again(one: House) -> None:
    one.open(one.customers_box()).received_somewhere().judged("none_found", confirmed="no")
    one.on_case("return_nff").state("wiped", **PROOF)
    one.on_case("ship", tracking="1Z1").on_case("bounce", reason="moved away")
    one.tick(days=61)
    one.state("notice_sent").on_case("abandon")
    assert one.refused(ORDER, "scrap", reason="nobody wants it") == ["wiped"]


def test_it_may_be_taken_back(kept: House) -> None:
    kept.state("wiped", **PROOF).state("wiped", stands=False)
    assert kept.refused(ORDER, "wipe") == ["wiped"]
