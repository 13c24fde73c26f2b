"""A fleet with minds of its own, in virtual time, against the real engine; watched at every step.

All chance comes from one seed, so a run that breaks a rule can be had again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import event, func, select

from firmware.boxes.models import Box
from firmware.rollouts import queries
from firmware.rollouts.models import Member, MemberEvent, Rollout, RolloutEvent
from firmware.rollouts.rules import (
    IN_FLIGHT,
    MEMBER_MOVES,
    ROLLOUT_MOVES,
    TAKEN_BACK,
    MemberState,
    RolloutState,
)
from firmware.rollouts.safety import Limits, halt_reason
from tests.firmware.world import World

OLD, NEW = "1.0", "2.0"
KINDS = (
    *["healthy"] * 6,
    "early",  # reports before its reboot
    "liar",  # says success and runs the old
    "loop",  # the new image does not boot, and it says so
    "silent",  # falls silent after it fetched, sometimes for good
    "mute",  # never states a version
    "power",  # loses power while it installs
    "echo",  # says everything twice, also what is long past
    "rdk",  # speaks the wire without feedback
)


@dataclass
class Mind:
    """One box: what it truly runs, and how far it is."""

    uid: str
    kind: str
    version: str = OLD
    boot: int = 1
    busy: bool = False
    past_actions: list[int] = field(default_factory=list)

    @property
    def wire(self) -> str:
        return "xconf" if self.kind == "rdk" else "ddi"

    @property
    def boot_id(self) -> str:
        return f"{self.uid}/{self.boot}"


class Simulation:
    """Boxes, staff and time take turns at random."""

    def __init__(self, world: World, seed: int, *, boxes: int) -> None:
        self.world, self.rng, self.cap = world, random.Random(seed), max(2, boxes // 12)
        event.listen(world.db.engine, "connect", _careless)
        world.db.engine.dispose()
        world.boxes(boxes * 3 // 4, revision="r1", boot=None)
        world.boxes(boxes - boxes * 3 // 4, revision="r2", boot=None)
        kinds = [KINDS[n % len(KINDS)] for n in range(boxes)]
        self.rng.shuffle(kinds)
        self.minds = [Mind(f"box-{n:05}", kind) for n, kind in enumerate(kinds)]
        limits = Limits(success_permille=250, failure_permille=500, suspect_permille=600)
        image = world.image(NEW)
        self.rollout = world.rollout(image, shares=(200, 600, 1000), limits=limits, cap=self.cap)
        self._seen_event = 0
        self._states: dict[int, str] = {}
        self.verified_truly = self.fullest = 0

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.world.wait(seconds=self.rng.randint(1, 40))
            self._step()
            self.check()

    def _step(self) -> None:
        dice = self.rng.random()
        if dice < 0.12:
            self.world.tick(self.rollout)
            self._check_halt()
        elif dice < 0.14:
            self._staff()
        elif dice < 0.15:
            self.world.wait(minutes=self.rng.choice([20, 31, 61]))
        else:
            self._live(self.rng.choice(self.minds))

    def _staff(self) -> None:
        state = self.world.found(self.rollout).state
        verbs: dict[str, list[Callable[[], object]]] = {
            RolloutState.RUNNING: [self._pause, self._widen],
            RolloutState.PAUSED: [self._resume],
            RolloutState.HALTED: [self._resume],
            RolloutState.COMPLETE: [self._retry],
        }
        self.rng.choice(verbs[state])()

    def _pause(self) -> None:
        self.world.staff("pause", self.rollout)

    def _resume(self) -> None:
        self.world.staff("resume", self.rollout)

    def _widen(self) -> None:
        waves = self.world.found(self.rollout).shares_permille
        raised = [min(share + 10, 990 + n) for n, share in enumerate(waves[:-1])]
        self.world.staff("widen", self.rollout, shares_permille=[*raised, 1000], cap=self.cap)

    def _retry(self) -> None:
        if set(self.world.states(self.rollout)) & {"failed", "suspect", "reverted", "unverified"}:
            self.world.staff("retry", self.rollout)

    # boxes

    def _live(self, mind: Mind) -> None:
        if mind.kind == "silent" and mind.busy and self.rng.random() < 0.9:
            return
        if mind.version == NEW and self.rng.random() < 0.02:
            self._reboot(mind, OLD)  # someone reset it to the former slot
        if mind.wire == "xconf":
            self.world.state_version(mind.uid, mind.version, mind.boot_id, "xconf")
        consulted = self.world.poll(mind.uid, mind.wire)
        if consulted.asks and mind.kind != "mute":
            self.world.state_version(mind.uid, mind.version, mind.boot_id)
        decision = consulted.decision
        if decision.serve is not None:
            self._install(mind)
        elif decision.cancel is not None:
            self.world.answer_cancel(mind.uid, stopped=self.rng.random() < 0.5)
        if mind.kind == "echo" and mind.past_actions:
            action = self.rng.choice(mind.past_actions)
            success = self.rng.random() < 0.5
            self.world.report(mind.uid, success=success, action=action)

    def _install(self, mind: Mind) -> None:
        """Take one more step of an installation, or several."""
        if not mind.busy:
            if self.rng.random() < 0.2:
                return  # switched off at the wall before it fetched
            mind.busy = self.world.fetch(mind.uid)
            return
        if self.rng.random() < 0.4:
            return  # still at work
        mind.busy = False
        mind.past_actions.append(self.world.last_action(mind.uid))
        ends: dict[str, Callable[[Mind], None]] = {
            "early": self._end_early,
            "liar": self._end_lying,
            "loop": self._end_failing,
            "power": self._end_by_power_cut,
            "rdk": lambda found: self._reboot(found, NEW),
        }
        ends.get(mind.kind, self._end_well)(mind)

    def _reboot(self, mind: Mind, version: str) -> None:
        mind.version, mind.boot = version, mind.boot + 1

    def _end_well(self, mind: Mind) -> None:
        self._reboot(mind, NEW)
        self.world.report(mind.uid)

    def _end_early(self, mind: Mind) -> None:
        self.world.report(mind.uid)
        self.world.state_version(mind.uid, mind.version, mind.boot_id)
        self._reboot(mind, NEW)

    def _end_lying(self, mind: Mind) -> None:
        self.world.report(mind.uid)

    def _end_failing(self, mind: Mind) -> None:
        self._reboot(mind, OLD)
        self.world.report(mind.uid, success=False)

    def _end_by_power_cut(self, mind: Mind) -> None:
        self._reboot(mind, self.rng.choice([OLD, NEW]))

    # what must always hold

    def check(self) -> None:
        with self.world.db.read() as session:
            flying = session.scalars(select(func.count()).where(Member.state.in_(IN_FLIGHT))).one()
            assert flying <= self.cap
            self.fullest = max(self.fullest, flying)
            rollout = session.get_one(Rollout, self.rollout)
            counts = queries.counts_of(session, rollout, now=self.world.now)
            members = {
                row.id: row.state for row in session.execute(select(Member.id, Member.state))
            }
            assert sum(count.boxes for count in counts) == len(members) == len(self.minds)
            events = session.execute(
                select(MemberEvent, Box.uid)
                .join(Member, Member.id == MemberEvent.member_id)
                .join(Box, Box.id == Member.box_id)
                .where(MemberEvent.id > self._seen_event)
                .order_by(MemberEvent.id)
            ).all()
        for moved, uid in events:
            self._check_move(moved, uid)
        assert {**dict.fromkeys(members, "waiting"), **self._states} == members

    def _check_move(self, moved: MemberEvent, uid: str) -> None:
        """A move is of the table, begins where the one before ended, and is true."""
        self._seen_event = moved.id
        known = self._states.get(moved.member_id, MemberState.WAITING)
        move = MemberState(moved.from_state), MemberState(moved.to_state)
        assert moved.from_state == known
        assert move in MEMBER_MOVES
        self._states[moved.member_id] = moved.to_state
        if moved.to_state == MemberState.VERIFIED:
            assert self.world.box(uid).running_version == NEW
            assert self.minds[int(uid[4:])].version == NEW
            self.verified_truly += 1

    def _check_halt(self) -> None:
        """After its tick a rollout that runs has no reason to halt."""
        with self.world.db.read() as session:
            rollout = session.get_one(Rollout, self.rollout)
            wave = next(w for w in rollout.waves if w.number == rollout.wave_open)
            counts = queries.counts_of(session, rollout, now=self.world.now)
            why = halt_reason(counts, wave=wave.number, limits=wave.limits)
            assert rollout.state != RolloutState.RUNNING or why is None
            moves = session.execute(select(RolloutEvent.from_state, RolloutEvent.to_state))
            assert {(row.from_state, row.to_state) for row in moves} <= set(ROLLOUT_MOVES)

    def settle(self, rounds: int) -> None:
        """Let every box speak in turn, then a day of silence."""
        if self.world.found(self.rollout).state in TAKEN_BACK:
            self._resume()
        for _ in range(rounds):
            for mind in self.minds:
                self.world.wait(seconds=20)
                self._live(mind)
                self.check()
            self.world.wait(minutes=10)
            self.world.tick(self.rollout)
            self._check_halt()
            self.check()
        self.world.wait(days=1)
        self.world.tick(self.rollout)
        self.world.tick(self.rollout)
        self.check()


def _careless(connection: object, _record: object) -> None:
    """Nothing of a simulation must outlive the machine's power."""
    connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]


def stuck(world: World) -> timedelta | None:
    """Return how long the oldest box has been in flight, or None."""
    with world.db.read() as session:
        oldest = session.scalars(
            select(func.min(Member.state_at)).where(Member.state.in_(IN_FLIGHT))
        ).one()
    return None if oldest is None else world.now - oldest
