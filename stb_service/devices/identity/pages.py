"""The page of disputed identifiers."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.devices.identity import operations, queries
from stb_service.devices.identity.schemas import SettleForm
from stb_service.devices.pages import words
from stb_service.devices.routes import who
from stb_service.shared.access import requires
from stb_service.shared.errors import Conflict, Invalid
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import see_other

pages = Blueprint("disputes_pages", __name__, template_folder="../templates")
pages.context_processor(words)


@pages.get("/devices/review")
@requires("devices.review")
def list_disputes() -> ResponseReturnValue:
    """List claims on what another box holds."""
    is_open = request.args.get("state") != "settled"
    page = queries.disputes_page(
        unit(),
        current_actor().scope,
        is_open=is_open,
        cursor=request.args.get("cursor"),
        limit=50,
    )
    return render_template("devices/review.html", page=page, is_open=is_open)


@pages.post("/devices/review/<ref>/settle")
@requires("devices.review")
def settle_dispute(ref: str) -> ResponseReturnValue:
    """Close a dispute with a note."""
    try:
        operations.settle_dispute(unit(), ref=ref, note=read_form(SettleForm())["note"], **who())
    except Invalid:
        unit().rollback()
        flash(_("Say what was found out."), "error")
    except Conflict as refusal:
        unit().rollback()
        flash(str(refusal), "error")
    else:
        flash(_("The dispute is settled."))
    return see_other("disputes_pages.list_disputes")
