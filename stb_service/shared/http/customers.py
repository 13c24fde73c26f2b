"""Pages for customers, who have not signed in: in the language of their account.

Their templates lie in a folder `customer`, as those of papers do; `_()` there says what the
customers' catalogue has, and money and days are written as that language writes them. What goes
wrong on such a page is said so too.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import g, render_template, request
from markupsafe import Markup

from stb_service.shared.errors import DomainError
from stb_service.shared.http.app import services
from stb_service.shared.i18n import CUSTOMER_LANGUAGES
from stb_service.shared.speech import CustomerText, Speech, customer_text, speech

GONE_ON = customer_text("This is no longer possible. Open the page again to see how things stand.")
REFUSALS: Mapping[str, CustomerText] = {
    "link-ended": customer_text("This link has ended. Ask us for a new one."),
    "link-unknown": customer_text("This link is not valid. Ask us for a new one."),
}
"""What is said of a refusal, by its code; other rooms add those of their own."""
BY_STATUS: Mapping[int, CustomerText] = {
    400: customer_text("The page was open for too long. Load it again and try once more."),
    404: customer_text("There is nothing at this address."),
    405: customer_text("There is nothing at this address."),
    429: customer_text("That was too often. Wait a minute and try again."),
}
OUR_FAULT = customer_text("Something went wrong on our side. Try again in a moment.")


def speak_to(*wished: str | None) -> Speech:
    """Return the first of some languages that customers are spoken to in, else what the browser
    asks for, else the installation's; what goes wrong after this is said in it.
    """
    asked = request.accept_languages.best_match(CUSTOMER_LANGUAGES)
    ways = (*wished, asked, services().settings.language, "en")
    found = speech(next(way for way in ways if way in CUSTOMER_LANGUAGES))
    g.spoken_to = found
    return found


def answer_customers() -> None:
    """Let what goes wrong with this request be told to a customer, not to staff."""
    g.problem_page = _problem_page


def refusal_words(refusal: DomainError, own: Mapping[str, CustomerText]) -> CustomerText:
    """Return what a customer is told of a refusal; `own` is what the room says of its codes."""
    return own.get(refusal.code) or REFUSALS.get(refusal.code) or _by_status(refusal.status)


def customer_page(template: str, said: Speech, **values: Any) -> str:
    """Return a page in the words of one language."""
    return render_template(
        template,
        **values,
        _=_words(said),
        say=said.say,
        day=said.day,
        money=said.money,
        number=lambda milli: said.number(Decimal(milli) / 1000),
        rate=said.rate,
        language=said.language,
        direction=said.direction,
    )


def _words(said: Speech) -> Any:
    """Return `_()` of a template. What is put into a sentence is escaped, the sentence is ours."""

    def words(msgid: str, /, **values: Any) -> Markup:
        return Markup(said.words.gettext(msgid)) % values  # noqa: S704 - our own catalogue

    return words


def _problem_page(problem: Mapping[str, Any]) -> str:
    said: Speech = g.get("spoken_to") or speak_to()
    code = str(problem["type"]).rpartition(":")[2]
    words = REFUSALS.get(code) or _by_status(int(problem["status"]))
    return customer_page("shared/customer/problem.html", said, problem=problem, words=words)


def _by_status(status: int) -> CustomerText:
    return BY_STATUS.get(status) or (OUR_FAULT if status >= 500 else GONE_ON)
