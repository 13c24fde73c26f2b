"""The one search box, with a caller on the line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, expect

from stb_service.devices.arrivals.operations import register_device
from stb_service.shared.access import SYSTEM
from tests.live import Live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser"),
]
MAC = "02:AB:CE:0A:BC:0E"
TYPED = "02.аb-СЕ 0а ВC.0е"  # noqa: RUF001 - Cyrillic letters among Latin ones, on purpose


@pytest.fixture(scope="module")
def serials(live: Live) -> list[str]:
    """Two boxes that begin alike; the second has the MAC that is looked for."""
    found = ["SEARCH-0001", "SEARCH-0002"]
    with live.db.write() as session:
        for serial, mac in zip(found, ("02:AB:CE:0A:BC:01", MAC), strict=True):
            register_device(
                session,
                serial=serial,
                model="AUR-300",
                revision="A",
                mac_ethernet=mac,
                actor=SYSTEM,
                now=datetime.now(UTC),
            )
    return found


def results(page: Page) -> Locator:
    return page.locator("#search-results").get_by_role("option")


def test_a_mac_in_a_wrong_notation_with_cyrillic_letters_leads_to_its_card(
    agent: Page, serials: list[str]
) -> None:
    agent.goto("/")
    agent.keyboard.press("/")
    expect(agent.get_by_role("combobox", name="Search")).to_be_focused()

    agent.keyboard.type(TYPED)
    expect(results(agent)).to_contain_text([serials[1]])
    agent.keyboard.press("ArrowDown")
    agent.keyboard.press("Enter")

    expect(agent.get_by_role("heading", level=1)).to_have_text(serials[1])
    expect(agent.get_by_text(MAC).first).to_be_visible()


def test_the_results_are_walked_by_keyboard(agent: Page, serials: list[str]) -> None:
    agent.goto("/devices")
    agent.keyboard.press("/")
    agent.keyboard.type("SEARCH-000")
    expect(results(agent)).to_have_count(2)

    agent.keyboard.press("ArrowDown")
    agent.keyboard.press("ArrowDown")
    second = agent.locator("#search-results").get_by_role("option", selected=True)
    title = second.locator(".stb-result-title").inner_text()
    agent.keyboard.press("Enter")

    expect(agent.get_by_role("heading", level=1)).to_have_text(title)


def test_escape_closes_the_results_and_leaves_the_box(agent: Page, serials: list[str]) -> None:
    agent.goto("/devices")
    agent.keyboard.press("/")
    agent.keyboard.type("SEARCH-000")
    expect(agent.locator("#search-results")).to_be_visible()

    agent.keyboard.press("Escape")
    expect(agent.locator("#search-results")).to_be_hidden()
    agent.keyboard.press("Escape")

    expect(agent.get_by_role("combobox", name="Search")).not_to_be_focused()


def test_what_nobody_knows_is_said_in_words(agent: Page) -> None:
    agent.goto("/")
    agent.keyboard.press("/")
    agent.keyboard.type("nosuchbox99")
    expect(agent.get_by_text("Nothing found for “nosuchbox99”")).to_be_visible()

    agent.keyboard.press("Enter")

    expect(agent.get_by_role("main")).to_contain_text("Nothing found for “nosuchbox99”")
