"""Boxes arrive: one by hand, many by file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Download, Locator, Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser"),
]
GOOD_ROWS = 800
HEADER = ("serial", "model", "revision", "mac", "tags")


def fact(page: Page, name: str) -> Locator:
    """What stands beside a name in a list of facts."""
    return page.locator(f"dt:text-is('{name}') + dd")


def saved(download: Download) -> str:
    return download.path().read_text(encoding="utf-8-sig")


@pytest.fixture
def boxes_file(tmp_path: Path) -> Path:
    """A file of good boxes with two bad rows among them."""
    rows = [
        [f"IMP{n:06}", "BOR-40", "r1", f"02-D0-00-00-{n >> 8:02x}-{n & 255:02x}", "imported"]
        for n in range(GOOD_ROWS)
    ]
    rows.insert(1, ["IMP-BAD-MODEL", "NOPE-1", "r1", "", ""])
    rows.insert(3, ["IMP-BAD-MAC", "BOR-40", "r1", "02:D0:00", ""])
    path = tmp_path / "boxes.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def test_a_mistake_is_shown_at_its_field_and_what_was_typed_is_kept(agent: Page) -> None:
    agent.goto("/devices")
    agent.get_by_role("link", name="Register a box").click()
    agent.get_by_label("Serial").fill("BYHAND-0001")
    agent.get_by_label("Model").select_option("AUR-300")
    agent.get_by_label("Ethernet MAC").fill("02:AA:00:00:00")
    agent.get_by_label("Notes").fill("from the counter")

    agent.get_by_role("button", name="Register the box").click()
    mac = agent.get_by_label("Ethernet MAC")
    expect(agent.locator("[data-focus]")).to_be_focused()
    expect(mac).to_have_attribute("aria-invalid", "true")
    expect(mac).to_have_value("02:AA:00:00:00")
    expect(agent.locator("#field-mac_ethernet-error")).not_to_be_empty()
    expect(agent.get_by_label("Serial")).to_have_value("BYHAND-0001")
    expect(agent.get_by_label("Model")).to_have_value("AUR-300")
    expect(agent.get_by_label("Notes")).to_have_value("from the counter")
    mac.fill("02aa.0000.0001")
    agent.get_by_role("button", name="Register the box").click()
    expect(agent.get_by_text("Box BYHAND-0001 is registered.")).to_be_visible()

    agent.goto("/devices")
    agent.get_by_label("Serial, MAC, batch or tag").fill("BYHAND")
    agent.keyboard.press("Enter")
    row = agent.get_by_role("row").filter(has_text="BYHAND-0001")
    expect(row).to_contain_text("02:AA:00:00:00:01")


def test_a_file_is_tried_then_imported_and_the_second_time_changes_nothing(
    agent: Page, boxes_file: Path
) -> None:
    agent.goto("/devices/import")
    agent.get_by_label("CSV or XLSX file").set_input_files(boxes_file)

    agent.get_by_role("button", name="Try it first").click()
    expect(agent.get_by_role("progressbar")).to_be_visible()
    expect(agent.get_by_text("This was a trial: nothing was kept.")).to_be_visible()
    expect(fact(agent, "New boxes")).to_have_text("800")
    expect(fact(agent, "Refused")).to_have_text("2")
    refused = agent.get_by_role("row")
    expect(refused.filter(has_text="NOPE-1")).to_contain_text("3model")
    expect(refused.filter(has_text="02:D0:00")).to_contain_text("5mac_ethernet")

    agent.get_by_role("button", name="Import it now").click()
    expect(agent.get_by_text("This was a trial")).to_have_count(0)
    expect(fact(agent, "New boxes")).to_have_text("800")
    with agent.expect_download() as download:
        agent.get_by_role("link", name="Download the report").click()
    report = list(csv.reader(saved(download.value).splitlines()))
    assert [row[:3] for row in report[1:]] == [
        ["3", "model", "refused"],
        ["5", "mac_ethernet", "refused"],
    ]

    agent.goto("/devices/import")
    agent.get_by_label("CSV or XLSX file").set_input_files(boxes_file)
    agent.get_by_role("button", name="Import", exact=True).click()
    expect(fact(agent, "Unchanged")).to_have_text("800")
    expect(fact(agent, "New boxes")).to_have_text("0")
    expect(fact(agent, "Changed")).to_have_text("0")


def test_long_work_is_found_again_after_its_page_was_left(agent: Page) -> None:
    agent.goto("/devices?model=AUR-500")
    agent.get_by_role("button", name="Export CSV").click()

    agent.goto("/jobs")
    agent.get_by_role("row").nth(1).get_by_role("link").first.click()
    report = agent.get_by_role("link", name="Download the report")
    expect(report).to_be_visible()
    with agent.expect_download() as download:
        report.click()

    content = saved(download.value)
    assert "AUR-500" in content
    assert "BOR-20" not in content


def test_filters_apply_when_they_change_and_live_in_the_address(agent: Page) -> None:
    agent.goto("/devices")

    agent.get_by_label("Model", exact=True).select_option("AUR-100")

    agent.wait_for_url("**/devices?*model=AUR-100*")
    cells = agent.locator("tbody [data-label=Model]")
    expect(cells.filter(has_text="AUR-100").first).to_be_visible()
    expect(cells.filter(has_not_text="AUR-100")).to_have_count(0)
