"""A story of one return: whose pages are open in it, how steps are made, and what it comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

from playwright.sync_api import Page, expect

from tests.browser.desk import Desk
from tests.browser.hands import fill, follow, go, press, shows, spread
from tests.browser.trade import AGENT, INES, House

SAID: Mapping[str, str] = {
    "why": "Why",
    "scanned": "Serial or MAC of the box, scanned",
    "carrier": "Carrier",
    "tracking": "Tracking number",
    "signed_by": "Signed by",
    "place": "Place",
    "fault": "Which faults",
    "note": "Note",
}


class Story:
    """What is done on the page of the return is done by the agent, and what is done on the page of
    the workshop's order by Ines, unless somebody else is named.
    """

    def __init__(self, desk: Desk, house: House) -> None:
        self.desk, self.house = desk, house
        self.number = self.order = self.serial = ""
        self._pages: dict[str, Page] = {}
        self._at: tuple[str, str] = ("", "")

    # --- pages ----------------------------------------------------------------------------------

    def page(self, who: str) -> Page:
        """Return somebody's page."""
        if who not in self._pages:
            self._pages[who] = self.desk(who)
        return self._pages[who]

    def visit(self, address: str, who: str = AGENT) -> Page:
        """Let somebody open a page, unless they stand before it as it is now."""
        page = self.page(who)
        if self._at != (who, address):
            page.goto(address, wait_until="domcontentloaded")
        self._at = (who, address)
        return page

    def case_page(self, who: str = AGENT) -> Page:
        """Return the page of the return."""
        return self.visit(f"/returns/{self.number}", who)

    def order_page(self, who: str = INES) -> Page:
        """Return the page of the box in the workshop."""
        return self.visit(f"/workshop/{self.order}", who)

    def look_again(self) -> Self:
        """Let the next page be opened anew, also where somebody stands before it."""
        self._at = ("", "")
        return self

    # --- steps -----------------------------------------------------------------------------------

    def make(self, page: Page, title: str, said: Mapping[str, str]) -> None:
        """Press the button of a step, say what its dialog asks for, and press it there too."""
        page.get_by_role("button", name=title, exact=True).click()
        dialog = page.get_by_role("dialog")
        fill(dialog, {SAID[name]: value for name, value in said.items()})
        press(dialog, title)

    def barred(self, page: Page, title: str, because: str) -> None:
        """See that a step is greyed, and that its button says why."""
        button = page.get_by_role("button", name=title, exact=True)
        expect(button).to_be_disabled()
        expect(button).to_have_accessible_description(re.compile(re.escape(because)))

    def stands(self, state: str, *, by: str = AGENT) -> Self:
        """See in which step the return is."""
        expect(self.case_page(by).locator(".stb-badges")).to_contain_text(state)
        return self

    def sees(self, *words: str) -> Self:
        """Let the agent find words on the page of the return."""
        shows(self.case_page(), *words)
        return self

    def works(self, state: str, page: Page) -> Self:
        """See in which step the workshop's order is."""
        expect(page.locator(".page-title + div")).to_contain_text(state)
        return self

    # --- what is seen in the end ----------------------------------------------------------------

    def ends(self, case: str, order: str) -> Self:
        """See where both machines have ended: on the page of the return, and on the order's."""
        self.look_again().stands(case)
        shows(self.case_page(), f"{self.order} {order}")
        page = self.case_page()
        follow(page, page.locator("dd").get_by_role("link", name=re.compile(r"^W-")).click)
        shows(page, f"Workshop order {self.order}", f"{self.number} {case}")
        return self.works(order, page).look_again()

    def ledger(self, *entries: str, balance: str = "owes nothing") -> Self:
        """See every entry of the household's ledger, the first first, and what it owes."""
        page = self.visit(f"/accounts/{self.house.account_uid}/ledger")
        rows = page.get_by_role("row").filter(has=page.get_by_role("cell"))
        expect(rows).to_have_count(len(entries))
        for row, words in zip(reversed(rows.all()), entries, strict=True):
            expect(row).to_contain_text(spread(words))
        if entries:
            shows(page, balance)
        else:
            shows(page, "No entries yet")
        return self

    def holds(self, *serials: str) -> Self:
        """See which boxes the household has now."""
        page = self.visit(f"/accounts/{self.house.account_uid}")
        region = page.get_by_role("region", name="Boxes")
        now = region.get_by_role("row").filter(has=page.get_by_role("cell", name="now", exact=True))
        expect(now).to_have_count(len(serials))
        assert sorted(now.locator(".stb-code").all_inner_texts()) == sorted(serials)
        return self

    def stock(self, place: str, part: str, standing: str) -> Self:
        """See how many pieces of a part stand at a place, in which condition; or that none does."""
        page = self.visit("/locations")
        go(page, place)
        row = page.get_by_role("row").filter(has_text=part)
        if standing:
            expect(row.locator("[data-label='Of them']")).to_have_text(standing)
        else:
            expect(row).to_have_count(0)
        self.look_again()
        return self

    def card(self, serial: str, status: str, *words: str) -> Self:
        """See on the card of a box where it is in its life."""
        page = self.visit(f"/devices?text={serial}")
        go(page, serial)
        expect(page.locator(".page-title + div")).to_contain_text(status)
        shows(page, *words)
        self.look_again()
        return self

    def parcels(self, *words: str) -> Self:
        """See every parcel of the return, the first first."""
        rows = self.case_page().get_by_role("region", name="Parcels").locator("tbody tr")
        expect(rows).to_have_text([spread(row) for row in words])
        return self

    def given_out(self, serial: str, tenure: str) -> Self:
        """Let the agent give a box to the household."""
        self.card(serial, "Refurbished")
        page = self.page(AGENT)
        go(page, "Give to an account")
        fill(page, {"Account": self.house.account, "Tenure": tenure})
        press(page, "Give it")
        self.look_again()
        return self

    def booked_out(self, serial: str, place: str) -> Self:
        """Let the agent book a box that the household has out of stock."""
        page = self.visit("/locations")
        go(page, place)
        go(page, "Move")
        fill(page, {"Scan": serial, "To": "CUSTOMER"})
        press(page, "Move")
        return self.look_again()
