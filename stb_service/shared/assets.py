"""Bring third-party front-end files to where the app serves them, and compile the catalogues.

`python -m stb_service.shared.assets` copies what the pages need from `node_modules` to
`static/vendor/` (not committed) and builds one sprite of the icons named here.
`python -m stb_service.shared.assets extract` brings the catalogues up to date with the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

SHARED = Path(__file__).parent
ROOT = SHARED.parent.parent
VENDOR = SHARED / "static" / "vendor"
LOCALE = SHARED / "locale"

FILES = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.rtl.min.css": "@tabler/core/dist/css/tabler.rtl.min.css",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
}

ICON_NAMES = """
activity adjustments affiliate alert-circle alert-triangle antenna api apps archive arrow-back-up
arrow-down arrow-left arrow-right arrow-up arrows-shuffle ban barcode bell book bug building
building-store building-warehouse calendar chart-bar chart-line check checklist chevron-down
chevron-left chevron-right chevron-up chevrons-left circle circle-check circle-dashed circle-x
clipboard-check clipboard-list clock clock-pause cloud-upload code coin copy cpu credit-card
dashboard database device-desktop device-remote device-tv devices disc dots dots-vertical download
edit external-link eye file file-check file-description file-download file-export file-import
file-text file-upload filter flask git-compare git-merge hand-stop hash headset heart-rate-monitor
help-circle history home hourglass id inbox info-circle key language layout-dashboard link list
list-check loader lock lock-open logout mail map-pin menu-2 message minus moon network notes
package packages paperclip phone player-pause player-play player-stop plug plus power progress
puzzle question-mark receipt recycle refresh repeat report report-analytics rocket rotate route
router scan school search send server settings shield shield-check shield-lock shopping-cart
sitemap sort-ascending sort-descending stack-2 star sun switch-horizontal tag tags test-pipe
ticket tool tools trash trending-down trending-up truck upload user user-circle user-plus users
users-group versions video wifi wifi-off world x
"""

Keywords = dict[str, tuple[int | tuple[int, int] | tuple[int, str], ...] | None]
KEYWORDS: Keywords = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "text": None,
}
IN_CUSTOMERS_PAGES: Keywords = {"_": None, "ngettext": (1, 2)}
IN_CUSTOMERS_CODE: Keywords = {"customer_text": None}
PACKAGES = ("stb_service", "firmware")
SOURCE_MAP = re.compile(rb"\n?(?:/\*# sourceMappingURL=\S+ \*/|//# sourceMappingURL=\S+)\s*$")
SVG_INSIDE = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


def copy_files(modules: Path, target: Path) -> None:
    """Copy the files, without the comment that makes browsers ask for a source map."""
    target.mkdir(parents=True, exist_ok=True)
    for name, source in FILES.items():
        data = SOURCE_MAP.sub(b"\n", (modules / source).read_bytes())
        _write(target / name, data)
    _write(target / "icons.svg", build_sprite(modules).encode())


def build_sprite(modules: Path) -> str:
    """Return one SVG with a symbol for each icon, drawn in the colour of its text."""
    folder = modules / "@tabler" / "icons" / "icons" / "outline"
    symbols = []
    for name in ICON_NAMES.split():
        found = SVG_INSIDE.search((folder / f"{name}.svg").read_text(encoding="utf-8"))
        assert found is not None, name
        inside = re.sub(r"\s+", " ", found.group(1)).strip()
        inside = inside.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" /> ', "")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{inside}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _write(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)


def compile_catalogues(locale: Path = LOCALE) -> None:
    """Compile every `.po` to the `.mo` beside it."""
    for source in locale.glob("*/LC_MESSAGES/*.po"):
        with source.open("rb") as file:
            catalogue = read_po(file)
        with source.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)


@cache
def extract_messages(root: Path = ROOT) -> Catalog:
    """Return every text of the code and the templates that staff read."""
    with (root / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    return _catalogue(_found(root, methods, KEYWORDS, options))


@cache
def extract_customers(root: Path = ROOT) -> Catalog:
    """Return every text that customers read: of templates in a folder `customer`, and of code."""
    pages = _found(root, [("**/customer/**.html", "jinja2")], IN_CUSTOMERS_PAGES)
    code = _found(root, [("**.py", "python")], IN_CUSTOMERS_CODE)
    return _catalogue(pages, code)


def _found(
    root: Path, methods: list[tuple[str, str]], keywords: Keywords, options: Any = None
) -> Iterator[tuple[Any, ...]]:
    for package in PACKAGES:
        for path, *found in extract_from_dir(root / package, methods, options, keywords=keywords):
            yield (f"{package}/{path}", *found)


def _catalogue(*sources: Iterator[tuple[Any, ...]]) -> Catalog:
    catalogue = Catalog(project="stb-service")
    for found in sources:
        for path, line, message, comments, context in found:
            catalogue.add(message, None, [(path, line)], auto_comments=comments, context=context)
    return catalogue


@dataclass(frozen=True)
class Domain:
    """The texts for one kind of reader, in a catalogue for each language."""

    name: str
    extract: Callable[[Path], Catalog]

    def file(self, language: str, locale: Path) -> Path:
        """Return where the catalogue of a language lies."""
        return locale / language / "LC_MESSAGES" / f"{self.name}.po"


STAFF = Domain("messages", extract_messages)
CUSTOMERS = Domain("customer", extract_customers)


def update_catalogues(root: Path = ROOT, locale: Path = LOCALE) -> None:
    """Bring every `.po` up to date with the code; nothing is guessed."""
    for domain in (STAFF, CUSTOMERS):
        template = domain.extract(root)
        for source in locale.glob(f"*/LC_MESSAGES/{domain.name}.po"):
            with source.open("rb") as file:
                catalogue = read_po(file, locale=source.parent.parent.name)
            catalogue.update(template, no_fuzzy_matching=True)
            with source.open("wb") as file:
                write_po(file, catalogue, width=100, ignore_obsolete=True, include_lineno=False)


def untranslated(
    language: str, root: Path = ROOT, locale: Path = LOCALE, domain: Domain = STAFF
) -> list[str]:
    """Return the texts of the code that a catalogue lacks."""
    with domain.file(language, locale).open("rb") as file:
        known = read_po(file, locale=language)
    missing = []
    for message in domain.extract(root):
        translated = known.get(message.id, message.context) if message.id else None
        if message.id and (translated is None or not _is_filled(translated.string)):
            missing.append(str(message.id))
    return missing


def _is_filled(words: str | list[str] | tuple[str, ...] | None) -> bool:
    return all(words) if isinstance(words, (list, tuple)) else bool(words)


def main(arguments: list[str]) -> int:
    """Do what the command line asks."""
    if arguments[:1] == ["extract"]:
        update_catalogues()
        return 0
    modules = ROOT / "node_modules"
    if not modules.is_dir():
        sys.stderr.write("node_modules is missing: run `npm ci --ignore-scripts` first\n")
        return 1
    copy_files(modules, VENDOR)
    compile_catalogues()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
