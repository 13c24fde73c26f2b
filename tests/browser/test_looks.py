"""Every page, in light and dark, on a desk and on a phone, from left to right and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from firmware.boxes.operations import create_gateway_token
from firmware.images.models import Image
from firmware.rollouts.models import Rollout
from firmware.rollouts.operations import Plan, WavePlan, create_rollout
from lab.cli import main
from lab.commands.sending import send
from stb_service.shared.access import SYSTEM
from tests.browser.boxes import Boxes
from tests.browser.desk import NARROW, WIDE, Desk, sign_in
from tests.browser.looks import COLOURS, at_width, barriers, dressed, overhang
from tests.conftest import People
from tests.live import Live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser"),
]
PAGES = (
    "/",
    "/search?q=AUR",
    "/devices",
    "/devices?text=nothing-like-this",
    "/devices/new",
    "/devices/import",
    "/devices/review",
    "/models",
    "/models/new",
    "/firmware/boxes/waiting",
    "/firmware/gateway-tokens",
    "/firmware/images",
    "/firmware/images/new",
    "/firmware/rollouts",
    "/firmware/rollouts/new",
    "/lab/runs",
    "/lab/runs?verdict=pass&name=none",
    "/people",
    "/people/new",
    "/roles",
    "/roles/new",
    "/organisations",
    "/audit",
    "/jobs",
    "/me",
    "/me/tokens",
    "/api-docs",
    "the card of a box",
    "its firmware",
    "an image",
    "a draft",
    "a rollout that runs",
    "its boxes",
    "a run of the lab",
    "a run of a rig",
)
RIG = """<testsuites name="Bench 4, living room boxes"><testsuite name="sound">
  <testcase classname="audio.passthrough.dolby_digital_plus_over_hdmi" name="keeps_lip_sync_after_zap">
    <failure message="black for 4.1 s after the change of channel; HDCP was negotiated twice"/>
  </testcase><testcase classname="audio" name="plays"/></testsuite></testsuites>"""
# Nothing is being fetched, and the reader of the API has drawn what it fetched.
SETTLED = """
() => !document.querySelector(".htmx-request")
  && (!document.querySelector("#api-docs") || document.querySelector("#api-docs .opblock"))
"""
STYLESHEET = "link[rel=stylesheet][href*=tabler]"


@pytest.fixture(scope="module")
def places(
    live: Live, people: People, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """The addresses of pages that show one thing, made so that there is something to show."""
    boxes = Boxes(live, tmp_path_factory.mktemp("looks"))
    uid = boxes.register("LOOKS-1", A=3, B=2)[0]
    image_id = live.image("5.0.0", boxes.image("5.0.0").read_bytes(), models=["LOOKS-1"])
    running = live.rollout("Living room, autumn release", image_id, shares=(400, 1000))
    requests.get(
        f"{live.edge_url}/DEFAULT/controller/v1/02:EE:00:00:00:01",
        headers={"Authorization": "TargetToken of-a-box-that-waits"},
        timeout=10,
    )
    runs = runs_of_the_lab(live, people, tmp_path_factory.mktemp("runs"))
    now = datetime.now(UTC)
    with live.db.write() as session:
        create_gateway_token(session, name="head-end", days=30, actor=SYSTEM, now=now)
        image = session.get_one(Image, image_id)
        plan = Plan(name="Bedrooms", waves=(WavePlan(50), WavePlan(1000)))
        draft = create_rollout(session, plan=plan, image=image, actor=SYSTEM, now=now)
        return {
            "the card of a box": f"/devices/{uid}",
            "its firmware": f"/firmware/boxes/{uid}",
            "an image": f"/firmware/images/{image.public_id}",
            "a draft": f"/firmware/rollouts/{draft.public_id}",
            "a rollout that runs": page_of(session, running),
            "its boxes": f"{page_of(session, running)}/boxes",
            "a run of the lab": runs[0],
            "a run of a rig": runs[1],
        }


def runs_of_the_lab(live: Live, people: People, out: Path) -> list[str]:
    """Send a run of the lab with its report, and one of a rig; return their addresses."""
    token = people.token(people.person("lab_engineer", username="looks.lab"))
    assert main(["run", "peak-hour", "--seed", "99", "--out", str(out)]) in {0, 1}
    rig = requests.post(
        f"{live.staff_url}/api/v1/lab/runs",
        files={"junit": ("rig.xml", RIG)},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    return [send(live.staff_url, token, out / "peak-hour-seed99"), rig.json()["url"]]


def page_of(session: Session, rollout_id: int) -> str:
    return f"/firmware/rollouts/{session.get_one(Rollout, rollout_id).public_id}"


class Walk:
    """One page that is led from place to place, so that each is loaded once for all its tests."""

    def __init__(self, desk: Desk, places: Mapping[str, str], locale: str) -> None:
        self._desk, self._places = desk, places
        self.page = desk("ann.admin", locale=locale)

    def to(self, name: str) -> Page:
        """Load a place, wait for what it fetches, and return the page."""
        self.page.goto(self._places.get(name, name), wait_until="load")
        self.page.wait_for_function(SETTLED)
        assert self._desk.watch.faults == []
        return self.page


@pytest.fixture(scope="module")
def walks(
    chromium: Browser, live: Live, cookies: Mapping[str, str], places: Mapping[str, str]
) -> Iterator[Callable[[str], Walk]]:
    desk = Desk(chromium, live, cookies)
    yield cache(lambda locale: Walk(desk, places, locale))
    desk.close()


@pytest.fixture(scope="module", params=PAGES)
def english(request: pytest.FixtureRequest, walks: Callable[[str], Walk]) -> Page:
    return walks("en-GB").to(request.param)


@pytest.fixture(scope="module", params=PAGES)
def arabic(request: pytest.FixtureRequest, walks: Callable[[str], Walk]) -> Page:
    return walks("ar").to(request.param)


def test_no_serious_barrier_in_light(english: Page) -> None:
    assert barriers(dressed(at_width(english, WIDE), "light")) == []


def test_nothing_is_harder_to_read_in_dark(english: Page) -> None:
    assert barriers(dressed(at_width(english, WIDE), "dark"), COLOURS) == []


def test_nothing_hangs_over_the_edge_of_a_phone(english: Page) -> None:
    assert overhang(at_width(english, NARROW)) == []


def test_nothing_hangs_over_the_edge_from_right_to_left(arabic: Page) -> None:
    expect(arabic.locator("html")).to_have_attribute("dir", "rtl")
    assert overhang(at_width(arabic, WIDE)) == []


def test_nothing_hangs_over_the_edge_of_a_phone_from_right_to_left(arabic: Page) -> None:
    assert overhang(at_width(arabic, NARROW)) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_sign_in_page_is_as_good(desk: Desk, width: int, dark: bool) -> None:
    page = desk(None, width=width, dark=dark)

    page.goto("/sign-in")

    assert barriers(page) + overhang(page) == []


def test_a_person_who_chooses_arabic_and_dark_gets_both_everywhere(
    desk: Desk, people: People
) -> None:
    people.person("viewer", username="layla.rtl")
    page = desk(None)
    page.goto("/sign-in?next=/me")
    sign_in(page, "layla.rtl")
    expect(page.locator(STYLESHEET)).to_have_attribute("href", re.compile(r"tabler\.min\.css"))

    page.get_by_label("Language").select_option("ar")
    page.get_by_label("Appearance").select_option("dark")
    page.get_by_role("button", name="Save").click()

    root = page.locator("html[lang=ar][dir=rtl]")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    page.goto("/devices")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    expect(page.locator(STYLESHEET)).to_have_attribute("href", re.compile(r"tabler\.rtl\.min\.css"))
    expect(page.get_by_role("heading", level=1)).to_have_text("الأجهزة")


def test_the_menu_of_a_phone_opens_and_leads_on(desk: Desk) -> None:
    page = desk("ann.admin", width=NARROW)
    page.goto("/")
    expect(page.locator("#menu")).to_be_hidden()

    page.get_by_role("button", name="Menu").click()
    page.locator("#menu").get_by_role("link", name="Rollouts").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Rollouts")
    assert overhang(page) == []


def test_filters_leave_a_phones_first_screen_to_the_boxes(desk: Desk) -> None:
    page = desk("ann.admin", width=NARROW)
    page.goto("/devices?status=active")
    status = page.get_by_label("Status", exact=True)
    expect(status).to_be_hidden()
    expect(page.locator("tbody tr").first).to_be_in_viewport()

    page.locator("summary").filter(has_text="Filter").first.click()

    expect(status).to_have_value("active")
