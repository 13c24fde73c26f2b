"""When boxes were last seen: gathered in memory, written in one go every second.

A poll that changes nothing costs no write of its own. What a killed process loses is at most
a second of these stamps; reports are never kept here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import bindparam, or_, update
from sqlalchemy.exc import SQLAlchemyError

from firmware.boxes.models import Box
from stb_service.shared.db import Database

Sighting = tuple[datetime, str, str]
log = structlog.get_logger()


class Presence:
    """The gatherer of one process."""

    def __init__(self, db: Database, *, every_s: float = 1.0) -> None:
        self._db = db
        self._every_s = every_s
        self._lock = threading.Lock()
        self._seen: dict[int, Sighting] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, box_id: int, at: datetime, wire: str, address: str) -> None:
        """Remember that a box has spoken; the writer starts with the first one."""
        with self._lock:
            self._merge({box_id: (at, wire, address[:45])})
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="presence", daemon=True)
                self._thread.start()

    def _merge(self, seen: dict[int, Sighting]) -> None:
        """Take over what is later than what is known (the lock is held)."""
        for box_id, sighting in seen.items():
            known = self._seen.get(box_id)
            if known is None or known[0] <= sighting[0]:
                self._seen[box_id] = sighting

    def flush(self) -> int:
        """Write what was gathered; return the number of boxes."""
        with self._lock:
            seen, self._seen = self._seen, {}
        if not seen:
            return 0
        rows = [
            {"b_id": box_id, "b_at": at, "b_wire": wire, "b_address": address}
            for box_id, (at, wire, address) in sorted(seen.items())
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
