"""A WSGI app that does nothing: what the server alone costs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from stb_service.serving import EDGE_WORKERS, serve
from stb_service.shared.settings import read_settings

BODY = b'{"config":{"polling":{"sleep":"00:05:00"}},"_links":{}}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def make() -> Callable[..., Iterable[bytes]]:
    """Return the app."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", HEADERS)
        return [BODY]

    return app


if __name__ == "__main__":
    serve(
        "tests.bench.null:make",
        read_settings(os.environ),
        int(sys.argv[1]),
        workers=EDGE_WORKERS,
    )
