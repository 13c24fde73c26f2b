"""A box on RDK XConf: it states what it runs and is told a target; it never says how it went.

Source: RDK XConf, GET or POST /xconf/swu/stb; the behaviour of rdkfwupdater.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from lab.box.box import Box, Phase, Written
from lab.box.download import Download, Fetched, Source
from lab.box.image import Image
from lab.box.record import Violation
from lab.box.wire import OK, UNREACHABLE, Life, Reply, Request, pause, send
from lab.units import NS_PER_S, from_seconds

NOTHING_FOR_YOU = 404
DOWNLOAD_FORBIDDEN = 403
REQUIRED = ("firmwareVersion", "firmwareFilename", "firmwareLocation")
PROTOCOLS = ("http", "https", "tftp")
SPACED_COLON = re.compile(rb'":\s')
S_PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class XconfServer:
    """Where a fleet asks, and what its boxes say of their surroundings."""

    url: str
    environment: str = "PROD"
    timezone: str = "UTC"
    timezone_offset: str = "+00:00"


@dataclass(frozen=True, slots=True)
class Target:
    """What the server wants the box to run."""

    version: str
    filename: str
    location: str
    delay_ns: int

    @property
    def url(self) -> str:
        """Location, slash, filename."""
        return f"{self.location.rstrip('/')}/{self.filename}"


def read_target(body: bytes, model: str) -> tuple[Target | None, list[Violation]]:
    """Read the answer; None when the client would not install what it describes.

    The shell client splits on commas and on `":"`, hence the rules about spaces and
    commas; rdkfwupdater refuses a file whose name does not contain the model.
    """
    wrong: list[Violation] = []
    try:
        flat = json.loads(body)
    except ValueError as error:
        return None, [Violation("answer-json", f"not JSON: {error}")]
    if not isinstance(flat, dict):
        return None, [Violation("answer-json", "not a JSON object")]
    _check_shape(flat, body, wrong)
    missing = [name for name in REQUIRED if not isinstance(flat.get(name), str) or not flat[name]]
    wrong += [Violation("answer-lacks", f"{name} is {flat.get(name)!r}") for name in missing]
    if missing:
        return None, wrong
    if model not in flat["firmwareFilename"]:
        refused = f"{flat['firmwareFilename']} does not contain the model {model}"
        return None, [*wrong, Violation("filename-without-model", refused)]
    minutes = str(flat.get("delayDownload", 0))
    delay_ns = from_seconds(int(minutes) * S_PER_MINUTE) if minutes.isdigit() else 0
    target = Target(
        flat["firmwareVersion"], flat["firmwareFilename"], flat["firmwareLocation"], delay_ns
    )
    return target, wrong


def _check_shape(flat: Mapping[str, object], body: bytes, wrong: list[Violation]) -> None:
    nested = [name for name, value in flat.items() if isinstance(value, dict | list)]
    empty = [name for name, value in flat.items() if value in {"", None}] if not nested else []
    commas = [name for name, value in flat.items() if isinstance(value, str) and "," in value]
    for rule, names in (("nested", nested), ("empty-value", empty), ("comma-in-value", commas)):
        if names:
            wrong.append(Violation(f"answer-{rule}", ", ".join(names)))
    if SPACED_COLON.search(body):
        wrong.append(Violation("answer-not-compact", "a space after a colon"))
    if "rebootImmediately" not in flat:
        wrong.append(Violation("answer-lacks", "rebootImmediately is always present"))
    if flat.get("firmwareDownloadProtocol") not in PROTOCOLS:
        seen = f"firmwareDownloadProtocol is {flat.get('firmwareDownloadProtocol')!r}"
        wrong.append(Violation("answer-protocol", seen))


class XconfClient:
    """The conversation of one box with one server."""

    def __init__(self, box: Box, server: XconfServer) -> None:
        """Nothing is said before `life` begins; whether the box asks by POST is drawn."""
        self._box = box
        self._server = server
        self._url = f"{server.url.rstrip('/')}/xconf/swu/stb"
        self._backoff = box.poll_backoff()
        self._posts = box.rng.random() < 0.5
        self._words_left = 0

    def life(self) -> Life[None]:
        """From power on for ever, or until the box falls silent."""
        box = self._box
        yield from box.power_on()
        while not box.silent:
            wait_ns = yield from self._contact()
            if not box.silent:
                yield from box.sleep(wait_ns)

    def _contact(self) -> Life[int]:
        """Ask, and do what is asked; how long to wait until asking again."""
        box = self._box
        box.phase = Phase.POLLING
        box.record.polls += 1
        reply = yield from send(self._request())
        target = self._read(reply)
        boots_before = box.boots
        if target is not None:
            yield from pause(box.pace.scaled(target.delay_ns))
            asks_again = yield from self._work(target)
            if asks_again:
                return self._backoff.next_ns()
        if box.boots > boots_before:
            # The first poll after a reboot is the only final word this wire has.
            self._words_left = box.temper.copies_of_final_words - 1
            return 0
        if self._words_left:
            self._words_left -= 1
            return 0
        if reply.status in {OK, NOTHING_FOR_YOU}:
            self._backoff.reset()
            return box.pace.poll_wait_ns(box.pace.xconf_poll_ns, box.rng)
        return self._backoff.next_ns()

    def _read(self, reply: Reply) -> Target | None:
        """What to install, if anything; keeps what was decided."""
        box = self._box
        if reply.status == NOTHING_FOR_YOU:
            box.record.replies += 1
            box.decided("nothing", detail=reply.body.decode(errors="replace"))
            return None
        box.heard(reply, "swu")
        if reply.status != OK:
            if OK < reply.status < 300:
                breach = Violation("not-exactly-200", f"swu answered {reply.status}")
                box.breaches([breach])
            box.decided(
                "unreachable" if reply.status == UNREACHABLE else "refused",
                detail=reply.error or f"HTTP {reply.status}",
            )
            return None
        target, wrong = read_target(reply.body, box.identity.model)
        box.breaches(wrong)
        if target is None:
            box.decided("unusable")
        elif target.version == box.version:
            box.decided("runs the target", version=target.version)
        else:
            box.decided("offer", version=target.version)
            return target
        return None

    def _work(self, target: Target) -> Life[bool]:
        """Download, flash, reboot; true when the download host wants XConf to be asked again."""
        box = self._box
        download = Download(box, Source(target.url, {"User-Agent": "curl"}))
        fetched = yield from download.run()
        if fetched is not Fetched.DONE:
            return download.last_status == DOWNLOAD_FORBIDDEN
        if box.temper.falls_silent:
            box.fall_silent()
            return False
        image: Image = download.image(otherwise=target.version)
        written = yield from box.write_image(image)
        if written is Written.DONE:
            yield from box.reboot(f"target {target.version}")
        return False

    def _request(self) -> Request:
        """A GET with a query, or a POST whose form body is not percent-encoded, as `curl -d`."""
        pairs = self._parameters()
        headers = {"User-Agent": "curl"}
        if self._posts:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = "&".join(f"{name}={value}" for name, value in pairs)
            return Request("POST", self._url, headers, body.encode())
        query = "&".join(f"{name}={quote(value, safe=':')}" for name, value in pairs)
        return Request("GET", f"{self._url}?{query}", headers)

    def _parameters(self) -> list[tuple[str, str]]:
        box, identity = self._box, self._box.identity
        own_time = datetime.fromtimestamp(box.own_clock_ns() // NS_PER_S, UTC)
        return [
            ("eStbMac", identity.mac),
            ("firmwareVersion", box.version),
            ("env", self._server.environment),
            ("model", identity.model),
            ("serial", identity.serial),
            ("serialNum", identity.serial),
            ("localtime", own_time.strftime("%Y-%m-%dT%H:%M:%S")),
            ("timezone", self._server.timezone),
            ("timeZoneOffset", self._server.timezone_offset),
            ("capabilities", "rebootDecoupled"),
            ("capabilities", "RCDL"),
        ]
