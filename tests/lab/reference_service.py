"""A tiny update service written from the protocols' pages, for boxes to talk to.

It answers in memory (`answer`), so that a fleet can live in virtual time, and can
be served over real HTTP (`serve`). A test changes its fields to make it misbehave.
"""

import hashlib
import json
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from werkzeug.serving import make_server
from werkzeug.wrappers import Request as WebRequest
from werkzeug.wrappers import Response as WebResponse

from lab.box.wire import HangUp, Piece, Read, Reply, Request
from lab.fleet.courier import IoEffect, Resume
from lab.kernel import Kernel
from lab.units import NS_PER_MS

Answer = tuple[int, dict[str, str], bytes]

PREFIX = "/default/controller/v1/"


@dataclass
class Known:
    """What the service knows of one box."""

    version: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    finals: list[str] = field(default_factory=list)
    feedback: list[dict[str, Any]] = field(default_factory=list)
    cancel_answers: list[str] = field(default_factory=list)
    wants_attributes: bool = True
    action_id: int = 0
    cancelling: bool = False


@dataclass
class ReferenceService:
    """Offers one image to every box that does not run it, at most `most_orders` times each."""

    image: bytes
    version: str
    url: str = "http://boxes.test"
    filename: str = "MAG524-fw.swu"
    sleep: str = "00:00:10"
    most_orders: int = 3
    boxes: dict[str, Known] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    final_statuses: deque[int] = field(default_factory=deque)
    order_changes: dict[str, Any] = field(default_factory=dict)
    poll_status: int = 200
    poll_statuses: deque[int] = field(default_factory=deque)
    sha1: str = ""
    sha256: str = ""
    file_headers: dict[str, str] = field(default_factory=dict)
    moved_files: bool = False
    answer_changes: dict[str, Any] = field(default_factory=dict)
    cancel_at: str = ""
    offers_files: bool = True
    ranges: bool = True
    reopens: bool = False
    break_after_bytes: deque[int] = field(default_factory=deque)
    orders: Counter[str] = field(default_factory=Counter)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """One exchange: status, headers, body."""
        self.requests.append((method, target, headers))
        if self.cancel_at and self.cancel_at in f"{method} {target} {body!r}":
            self.cancel_at = ""
            for known in self.boxes.values():
                known.cancelling = True
        path, query = urlsplit(target).path, urlsplit(target).query
        if self.moved_files and path.startswith("/files/"):
            return 302, {"Location": path.replace("/files/", "/stored/")}, b""
        if path.startswith(("/files/", "/stored/")):
            return self._file(method, headers)
        if path == "/xconf/swu/stb":
            return self._xconf(dict(parse_qsl(query or body.decode())))
        controller_id, _, rest = path.removeprefix(PREFIX).partition("/")
        known = self.boxes.setdefault(controller_id, Known())
        return self._ddi(controller_id, known, rest, body)

    def asked(self, method: str, part: str) -> list[dict[str, str]]:
        """The headers of every request of this method whose target contains `part`."""
        return [
            headers for name, target, headers in self.requests if method in name and part in target
        ]

    def _ddi(self, controller_id: str, known: Known, rest: str, body: bytes) -> Answer:
        resource, _, number = rest.removesuffix("/feedback").partition("/")
        answers = {
            "": lambda: self._poll(controller_id, known),
            "configData": lambda: self._attributes(known, body),
            "deploymentBase": lambda: self._order(number),
            "deploymentBase/feedback": lambda: self._feedback(known, body),
            "cancelAction": lambda: _json({"id": number, "cancelAction": {"stopId": number}}),
            "cancelAction/feedback": lambda: self._cancelled(known, body),
        }
        return answers[f"{resource}{'/feedback' * rest.endswith('/feedback')}"]()

    def _attributes(self, known: Known, body: bytes) -> Answer:
        known.attributes = json.loads(body)["data"]
        known.version = known.attributes["sw_version"]
        known.wants_attributes = False
        return 200, {}, b""

    def _cancelled(self, known: Known, body: bytes) -> Answer:
        known.cancel_answers.append(json.loads(body)["status"]["execution"])
        known.cancelling = False
        known.action_id *= known.cancel_answers[-1] == "rejected"
        return 200, {}, b""

    def _poll(self, controller_id: str, known: Known) -> Answer:
        status = self.poll_statuses.popleft() if self.poll_statuses else self.poll_status
        base = f"{self.url}{PREFIX}{controller_id}"
        links: dict[str, Any] = {}
        if known.wants_attributes:
            links["configData"] = {"href": f"{base}/configData"}
        elif known.cancelling and known.action_id:
            links["cancelAction"] = {"href": f"{base}/cancelAction/{known.action_id}"}
        elif known.action_id or known.version != self.version:
            if not known.action_id and self.orders[controller_id] < self.most_orders:
                self.orders[controller_id] += 1
                known.action_id = sum(self.orders.values())
            if known.action_id:
                links["deploymentBase"] = {"href": f"{base}/deploymentBase/{known.action_id}?c=7"}
        return _json({"config": {"polling": {"sleep": self.sleep}}, "_links": links}, status)

    def _order(self, number: str) -> Answer:
        artifact = {
            "filename": self.filename,
            "hashes": {
                "sha1": self.sha1 or hashlib.sha1(self.image).hexdigest(),
                "sha256": self.sha256 or hashlib.sha256(self.image).hexdigest(),
            },
            "size": len(self.image),
            "_links": {"download": {"href": f"{self.url}/files/{self.filename}"}},
        }
        chunk = {"part": "os", "version": self.version, "name": "fw", "artifacts": [artifact]}
        deployment = {"download": "forced", "update": "forced", "chunks": [chunk]}
        return _json({"id": number, "deployment": {**deployment, **self.order_changes}})

    def _feedback(self, known: Known, body: bytes) -> Answer:
        feedback = json.loads(body, strict=False)
        known.feedback.append(feedback)
        if feedback["status"]["execution"] != "closed":
            return 200, {}, b""
        status = self.final_statuses.popleft() if self.final_statuses else 200
        if status == 200:
            known.finals.append(feedback["status"]["result"]["finished"])
            known.action_id *= self.reopens
            known.wants_attributes = True
        return status, {}, b""

    def _xconf(self, asked: dict[str, str]) -> Answer:
        known = self.boxes.setdefault(asked["eStbMac"], Known())
        known.version = asked["firmwareVersion"]
        known.attributes = asked
        if self.orders[asked["eStbMac"]] >= self.most_orders:
            return 404, {}, b"<h2>404 NOT FOUND</h2>no rule matched"
        self.orders[asked["eStbMac"]] += known.version != self.version
        return _json(
            {
                "firmwareDownloadProtocol": "http",
                "firmwareFilename": self.filename,
                "firmwareLocation": f"{self.url}/files",
                "firmwareVersion": self.version,
                "rebootImmediately": False,
                **self.answer_changes,
            }
        )

    def _file(self, method: str, headers: dict[str, str]) -> Answer:
        if not self.offers_files:
            return 403, {}, b""
        size, asked = len(self.image), headers.get("Range", "") * self.ranges
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        told = {"Content-Length": str(size - start), "Accept-Ranges": "bytes"}
        if asked:
            told["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        told.update(self.file_headers)
        body = b"" if method == "HEAD" else self.image[start:]
        return (206 if asked else 200), told, body


def _json(document: dict[str, Any], status: int = 200) -> Answer:
    body = json.dumps(document, separators=(",", ":")).encode()
    return status, {"Content-Type": "application/json"}, body


@dataclass
class MemoryStream:
    """A body in pieces; breaks once `breaks_after` bytes were read, if that is not None."""

    data: bytes
    piece_bytes: int
    breaks_after: int | None = None
    read_bytes: int = 0

    def read(self) -> bytes:
        if self.breaks_after is not None and self.read_bytes >= self.breaks_after:
            raise ConnectionResetError("cut by the test")
        piece = self.data[self.read_bytes : self.read_bytes + self.piece_bytes]
        self.read_bytes += len(piece)
        return piece

    def close(self) -> None:
        pass


class MemoryCourier:
    """Carries requests straight to a ReferenceService, in virtual time."""

    def __init__(self, kernel: Kernel, service: ReferenceService, latency_ms: int = 5) -> None:
        self._kernel = kernel
        self._service = service
        self._latency_ns = latency_ms * NS_PER_MS

    def carry(self, effect: IoEffect, resume: Resume) -> None:
        match effect:
            case HangUp():
                self._kernel.after(0, lambda: resume(None))
            case Read(stream):
                self._kernel.after(0, lambda: resume(_piece(stream.read)))
            case _:
                reply = self._reply(effect.request)
                self._kernel.after(self._latency_ns, lambda: resume(reply))

    def _reply(self, request: Request) -> Reply:
        service = self._service
        target = request.url.removeprefix(service.url)
        headers = dict(request.headers)
        status, told, body = service.answer(request.method, target, headers, request.body or b"")
        lowered = {name.lower(): value for name, value in told.items()}
        if not request.piece_bytes:
            return Reply(status, lowered, body)
        breaks = service.break_after_bytes.popleft() if service.break_after_bytes else None
        return Reply(status, lowered, stream=MemoryStream(body, request.piece_bytes, breaks))


def _piece(read: Any) -> Piece:
    try:
        return Piece(read())
    except OSError as error:
        return Piece(error=str(error))


@contextmanager
def serve(service: ReferenceService) -> Iterator[ReferenceService]:
    """The same service over real HTTP on a free port of this machine."""

    @WebRequest.application
    def application(request: WebRequest) -> WebResponse:
        target = request.full_path.removesuffix("?")
        headers = dict(request.headers)
        status, told, body = service.answer(request.method, target, headers, request.get_data())
        if body and target.startswith("/files/") and service.break_after_bytes:
            body = body[: service.break_after_bytes.popleft()]
        # As an iterable, so that a promised Content-Length may be longer than the body.
        return WebResponse([body], status, told)

    server = make_server("127.0.0.1", 0, application, threaded=True)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
