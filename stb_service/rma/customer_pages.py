"""What a customer does about a return behind the link of its quote: choose another box instead.

Beside the quote of a repair stand the prices of a new and of a refurbished box, each with the day
until which it is supported. To choose the repair is to accept the quote.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from stb_service.billing.card import QuoteCard
from stb_service.billing.customer_pages import customer_of, flash_refusal, quote_behind, quote_page
from stb_service.billing.queries import quote_by_ref
from stb_service.rma.answers import choose_other
from stb_service.rma.beside import OTHERS, newest_comparison
from stb_service.rma.cases import CaseState
from stb_service.rma.choosing import case_of_quote, ways_of
from stb_service.rma.comparison import Choice
from stb_service.rma.cover_words import OPERATORS, told_of
from stb_service.rma.facts import Remedy
from stb_service.rma.models import Fault, ReturnCase
from stb_service.shared.access import EVERYTHING, public
from stb_service.shared.documents.papers import Choice as Way
from stb_service.shared.errors import Conflict
from stb_service.shared.http import unit
from stb_service.shared.http.customers import answer_customers, speak_to
from stb_service.shared.http.pages import see_other
from stb_service.shared.http.unit import request_time
from stb_service.shared.registries import CustomerSection
from stb_service.shared.speech import CustomerText, customer_text

pages = Blueprint("customer_choices", __name__, template_folder="templates")
CHOICES: Mapping[str, CustomerText] = {
    Choice.REPAIR: customer_text("Repair as quoted"),
    Choice.REFURBISHED: customer_text("Refurbished box"),
    Choice.NEW: customer_text("New box"),
}
ASKED: Mapping[str, CustomerText] = {
    Choice.REFURBISHED: customer_text("Choose the refurbished box"),
    Choice.NEW: customer_text("Choose the new box"),
}
KEPT = customer_text("We have noted your choice and will send you a quote for the other box.")
RATE = "30 per minute"


def beside_quote(session: Session, uid: str, now: datetime) -> dict[str, Any]:
    """Return what stands beside the quote of a repair, for its customer; nothing where none does."""
    quote = quote_by_ref(session, uid, EVERYTHING)
    found = case_of_quote(session, quote)
    if found is None or found[1].remedy != Remedy.REPAIR:
        return {}
    case, _link = found
    ways, kept = ways_of(session, case, quote), newest_comparison(session, case)
    if len(ways) < 2 or kept is None:
        return {}
    is_open = (
        QuoteCard(session, quote, EVERYTHING, now).is_open
        and case.state == CaseState.QUOTED
        and not case.held
    )
    return {
        "ways": ways,
        "choices": CHOICES,
        "asked": ASKED,
        "chosen": kept.choice if not is_open else "",
        "is_open": is_open,
    }


def cover_of_quote(session: Session, uid: str, now: datetime) -> dict[str, Any]:
    """Return what the warranty gave the box of a quote, for its customer."""
    found = case_of_quote(session, quote_by_ref(session, uid, EVERYTHING))
    return cover_of_case(session, found[0]) if found else {}


def cover_of_case(session: Session, case: ReturnCase) -> dict[str, Any]:
    """Return what the warranty gave each fault of a case, and why."""
    rows = select(Fault).where(Fault.case_id == case.id).order_by(Fault.number)
    faults = session.scalars(rows.options(joinedload(Fault.decision))).all()
    told = [] if case.is_rented else told_of(faults)
    return {"told": told, "operators": OPERATORS if case.is_rented else None}


COVER = CustomerSection("rma/customer/cover.html", cover_of_quote)
BESIDE_QUOTE = CustomerSection("rma/customer/ways.html", beside_quote)


@pages.url_value_preprocessor
def _speak(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Let whatever is said from here on be said to a customer."""
    answer_customers()


@pages.route("/q/<word>/choose/<choice>", methods=["GET", "POST"])
@public
def choose(word: str, choice: str) -> ResponseReturnValue:
    """Ask once more, and then keep the choice."""
    quote, edition = quote_behind(word)
    back = see_other("customer_pages.show_quote", word=word)
    if request.method == "GET":
        shown = beside_quote(unit(), quote.public_id, request_time())
        way = _way(shown, choice)
        if way is None or not shown["is_open"] or edition != quote.edition:
            return back
        values = {"way": way, "choices": CHOICES, "asked": ASKED, "word": word}
        return quote_page("rma/customer/choose.html", quote, edition, **values)
    try:
        choose_other(
            unit(),
            quote=quote,
            edition=edition,
            choice=choice,
            actor=customer_of(quote),
            now=request_time(),
        )
    except Conflict as refusal:
        unit().rollback()
        flash_refusal(quote_behind(word)[0], refusal)
    else:
        flash(speak_to(quote.account.language).say(KEPT))
    return back


def _way(shown: Mapping[str, Any], choice: str) -> Way | None:
    ways = (way for way in shown.get("ways", ()) if way.kind == choice and choice in OTHERS)
    return next(ways, None)


choose.limits = RATE  # type: ignore[attr-defined]
