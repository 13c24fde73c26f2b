"""The process that makes PDFs: one page of HTML in, one PDF out, until nobody asks any more.

It runs apart from the servers: what it loads takes a second and 80 MB, what it lays out may take
too long, and it is written in C from Pango down. It is started by `press.py` as a file, so that it
loads nothing of ours, and speaks on its standard input and output: a length (8 bytes) and a text;
a letter for what came of it, a length, and a PDF or a reason.
"""

from __future__ import annotations

import logging
import resource
import select
import signal
import struct
import sys
from typing import IO, Any

MOST_MEMORY_BYTES = 2 * 2**30
IDLE_S = 600
LENGTH = struct.Struct(">Q")
DONE, FAILED, MISSING = b"P", b"F", b"M"


class MissingLetters(logging.Handler):
    """Hears what WeasyPrint says when no font of the machine has a letter."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep that letters were missing."""
        self.heard = self.heard or record.getMessage().startswith(".notdef")


def make_pdf(weasyprint: Any, page: str, letters: MissingLetters) -> tuple[bytes, bytes]:
    """Return what came of a page: a PDF, or the reason for none.

    Nothing is fetched, from no host and no file: a page brings all that it needs.
    """
    letters.heard = False
    fetcher = weasyprint.urls.URLFetcher(
        allowed_protocols={"data"}, allow_redirects=False, fail_on_errors=True
    )
    try:
        pdf = weasyprint.HTML(string=page, url_fetcher=fetcher).write_pdf(pdf_tags=True)
    except (Exception, weasyprint.urls.FatalURLFetchingError) as error:  # noqa: BLE001  one page
        return FAILED, f"{type(error).__name__}: {error}".encode()
    return (FAILED, b"no font has all letters") if letters.heard else (DONE, pdf)


def main(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer every page that is sent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends when whoever asks has ended
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    letters = MissingLetters()
    try:
        import weasyprint  # noqa: PLC0415  the libraries that it loads may not be there
    except (ImportError, OSError) as error:
        answer(target, MISSING, str(error).partition("\n")[0].encode())
        return
    logger = logging.getLogger("weasyprint")
    logger.handlers[:] = [letters]
    while select.select([source], [], [], IDLE_S)[0]:
        head = source.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return
        page = source.read(*LENGTH.unpack(head)).decode()
        answer(target, *make_pdf(weasyprint, page, letters))


def answer(target: IO[bytes], kind: bytes, content: bytes) -> None:
    """Send what came of a page."""
    target.write(kind + LENGTH.pack(len(content)) + content)
    target.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
