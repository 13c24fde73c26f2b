"""The demonstration: an operator with boxes that really update themselves, started by `make run`.

A first image goes through the fleet in waves; a second one does not boot on one hardware revision
and its rollout halts by itself. A second start finds the data of the first and goes on.
"""

from __future__ import annotations

import csv
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from sqlalchemy import select
from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from firmware.boxes.operations import rotate_token
from firmware.boxes.queries import codes_in_use
from firmware.images.models import Image
from firmware.images.operations import add_image
from firmware.rollouts import operations as rollouts
from firmware.rollouts import queries as rollout_queries
from firmware.rollouts.models import Rollout
from firmware.rollouts.operations import Plan, WavePlan
from firmware.rollouts.rules import (
    MEMBER_STATE_NAMES,
    MemberState,
    RolloutState,
    Timing,
)
from firmware.rollouts.safety import Limits, progress
from firmware.rollouts.selection import Selection
from stb_service.app import wire_rooms
from stb_service.demo.history import write_history
from stb_service.shared.access import SYSTEM
from stb_service.shared.clock import utc_now
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.settings import Settings
from stb_service.staff.operations import new_password
from stb_service.staff.setup import write_secret
from stb_service.supervisor import Supervisor

SEED = 2026
GOOD, BAD = "2.4.0", "2.5.0"
FACTORY = "2.3.1"
POLL_S = "3"
MIX = "healthy=90,power_cut=4,duplicate=3,wrong_clock=3"
COLUMNS = ("serial", "mac", "model", "revision", "version", "wire", "controller_id", "token")
GOING_ON = (RolloutState.RUNNING, RolloutState.DRAFT, RolloutState.PAUSED)


@dataclass(frozen=True)
class Stage:
    """What the steps of the demonstration need."""

    settings: Settings
    db: Database
    files: FileStore
    console: Console

    def say(self, line: str) -> None:
        """Print a line at once."""
        self.console.print(line, markup=False, soft_wrap=True)
        sys.stdout.flush()


def run(
    settings: Settings,
    start_servers: Callable[..., None],
    *,
    console: Console,
) -> None:
    """Load the data, start the servers and the fleet, and lead both rollouts to their end."""
    os.environ.setdefault("STB_POLL_INTERVAL_S", POLL_S)
    with _stage(settings, console) as stage, Supervisor() as supervisor:
        _load_data(stage)
        stage.say("starting the servers ...")
        logs = settings.home / "logs"
        logs.mkdir(exist_ok=True)
        start_servers(supervisor, settings, logs_to=logs)
        stage.say(f"staff app:  {settings.public_url}")
        stage.say(f"box edge:   http://{settings.host}:{settings.edge_port}")
        stage.say(f"sign in as: admin   password: {_password(settings)}")
        if settings.demo_boxes > 0:
            _start_fleet(stage, supervisor)
            _lead_rollouts(stage, supervisor)
        stage.say("everything goes on until Ctrl-C")
        supervisor.watch()


def _password(settings: Settings) -> str:
    path = settings.home / "admin_password"
    if settings.admin_password:
        return "as set in STB_ADMIN_PASSWORD"
    return path.read_text(encoding="utf-8").strip() if path.exists() else "as you changed it"


@contextmanager
def _stage(settings: Settings, console: Console) -> Iterator[Stage]:
    db = Database(settings.database_url)
    try:
        yield Stage(settings, db, FileStore(settings.files_dir), console)
    finally:
        db.close()


def _load_data(stage: Stage) -> None:
    lock = new_password(secrets.token_urlsafe(32), username="")
    with stage.db.write() as session:
        if session.scalar(select(Box.id).limit(1)) is not None:
            stage.say("the data of an earlier start are kept")
            return
        stage.say("letting 18 months of a demo operator happen ...")
        sources = wire_rooms().warranty_facts
        op = write_history(
            session, sources=sources, files=stage.files, lock=lock, now=utc_now(), seed=SEED
        )
        accounts = sum(len(found) for found in op.customers.values())
        stage.say(f"{len(op.boxes)} boxes and {accounts} accounts")


def _start_fleet(stage: Stage, supervisor: Supervisor) -> None:
    """Give boxes of the registry their tokens and let the lab emulate them."""
    folder = stage.settings.home / "demo"
    folder.mkdir(exist_ok=True)
    path = folder / "fleet.csv"
    count = _write_identities(stage, path)
    supervisor.start(
        "fleet",
        [
            *(sys.executable, "-m", "lab.cli", "fleet"),
            *("--url", f"http://{stage.settings.host}:{stage.settings.edge_port}"),
            *("--tenant", stage.settings.tenant),
            *("--identities", str(path), "--seed", str(SEED), "--personalities", MIX),
            *("--xconf-poll", POLL_S, "--min-poll", "1", "--summary", str(folder / "fleet.json")),
        ],
        quiet=stage.settings.home / "logs" / "fleet.log",
    )
    stage.say(f"{count} emulated boxes poll the box edge; logs in {stage.settings.home / 'logs'}")


def _write_identities(stage: Stage, path: Path) -> int:
    """Write who the emulated boxes are; on a second start they run what they ran last."""
    known = _known_tokens(path)
    rows = []
    with stage.db.write() as session:
        for number, box in enumerate(_fleet_boxes(session, stage.settings.demo_boxes)):
            wire = "xconf" if number % 4 == 3 else "ddi"
            token = known.get(box.uid, "")
            if wire == "ddi" and not token:
                token = rotate_token(session, box=box, actor=SYSTEM, now=utc_now())
            rows.append(
                {
                    "serial": box.serial,
                    "mac": box.mac_ethernet,
                    "model": box.model_code,
                    "revision": box.revision_code,
                    "version": box.running_version or FACTORY,
                    "wire": wire,
                    "controller_id": box.serial,
                    "token": token,
                    "uid": box.uid,
                }
            )
    write_secret(path, "")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "uid"])
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def _known_tokens(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["uid"]: row["token"] for row in csv.DictReader(file)}


def _fleet_boxes(session: Session, count: int) -> list[Box]:
    """Return boxes of every model and revision: the first of each, then the rest.

    A third are of the revision that will not boot, so that the second rollout has some of
    them to fail on in its first waves.
    """
    boxes = session.scalars(
        select(Box).where(Box.mac_ethernet.is_not(None), Box.state == "known").order_by(Box.id)
    ).all()
    ranks: dict[tuple[str, str], int] = {}
    ranked = []
    for box in boxes:
        code = (box.model_code, box.revision_code)
        ranks[code] = ranks.get(code, 0) + 1
        ranked.append((ranks[code], box.id, box))
    spread = [box for _, _, box in sorted(ranked, key=lambda item: item[:2])]
    revision = _bad_revision(session)
    failing = [box for box in spread if box.revision_code == revision][: count // 3]
    others = [box for box in spread if box not in failing]
    return failing + others[: count - len(failing)]


def _lead_rollouts(stage: Stage, supervisor: Supervisor) -> None:
    """Publish the good image and then the bad one, each when the one before has ended."""
    first = _rollout(stage, GOOD, refuses="")
    _watch(stage, supervisor, first)
    with stage.db.read() as session:
        revision = _bad_revision(session)
    second = _rollout(stage, BAD, refuses=revision)
    _watch(stage, supervisor, second)
    stage.say("both rollouts have ended; their pages tell how and why")


def _bad_revision(session: Session) -> str:
    """Return the revision that will not boot: the most common one that only one model has."""
    models: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for model, revision, boxes in codes_in_use(session):
        models.setdefault(revision, set()).add(model)
        counts[revision] = boxes
    own = [revision for revision, found in models.items() if len(found) == 1]
    return max(own, key=lambda revision: (counts[revision], revision))


def _rollout(stage: Stage, version: str, *, refuses: str) -> int:
    """Return the id of the demo's rollout of a version, made and started where it is missing."""
    name = f"Demo {version}"
    with stage.db.read() as session:
        known = session.scalar(select(Rollout.id).where(Rollout.name == name))
    if known is not None:
        return known
    path = stage.settings.home / "demo" / f"demo-{version}.swu"
    _make_image(path, version, refuses)
    with stage.db.write() as session, stage.files.receiving() as incoming:
        incoming.write(path.read_bytes())
        models = sorted({code for code, _, _ in codes_in_use(session)})
        image = add_image(
            session,
            stage.files,
            incoming=incoming,
            name="stb-fw",
            version=version,
            fits=[(model, "*") for model in models],
            filename=path.name,
            notes=f"Demonstration image {version}.",
            actor=SYSTEM,
            now=utc_now(),
        )
        rollout = _start(session, name, image)
        stage.say(f"image {version} published, rollout started")
        return rollout.id


def _make_image(path: Path, version: str, refuses: str) -> None:
    """Let the lab make an image file that its boxes can boot, or refuse to."""
    command = [sys.executable, "-m", "lab.cli", "make-image", "--version", version]
    command += ["--size", "400000", "--out", str(path)]
    if refuses:
        command += ["--refuses", refuses]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own


def _start(session: Session, name: str, image: Image) -> Rollout:
    """Start a rollout in three waves, at the pace of a demonstration."""
    limits = Limits(
        soak=timedelta(seconds=5), success_permille=800, failure_permille=100, failure_count=2
    )
    plan = Plan(
        name=name,
        waves=tuple(
            WavePlan(share, replace(limits, soak=timedelta(seconds=soak)))
            for share, soak in ((100, 5), (400, 5), (1000, 0))
        ),
        selection=Selection(),
        cap=20,
        timing=Timing(
            offer=timedelta(seconds=40),
            silence=timedelta(seconds=40),
            install=timedelta(seconds=120),
            grace=timedelta(seconds=40),
            seen_within=timedelta(days=1),
        ),
    )
    rollout = rollouts.create_rollout(session, plan=plan, image=image, actor=SYSTEM, now=utc_now())
    return rollouts.start(session, rollout=rollout, actor=SYSTEM, now=utc_now())


def _watch(stage: Stage, supervisor: Supervisor, rollout_id: int) -> None:
    """Tell how a rollout goes until it has ended; one that a person paused is waited for."""
    last = ""
    while True:
        supervisor.check()
        with stage.db.read() as session:
            rollout = session.get_one(Rollout, rollout_id)
            counts = rollout_queries.counts_of(session, rollout, now=utc_now())
            reachable = [replace(count, boxes=count.reachable) for count in counts]
            line = _line(rollout, progress(reachable))
            state, why = rollout.state, str(rollout.reason)
        if line != last:
            stage.say(line)
            last = line
        if state not in GOING_ON:
            stage.say(f"{rollout.name}: {state}. {why}")
            return
        time.sleep(1.0)


def _line(rollout: Rollout, counts: Mapping[MemberState, int]) -> str:
    total = sum(counts.values())
    parts = [
        f"{MEMBER_STATE_NAMES[state]} {counts[state]}" for state in MemberState if counts.get(state)
    ]
    return f"{rollout.name}  wave {rollout.wave_open}  of {total} seen: {', '.join(parts)}"
