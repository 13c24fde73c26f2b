"""What a box asks of the world, and what it is told: the seam between logic and I/O."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

OK = 200
PARTIAL = 206
UNREACHABLE = 0


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. With `piece_bytes` the body of a 200 or 206 is read piece by piece."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    piece_bytes: int = 0


class Stream(Protocol):
    """A body that is still on its way."""

    def read(self) -> bytes:
        """The next piece; empty at the end.

        Raises:
            OSError: the connection broke.
        """

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Status 0 and an `error`: nothing did. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    stream: Stream | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a download; empty without an error means the end."""

    data: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wish: let this much time pass."""

    duration_ns: int


@dataclass(frozen=True, slots=True)
class Send:
    """Wish: send this request; answered by a Reply."""

    request: Request


@dataclass(frozen=True, slots=True)
class Read:
    """Wish: the next piece of this stream; answered by a Piece."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class HangUp:
    """Wish: close this stream."""

    stream: Stream


Effect = Pause | Send | Read | HangUp
Outcome = Reply | Piece | None
T = TypeVar("T")
Life = Generator[Effect, Outcome, T]


def pause(duration_ns: int) -> Life[None]:
    """Let time pass; nothing at all when the duration is not positive."""
    if duration_ns > 0:
        yield Pause(duration_ns)


def send(request: Request) -> Life[Reply]:
    """Send a request and wait for its reply."""
    outcome = yield Send(request)
    if not isinstance(outcome, Reply):
        raise TypeError(f"a request is answered by a reply, got {outcome!r}")
    return outcome


def read(stream: Stream) -> Life[Piece]:
    """Wait for the next piece of a download."""
    outcome = yield Read(stream)
    if not isinstance(outcome, Piece):
        raise TypeError(f"a read is answered by a piece, got {outcome!r}")
    return outcome


def hang_up(stream: Stream) -> Life[None]:
    """Close a download, finished or not."""
    yield HangUp(stream)
