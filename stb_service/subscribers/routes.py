"""The API of accounts."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import FileStorage

from stb_service.shared.access import requires, takes_files
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import api_blueprint, check_if_match, etag
from stb_service.shared.http.unit import request_time
from stb_service.shared.http.uploads import keep_upload
from stb_service.shared.http.works import start_again, start_import
from stb_service.subscribers import operations, queries, schemas
from stb_service.subscribers.card import AccountCard, as_wire, row_values
from stb_service.subscribers.data import data_of_person
from stb_service.subscribers.imports import IMPORT
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import AccountFilter

api = api_blueprint("subscribers", "Accounts, their people and their sites.")
Answer = tuple[Any, int, dict[str, str]]


def who() -> dict[str, Any]:
    """Return who acts and when, for an operation."""
    return {"actor": current_actor(), "now": request_time()}


def sees_personal() -> bool:
    """Tell whether the caller sees phones, mail addresses and streets."""
    return current_actor().can("accounts.personal")


def _account(uid: str) -> Account:
    return queries.account_by_uid(unit(), uid, current_actor().scope)


def _card(uid: str, status: int = 200) -> Answer:
    unit().flush()
    account = _account(uid)
    return as_wire(AccountCard(account, current_actor())), status, {"ETag": etag(account)}


def filter_of(arguments: dict[str, Any]) -> AccountFilter:
    """Return the filter that some arguments make."""
    names = AccountFilter.__dataclass_fields__
    return AccountFilter(**{name: arguments[name] for name in names})


@api.route("/accounts", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.AccountsArguments, location="query")
@api.response(200, schemas.AccountsSchema)
@requires("accounts.view")
def list_accounts(arguments: dict[str, Any]) -> Any:
    """List the accounts of the caller's scope: 200 with a slice and the cursor of the next one.

    `text` is a number, an external id, beginnings of words of a name or, for whoever may see
    personal data, the end of a phone or the beginning of a mail address.
    """
    page = queries.accounts_page(
        unit(),
        filter_of(arguments),
        current_actor().scope,
        personal=sees_personal(),
        sort=arguments["sort"],
        cursor=arguments["cursor"],
        limit=arguments["limit"],
    )
    rows = [row_values(account, current_actor()) for account in page.rows]
    return {"rows": rows, "next_cursor": page.next_cursor}


@api.route("/accounts", methods=["POST"])
@api.refuses(400, 409, 415, 422)
@api.arguments(schemas.NewAccount)
@api.response(201, schemas.AccountCardSchema)
@requires("accounts.edit")
def create_account(body: dict[str, Any]) -> Answer:
    """Open an account: 201; 409 where its external id is taken."""
    account = operations.create_account(unit(), **body, **who())
    return _card(account.public_id, 201)


@api.route("/accounts/<string:account_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.AccountCardSchema)
@requires("accounts.view")
def get_account(account_id: str) -> Answer:
    """Return an account with its people and sites."""
    return _card(account_id)


@api.route("/accounts/<string:account_id>", methods=["PATCH"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.AccountPatch)
@api.response(200, schemas.AccountCardSchema)
@requires("accounts.edit")
def change_account(body: dict[str, Any], account_id: str) -> Answer:
    """Correct an account: 200; 409 where another organisation brought it; 412 if it changed."""
    check_if_match(_account(account_id))
    operations.change_account(unit(), uid=account_id, **body, **who())
    return _card(account_id)


@api.route("/accounts/<string:account_id>/people", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.NewSubscriber)
@api.response(201, schemas.AccountCardSchema)
@requires("accounts.edit")
def add_person(body: dict[str, Any], account_id: str) -> Answer:
    """Add a person to an account: 201 with the account."""
    check_if_match(_account(account_id))
    operations.add_person(unit(), uid=account_id, **body, **who())
    return _card(account_id, 201)


@api.route("/accounts/<string:account_id>/people/<string:person_id>", methods=["PATCH"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.SubscriberPatch)
@api.response(200, schemas.AccountCardSchema)
@requires("accounts.edit")
def change_person(body: dict[str, Any], account_id: str, person_id: str) -> Answer:
    """Correct a person: 200 with the account; `If-Match` takes the account's ETag."""
    check_if_match(_account(account_id))
    operations.change_person(unit(), uid=account_id, person=person_id, **body, **who())
    return _card(account_id)


@api.route("/accounts/<string:account_id>/people/<string:person_id>/data", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.PersonDataSchema)
@requires("accounts.erase")
def get_person_data(account_id: str, person_id: str) -> Any:
    """Return all that is known of a person, in every room."""
    return data_of_person(
        unit(),
        account_id,
        person_id,
        current_actor().scope,
        others=services().registries.personal,
    )


@api.route("/accounts/<string:account_id>/people/<string:person_id>/erasure", methods=["POST"])
@api.refuses(404, 409, 412)
@api.response(200, schemas.AccountCardSchema)
@requires("accounts.erase")
def erase_person(account_id: str, person_id: str) -> Answer:
    """Erase a person for good: 200; 409 with the obstacles where something still needs them."""
    check_if_match(_account(account_id))
    operations.erase_person(
        unit(),
        uid=account_id,
        person=person_id,
        others=services().registries.personal,
        **who(),
    )
    return _card(account_id)


@api.route("/accounts/<string:account_id>/sites", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.NewSite)
@api.response(201, schemas.AccountCardSchema)
@requires("accounts.edit")
def add_site(body: dict[str, Any], account_id: str) -> Answer:
    """Add a site to an account: 201 with the account."""
    check_if_match(_account(account_id))
    operations.add_site(unit(), uid=account_id, **body, **who())
    return _card(account_id, 201)


@api.route("/accounts/<string:account_id>/sites/<string:site_id>", methods=["PATCH"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.SitePatch)
@api.response(200, schemas.AccountCardSchema)
@requires("accounts.edit")
def change_site(body: dict[str, Any], account_id: str, site_id: str) -> Answer:
    """Correct a site: 200 with the account; `If-Match` takes the account's ETag."""
    check_if_match(_account(account_id))
    operations.change_site(unit(), uid=account_id, site=site_id, **body, **who())
    return _card(account_id)


@api.route("/accounts/imports", methods=["POST"])
@api.refuses(400, 409, 413, 415, 422)
@api.arguments(schemas.AccountImportFiles, location="files")
@api.arguments(schemas.AccountImportForm, location="form")
@api.response(202, schemas.AccountImportStarted)
@requires("accounts.import")
@takes_files
def import_accounts(uploaded: dict[str, FileStorage], body: dict[str, Any]) -> Any:
    """Import a CSV or XLSX file: 202 with the work to follow; its report names refused rows."""
    return start_import(IMPORT, keep_upload(uploaded["file"]), body)


@api.route("/accounts/imports/<string:job_id>/import", methods=["POST"])
@api.refuses(404, 422)
@api.response(202, schemas.AccountImportStarted)
@requires("accounts.import")
def import_after_trial(job_id: str) -> Any:
    """Import the file of a trial (`dry_run`) for good: 202; asked for twice, it is done once."""
    return start_again(IMPORT, job_id)
