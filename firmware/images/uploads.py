"""Receiving an upload: the file part streams into the store, digested as it comes.

Nothing of the file passes through memory or a second file, and no unit of work is open
while bytes come in (on SQLite it would hold the only write lock for minutes). Whatever
ends an upload early, nothing of it stays.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask import Request
from flask_wtf.csrf import CSRFError, validate_csrf
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.formparser import FormDataParser

from firmware.images import operations, rules
from firmware.images.models import Image
from firmware.images.rules import Fit
from stb_service.shared.errors import DomainError, Invalid, TooLarge
from stb_service.shared.files import FileStore, Incoming
from stb_service.shared.http.app import services
from stb_service.shared.http.unit import close_unit, current_actor, request_time, unit
from stb_service.shared.i18n import text

FILE_FIELD = "file"
FIELDS_MAX_BYTES = 2**20  # all that is not the file
PARTS_MAX = 300


class Malformed(DomainError):
    """The body cannot be read as a form: cut off, or never one."""

    status = 400
    title = text("The upload was cut off or cannot be read")


class StorageFull(DomainError):
    """The disk has no room."""

    status = 507
    title = text("No room for the file")


class Rejected(Exception):
    """An upload was refused; `fields` is what was typed, as far as it came."""

    def __init__(self, error: DomainError, fields: MultiDict[str, str]) -> None:
        super().__init__(str(error))
        self.error = error
        self.fields = fields


@dataclass(frozen=True)
class Upload:
    """What a form brought: its fields, and the file, received and digested.

    Where no file came, `incoming` is empty, and is refused as an empty file is.
    """

    fields: MultiDict[str, str]
    incoming: Incoming
    filename: str


@contextlib.contextmanager
def receiving(request: Request, files: FileStore, *, limit_bytes: int) -> Iterator[Upload]:
    """Receive a multipart form with one file; throw the file away unless it is kept.

    Raises:
        UnsupportedMediaType: not multipart/form-data.
        Malformed: cut off, without boundary, or with more than one file.
        TooLarge: the file or its fields pass the limits.
        StorageFull: the disk is full.
    """
    close_unit()  # the check of an Idempotency-Key may have opened it
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("multipart/form-data is needed, with the image as its file")
    if (request.content_length or 0) > limit_bytes + FIELDS_MAX_BYTES:
        raise TooLarge(text("At most %(limit)s bytes are accepted.", limit=limit_bytes))
    with contextlib.ExitStack() as given_up:

        def receive() -> Incoming:
            incoming = files.receive(limit_bytes=limit_bytes)
            given_up.callback(_discard, incoming)
            return incoming

        with _disk_full_explained():
            upload = _parse(request, receive)
            upload.incoming.seal()
        yield upload


def _parse(request: Request, receive: Callable[[], Incoming]) -> Upload:
    """Read the body. The parser writes a file's part straight into what `receive` makes."""
    opened: list[Incoming] = []

    def stream_factory(**_described: Any) -> Any:
        if opened:
            raise Malformed(text("Send one file."))
        opened.append(receive())
        return opened[0]

    parser = FormDataParser(
        stream_factory=cast("Any", stream_factory),
        max_form_memory_size=FIELDS_MAX_BYTES,
        max_form_parts=PARTS_MAX,
        silent=False,
    )
    try:
        _, fields, found = parser.parse(
            cast("Any", request.stream),
            request.mimetype,
            request.content_length,
            dict(request.mimetype_params),
        )
    except ValueError as error:
        raise Malformed(text("The upload ended before its end, or is no form.")) from error
    part = found.get(FILE_FIELD)
    if opened and part is None:
        raise Malformed(text("The file belongs in the field %(name)s.", name=FILE_FIELD))
    filename = (part.filename if part is not None else None) or ""
    return Upload(fields, opened[0] if opened else receive(), filename)


def _discard(incoming: Incoming) -> None:
    with contextlib.suppress(OSError):
        incoming.close()  # on a full disk what is still buffered cannot be written
    incoming.discard()


@contextlib.contextmanager
def _disk_full_explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        raise StorageFull(text("The storage of the service is full.")) from error


def check_csrf(token: str | None) -> None:
    """Refuse an upload that did not come from a page of ours.

    The view does it itself: the app's own check would look into the form, and so read the
    whole body before the view is asked.

    Raises:
        CSRFError: the token is missing or not the session's.
    """
    try:
        validate_csrf(token)
    except ValueError as error:  # what WTForms raises is one
        raise CSRFError(str(error)) from error


def image_values(fields: MultiDict[str, str]) -> dict[str, Any]:
    """Return an upload's fields as `add_image` takes them.

    What the image fits is stated as `fits=MODEL/REVISION` (or `MODEL`: every revision),
    or by pairs of `fit_model` and `fit_revision`; each any number of times.

    Raises:
        Invalid: the sequence is not a number.
    """
    after = fields.get("after", "").strip()
    return {
        "name": fields.get("name", ""),
        "version": fields.get("version", "").strip(),
        "fits": [(fit.model_code, fit.revision_code) for fit in typed_fits(fields)],
        "notes": fields.get("notes", "").replace("\r\n", "\n").strip(),
        "sequence": _sequence(fields),
        "after": after or None,
    }


def typed_fits(fields: MultiDict[str, str]) -> list[Fit]:
    """Return the models and revisions that were typed, as they were typed."""
    written = [word for line in fields.getlist("fits") for word in line.split(",") if word.strip()]
    models, revisions = fields.getlist("fit_model"), fields.getlist("fit_revision")
    revisions += [""] * (len(models) - len(revisions))
    pairs = [
        Fit(model.strip(), revision.strip() or rules.EVERY_REVISION)
        for model, revision in zip(models, revisions, strict=False)
        if model.strip() or revision.strip()
    ]
    return [*map(rules.parse_fit, written), *pairs]


def _sequence(fields: Mapping[str, str]) -> int | None:
    given = fields.get("sequence", "").strip()
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 10:
        raise Invalid.field("sequence", text("A whole number."))
    return int(given)


def receive_image(request: Request, *, csrf: bool) -> Image:
    """Receive the image that a request brings and make it one.

    With `csrf`, the token comes in the `X-CSRFToken` header, which is checked before a
    byte is read, or (from a page without scripts) among the fields.

    Raises:
        Rejected: refused, with what was typed.
    """
    header = request.headers.get("X-CSRFToken")
    if csrf and header is not None:
        check_csrf(header)
    found = services()
    limit = found.settings.max_image_bytes
    typed: MultiDict[str, str] = MultiDict()
    try:
        with receiving(request, found.files, limit_bytes=limit) as upload:
            typed = upload.fields
            if csrf and header is None:
                check_csrf(typed.get("csrf_token"))
            return operations.add_image(
                unit(),
                found.files,
                incoming=upload.incoming,
                filename=upload.filename,
                actor=current_actor(),
                now=request_time(),
                **image_values(typed),
            )
    except DomainError as error:
        raise Rejected(error, typed) from error
