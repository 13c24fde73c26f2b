"""A box on hawkBit DDI v1, in two flavours: as SWUpdate speaks it, and as RAUC's client does.

SWUpdate says success only after the reboot, and says nothing else until that is
heard. RAUC's client says success before the reboot, and nothing after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lab.box import ddi_messages
from lab.box.box import Box, Phase, Written
from lab.box.ddi_messages import Order, Poll
from lab.box.download import Download, Fetched, Source
from lab.box.image import Image
from lab.box.record import Report, Violation
from lab.box.wire import OK, UNREACHABLE, Life, Reply, Request, pause, send
from lab.units import NS_PER_S

DEFAULT_SLEEP_NS = 45 * NS_PER_S  # SWUpdate's own, for a sleep of zero or none
SECOND_SUCCESS = range(201, 300)
REFUSED_FINAL = frozenset({404, 409, 410, 429}) | frozenset(range(500, 600))
ATTRIBUTES = ("sw_version", "model", "hw_revision", "serial", "mac", "boot_id")


@dataclass(frozen=True, slots=True)
class Flavour:
    """How a client differs from the other on the wire."""

    name: str
    headers: Mapping[str, str]
    body_type: str
    counts_ids: bool
    success_before_reboot: bool
    asks_size_first: bool
    attributes_mode: str | None


SWUPDATE = Flavour(
    "swupdate",
    {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": "libcurl-agent/1.0",
    },
    "application/json",
    counts_ids=True,
    success_before_reboot=False,
    asks_size_first=True,
    attributes_mode="replace",
)
RAUC = Flavour(
    "rauc",
    {"Accept": "application/json;charset=UTF-8", "User-Agent": "rauc-hawkbit-c-agent/1.0"},
    "application/json;charset=UTF-8",
    counts_ids=False,
    success_before_reboot=True,
    asks_size_first=False,
    attributes_mode=None,
)
FLAVOURS = {flavour.name: flavour for flavour in (SWUPDATE, RAUC)}


@dataclass(frozen=True, slots=True)
class DdiServer:
    """Where a fleet polls and as whom.

    `attribute_names` renames what a box tells of itself (see ATTRIBUTES) on the wire.
    """

    url: str
    tenant: str = "default"
    gateway_token: str = ""
    attribute_names: Mapping[str, str] = field(default_factory=dict)


class DdiClient:
    """The conversation of one box with one server."""

    def __init__(self, box: Box, server: DdiServer, flavour: Flavour) -> None:
        """Nothing is said before `life` begins."""
        self._box = box
        self._server = server
        self._flavour = flavour
        self._base = (
            f"{server.url.rstrip('/')}/{server.tenant}/controller/v1/{box.identity.controller_id}"
        )
        self._backoff = box.poll_backoff()
        self._next_poll_ns = 0
        self._closed_ids: set[str] = set()

    def life(self) -> Life[None]:
        """From power on for ever, or until the box falls silent."""
        box = self._box
        yield from box.power_on()
        while not box.silent:
            yield from self._contact()
            if not box.silent:
                yield from box.sleep(self._next_poll_ns - box.now_ns())

    def _contact(self) -> Life[None]:
        """One poll and everything it asks for."""
        boots_before = self._box.boots
        self._box.phase = Phase.POLLING
        poll = yield from self._poll()
        if poll is None:
            return
        if poll.config_href:
            yield from self._send_attributes(poll.config_href)
        if poll.cancel_href:
            yield from self._answer_cancel(poll.cancel_href)
        elif poll.deployment_href:
            yield from self._work(poll.deployment_href)
        else:
            self._box.decided("nothing")
        if self._box.boots > boots_before:
            # A box that has just come up polls at once.
            self._next_poll_ns = self._box.now_ns()

    def _poll(self) -> Life[Poll | None]:
        """Ask what is to do; also settles when to ask again."""
        box = self._box
        box.record.polls += 1
        reply = yield from send(Request("GET", self._base, self._headers()))
        poll = None
        if self._taken(reply, "poll"):
            poll, wrong = ddi_messages.read_poll(reply.body)
            box.breaches(wrong)
        else:
            box.decided(
                "unreachable" if reply.status == UNREACHABLE else "refused",
                detail=reply.error or f"HTTP {reply.status}",
            )
        if poll is None:
            self._next_poll_ns = box.now_ns() + self._backoff.next_ns()
            return None
        self._backoff.reset()
        sleep_ns = poll.sleep_ns or DEFAULT_SLEEP_NS
        self._next_poll_ns = box.now_ns() + box.pace.poll_wait_ns(sleep_ns, box.rng)
        return poll

    def _send_attributes(self, href: str) -> Life[None]:
        """Tell what the box is and runs; if it is not taken, the next poll asks again."""
        box, identity = self._box, self._box.identity
        values = (
            box.version,
            identity.model,
            identity.revision,
            identity.serial,
            identity.mac,
            box.boot_id,
        )
        names = self._server.attribute_names
        data = {names.get(own, own): value for own, value in zip(ATTRIBUTES, values, strict=True)}
        body = ddi_messages.attributes_body(
            data, time_text=self._time_text(), mode=self._flavour.attributes_mode
        )
        reply = yield from send(Request("PUT", href, self._headers(with_body=True), body))
        if self._taken(reply, "configData"):
            box.record.attributes_sent = data
            box.record.note(box.now_ns(), "attributes", box.version)

    def _work(self, href: str) -> Life[None]:
        """Take an order and do it as far as this box goes."""
        order = yield from self._fetch_order(href)
        if order is None:
            return
        if order.artifact is None:
            yield from self._final_report(order, success=False, details="unusable order")
            return
        if "skip" in {order.download, order.update}:
            yield from self._skip(order)
            return
        image = yield from self._obtain(order)
        if image is None:
            return
        yield from self._install(order, image)

    def _fetch_order(self, href: str) -> Life[Order | None]:
        box = self._box
        reply = yield from send(Request("GET", href, self._headers()))
        if not self._taken(reply, "deploymentBase"):
            return None
        order, wrong = ddi_messages.read_order(reply.body, href)
        box.breaches(wrong)
        if order is None:
            return None
        box.decided("offer", action_id=order.action_id, version=order.version)
        if order.action_id in self._closed_ids:
            again = f"action {order.action_id} is offered though its final report was taken"
            box.breaches([Violation("closed-order-again", again)])
        return order

    def _skip(self, order: Order) -> Life[None]:
        """SWUpdate reports success for an update it skipped: nobody should serve it `skip`."""
        if self._flavour.success_before_reboot:
            return
        served = f"action {order.action_id} says skip, which SWUpdate reports as success"
        self._box.breaches([Violation("skip-served", served)])
        if order.action_id not in self._closed_ids:
            yield from self._final_report(order, success=True, details="Skipped Update.")

    def _obtain(self, order: Order) -> Life[Image | None]:
        """Download and verify; None when that failed (reported), was cancelled, or silenced it."""
        if order.artifact is None:
            return None
        yield from self._progress(order, "Downloading", 1)
        artifact = order.artifact
        headers = {**self._authorization(), "User-Agent": self._flavour.headers["User-Agent"]}
        if self._flavour.asks_size_first:
            yield from self._ask_size(artifact.url, artifact.size_bytes, headers)
        else:
            headers["Accept"] = "application/octet-stream"
        source = Source(artifact.url, headers, artifact.size_bytes, artifact.sha1, artifact.sha256)
        download = Download(self._box, source, lambda: self._glance(order, installing=False))
        fetched = yield from download.run()
        if fetched is Fetched.STOPPED:
            return None
        if fetched is not Fetched.DONE:
            yield from self._final_report(order, success=False, details=f"Download:\n{fetched}")
            return None
        if self._box.temper.falls_silent:
            self._box.fall_silent()
            return None
        yield from self._progress(order, "Download verified", 2)
        return download.image(otherwise=order.version)

    def _ask_size(self, url: str, size_bytes: int, headers: Mapping[str, str]) -> Life[None]:
        """HEAD before GET; what it says must agree with the order."""
        reply = yield from send(Request("HEAD", url, headers))
        self._box.heard(reply, "download HEAD")
        length = reply.headers.get("content-length", "")
        if reply.status == OK and length != str(size_bytes):
            seen = f"HEAD says {length!r}, the order {size_bytes} bytes"
            self._box.breaches([Violation("head-length", seen)])

    def _install(self, order: Order, image: Image) -> Life[None]:
        """Flash, reboot, and say so in the order that this client has."""
        yield from self._progress(order, "Installing", 3)
        early = self._flavour.success_before_reboot
        still_wanted = (lambda: self._glance(order, installing=True)) if early else None
        written = yield from self._box.write_image(image, still_wanted)
        if written is not Written.DONE:
            return
        if early:
            yield from self._final_report(order, success=True, details="Software installed.")
        else:
            yield from self._progress(order, "Installed, rebooting", 4)
        runs_it = yield from self._box.reboot(f"order {order.action_id}")
        if early:
            return
        if runs_it or self._box.temper.lies:
            yield from self._final_report(order, success=True, details="Update Installed.")
        else:
            details = "Update failed.\nThe new image did not boot, fell back to the old one."
            yield from self._final_report(order, success=False, details=details)

    def _glance(self, order: Order, *, installing: bool) -> Life[bool]:
        """Poll in the middle of the work if a poll is due; whether to go on."""
        if self._box.now_ns() < self._next_poll_ns:
            return True
        poll = yield from self._poll()
        stop = False
        if poll is not None and poll.cancel_href:
            stop = yield from self._answer_cancel(poll.cancel_href, order, installing=installing)
        return not stop

    def _answer_cancel(
        self, href: str, busy_with: Order | None = None, *, installing: bool = False
    ) -> Life[bool]:
        """Answer a cancel; whether the work in hand has to stop.

        A box that is already installing refuses; everything else is acknowledged.
        """
        box = self._box
        reply = yield from send(Request("GET", href, self._headers()))
        if not self._taken(reply, "cancelAction"):
            return False
        stop_id, wrong = ddi_messages.read_cancel(reply.body)
        box.breaches(wrong)
        if stop_id is None:
            return False
        box.decided("cancel", action_id=stop_id)
        refuses = installing and busy_with is not None and busy_with.action_id == stop_id
        report = Report(
            box.now_ns(),
            stop_id,
            "cancelAction",
            "rejected" if refuses else "closed",
            "success",
            "installation has started" if refuses else "cancellation acknowledged.",
        )
        yield from self._post(report, f"{href}/feedback")
        return busy_with is not None and busy_with.action_id == stop_id and not refuses

    def _progress(self, order: Order, details: str, step: int) -> Life[None]:
        """A report that may get lost: sent once."""
        report = Report(
            self._box.now_ns(),
            order.action_id,
            "deploymentBase",
            "proceeding",
            "none",
            f"{step}/4 {details}",
        )
        yield from self._post(report, self._feedback_url(order))

    def _final_report(self, order: Order, *, success: bool, details: str) -> Life[None]:
        """A report that must not get lost: repeated until it gets exactly 200."""
        self._box.phase = Phase.REPORTING
        finished = "success" if success else "failure"
        for _ in range(self._box.temper.copies_of_final_words):
            report = Report(
                self._box.now_ns(), order.action_id, "deploymentBase", "closed", finished, details
            )
            backoff = self._box.retry_backoff()
            while not (yield from self._post(report, self._feedback_url(order))):
                yield from pause(backoff.next_ns())
        self._closed_ids.add(order.action_id)

    def _post(self, report: Report, url: str) -> Life[bool]:
        """Send a report once; whether it was taken."""
        box = self._box
        if not report.attempts:
            box.reported(report)
        counts_ids = self._flavour.counts_ids
        body = ddi_messages.feedback_body(
            action_id=int(report.action_id) if counts_ids else report.action_id,
            time_text=self._time_text(),
            execution=report.execution,
            finished=report.finished,
            details=report.details,
            raw_newlines=counts_ids,
        )
        reply = yield from send(Request("POST", url, self._headers(with_body=True), body))
        report.attempts += 1
        report.status = reply.status
        taken = self._taken(reply, "feedback")
        if report.execution == "closed" and reply.status in REFUSED_FINAL:
            # Ends a SWUpdate box's update channel: it repeats this and never polls again.
            seen = f"{report.about} {report.action_id}: HTTP {reply.status} to a final report"
            box.breaches([Violation("final-report-refused", seen)])
        return taken

    def _taken(self, reply: Reply, about: str) -> bool:
        """Whether a client counts this as success: exactly 200."""
        self._box.heard(reply, about)
        if reply.status in SECOND_SUCCESS:
            seen = f"{about} answered {reply.status}"
            self._box.breaches([Violation("not-exactly-200", seen)])
        return reply.status == OK

    def _feedback_url(self, order: Order) -> str:
        """Both clients build it themselves."""
        return f"{self._base}/deploymentBase/{order.action_id}/feedback"

    def _headers(self, *, with_body: bool = False) -> dict[str, str]:
        headers = {**self._flavour.headers, **self._authorization()}
        if with_body:
            headers["Content-Type"] = self._flavour.body_type
        return headers

    def _authorization(self) -> dict[str, str]:
        """The box's own token if it has one, else the gateway's, else nothing."""
        if self._box.identity.token:
            return {"Authorization": f"TargetToken {self._box.identity.token}"}
        if self._server.gateway_token:
            return {"Authorization": f"GatewayToken {self._server.gateway_token}"}
        return {}

    def _time_text(self) -> str:
        """The box's own idea of the time, in the format both clients send."""
        own_s = self._box.own_clock_ns() // NS_PER_S
        return datetime.fromtimestamp(own_s, UTC).strftime("%Y%m%dT%H%M%S")
