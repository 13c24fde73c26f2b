"""Carries the boxes' wishes: pauses through the event queue, HTTP through a pool of threads."""

import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import requests

from lab.box.wire import (
    OK,
    PARTIAL,
    Effect,
    HangUp,
    Life,
    Outcome,
    Pause,
    Piece,
    Read,
    Reply,
    Request,
    Send,
)
from lab.kernel import Kernel

Resume = Callable[[Outcome], None]
IoEffect = Send | Read | HangUp


class Courier(Protocol):
    """Does one piece of I/O and calls `resume`, in the kernel's thread, with what came of it."""

    def carry(self, effect: IoEffect, resume: Resume) -> None:
        """Begin; returns at once."""


def bring_to_life(
    life: Life[None], kernel: Kernel, courier: Courier, crashed: Callable[[str], None]
) -> None:
    """Start a box's life and keep it going until it ends.

    An exception inside the life is a fault of the lab: the box stops there and
    `crashed` is told the traceback; the other boxes go on.
    """

    def resume(outcome: Outcome) -> None:
        try:
            effect: Effect = life.send(outcome)
        except StopIteration:
            return
        except Exception:  # noqa: BLE001 - one box's fault must not end the fleet
            crashed(traceback.format_exc())
            return
        if isinstance(effect, Pause):
            kernel.after(effect.duration_ns, lambda: resume(None))
        else:
            courier.carry(effect, resume)

    kernel.after(0, lambda: resume(None))


class HttpStream:
    """A response body read in pieces of one size."""

    def __init__(self, response: requests.Response, piece_bytes: int) -> None:
        """The response must have been asked for with `stream=True`."""
        self._response = response
        self._pieces: Iterator[bytes] = response.iter_content(piece_bytes)

    def read(self) -> bytes:
        """The next piece; empty at the end.

        Raises:
            requests.RequestException: the connection broke (an OSError).
        """
        return next(self._pieces, b"")

    def close(self) -> None:
        """Hang up; a body read to its end leaves the connection open for the next request."""
        self._response.close()


class HttpCourier:
    """Real HTTP. At most `threads` exchanges at a time, connections kept open per thread."""

    def __init__(self, kernel: Kernel, *, threads: int, timeout_s: float) -> None:
        """Start no thread yet; they start with the first requests."""
        self._kernel = kernel
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="boxes")
        self._local = threading.local()
        self._closing = False

    def carry(self, effect: IoEffect, resume: Resume) -> None:
        """Do it in the pool; the answer comes back through the kernel's inbox."""
        self._pool.submit(self._work, effect, resume)

    def close(self) -> None:
        """Forget what has not begun; wait for what has, at most the timeout."""
        self._closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _work(self, effect: IoEffect, resume: Resume) -> None:
        if self._closing:
            return
        outcome = self._perform(effect)
        self._kernel.post(lambda: resume(outcome))

    def _perform(self, effect: IoEffect) -> Outcome:
        match effect:
            case Send(request):
                return self._exchange(request)
            case Read(stream):
                try:
                    return Piece(stream.read())
                except OSError as error:
                    return Piece(error=_words(error))
            case HangUp(stream):
                stream.close()
                return None

    def _exchange(self, request: Request) -> Reply:
        try:
            response = self._session().request(
                request.method,
                request.url,
                headers=dict(request.headers),
                data=request.body,
                stream=bool(request.piece_bytes),
                timeout=self._timeout_s,
                allow_redirects=request.method in {"GET", "HEAD"},
            )
            headers = {name.lower(): value for name, value in response.headers.items()}
            if request.piece_bytes and response.status_code in {OK, PARTIAL}:
                stream = HttpStream(response, request.piece_bytes)
                return Reply(response.status_code, headers, stream=stream)
            return Reply(response.status_code, headers, response.content)
        except (OSError, ValueError) as error:
            # ValueError: requests refuses URLs it cannot read, which a server may send.
            return Reply(status=0, error=_words(error))

    def _session(self) -> requests.Session:
        """This thread's session: no cookies of other boxes matter on these wires."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.headers.clear()
            self._local.session = session
        return session


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
