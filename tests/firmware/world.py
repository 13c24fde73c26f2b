"""A small fleet with images and rollouts in one database.

Every call is a unit of work of its own at the world's moment, which only `wait` moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from firmware.boxes.models import Box, BoxToken
from firmware.boxes.operations import know_boxes
from firmware.boxes.queries import is_among
from firmware.boxes.rules import Statement
from firmware.images.models import Image
from firmware.images.operations import add_image, restore_image, withdraw_image
from firmware.rollouts import engine, operations
from firmware.rollouts.models import Attempt, Member, MemberEvent, Rollout
from firmware.rollouts.operations import Plan, WavePlan
from firmware.rollouts.rules import Timing
from firmware.rollouts.safety import Limits
from firmware.rollouts.selection import Selection
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore


def holds_token(session: Session, box: Box, token: str, *, now: datetime) -> bool:
    """Tell whether a token is one of the box's own that are still accepted."""
    rows = session.execute(
        select(BoxToken.digest, BoxToken.expires_at).where(BoxToken.box_id == box.id)
    )
    return is_among(token, [digest for digest, ends in rows if ends is None or ends > now])


@contextmanager
def listening(db: Database, name: str, listener: Callable[..., None]) -> Iterator[None]:
    """Let a listener hear the engine (which outlives the test) for a while."""
    event.listen(db.engine, name, listener)
    try:
        yield
    finally:
        event.remove(db.engine, name, listener)


@contextmanager
def statements_to(db: Database) -> Iterator[list[str]]:
    """Collect the statements that are sent to a database."""
    sent: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    with listening(db, "before_cursor_execute", hear):
        yield sent


RESTATE = timedelta(hours=1)
TIMING = Timing(
    offer=timedelta(minutes=30),
    silence=timedelta(minutes=60),
    install=timedelta(hours=6),
    grace=timedelta(minutes=30),
    seen_within=timedelta(days=14),
)
LENIENT = Limits(failure_count=1000, suspect_count=1000, success_permille=0)


class World:
    def __init__(self, db: Database, files: FileStore, actor: Actor, now: datetime) -> None:
        self.db, self.files, self.actor, self.now = db, files, actor, now
        self._count = 0

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)

    # what is there

    def image(
        self,
        version: str,
        fits: Sequence[tuple[str, str]] = (("X100", "*"),),
        data: bytes | None = None,
    ) -> int:
        with self.files.receiving() as incoming:
            incoming.write(data or f"firmware {version} {fits}".encode())
            with self.db.write() as session:
                return add_image(
                    session,
                    self.files,
                    incoming=incoming,
                    name="Firmware",
                    version=version,
                    fits=fits,
                    filename="firmware.swu",
                    actor=self.actor,
                    now=self.now,
                ).id

    def withdraw(self, image_id: int) -> None:
        with self.db.write() as session:
            image = session.get_one(Image, image_id)
            withdraw_image(session, image, reason="it burns", actor=self.actor, now=self.now)

    def restore(self, image_id: int) -> None:
        with self.db.write() as session:
            image = session.get_one(Image, image_id)
            restore_image(session, image, actor=self.actor, now=self.now)

    def boxes(
        self,
        number: int,
        *,
        model: str = "X100",
        revision: str = "r1",
        version: str | None = "1.0",
        boot: str | None = "boot-1",
        seen: bool = True,
        tags: Sequence[str] = (),
    ) -> list[str]:
        """Add boxes that stated what they run just now, unless they were never seen."""
        first, self._count = self._count, self._count + number
        uids = [f"box-{first + n:05}" for n in range(number)]
        rows = [
            {
                "uid": uid,
                "serial": f"S{uid[4:]}",
                "mac_ethernet": f"00:1A:79:00:{first + n >> 8:02X}:{first + n & 255:02X}",
                "mac_wifi": None,
                "model_code": model,
                "revision_code": revision,
                "tags": tags,
            }
            for n, uid in enumerate(uids)
        ]
        with self.db.write() as session:
            know_boxes(session, rows, now=self.now)
            if seen:
                for box in session.scalars(select(Box).where(Box.uid.in_(uids))):
                    box.running_version, box.version_at = version, self.now if version else None
                    box.attributes_at = self.now
                    box.boot_id, box.last_seen_at = boot, self.now
        return uids

    def box(self, uid: str) -> Box:
        with self.db.read() as session:
            return session.scalars(select(Box).where(Box.uid == uid)).one()

    def change_box(self, uid: str, **values: Any) -> None:
        with self.db.write() as session:
            box = session.scalars(select(Box).where(Box.uid == uid)).one()
            for name, value in values.items():
                setattr(box, name, value)

    # rollouts

    def draft(
        self,
        image_id: int,
        *,
        name: str = "",
        shares: Sequence[int] = (1000,),
        limits: Limits = LENIENT,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        friendly: Sequence[str] = (),
        cap: int = 1000,
        timing: Timing = TIMING,
        salt: str = "salt",
    ) -> int:
        self._count += 1
        plan = Plan(
            name=name or f"Rollout {self._count}",
            waves=tuple(WavePlan(share, limits) for share in shares),
            selection=selection,
            friendly=tuple(friendly),
            cap=cap,
            timing=timing,
            salt=salt,
        )
        with self.db.write() as session:
            image = session.get_one(Image, image_id)
            return operations.create_rollout(
                session, plan=plan, image=image, actor=self.actor, now=self.now
            ).id

    def rollout(self, image_id: int, **plan: Any) -> int:
        """Write a rollout down and start it."""
        rollout_id = self.draft(image_id, **plan)
        self.staff("start", rollout_id)
        return rollout_id

    def staff(self, verb: str, rollout_id: int, **arguments: Any) -> Any:
        """Do what staff do with a rollout."""
        if verb in {"pause", "resume", "cancel"}:
            arguments.setdefault("why", "because")
        with self.db.write() as session:
            rollout = session.get_one(Rollout, rollout_id)
            operation = getattr(operations, verb)
            return operation(session, rollout=rollout, actor=self.actor, now=self.now, **arguments)

    def recall(self, image_id: int, target_id: int, **plan: Any) -> int:
        with self.db.write() as session:
            made = operations.recall(
                session,
                image=session.get_one(Image, image_id),
                target=session.get_one(Image, target_id),
                plan=Plan(name="Recall", waves=(WavePlan(1000, LENIENT),), timing=TIMING, **plan),
                why="it burns",
                actor=self.actor,
                now=self.now,
            )
            return made.id

    def found(self, rollout_id: int) -> Rollout:
        with self.db.read() as session:
            rollout = session.get_one(Rollout, rollout_id)
            assert rollout.waves
            return rollout

    def tick(self, rollout_id: int, limit: int = 500) -> int:
        with self.db.write() as session:
            return engine.tick(session, rollout_id=rollout_id, now=self.now, limit=limit)

    # what boxes do

    def poll(self, uid: str, wire: str = "ddi") -> engine.Consultation:
        """A poll as a wire takes it: first without writing, then, if there is need, with."""
        restate = RESTATE if wire == "ddi" else None
        self._see(uid, wire)
        with self.db.read() as session:
            box = session.scalars(select(Box).where(Box.uid == uid)).one()
            peeked = engine.peek(session, box=box, restate=restate, now=self.now)
        if peeked.is_settled:
            return peeked
        with self.db.write() as session:
            box = session.scalars(select(Box).where(Box.uid == uid)).one()
            return engine.consult(session, box=box, wire=wire, restate=restate, now=self.now)

    def _see(self, uid: str, wire: str = "ddi") -> None:
        self.change_box(uid, last_seen_at=self.now, last_wire=wire)

    def told(self, uid: str, wire: str = "ddi") -> str:
        """Poll, and return the code of the reason."""
        return self.poll(uid, wire).decision.reason.code

    def fetch(self, uid: str, rollout_id: int | None = None) -> bool:
        with self.db.write() as session:
            member = session.get_one(Member, self.member(uid, rollout_id).id)
            return engine.note_fetch(session, member=member, now=self.now)

    def report(
        self,
        uid: str,
        rollout_id: int | None = None,
        *,
        success: bool = True,
        action: int | None = None,
    ) -> None:
        """Say how it ended, of the action given or of the last one that was offered."""
        known = self.member(uid, rollout_id)
        with self.db.write() as session:
            engine.note_report(
                session,
                member=session.get_one(Member, known.id),
                action=action or self.last_action(uid, rollout_id),
                success=success,
                details="disk full" if not success else "",
                now=self.now,
            )
        self._see(uid)

    def last_action(self, uid: str, rollout_id: int | None = None) -> int:
        with self.db.read() as session:
            member = self.member(uid, rollout_id)
            return session.scalars(
                select(Attempt.id)
                .where(Attempt.member_id == member.id)
                .order_by(Attempt.id.desc())
                .limit(1)
            ).one()

    def answer_cancel(self, uid: str, *, stopped: bool) -> None:
        known = self.member(uid)
        assert known.action is not None
        with self.db.write() as session:
            engine.note_cancel_answer(
                session,
                member=session.get_one(Member, known.id),
                action=known.action,
                stopped=stopped,
                details="too late",
                now=self.now,
            )

    def state_version(
        self, uid: str, version: str, boot: str | None = None, wire: str = "ddi"
    ) -> None:
        self._see(uid, wire)
        with self.db.write() as session:
            box = session.scalars(select(Box).where(Box.uid == uid)).one()
            box.attributes_at = self.now
            statement = Statement(at=self.now, wire=wire, version=version, boot_id=boot)
            engine.observe(session, box=box, statement=statement, now=self.now)

    def install(self, uid: str, version: str, rollout_id: int | None = None) -> str:
        """Poll, fetch, report success, reboot, and state the version."""
        self.poll(uid)
        self.fetch(uid, rollout_id)
        self.report(uid, rollout_id)
        self.state_version(uid, version, boot=f"boot-of-{version}")
        return self.state(uid, rollout_id)

    def fail(self, uid: str, rollout_id: int | None = None) -> str:
        self.poll(uid)
        self.fetch(uid, rollout_id)
        self.report(uid, rollout_id, success=False)
        return self.state(uid, rollout_id)

    # what is known of it

    def member(self, uid: str, rollout_id: int | None = None) -> Member:
        """Return a box's part in a rollout, or in the newest."""
        statement = select(Member).join(Box, Box.id == Member.box_id).where(Box.uid == uid)
        if rollout_id is not None:
            statement = statement.where(Member.rollout_id == rollout_id)
        with self.db.read() as session:
            return session.scalars(statement.order_by(Member.id.desc()).limit(1)).one()

    def state(self, uid: str, rollout_id: int | None = None) -> str:
        return str(self.member(uid, rollout_id).state)

    def states(self, rollout_id: int) -> dict[str, int]:
        with self.db.read() as session:
            rows = session.scalars(select(Member.state).where(Member.rollout_id == rollout_id))
            return dict(Counter(rows))

    def moves(self, uid: str, rollout_id: int | None = None) -> list[tuple[str, str, str]]:
        """Return the moves of a box: from, to, and the code of the reason."""
        member = self.member(uid, rollout_id)
        with self.db.read() as session:
            events = session.scalars(
                select(MemberEvent)
                .where(MemberEvent.member_id == member.id)
                .order_by(MemberEvent.id)
            )
            return [(e.from_state, e.to_state, e.reason_code) for e in events]

    def waves(self, rollout_id: int) -> dict[str, int]:
        with self.db.read() as session:
            rows = session.execute(
                select(Box.uid, Member.wave)
                .join(Member, Member.box_id == Box.id)
                .where(Member.rollout_id == rollout_id)
            )
            return {uid: wave for uid, wave in rows}  # noqa: C416 - rows to a dict
