"""The pages of quotes and of the ledger: lists, a quote with its lines, and their forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _
from marshmallow import EXCLUDE

from stb_service.billing import operations, queries
from stb_service.billing.addresses import link_of
from stb_service.billing.ledger import queries as ledger
from stb_service.billing.ledger.operations import charge_account, credit_account, typed_key
from stb_service.billing.payments.queries import payments_of_quote
from stb_service.billing.providers import provider_name
from stb_service.billing.queries import QuoteFilter
from stb_service.billing.routes import card_of, kept, operators_zone, who
from stb_service.billing.rules import (
    CAUSE_NAMES,
    CREDITS,
    ENTRY_KIND_NAMES,
    FEES,
    LINE_KIND_NAMES,
    METHOD_NAMES,
    PAYMENT_STATE_COLOURS,
    PAYMENT_STATE_NAMES,
    QUOTE_STATE_COLOURS,
    QUOTE_STATE_NAMES,
    SUBJECT_KIND_NAMES,
    Line,
)
from stb_service.billing.schemas import (
    AnswerPageForm,
    ExtendForm,
    NewQuoteForm,
    PostingPageForm,
    QuoteFilterFields,
    QuoteForm,
    WithdrawalForm,
)
from stb_service.shared.access import requires
from stb_service.shared.db import new_public_id
from stb_service.shared.errors import DomainError, Invalid, NotFound
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.i18n import text
from stb_service.shared.money import plain_amount, plain_decimal, read_amount, read_decimal
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import account_by_number, account_by_uid

pages = Blueprint("billing_pages", __name__, template_folder="templates")
PAGE_SIZE = 50
SPARE_LINES = 3
LINE_FIELDS = ("kind", "description", "quantity", "unit", "tax")
QUANTITY_PLACES, PERCENT_PLACES = 3, 4


def words() -> dict[str, Any]:
    """Return the names that templates of this room use."""
    return {
        "quote_state_names": QUOTE_STATE_NAMES,
        "quote_state_colours": QUOTE_STATE_COLOURS,
        "line_kind_names": LINE_KIND_NAMES,
        "entry_kind_names": ENTRY_KIND_NAMES,
        "cause_names": CAUSE_NAMES,
        "payment_state_names": PAYMENT_STATE_NAMES,
        "payment_state_colours": PAYMENT_STATE_COLOURS,
        "method_names": METHOD_NAMES,
        "subject_kind_names": SUBJECT_KIND_NAMES,
        "provider_name": provider_name,
        "format_date": lambda day: format_date(day, "d MMM y"),  # as instants are written
        "format_quantity": lambda milli: plain_decimal(milli, QUANTITY_PLACES),
        "format_percent": lambda ppm: plain_decimal(ppm, PERCENT_PLACES),
        "of_operator": lambda: current_actor().scope.is_everything,
    }


pages.context_processor(words)


def kept_filter(schema: Any) -> dict[str, Any]:
    """Return the filter in the address; a part that cannot be read is left out."""
    given = {name: value for name, value in request.args.items() if value.strip()}
    wrong = set(schema.validate(given, partial=True)) & set(given)
    kept = {name: value for name, value in given.items() if name not in wrong}
    found: dict[str, Any] = schema.load(kept, unknown=EXCLUDE)
    return found


@pages.get("/quotes")
@requires("billing.view")
def list_quotes() -> ResponseReturnValue:
    """Show the quotes: filters in the address, page by page."""
    wanted = QuoteFilter(**kept_filter(QuoteFilterFields()))
    page = queries.quotes_page(
        unit(),
        wanted,
        current_actor().scope,
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template("billing/quotes.html", page=page, wanted=wanted)


@pages.get("/quotes/<ref>")
@requires("billing.view")
def show_quote(ref: str) -> ResponseReturnValue:
    """Show a quote: its lines and sums, how it moved, what was paid, and the customer's link."""
    card = card_of(ref)
    return render_template(
        "billing/quote.html",
        card=card,
        quote=card.quote,
        link=link_of(card.quote),
        payments=payments_of_quote(unit(), card.quote, current_actor().scope),
    )


# --- the form of a quote -------------------------------------------------------------------------


def typed_rows() -> list[tuple[str, ...]]:
    """Return the rows of lines as they were posted; a column that is shorter is filled up."""
    columns = [request.form.getlist(f"line_{name}") for name in LINE_FIELDS]
    return list(zip_longest(*columns, fillvalue=""))


def typed_lines(currency: str) -> list[Line]:
    """Return the lines of the posted form; rows without a description are left out.

    Raises:
        Invalid: a row cannot be read; the message says which.
    """
    lines = []
    for number, row in enumerate(typed_rows(), start=1):
        kind, description, quantity, unit_price, tax = (part.strip() for part in row)
        if not (description or unit_price):
            continue
        quantity_milli = read_decimal(quantity or "1", QUANTITY_PLACES)
        tax_ppm = read_decimal(tax or "0", PERCENT_PLACES)
        if not description or quantity_milli is None or tax_ppm is None:
            message = text("Line %(n)s needs a description, a quantity and a tax rate.", n=number)
            raise Invalid.field("lines", message)
        try:
            price = read_amount(unit_price, currency, field="lines")
        except Invalid as refusal:
            message = text("Line %(n)s: %(why)s", n=number, why=refusal.detail)
            raise Invalid.field("lines", message) from refusal
        lines.append(Line(kind, description, quantity_milli, price, tax_ppm))
    return lines


def shown_rows(lines: Sequence[Line], currency: str) -> list[tuple[str, ...]]:
    """Return the rows that the form shows: what was typed, or the lines, and some to spare."""
    if request.method == "POST":
        rows = [row for row in typed_rows() if row[1] or row[3]]
    else:
        rows = [
            (
                line.kind,
                line.description,
                plain_decimal(line.quantity_milli, QUANTITY_PLACES),
                plain_amount(line.unit_minor, currency),
                plain_decimal(line.tax_ppm, PERCENT_PLACES),
            )
            for line in lines
        ]
    return [*rows, *[("labour", "", "", "", "")] * SPARE_LINES]


def _discount(form: Mapping[str, Any], currency: str) -> int:
    return read_amount(form["discount"] or "0", currency, field="discount")


def _quote_fields(form: Mapping[str, Any], currency: str) -> dict[str, Any]:
    given = {name: form[name] for name in ("title", "notes", "valid_until_on") if name in form}
    given["discount_minor"] = _discount(form, currency)
    return {**given, "lines": typed_lines(currency)}


def _account_called(called: str) -> Account:
    try:
        return account_by_number(unit(), called, current_actor().scope)
    except NotFound as refusal:
        raise Invalid.field("account", refusal.detail) from refusal


@pages.route("/quotes/new", methods=["GET", "POST"])
@requires("billing.edit")
def new_quote() -> ResponseReturnValue:
    """Begin a quote."""

    def save() -> ResponseReturnValue:
        form = read_form(NewQuoteForm())
        account = _account_called(form["account"])
        quote = operations.create_quote(
            unit(),
            account=account.public_id,
            zone=operators_zone(),
            **_quote_fields(form, account.currency),
            **who(),
        )
        flash(_("Quote %(number)s is begun.", number=quote.number))
        return see_other("billing_pages.show_quote", ref=quote.public_id)

    return form_page(
        "billing/quote_form.html",
        save,
        values={"account": request.args.get("account", "")},
        quote=None,
        rows=shown_rows([], ""),
    )


@pages.route("/quotes/<ref>/edit", methods=["GET", "POST"])
@requires("billing.edit")
def edit_quote(ref: str) -> ResponseReturnValue:
    """Change a draft."""
    quote = card_of(ref).quote
    currency = quote.currency

    def save() -> ResponseReturnValue:
        fields = _quote_fields(read_form(QuoteForm()), currency)
        operations.change_quote(unit(), ref=ref, **fields, **kept())
        flash(_("The quote is changed."))
        return see_other("billing_pages.show_quote", ref=ref)

    values = {
        "title": quote.title,
        "notes": quote.notes,
        "valid_until_on": quote.valid_until_on,
        "discount": plain_amount(quote.discount_minor, currency) if quote.discount_minor else "",
    }
    return form_page(
        "billing/quote_form.html",
        save,
        values=values,
        quote=quote,
        rows=shown_rows([line.as_line for line in quote.lines], currency),
    )


# --- what is done with a quote -------------------------------------------------------------------


def do(act: Callable[[], Any], done: str, endpoint: str, **values: Any) -> ResponseReturnValue:
    """Carry out what a button asks for; a refusal is told on the page that it is on."""
    try:
        act()
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        flash(str(refusal), "error")
    else:
        flash(done)
    return see_other(endpoint, **values)


def _do(ref: str, act: Callable[[], Any], done: str) -> ResponseReturnValue:
    return do(act, done, "billing_pages.show_quote", ref=ref)


@pages.post("/quotes/<ref>/send")
@requires("billing.edit")
def send_quote(ref: str) -> ResponseReturnValue:
    """Make a draft binding."""
    return _do(
        ref,
        lambda: operations.send_quote(unit(), ref=ref, **kept()),
        _("The quote is sent: give its link to the customer."),
    )


@pages.post("/quotes/<ref>/accept")
@requires("billing.edit")
def accept_quote(ref: str) -> ResponseReturnValue:
    """Take the customer's yes."""
    return _do(
        ref,
        lambda: operations.accept_quote(unit(), ref=ref, **read_form(AnswerPageForm()), **kept()),
        _("The quote is accepted."),
    )


@pages.post("/quotes/<ref>/decline")
@requires("billing.edit")
def decline_quote(ref: str) -> ResponseReturnValue:
    """Take the customer's no."""
    return _do(
        ref,
        lambda: operations.decline_quote(unit(), ref=ref, **read_form(AnswerPageForm()), **kept()),
        _("The quote is declined."),
    )


@pages.post("/quotes/<ref>/withdraw")
@requires("billing.edit")
def withdraw_quote(ref: str) -> ResponseReturnValue:
    """Take a quote back."""
    return _do(
        ref,
        lambda: operations.withdraw_quote(unit(), ref=ref, **read_form(WithdrawalForm()), **kept()),
        _("The quote is withdrawn."),
    )


@pages.post("/quotes/<ref>/extend")
@requires("billing.edit")
def extend_quote(ref: str) -> ResponseReturnValue:
    """Give a sent quote another last day."""
    return _do(
        ref,
        lambda: operations.extend_quote(unit(), ref=ref, **read_form(ExtendForm()), **who()),
        _("The quote is valid for longer: give its new link to the customer."),
    )


@pages.post("/quotes/<ref>/revise")
@requires("billing.edit")
def revise_quote(ref: str) -> ResponseReturnValue:
    """Begin a quote that takes this one's place once it is sent."""
    try:
        quote = operations.revise_quote(unit(), ref=ref, **kept())
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        flash(str(refusal), "error")
        return see_other("billing_pages.show_quote", ref=ref)
    return see_other("billing_pages.edit_quote", ref=quote.public_id)


# --- the ledger ----------------------------------------------------------------------------------


@pages.get("/accounts/<uid>/ledger")
@requires("billing.view")
def show_ledger(uid: str) -> ResponseReturnValue:
    """Show what an account owes and every entry that it comes from."""
    scope = current_actor().scope
    account = account_by_uid(unit(), uid, scope)
    page = ledger.entries_page(
        unit(), account, scope, cursor=request.args.get("cursor"), limit=PAGE_SIZE
    )
    return render_template(
        "billing/ledger.html",
        account=account,
        balances=ledger.balances(unit(), account, scope),
        page=page,
    )


def _posting_page(uid: str, kind: str) -> ResponseReturnValue:
    account = account_by_uid(unit(), uid, current_actor().scope)
    currency = account.currency

    def save() -> ResponseReturnValue:
        form = read_form(PostingPageForm())
        minor = read_amount(form["amount"], currency, field="amount")
        common = {name: form[name] for name in ("cause", "reason")}
        common |= {
            "key": typed_key(uid, form["key"]),
            "account": uid,
            "currency": currency,
            **who(),
        }
        if kind == "charge":
            tax_ppm = read_decimal(form["tax"] or "0", PERCENT_PLACES)
            if tax_ppm is None:
                raise Invalid.field("tax", text("A rate in per cent, such as 19 or 8.875."))
            charge_account(
                unit(), net_minor=minor, tax_ppm=tax_ppm, zone=operators_zone(), **common
            )
            flash(_("The account is charged."))
        else:
            credit_account(unit(), amount_minor=minor, **common)
            flash(_("The account is credited."))
        return see_other("billing_pages.show_ledger", uid=uid)

    causes = FEES if kind == "charge" else CREDITS
    return form_page(
        "billing/posting_form.html",
        save,
        values={"key": new_public_id()},
        account=account,
        kind=kind,
        causes=[(cause.value, str(CAUSE_NAMES[cause])) for cause in causes],
    )


@pages.route("/accounts/<uid>/ledger/charge", methods=["GET", "POST"])
@requires("billing.edit")
def charge(uid: str) -> ResponseReturnValue:
    """Charge an account."""
    return _posting_page(uid, "charge")


@pages.route("/accounts/<uid>/ledger/credit", methods=["GET", "POST"])
@requires("billing.edit")
def credit(uid: str) -> ResponseReturnValue:
    """Credit an account."""
    return _posting_page(uid, "credit")
