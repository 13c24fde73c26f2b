"""Images for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, flash, g, render_template, request, send_from_directory, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from firmware.boxes.queries import codes_in_use
from firmware.images import operations, queries, rules, uploads
from firmware.images.download import download_of, serve
from firmware.images.models import Image
from firmware.images.rules import Fit, State
from stb_service.shared.access import public, requires, takes_files
from stb_service.shared.errors import DomainError
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.pages import form_errors, see_other
from stb_service.shared.http.unit import close_unit, request_time

STATIC = Path(__file__).parent / "static"
EMPTY_ROWS = 2  # of models and revisions, in a form just opened
# At which field of the form a refusal of the whole is shown.
FIELD_OF_CODE = {
    "image-same-bytes": "file",
    "toolarge": "file",
    "storagefull": "file",
    "image-version-taken": "version",
    "image-sequence-taken": "sequence",
    "image-sequence-set": "sequence",
    "image-sequence-full": "sequence",
}

blp = Blueprint("image_pages", __name__, url_prefix="/firmware/images", template_folder="templates")


@blp.get("/static/<path:filename>")
@public
def static_file(filename: str) -> ResponseReturnValue:
    """Return the script of the upload page."""
    return send_from_directory(STATIC, filename)


@blp.get("")
@requires("images.view")
def list_images() -> ResponseReturnValue:
    """List images, newest first, with filters in the address."""
    session = unit()
    model = request.args.get("model") or None
    state = request.args.get("state") or None
    page = queries.images_page(
        session,
        model_code=model if model and rules.is_code(model) else None,
        state=state if state in set(State) else None,
        cursor=request.args.get("cursor"),
        limit=25,
    )
    return render_template(
        "images/list.html",
        page=page,
        cards=queries.cards_of(session, page.rows),
        models=sorted({fit.model_code for fit in queries.fitting_codes(session)}),
        model=model,
        state=state,
        states=rules.STATE_NAMES,
    )


@blp.get("/new")
@requires("images.upload")
def new_image() -> ResponseReturnValue:
    """Show the empty form."""
    return _form(MultiDict(), {}), 200


@blp.post("")
@requires("images.upload")
@takes_files
def upload_image() -> ResponseReturnValue:
    """Receive an image, from the form itself or from its script.

    The script is answered in JSON: where to go, or the messages of each field.
    """
    by_script = request.accept_mimetypes.best == "application/json"
    g.is_machine = by_script  # other refusals are then told in JSON too
    try:
        image = uploads.receive_image(request, csrf=True)
    except uploads.Rejected as rejected:
        errors = _at_fields(rejected.error)
        if by_script:
            return {"errors": errors}, rejected.error.status
        close_unit()  # nothing of the refused upload is read back
        return _form(rejected.fields, errors), rejected.error.status
    flash(_("The image was uploaded."))
    if by_script:
        return {"location": url_for("image_pages.show_image", public_id=image.public_id)}, 201
    return see_other("image_pages.show_image", public_id=image.public_id)


# The app's own check would read the whole upload before this view could let it stream.
upload_image.csrf_in_view = True  # type: ignore[attr-defined]


@blp.get("/<public_id>")
@requires("images.view")
def show_image(public_id: str) -> ResponseReturnValue:
    """Show an image."""
    return _detail(public_id, {}), 200


@blp.get("/<public_id>/file")
@requires("images.view")
def download_image(public_id: str) -> ResponseReturnValue:
    """Download an image's file."""
    image = queries.image_by_public_id(unit(), public_id)
    return serve(download_of(image, services().files), request).response


@blp.post("/<public_id>/notes")
@requires("images.upload")
def change_notes(public_id: str) -> ResponseReturnValue:
    """Replace the release notes."""
    return _change(
        public_id,
        lambda image: operations.change_notes(
            unit(),
            image,
            notes=request.form.get("notes", "").replace("\r\n", "\n").strip(),
            actor=current_actor(),
            now=request_time(),
        ),
        _("The release notes were changed."),
    )


@blp.post("/<public_id>/fits")
@requires("images.upload")
def add_fits(public_id: str) -> ResponseReturnValue:
    """Let an image fit more models and revisions."""
    fits = [(fit.model_code, fit.revision_code) for fit in uploads.typed_fits(request.form)]
    return _change(
        public_id,
        lambda image: operations.add_fits(
            unit(), image, fits=fits, actor=current_actor(), now=request_time()
        ),
        _("The image fits more boxes now."),
    )


@blp.post("/<public_id>/withdraw")
@requires("images.upload")
def withdraw_image(public_id: str) -> ResponseReturnValue:
    """Take an image out of use."""
    return _change(
        public_id,
        lambda image: operations.withdraw_image(
            unit(),
            image,
            reason=request.form.get("reason", "").strip(),
            actor=current_actor(),
            now=request_time(),
        ),
        _("The image was withdrawn."),
    )


@blp.post("/<public_id>/restore")
@requires("images.upload")
def restore_image(public_id: str) -> ResponseReturnValue:
    """Bring a withdrawn image back into use."""
    return _change(
        public_id,
        lambda image: operations.restore_image(
            unit(), image, actor=current_actor(), now=request_time()
        ),
        _("The image is available again."),
    )


def _change(public_id: str, change: Callable[[Image], Image], done: str) -> ResponseReturnValue:
    """Carry out one change and show the image; a refusal is shown on its page."""
    try:
        change(queries.image_by_public_id(unit(), public_id))
        unit().flush()
    except DomainError as error:
        if error.status in {401, 403, 404}:
            raise
        unit().rollback()
        return _detail(public_id, form_errors(error)), error.status
    flash(done)
    return see_other("image_pages.show_image", public_id=public_id)


def _detail(public_id: str, errors: dict[str, list[str]]) -> str:
    session = unit()
    image = queries.image_by_public_id(session, public_id)
    card = queries.card_of(session, services().files, image)
    return render_template(
        "images/detail.html",
        image=image,
        card=card,
        neighbours=queries.neighbours_of(session, card),
        errors=errors,
        typed=request.form,
        every_revision=rules.EVERY_REVISION,
        known=_known_codes(),
        withdrawn=image.state == State.WITHDRAWN,
        state_name=rules.STATE_NAMES[State(image.state)],
        served_names=[
            rules.served_filename(model, image.version) for model in sorted(card.sequences)
        ],
        withdraw_blocked=rules.transition_obstacles(State(image.state), State.WITHDRAWN),
    )


def _form(fields: MultiDict[str, str], errors: dict[str, list[str]]) -> str:
    rows = [(fit.model_code, _shown_revision(fit)) for fit in uploads.typed_fits(fields)]
    return render_template(
        "images/upload.html",
        values=fields,
        errors=errors,
        rows=[*rows, *[("", "")] * max(1, EMPTY_ROWS - len(rows))],
        known=_known_codes(),
        version_pattern=rules.VERSION_PATTERN,
        limit_bytes=services().settings.max_image_bytes,
    )


def _shown_revision(fit: Fit) -> str:
    return "" if fit.revision_code == rules.EVERY_REVISION else fit.revision_code


def _known_codes() -> dict[str, list[str]]:
    """Return the codes to choose from: those boxes state, and those images fit."""
    session = unit()
    boxes = {(model, revision) for model, revision, _count in codes_in_use(session)}
    images = {(fit.model_code, fit.revision_code) for fit in queries.fitting_codes(session)}
    models = sorted({model for model, _revision in boxes | images if model})
    revisions = {revision for _model, revision in boxes | images}
    return {
        "models": models,
        "revisions": sorted(code for code in revisions if code not in {"", rules.EVERY_REVISION}),
    }


def _at_fields(error: DomainError) -> dict[str, list[str]]:
    field = FIELD_OF_CODE.get(error.code)
    return {field: [str(error)]} if field else form_errors(error)
