"""One running service, one Chromium, and the desks of several people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stb_service.devices.demo import load_demo
from stb_service.shared.access import SYSTEM
from tests.browser.boxes import Boxes, hand_to
from tests.browser.desk import FLAGS, PATIENCE_MS, Desk, cookies_of
from tests.browser.returned import Returned
from tests.browser.trade import INES, NORA, OMAR, SHOP, House, Trade
from tests.conftest import People
from tests.live import Live, live_service
from tests.parts import PARTS

PEOPLE = {
    "ann.admin": ("administrator", "operator"),
    "amir.agent": ("agent", "operator"),
    "fay.firmware": ("firmware_manager", "operator"),
    "vic.viewer": ("viewer", "operator"),
    "dora.dealer": ("agent", "northshop"),
    INES: ("technician", "operator"),
    OMAR: ("technician", "operator"),
    NORA: ("agent", SHOP),
}
DEMO_BOXES = 90
DEALERS_BOXES = 4


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A migrated installation; `live` starts it."""
    with live_service(tmp_path_factory.mktemp("desk") / "home") as prepared:
        yield prepared


@pytest.fixture(scope="session")
def people(installation: Live) -> People:
    """Roles, the operator, two dealers, and their people."""
    found = People(installation.db, SYSTEM, datetime.now(UTC))
    found.organisation("northshop")
    found.organisation(SHOP)
    for username, (role, organisation) in PEOPLE.items():
        found.person(role, organisation, username)
    return found


@pytest.fixture(scope="session")
def live(installation: Live, people: People) -> Live:
    """Staff app, box edge and worker in their own processes, with a demo operator's boxes."""
    now = datetime.now(UTC)
    with installation.db.write() as session:
        boxes = load_demo(session, actor=SYSTEM, now=now, seed=2026, boxes=DEMO_BOXES)
        for box in boxes[:DEALERS_BOXES]:
            hand_to(session, box.public_id, "northshop")
    installation.start("app", "edge", "worker")
    return installation


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=PARTS["chromium"].path, args=list(FLAGS)
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def cookies(live: Live) -> Mapping[str, str]:
    """What the browsers of the people hold once they are signed in."""
    expect.set_options(timeout=PATIENCE_MS)
    return cookies_of(live, PEOPLE)


@pytest.fixture
def desk(chromium: Browser, live: Live, cookies: Mapping[str, str]) -> Iterator[Desk]:
    """Opens pages for people; a page that breaks a rule of all pages fails the test."""
    made = Desk(chromium, live, cookies)
    yield made
    made.close()
    assert made.watch.faults == []


@pytest.fixture
def agent(desk: Desk) -> Page:
    return desk("amir.agent")


@pytest.fixture
def firmware(desk: Desk) -> Page:
    """A page of the firmware manager."""
    return desk("fay.firmware")


@pytest.fixture
def boxes(live: Live, tmp_path: Path) -> Iterator[Boxes]:
    """Emulated boxes of this test; they are switched off when it ends."""
    made = Boxes(live, tmp_path)
    yield made
    made.switch_off()


@pytest.fixture(scope="session")
def trade(live: Live) -> Trade:
    """What all stories of returns find: a model with its policy, parts, places."""
    return Trade(live)


@pytest.fixture
def house(trade: Trade, request: pytest.FixtureRequest) -> House:
    """A household, a bench and shelves that only this test uses."""
    return trade.house(request.node.name.removeprefix("test_").replace("_", " "))


@pytest.fixture
def story(desk: Desk, house: House) -> Returned:
    """The return that a test is about."""
    return Returned(desk, house)
