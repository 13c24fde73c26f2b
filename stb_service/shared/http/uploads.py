"""Receiving the file of an import."""

from __future__ import annotations

import shutil
from pathlib import PurePosixPath
from typing import Any, cast

from werkzeug.datastructures import FileStorage

from stb_service.shared.errors import Invalid
from stb_service.shared.files import Stored
from stb_service.shared.http.app import services
from stb_service.shared.i18n import text

MAX_UPLOAD_BYTES = 100 * 2**20


def keep_upload(upload: FileStorage | None) -> tuple[Stored, str]:
    """Store an uploaded file; return it with its name.

    Raises:
        Invalid: there is none, or it is empty.
        TooLarge: it has more than 100 MB.
    """
    if upload is None or not upload.filename:
        raise Invalid.field("file", text("Choose a file."))
    name = PurePosixPath(upload.filename.replace("\\", "/")).name
    name = "".join(c for c in name if c.isprintable())[-120:] or "file"
    with services().files.receiving(limit_bytes=MAX_UPLOAD_BYTES) as incoming:
        shutil.copyfileobj(upload.stream, cast("Any", incoming), 2**18)
        if not incoming.size_bytes:
            raise Invalid.field("file", text("The file is empty."))
        return services().files.keep(incoming), name
