"""The pages of payments: the list, a payment, recording money by hand, giving it back."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.billing.ledger.queries import left_of_payment, outstanding
from stb_service.billing.pages import PAGE_SIZE, do, kept_filter, words
from stb_service.billing.payments import operations, queries
from stb_service.billing.payments.queries import PaymentFilter
from stb_service.billing.payments.schemas import (
    PaymentFilterFields,
    PaymentPageForm,
    RefundPageForm,
    ReturnForm,
)
from stb_service.billing.queries import quote_by_ref
from stb_service.billing.routes import who
from stb_service.billing.rules import obstacles_to_refund
from stb_service.shared.access import requires
from stb_service.shared.db import new_public_id
from stb_service.shared.errors import Invalid
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.i18n import text
from stb_service.shared.money import Money, plain_amount, read_amount
from stb_service.subscribers.queries import account_by_uid

pages = Blueprint("payment_pages", __name__, template_folder="../templates")
pages.context_processor(words)


@pages.get("/payments")
@requires("billing.view")
def list_payments() -> ResponseReturnValue:
    """Show the payments: filters in the address, page by page."""
    wanted = PaymentFilter(**kept_filter(PaymentFilterFields()))
    page = queries.payments_page(
        unit(),
        wanted,
        current_actor().scope,
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template("billing/payments.html", page=page, wanted=wanted)


@pages.get("/payments/<ref>")
@requires("billing.view")
def show_payment(ref: str) -> ResponseReturnValue:
    """Show a payment, what it entered in the ledger, and what is left of it."""
    scope = current_actor().scope
    payment = queries.payment_by_ref(unit(), ref, scope)
    left = left_of_payment(unit(), payment.id)
    return render_template(
        "billing/payment.html",
        payment=payment,
        entries=queries.entries_of(unit(), payment, scope),
        left=Money(left, payment.currency),
        obstacles_to_refund=obstacles_to_refund(
            state=payment.state,
            paid_minor=left,
            wanted_minor=1,
            currency=payment.currency,
            of_operator=scope.is_everything,
        ),
    )


@pages.route("/accounts/<uid>/payments/new", methods=["GET", "POST"])
@requires("billing.edit")
def new_payment(uid: str) -> ResponseReturnValue:
    """Record money that was taken by hand, for a quote of the account or for the account."""
    scope = current_actor().scope
    account = account_by_uid(unit(), uid, scope)
    called = request.args.get("quote", "")
    quote = quote_by_ref(unit(), called, scope) if called else None

    def save() -> ResponseReturnValue:
        form = read_form(PaymentPageForm())
        asked = quote_by_ref(unit(), form["quote"], scope) if form["quote"] else None
        if asked is not None and asked.account_id != account.id:
            raise Invalid.field("quote", text("This is the quote of another account."))
        payment = operations.record_payment(
            unit(),
            account="" if asked else uid,
            quote=asked.public_id if asked else "",
            amount_minor=read_amount(form["amount"], account.currency, field="amount"),
            currency=account.currency,
            method=form["method"],
            reference=form["reference"] or form["key"],
            note=form["note"],
            accept_surplus=form["accept_surplus"],
            **who(),
        )
        flash(_("The payment is recorded."))
        return see_other("payment_pages.show_payment", ref=payment.public_id)

    due = outstanding(unit(), quote) if quote else 0
    values = {
        "key": new_public_id(),
        "method": "cash",
        "quote": quote.number if quote else "",
        "amount": plain_amount(due, account.currency) if due else "",
    }
    return form_page("billing/payment_form.html", save, values=values, account=account)


@pages.route("/payments/<ref>/refund", methods=["GET", "POST"])
@requires("billing.edit")
def refund(ref: str) -> ResponseReturnValue:
    """Give money of a payment back."""
    payment = queries.payment_by_ref(unit(), ref, current_actor().scope)
    left, currency = left_of_payment(unit(), payment.id), payment.currency

    def save() -> ResponseReturnValue:
        form = read_form(RefundPageForm())
        amount_minor = read_amount(form.pop("amount"), currency, field="amount")
        operations.refund_payment(unit(), ref=ref, amount_minor=amount_minor, **form, **who())
        flash(_("The refund is recorded."))
        return see_other("payment_pages.show_payment", ref=ref)

    values = {"key": new_public_id(), "amount": plain_amount(left, currency)}
    return form_page("billing/refund_form.html", save, values=values, payment=payment)


@pages.post("/payments/<ref>/return")
@requires("billing.edit")
def return_payment(ref: str) -> ResponseReturnValue:
    """Say that money which was held for review went back."""
    return do(
        lambda: operations.return_held(unit(), ref=ref, **read_form(ReturnForm()), **who()),
        _("The payment is returned."),
        "payment_pages.show_payment",
        ref=ref,
    )
