"""One return as the agent sees it: from the call to the closed case, and the money of it."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from stb_service.rma.lists import PRECHECKS, PRECHECKS_OF
from tests.browser.desk import PATIENCE_MS
from tests.browser.hands import fill, follow, go, press, scan, shows, unfold
from tests.browser.story import SAID
from tests.browser.trade import AGENT, INES
from tests.browser.workshop import Workshop
from tests.live import wait_for

CHECKS = [str(PRECHECKS[code]) for code in PRECHECKS_OF["repair"]]
TAX = "19"


class Returned(Workshop):
    """A whole story."""

    def open(
        self,
        serial: str,
        component: str = "",
        *,
        by: str = AGENT,
        remedy: str = "Repair and return",
        checked: bool = True,
    ) -> Self:
        """Let somebody open a return from the board, and note what was tried before."""
        page = self.visit("/returns", by)
        go(page, "Open a return")
        fill(page, {"Serial or MAC": serial})
        press(page, "Find the box")
        fill(
            page,
            {
                "In the customer's words": "it stays dark",
                "Component of fault 1": component,
                "Symptom of fault 1": "no light",
                "Remedy": remedy,
            },
        )
        if checked:
            self._check(page)
        press(page, "Open the return")
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text(re.compile(r"^R-\d+"))
        self.number, self.serial = heading.inner_text(), serial
        self._at = (by, f"/returns/{self.number}")
        return self

    def step(self, title: str, *, leads_to: str, by: str = AGENT, **said: str) -> Self:
        """Make a step on the page of the return, and see where it is then."""
        self.make(self.case_page(by), title, said)
        return self.stands(leads_to, by=by)

    def comes_to(self, state: str) -> Self:
        """Look at the return again and again until it has come to a step by itself."""
        page = self.case_page()

        def has_come() -> bool:
            page.reload(wait_until="domcontentloaded")
            return state in page.locator(".stb-badges").inner_text()

        wait_for(has_come, seconds=PATIENCE_MS / 1000, what=f"{self.number} comes to “{state}”")
        return self

    def refused(self, title: str, because: str, *, by: str = AGENT) -> Self:
        """See that a step is greyed, and that its button says why."""
        self.barred(self.case_page(by), title, because)
        return self

    def turned_down(self, title: str, because: str, *, by: str = AGENT, **said: str) -> Self:
        """See that a step is refused for what was said with it, which is kept in its form."""
        page = self.case_page(by)
        self.make(page, title, said)
        expect(page.get_by_role("alert")).to_contain_text(because)
        for name, value in said.items():
            expect(page.get_by_label(SAID[name], exact=True).first).to_have_value(value)
        return self

    def again(self, title: str, *, leads_to: str, by: str = AGENT, **said: str) -> Self:
        """Send the form of a step that was refused, with something else said."""
        page = self.page(by)
        form = page.locator("form", has=page.locator("#field-scanned"))
        fill(form, {SAID[name]: value for name, value in said.items()})
        press(form, title)
        return self.stands(leads_to, by=by)

    def cannot(self, title: str, *, by: str) -> Self:
        """See that somebody is not offered a step, not even greyed."""
        expect(self.case_page(by).get_by_role("button", name=title, exact=True)).to_have_count(0)
        return self

    def checked(self) -> Self:
        """Let the agent record what was tried before, on the page of the return."""
        page = self.case_page()
        self._check(page)
        press(page, "Record the checks")
        shows(page, "The checks are recorded.")
        return self

    def _check(self, page: Page) -> None:
        for check in CHECKS:
            row = page.get_by_role("group", name=check, exact=True)
            fill(row, {"What came of it": "done"})

    def authorised(self) -> Self:
        """Let the agent authorise the return."""
        return self.step("Authorise the return", leads_to="Authorised")

    def received(self, place: str = "") -> Self:
        """Let the box come in by a parcel, and Ines scan it at the door and at her bench."""
        self.authorised()
        self.step("Handed to the carrier", leads_to="On its way here", tracking="1Z-IN")
        page = self.visit("/returns/intake", INES)
        fill(page, {"Taken in at": place or self.house.bench})
        scan(page, self.serial)
        expect(page.get_by_role("status").first).to_contain_text(f"Received: {self.number}")
        return self.on_bench()

    def state(self, kind: str, note: str = "") -> Self:
        """Let the agent state something of the case."""
        form = unfold(self.case_page(), "State something")
        form.get_by_label("What", exact=True).select_option(label=kind)
        fill(form, {"Evidence": note})
        press(form, "State it")
        shows(self.case_page(), "The statement is kept.")
        return self

    def keeps(self, serial: str, *, by: str = AGENT) -> Self:
        """Let somebody keep a box of the shelf for the case."""
        form = unfold(self.case_page(by), "Keep a box for this return")
        fill(form, {"Serial or MAC of a box on the shelf": serial})
        press(form, "Keep it")
        shows(self.case_page(by), "The box is kept for this return.")
        return self

    def replaced(self, serial: str, *, tracking: str) -> Self:
        """Let the agent approve a replacement, keep a box for it, and send it."""
        self.step("Approve a replacement", leads_to="Replacement approved").keeps(serial)
        self.step("Allocate the replacement", leads_to="Being replaced")
        return self.step("Ship", leads_to="On its way to the customer", tracking=tracking)

    def provisioned(self) -> Self:
        """Let the agent acknowledge the new box, and that nothing is pinned to the old one."""
        for title in ("It is provisioned", "Pins are released"):
            self.make(self.case_page(), title, {})
        return self

    # --- money ----------------------------------------------------------------------------------

    def quoted(self, amount: str = "50") -> Self:
        """Let the agent quote the repair, and send the quote."""
        self.step("Make a quote", leads_to="Being quoted")
        self.refused("Send the quote", "compare both first")
        page = self.case_page()
        go(page, "Repair or replace")
        fill(page, {"Parts": "0", "Labour": amount})
        press(page, "Keep")
        page = self.look_again().case_page()
        go(page, "Make the quote")
        fill(
            page,
            {
                "Kind of line 1": "labour",
                "Description of line 1": "Repair",
                "Price in line 1": amount,
                "Tax in line 1": TAX,
            },
        )
        press(page, "Make the draft")
        return self.step("Send the quote", leads_to="Quoted")

    def customer(self) -> Page:
        """Return the page of the customer, who signs in nowhere and follows the quote's link."""
        page = self.case_page()
        quote = page.get_by_role("main").get_by_role("link", name=re.compile(r"^Q-\d+")).first
        follow(page, quote.click)
        self.look_again()
        customer = self.desk(None)
        customer.goto(urlsplit(page.locator("#link").inner_text()).path)
        return customer

    def pays(self, amount: str) -> Self:
        """Let the agent take money, for the quote if there is one."""
        page = self.case_page()
        go(page, "Take a payment")
        fill(page, {"Amount (EUR)": amount, "How it came": "cash"})
        press(page, "Record the payment")
        shows(page, "recorded")
        self.look_again()
        return self
