"""Download with resume: what arrives is hashed on the fly, a break continues where it broke.

Source: RFC 9110 section 14 (range requests); hawkBit DDI v1, softwaremodules artifacts.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lab.box.box import Box, Glance, Phase
from lab.box.image import HEADER_LIMIT_BYTES, Image, read_image
from lab.box.record import Violation
from lab.box.wire import OK, PARTIAL, Life, Request, Stream, hang_up, pause, read, send
from lab.units import from_bytes, transfer_ns

PIECE_BYTES = 256 * 1024
MOST_TRIES = 10
COMPLETE_ALREADY = 416
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Fetched(StrEnum):
    """How a download ended."""

    DONE = "done"
    STOPPED = "stopped"
    BROKEN = "the connection kept breaking"
    REFUSED = "the server refused the download"
    WRONG_SIZE = "the size is not the promised one"
    WRONG_HASH = "the hash is not the promised one"


@dataclass(frozen=True, slots=True)
class Source:
    """Where to fetch from, and what was promised of it; `None` and empty: nothing was."""

    url: str
    headers: Mapping[str, str]
    size_bytes: int | None = None
    sha1: str = ""
    sha256: str = ""


@dataclass(slots=True)
class Intake:
    """What arrived so far: its hashes, its beginning and its length, not its bytes."""

    received_bytes: int = 0
    head: bytes = b""
    _sha1: "hashlib._Hash" = field(default_factory=lambda: hashlib.sha1(usedforsecurity=False))
    _sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def take(self, data: bytes) -> None:
        """Add the next bytes."""
        self.head += data[: HEADER_LIMIT_BYTES - len(self.head)]
        self.received_bytes += len(data)
        self._sha1.update(data)
        self._sha256.update(data)

    def judge(self, source: Source) -> Fetched:
        """Compare with what was promised."""
        if source.size_bytes is not None and self.received_bytes != source.size_bytes:
            return Fetched.WRONG_SIZE
        if source.sha1 and self._sha1.hexdigest() != source.sha1.lower():
            return Fetched.WRONG_HASH
        if source.sha256 and self._sha256.hexdigest() != source.sha256.lower():
            return Fetched.WRONG_HASH
        return Fetched.DONE


class Download:
    """One download by one box. After `run`, `image` reads what arrived."""

    def __init__(self, box: Box, source: Source, still_wanted: Glance | None = None) -> None:
        """Nothing is sent yet; `still_wanted` is asked between pieces."""
        self._box = box
        self._source = source
        self._still_wanted = still_wanted
        self._intake = Intake()
        self._size_bytes = source.size_bytes
        self._drops = list(box.temper.link_drops)
        self.last_status = 0

    def image(self, *, otherwise: str) -> Image:
        """The image that arrived; without a header it carries version `otherwise`."""
        return read_image(self._intake.head, otherwise=otherwise)

    def run(self) -> Life[Fetched]:
        """Fetch the file, continuing after every break, at most MOST_TRIES times."""
        box = self._box
        box.phase = Phase.DOWNLOADING
        box.record.downloads.started += 1
        box.record.change(box.now_ns(), "download", self._source.url)
        ended = yield from self._fetch()
        counts = box.record.downloads
        counts.finished += ended is Fetched.DONE
        counts.failed += ended not in {Fetched.DONE, Fetched.STOPPED}
        box.record.change(box.now_ns(), "download ended", ended)
        return ended

    def _fetch(self) -> Life[Fetched]:
        backoff = self._box.retry_backoff()
        for number in range(MOST_TRIES):
            if number:
                yield from pause(backoff.next_ns())
            stream, refused = yield from self._open()
            if refused:
                return Fetched.REFUSED
            if stream is not None:
                wanted = yield from self._drain(stream)
                if not wanted:
                    return Fetched.STOPPED
            if self._intake.received_bytes and self._complete():
                return self._judge()
        return Fetched.BROKEN

    def _open(self) -> Life[tuple[Stream | None, bool]]:
        """Ask for the file or the rest of it: a stream if there is one, and whether to give up."""
        box, have_bytes = self._box, self._intake.received_bytes
        headers = dict(self._source.headers)
        if have_bytes:
            headers["Range"] = f"bytes={have_bytes}-"
            box.record.downloads.resumed += 1
            box.record.note(box.now_ns(), "resume", f"from byte {have_bytes}")
        reply = yield from send(
            Request("GET", self._source.url, headers, piece_bytes=self._piece_bytes())
        )
        self.last_status = reply.status
        box.heard(reply, "download")
        if reply.status == PARTIAL and have_bytes:
            self._check_range(reply.headers.get("content-range", ""))
        elif reply.status == OK and have_bytes:
            # RFC 9110 allows this, the DDI page promises ranges: start again, and say so.
            self._breach("range-ignored", "a request for the rest was answered with the whole")
            self._intake = Intake()
        if reply.status in {OK, PARTIAL}:
            self._learn_size(reply.headers)
            return reply.stream, False
        final = 400 <= reply.status < 500 and reply.status != COMPLETE_ALREADY
        return None, final

    def _drain(self, stream: Stream) -> Life[bool]:
        """Read to the end or to a break; false if the service no longer wants it."""
        box = self._box
        wanted = True
        while wanted:
            piece = yield from read(stream)
            if piece.error:
                box.record.note(box.now_ns(), "link broke", piece.error)
            if not piece.data:
                break
            self._intake.take(piece.data)
            box.record.downloads.received_bytes += len(piece.data)
            wire_ns = transfer_ns(from_bytes(len(piece.data)), box.temper.rate_bps)
            yield from pause(box.pace.scaled(wire_ns))
            if self._link_drops():
                box.record.note(box.now_ns(), "link dropped")
                break
            wanted = self._still_wanted is None or (yield from self._still_wanted())
        yield from hang_up(stream)
        return wanted

    def _piece_bytes(self) -> int:
        """Small files come in more than one piece too, so that a link can drop in the middle."""
        size_bytes = self._size_bytes or PIECE_BYTES
        return max(1024, min(PIECE_BYTES, size_bytes // 16))

    def _link_drops(self) -> bool:
        """Whether the flaky link drops here; each drop happens once."""
        if not self._drops or not self._size_bytes:
            return False
        if self._intake.received_bytes < self._drops[0] * self._size_bytes:
            return False
        self._drops.pop(0)
        return True

    def _complete(self) -> bool:
        """Whether everything arrived; of a file of unknown size, whether anything did."""
        return self._size_bytes is None or self._intake.received_bytes >= self._size_bytes

    def _judge(self) -> Fetched:
        ended = self._intake.judge(self._source)
        if ended is not Fetched.DONE:
            self._breach("artifact-differs", f"{self._source.url}: {ended}")
        return ended

    def _learn_size(self, headers: Mapping[str, str]) -> None:
        """Take the size from the reply when the order did not say it; they must agree."""
        length = headers.get("content-length", "")
        if not length.isdigit():
            return
        total_bytes = int(length) + self._intake.received_bytes
        if self._size_bytes is None:
            self._size_bytes = total_bytes
        elif total_bytes != self._size_bytes:
            seen = f"length says {total_bytes}, promised were {self._size_bytes} bytes"
            self._breach("length-differs", seen)

    def _check_range(self, content_range: str) -> None:
        match = CONTENT_RANGE.fullmatch(content_range)
        if match is None or int(match[1]) != self._intake.received_bytes:
            asked = f"asked from byte {self._intake.received_bytes}, got {content_range!r}"
            self._breach("content-range", asked)

    def _breach(self, rule: str, detail: str) -> None:
        self._box.breaches([Violation(rule, detail)])
