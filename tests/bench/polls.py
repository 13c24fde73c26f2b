"""How many DDI polls a second the box edge answers, beside what the bare server does."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, insert, select, update

from firmware.boxes.models import Box, BoxToken
from firmware.boxes.rules import BoxState, token_digest
from stb_service.serving import EDGE_WORKERS, THREADS
from tests.bench.figures import Figure, rounded
from tests.bench.load import SEPARATOR
from tests.live import Live, answers, free_port, live_service, wait_for

BOXES = 10_000
CONNECTIONS = 16
SECONDS = 8.0


def add_boxes(live: Live, count: int) -> list[tuple[str, str]]:
    """Write boxes that have stated their version, each with a token; return serials and tokens."""
    now = datetime.now(UTC)
    made = [(f"BENCH{number:011d}", f"token-{number:026d}") for number in range(count)]
    rows = [
        {
            "uid": serial[-16:],
            "serial": serial,
            "model_code": f"AX{number % 5}",
            "revision_code": "A",
            "state": BoxState.KNOWN,
            "created_at": now,
            "running_version": "1.0.0",
            "version_at": now + timedelta(days=1),
            "attributes": {"sw_version": "1.0.0"},
            "attributes_at": now + timedelta(days=1),
            "attributes_wanted": False,
            "attributes_asked": 0,
        }
        for number, (serial, _) in enumerate(made)
    ]
    with live.db.write() as session:
        session.execute(insert(Box), rows)
        ids = dict(session.execute(select(Box.serial, Box.id)).tuples().all())
        session.execute(
            insert(BoxToken),
            [
                {
                    "box_id": ids[serial],
                    "digest": token_digest(token),
                    "hint": token[:4],
                    "created_at": now,
                }
                for serial, token in made
            ],
        )
    return made


def settle(live: Live) -> None:
    """Give every box the decision that the first ones got: what is measured is the poll of each
    day, which finds nothing new; the first one writes its reason down.
    """
    with live.db.write() as session:
        key = session.scalar(select(Box.decision_key).where(Box.decision_key.is_not(None)).limit(1))
        if key is None:
            raise RuntimeError("no box was answered")
        session.execute(update(Box).values(decision_key=key))


def requests_for(live: Live, boxes: list[tuple[str, str]]) -> bytes:
    """Return the polls of all boxes, ready to be sent."""
    return SEPARATOR.join(
        (
            f"GET /{live.settings.tenant}/controller/v1/{serial} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{live.settings.edge_port}\r\n"
            "Accept: application/hal+json\r\n"
            f"Authorization: TargetToken {token}\r\n\r\n"
        ).encode()
        for serial, token in boxes
    )


def measure(port: int, seconds: float, file: Path) -> dict[str, Any]:
    """Run the load client in its own process."""
    command = [sys.executable, "-m", "tests.bench.load"]
    done = subprocess.run(
        [*command, str(port), str(seconds), str(CONNECTIONS), str(file)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def memory_mb(process: subprocess.Popen[bytes]) -> list[float]:
    """Return the resident memory of a server's worker processes."""
    workers = psutil.Process(process.pid).children(recursive=True)
    return [rounded(child.memory_info().rss / 1e6) for child in workers]


def polls_vs_null(
    say: Callable[[str], None], *, boxes: int = BOXES, seconds: float = SECONDS
) -> Figure:
    """Measure both servers, one after the other, with the same client."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with live_service(home, STB_LOG_LEVEL="INFO", STB_POLL_INTERVAL_S="300") as live:
            say(f"writing {boxes} boxes ...")
            file = home / "requests"
            file.write_bytes(requests_for(live, add_boxes(live, boxes)))
            null_port = free_port()
            with (home / "null.log").open("wb") as log:
                command = [sys.executable, "-m", "tests.bench.null", str(null_port)]
                null = subprocess.Popen(command, env=live.environ, stdout=log, stderr=log)
            live.processes.append(null)
            wait_for(lambda: answers(f"http://127.0.0.1:{null_port}"), what="the null app")
            say("measuring the bare server ...")
            bare = measure(null_port, seconds, file)
            null.terminate()
            null.wait(20)
            live.start("edge")
            say("letting boxes poll for the first time ...")
            first = measure(live.settings.edge_port, 2.0, file)
            settle(live)
            started = datetime.now(UTC)
            say("measuring polls ...")
            polls = measure(live.settings.edge_port, seconds, file)
            memory = memory_mb(live.processes[-1])
            time.sleep(2.5)  # the last stamps are written each second
            with live.db.read() as session:
                seen = session.scalar(select(func.count()).where(Box.last_seen_at >= started))
    count = sum(polls["statuses"].values())
    wrong = {s: n for s, n in polls["statuses"].items() if s != "200"}
    if wrong or not seen:
        raise RuntimeError(f"answers {polls['statuses']}, {seen} boxes seen")
    return Figure(
        "polls_vs_null",
        polls["rate"] / bare["rate"],
        "ratio",
        count,
        {
            "polls_per_s": rounded(polls["rate"]),
            "first_polls_per_s": rounded(first["rate"]),
            "null_per_s": rounded(bare["rate"]),
            "p50_ms": rounded(polls["p50_us"] / 1000),
            "p99_ms": rounded(polls["p99_us"] / 1000),
            "null_p50_ms": rounded(bare["p50_us"] / 1000),
            "null_p99_ms": rounded(bare["p99_us"] / 1000),
            "worker_rss_mb": memory,
            "workers": EDGE_WORKERS,
            "threads": THREADS,
            "connections": CONNECTIONS,
            "boxes": boxes,
            "last_seen_recorded": seen,
        },
    )
