"""PDFs from HTML, made by a process of its own that is kept, watched, and ended when it hangs."""

from __future__ import annotations

import atexit
import contextlib
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path

from stb_service.shared.documents.printer import DONE, LENGTH, MISSING

# -P: what lies beside the file must not be taken for a library of the same name
COMMAND = (sys.executable, "-P", str(Path(__file__).with_name("printer.py")))
TIMEOUT_S = 30.0
WAIT_S = 30.0
MOST_BYTES = 16 * 2**20


class Unprinted(Exception):
    """No PDF came of a page; the reason is for the log."""


class Press:
    """One printer, started when it is first needed; pages wait for each other."""

    def __init__(
        self,
        command: tuple[str, ...] = COMMAND,
        *,
        timeout_s: float = TIMEOUT_S,
        wait_s: float = WAIT_S,
    ) -> None:
        self._command = command
        self._timeout_s, self._wait_s = timeout_s, wait_s
        self._lock = threading.Lock()
        self._printer: subprocess.Popen[bytes] | None = None
        self._missing = ""

    def print(self, page: str) -> bytes:
        """Return the PDF of a page.

        Raises:
            Unprinted: the machine lacks what it takes, or it took too long.
        """
        if not self._lock.acquire(timeout=self._wait_s):
            raise Unprinted("too many pages are waiting")
        try:
            return self._print(page.encode())
        finally:
            self._lock.release()

    def _print(self, page: bytes) -> bytes:
        if self._missing:
            raise Unprinted(self._missing)
        if self._printer is not None and self._printer.poll() is not None:
            self._end()  # it ends by itself when nobody asks
        kind, content = self._ask(page)
        if kind == DONE:
            return content
        reason = content.decode(errors="replace")
        if kind == MISSING:
            self._missing = reason
            self._end()
        raise Unprinted(reason)

    def _ask(self, page: bytes) -> tuple[bytes, bytes]:
        """Send a page and return what came of it; a printer that hangs is ended."""
        printer = self._printer = self._printer or self._start()
        assert printer.stdin is not None
        assert printer.stdout is not None
        alarm = threading.Timer(self._timeout_s, printer.kill)
        alarm.start()
        try:
            with contextlib.suppress(BrokenPipeError):  # it has ended, and said why before
                printer.stdin.write(LENGTH.pack(len(page)) + page)
                printer.stdin.flush()
            head = printer.stdout.read(1 + LENGTH.size)
            (length,) = LENGTH.unpack(head[1:]) if len(head) > LENGTH.size else (-1,)
            content = printer.stdout.read(length) if 0 <= length <= MOST_BYTES else b""
        except OSError:
            length, content = -1, b""
        finally:
            alarm.cancel()
        if len(content) != length:
            status = self._end()
            raise Unprinted(f"the printer took too long, or ended by itself (status {status})")
        return head[:1], content

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  a file of ours, by our own interpreter
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _end(self) -> int | None:
        printer, self._printer = self._printer, None
        if printer is None:
            return None
        printer.kill()
        with contextlib.suppress(OSError):  # what was not yet sent to it
            printer.communicate()
        return printer.wait()

    def close(self) -> None:
        """End the printer; the next page starts another."""
        with self._lock:
            self._end()


@cache
def press() -> Press:
    """Return the press of this process."""
    made = Press()
    atexit.register(made.close)
    return made
