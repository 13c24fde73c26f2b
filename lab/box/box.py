"""The box itself: what it is, what it runs, how it flashes, reboots and falls back."""

from collections.abc import Callable
from enum import StrEnum

from lab.box.identity import Identity
from lab.box.image import Image
from lab.box.personality import Temper
from lab.box.poller import Backoff, Pace
from lab.box.record import Decision, Record, Report, Violation
from lab.box.slots import factory_flash
from lab.box.wire import UNREACHABLE, Life, Reply, pause
from lab.kernel import seeded
from lab.units import NS_PER_S

FLASH_SLICES = 8
RETRY_BASE_NS = NS_PER_S
RETRY_CAP_NS = 10 * NS_PER_S
POLL_CAP_NS = 60 * NS_PER_S

Glance = Callable[[], Life[bool]]


class Phase(StrEnum):
    """What a box is busy with, for the live table."""

    OFF = "off"
    IDLE = "idle"
    POLLING = "polling"
    DOWNLOADING = "downloading"
    FLASHING = "flashing"
    REBOOTING = "rebooting"
    REPORTING = "reporting"
    SILENT = "silent"
    CRASHED = "crashed"


RESTING = frozenset({Phase.IDLE, Phase.POLLING, Phase.REPORTING, Phase.SILENT, Phase.CRASHED})


class Written(StrEnum):
    """How an attempt to flash ended."""

    DONE = "done"
    STOPPED = "stopped"
    POWER_CUT = "power cut"


class Box:
    """One emulated box. Everything by chance comes from `rng`, every instant from `now_ns`."""

    def __init__(
        self,
        identity: Identity,
        temper: Temper,
        *,
        seed: int,
        pace: Pace,
        now_ns: Callable[[], int],
    ) -> None:
        """A box that is still off; it boots when its life begins."""
        self.identity = identity
        self.temper = temper
        self.pace = pace
        self.now_ns = now_ns
        self.rng = seeded(seed, "box", identity.serial)
        self.flash = factory_flash(identity.version)
        self.record = Record()
        self.phase = Phase.OFF
        self.boots = 0
        self._power_cuts_left = temper.power_cuts
        self._revert_at_ns: int | None = None

    @property
    def version(self) -> str:
        """What the box really runs."""
        return self.flash.version

    @property
    def boot_id(self) -> str:
        """Names the present boot; empty while the box is off."""
        return self.record.boot_ids[-1] if self.record.boot_ids else ""

    @property
    def silent(self) -> bool:
        """Whether the box will never speak again."""
        return self.phase is Phase.SILENT

    @property
    def resting(self) -> bool:
        """Whether nothing is under way that will change the box by itself."""
        return self.phase in RESTING and self._revert_at_ns is None

    def own_clock_ns(self) -> int:
        """What the box believes the time is, ns since 1970; never before 1970."""
        return max(0, self.now_ns() + self.temper.clock_offset_ns)

    def retry_backoff(self) -> Backoff:
        """Waits between repeated tries of one request, in this run's time."""
        scaled = self.pace.scaled
        return Backoff(self.rng, base_ns=scaled(RETRY_BASE_NS), cap_ns=scaled(RETRY_CAP_NS))

    def poll_backoff(self) -> Backoff:
        """Waits between polls that fail; never shorter than the run's least interval."""
        base_ns = max(2 * self.pace.min_poll_ns, self.pace.scaled(RETRY_BASE_NS))
        cap_ns = max(base_ns, self.pace.scaled(POLL_CAP_NS))
        return Backoff(self.rng, base_ns=base_ns, cap_ns=cap_ns)

    def power_on(self) -> Life[None]:
        """Switch on at a moment of its own within the start spread."""
        yield from pause(round(self.pace.start_spread_ns * self.rng.random()))
        self._came_up("power on")

    def write_image(self, image: Image, still_wanted: Glance | None = None) -> Life[Written]:
        """Flash the spare slot, slice by slice; `still_wanted` is asked between slices.

        A liar only takes the time. After a power cut the box is already up again, on
        the slot it ran before.
        """
        self.phase = Phase.FLASHING
        if not self.temper.lies:
            self.flash.begin_write()
        cut_slice = int(self.temper.cut_at * FLASH_SLICES)
        for number in range(FLASH_SLICES):
            if number == cut_slice and self._power_cuts_left:
                yield from self._lose_power()
                return Written.POWER_CUT
            yield from pause(self.pace.scaled(self.temper.flash_ns // FLASH_SLICES))
            if still_wanted is not None and not (yield from still_wanted()):
                self.flash.lose_power()
                return Written.STOPPED
        if not self.temper.lies:
            self.flash.finish_write(image)
        self.record.change(self.now_ns(), "flashed", image.version)
        return Written.DONE

    def reboot(self, why: str) -> Life[bool]:
        """Restart until something comes up; whether that is the image flashed last."""
        self.phase = Phase.REBOOTING
        spare = self.flash.spare
        image = spare.image
        comes_up = (
            image is not None
            and self.temper.new_images_come_up
            and image.boots_on(self.identity.revision)
        )
        yield from pause(self.pace.scaled(self.temper.reboot_ns))
        while not self.flash.boot(new_image_comes_up=comes_up):
            self.record.note(self.now_ns(), "boot failed", spare.name)
            yield from pause(self.pace.scaled(self.temper.reboot_ns))
        self._came_up(why)
        runs_it = self.flash.running is spare
        if runs_it and self.temper.revert_after_ns is not None:
            self._revert_at_ns = self.now_ns() + self.pace.scaled(self.temper.revert_after_ns)
        return runs_it

    def sleep(self, duration_ns: int) -> Life[None]:
        """Idle between two contacts; what the box does by itself happens in here."""
        self.phase = Phase.IDLE
        until_ns = self.now_ns() + duration_ns
        if self._revert_at_ns is not None and self._revert_at_ns <= until_ns:
            yield from pause(self._revert_at_ns - self.now_ns())
            yield from self._revert()
        self.phase = Phase.IDLE
        yield from pause(until_ns - self.now_ns())

    def fall_silent(self) -> None:
        """Never speak again; the client's life ends when it sees the phase."""
        self.phase = Phase.SILENT
        self.record.change(self.now_ns(), "silent")

    def heard(self, reply: Reply, about: str) -> None:
        """Count a reply, and one that is no success by its status or as unreachable."""
        self.record.replies += reply.status != UNREACHABLE
        if reply.status == UNREACHABLE:
            self.record.http_errors["unreachable"] += 1
            self.record.note(self.now_ns(), "unreachable", f"{about}: {reply.error}")
        elif reply.status >= 400:
            self.record.http_errors[str(reply.status)] += 1
            self.record.note(self.now_ns(), f"http {reply.status}", about)

    def breaches(self, violations: list[Violation]) -> None:
        """Keep what a reply got wrong."""
        for violation in violations:
            self.record.breach(self.now_ns(), violation)

    def decided(
        self, kind: str, *, action_id: str = "", version: str = "", detail: str = ""
    ) -> None:
        """Keep what the service decided."""
        self.record.decide(Decision(kind, action_id, version, detail, self.now_ns()))

    def reported(self, report: Report) -> None:
        """Keep a report that is about to be sent."""
        self.record.reports.append(report)
        said = f"{report.execution}/{report.finished} {report.action_id}"
        self.record.change(report.at_ns, "report", said)

    def _came_up(self, why: str) -> None:
        self.boots += 1
        self.record.boot_ids.append(f"{self.rng.getrandbits(128):032x}")
        running = self.flash.running
        self.record.change(self.now_ns(), "boot", f"{why}: slot {running.name}, {self.version}")
        self.phase = Phase.IDLE

    def _lose_power(self) -> Life[None]:
        self._power_cuts_left -= 1
        self.record.power_cuts += 1
        self.flash.lose_power()
        self.record.change(self.now_ns(), "power cut", f"slot {self.flash.spare.name} broken")
        yield from self.reboot("power back")

    def _revert(self) -> Life[None]:
        self._revert_at_ns = None
        if self.flash.swap_back():
            self.record.reverts += 1
            yield from self.reboot("fell back by itself")
