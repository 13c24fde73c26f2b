"""The two servers: `python -m stb_service.serving app` and `... edge`.

The process that is started so only watches over its workers, of which each makes one app from the
environment. It loads what they need and no more; being forked, they share it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from granian import Granian
from granian.constants import Interfaces

from stb_service.shared import logs, metrics
from stb_service.shared.db import Database
from stb_service.shared.errors import Misconfigured
from stb_service.shared.loading import load
from stb_service.shared.settings import Settings, read_settings

if TYPE_CHECKING:
    from stb_service.shared.http import StbFlask

EDGE_WORKERS = 2
THREADS = 64  # a download or upload holds one for as long as the other side takes


def staff() -> StbFlask:
    """Make the staff app."""
    from stb_service.app import make_app  # noqa: PLC0415 - the box edge loads none of it

    settings, db = _begin()
    others = (metrics.folder_of(settings, metrics.WORKER),)
    counts = metrics.Counts(metrics.folder_of(settings, metrics.APP), others=others)
    return make_app(settings, db, counts=counts)


def edge() -> StbFlask:
    """Make the box edge."""
    from firmware.edge import make_edge  # noqa: PLC0415 - the staff app loads none of it

    settings, db = _begin()
    return make_edge(settings, db, counts=metrics.Counts(metrics.folder_of(settings, metrics.EDGE)))


def _begin() -> tuple[Settings, Database]:
    settings = read_settings()
    logs.configure(settings.log_level)
    return settings, Database(settings.database_url)


def logging_of_granian() -> dict[str, Any]:
    """Return a configuration that writes Granian's own lines as all others are written.

    Its remark on the number of threads, which is meant, is left out.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"remarks": {"()": lambda: _is_no_remark}},
        "formatters": {"json": {"()": logs.formatter}},
        "handlers": {
            "standard error": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "filters": ["remarks"],
            }
        },
        "loggers": {"_granian": {"handlers": ["standard error"], "propagate": False}},
    }


def _is_no_remark(record: logging.LogRecord) -> bool:
    return "allows spawning up to" not in record.getMessage()


def serve(target: str, settings: Settings, port: int, *, workers: int) -> None:
    """Serve what the factory `module:name` makes, in so many processes."""
    Granian(
        target,
        address=settings.host,
        port=port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=workers,
        blocking_threads=THREADS,
        log_access=False,
        log_level="warning",  # type: ignore[arg-type]
        log_dictconfig=logging_of_granian(),
        respawn_failed_workers=True,
        workers_kill_timeout=10,  # one that is told to stop while it starts does not hear it
    ).serve()


def main(arguments: Sequence[str]) -> int:
    """Serve `app` or `edge` until SIGINT or SIGTERM; a bad setting ends it with status 2."""
    (name,) = arguments
    os.umask(0o077)  # the database and the files are for their owner
    try:
        settings = read_settings()
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    metrics.begin(settings, name)
    if name == metrics.APP:
        load("stb_service.app")
        serve("stb_service.serving:staff", settings, settings.port, workers=1)
    else:
        load("firmware.edge")
        serve("stb_service.serving:edge", settings, settings.edge_port, workers=EDGE_WORKERS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
