"""A box in the workshop, as technicians see it: scanned, inspected, repaired, tested."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Self

from playwright.sync_api import Page, expect

from stb_service.rma.lists import CHECKLIST
from tests.browser.hands import choose, fill, go, press, scan, shows, unfold
from tests.browser.story import Story
from tests.browser.trade import INES, PSU

PHOTO: Any = {
    "name": "box.png",
    "mimeType": "image/png",
    "buffer": base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
    ),
}


class Workshop(Story):
    """The part of a story that happens at the bench."""

    def on_bench(self, who: str = INES) -> Self:
        """Let somebody scan the box in the workshop, which opens its order."""
        page = self.visit("/workshop", who)
        expect(page.get_by_label("Scan", exact=True)).to_be_focused()
        scan(page, self.serial)
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text(re.compile(r"^Workshop order W-\d+"))
        self.order = heading.inner_text().removeprefix("Workshop order ")
        self._at = (who, f"/workshop/{self.order}")
        return self

    def on_bench_as(self, serial: str) -> Self:
        """Let Ines scan another box than the one that was expected."""
        self.serial = serial
        return self.on_bench()

    def work(self, title: str, *, leads_to: str, by: str = INES, **said: str) -> Self:
        """Make a step on the page of the order, and see where it is then."""
        self.make(self.order_page(by), title, said)
        return self.works(leads_to, self.order_page(by))

    def work_refused(self, title: str, because: str, *, by: str = INES) -> Self:
        """See that a step of the order is greyed, and that its button says why."""
        self.barred(self.order_page(by), title, because)
        return self

    def inspected(
        self,
        cause: str = "Component failed",
        *,
        seen: str = "Seen",
        photo: bool = False,
        told: str = "",
    ) -> Self:
        """Let Ines inspect the box: checklist, the fault and its cause, a photograph, the verdict."""
        page = self.order_page()
        go(page, "Inspection")
        press(page, "Begin the inspection")
        for point in CHECKLIST.values():
            choose(page, str(point), "In order")
        self.judge(page, cause, seen=seen, photo=photo, told=told)
        return self

    def inspection_refused(self, because: str) -> Self:
        """See that Ines is told why she judges nothing, and finds nothing to fill in."""
        page = self.order_page()
        go(page, "Inspection")
        shows(page, because)
        expect(page.get_by_role("group", name="Kind of cause")).to_have_count(0)
        self.look_again()
        return self

    def inspected_again(self, cause: str, *, by: str) -> Self:
        """Let a second inspector judge the fault."""
        page = self.order_page(by)
        go(page, "Inspection")
        shows(page, "Second inspection")
        self.judge(page, cause)
        return self

    def judge(
        self, page: Page, cause: str, *, seen: str = "Seen", photo: bool = False, told: str = ""
    ) -> None:
        """Say what was seen of the fault and what caused it, and state the verdict."""
        choose(page, "Did you see it?", seen)
        choose(page, "Kind of cause", cause)
        expect(page.locator(".stb-proposal")).to_contain_text(told)
        if photo:
            page.get_by_label("Take photographs").first.set_input_files(PHOTO)
            expect(page.locator("#photos-1 img")).to_have_count(1)
        page.get_by_role("button", name="Keep and state the verdict").click()
        shows(page, "The verdict is stated.")
        self.look_again()

    def repaired(self, place: str = "") -> Self:
        """Let Ines repair the box with a power supply, test it, and finish."""
        page = self.order_page()
        unfold(page, "Plan a part").get_by_label("Part number or barcode").focus()
        scan(page, PSU)
        expect(page.get_by_role("row").filter(has_text=PSU)).to_contain_text("reserved")
        self.work("Reserve the parts", leads_to="Parts reserved")
        self.work("Begin the repair", leads_to="In repair")
        self.make(page, "Use", {})
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
