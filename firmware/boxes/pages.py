"""Boxes for people: who waits for approval, a box's tokens and alias, gateway tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from firmware.boxes import operations, queries, schemas
from firmware.boxes.models import Box
from firmware.boxes.rules import BOX_MOVES, BOX_STATE_NAMES, TOKEN_OVERLAP, BoxState
from stb_service.shared.access import requires
from stb_service.shared.errors import Conflict, DomainError
from stb_service.shared.http import current_actor, read_form, services, unit
from stb_service.shared.http.pages import form_page, same_site, see_other
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text

blp = Blueprint("box_pages", __name__, url_prefix="/firmware", template_folder="templates")
PAGE_SIZE = 50
SHOWN_STATES = (BoxState.PENDING, BoxState.REFUSED)
VERDICTS = {"approve": BoxState.KNOWN, "refuse": BoxState.REFUSED}


@blp.app_template_global()
def name_of_box(box: Box) -> str:
    """Return what people call a box."""
    return box.serial or box.alias or box.mac_ethernet or box.uid


@blp.app_template_global()
def version_attribute() -> str:
    """Return the attribute under which boxes are to report their version."""
    return services().settings.attributes["version"]


def _box(uid: str) -> Box:
    return queries.operator_box(unit(), uid, current_actor().scope)


def _back() -> ResponseReturnValue:
    """Return to the page the form stood on."""
    return redirect(same_site(request.form.get("next"), url_for("box_pages.waiting")), 303)


@blp.get("/boxes/waiting")
@requires("boxes.approve")
def waiting() -> ResponseReturnValue:
    """List the boxes that wait for approval, or those that were refused."""
    state = request.args.get("state")
    wanted = BoxState(state) if state in SHOWN_STATES else BoxState.PENDING
    page = queries.boxes_page(
        unit(),
        current_actor().scope,
        wanted=queries.BoxFilter(state=wanted),
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template(
        "boxes/waiting.html",
        page=page,
        state=wanted,
        counts=queries.boxes_in_states(unit()),
        states=[(state, BOX_STATE_NAMES[state]) for state in SHOWN_STATES],
    )


@blp.post("/boxes/waiting")
@requires("boxes.approve")
def judge_many() -> ResponseReturnValue:
    """Approve or refuse the chosen boxes; first it is shown how many they are."""
    verdict = request.form.get("verdict", "")
    uids = list(dict.fromkeys(request.form.getlist("uid")))[: schemas.BULK_MOST]
    if verdict not in VERDICTS or not uids:
        flash(_("Choose boxes first."), "warning")
        return see_other("box_pages.waiting")
    boxes = [_box(uid) for uid in uids]
    if request.form.get("sure") != "yes":
        return render_template("boxes/judge_many.html", boxes=boxes, verdict=verdict)
    done = 0
    for box in boxes:
        if (BoxState(box.state), VERDICTS[verdict]) in BOX_MOVES:
            _judge(box, verdict)
            done += 1
    flash(
        ngettext("%(num)s box is served now.", "%(num)s boxes are served now.", done)
        if verdict == "approve"
        else ngettext("%(num)s box was refused.", "%(num)s boxes were refused.", done)
    )
    return see_other("box_pages.waiting")


def _judge(box: Box, verdict: str) -> None:
    operations.move_box(
        unit(), box=box, to=VERDICTS[verdict], actor=current_actor(), now=request_time()
    )


@blp.post("/boxes/<uid>/approve")
@requires("boxes.approve")
def approve(uid: str) -> ResponseReturnValue:
    """Serve a box that waits for approval, or that was refused before."""
    box = _box(uid)
    _judge(box, "approve")
    flash(_("%(box)s is served now.", box=name_of_box(box)))
    return _back()


@blp.post("/boxes/<uid>/refuse")
@requires("boxes.approve")
def refuse(uid: str) -> ResponseReturnValue:
    """Refuse a box that waits for approval."""
    box = _box(uid)
    _judge(box, "refuse")
    flash(_("%(box)s was refused.", box=name_of_box(box)))
    return _back()


@blp.post("/boxes/<uid>/ask")
@requires("boxes.approve")
def ask(uid: str) -> ResponseReturnValue:
    """Ask a box at its next poll what it runs."""
    operations.ask_for_attributes(unit(), box=_box(uid), actor=current_actor(), now=request_time())
    flash(_("The box is asked what it runs when it speaks next."))
    return _back()


@blp.post("/boxes/<uid>/alias")
@requires("boxes.approve")
def alias(uid: str) -> ResponseReturnValue:
    """Store another controller id by which the box calls itself."""
    box = _box(uid)
    try:
        form = read_form(schemas.AliasForm())
        operations.set_alias(unit(), box=box, **form, actor=current_actor(), now=request_time())
    except DomainError as error:
        if not isinstance(error, Conflict) and error.status != 422:
            raise
        unit().rollback()
        words = [str(m) for found in getattr(error, "fields", {}).values() for m in found]
        flash(" ".join(words) or str(error), "danger")
        return _back()
    flash(_("The alias was stored.") if box.alias else _("The alias was taken away."))
    return _back()


@blp.route("/boxes/<uid>/token", methods=["GET", "POST"])
@requires("boxes.tokens")
def token(uid: str) -> ResponseReturnValue:
    """Show a box's tokens and give it a new one, which is shown this once."""
    box = _box(uid)

    def save() -> ResponseReturnValue:
        form = read_form(schemas.RotationSchema())
        overlap = timedelta(days=form["overlap_days"])
        secret = operations.rotate_token(
            unit(),
            box=box,
            token=form["token"],
            overlap=overlap,
            actor=current_actor(),
            now=request_time(),
        )
        return _told(
            secret,
            title=name_of_box(box),
            hint=text(
                "Former tokens of this box are accepted for %(days)s days.", days=overlap.days
            ),
            done=url_for("box_pages.token", uid=uid),
        )

    return form_page(
        "boxes/token.html",
        save,
        values={"overlap_days": TOKEN_OVERLAP.days},
        box=box,
        tokens=lambda: queries.tokens_of(unit(), box),
    )


@blp.post("/boxes/<uid>/tokens/revoke")
@requires("boxes.tokens")
def revoke_tokens(uid: str) -> ResponseReturnValue:
    """End all tokens of a box at once."""
    box = _box(uid)
    operations.revoke_tokens(unit(), box=box, actor=current_actor(), now=request_time())
    flash(_("No token of %(box)s is accepted any more.", box=name_of_box(box)))
    return see_other("box_pages.token", uid=uid)


@blp.route("/gateway-tokens", methods=["GET", "POST"])
@requires("boxes.tokens")
def gateway_tokens() -> ResponseReturnValue:
    """List the tokens that may speak for any box, and make one, which is shown this once."""

    def save() -> ResponseReturnValue:
        row, secret = operations.create_gateway_token(
            unit(),
            **read_form(schemas.GatewayTokenForm()),
            actor=current_actor(),
            now=request_time(),
        )
        return _told(
            secret,
            title=row.name,
            hint=text("Whoever holds it may speak for any box."),
            done=url_for("box_pages.gateway_tokens"),
        )

    return form_page(
        "boxes/gateway_tokens.html",
        save,
        values={"days": 365},
        tokens=lambda: queries.gateway_tokens(unit()),
    )


def _told(secret: str, **values: Any) -> ResponseReturnValue:
    return render_template("boxes/token_made.html", secret=secret, **values)


@blp.post("/gateway-tokens/<public_id>/revoke")
@requires("boxes.tokens")
def revoke(public_id: str) -> ResponseReturnValue:
    """End a gateway token at once."""
    found = queries.gateway_token_by_public_id(unit(), public_id)
    operations.revoke_gateway_token(unit(), token=found, actor=current_actor(), now=request_time())
    flash(_("%(name)s is accepted no more.", name=found.name))
    return see_other("box_pages.gateway_tokens")
