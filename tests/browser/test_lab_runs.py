"""Lab engineers find what the laboratory and the rigs found, and read what broke and when."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from lab.cli import main
from lab.commands.sending import send
from lab.report.result import read_result
from tests.browser.desk import Desk, sign_in
from tests.conftest import People
from tests.live import Live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(120),
]
ENGINEER = "lena.lab"
RIG = b"""<testsuites name="Bench 4">
  <testsuite name="zapping">
    <testcase classname="zap" name="to HD" time="1.2"/>
    <testcase classname="zap" name="to UHD"><failure message="black for 4.1 s">long</failure></testcase>
    <testcase classname="zap" name="later"><skipped/></testcase>
  </testsuite>
</testsuites>"""
HOSTILE = b"""<!doctype html><html><title>before</title><h1>A report</h1>
<script>document.title = "ran"</script><img src="/static/stb.css" onerror="document.title = 'ran'">
</html>"""


@pytest.fixture(scope="module")
def token(people: People) -> str:
    """An API token of the lab engineer."""
    return people.token(people.person("lab_engineer", username=ENGINEER))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run that fails: three times the loss."""
    out, cache = tmp_path_factory.mktemp("runs"), tmp_path_factory.getbasetemp() / "lab-cache"
    words = ["run", "burst-loss", "--set", "loss.times=3", "--seed", "3"]
    assert main([*words, "--out", str(out), "--cache", str(cache)]) == 1
    return next(out.iterdir())


@pytest.fixture(scope="module")
def address(live: Live, token: str, folder: Path) -> str:
    """The address at which the run that failed can be seen, as the lab is told."""
    return send(live.staff_url, token, folder)


@pytest.fixture
def engineer(desk: Desk, token: str) -> Page:
    page = desk(None)
    page.goto("/sign-in?next=/")
    sign_in(page, ENGINEER)
    return page


def payload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def take_in(page: Page, content: bytes, name: str = "report.xml", report: bytes = b"") -> None:
    """Choose files on the page of lab runs and send them."""
    page.goto("/lab/runs")
    page.get_by_label("JUnit XML of a test rig").set_input_files(payload(name, content))
    if report:
        page.get_by_label("report.html of stb-lab").set_input_files(payload("report.html", report))
    page.get_by_role("button", name="Take in").click()


def test_a_run_that_failed_is_found_and_read_down_to_its_plots(
    engineer: Page, address: str, folder: Path
) -> None:
    fault = next(one for one in read_result(folder)["expectations"] if not one["holds"])
    measured = f"{fault['value']:g}"
    stream = fault["measure"].partition(".")[0]
    engineer.get_by_role("link", name="Lab runs").first.click()
    engineer.get_by_label("Verdict").select_option(label="Failed")
    engineer.get_by_label("Scenario").select_option(label="burst-loss")
    engineer.wait_for_url(re.compile("verdict=fail"))
    row = engineer.get_by_role("row").filter(has_text="seed 3")
    expect(row).to_contain_text("Emulated")
    expect(row).to_contain_text("changed")
    row.get_by_role("link", name="Bursts of loss on a multicast").click()

    expect(engineer).to_have_url(address)
    expect(engineer.get_by_role("main")).to_contain_text("loss.times")
    failing = engineer.get_by_role("row").filter(has_text=fault["measure"])
    expect(failing).to_contain_text("Fails")
    expect(failing.get_by_role("cell").nth(2)).to_have_text(fault["expected"])
    expect(failing.get_by_role("cell").nth(3)).to_contain_text(measured)
    framed = engineer.frame_locator("iframe").locator("svg.wide")
    expect(framed).to_have_count(2)
    with engineer.context.expect_page() as opened:
        engineer.get_by_role("link", name="Open the report").click()
    report = opened.value
    report.wait_for_load_state()
    expect(report.get_by_role("heading", level=1)).to_have_text("Bursts of loss on a multicast")
    plot = report.locator("figure").filter(has_text=f"{stream}: PSNR of the luma")
    drawn = plot.locator("svg.wide")
    expect(drawn).to_be_visible()
    expect(drawn).to_contain_text("time in seconds")
    expect(drawn).to_contain_text(re.compile(r"continuity error: \d+"))
    expect(plot).to_contain_text(f"{fault['measure']} is {measured}")
    report.set_viewport_size({"width": 360, "height": 800})
    expect(drawn).to_be_hidden()
    expect(plot.locator("svg.narrow")).to_be_visible()


def test_a_report_can_neither_run_nor_load_anything(
    desk: Desk, engineer: Page, folder: Path
) -> None:
    result = (folder / "result.json").read_bytes().replace(b'"seed": 3', b'"seed": 4')
    take_in(engineer, result, "result.json", HOSTILE)
    expect(engineer.get_by_text("The run was taken in.")).to_be_visible()
    expect(engineer.frame_locator("iframe").get_by_role("heading")).to_have_text("A report")

    answer = engineer.goto(f"{engineer.url}/report")

    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert {"default-src 'none'", "sandbox"} <= {part.strip() for part in policy.split(";")}
    assert engineer.title() == "before"
    assert desk.watch.faults, "the browser says what it blocked"
    assert all("Content Security Policy" in f or "sandboxed" in f for f in desk.watch.faults)
    desk.watch.faults.clear()


def test_junit_of_a_rig_is_taken_in_as_evidence_of_a_real_box(engineer: Page) -> None:
    take_in(engineer, RIG)

    expect(engineer.get_by_text("The run was taken in.")).to_be_visible()
    expect(engineer.get_by_role("heading", level=1)).to_have_text("Bench 4")
    expect(engineer.get_by_role("main")).to_contain_text("1 of 2 hold")
    failing = engineer.get_by_role("row").filter(has_text="zap.to UHD")
    expect(failing).to_contain_text("black for 4.1 s")
    engineer.goto("/lab/runs?evidence=real_box")
    row = engineer.get_by_role("row").filter(has_text="Bench 4")
    expect(row).to_contain_text("Real box")
    expect(row).to_contain_text("Failed")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{}", "format: Missing data for required field."),
        (b"<html></html>", "The file is no JUnit XML."),
        (b"just words", "The file is no JSON."),
    ],
    ids=["json", "xml", "words"],
)
def test_a_broken_file_is_refused_in_words_at_its_field(
    engineer: Page, content: bytes, told: str
) -> None:
    take_in(engineer, content)

    field = engineer.get_by_label("JUnit XML of a test rig")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(engineer.locator("#field-file-error")).to_have_text(told)
    engineer.get_by_role("alert").get_by_role("link", name=told).click()
    expect(engineer).to_have_url(re.compile("#field-file$"))


def test_a_viewer_looks_and_does_not_send(desk: Desk, address: str) -> None:
    page = desk("vic.viewer")
    page.goto(address)
    expect(page.get_by_role("link", name="Open the report")).to_be_visible()
    page.goto("/lab/runs")
    expect(page.get_by_role("link", name="Bursts of loss on a multicast").first).to_be_visible()
    expect(page.get_by_role("button", name="Take in")).to_have_count(0)
    answer = page.request.post("/lab/runs", multipart={"file": payload("x.xml", RIG)})
    assert answer.status == 403


def test_a_dealer_is_refused(desk: Desk, address: str) -> None:
    page = desk("dora.dealer")
    page.goto("/")
    expect(page.get_by_role("link", name="Lab runs")).to_have_count(0)
    for place in ("/lab/runs", address, f"{address}/report", f"{address}/result"):
        answer = page.goto(place)
        assert answer is not None
        assert answer.status == 403
