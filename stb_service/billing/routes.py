"""The API of quotes and of the ledger."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.billing import operations, queries, schemas
from stb_service.billing.addresses import link_of
from stb_service.billing.card import QuoteCard, as_wire
from stb_service.billing.ledger import queries as ledger
from stb_service.billing.ledger.operations import (
    NO_SUBJECT,
    Subject,
    charge_account,
    credit_account,
    typed_key,
)
from stb_service.billing.models import Quote
from stb_service.billing.queries import QuoteFilter
from stb_service.billing.rules import Line
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import CursorArguments, api_blueprint, check_if_match, etag
from stb_service.shared.http.unit import request_time
from stb_service.subscribers.queries import account_by_uid

api = api_blueprint("billing", "Quotes, and the ledger of accounts.")
Answer = tuple[Any, int, dict[str, str]]


def who() -> dict[str, Any]:
    """Return who acts and when, for an operation."""
    return {"actor": current_actor(), "now": request_time()}


def kept() -> dict[str, Any]:
    """Return who acts and when, and what tells which quotes are for the steps of other rooms."""
    return {**who(), "keepers": services().registries.quote_keepers}


def operators_zone() -> str:
    """Return the zone of accounts that have no site."""
    return services().settings.timezone.key


def card_of(ref: str) -> QuoteCard:
    """Return a quote of the reader's scope as they see it."""
    scope = current_actor().scope
    quote = queries.quote_by_ref(unit(), ref, scope)
    keepers = services().registries.quote_keepers
    barred = operations.why_kept(unit(), keepers, quote.subject)
    return QuoteCard(unit(), quote, scope, request_time(), kept=barred)


def _card(quote: Quote, status: int = 200) -> Answer:
    unit().flush()
    card = card_of(quote.public_id)
    return as_wire(card, link_of(card.quote)), status, {"ETag": etag(card.quote)}


def _for_change(ref: str) -> None:
    check_if_match(queries.quote_by_ref(unit(), ref, current_actor().scope))


def subject_from(body: dict[str, Any]) -> Subject:
    """Take out what something is about."""
    given = body.pop("subject", None)
    return (given["kind"], given["ref"], given["label"]) if given else NO_SUBJECT


def _fields(body: dict[str, Any]) -> dict[str, Any]:
    if "lines" in body:
        body["lines"] = [Line(**line) for line in body["lines"]]
    return body


@api.route("/quotes", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.QuotesArguments, location="query")
@api.response(200, schemas.QuotesSchema)
@requires("billing.view")
def list_quotes(arguments: dict[str, Any]) -> Any:
    """List the quotes of the caller's scope, the newest first. `text` is a number, or what the
    quote is about; `account` a number or an external id.
    """
    page = {name: arguments.pop(name) for name in ("cursor", "limit")}
    return queries.quotes_page(unit(), QuoteFilter(**arguments), current_actor().scope, **page)


@api.route("/quotes", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.NewQuote)
@api.response(201, schemas.QuoteCardSchema)
@requires("billing.edit")
def create_quote(body: dict[str, Any]) -> Answer:
    """Begin a quote: 201 with a draft in the account's currency."""
    subject = subject_from(body)
    quote = operations.create_quote(
        unit(), **_fields(body), subject=subject, zone=operators_zone(), **kept()
    )
    return _card(quote, 201)


@api.route("/quotes/<string:quote_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.QuoteCardSchema)
@requires("billing.view")
def get_quote(quote_id: str) -> Answer:
    """Return a quote (by id or number) with its lines, its moves and the customer's link."""
    return _card(queries.quote_by_ref(unit(), quote_id, current_actor().scope))


@api.route("/quotes/<string:quote_id>", methods=["PATCH"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.QuotePatch)
@api.response(200, schemas.QuoteCardSchema)
@requires("billing.edit")
def change_quote(body: dict[str, Any], quote_id: str) -> Answer:
    """Change a draft: 200; 409 once it was sent; 412 if it changed."""
    _for_change(quote_id)
    return _card(operations.change_quote(unit(), ref=quote_id, **_fields(body), **kept()))


@api.route("/quotes/<string:quote_id>/send", methods=["POST"])
@api.refuses(404, 409, 412, 422)
@api.response(200, schemas.QuoteCardSchema)
@requires("billing.edit")
def send_quote(quote_id: str) -> Answer:
    """Make a draft binding: 200 with the customer's link; 409 with the obstacles."""
    _for_change(quote_id)
    return _card(operations.send_quote(unit(), ref=quote_id, **kept()))


@api.route("/quotes/<string:quote_id>/accept", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.AnswerForm)
@api.response(200, schemas.QuoteCardSchema)
@requires("billing.edit")
def accept_quote(body: dict[str, Any], quote_id: str) -> Answer:
    """Take the customer's yes, however it came: 200, and the total is charged."""
    _for_change(quote_id)
    return _card(operations.accept_quote(unit(), ref=quote_id, **body, **kept()))


@api.route("/quotes/<string:quote_id>/decline", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.AnswerForm)
@api.response(200, schemas.QuoteCardSchema)
@requires("billing.edit")
def decline_quote(body: dict[str, Any], quote_id: str) -> Answer:
    """Take the customer's no, however it came."""
    _for_change(quote_id)
    return _card(operations.decline_quote(unit(), ref=quote_id, **body, **kept()))


@api.route("/quotes/<string:quote_id>/withdraw", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.WithdrawalForm)
@api.response(200, schemas.QuoteCardSchema)
@requires("billing.edit")
def withdraw_quote(body: dict[str, Any], quote_id: str) -> Answer:
    """Take a quote back: 200; 409 where money was paid for it."""
    _for_change(quote_id)
    return _card(operations.withdraw_quote(unit(), ref=quote_id, **body, **kept()))


@api.route("/quotes/<string:quote_id>/extend", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.ExtendForm)
@api.response(200, schemas.QuoteCardSchema)
@requires("billing.edit")
def extend_quote(body: dict[str, Any], quote_id: str) -> Answer:
    """Give a sent quote another last day: 200 with a new link; the former one is void."""
    _for_change(quote_id)
    return _card(operations.extend_quote(unit(), ref=quote_id, **body, **who()))


@api.route("/quotes/<string:quote_id>/revise", methods=["POST"])
@api.refuses(404, 409, 422)
@api.response(201, schemas.QuoteCardSchema)
@requires("billing.edit")
def revise_quote(quote_id: str) -> Answer:
    """Begin a quote that takes this one's place once it is sent: 201 with the draft."""
    return _card(operations.revise_quote(unit(), ref=quote_id, **kept()), 201)


# --- the ledger ----------------------------------------------------------------------------------


@api.route("/accounts/<string:account_id>/ledger", methods=["GET"])
@api.refuses(404, 422)
@api.arguments(CursorArguments, location="query")
@api.response(200, schemas.LedgerSchema)
@requires("billing.view")
def get_ledger(arguments: dict[str, Any], account_id: str) -> Any:
    """Return what an account owes, and a slice of its ledger, the newest first."""
    scope = current_actor().scope
    account = account_by_uid(unit(), account_id, scope)
    page = ledger.entries_page(unit(), account, scope, **arguments)
    return {
        "balances": ledger.balances(unit(), account, scope),
        "rows": page.rows,
        "next_cursor": page.next_cursor,
    }


@api.route("/accounts/<string:account_id>/charges", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.ChargeForm)
@api.response(201, schemas.EntrySchema)
@requires("billing.edit")
def create_charge(body: dict[str, Any], account_id: str) -> Any:
    """Charge an account: 201; the same `key` again answers with the first charge."""
    subject = subject_from(body)
    body["key"] = typed_key(account_id, body["key"])
    return charge_account(
        unit(), account=account_id, subject=subject, zone=operators_zone(), **body, **who()
    )


@api.route("/accounts/<string:account_id>/credits", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.CreditForm)
@api.response(201, schemas.EntrySchema)
@requires("billing.edit")
def create_credit(body: dict[str, Any], account_id: str) -> Any:
    """Credit an account: 201; the same `key` again answers with the first credit."""
    subject = subject_from(body)
    body["key"] = typed_key(account_id, body["key"])
    return credit_account(unit(), account=account_id, subject=subject, **body, **who())
