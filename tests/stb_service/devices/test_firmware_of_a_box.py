"""What is told of a box's firmware, and how little of it to a dealer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from firmware.boxes.operations import keep_report
from firmware.boxes.queries import box_by_uid
from firmware.rollouts.models import DecisionRecord
from stb_service.devices.models import Device
from tests.conftest import People
from tests.stb_service.devices.conftest import Registry

ADDRESS, ALIAS, WORD = "203.0.113.7", "the-parlour-box", "user=mrs.smith"
PERSONAL = (ADDRESS, ALIAS, WORD)
WHY = "No rollout concerns this box."


@pytest.fixture
def box(one: Registry) -> Device:
    """A box of the north that has polled from a subscriber's address and said much."""
    found = one.box("SN-1", seller="north")
    with one.db.write() as session:
        known = box_by_uid(session, found.public_id)
        known.running_version, known.version_at = "1.0", one.now
        known.last_seen_at, known.last_address, known.last_wire = one.now, ADDRESS, "ddi"
        known.alias, known.attributes, known.attributes_at = ALIAS, {"said": WORD}, one.now
        keep_report(
            session, box=known, wire="ddi", action="7", body=WORD, unread="no JSON", now=one.now
        )
        session.add(
            DecisionRecord(
                box_id=known.id,
                at=one.now - timedelta(hours=2),
                wire="ddi",
                reason_code="no_rollout",
                reason_values={},
            )
        )
    return found


def test_a_dealers_card_tells_version_and_why_and_nothing_of_the_subscriber(
    one: Registry, box: Device, people: People, sign_in: Callable[[str], FlaskClient]
) -> None:
    people.person("agent", "north", username="agent.north")

    page = sign_in("agent.north").get(f"/devices/{box.public_id}").text

    assert "<code>1.0</code>" in page
    assert f"<strong>{WHY}</strong>" in page
    assert [word for word in PERSONAL if word in page] == []


def test_the_operators_card_tells_all(client: FlaskClient, one: Registry, box: Device) -> None:
    page = client.get(f"/devices/{box.public_id}").text

    assert [word for word in PERSONAL if word in page] == list(PERSONAL)
    assert WHY in page


def test_a_dealer_asks_the_api_what_its_box_runs_and_why(
    api_as: Callable[..., Any], one: Registry, box: Device
) -> None:
    north = api_as("agent", "north")
    before = (one.now - timedelta(hours=3)).isoformat().replace("+00:00", "Z")

    now = north("GET", f"/devices/{box.public_id}/firmware")
    then = north("GET", f"/devices/{box.public_id}/firmware?at={before}")

    assert (now.status_code, now.json["running_version"]) == (200, "1.0")
    assert (now.json["wanted_version"], now.json["last_seen_at"] is None) == (None, False)
    assert now.json["decision"]["reason"]["sentence"] == WHY
    assert then.json["decision"] is None
    assert [word for word in PERSONAL if word in now.text] == []


def test_a_dealer_asks_nothing_of_a_foreign_box(
    api_as: Callable[..., Any], one: Registry, box: Device
) -> None:
    path = f"/devices/{box.public_id}/firmware"
    south = api_as("agent", "south")

    assert south("GET", path).status_code == 404
    assert api_as("viewer")("GET", path).status_code == 200
