"""The API of payments, and where providers send their notices."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import request

from stb_service.billing.ledger.queries import left_of_payment
from stb_service.billing.models import Payment
from stb_service.billing.notices import Notice, check_signature
from stb_service.billing.payments import operations, queries, schemas
from stb_service.billing.payments.queries import PaymentFilter
from stb_service.billing.routes import Answer, who
from stb_service.shared.access import public, requires
from stb_service.shared.errors import Unauthenticated
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import api_blueprint, check_if_match, etag
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text

View = TypeVar("View", bound=Callable[..., Any])
api = api_blueprint("payments", "Payments, refunds, and notices of payment providers.")


def _card(payment: Payment, status: int = 200) -> Answer:
    unit().flush()
    names = [name for name in schemas.PaymentSchema().fields if name != "id"]
    values = {name: getattr(payment, name) for name in ("public_id", *names)}
    values["left_minor"] = left_of_payment(unit(), payment.id)
    return values, status, {"ETag": etag(payment)}


def _payment(ref: str) -> Payment:
    return queries.payment_by_ref(unit(), ref, current_actor().scope)


@api.route("/payments", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.PaymentsArguments, location="query")
@api.response(200, schemas.PaymentsSchema)
@requires("billing.view")
def list_payments(arguments: dict[str, Any]) -> Any:
    """List the payments of the caller's scope, the newest first. `text` is a reference or a quote's
    number.
    """
    page = {name: arguments.pop(name) for name in ("cursor", "limit")}
    return queries.payments_page(unit(), PaymentFilter(**arguments), current_actor().scope, **page)


@api.route("/payments", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.NewPayment)
@api.response(201, schemas.PaymentCardSchema)
@requires("billing.edit")
def create_payment(body: dict[str, Any]) -> Answer:
    """Record money that was taken by hand: 201; 409 where the reference is known, or where it is
    more than is due and `accept_surplus` is not said.
    """
    return _card(operations.record_payment(unit(), **body, **who()), 201)


@api.route("/payments/<string:payment_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.PaymentCardSchema)
@requires("billing.view")
def get_payment(payment_id: str) -> Answer:
    """Return a payment and what is left of it."""
    return _card(_payment(payment_id))


@api.route("/payments/<string:payment_id>/refunds", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.RefundForm)
@api.response(201, schemas.PaymentCardSchema)
@requires("billing.edit")
def create_refund(body: dict[str, Any], payment_id: str) -> Answer:
    """Give money back: 201 with the payment; 409 where less is left of it."""
    check_if_match(_payment(payment_id))
    return _card(operations.refund_payment(unit(), ref=payment_id, **body, **who()), 201)


@api.route("/payments/<string:payment_id>/return", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.ReturnForm)
@api.response(200, schemas.PaymentCardSchema)
@requires("billing.edit")
def return_payment(body: dict[str, Any], payment_id: str) -> Answer:
    """Say that money which was held for review went back."""
    check_if_match(_payment(payment_id))
    return _card(operations.return_held(unit(), ref=payment_id, **body, **who()))


def check_notice(provider: str) -> None:
    """Refuse a notice that the provider's secrets did not sign.

    Raises:
        Unauthenticated: it was not signed so, or no secret of this provider is set.
    """
    secrets = services().settings.payment_secrets.get(provider, ())
    if not secrets:
        message = text("No secret is set for this provider.")
        raise Unauthenticated(message, code="signature")
    header = request.headers.get("STB-Signature", "")
    check_signature(header, request.get_data(cache=True), now=request_time(), secrets=secrets)


def signed(view: View) -> View:
    """Let a view be reached by signed notices alone, before their body is read for its sense."""

    @wraps(view)
    def checked(*arguments: Any, provider: str, **more: Any) -> Any:
        check_notice(provider)
        return view(*arguments, provider=provider, **more)

    return cast("View", checked)


@api.route("/payments/notices/<string:provider>", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@signed
@api.arguments(schemas.NoticeForm)
@api.response(200, schemas.NoticeTakenSchema)
@public
def take_notice(notice: Notice, provider: str) -> Any:
    """Take what a provider tells, signed in `STB-Signature`: 200, also when it told that before;
    401 where the signature does not hold; 404 where neither payment nor quote is known.
    """
    fingerprint = hashlib.sha256(request.get_data(cache=True)).hexdigest()
    payment, outcome = operations.take_notice(
        unit(), provider=provider, notice=notice, fingerprint=fingerprint, now=request_time()
    )
    return {"payment": payment.public_id, "outcome": outcome}
