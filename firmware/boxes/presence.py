"""When boxes were last seen: gathered in memory, written in one go every second.

A poll that changes nothing costs no write of its own. What a killed process loses is at most
a second of these stamps; reports are never kept here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy import bindparam, func, or_, update
from sqlalchemy.exc import SQLAlchemyError

from firmware.boxes.models import Box
from stb_service.shared.db import Database

ADDRESS_CHARS = 45
log = structlog.get_logger()


@dataclass(frozen=True)
class Sighting:
    """A box was there: when, by which wire, from where; and when it last took bytes of an image."""

    at: datetime
    wire: str
    address: str
    bytes_at: datetime | None = None

    def merged(self, other: Sighting) -> Sighting:
        """Return the later of two, with the later bytes of both."""
        later = other if other.at >= self.at else self
        known = [at for at in (self.bytes_at, other.bytes_at) if at is not None]
        return replace(later, bytes_at=max(known, default=None))


class Presence:
    """The gatherer of one process."""

    def __init__(self, db: Database, *, every_s: float = 1.0) -> None:
        self._db = db
        self._every_s = every_s
        self._lock = threading.Lock()
        self._seen: dict[int, Sighting] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def note(
        self, box_id: int, at: datetime, wire: str, address: str, *, takes_bytes: bool = False
    ) -> None:
        """Remember that a box has spoken; the writer starts with the first one."""
        sighting = Sighting(at, wire, address[:ADDRESS_CHARS], at if takes_bytes else None)
        with self._lock:
            self._merge({box_id: sighting})
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="presence", daemon=True)
                self._thread.start()

    def _merge(self, seen: dict[int, Sighting]) -> None:
        """Take over what is later than what is known (the lock is held)."""
        for box_id, sighting in seen.items():
            known = self._seen.get(box_id)
            self._seen[box_id] = sighting if known is None else known.merged(sighting)

    def flush(self) -> int:
        """Write what was gathered; return the number of boxes."""
        with self._lock:
            seen, self._seen = self._seen, {}
        if not seen:
            return 0
        rows = [
            {
                "b_id": box_id,
                "b_at": sighting.at,
                "b_wire": sighting.wire,
                "b_address": sighting.address,
                "b_bytes_at": sighting.bytes_at,
            }
            for box_id, sighting in sorted(seen.items())
        ]
        statement = (
            update(Box.__table__)  # type: ignore[arg-type]
            .where(Box.id == bindparam("b_id"))
            # another process may have written a later one
            .where(or_(Box.last_seen_at.is_(None), Box.last_seen_at <= bindparam("b_at")))
            .values(
                last_seen_at=bindparam("b_at"),
                last_wire=bindparam("b_wire"),
                last_address=bindparam("b_address"),
                bytes_at=func.coalesce(bindparam("b_bytes_at"), Box.bytes_at),
            )
        )
        try:
            with self._db.write() as session:
                session.connection().execute(statement, rows)
        except BaseException:
            with self._lock:
                self._merge(seen)
            raise
        return len(rows)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._guarded(self.flush)

    def _guarded(self, flush: Callable[[], int]) -> None:
        try:
            flush()
        except SQLAlchemyError as error:
            log.warning("presence", error=type(error).__name__)

    def close(self) -> None:
        """Stop the writer and write what is left."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.flush()
