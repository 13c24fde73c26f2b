"""Statuses, capabilities and tags."""

from __future__ import annotations

import pytest

from stb_service.devices.rules import (
    RETIRED,
    STATUS_COLOURS,
    STATUS_NAMES,
    TRANSITIONS,
    Capability,
    Status,
    capability_name,
    effective_capabilities,
    next_statuses,
    normalise_tag,
    obstacles_to_change,
    obstacles_to_status,
)
from stb_service.shared.identifiers import Malformed


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_name_a_colour_and_a_row_of_transitions(status: Status) -> None:
    assert str(STATUS_NAMES[status])
    assert STATUS_COLOURS[status]
    assert status not in TRANSITIONS[status]


@pytest.mark.parametrize("status", [status for status in Status if status not in RETIRED])
def test_every_status_but_the_last_leads_to_scrap_in_the_end(status: Status) -> None:
    assert Status.SCRAPPED in TRANSITIONS[status] | {
        after for step in TRANSITIONS[status] for after in TRANSITIONS[step]
    }


def test_a_step_of_the_table_meets_no_obstacle() -> None:
    assert obstacles_to_status(Status.IN_STOCK, Status.SOLD) == []


@pytest.mark.parametrize(
    ("current", "wanted", "why"),
    [
        (Status.SOLD, Status.SOLD, "already"),
        (Status.IN_STOCK, Status.REPLACED, "by no step"),
        (Status.SCRAPPED, Status.ACTIVE, "stays scrapped"),
    ],
)
def test_a_step_outside_the_table_says_why(current: Status, wanted: Status, why: str) -> None:
    (obstacle,) = obstacles_to_status(current, wanted)

    assert why in str(obstacle)


def test_only_a_scrapped_box_may_not_be_changed() -> None:
    barred = [status for status in Status if obstacles_to_change(status)]

    assert barred == [Status.SCRAPPED]


def test_the_next_statuses_come_in_the_order_of_a_life() -> None:
    assert next_statuses(Status.REPLACED) == [
        Status.IN_STOCK,
        Status.QUARANTINED,
        Status.REFURB,
        Status.SCRAPPED,
    ]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("H.265", "hevc"),
        ("HEVC", "hevc"),
        ("avc", "h264"),
        ("AV1", "av1"),
        ("PlayReady", "playready"),
    ],
)
def test_a_capability_has_one_spelling(typed: str, name: str) -> None:
    assert capability_name(typed) == name


@pytest.mark.parametrize("typed", ["", "...", "x" * 33])
def test_what_is_no_name_of_a_capability_is_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        capability_name(typed)


def test_a_box_has_its_models_capabilities_but_for_its_own_differences() -> None:
    of_model = [Capability("codec", "h264"), Capability("codec", "hevc", "Main@4.1")]
    overrides = [
        (Capability("codec", "h264"), False),
        (Capability("codec", "hevc", "Main10@5.1"), True),
        (Capability("protection", "widevine", "L3"), True),
    ]

    assert effective_capabilities(of_model, overrides) == [
        Capability("codec", "hevc", "Main10@5.1"),
        Capability("protection", "widevine", "L3"),
    ]


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        (" Friendly ", "friendly"),
        ("Beta  Test", "beta-test"),
        ("x" * 32, "x" * 32),
        ("فندق", "فندق"),
    ],
)
def test_a_tag_has_one_spelling(typed: str, tag: str) -> None:
    assert normalise_tag(typed) == tag


@pytest.mark.parametrize("typed", ["", " ", "-x", "x" * 33, "a,b", "a\x00"])
def test_what_is_no_tag_is_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        normalise_tag(typed)
