"""What becomes of the boxes of the demonstration, as it is drawn."""

from __future__ import annotations

import pytest

from stb_service.demo.lives import Life, Turn, by_delivery, draw_lives
from stb_service.demo.model import DAYS, FORMER_SHARE, opening
from stb_service.devices.demo import MODELS
from tests.conftest import NOW


@pytest.fixture(scope="module")
def lives() -> list[Life]:
    return draw_lives(2026, 300, NOW)


def given(lives: list[Life]) -> list[Life]:
    return [life for life in lives if life.given_at is not None]


def test_the_same_seed_draws_the_same_lives(lives: list[Life]) -> None:
    assert draw_lives(2026, 300, NOW) == lives
    assert draw_lives(2027, 300, NOW) != lives


def test_there_are_as_many_boxes_as_were_asked_for(lives: list[Life]) -> None:
    assert len({life.serial for life in lives}) == 300
    assert len({life.macs[0] for life in lives}) == 300
    assert sum(life.is_former for life in lives) == round(300 * FORMER_SHARE)


def test_every_model_and_revision_is_among_them(lives: list[Life]) -> None:
    assert {(life.model, life.revision) for life in lives} == {
        (model["code"], revision) for model in MODELS for revision in model["revisions"]
    }


def test_no_model_is_sold_after_its_end_of_sale(lives: list[Life]) -> None:
    ends = {model["code"]: model["end_of_sale_on"] for model in MODELS}
    late = [
        life
        for life in given(lives)
        if ends[life.model] and life.given_at and life.given_at.date() > ends[life.model]
    ]

    assert late == []


def test_a_box_is_made_then_comes_then_is_given_out_and_then_fails(lives: list[Life]) -> None:
    begun = opening(NOW)
    days = [(life.given_at, life) for life in lives if life.given_at is not None]

    assert all(life.made_on < life.came_at.date() for life in lives)
    assert all(life.came_at < day for day, life in days if not life.is_former)
    assert all(day < begun for day, life in days if life.is_former)
    assert all(day.date() <= fault.happens_on for day, life in days for fault in life.faults)


def test_the_history_is_of_18_months(lives: list[Life]) -> None:
    came = [life.came_at for life in lives if not life.is_former]

    assert opening(NOW) <= min(came)
    assert max(came) <= NOW
    assert 540 < DAYS < 556


def test_boxes_come_in_deliveries_and_not_one_by_one(lives: list[Life]) -> None:
    deliveries = by_delivery(lives)

    assert 15 <= len(deliveries) <= 20
    assert list(deliveries) == sorted(deliveries)


def test_things_happen_to_boxes_that_are_out(lives: list[Life]) -> None:
    turns = {life.turn for life in lives}

    assert turns == set(Turn)
    assert sum(len(life.faults) for life in lives) > 30
