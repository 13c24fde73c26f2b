"""One box for people of the operator: what the update service knows of it, and why."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from firmware.boxes.queries import operator_box
from firmware.rollouts.box_card import load_card
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.unit import request_time

blp = Blueprint(
    "rollout_boxes", __name__, url_prefix="/firmware/boxes", template_folder="templates"
)


@blp.get("/<uid>")
@requires("boxes.view")
def show(uid: str) -> ResponseReturnValue:
    """Show a box; `at` in the address asks what it was told at a moment, and why."""
    box = operator_box(unit(), uid, current_actor().scope)
    values = load_card(unit(), box.uid, current_actor(), request_time())
    return render_template("rollouts/box.html", **values)
