"""Papers to documents: the page in the customer's language, then its PDF where that can be made."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stb_service.shared.documents import barcodes
from stb_service.shared.documents.papers import Paper, clean
from stb_service.shared.documents.press import Unprinted, press
from stb_service.shared.i18n import Text, direction, spoken, text
from stb_service.shared.speech import CustomerText, Speech, speech

log = structlog.get_logger()

PAGES = Path(__file__).parent / "customer"
STYLE = (PAGES / "paper.css").read_text(encoding="utf-8")
PDF, HTML = "application/pdf", "text/html; charset=utf-8"
NOTICE = text(
    "This computer cannot make a PDF of this page. Print it from your browser, without headers and "
    "footers, at 100 %% of its size."
)


@dataclass(frozen=True)
class Document:
    """What is printed, sent or kept. Its bytes are the same for the same paper and language.

    (By the same versions of WeasyPrint, Pango and fonts; a PDF bears no instant and no identifier.)
    """

    content: bytes
    content_type: str
    filename: str

    @property
    def is_pdf(self) -> bool:
        """Whether it came out as it should; else it is the page, to be printed by hand."""
        return self.content_type == PDF


def render(
    paper: Paper, language: str, *, make_pdf: Callable[[str], bytes] | None = None
) -> Document:
    """Return a paper in one of `CUSTOMER_LANGUAGES`.

    Raises:
        KeyError: customers are not spoken to in this language.
    """
    name = f"{paper.name}-{re.sub(r'[^A-Za-z0-9._-]+', '-', paper.case)}-{language}"
    try:
        pdf = (make_pdf or press().print)(page_of(paper, language))
    except Unprinted as reason:
        log.warning("no_pdf", paper=paper.name, language=language, reason=str(reason))
        page = page_of(paper, language, notice=NOTICE)
        return Document(page.encode(), HTML, f"{name}.html")
    return Document(pdf, PDF, f"{name}.pdf")


def page_of(paper: Paper, language: str, *, notice: Text | None = None) -> str:
    """Return a paper as a page of HTML that loads nothing; the notice is for whoever prints it."""
    said = speech(language)
    reader = (spoken() or ("en", ""))[0].replace("_", "-")
    return (
        _environment(said)
        .get_template(f"{paper.name}.html")
        .render(
            paper=paper,
            speech=said,
            notice=notice,
            reader=reader,
            reader_direction=direction(reader),
        )
    )


@cache
def _environment(said: Speech) -> Environment:
    """Return the templates as they speak one language."""
    made = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]
        said.words.gettext, said.words.ngettext, newstyle=True
    )
    made.filters["day"] = said.day
    made.filters["isolated"] = lambda words: _isolated(said, words)
    made.globals.update(
        code128=barcodes.code128,
        qr=barcodes.qr,
        money=said.money,
        number=said.number,
        share=said.share,
        style=STYLE,
    )
    return made


def _isolated(said: Speech, words: CustomerText | str) -> Markup:
    """Return words so that they stand in their own direction, whatever surrounds them."""
    plain = clean(said.say(words))
    return Markup('<bdi dir="{}">{}</bdi>').format(_direction(plain, said.direction), plain)


def _direction(words: str, otherwise: str) -> str:
    """Return the direction of the first letter that has one (Unicode Annex 9, rules P2 and P3)."""
    for letter in words:
        kind = unicodedata.bidirectional(letter)
        if kind in {"L", "R", "AL"}:
            return "ltr" if kind == "L" else "rtl"
    return otherwise
