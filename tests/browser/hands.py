"""What hands do on any page, and what eyes find there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from playwright.sync_api import Locator, Page, expect


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


def choose(page: Page, question: str, answer: str) -> None:
    """Choose one of a few answers."""
    group = page.get_by_role("group", name=question, exact=True)
    group.get_by_role("radio", name=answer, exact=True).check()


def scan(page: Page, code: str) -> None:
    """Let the scanner type into the field that has the focus, and send Enter; a person scans when
    the page is there.
    """
    page.wait_for_function("() => document.activeElement.matches('input')")
    page.keyboard.type(code)
    follow(page, lambda: page.keyboard.press("Enter"))
