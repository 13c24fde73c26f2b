"""What is judged of a page as it looks: barriers found by axe, and what hangs over its edge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
# The reader of the API is Swagger UI's own work; the page around it is ours. A framed report runs no
# script, so axe is not sent into it.
EVERYTHING = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
COLOURS = ("color-contrast", "link-in-text-block")
# What is around every page alike: judged on one of them.
FRAME = (".stb-side", ".stb-top")
RUN_AXE = """
async ([rules, others]) => {
  const found = await axe.run(
    { include: [["body"]], exclude: [".swagger-ui", ...others].map((part) => [part]) },
    { iframes: false, preload: { assets: ["media"] }, resultTypes: ["violations"], runOnly: rules });
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.html}`));
}
"""
# An element that ends outside the window and is not inside one that scrolls or clips.
OVERHANGING = """
() => {
  const width = document.documentElement.clientWidth;
  const cut = (element) => {
    for (let up = element; up && up !== document.body; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (up !== element && style.overflowX !== "visible") return true;
      if (style.clipPath !== "none" || style.clip !== "auto" || style.visibility === "hidden")
        return true;
    }
    return false;
  };
  const found = [...document.body.querySelectorAll("*")].filter((element) => {
    const { left, right, width: own, height } = element.getBoundingClientRect();
    return own > 0 && height > 0 && (right > width + 1 || left < -1) && !cut(element);
  });
  const wide = document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : [];
  return [...wide, ...found.slice(0, 5).map((element) => element.outerHTML.slice(0, 160))];
}
"""
# One of our numbers whose halves stand in two lines: it is read out, and copied, as one word.
TORN = r"""
() => {
  const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode())
    for (const number of text.data.matchAll(/\b[A-Z]{1,2}-\d{6}\b(?!\/)/g)) {
      const range = document.createRange();
      range.setStart(text, number.index);
      range.setEnd(text, number.index + number[0].length);
      const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
      if (lines.size > 1) found.push(`${number[0]} in ${text.parentElement.outerHTML}`);
    }
  return found.slice(0, 5);
}
"""
# Two frames after the page has the width and the colours that were asked for, everything is where it
# belongs, and no colour is on its way to another.
STILL = """
([width, scheme]) => new Promise((done) => {
  const settle = () => requestAnimationFrame(() => {
    document.getAnimations().forEach((animation) => animation.cancel());
    done();
  });
  const look = () => window.innerWidth === width
    && (!scheme || document.documentElement.dataset.bsTheme === scheme)
    ? requestAnimationFrame(settle) : requestAnimationFrame(look);
  look();
})
"""
# The reader of the API is drawn by another's hands; as axe leaves it out, it need not walk it either.
WITHOUT_READER = "() => document.querySelectorAll('.swagger-ui').forEach((part) => part.remove())"


def stand(page: Page, width: int, scheme: Literal["light", "dark"] | None = None) -> Page:
    """Let a page stand in a window of this width, in light or dark."""
    page.set_viewport_size({"width": width, "height": 800})
    if scheme is not None:
        page.emulate_media(color_scheme=scheme)
    page.evaluate(STILL, [width, scheme])
    return page


def barriers(
    page: Page, rules: Sequence[str] = EVERYTHING, *, but: Sequence[str] = ()
) -> list[str]:
    """Return what axe calls serious or critical by these rules, or groups of rules, save in parts
    that were judged elsewhere.
    """
    page.evaluate(WITHOUT_READER)
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(RUN_AXE, [list(rules), list(but)])
    return found


def overhang(page: Page) -> list[str]:
    """Return what hangs over the window's left or right edge."""
    found: list[str] = page.evaluate(OVERHANGING)
    return found


def torn(page: Page) -> list[str]:
    """Return numbers of ours that are broken at their hyphen."""
    found: list[str] = page.evaluate(TORN)
    return found
