"""Firmware managers bring an image to boxes, watch it, and stop it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from firmware.rollouts.models import Rollout
from firmware.rollouts.safety import Limits
from tests.browser.boxes import FORMER, Boxes
from tests.browser.desk import Desk, confirm
from tests.live import Live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser"),
]
MEGABYTE = 1_000_000
HALTS_EARLY = Limits(
    soak=timedelta(0), failure_permille=100, failure_count=2, min_decided=2, success_permille=0
)


def page_of(live: Live, rollout_id: int) -> str:
    """Return the address of a rollout."""
    with live.db.read() as session:
        rollout = session.get_one(Rollout, rollout_id)
        return f"/firmware/rollouts/{rollout.public_id}"


def slow_down(page: Page, bytes_per_s: int) -> None:
    """Let a page's uploads go at the pace of a line outside."""
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_per_s,
        },
    )


def fill_upload(page: Page, *, name: str, version: str, model: str) -> None:
    page.goto("/firmware/images/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Version", exact=True).fill(version)
    page.get_by_label("Model").first.fill(model)


def running(live: Live, boxes: Boxes, name: str, model: str) -> str:
    """Start a rollout to boxes that are switched off; return the address of its page."""
    boxes.register(model, A=2)
    image = live.image("9.0.0", boxes.image("9.0.0").read_bytes() + model.encode(), models=[model])
    return page_of(live, live.rollout(name, image))


def test_an_image_is_uploaded_planned_and_followed_until_every_box_runs_it(
    firmware: Page, boxes: Boxes
) -> None:
    uids = boxes.register("STORY-1", A=4, B=2)
    boxes.switch_on()
    fill_upload(firmware, name="Living room", version="2.0.0", model="STORY-1")
    firmware.get_by_label("File").set_input_files(boxes.image("2.0.0", size=3 * MEGABYTE))
    slow_down(firmware, 2 * MEGABYTE)
    firmware.get_by_role("button", name="Upload").click()
    expect(firmware.locator("[data-words]")).to_contain_text(re.compile(r"of 3 MB .* left"))
    expect(firmware.get_by_role("progressbar")).to_be_visible()
    expect(firmware.get_by_text("The image was uploaded.")).to_be_visible()

    firmware.goto("/firmware/rollouts/new")
    firmware.get_by_label("Image").select_option(label="2.0.0 · Living room")
    firmware.get_by_label("Name").fill("Living room to everyone")
    firmware.get_by_role("button", name="Remove").first.click()
    firmware.get_by_label("Up to, % of all").first.fill("50")
    firmware.get_by_label("Soak, minutes").first.fill("0")
    preview = firmware.locator("#preview")
    expect(preview).to_contain_text(re.compile(r"6\s*boxes are meant"))
    expect(preview.get_by_role("row").filter(has_text="STORY-1 B")).to_contain_text("2")
    firmware.get_by_role("button", name="Write the draft").click()
    expect(firmware.get_by_text("Nothing is offered before it is started.")).to_be_visible()
    confirm(firmware, "Start")
    expect(firmware.get_by_text("The rollout has started.")).to_be_visible()

    firmware.evaluate("window.stillTheSamePage = true")
    expect(firmware.locator("#rollout-state")).to_contain_text("Complete", timeout=60_000)
    expect(firmware.locator("#live")).to_contain_text("of 6 boxes")
    expect(firmware.locator("#live .stb-figure").first).to_have_text("6")
    expect(firmware.locator("#rollout-history")).to_contain_text("is final")
    assert firmware.evaluate("window.stillTheSamePage") is True

    firmware.goto(f"/devices/{uids[0]}")
    expect(firmware.get_by_role("main")).to_contain_text(
        "Runs 2.0.0, verified by Living room to everyone."
    )


def test_a_version_that_is_taken_is_refused_at_its_field_and_the_rest_is_kept(
    firmware: Page, live: Live, boxes: Boxes
) -> None:
    boxes.register("STORY-2", A=1)
    live.image("3.0.0", b"the first of two", models=["STORY-2"])
    fill_upload(firmware, name="Once more", version="3.0.0", model="STORY-2")
    firmware.get_by_label("File").set_input_files(boxes.image("3.0.0"))

    firmware.get_by_role("button", name="Upload").click()

    version = firmware.get_by_label("Version", exact=True)
    expect(version).to_have_attribute("aria-invalid", "true")
    expect(firmware.locator("#field-version-error")).to_contain_text("3.0.0")
    expect(firmware.get_by_label("Name")).to_have_value("Once more")
    expect(firmware.get_by_label("File")).to_have_value(re.compile(r"fw-3\.0\.0\.swu$"))


def test_an_upload_that_is_cancelled_leaves_nothing_behind(firmware: Page, boxes: Boxes) -> None:
    boxes.register("STORY-3", A=1)
    fill_upload(firmware, name="Given up", version="3.1.0", model="STORY-3")
    firmware.get_by_label("File").set_input_files(boxes.image("3.1.0", size=MEGABYTE))
    slow_down(firmware, MEGABYTE // 10)
    firmware.get_by_role("button", name="Upload").click()
    expect(firmware.locator("[data-words]")).to_contain_text("left")

    firmware.get_by_role("button", name="Cancel the upload").click()

    expect(firmware.get_by_role("alert")).to_have_text(
        "The upload was cancelled; nothing of it was kept."
    )
    firmware.goto("/firmware/images?model=STORY-3")
    expect(firmware.get_by_text("No image is like this")).to_be_visible()


def test_a_bad_image_halts_by_itself_and_its_page_says_why(
    firmware: Page, live: Live, boxes: Boxes
) -> None:
    boxes.register("STORY-4", A=1, B=3)
    image = live.image("4.0.0", boxes.image("4.0.0", "B").read_bytes(), models=["STORY-4"])
    address = page_of(live, live.rollout("Bad for B", image, limits=HALTS_EARLY))
    firmware.goto(address)
    expect(firmware.locator("#rollout-state")).to_contain_text("Running")

    boxes.switch_on()

    alert = firmware.get_by_role("alert")
    expect(alert).to_contain_text("Halted by itself", timeout=60_000)
    expect(alert).to_contain_text("failed; the limit is 10 % and 2 boxes.")
    boxes.switch_off()
    group = firmware.get_by_role("row").filter(has_text="STORY-4 B")
    expect(group).to_contain_text(re.compile(r"[23] of [23] attempted; limit 10 % and 2"))
    firmware.get_by_role("link", name=re.compile("^Failed")).first.click()
    expect(firmware.get_by_role("row").filter(has_text="STORY-4B").first).to_contain_text(FORMER)

    firmware.goto(address)
    confirm(firmware, "Retry boxes")
    expect(
        firmware.get_by_text("The boxes that failed or came late may try again.")
    ).to_be_visible()
    confirm(firmware, "Resume", reason="the boot loader was fixed")
    expect(firmware.locator("#rollout-state")).to_contain_text("Running")
    expect(firmware.locator("#rollout-history")).to_contain_text("the boot loader was fixed")


def test_stop_all_pauses_every_rollout_from_the_list(desk: Desk, live: Live, boxes: Boxes) -> None:
    running(live, boxes, "One of all", "STORY-5")
    page = desk("fay.firmware")
    page.goto("/firmware/rollouts")
    row = page.get_by_role("row").filter(has_text="One of all")
    expect(row).to_contain_text("Running")

    confirm(page, "Stop all", reason="storm in the data centre")

    expect(page.get_by_text(re.compile(r"rollouts? (was|were) stopped"))).to_be_visible()
    expect(row).to_contain_text("Paused")
    expect(page.get_by_role("button", name="Stop all")).to_have_count(0)
    with live.db.read() as session:
        states = session.scalars(select(Rollout.state)).all()
    assert "running" not in states


def test_pause_and_cancel_ask_first_and_others_see_it_without_reloading(
    desk: Desk, live: Live, boxes: Boxes
) -> None:
    address = running(live, boxes, "To be cancelled", "STORY-6")
    page, watcher = desk("fay.firmware"), desk("vic.viewer")
    page.goto(address)
    watcher.goto(address)
    state = page.locator("#rollout-state")

    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(state).to_contain_text("Running")
    confirm(page, "Pause", reason="wait for the night")
    expect(state).to_contain_text("Paused")
    expect(watcher.locator("#rollout-state")).to_contain_text("Paused")
    confirm(page, "Cancel the rollout", reason="superseded")
    expect(state).to_contain_text("Cancelled")

    expect(watcher.locator("#rollout-state")).to_contain_text("Cancelled")
    expect(watcher.locator("#rollout-history")).to_contain_text("superseded")


def test_a_dialog_stays_open_while_the_page_behind_it_follows_the_rollout(
    desk: Desk, live: Live, boxes: Boxes
) -> None:
    address = running(live, boxes, "Asked about", "STORY-7")
    page, other = desk("fay.firmware"), desk("ann.admin")
    page.goto(address)
    page.get_by_role("button", name="Cancel the rollout").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("half a rea")

    other.goto(address)
    confirm(other, "Pause", reason="wait")
    with page.expect_response(re.compile("/live")):
        expect(dialog.get_by_label("Reason")).to_have_value("half a rea")

    expect(dialog.get_by_label("Reason")).to_have_value("half a rea")
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator("#rollout-state")).to_contain_text("Paused")
