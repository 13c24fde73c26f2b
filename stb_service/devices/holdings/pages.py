"""The forms by which a box goes to an account, and what cards and pages show of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from stb_service.devices.holdings import operations, queries
from stb_service.devices.holdings.rules import (
    obstacles_to_giving,
    obstacles_to_taking_back,
    obstacles_to_transfer,
)
from stb_service.devices.holdings.schemas import GiveForm, PlaceForm, TakeBackForm, TransferForm
from stb_service.devices.models import Device
from stb_service.devices.pages import custodian_choices, do_on_card, words
from stb_service.devices.queries import device_by_uid, device_row
from stb_service.devices.routes import given, kept, who
from stb_service.devices.rules import TENURE_NAMES, obstacles_to_handing_over
from stb_service.shared.access import Actor, requires
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.i18n import text
from stb_service.shared.registries import Keeper, TimelineEntry, why_kept
from stb_service.subscribers.queries import account_by_id, account_row

pages = Blueprint("holdings_pages", __name__, template_folder="../templates")
pages.context_processor(words)
SHOWN = 50


def _device(uid: str) -> Device:
    return device_by_uid(unit(), uid, current_actor().scope)


def tenure_choices() -> list[tuple[str, str]]:
    """Return how an account may have a box."""
    return [(tenure, str(name)) for tenure, name in TENURE_NAMES.items()]


@pages.route("/devices/<uid>/give", methods=["GET", "POST"])
@requires("devices.edit")
def give(uid: str) -> ResponseReturnValue:
    """Give a box to an account."""
    device = _device(uid)

    def save() -> ResponseReturnValue:
        row = operations.give_to_account(
            unit(), uid=uid, **read_form(GiveForm()), **who(), **given()
        )
        flash(
            _(
                "Box %(label)s is given to %(number)s.",
                label=device.label,
                number=row.account.number,
            )
        )
        return see_other("devices_pages.show_device", uid=uid)

    values = {"account": request.args.get("account", ""), "tenure": device.tenure or "rented"}
    return form_page(
        "devices/give.html",
        save,
        values=values,
        device=device,
        tenures=tenure_choices,
        is_transfer=False,
    )


@pages.route("/devices/<uid>/transfer", methods=["GET", "POST"])
@requires("devices.edit")
def transfer(uid: str) -> ResponseReturnValue:
    """Pass a box on to another account."""
    device = _device(uid)

    def save() -> ResponseReturnValue:
        row = operations.transfer(unit(), uid=uid, **read_form(TransferForm()), **who(), **kept())
        flash(
            _(
                "Box %(label)s is given to %(number)s.",
                label=device.label,
                number=row.account.number,
            )
        )
        return see_other("devices_pages.show_device", uid=uid)

    return form_page(
        "devices/give.html",
        save,
        values={"tenure": device.tenure or ""},
        device=device,
        tenures=lambda: [("", _("as the former owner")), *tenure_choices()],
        is_transfer=True,
    )


@pages.post("/devices/<uid>/take-back")
@requires("devices.edit")
def take_back(uid: str) -> ResponseReturnValue:
    """Take a box back from its account."""
    return do_on_card(
        uid,
        lambda: operations.take_back(
            unit(), uid=uid, **read_form(TakeBackForm()), **who(), **kept()
        ),
        _("The box is taken back."),
    )


@pages.post("/devices/<uid>/site")
@requires("devices.edit")
def place_at_site(uid: str) -> ResponseReturnValue:
    """Say at which site of its account a box stands."""
    return do_on_card(
        uid,
        lambda: operations.place_at_site(unit(), uid=uid, **read_form(PlaceForm()), **who()),
        _("The site is noted."),
    )


# --- what others show ----------------------------------------------------------------------------


def load_owner(
    keepers: Sequence[Keeper], session: Session, uid: str, actor: Actor, now: datetime
) -> dict[str, Any]:
    """Return who has a box and who had it, and why it may not be given, passed on, taken back."""
    device = device_row(session, uid, actor.scope)
    holdings = queries.holdings_of_device(session, device, actor.scope)
    current = next((row for row in holdings if row.until is None), None)
    held_by = queries.accounts_of(session, [device.id], actor.scope).get(device.id)
    in_hand = obstacles_to_handing_over(device.custodian_id, actor.organisation_id)
    in_hand += why_kept(session, keepers, uid)
    account = account_by_id(session, current.account_id, actor.scope) if current else None
    return {
        "device": device,
        "holdings": holdings,
        "current": current,
        "is_held": held_by is not None,
        "site_options": _site_options(account),
        "organisations": custodian_choices()[1:],
        "to_giving": obstacles_to_giving(device.status, is_held=held_by is not None) + in_hand,
        "to_transfer": obstacles_to_transfer(device.status, held_by=held_by) + in_hand,
        "to_taking_back": obstacles_to_taking_back(is_held=held_by is not None) + in_hand,
        **words(),
    }


def _site_options(account: Any) -> list[tuple[str, str]]:
    sites = account.sites if account else []
    return [("", _("none in particular")), *((site.public_id, site.name) for site in sites)]


def load_boxes(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return the boxes that an account has and had."""
    account = account_row(session, uid, actor.scope)
    page = queries.holdings_page(session, account, actor.scope, cursor=None, limit=SHOWN)
    return {
        "account": account,
        "holdings": page.rows,
        "has_more": page.next_cursor is not None,
        **words(),
    }


def account_entries(
    session: Session, uid: str, actor: Actor, limit: int
) -> Iterator[TimelineEntry]:
    """Yield when boxes came to an account and when they left it."""
    if not actor.can("devices.view"):
        return
    account = account_row(session, uid, actor.scope)
    page = queries.holdings_page(session, account, actor.scope, cursor=None, limit=limit)
    for row in page.rows:
        came = text(
            "Box %(label)s came: %(tenure)s",
            label=row.device.label,
            tenure=TENURE_NAMES[row.tenure],
        )
        yield TimelineEntry(row.since, "device-tv", str(came), row.reason)
        if row.until is not None:
            left = text("Box %(label)s left", label=row.device.label)
            yield TimelineEntry(row.until, "device-tv", str(left), row.ended_reason)
