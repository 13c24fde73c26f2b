"""What a customer sees behind a signed link: the quote, the question once more, and the payment.

Nobody signs in here. The link names the quote and the edition that it was made for; the pages are
in the customer's language.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from stb_service.billing import operations
from stb_service.billing.addresses import checkout_signer, link_of, signing_keys
from stb_service.billing.card import QuoteCard
from stb_service.billing.customer_words import PAID, REFUSALS, STATES, UNPAID
from stb_service.billing.links import Purpose, read_link, signed_values
from stb_service.billing.models import Payment, Quote
from stb_service.billing.notices import Notice, NoticeKind
from stb_service.billing.pages import words
from stb_service.billing.payments.operations import begin_payment, take_notice
from stb_service.billing.payments.queries import payment_by_reference
from stb_service.billing.providers import TEST
from stb_service.billing.queries import quote_by_ref
from stb_service.billing.rules import PaymentState, QuoteState
from stb_service.shared.access import EVERYTHING, Actor, public
from stb_service.shared.errors import Conflict, DomainError, NotFound
from stb_service.shared.http import services, unit
from stb_service.shared.http.customers import (
    answer_customers,
    customer_page,
    refusal_words,
    speak_to,
)
from stb_service.shared.http.pages import see_other
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text

pages = Blueprint("customer_pages", __name__, template_folder="templates")
pages.context_processor(words)
RATE = "30 per minute"
NO_PROVIDER = "none"
NOT_HERE = text("Payments are not taken here.")


@pages.url_value_preprocessor
def _speak(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Let whatever is said from here on, a refusal too, be said to a customer."""
    answer_customers()


def quote_behind(word: str) -> tuple[Quote, int]:
    """Return the quote of a link, and the edition that it was made for.

    Raises:
        NotFound: the link is not valid, or has ended; its customer is told in their language.
    """
    keys = signing_keys()
    _until, found = signed_values(Purpose.QUOTE, word, keys=keys)
    quote = quote_by_ref(unit(), str(found[0]), EVERYTHING)
    speak_to(quote.account.language)
    read_link(Purpose.QUOTE, word, now=request_time(), keys=keys)
    return quote, int(found[1])


def customer_of(quote: Quote) -> Actor:
    """Return who acts through a link: the account, by its number."""
    return Actor("customer", quote.account.public_id, quote.account.number)


def quote_page(template: str, quote: Quote, edition: int, **values: Any) -> str:
    """Return a page about a quote, in its customer's language."""
    said = speak_to(quote.account.language)
    return customer_page(
        template,
        said,
        card=QuoteCard(unit(), quote, EVERYTHING, request_time()),
        quote=quote,
        states=STATES,
        amount=lambda minor: said.money(minor, quote.currency),
        is_current=edition == quote.edition,
        can_pay=services().settings.payment_provider != NO_PROVIDER,
        **values,
    )


def _sections(quote: Quote, word: str) -> list[tuple[str, dict[str, Any]]]:
    """Return what higher rooms show beside a quote: templates with their values."""
    made = (
        (section.template, section.load(unit(), quote.public_id, request_time()))
        for section in services().registries.customer_quote
    )
    return [(template, values | {"word": word}) for template, values in made if values]


def flash_refusal(quote: Quote, refusal: DomainError) -> None:
    """Tell a customer on the next page why something was not done."""
    said = speak_to(quote.account.language)
    flash(said.say(refusal_words(refusal, REFUSALS)), "error")


@pages.after_request
def _private(response: Any) -> Any:
    """Keep what is behind a link out of search engines, and its address from other sites."""
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@pages.get("/q/<word>")
@public
def show_quote(word: str) -> ResponseReturnValue:
    """Show a quote to its customer, and what they may do."""
    quote, edition = quote_behind(word)
    sections = _sections(quote, word)
    return quote_page("billing/customer/quote.html", quote, edition, word=word, sections=sections)


def _answer(word: str, answer: str, act: Callable[..., Any]) -> ResponseReturnValue:
    """Ask once more, and then take the answer."""
    quote, edition = quote_behind(word)
    back = see_other("customer_pages.show_quote", word=word)
    if request.method == "GET":
        card = QuoteCard(unit(), quote, EVERYTHING, request_time())
        if not card.is_open or edition != quote.edition:
            return back
        return quote_page("billing/customer/answer.html", quote, edition, word=word, answer=answer)
    try:
        act(
            unit(),
            ref=quote.public_id,
            edition=edition,
            note="",
            actor=customer_of(quote),
            now=request_time(),
        )
    except Conflict as refusal:
        unit().rollback()
        flash_refusal(quote_behind(word)[0], refusal)
    return back


@pages.route("/q/<word>/accept", methods=["GET", "POST"])
@public
def accept_quote(word: str) -> ResponseReturnValue:
    """Take the customer's yes."""
    return _answer(word, "accept", operations.accept_quote)


@pages.route("/q/<word>/decline", methods=["GET", "POST"])
@public
def decline_quote(word: str) -> ResponseReturnValue:
    """Take the customer's no."""
    return _answer(word, "decline", operations.decline_quote)


@pages.post("/q/<word>/pay")
@public
def pay_quote(word: str) -> ResponseReturnValue:
    """Send the customer to where they pay."""
    quote, _edition = quote_behind(word)
    provider = services().settings.payment_provider
    if provider == NO_PROVIDER:
        raise NotFound(NOT_HERE)
    try:
        checkout = begin_payment(
            unit(),
            ref=quote.public_id,
            provider=provider,
            sign=checkout_signer(),
            actor=customer_of(quote),
            now=request_time(),
        )
    except DomainError as refusal:
        unit().rollback()
        flash_refusal(quote_behind(word)[0], refusal)
        return see_other("customer_pages.show_quote", word=word)
    return redirect(checkout.path, 303)


accept_quote.limits = RATE  # type: ignore[attr-defined]
decline_quote.limits = RATE  # type: ignore[attr-defined]
pay_quote.limits = RATE  # type: ignore[attr-defined]


# --- the pretended bank --------------------------------------------------------------------------


def _payment_behind(word: str) -> Payment:
    if services().settings.payment_provider != TEST:
        raise NotFound(NOT_HERE)
    keys = signing_keys()
    _until, found = signed_values(Purpose.CHECKOUT, word, keys=keys)
    payment = payment_by_reference(unit(), TEST, str(found[0]))
    if payment is None or payment.quote is None:
        raise NotFound(text("There is no such payment."))
    speak_to(payment.account.language)
    read_link(Purpose.CHECKOUT, word, now=request_time(), keys=keys)
    return payment


@pages.route("/pay/test/<word>", methods=["GET", "POST"])
@public
def test_checkout(word: str) -> ResponseReturnValue:
    """Play the bank: the payment succeeds or fails as one chooses, and is told of as any other."""
    payment = _payment_behind(word)
    quote = payment.quote
    assert quote is not None
    if request.method == "GET":
        is_open = payment.state in {PaymentState.AWAITED, PaymentState.FAILED}
        return quote_page(
            *("billing/customer/test_checkout.html", quote, quote.edition),
            payment=payment,
            is_open=is_open,
        )
    kind = NoticeKind.FAILED if "fail" in request.form else NoticeKind.SUCCEEDED
    event_id = f"{payment.reference}:{kind}"
    notice = Notice(event_id, kind, payment.reference, payment.amount_minor, payment.currency)
    fingerprint = hashlib.sha256(event_id.encode()).hexdigest()
    take_notice(unit(), provider=TEST, notice=notice, fingerprint=fingerprint, now=request_time())
    said = speak_to(quote.account.language)
    flash(said.say(PAID if kind is NoticeKind.SUCCEEDED else UNPAID))
    link = link_of(quote)
    assert link is not None or quote.state == QuoteState.SUPERSEDED
    return redirect(link or url_for("customer_pages.test_checkout", word=word), 303)


test_checkout.limits = RATE  # type: ignore[attr-defined]
