"""Boxes nobody knows, and the secrets of boxes and of people."""

from __future__ import annotations

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.boxes import Boxes
from tests.browser.desk import Desk, confirm
from tests.live import Live, wait_for

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser"),
]
STRANGER = "02-EE-00-00-00-77"
STRANGERS_TOKEN = "a-token-that-nobody-gave"


def poll(live: Live, controller_id: str, token: str) -> requests.Response:
    """Ask for updates as a box does."""
    return requests.get(
        f"{live.edge_url}/DEFAULT/controller/v1/{controller_id}",
        headers={"Authorization": f"TargetToken {token}"},
        timeout=10,
    )


def me(live: Live, secret: str) -> requests.Response:
    return requests.get(
        f"{live.staff_url}/api/v1/me", headers={"Authorization": f"Bearer {secret}"}, timeout=10
    )


def test_an_unknown_box_waits_is_approved_and_appears_in_the_registry(
    agent: Page, live: Live
) -> None:
    before = poll(live, STRANGER, STRANGERS_TOKEN).json()["_links"]
    agent.goto("/")
    agent.get_by_role("link", name="box waits for approval").click()
    row = agent.get_by_role("row").filter(has_text=STRANGER)

    row.get_by_role("button", name="Approve").click()
    agent.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(agent.get_by_text(f"{STRANGER} is served now.")).to_be_visible()

    after = poll(live, STRANGER, STRANGERS_TOKEN).json()["_links"]
    assert (set(before), set(after)) == (set(), {"configData"})
    card = agent.get_by_role("link", name="02:EE:00:00:00:77")
    wait_for(lambda: agent.goto("/devices?text=02EE00000077") and card.count(), what="registered")
    card.click()
    expect(agent.get_by_role("main")).to_contain_text("It has not stated what it runs.")


def test_a_boxs_new_token_is_shown_once_and_lets_it_in(
    firmware: Page, live: Live, boxes: Boxes
) -> None:
    uid = boxes.register("TOKENS-1", A=1)[0]
    firmware.goto(f"/devices/{uid}")
    firmware.get_by_role("link", name="1 token").click()
    firmware.get_by_role("button", name="Give a new token").click()
    secret = firmware.locator("#secret").inner_text()

    firmware.get_by_role("link", name="Done").click()

    expect(firmware.get_by_role("table")).to_contain_text(secret[:4])
    expect(firmware.get_by_role("main")).not_to_contain_text(secret)
    assert poll(live, "TOKENS-1A00000", secret).status_code == 200


def test_an_api_token_is_shown_once_works_and_no_longer_after_it_is_revoked(
    desk: Desk, live: Live
) -> None:
    page = desk("vic.viewer")
    page.goto("/me/tokens")
    page.get_by_label("Name").fill("nightly report")
    page.get_by_role("button", name="Make a token").click()
    secret = page.locator("#secret").inner_text()
    before = me(live, secret)
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("main")).not_to_contain_text(secret)

    confirm(page, "Revoke")
    expect(page.get_by_text("The token nightly report is revoked.")).to_be_visible()

    assert (before.status_code, before.json()["username"]) == (200, "vic.viewer")
    assert me(live, secret).status_code == 401
