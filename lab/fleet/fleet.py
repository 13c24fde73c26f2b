"""A fleet: builds its boxes, lets them live, notices when nothing changes any more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lab.box.box import Box, Phase
from lab.box.ddi import FLAVOURS, DdiClient, DdiServer
from lab.box.identity import Identity, Wire
from lab.box.personality import Personality, draw_temper
from lab.box.poller import Pace
from lab.box.wire import Life
from lab.box.xconf import XconfClient, XconfServer
from lab.fleet.courier import Courier, bring_to_life
from lab.fleet.identity_files import Listed
from lab.fleet.mixture import deal
from lab.fleet.summary import Member, Run
from lab.kernel import Kernel, seeded
from lab.units import NS_PER_S

XCONF_CLIENT = "rdkfwupdater"
FOREVER_NS = 10 * 365 * 24 * 3600 * NS_PER_S
SCREEN_INTERVAL_NS = NS_PER_S // 2

Screen = Callable[[Sequence[Member], int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: who polls whom, how badly they behave, and when it is over.

    `duration_ns` None: until stopped. `idle_ns`: ends when for so long no box changed,
    once every box has polled.
    """

    ddi: DdiServer
    xconf: XconfServer
    seed: int = 1
    pace: Pace = field(default_factory=Pace)
    personalities: dict[str, int] = field(default_factory=lambda: {"healthy": 1})
    clients: dict[str, int] = field(default_factory=lambda: {"swupdate": 3, "rauc": 1})
    duration_ns: int | None = None
    idle_ns: int | None = None


class Fleet:
    """Boxes on one kernel."""

    def __init__(self, plan: Plan, listed: Sequence[Listed], kernel: Kernel) -> None:
        """Build the boxes; they stay off until `run`.

        Raises:
            ValueError: an unknown personality or client.
        """
        self._plan = plan
        self._kernel = kernel
        self._ended_by = "duration"
        self._lives: list[tuple[Box, Life[None]]] = []
        self.members: list[Member] = []
        personalities = deal(plan.personalities, len(listed), seeded(plan.seed, "personalities"))
        clients = deal(plan.clients, len(listed), seeded(plan.seed, "clients"))
        for one, personality, client in zip(listed, personalities, clients, strict=True):
            self._add(one.identity, one.personality or personality, one.client or client)

    def run(self, courier: Courier, screen: Screen) -> Run:
        """Let the boxes live until the plan's end or `stop`."""
        kernel, plan = self._kernel, self._plan
        started_ns = kernel.now_ns()
        for box, life in self._lives:
            bring_to_life(life, kernel, courier, self._crash_of(box))

        def look() -> None:
            screen(self.members, kernel.now_ns() - started_ns)
            if self._idle(started_ns):
                self.stop("idle")
            kernel.after(SCREEN_INTERVAL_NS, look)

        kernel.after(SCREEN_INTERVAL_NS, look)
        kernel.run(started_ns + (plan.duration_ns or FOREVER_NS))
        ended_ns = kernel.now_ns()
        screen(self.members, ended_ns - started_ns)
        return Run(plan.ddi.url, plan.seed, started_ns, ended_ns, self._ended_by)

    def stop(self, why: str) -> None:
        """End the run; safe from a signal handler."""
        self._ended_by = why
        self._kernel.stop()

    def _add(self, identity: Identity, personality: str, client: str) -> None:
        plan = self._plan
        rng = seeded(plan.seed, "temper", identity.serial)
        box = Box(
            identity,
            draw_temper(Personality(personality), rng),
            seed=plan.seed,
            pace=plan.pace,
            now_ns=self._kernel.now_ns,
        )
        if identity.wire is Wire.XCONF:
            self.members.append(Member(box, XCONF_CLIENT))
            self._lives.append((box, XconfClient(box, plan.xconf).life()))
            return
        if client not in FLAVOURS:
            raise ValueError(f"unknown client {client!r}: one of {', '.join(FLAVOURS)}")
        self.members.append(Member(box, client))
        self._lives.append((box, DdiClient(box, plan.ddi, FLAVOURS[client]).life()))

    def _crash_of(self, box: Box) -> Callable[[str], None]:
        def crashed(trace: str) -> None:
            box.record.crashed = trace
            box.phase = Phase.CRASHED

        return crashed

    def _idle(self, started_ns: int) -> bool:
        """Whether nothing changed for long enough; a box that works is not idle."""
        idle_ns = self._plan.idle_ns
        if idle_ns is None:
            return False
        boxes = [member.box for member in self.members]
        if not all(box.resting and box.record.polls for box in boxes):
            return False
        last_ns = max(started_ns, *(box.record.changed_at_ns for box in boxes))
        return self._kernel.now_ns() - last_ns >= idle_ns
