"""Receiving the files of a run, from the API or from a page."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from firmware.images.queries import image_by_public_id
from firmware.verdicts import operations, queries
from firmware.verdicts.models import LabRun
from firmware.verdicts.rules import MAX_FILE_BYTES, Evidence, Form, Sent, read_junit, read_result
from stb_service.shared.errors import Invalid, NotFound, TooLarge
from stb_service.shared.http import current_actor, services
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text

MAX_BODY_BYTES = 2 * MAX_FILE_BYTES + 100_000


def limit_body(_endpoint: str | None, _values: Mapping[str, Any] | None) -> None:
    """Let no more of a request be read than the files of a run may have."""
    request.max_content_length = MAX_BODY_BYTES


def receive_run(
    session: Session, files: Mapping[str, FileStorage], form: Mapping[str, Any]
) -> tuple[LabRun, bool]:
    """Read and keep a run; return it, and whether it is new. What is refused leaves no file.

    Raises:
        Invalid: with the messages of each field.
        TooLarge: a file has more than 20 MB.
    """
    sent, data = _read(files)
    page = _page(files.get("report"), sent)
    image = _image(session, form.get("image"))
    evidence = _evidence(form.get("evidence"), sent)
    known = queries.run_of_result(session, sha256(data).hexdigest(), evidence=evidence, image=image)
    if known is not None and known.report_sha256:
        page = b""  # what nobody refers to is not kept
    store = services().files
    return operations.take_run(
        session,
        sent=sent,
        result=store.keep_bytes(data),
        report=store.keep_bytes(page) if page else None,
        image=image,
        evidence=evidence,
        actor=current_actor(),
        now=request_time(),
    )


def _read(files: Mapping[str, FileStorage]) -> tuple[Sent, bytes]:
    result, junit = files.get("result"), files.get("junit")
    if result and junit:
        raise Invalid.field("junit", text("Either a result or JUnit XML, not both."))
    if result:
        data = _bytes(result)
        return read_result(data), data
    if junit:
        data = _bytes(junit)
        return read_junit(data), data
    raise Invalid.field("result", text("Choose a file."))


def _page(report: FileStorage | None, sent: Sent) -> bytes:
    if report is None:
        return b""
    if sent.form != Form.STB_LAB:
        raise Invalid.field("report", text("A report goes with a result of stb-lab."))
    page = _bytes(report)
    if page and b"<html" not in page[:1000].lower():
        raise Invalid.field("report", text("The file is no HTML page."))
    return page


def _bytes(file: FileStorage) -> bytes:
    data = file.stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise TooLarge(text("At most %(limit)s bytes are accepted.", limit=MAX_FILE_BYTES))
    return data


def _evidence(claimed: str | None, sent: Sent) -> Evidence:
    """Return what a run was made on. A rig's JUnit XML does not say it, so whoever sends it may: a
    rig may be a bench of emulators. A result of stb-lab says it itself.
    """
    evidence = Evidence(claimed) if claimed else sent.evidence
    if sent.form == Form.STB_LAB and evidence != sent.evidence:
        raise Invalid.field(
            "evidence",
            text("A result of stb-lab says itself what it was made on; only JUnit XML does not."),
        )
    return evidence


def _image(session: Session, public_id: str | None) -> Any:
    if not public_id:
        return None
    try:
        return image_by_public_id(session, public_id)
    except NotFound as error:
        raise Invalid.field("image", error.detail) from error
