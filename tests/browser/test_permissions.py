"""What people of several roles and organisations see, and what they do not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from stb_service.devices.models import Device
from tests.browser.conftest import DEALERS_BOXES
from tests.browser.desk import Desk
from tests.live import Live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser"),
]
RETURNS = ["Board of returns", "All returns"]
STOCK = ["Parts", "Places", "Moves", "Reservations", "To order", "Stock-taking"]
ROOMS_OF_A_VIEWER = [
    "Overview",
    "Accounts",
    "Boxes",
    "Models",
    *RETURNS,
    "Workshop",
    "Quotes",
    "Payments",
    *STOCK,
    "Warranty decisions",
    "Warranty policies",
    "Images",
    "Rollouts",
    "Lab runs",
    "Long work",
    "Letters and labels",
    "API",
]
ROOMS_OF_A_DEALER = [
    "Overview",
    "Accounts",
    "Boxes",
    "Models",
    *RETURNS,
    "Take boxes in",
    "Workshop",
    "Quotes",
    "Payments",
    *STOCK,
    "Warranty decisions",
    "Long work",
    "Letters and labels",
    "API",
]


@pytest.fixture(scope="module")
def foreign(live: Live) -> Device:
    """A box that the dealer neither sold nor holds."""
    with live.db.read() as session:
        device = session.scalars(
            select(Device).where(Device.custodian_id.is_(None)).order_by(Device.id).limit(1)
        ).one()
        session.expunge(device)
        return device


def test_a_viewers_menu_has_only_the_rooms_that_may_be_entered(desk: Desk) -> None:
    page = desk("vic.viewer")

    page.goto("/")

    expect(page.locator("#menu").get_by_role("link")).to_have_text(ROOMS_OF_A_VIEWER)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/devices", ["Register a box", "Import", "Change tags"]),
        ("/models", ["Add a model"]),
        ("/returns", ["Open a return", "Take boxes in"]),
        ("/returns/list", ["Open a return"]),
        ("/parts", ["Add a part"]),
        ("/locations", ["Add a place", "Receive", "Move"]),
        ("/stock/counts", ["Count a place"]),
        ("/firmware/images", ["Upload an image"]),
        ("/firmware/rollouts", ["Plan a rollout", "Stop all"]),
    ],
)
def test_a_viewer_is_shown_no_action_that_is_forbidden(
    desk: Desk, address: str, words: Sequence[str]
) -> None:
    page = desk("vic.viewer")

    page.goto(address)

    offered = page.get_by_role("main").locator("a.btn, button").all_inner_texts()
    assert {word.strip() for word in offered}.isdisjoint(words)


def test_a_viewer_who_knows_the_address_of_a_form_is_refused_in_words(desk: Desk) -> None:
    page = desk("vic.viewer")

    answer = page.goto("/devices/new")

    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("main")).to_contain_text("Your role does not allow: Change boxes")


def test_a_dealers_person_lists_only_the_dealers_boxes(desk: Desk) -> None:
    page = desk("dora.dealer")

    page.goto("/devices")

    expect(page.locator("#menu").get_by_role("link")).to_have_text(ROOMS_OF_A_DEALER)
    expect(page.get_by_role("main").locator("tbody tr")).to_have_count(DEALERS_BOXES)


def test_a_dealers_person_does_not_find_the_box_of_another(desk: Desk, foreign: Device) -> None:
    page = desk("dora.dealer")
    page.goto("/devices")

    page.get_by_role("combobox", name="Search").fill(foreign.serial)

    expect(page.get_by_text(f"Nothing found for “{foreign.serial}”")).to_be_visible()


def test_the_card_of_anothers_box_does_not_exist_for_a_dealers_person(
    desk: Desk, foreign: Device
) -> None:
    page = desk("dora.dealer")

    answer = page.goto(f"/devices/{foreign.public_id}")

    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("main")).not_to_contain_text(foreign.serial)
