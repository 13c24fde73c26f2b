"""Serving an image's file: conditions (RFC 9110 section 13) and ranges (section 14).

Used by every wire, the pages and the API. What is asked is decided without reading the
file; the bytes are read in chunks while they are sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from flask import Request, Response
from werkzeug.http import http_date, parse_date

from firmware.images.models import Image
from firmware.images.ranges import ByteRange, parse_ranges
from firmware.images.rules import served_filename
from stb_service.shared.errors import NotFound
from stb_service.shared.files import FileStore
from stb_service.shared.http.problems import problem
from stb_service.shared.i18n import Text, text

CHUNK_BYTES = 256 * 1024
CONTENT_TYPE = "application/octet-stream"


class Kind(StrEnum):
    """What was answered."""

    HEAD = "head"
    FULL = "full"
    PARTIAL = "partial"
    NOT_MODIFIED = "not_modified"
    REFUSED = "refused"


@dataclass(frozen=True)
class Served:
    """An answer, and what of the file it holds (first and last byte of all its parts)."""

    response: Response
    kind: Kind
    first_byte: int | None = None
    last_byte: int | None = None

    @property
    def is_fetch(self) -> bool:
        """Whether bytes of the file are on their way."""
        return self.kind in {Kind.FULL, Kind.PARTIAL}


@dataclass(frozen=True)
class Download:
    """A file to be served, whole and unchanging."""

    path: Path
    filename: str
    size_bytes: int
    sha1: str
    modified_at: datetime

    @property
    def etag(self) -> str:
        """The strong entity tag: the SHA-1 that clients of DDI know the file by."""
        return f'"{self.sha1}"'


def download_of(image: Image, files: FileStore, *, model_code: str | None = None) -> Download:
    """Return an image's file under the name for a model's boxes, or for staff."""
    stem = image.name if model_code is None else model_code
    return Download(
        path=files.path(image.sha256),
        filename=served_filename(stem, image.version),
        size_bytes=image.size_bytes,
        sha1=image.sha1,
        modified_at=image.uploaded_at.replace(microsecond=0),
    )


def serve(download: Download, request: Request) -> Served:
    """Answer a GET or HEAD for a file.

    Raises:
        NotFound: the file is not in the store.
    """
    if not download.path.is_file():
        raise NotFound(text("The image's file is missing."))
    conditional = _condition(download, request)
    if conditional is not None:
        return conditional
    # Range is defined for GET alone (RFC 9110 section 14.2)
    if request.method == "HEAD":
        return Served(_response(download, 200, length=download.size_bytes), Kind.HEAD)
    header = request.headers.get("Range")
    ranges = None
    if header is not None and _range_applies(download, request):
        ranges = parse_ranges(header, download.size_bytes)
    if ranges is None:
        whole = ByteRange(0, download.size_bytes - 1)
        body = FileParts(download.path, [whole])
        return Served(
            _response(download, 200, length=download.size_bytes, body=body),
            Kind.FULL,
            whole.first,
            whole.last,
        )
    if not ranges:
        extra = [("Content-Range", f"bytes */{download.size_bytes}")]
        return _refused(416, text("No byte of the range asked for exists."), download, extra)
    return _partial(download, ranges)


def _condition(download: Download, request: Request) -> Served | None:
    """Return the answer that ends the request here, in the order of RFC 9110 section 13.2.2."""
    if request.if_match:
        if not request.if_match.contains(download.etag.strip('"')):
            return _refused(412, text("The file is not the one you know."), download)
    elif request.if_unmodified_since and download.modified_at > request.if_unmodified_since:
        return _refused(412, text("The file is newer than the one you know."), download)
    if request.if_none_match:
        # a GET is compared weakly (section 13.1.2)
        is_known = request.if_none_match.contains_weak(download.etag.strip('"'))
    else:
        since = request.if_modified_since
        is_known = since is not None and download.modified_at <= since
    if is_known:
        return Served(_response(download, 304), Kind.NOT_MODIFIED)
    return None


def _range_applies(download: Download, request: Request) -> bool:
    """Whether `If-Range` lets the range stand (RFC 9110 section 13.1.5).

    A weak entity tag never matches; a date matches only if it is exactly ours.
    """
    given = request.headers.get("If-Range")
    if given is None:
        return True
    given = given.strip()
    return given == download.etag or parse_date(given) == download.modified_at


def _partial(download: Download, ranges: Sequence[ByteRange]) -> Served:
    first, last = min(r.first for r in ranges), max(r.last for r in ranges)
    if len(ranges) == 1:
        response = _response(
            download,
            206,
            length=ranges[0].size_bytes,
            body=FileParts(download.path, ranges),
        )
        response.headers["Content-Range"] = _content_range(ranges[0], download)
        return Served(response, Kind.PARTIAL, first, last)
    boundary = secrets.token_hex(16)
    heads = [_part_head(boundary, found, download) for found in ranges]
    tail = f"\r\n--{boundary}--\r\n".encode()
    length = sum(map(len, heads)) + sum(r.size_bytes for r in ranges) + len(tail)
    response = _response(
        download, 206, length=length, body=FileParts(download.path, ranges, heads, tail)
    )
    response.headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    return Served(response, Kind.PARTIAL, first, last)


def _part_head(boundary: str, part: ByteRange, download: Download) -> bytes:
    """Return what stands before one part (RFC 9110 section 14.6)."""
    return (
        f"\r\n--{boundary}\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Range: {_content_range(part, download)}\r\n\r\n"
    ).encode()


def _content_range(part: ByteRange, download: Download) -> str:
    return f"bytes {part.first}-{part.last}/{download.size_bytes}"


def _response(
    download: Download, status: int, *, length: int | None = None, body: FileParts | None = None
) -> Response:
    response = Response(body or (), status, content_type=CONTENT_TYPE)
    _describe(response, download)
    if length is not None:
        response.headers["Content-Length"] = str(length)
        response.headers["Content-Disposition"] = f"attachment;filename={download.filename}"
    return response


def _describe(response: Response, download: Download) -> None:
    response.headers["ETag"] = download.etag
    response.headers["Last-Modified"] = http_date(download.modified_at)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["X-Content-Type-Options"] = "nosniff"
    # kept by the one who asked, and asked about again: who may download can change
    response.headers["Cache-Control"] = "private, no-cache"


def _refused(
    status: int, reason: Text, download: Download, extra: Sequence[tuple[str, str]] = ()
) -> Served:
    title = text("Range not satisfiable") if status == 416 else text("Precondition failed")
    code = "range-not-satisfiable" if status == 416 else "precondition-failed"
    headers = [("ETag", download.etag), ("Accept-Ranges", "bytes"), *extra]
    answer = problem(status, str(title), str(reason), code=code, headers=headers)
    return Served(answer, Kind.REFUSED)


class FileParts:
    """The body of an answer: parts of a file, each after its heading, read as they are sent.

    The file is opened here, so that one that cannot be read is an error and not an
    answer that breaks off. The server calls `close` however the answer ends, also when
    the client has gone (PEP 3333).
    """

    def __init__(
        self,
        path: Path,
        ranges: Sequence[ByteRange],
        heads: Sequence[bytes] = (),
        tail: bytes = b"",
    ) -> None:
        self._file: BinaryIO = path.open("rb")
        self._ranges = ranges
        self._heads = heads or [b""] * len(ranges)
        self._tail = tail

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body in chunks."""
        with self._file:
            for head, part in zip(self._heads, self._ranges, strict=True):
                if head:
                    yield head
                yield from self._chunks(part)
            if self._tail:
                yield self._tail

    def _chunks(self, part: ByteRange) -> Iterator[bytes]:
        self._file.seek(part.first)
        left = part.size_bytes
        while left:
            chunk = self._file.read(min(CHUNK_BYTES, left))
            if not chunk:
                raise OSError("the file is shorter than its row says")
            left -= len(chunk)
            yield chunk

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
