"""The pages of accounts: the list, an account with its people and sites, and their forms."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, Response, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from marshmallow import EXCLUDE, Schema

from stb_service.shared.access import requires
from stb_service.shared.errors import DomainError
from stb_service.shared.http import current_actor, read_form, services, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.http.rooms import parts_of_page, timeline_of
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, text
from stb_service.staff.queries import organisations
from stb_service.subscribers import operations, queries
from stb_service.subscribers.card import AccountCard
from stb_service.subscribers.data import data_of_person
from stb_service.subscribers.models import Account, Subscriber
from stb_service.subscribers.queries import COUNT_LIMIT, AccountFilter
from stb_service.subscribers.routes import filter_of, sees_personal, who
from stb_service.subscribers.rules import (
    ACCOUNT_KIND_NAMES,
    AccountKind,
    countries,
    field_name,
    obstacles_to_erasure,
)
from stb_service.subscribers.schemas import (
    AccountFilterFields,
    AccountForm,
    NewAccountForm,
    NewSite,
    SubscriberForm,
)
from stb_service.subscribers.wording import in_words

pages = Blueprint("accounts_pages", __name__, template_folder="templates")
PAGE_SIZE = 50
ORDER_NAMES = {
    "-opened": text("Newest first"),
    "opened": text("Oldest first"),
    "name": text("Name, A to Z"),
    "-name": text("Name, Z to A"),
    "-changed": text("Lately changed first"),
    "changed": text("Long unchanged first"),
}


def words() -> dict[str, Any]:
    """Return the names that templates of this room use."""
    return {
        "account_kind_names": ACCOUNT_KIND_NAMES,
        "customer_languages": CUSTOMER_LANGUAGES,
        "field_name": field_name,
        "country_name": country_name,
        "of_operator": lambda: current_actor().scope.is_everything,
        "dealer_told": lambda account: queries.dealer_told(account, current_actor().scope),
    }


pages.context_processor(words)


def country_name(code: str) -> str:
    """Return a country in the reader's language."""
    locale = get_locale()
    return str(locale.territories.get(code, code)) if locale else code


# --- the list ------------------------------------------------------------------------------------


def _filter() -> AccountFilter:
    """Return the filter in the address; a part that cannot be read is left out."""
    schema = AccountFilterFields()
    given = {name: value for name, value in request.args.items() if value.strip()}
    wrong = set(schema.validate(given, partial=True)) & set(given)
    kept = {name: value for name, value in given.items() if name not in wrong}
    return filter_of(schema.load(kept, unknown=EXCLUDE))


@pages.get("/accounts")
@requires("accounts.view")
def list_accounts() -> ResponseReturnValue:
    """Show the accounts: filters and order in the address, page by page."""
    wanted, scope = _filter(), current_actor().scope
    sort = request.args.get("sort", "-opened")
    sort = sort if sort in ORDER_NAMES else "-opened"
    page = queries.accounts_page(
        unit(),
        wanted,
        scope,
        personal=sees_personal(),
        sort=sort,
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template(
        "subscribers/list.html",
        page=page,
        wanted=wanted,
        sort=sort,
        order_names=ORDER_NAMES,
        count=queries.accounts_count(unit(), wanted, scope, personal=sees_personal()),
        count_limit=COUNT_LIMIT,
        dealers=dealer_choices(_("all")),
    )


# --- one account ---------------------------------------------------------------------------------


@pages.get("/accounts/<uid>")
@requires("accounts.view")
def show_account(uid: str) -> ResponseReturnValue:
    """Show an account: who it is, its sites, and what other rooms know of it."""
    account = _account(uid)
    return render_template(
        "subscribers/account.html",
        card=AccountCard(account, current_actor()),
        account=account,
        timeline=timeline_of(services().registries.account_timeline, uid),
        sections=parts_of_page(services().registries.account, uid),
    )


def _account(uid: str) -> Account:
    return queries.account_by_uid(unit(), uid, current_actor().scope)


# --- forms ---------------------------------------------------------------------------------------


def dealer_choices(none: str) -> list[tuple[str, str]]:
    """Return who may have brought an account, as far as the reader may say."""
    found = organisations(unit(), current_actor().scope)
    return [("", none), *((row.code, row.name) for row in found if row.kind != "operator")]


def kind_choices() -> list[tuple[str, str]]:
    """Return the kinds of account."""
    return [(kind.value, str(ACCOUNT_KIND_NAMES[kind])) for kind in AccountKind]


def language_choices() -> list[tuple[str, str]]:
    """Return the languages that customers are written to in, each by its own name."""
    return [("", _("the operator's")), *CUSTOMER_LANGUAGES.items()]


def country_choices() -> list[tuple[str, str]]:
    """Return the countries by their names in the reader's language."""
    named = sorted(((code, country_name(code)) for code in countries()), key=lambda pair: pair[1])
    return [("", _("none")), *named]


def zone_choices() -> list[str]:
    """Return the time zones of the IANA database that people live in."""
    return sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


def typed_fields(schema: Schema) -> dict[str, Any]:
    """Return the fields of a form; one that was emptied takes its value away, and lines are split
    into phones and mail addresses.
    """
    form = read_form(schema)
    found: dict[str, Any] = {n: None for n in schema.fields if n in request.form} | dict(form)
    for name in ("phones", "emails"):
        if name in found:
            found[name] = [line.strip() for line in (found[name] or "").splitlines()]
    return found


@pages.route("/accounts/new", methods=["GET", "POST"])
@requires("accounts.edit")
def new_account() -> ResponseReturnValue:
    """Open an account."""

    def save() -> ResponseReturnValue:
        given = {n: v for n, v in typed_fields(NewAccountForm()).items() if v is not None}
        account = operations.create_account(unit(), **given, **who())
        flash(_("Account %(number)s is opened.", number=account.number))
        return see_other("accounts_pages.show_account", uid=account.public_id)

    return form_page(
        "subscribers/account_form.html",
        save,
        values={"kind": "person", "currency": "EUR", "credit_days": 0},
        account=None,
        kinds=kind_choices,
        languages=language_choices,
        dealers=lambda: dealer_choices(_("nobody")),
    )


@pages.route("/accounts/<uid>/edit", methods=["GET", "POST"])
@requires("accounts.edit")
def edit_account(uid: str) -> ResponseReturnValue:
    """Correct an account."""
    account = _account(uid)

    def save() -> ResponseReturnValue:
        operations.change_account(unit(), uid=uid, **typed_fields(AccountForm()), **who())
        flash(_("The account is changed."))
        return see_other("accounts_pages.show_account", uid=uid)

    names = ("name", "currency", "credit_days", "language", "external_id")
    values = {name: getattr(account, name) for name in names}
    dealer = queries.dealer_told(account, current_actor().scope)
    return form_page(
        "subscribers/account_form.html",
        save,
        values={**values, "dealer": dealer.code if dealer else ""},
        account=account,
        kinds=kind_choices,
        languages=language_choices,
        dealers=lambda: dealer_choices(_("nobody")),
    )


def _person(uid: str, ref: str) -> Subscriber:
    return queries.person_by_ref(unit(), uid, ref, current_actor().scope)


@pages.route("/accounts/<uid>/people/new", methods=["GET", "POST"])
@requires("accounts.edit")
def new_person(uid: str) -> ResponseReturnValue:
    """Add a person to an account."""
    current_actor().demand("accounts.personal")
    account = _account(uid)

    def save() -> ResponseReturnValue:
        given = {n: v for n, v in typed_fields(SubscriberForm()).items() if v is not None}
        operations.add_person(unit(), uid=uid, **given, **who())
        flash(_("%(name)s is added.", name=given["name"]))
        return see_other("accounts_pages.show_account", uid=uid)

    return form_page(
        "subscribers/person_form.html",
        save,
        account=account,
        person=None,
        languages=language_choices,
    )


@pages.route("/accounts/<uid>/people/<ref>/edit", methods=["GET", "POST"])
@requires("accounts.edit")
def edit_person(uid: str, ref: str) -> ResponseReturnValue:
    """Correct a person, their phones and mail addresses."""
    current_actor().demand("accounts.personal")
    person = _person(uid, ref)

    def save() -> ResponseReturnValue:
        operations.change_person(
            unit(), uid=uid, person=ref, **typed_fields(SubscriberForm()), **who()
        )
        flash(_("The person is changed."))
        return see_other("accounts_pages.show_account", uid=uid)

    values = {
        "name": person.name,
        "language": person.language,
        "phones": "\n".join(person.phones),
        "emails": "\n".join(person.emails),
    }
    return form_page(
        "subscribers/person_form.html",
        save,
        values=values,
        account=person.account,
        person=person,
        languages=language_choices,
    )


@pages.route("/accounts/<uid>/sites/new", methods=["GET", "POST"])
@requires("accounts.edit")
def new_site(uid: str) -> ResponseReturnValue:
    """Add a site to an account."""
    current_actor().demand("accounts.personal")
    account = _account(uid)

    def save() -> ResponseReturnValue:
        given = {n: v for n, v in typed_fields(NewSite()).items() if v is not None}
        operations.add_site(unit(), uid=uid, **given, **who())
        flash(_("Site %(name)s is added.", name=given["name"]))
        return see_other("accounts_pages.show_account", uid=uid)

    return form_page(
        "subscribers/site_form.html",
        save,
        values={"timezone": str(services().settings.timezone)},
        account=account,
        site=None,
        countries=country_choices,
        zones=zone_choices,
    )


@pages.route("/accounts/<uid>/sites/<ref>/edit", methods=["GET", "POST"])
@requires("accounts.edit")
def edit_site(uid: str, ref: str) -> ResponseReturnValue:
    """Correct a site."""
    current_actor().demand("accounts.personal")
    site = queries.site_by_ref(unit(), uid, ref, current_actor().scope)

    def save() -> ResponseReturnValue:
        given: dict[str, Any] = {n: v or "" for n, v in typed_fields(NewSite()).items()}
        operations.change_site(unit(), uid=uid, site=ref, **given, **who())
        flash(_("The site is changed."))
        return see_other("accounts_pages.show_account", uid=uid)

    names = ("name", "street", "postcode", "city", "country", "timezone")
    return form_page(
        "subscribers/site_form.html",
        save,
        values={name: getattr(site, name) for name in names},
        account=_account(uid),
        site=site,
        countries=country_choices,
        zones=zone_choices,
    )


# --- what is known of a person, and erasure ------------------------------------------------------


def _data(uid: str, ref: str) -> dict[str, Any]:
    return data_of_person(
        unit(), uid, ref, current_actor().scope, others=services().registries.personal
    )


@pages.get("/accounts/<uid>/people/<ref>/data")
@requires("accounts.erase")
def show_data(uid: str, ref: str) -> ResponseReturnValue:
    """Show all that is known of a person, to be read, printed or downloaded."""
    person = _person(uid, ref)
    needed = [
        obstacle
        for other in services().registries.personal
        for obstacle in other.obstacles(unit(), uid, ref)
    ]
    return render_template(
        "subscribers/data.html",
        account=person.account,
        person=person,
        known=in_words(_data(uid, ref), services().registries.personal),
        obstacles_to_erasing=obstacles_to_erasure(is_erased=person.is_erased, others=needed),
    )


@pages.get("/accounts/<uid>/people/<ref>/data.json")
@requires("accounts.erase")
def download_data(uid: str, ref: str) -> Response:
    """Download all that is known of a person as JSON."""
    account = _account(uid)
    answer = Response(
        json.dumps(_data(uid, ref), ensure_ascii=False, indent=2), mimetype="application/json"
    )
    answer.headers.set("Content-Disposition", "attachment", filename=f"{account.number}-{ref}.json")
    return answer


@pages.post("/accounts/<uid>/people/<ref>/erase")
@requires("accounts.erase")
def erase_person(uid: str, ref: str) -> ResponseReturnValue:
    """Erase a person for good; a refusal is told on the account's page."""
    try:
        operations.erase_person(
            unit(), uid=uid, person=ref, others=services().registries.personal, **who()
        )
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        flash(str(refusal), "error")
    else:
        flash(_("The person is erased."))
    return see_other("accounts_pages.show_account", uid=uid)
