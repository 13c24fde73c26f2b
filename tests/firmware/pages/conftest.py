"""A small fleet, images for it, and clients of the whole staff app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select, update

from firmware.boxes.models import Box
from firmware.boxes.operations import know_boxes, meet_unknown
from firmware.boxes.rules import Statement
from firmware.images.models import Image
from firmware.images.operations import add_image
from firmware.rollouts import drafts, operations
from firmware.rollouts.evidence import Step
from firmware.rollouts.models import DecisionRecord, Member, Rollout
from firmware.rollouts.moves import move_member
from firmware.rollouts.rules import MemberState, reason
from firmware.rollouts.safety import Limits
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from tests.conftest import csrf_of

MODELS = ("KX-1", "KX-2")
BOXES = 40
TAKEN = (MemberState.OFFERED, MemberState.FETCHING, MemberState.AWAITING)


def _box(number: int) -> dict[str, Any]:
    return {
        "uid": f"uid-{number:02d}",
        "serial": f"SN{number:04d}",
        "mac_ethernet": f"00:1A:79:00:00:{number:02X}",
        "mac_wifi": None,
        "model_code": MODELS[number % 2],
        "revision_code": "A",
        "tags": ["lab"] if number < 4 else [],
    }


class Fleet:
    """Forty boxes of two models, three images, and short words for what happens to them."""

    def __init__(self, db: Database, files: FileStore, actor: Actor) -> None:
        self.db, self.actor = db, actor
        self.now = datetime.now(UTC)
        with db.write() as session:
            know_boxes(session, [_box(number) for number in range(BOXES)], now=self.now)
            session.execute(
                update(Box).values(
                    running_version="1.0", version_at=self.now, last_seen_at=self.now
                )
            )
            session.execute(
                update(Box).where(Box.uid == f"uid-{BOXES - 1:02d}").values(last_seen_at=None)
            )
        self.images = {version: self._image(files, version) for version in ("1.0", "2.0", "3.0")}

    def _image(self, files: FileStore, version: str) -> str:
        with files.receiving() as incoming:
            incoming.write(version.encode())
            with self.db.write() as session:
                return add_image(
                    session,
                    files,
                    incoming=incoming,
                    name="Living room",
                    version=version,
                    fits=[(model, "*") for model in MODELS],
                    filename="x.swu",
                    actor=self.actor,
                    now=self.now,
                ).public_id

    def plan(self, name: str = "Spring", version: str = "2.0", **more: Any) -> str:
        """Write a draft of two waves down and return its id."""
        limits = Limits(soak=timedelta(hours=1))
        waves = (drafts.WavePlan(250, limits), drafts.WavePlan(1000, limits))
        with self.db.write() as session:
            image = session.scalar(select(Image).where(Image.version == version))
            assert image is not None
            plan = drafts.Plan(name=name, waves=waves, salt="fleet", **more)
            return drafts.create_rollout(
                session, plan=plan, image=image, actor=self.actor, now=self.now
            ).public_id

    def start(self, name: str = "Spring", version: str = "2.0", **more: Any) -> str:
        """Start a rollout and return its id."""
        public_id = self.plan(name, version, **more)
        with self.db.write() as session:
            rollout = self.rollout(session, public_id)
            operations.start(session, rollout=rollout, actor=self.actor, now=self.now)
        return public_id

    def rollout(self, session: Any, public_id: str) -> Rollout:
        """Return a rollout."""
        found: Rollout = session.scalars(
            select(Rollout).where(Rollout.public_id == public_id)
        ).one()
        return found

    def state(self, public_id: str) -> str:
        """Return the state of a rollout."""
        with self.db.read() as session:
            return self.rollout(session, public_id).state

    def waves(self, public_id: str) -> dict[str, int]:
        """Return the wave of each box, by uid."""
        with self.db.read() as session:
            members = self.rollout(session, public_id).id
            rows = session.scalars(select(Member).where(Member.rollout_id == members)).all()
            return {member.box.uid: member.wave for member in rows}

    def bring(self, public_id: str, outcome: MemberState, count: int = 1) -> list[str]:
        """Take waiting boxes of the first wave to an outcome; return their uids."""
        why = {
            MemberState.VERIFIED: reason("states_wanted", version="2.0"),
            MemberState.FAILED: reason("states_old_rebooted", version="1.0"),
        }
        with self.db.write() as session:
            rollout = self.rollout(session, public_id)
            members = session.scalars(
                select(Member)
                .where(Member.rollout_id == rollout.id, Member.state == MemberState.WAITING)
                .order_by(Member.wave, Member.place)
                .limit(count)
            ).all()
            for member in members:
                for state in (*TAKEN, outcome):
                    step = Step(state, why.get(state, reason("fetched")))
                    move_member(session, member=member, step=step, now=self.now)
            return [member.box.uid for member in members]

    def decide(self, uid: str, code: str, at: datetime, **values: Any) -> None:
        """Write down what a box was told."""
        with self.db.write() as session:
            box = session.scalars(select(Box).where(Box.uid == uid)).one()
            session.add(
                DecisionRecord(
                    box_id=box.id, at=at, wire="ddi", reason_code=code, reason_values=values
                )
            )

    def stranger(self, controller_id: str) -> str:
        """Let a box nobody knows ask; return its uid."""
        with self.db.write() as session:
            box = meet_unknown(
                session,
                controller_id=controller_id,
                statement=Statement(at=self.now, wire="ddi", model="KX-1"),
                token=None,
                registers=False,
                now=self.now,
            )
            assert box is not None
            return box.uid

    def box(self, uid: str) -> Box:
        """Return a box."""
        with self.db.read() as session:
            return session.scalars(select(Box).where(Box.uid == uid)).one()


@pytest.fixture
def fleet(sqlite_db: Database, files: FileStore, actor: Actor, people: Any) -> Fleet:
    return Fleet(sqlite_db, files, actor)


class Browser:
    """A browser that fills in forms."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        page = client.get("/me/password")
        self._csrf = csrf_of(page.text) or csrf_of(client.get("/").text)

    def get(self, address: str, status: int = 200) -> str:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.text[:2000]
        return answer.text

    def post(self, address: str, status: int = 303, **form: Any) -> Any:
        answer = self.client.post(address, data={"csrf_token": self._csrf, **form})
        assert answer.status_code == status, answer.text[:3000]
        return answer


@pytest.fixture
def browser(client: FlaskClient) -> Browser:
    """An administrator at the desk."""
    return Browser(client)


@pytest.fixture
def browser_of(people: Any, sign_in: Callable[[str], FlaskClient]) -> Callable[..., Browser]:
    """Return the browser of somebody with another role."""

    def make(role: str, organisation: str = "operator") -> Browser:
        return Browser(sign_in(people.person(role, organisation).username))

    return make


@pytest.fixture
def queries_of(sqlite_db: Database) -> Callable[[], Any]:
    """Return a context that counts queries."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        made: list[str] = []

        def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
            made.append(statement)

        event.listen(sqlite_db.engine, "before_cursor_execute", note)
        yield made
        event.remove(sqlite_db.engine, "before_cursor_execute", note)

    return counting
