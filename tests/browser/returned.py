"""One return as the people at their desks see it: its page, its order's page, and what they do there."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from stb_service.rma.lists import CHECKLIST, PRECHECKS, PRECHECKS_OF
from tests.browser.desk import Desk
from tests.browser.trade import AGENT, INES, PSU, House

PHOTO: Any = {
    "name": "box.png",
    "mimeType": "image/png",
    "buffer": base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
    ),
}
CHECKS = [str(PRECHECKS[code]) for code in PRECHECKS_OF["repair"]]
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
TAX, TAXED = "19", 1.19


def follow(page: Page, press: Callable[[], object]) -> None:
    """Do what leads to another page, and be there."""
    with page.expect_navigation(wait_until="domcontentloaded"):
        press()


def press(page: Page | Locator, name: str) -> None:
    """Press a button that leads to another page."""
    owner = page if isinstance(page, Page) else page.page
    follow(owner, page.get_by_role("button", name=name, exact=True).click)


def go(page: Page, link: str) -> None:
    """Follow a link."""
    follow(page, page.get_by_role("main").get_by_role("link", name=link, exact=True).click)


def fill(form: Page | Locator, values: Mapping[str, str]) -> None:
    """Fill fields in by their labels, as each of them is filled in."""
    for label, value in values.items():
        found = form.get_by_label(label, exact=True)
        if found.evaluate("(field) => field.matches('select')"):
            found.select_option(value)
        else:
            found.fill(value)


def unfold(page: Page, summary: str) -> Locator:
    """Open a part of a page that is folded away, and return it."""
    part = page.locator("details").filter(has=page.locator("summary", has_text=summary))
    if part.get_attribute("open") is None:
        part.locator("summary").click()
    return part


def spread(words: str) -> re.Pattern[str]:
    """Return what finds words one after the other, in several cells of a row."""
    return re.compile(r"[\s\S]*".join(map(re.escape, words.split(" … "))))


def shows(page: Page, *words: str | re.Pattern[str]) -> None:
    """Find words on a page."""
    for word in words:
        expect(page.get_by_role("main")).to_contain_text(word)


class Returned:
    """A story: what is done on the page of the return is done by the agent, and what is done on the
    page of the workshop's order by Ines, unless somebody else is named.
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

    def look_again(self) -> Returned:
        """Let the next page be opened anew, also where somebody stands before it."""
        self._at = ("", "")
        return self

    # --- the return -----------------------------------------------------------------------------

    def open(
        self,
        serial: str,
        component: str = "",
        *,
        by: str = AGENT,
        remedy: str = "Repair and return",
        checked: bool = True,
    ) -> Returned:
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

    def step(self, title: str, *, leads_to: str, by: str = AGENT, **said: str) -> Returned:
        """Make a step on the page of the return, and see where it is then."""
        self._step(self.case_page(by), title, said)
        return self.stands(leads_to, by=by)

    def stands(self, state: str, *, by: str = AGENT) -> Returned:
        """See in which step the return is."""
        expect(self.case_page(by).locator(".stb-badges")).to_contain_text(state)
        return self

    def comes_to(self, state: str) -> Returned:
        """Look at the return until it has come to a step by itself."""
        page = self.case_page()
        badges = page.locator(".stb-badges")
        while state not in badges.inner_text():
            page.reload(wait_until="domcontentloaded")
        return self

    def refused(self, title: str, because: str, *, by: str = AGENT) -> Returned:
        """See that a step is greyed, and that its button says why."""
        self._refused(self.case_page(by), title, because)
        return self

    def turned_down(self, title: str, because: str, *, by: str = AGENT, **said: str) -> Returned:
        """See that a step is refused for what was said with it, which is kept in its form."""
        page = self.case_page(by)
        self._step(page, title, said)
        expect(page.get_by_role("alert")).to_contain_text(because)
        for name, value in said.items():
            expect(page.get_by_label(SAID[name], exact=True).first).to_have_value(value)
        return self

    def again(self, title: str, *, leads_to: str, by: str = AGENT, **said: str) -> Returned:
        """Send the form of a step that was refused, with something else said."""
        page = self.page(by)
        form = page.locator("form", has=page.locator("#field-scanned"))
        fill(form, {SAID[name]: value for name, value in said.items()})
        press(form, title)
        return self.stands(leads_to, by=by)

    def cannot(self, title: str, *, by: str) -> Returned:
        """See that somebody is not offered a step, not even greyed."""
        expect(self.case_page(by).get_by_role("button", name=title, exact=True)).to_have_count(0)
        return self

    def sees(self, *words: str) -> Returned:
        """Let the agent find words on the page of the return."""
        shows(self.case_page(), *words)
        return self

    def checked(self) -> Returned:
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

    def authorised(self) -> Returned:
        """Let the agent authorise the return."""
        return self.step("Authorise the return", leads_to="Authorised")

    def received(self, place: str = "") -> Returned:
        """Let the box come in by a parcel, and Ines scan it at the door and at her bench."""
        self.authorised()
        self.step("Handed to the carrier", leads_to="On its way here", tracking="1Z-IN")
        page = self.visit("/returns/intake", INES)
        fill(page, {"Taken in at": place or self.house.bench})
        self.scan(page, self.serial)
        expect(page.get_by_role("status").first).to_contain_text(f"Received: {self.number}")
        return self.on_bench()

    def scan(self, page: Page, code: str) -> None:
        """Let the scanner type into the field that has the focus, and send Enter."""
        page.keyboard.type(code)
        follow(page, lambda: page.keyboard.press("Enter"))

    def on_bench(self, who: str = INES) -> Returned:
        """Let somebody scan the box in the workshop, which opens its order."""
        page = self.visit("/workshop", who)
        expect(page.get_by_label("Scan", exact=True)).to_be_focused()
        self.scan(page, self.serial)
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text(re.compile(r"^Workshop order W-\d+"))
        self.order = heading.inner_text().removeprefix("Workshop order ")
        self._at = (who, f"/workshop/{self.order}")
        return self

    def state(self, kind: str, note: str = "") -> Returned:
        """Let the agent state something of the case."""
        form = unfold(self.case_page(), "State something")
        form.get_by_label("What", exact=True).select_option(label=kind)
        fill(form, {"Evidence": note})
        press(form, "State it")
        shows(self.case_page(), "The statement is kept.")
        return self

    def keeps(self, serial: str, *, by: str = AGENT) -> Returned:
        """Let somebody keep a box of the shelf for the case."""
        form = unfold(self.case_page(by), "Keep a box for this return")
        fill(form, {"Serial or MAC of a box on the shelf": serial})
        press(form, "Keep it")
        shows(self.case_page(by), "The box is kept for this return.")
        return self

    def replaced(self, serial: str, *, tracking: str) -> Returned:
        """Let the agent approve a replacement, keep a box for it, and send it."""
        self.step("Approve a replacement", leads_to="Replacement approved").keeps(serial)
        self.step("Allocate the replacement", leads_to="Being replaced")
        return self.step("Ship", leads_to="On its way to the customer", tracking=tracking)

    def provisioned(self) -> Returned:
        """Let the agent acknowledge the new box, and that nothing is pinned to the old one."""
        for title in ("It is provisioned", "Pins are released"):
            self._step(self.case_page(), title, {})
        return self

    def on_bench_as(self, serial: str) -> Returned:
        """Let Ines scan another box than the one that was expected."""
        self.serial = serial
        return self.on_bench()

    # --- the order ------------------------------------------------------------------------------

    def work(self, title: str, *, leads_to: str, by: str = INES, **said: str) -> Returned:
        """Make a step on the page of the order, and see where it is then."""
        self._step(self.order_page(by), title, said)
        expect(self.order_page(by).locator(".page-title + div")).to_contain_text(leads_to)
        return self

    def work_refused(self, title: str, because: str, *, by: str = INES) -> Returned:
        """See that a step of the order is greyed, and that its button says why."""
        self._refused(self.order_page(by), title, because)
        return self

    def inspected(
        self, cause: str = "Component failed", *, seen: str = "Seen", photo: bool = False
    ) -> Returned:
        """Let Ines inspect the box: checklist, the fault and its cause, a photograph, the verdict."""
        page = self.order_page()
        go(page, "Inspection")
        press(page, "Begin the inspection")
        for point in CHECKLIST.values():
            choose(page, str(point), "In order")
        self.judge(page, cause, seen=seen, photo=photo)
        return self

    def inspection_refused(self, because: str) -> Returned:
        """See that Ines is told why she judges nothing, and finds nothing to fill in."""
        page = self.order_page()
        go(page, "Inspection")
        shows(page, because)
        expect(page.get_by_role("group", name="Kind of cause")).to_have_count(0)
        self.look_again()
        return self

    def inspected_again(self, cause: str, *, by: str) -> Returned:
        """Let a second inspector judge the fault."""
        page = self.order_page(by)
        go(page, "Inspection")
        shows(page, "Second inspection")
        self.judge(page, cause)
        return self

    def judge(self, page: Page, cause: str, *, seen: str = "Seen", photo: bool = False) -> None:
        """Say what was seen of the fault and what caused it, and state the verdict."""
        choose(page, "Did you see it?", seen)
        choose(page, "Kind of cause", cause)
        if photo:
            page.get_by_label("Take photographs").first.set_input_files(PHOTO)
            expect(page.locator("#photos-1 img")).to_have_count(1)
        page.get_by_role("button", name="Keep and state the verdict").click()
        shows(page, "The verdict is stated.")
        self.look_again()

    def repaired(self, place: str = "") -> Returned:
        """Let Ines repair the box with a power supply, test it, and finish."""
        page = self.order_page()
        unfold(page, "Plan a part").get_by_label("Part number or barcode").focus()
        self.scan(page, PSU)
        expect(page.get_by_role("row").filter(has_text=PSU)).to_contain_text("reserved")
        self.work("Reserve the parts", leads_to="Parts reserved")
        self.work("Begin the repair", leads_to="In repair")
        self._step(page, "Use", {})
        expect(page.get_by_role("row").filter(has_text=PSU)).to_contain_text("1 used")
        self.write("Write time down", {"What was done": "exchange", "Minutes": "30"})
        self.write(
            "Write the firmware down", {"Firmware before": "1.0.0", "Firmware after": "1.1.0"}
        )
        self.work("Test", leads_to="Being tested")
        self.work_refused("Test passed", "No test that the box passed is recorded.")
        self.write("Write a test down", {"What it came to": "yes"})
        return self.work("Test passed", leads_to="Repaired")

    def write(self, what: str, values: Mapping[str, str], button: str = "Write it down") -> None:
        """Write something down on the page of the order."""
        form = unfold(self.order_page(), what)
        fill(form, values)
        press(form, button)

    # --- money ----------------------------------------------------------------------------------

    def quoted(self, amount: str = "50") -> Returned:
        """Let the agent quote the repair, and send the quote."""
        self.step("Make a quote", leads_to="Being quoted")
        page = self.case_page()
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

    def pays(self, amount: str) -> Returned:
        """Let the agent take money, for the quote if there is one."""
        page = self.case_page()
        go(page, "Take a payment")
        fill(page, {"Amount (EUR)": amount, "How it came": "cash"})
        press(page, "Record the payment")
        shows(page, "recorded")
        self.look_again()
        return self

    # --- what is seen in the end ----------------------------------------------------------------

    def ends(self, case: str, order: str) -> Returned:
        """See where both machines have ended."""
        self.look_again()
        self.stands(case)
        shows(self.case_page(), f"{self.order} {order}" if order else "")
        return self

    def ledger(self, *entries: str, balance: str = "owes nothing") -> Returned:
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

    def holds(self, *serials: str) -> Returned:
        """See which boxes the household has now."""
        page = self.visit(f"/accounts/{self.house.account_uid}")
        region = page.get_by_role("region", name="Boxes")
        now = region.get_by_role("row").filter(has=page.get_by_role("cell", name="now", exact=True))
        expect(now).to_have_count(len(serials))
        assert sorted(now.locator(".stb-code").all_inner_texts()) == sorted(serials)
        return self

    def stock(self, place: str, part: str, standing: str) -> Returned:
        """See how many pieces of a part stand at a place, in which condition."""
        page = self.visit("/locations")
        go(page, place)
        row = page.get_by_role("row").filter(has_text=part)
        expect(row.locator("[data-label='Of them']")).to_have_text(standing)
        self.look_again()
        return self

    def card(self, serial: str, status: str, *words: str) -> Returned:
        """See on the card of a box where it is in its life."""
        page = self.visit(f"/devices?text={serial}")
        go(page, serial)
        expect(page.locator(".page-title + div")).to_contain_text(status)
        shows(page, *words)
        self.look_again()
        return self

    def parcels(self, *words: str) -> Returned:
        """See every parcel of the return, the first first."""
        rows = self.case_page().get_by_role("region", name="Parcels").locator("tbody tr")
        expect(rows).to_have_text([spread(row) for row in words])
        return self

    def given_out(self, serial: str, tenure: str) -> Returned:
        """Let the agent give a box to the household."""
        self.card(serial, "Refurbished")
        page = self.page(AGENT)
        go(page, "Give to an account")
        fill(page, {"Account": self.house.account, "Tenure": tenure})
        press(page, "Give it")
        self.look_again()
        return self

    # --- parts ----------------------------------------------------------------------------------

    def _step(self, page: Page, title: str, said: Mapping[str, str]) -> None:
        page.get_by_role("button", name=title, exact=True).click()
        dialog = page.get_by_role("dialog")
        fill(dialog, {SAID[name]: value for name, value in said.items()})
        press(dialog, title)

    def _refused(self, page: Page, title: str, because: str) -> None:
        button = page.get_by_role("button", name=title, exact=True)
        expect(button).to_be_disabled()
        expect(button).to_have_accessible_description(re.compile(re.escape(because)))


def choose(page: Page, question: str, answer: str) -> None:
    """Choose one of a few answers."""
    group = page.get_by_role("group", name=question, exact=True)
    group.get_by_role("radio", name=answer, exact=True).check()
