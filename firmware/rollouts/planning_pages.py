"""The forms in which rollouts and recalls are planned, with a preview that follows the typing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from firmware.boxes.queries import codes_in_use, tags_in_use, versions_running
from firmware.images.models import Image
from firmware.images.queries import image_by_public_id, images_page
from firmware.rollouts import drafts, forms, operations, plans, queries
from firmware.rollouts.forms import WAVE_COLUMNS, AimForm, PlanForm, RecallForm
from firmware.rollouts.plans import Aim
from stb_service.shared.access import requires
from stb_service.shared.db import new_public_id
from stb_service.shared.errors import Invalid
from stb_service.shared.http import current_actor, read_form, services, unit
from stb_service.shared.http.pages import form_errors, form_page, see_other
from stb_service.shared.http.unit import request_time

blp = Blueprint(
    "rollout_planning", __name__, url_prefix="/firmware/rollouts", template_folder="templates"
)
IMAGES_SHOWN = 200


@blp.route("/new", methods=["GET", "POST"])
@requires("rollouts.edit")
def new() -> ResponseReturnValue:
    """Plan a rollout. Its salt is that of the preview, so that what was shown is what happens."""

    def save() -> ResponseReturnValue:
        aim = plans.aim_of(unit(), _body(PlanForm()))
        rollout = drafts.create_rollout(
            unit(), plan=aim.plan, image=aim.image, actor=current_actor(), now=request_time()
        )
        unit().flush()
        flash(_("The draft was written down. Nothing is offered before it is started."))
        return see_other("rollout_pages.show", public_id=rollout.public_id)

    values = {
        **forms.first_values(),
        "image": request.args.get("image", ""),
        "salt": new_public_id(),
    }
    return form_page("rollouts/new.html", save, values=values, images=_image_choices, **_choices())


@blp.route("/recall", methods=["GET", "POST"])
@requires("rollouts.edit")
def recall() -> ResponseReturnValue:
    """Withdraw an image and bring its boxes back to an older version, in waves."""
    recalled = image_by_public_id(unit(), request.values.get("recalled", ""))

    def save() -> ResponseReturnValue:
        form = read_form(RecallForm())
        aim = plans.aim_of(unit(), forms.as_body(form, forms.read_waves(request.form)))
        rollout = operations.recall(
            unit(),
            image=recalled,
            target=aim.image,
            plan=aim.plan,
            why=form["reason"],
            actor=current_actor(),
            now=request_time(),
        )
        unit().flush()
        flash(_("The image was withdrawn; its boxes are brought back."))
        return see_other("rollout_pages.show", public_id=rollout.public_id)

    older = queries.images_before(unit(), recalled)
    values = {
        **forms.first_values(),
        "image": older[0].public_id if older else "",
        "name": _("Back from %(version)s", version=recalled.version),
        "recalled": recalled.public_id,
        "salt": new_public_id(),
    }
    return form_page(
        "rollouts/recall.html",
        save,
        values=values,
        recalled=recalled,
        images=lambda: [_image_choice(image) for image in older],
        **_choices(),
    )


@blp.post("/preview")
@requires("rollouts.edit")
def preview() -> ResponseReturnValue:
    """Return how many boxes a form means, and which; nothing is written."""
    if not request.form.get("image"):
        return render_template("rollouts/preview.html", errors={}, forecast=None)
    with services().db.read() as session:  # a POST for its length: it must not hold up writers
        try:
            form = read_form(AimForm())
            aim = plans.aim_of(session, forms.as_body(form, forms.read_waves(request.form)))
            aim = _without(session, aim)
        except Invalid as error:
            errors = form_errors(error)
            return render_template("rollouts/preview.html", errors=errors, forecast=None)
        found = plans.forecast_of(session, aim)
    return render_template(
        "rollouts/preview.html",
        errors={},
        forecast=found,
        shares=[wave.share_permille for wave in aim.plan.waves],
    )


def _without(session: Any, aim: Aim) -> Aim:
    """Return the aim of a recall, which means the boxes that run what is recalled."""
    recalled = request.form.get("recalled")
    if not recalled:
        return aim
    image = plans.image_for(session, recalled, "recalled")
    selection = replace(aim.plan.selection, versions=(image.version,))
    return replace(aim, plan=replace(aim.plan, selection=selection), recalled=image)


def _body(schema: PlanForm) -> dict[str, Any]:
    """Return the posted form as the API takes it, with the messages of all its parts at once."""
    problems: dict[str, Any] = {}
    form, waves = None, None
    try:
        form = read_form(schema)
    except Invalid as error:
        problems |= error.fields
    try:
        waves = forms.read_waves(request.form)
    except Invalid as error:
        problems |= error.fields
    if form is None or waves is None:
        raise Invalid(fields=problems)
    return forms.as_body(form, waves)


def _image_choices() -> list[tuple[str, str]]:
    page = images_page(unit(), state="available", limit=IMAGES_SHOWN)
    return [("", _("Choose an image")), *map(_image_choice, page.rows)]


def _image_choice(image: Image) -> tuple[str, str]:
    return image.public_id, f"{image.version} · {image.name}"


def _choices() -> dict[str, Any]:
    """Return what the forms offer to choose from; read when the form is shown."""
    return {
        "wave_rows": lambda: forms.typed_waves(request.form) or forms.first_waves(),
        "wave_columns": WAVE_COLUMNS,
        "codes": lambda: codes_in_use(unit()),
        "tags": lambda: tags_in_use(unit()),
        "versions": lambda: sorted({version for _model, version, _n in versions_running(unit())}),
    }
