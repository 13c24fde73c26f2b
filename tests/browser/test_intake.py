"""Boxes are taken in by a scanner that types and sends Enter, and nobody touches a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import scan
from tests.browser.returned import Returned
from tests.browser.trade import BOX, INES, House

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real("chromium"),
    pytest.mark.xdist_group("browser-returns"),
]


def told(page: Page, *words: str, invites: str = "Scan") -> None:
    """Hear what the last scan came to, and find the next one awaited."""
    for word in words:
        expect(page.locator("#told")).to_contain_text(word)
    field = page.get_by_label(invites, exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_value("")


@pytest.fixture
def door(story: Returned, house: House) -> Page:
    """The page where Ines takes boxes in, at her place, which she chose with the keys."""
    page = story.visit("/returns/intake", INES)
    told(page, "Scan the label of a return, a box, or the tracking number of a parcel.")
    page.keyboard.press("Tab")
    page.keyboard.type(house.bench)
    page.keyboard.press("Shift+Tab")
    return page


def test_a_parcel_a_label_and_a_box_are_scanned_one_after_the_other(
    story: Returned, house: House, door: Page
) -> None:
    box = house.box()
    story.open(box).authorised()
    story.step("Handed to the carrier", leads_to="On its way here", tracking="1Z-DOOR")

    scan(door, "1Z-DOOR")
    told(door, f"Now scan the box itself: {box} is expected.", invites="Scan the box")
    scan(door, box.lower())
    told(door, f"Received: {story.number}", box, "it stays dark")
    scan(door, story.number)
    told(door, "Nothing more to do", "This box was received already", "Received")

    today = door.get_by_role("region", name="Received today").locator("tbody tr")
    expect(today).to_have_count(1)
    expect(today).to_contain_text(re.compile(rf"{box}[\s\S]*{story.number}[\s\S]*Arrived"))
    story.look_again().stands("Received").stock(house.bench, BOX, "Defective 1")


def test_another_box_than_the_labels_is_written_down_when_it_is_scanned_twice(
    story: Returned, house: House, door: Page
) -> None:
    box, stranger = house.box(), house.spare()
    story.open(box).authorised()

    scan(door, story.number)
    told(door, f"Now scan the box itself: {box} is expected.", invites="Scan the box")
    scan(door, stranger)
    told(door, f"another box than the one that {story.number} is for", invites="Scan the box")
    expect(door.get_by_role("main")).to_contain_text(re.compile(rf"Expected[\s\S]*{box}"))
    expect(door.get_by_role("main")).to_contain_text(re.compile(rf"Scanned[\s\S]*{stranger}"))
    story.look_again().stands("Authorised")
    scan(door, stranger)
    told(door, f"Written down: another box came for {story.number}", "Put it aside.")
    scan(door, box)
    told(door, "Another box came for this return; that has to be settled first.")

    story.look_again().stands("Another box in the parcel").sees(f"Came{stranger}")


def test_the_right_box_may_follow_a_wrong_one(story: Returned, house: House, door: Page) -> None:
    box, stranger = house.box(), house.spare()
    story.open(box).authorised()
    scan(door, story.number)
    scan(door, stranger)

    scan(door, box)

    told(door, f"Received: {story.number}", box)
    story.look_again().stands("Received")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("5901234123457", "Nothing is known as 5901234123457."),
        ("R-999999", "Nothing is known as R-999999."),
        ("<b>'\"&%00", "Nothing is known as <b>'\"&%00."),
    ],
)
def test_an_unknown_code_changes_nothing_and_the_next_one_is_awaited(
    door: Page, code: str, words: str
) -> None:
    scan(door, code)

    told(door, words, "If none is known, put it aside and ask the office.")


def test_a_box_without_a_return_leads_to_opening_one(
    story: Returned, house: House, door: Page
) -> None:
    box = house.box()
    scan(door, box)
    told(door, f"There is no open return for {box}.")

    link = door.get_by_role("link", name="Open a return")
    while not link.evaluate("(found) => found === document.activeElement"):
        door.keyboard.press("Shift+Tab")
    door.keyboard.press("Enter")

    expect(door.get_by_role("heading", level=1)).to_have_text("Open a return")
    expect(door.get_by_label("In the customer's words")).to_be_focused()
    expect(door.get_by_role("main")).to_contain_text(box)


def test_a_place_that_is_chosen_from_the_list_leads_back_to_the_scan(
    story: Returned, house: House
) -> None:
    page = story.visit("/returns/intake", INES)

    place = page.get_by_label("Taken in at")
    place.focus()
    place.select_option(house.bench)

    told(page, "Scan the label of a return, a box, or the tracking number of a parcel.")
    scan(page, "5901234123457")
    told(page, "Nothing is known as 5901234123457.")
    expect(place).to_have_value(house.bench)


def test_a_scan_before_a_place_is_chosen_says_what_is_missing_and_takes_nothing_in(
    story: Returned, house: House
) -> None:
    box = house.box()
    story.open(box).authorised()
    page = story.visit("/returns/intake", INES)

    scan(page, box)

    told(page, "Choose the place where the box is taken in.")
    story.look_again().stands("Authorised")
