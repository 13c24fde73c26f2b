"""A load client in a process of its own: keep-alive connections, one request in flight on each.

`python -m tests.bench.load PORT SECONDS CONNECTIONS REQUESTS_FILE`. The file holds prepared
requests, separated by a line `%%`; they are sent round and round. Prints one JSON object:
answers by status, seconds, latencies in microseconds at the 50th and 99th percentile.
"""

from __future__ import annotations

import itertools
import json
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import percentile

SEPARATOR = b"\n%%\n"


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_ns = 0
        self.received = b""

    def send(self, request: bytes) -> None:
        """Send one request."""
        self.received = b""
        self.sent_ns = time.perf_counter_ns()
        self.socket.sendall(request)

    def read(self) -> int | None:
        """Read what has come; return the status once the answer is whole."""
        self.received += self.socket.recv(65536)
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return None
        _, _, rest = head.lower().partition(b"content-length: ")
        length = int(rest.partition(b"\r\n")[0])
        return int(head[9:12]) if len(body) >= length else None


def run(port: int, seconds: float, connections: int, requests: list[bytes]) -> dict[str, object]:
    """Send requests for so long; return what came back."""
    queue: Iterator[bytes] = itertools.cycle(requests)
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = Connection(port)
        connection.send(next(queue))
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        for key, _ in selector.select(timeout=1):
            connection = key.data
            status = connection.read()
            if status is not None:
                latencies.append((time.perf_counter_ns() - connection.sent_ns) / 1000)
                statuses[status] += 1
                connection.send(next(queue))
    spent = time.perf_counter() - started
    return {
        "statuses": dict(statuses),
        "seconds": spent,
        "rate": len(latencies) / spent,
        "p50_us": percentile(latencies, 0.5),
        "p99_us": percentile(latencies, 0.99),
    }


if __name__ == "__main__":
    prepared = Path(sys.argv[4]).read_bytes().split(SEPARATOR)
    print(json.dumps(run(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), prepared)))
