"""Images in the JSON API."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from flask import Response, request

from firmware.images import operations, queries, uploads
from firmware.images.download import CONTENT_TYPE, download_of, serve
from firmware.images.models import Image
from firmware.images.queries import ImageCard
from firmware.images.schemas import (
    UPLOAD_BODY,
    FitsSchema,
    ImageDetailSchema,
    ImagesArguments,
    ImagesSchema,
    NotesSchema,
    WithdrawalSchema,
)
from stb_service.shared.access import requires, takes_files
from stb_service.shared.http import current_actor, services, unit
from stb_service.shared.http.api import api_blueprint, check_if_match, etag
from stb_service.shared.http.unit import request_time

blp = api_blueprint("images", "Firmware images")
Answer = tuple[ImageCard, int, dict[str, str]]


@blp.route("/images", methods=["GET"])
@blp.refuses(422)
@blp.arguments(ImagesArguments, location="query")
@blp.response(200, ImagesSchema)
@requires("images.view")
def list_images(arguments: dict[str, Any]) -> dict[str, Any]:
    """List images, newest first."""
    session = unit()
    page = queries.images_page(
        session,
        model_code=arguments["model"],
        state=arguments["state"],
        cursor=arguments["cursor"],
        limit=arguments["limit"],
    )
    return {"items": queries.cards_of(session, page.rows), "next_cursor": page.next_cursor}


@blp.route("/images", methods=["POST"])
@blp.refuses(400, 409, 413, 415, 422)
@blp.doc(requestBody=UPLOAD_BODY)
@blp.response(201, ImageDetailSchema)
@requires("images.upload")
@takes_files
def upload_image() -> Answer:
    """Upload an image.

    The file is digested while it streams in; an upload cut off leaves nothing behind.
    """
    try:
        image = uploads.receive_image(request, csrf=False)
    except uploads.Rejected as rejected:
        raise rejected.error from rejected
    return _answer(image, 201)


@blp.route("/images/<public_id>", methods=["GET"])
@blp.refuses(404)
@blp.response(200, ImageDetailSchema)
@requires("images.view")
def get_image(public_id: str) -> Answer:
    """Return an image, with what bars it from being offered."""
    return _answer(queries.image_by_public_id(unit(), public_id))


@blp.route("/images/<public_id>", methods=["PATCH"])
@blp.refuses(400, 404, 412, 415, 422)
@blp.arguments(NotesSchema)
@blp.response(200, ImageDetailSchema)
@requires("images.upload")
def patch_image(body: dict[str, Any], public_id: str) -> Answer:
    """Replace the release notes."""
    image = _for_change(public_id)
    operations.change_notes(
        unit(), image, notes=body["notes"], actor=current_actor(), now=request_time()
    )
    return _answer(image)


@blp.route("/images/<public_id>/fits", methods=["POST"])
@blp.refuses(400, 404, 409, 412, 415, 422)
@blp.arguments(FitsSchema)
@blp.response(200, ImageDetailSchema)
@requires("images.upload")
def add_fits(body: dict[str, Any], public_id: str) -> Answer:
    """Let an image fit more models and revisions."""
    image = _for_change(public_id)
    fits = [(fit["model_code"], fit["revision_code"]) for fit in body["fits"]]
    operations.add_fits(unit(), image, fits=fits, actor=current_actor(), now=request_time())
    return _answer(image)


@blp.route("/images/<public_id>/withdraw", methods=["POST"])
@blp.refuses(400, 404, 409, 412, 415, 422)
@blp.arguments(WithdrawalSchema)
@blp.response(200, ImageDetailSchema)
@requires("images.upload")
def withdraw_image(body: dict[str, Any], public_id: str) -> Answer:
    """Take an image out of use."""
    image = _for_change(public_id)
    operations.withdraw_image(
        unit(), image, reason=body["reason"], actor=current_actor(), now=request_time()
    )
    return _answer(image)


@blp.route("/images/<public_id>/restore", methods=["POST"])
@blp.refuses(404, 409, 412, 422)
@blp.response(200, ImageDetailSchema)
@requires("images.upload")
def restore_image(public_id: str) -> Answer:
    """Bring a withdrawn image back into use."""
    image = _for_change(public_id)
    operations.restore_image(unit(), image, actor=current_actor(), now=request_time())
    return _answer(image)


@blp.route("/images/<public_id>/file", methods=["GET"])
@blp.refuses(404, 412, 416)
@blp.alt_response(304, description="The file is the one you know")
@blp.doc(
    responses={
        206: {
            "description": "The ranges asked for",
            "content": {CONTENT_TYPE: {}, "multipart/byteranges": {}},
        }
    }
)
@blp.response(200, {"type": "string", "format": "binary"}, content_type=CONTENT_TYPE)
@requires("images.view")
def download_image(public_id: str) -> Response:
    """Download an image's file, whole or in ranges."""
    image = queries.image_by_public_id(unit(), public_id)
    return serve(download_of(image, services().files), request).response


def _for_change(public_id: str) -> Image:
    image = queries.image_by_public_id(unit(), public_id)
    check_if_match(image)
    return image


def _answer(image: Image, status: int = 200) -> Answer:
    session = unit()
    session.flush()  # the version that the ETag states is the one being written
    card = queries.card_of(session, services().files, image)
    return card, status, {"ETag": etag(image)}
