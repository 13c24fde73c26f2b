"""Every change can be read afterwards."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.boxes import Boxes
from tests.browser.desk import Desk

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser"),
]


def test_a_correction_is_in_the_audit_with_what_was_there_before(
    agent: Page, desk: Desk, boxes: Boxes
) -> None:
    uid = boxes.register("AUDIT-1", A=1)[0]
    agent.goto(f"/devices/{uid}/edit")
    agent.get_by_label("Batch").fill("first-lot")
    agent.get_by_role("button", name="Save").click()
    agent.goto(f"/devices/{uid}/edit")
    agent.get_by_label("Batch").fill("second-lot")
    agent.get_by_role("button", name="Save").click()
    expect(agent.get_by_role("heading", level=1)).to_have_text("AUDIT-1A00000")

    admin = desk("ann.admin")
    admin.goto(f"/audit?subject={uid}&verb=device.change")

    newest = admin.get_by_role("row").nth(1)
    expect(newest).to_contain_text("amir.agent")
    expect(newest.locator("del")).to_have_text("first-lot")
    expect(newest.locator("ins")).to_have_text("second-lot")
