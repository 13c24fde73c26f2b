"""One content-addressed store for every file: images, reports, exports, attachments.

A file is written to `incoming/` while its digests are computed, and moved to its
place (named by its SHA-256) in one step: what is in place is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stb_service.shared.errors import TooLarge
from stb_service.shared.i18n import text


@dataclass(frozen=True)
class Stored:
    """What is known of a stored file. Digests are lower-case hex."""

    sha256: str
    sha1: str
    md5: str
    size_bytes: int


class Incoming:
    """A file being received: a writable stream that counts and digests as it goes."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        self._limit = limit_bytes
        self._file: BinaryIO = path.open("wb+")
        self._digests = {name: hashlib.new(name, usedforsecurity=False) for name in DIGESTS}
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Append bytes.

        Raises:
            TooLarge: the limit is passed; the file is given up.
        """
        if self.size_bytes + len(data) > self._limit:
            self.discard()
            raise TooLarge(text("At most %(limit)s bytes are accepted.", limit=self._limit))
        for digest in self._digests.values():
            digest.update(data)
        self.size_bytes += len(data)
        return self._file.write(data)

    def read(self, size: int = -1) -> bytes:
        """Read from the current position (parsers of forms want a whole stream)."""
        return self._file.read(size)

    def readline(self, size: int = -1) -> bytes:
        """Read a line from the current position."""
        return self._file.readline(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over lines."""
        return iter(self._file)

    def close(self) -> None:
        """Close the stream; the file stays until `keep` or `discard`."""
        self._file.close()

    def discard(self) -> None:
        """Give the file up."""
        try:
            self._file.close()
        finally:  # a full disk lets close fail
            self.path.unlink(missing_ok=True)

    def seal(self) -> Stored:
        """Write everything out and return the digests."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        hexes = {name: digest.hexdigest() for name, digest in self._digests.items()}
        return Stored(size_bytes=self.size_bytes, **hexes)


DIGESTS = ("sha256", "sha1", "md5")


class FileStore:
    """The store in a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def receive(self, *, limit_bytes: int = 2**31) -> Incoming:
        """Begin to receive a file."""
        folder = self.root / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        return Incoming(folder / secrets.token_hex(16), limit_bytes)

    @contextlib.contextmanager
    def receiving(self, *, limit_bytes: int = 2**31) -> Iterator[Incoming]:
        """Receive a file and throw it away unless it was kept."""
        incoming = self.receive(limit_bytes=limit_bytes)
        try:
            yield incoming
        finally:
            incoming.discard()

    def keep(self, incoming: Incoming) -> Stored:
        """Move a received file to its place. The same bytes twice are one file."""
        stored = incoming.seal()
        place = self.path(stored.sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        incoming.path.replace(place)
        folder = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return stored

    def keep_bytes(self, data: bytes) -> Stored:
        """Store a small file."""
        with self.receiving() as incoming:
            incoming.write(data)
            return self.keep(incoming)

    def path(self, sha256: str) -> Path:
        """Return where the file with this digest is or would be.

        Raises:
            ValueError: not a SHA-256 in lower-case hex.
        """
        if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
            raise ValueError("not a SHA-256 digest")
        return self.root / sha256[:2] / sha256

    def drop_stale(self, *, before: float) -> int:
        """Remove received files that were given up (older than `before`, a POSIX time)."""
        stale = [
            path for path in (self.root / "incoming").glob("*") if path.stat().st_mtime < before
        ]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)
