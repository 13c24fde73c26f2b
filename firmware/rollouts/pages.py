"""Rollouts for people of the operator: plan, watch, and stop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, flash, render_template, request, send_from_directory
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from firmware.boxes.queries import names_of
from firmware.rollouts import drafts, operations, plans, queries
from firmware.rollouts.figures import (
    ALREADY,
    KIND_BY_NAME,
    KINDS,
    Picture,
    WaveFigure,
    bar_of_states,
    picture_of,
)
from firmware.rollouts.forms import ReasonForm, WideningForm, shown
from firmware.rollouts.models import Rollout
from firmware.rollouts.rules import (
    LIVE_ROLLOUTS,
    MEMBER_STATE_NAMES,
    ROLLOUT_MOVES,
    ROLLOUT_STATE_NAMES,
    MemberState,
    RolloutState,
)
from firmware.rollouts.schemas import WAVES_MOST
from firmware.rollouts.selection import Selection
from stb_service.shared.access import public, requires
from stb_service.shared.errors import DomainError, Obstacle
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_errors, format_span, see_other
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text

STATIC = Path(__file__).parent / "static"
PAGE_SIZE = 25
BOXES_SIZE = 50
STATE_COLOURS = {
    RolloutState.DRAFT: "grey",
    RolloutState.RUNNING: "blue",
    RolloutState.PAUSED: "yellow",
    RolloutState.HALTED: "red",
    RolloutState.COMPLETE: "green",
    RolloutState.CANCELLED: "grey",
}

blp = Blueprint(
    "rollout_pages", __name__, url_prefix="/firmware/rollouts", template_folder="templates"
)


@blp.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "rollout_state": lambda state: ROLLOUT_STATE_NAMES[RolloutState(state)],
        "rollout_colour": lambda state: STATE_COLOURS[RolloutState(state)],
        "member_state": lambda state: MEMBER_STATE_NAMES[MemberState(state)],
        "member_kind": lambda member: next(
            kind for kind in (*KINDS, ALREADY) if member.state in kind.states
        ),
        "format_span": format_span,
        "as_percent": lambda permille: shown(permille / 10),
    }


@blp.get("/static/<path:filename>")
@public
def static_file(filename: str) -> ResponseReturnValue:
    """Return the style and the script of these pages."""
    return send_from_directory(STATIC, filename)


@blp.get("")
@requires("rollouts.view")
def list_rollouts() -> ResponseReturnValue:
    """List rollouts, newest first, with the state in the address."""
    session = unit()
    state = request.args.get("state")
    page = queries.rollouts_page(
        session,
        state=state if state in set(RolloutState) else None,
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    tallies = queries.tallies_of(session, page.rows)
    return render_template(
        "rollouts/list.html",
        page=page,
        bars={rollout_id: bar_of_states(found) for rollout_id, found in tallies.items()},
        counts=queries.rollouts_in_states(session),
        state=state,
        states=ROLLOUT_STATE_NAMES,
        kinds=KINDS,
    )


@blp.post("/stop-all")
@requires("rollouts.stop")
def stop_all() -> ResponseReturnValue:
    """Pause every rollout that runs."""
    form = read_form(ReasonForm())
    stopped = operations.stop_all(
        unit(), why=form["reason"], actor=current_actor(), now=request_time()
    )
    flash(
        ngettext("%(num)s rollout was stopped.", "%(num)s rollouts were stopped.", len(stopped))
        if stopped
        else _("No rollout was running.")
    )
    return see_other("rollout_pages.list_rollouts")


@blp.get("/<public_id>")
@requires("rollouts.view")
def show(public_id: str) -> ResponseReturnValue:
    """Show a rollout: a draft with what it would do, a live one as it goes."""
    return _detail(public_id, {}), 200


@blp.get("/<public_id>/live")
@requires("rollouts.view")
def live(public_id: str) -> ResponseReturnValue:
    """Return the part of the page that changes; with it what a move of the rollout changes."""
    rollout = queries.rollout_by_public_id(unit(), public_id)
    moved = request.args.get("seq") != str(rollout.event_seq)
    values = _values(rollout, with_events=moved)
    if values["follows"] and request.args.get("mark") == values["mark"]:
        return "", 204  # nothing has changed: the page stays as it is
    return render_template("rollouts/live.html", moved=moved, **values)


def _values(rollout: Rollout, *, with_events: bool = True) -> dict[str, Any]:
    session = unit()
    counts = queries.counts_of(session, rollout, now=request_time())
    picture = picture_of(rollout, counts, now=request_time())
    return {
        "rollout": rollout,
        "picture": picture,
        "mark": _mark(rollout, picture),
        "kinds": KINDS,
        "follows": rollout.state in LIVE_ROLLOUTS or picture.in_flight > 0,
        "events": queries.events_of(session, rollout) if with_events else (),
        "moves": _moves(rollout),
        "retry_blocked": _retry_obstacles(rollout, picture),
    }


def _mark(rollout: Rollout, picture: Picture) -> str:
    """Return what differs whenever the page would look different."""
    waves = [(w.bar, w.wave.share_permille, w.phase, _told_soak(w)) for w in picture.waves]
    shown_now = (rollout.state, rollout.event_seq, rollout.cap, waves, picture.groups)
    return hashlib.sha256(repr(shown_now).encode()).hexdigest()[:16]


def _told_soak(wave: WaveFigure) -> str:
    return format_span(wave.soak_left) if wave.soak_left else ""


def _moves(rollout: Rollout) -> set[str]:
    """Return what can be done with a rollout in its state."""
    state = RolloutState(rollout.state)
    return {name for (now, _to), name in ROLLOUT_MOVES.items() if now == state}


def _retry_obstacles(rollout: Rollout, picture: Picture) -> list[Obstacle]:
    found = drafts.image_obstacles(rollout.image)
    late = picture.waiting if rollout.state == RolloutState.COMPLETE else 0
    if not picture.retriable and not late:
        found.append(Obstacle("none_failed", text("No box of this rollout has failed.")))
    return found


def _detail(public_id: str, errors: dict[str, list[str]]) -> str:
    session = unit()
    rollout = queries.rollout_by_public_id(session, public_id)
    selection = Selection.from_json(rollout.selection)
    common = {
        "errors": errors,
        "typed": request.form,
        "selection": selection,
        "names": names_of(session, [*selection.uids[:20], *rollout.friendly[:20]]),
    }
    if rollout.state == RolloutState.DRAFT or not rollout.started_at:
        return render_template("rollouts/draft.html", rollout=rollout, **_draft(rollout), **common)
    return render_template("rollouts/detail.html", moved=True, **_values(rollout), **common)


def _draft(rollout: Rollout) -> dict[str, Any]:
    if rollout.state != RolloutState.DRAFT:
        return {"forecast": None, "blocked": (), "events": queries.events_of(unit(), rollout)}
    seen = plans.forecast(
        unit(),
        selection=Selection.from_json(rollout.selection),
        image=rollout.image,
        shares_permille=rollout.shares_permille,
        friendly=rollout.friendly,
        salt=rollout.salt,
    )
    return {
        "forecast": seen,
        "blocked": operations.start_obstacles(unit(), rollout),
        "events": (),
    }


@blp.get("/<public_id>/boxes")
@requires("rollouts.view")
def boxes(public_id: str) -> ResponseReturnValue:
    """List the boxes of a rollout; kind and wave are in the address."""
    session = unit()
    rollout = queries.rollout_by_public_id(session, public_id)
    kind = KIND_BY_NAME.get(request.args.get("kind", ""))
    typed = request.args.get("wave", "")
    wave = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else None
    page = queries.part_page(
        session,
        rollout,
        part=kind.part(wave) if kind else queries.Part(wave=wave),
        now=request_time(),
        cursor=request.args.get("cursor"),
        limit=BOXES_SIZE,
    )
    return render_template(
        "rollouts/boxes.html",
        rollout=rollout,
        page=page,
        kind=kind.name if kind else "",
        kinds=[(found.name, found.label) for found in KIND_BY_NAME.values()],
        wave=wave,
        waves=[(found.number, _("Wave %(n)s", n=found.number)) for found in rollout.waves],
    )


@blp.post("/<public_id>/start")
@requires("rollouts.edit")
def start(public_id: str) -> ResponseReturnValue:
    """Choose the boxes and open the first wave."""
    return _change(
        public_id,
        lambda rollout: operations.start(
            unit(), rollout=rollout, actor=current_actor(), now=request_time()
        ),
        _("The rollout has started."),
    )


def _with_reason(verb: Callable[..., Rollout]) -> Callable[[Rollout], Rollout]:
    def change(rollout: Rollout) -> Rollout:
        why = read_form(ReasonForm())["reason"]
        return verb(unit(), rollout=rollout, why=why, actor=current_actor(), now=request_time())

    return change


@blp.post("/<public_id>/pause")
@requires("rollouts.stop")
def pause(public_id: str) -> ResponseReturnValue:
    """Offer nothing more for now."""
    return _change(public_id, _with_reason(operations.pause), _("The rollout is paused."))


@blp.post("/<public_id>/resume")
@requires("rollouts.edit")
def resume(public_id: str) -> ResponseReturnValue:
    """Go on."""
    return _change(public_id, _with_reason(operations.resume), _("The rollout goes on."))


@blp.post("/<public_id>/cancel")
@requires("rollouts.stop")
def cancel(public_id: str) -> ResponseReturnValue:
    """End a rollout."""
    return _change(public_id, _with_reason(operations.cancel), _("The rollout is cancelled."))


@blp.post("/<public_id>/retry")
@requires("rollouts.edit")
def retry(public_id: str) -> ResponseReturnValue:
    """Let the boxes that failed, or came too late, try again."""
    return _change(
        public_id,
        lambda rollout: operations.retry(
            unit(), rollout=rollout, actor=current_actor(), now=request_time()
        ),
        _("The boxes that failed or came late may try again."),
    )


@blp.post("/<public_id>/widen")
@requires("rollouts.edit")
def widen(public_id: str) -> ResponseReturnValue:
    """Change the cap, and raise the shares of the waves."""

    def change(rollout: Rollout) -> Rollout:
        form = read_form(WideningForm())
        return operations.widen(
            unit(),
            rollout=rollout,
            shares_permille=[round(share * 10) for share in form["shares"][:WAVES_MOST]],
            cap=form["cap"],
            actor=current_actor(),
            now=request_time(),
        )

    return _change(public_id, change, _("The rollout is wider now."))


def _change(public_id: str, change: Callable[[Rollout], Any], done: str) -> ResponseReturnValue:
    """Carry out one change and show the rollout; a refusal is shown on its page."""
    try:
        change(queries.rollout_by_public_id(unit(), public_id))
        unit().flush()
    except DomainError as error:
        if error.status in {401, 403, 404}:
            raise
        unit().rollback()
        return _detail(public_id, form_errors(error)), error.status
    flash(done)
    return see_other("rollout_pages.show", public_id=public_id)
