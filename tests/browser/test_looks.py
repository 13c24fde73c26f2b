"""Every page, in light and dark, on a desk and on a phone, from left to right and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
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
from tests.browser.left_behind import left_behind
from tests.browser.looks import AXE, COLOURS, FRAME, barriers, overhang, stand, torn
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
    "/accounts",
    "/accounts/new",
    "/parts",
    "/locations",
    "/stock/moves",
    "/stock/reservations",
    "/stock/reorder",
    "/stock/counts",
    "/stock/receive",
    "/warranty/policies",
    "/warranty/policies/new",
    "/warranty/assignments",
    "/warranty/decisions",
    "/quotes",
    "/quotes/new",
    "/payments",
    "/returns",
    "/returns/list",
    "/returns/intake",
    "/returns/import",
    "/returns/terms",
    "/returns/claims",
    "/returns/claims/terms",
    "/workshop",
    "/workshop/orders",
    "the card of a box",
    "its firmware",
    "an image",
    "a draft",
    "a rollout that runs",
    "its boxes",
    "a run of the lab",
    "a run of a rig",
    "an account",
    "what is known of a person",
    "a ledger",
    "a quote",
    "a quote as its customer sees it",
    "a payment",
    "a part",
    "a place",
    "a count",
    "a policy",
    "a warranty decision",
    "what a box would get",
    "the card of a box that came back",
    "a return to be opened",
    "a return that is asked for",
    "a return that is quoted",
    "a return with a box sent ahead",
    "an inspection",
    "a workshop order",
    "repair beside replacement",
    "a claim",
)
RIG = """<testsuites name="Bench 4, living room boxes"><testsuite name="sound">
  <testcase classname="audio.passthrough.dolby_digital_plus_over_hdmi" name="keeps_lip_sync_after_zap">
    <failure message="black for 4.1 s after the change of channel; HDCP was negotiated twice"/>
  </testcase><testcase classname="audio" name="plays"/></testsuite></testsuites>"""
# Nothing is being fetched; the reader of the API, which is drawn alike in each language, has drawn
# what it fetched.
SETTLED = "() => !document.querySelector('.htmx-request')"
DRAWN = "() => !document.querySelector('#api-docs') || document.querySelector('#api-docs .opblock')"
BENEATH = """
() => {
  const { activeElement: here } = document, bar = document.querySelector(".stb-sticky");
  if (!here.closest("main") || bar.contains(here)) return [];
  const at = here.getBoundingClientRect(), over = bar.getBoundingClientRect();
  const is_beneath = at.bottom > over.top + 1 && at.top < over.bottom - 1;
  return is_beneath ? [`${here.name || here.tagName}: ${at.bottom} beneath ${over.top}`] : [];
}
"""
STYLESHEET = "link[rel=stylesheet][href*=tabler]"


@pytest.fixture(scope="module")
def places(
    live: Live,
    people: People,
    cookies: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
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
    returned = left_behind(live, cookies["ann.admin"])
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
            **returned,
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
    """Two pages that are led from place to place, in English and in Arabic, so that each place is
    loaded once in each for everything that is judged of it.
    """

    def __init__(self, desk: Desk, places: Mapping[str, str]) -> None:
        self._desk, self._places = desk, places
        self._english = desk("ann.admin")
        self._english.add_init_script(path=AXE)
        self._arabic = desk("ann.admin", width=NARROW, locale="ar")

    def faults(self, name: str) -> Mapping[str, list[str]]:
        """Return what is wrong with a place, by what was judged; nothing, if all is well."""
        address = self._places.get(name, name)
        for page in (self._english, self._arabic):  # one is read while the other is judged
            page.goto(address, wait_until="commit")
        frame = () if name == PAGES[0] else FRAME
        found = {**self._in_english(frame), **self._from_right_to_left(), "watched": self._seen()}
        return {what: faults for what, faults in found.items() if faults}

    def _in_english(self, frame: Sequence[str]) -> Mapping[str, list[str]]:
        page = settled(self._english)
        page.wait_for_function(DRAWN)
        at_hand = overhang(stand(page, NARROW, "light"))
        broken = torn(page)
        on_a_desk = overhang(stand(page, WIDE, "light"))
        return {
            "over the edge of a phone": at_hand,
            "over the edge of a desk": on_a_desk,
            "torn apart": broken + torn(page),
            "barriers in light": barriers(page, but=frame),
            "harder to read in dark": barriers(stand(page, WIDE, "dark"), COLOURS, but=frame),
        }

    def _from_right_to_left(self) -> Mapping[str, list[str]]:
        page = settled(self._arabic)
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        on_a_phone = overhang(stand(page, NARROW))
        return {
            "over the edge of a phone, from right to left": on_a_phone,
            "over the edge, from right to left": overhang(stand(page, WIDE)),
        }

    def _seen(self) -> list[str]:
        seen = list(self._desk.watch.faults)
        self._desk.watch.faults.clear()
        return seen


def settled(page: Page) -> Page:
    """Wait for a page and what it fetches, and return it."""
    page.wait_for_load_state("load")
    page.wait_for_function(SETTLED)
    return page


@pytest.fixture(scope="module")
def walk(
    chromium: Browser, live: Live, cookies: Mapping[str, str], places: Mapping[str, str]
) -> Iterator[Walk]:
    desk = Desk(chromium, live, cookies)
    yield Walk(desk, places)
    desk.close()


@pytest.mark.parametrize("place", PAGES)
def test_a_page_can_be_used_by_everybody(walk: Walk, place: str) -> None:
    assert walk.faults(place) == {}


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


def test_what_has_the_focus_is_not_beneath_the_buttons_that_stay_in_reach(
    desk: Desk, places: Mapping[str, str]
) -> None:
    page = desk("ann.admin", width=820)
    page.goto(places["an inspection"])
    expect(page.locator(".stb-sticky")).to_be_visible()
    page.locator("#main input, #main select").first.focus()

    covered = []
    for _stop in range(40):
        page.keyboard.press("Tab")
        covered += page.evaluate(BENEATH)

    assert covered == []


def test_where_a_part_stands_is_seen_whole_on_a_desk(desk: Desk, places: Mapping[str, str]) -> None:
    page = desk("ann.admin")
    page.goto(places["a part"])

    table = page.get_by_role("region", name="Where it stands")

    assert table.evaluate("(region) => region.scrollWidth - region.clientWidth") <= 1


def test_filters_leave_a_phones_first_screen_to_the_boxes(desk: Desk) -> None:
    page = desk("ann.admin", width=NARROW)
    page.goto("/devices?status=active")
    status = page.get_by_label("Status", exact=True)
    expect(status).to_be_hidden()
    expect(page.locator("tbody tr").first).to_be_in_viewport()

    page.locator("summary").filter(has_text="Filter").first.click()

    expect(status).to_have_value("active")
