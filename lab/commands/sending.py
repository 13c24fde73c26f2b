"""Sends a run to the back office, by its JSON API."""

from pathlib import Path
from typing import Any

import requests

TIMEOUT_S = 60
MOST_WORDS = 300


def send(url: str, token: str, folder: Path, image: str | None = None) -> str:
    """Send result and report of a run; return the address at which it can be seen.

    `image` is the back office's id of the image that was tried. The same result sent twice for
    one image is one run.

    Raises:
        OSError: the service cannot be reached, or takes it not; in one line.
    """
    if not token.isascii() or not token.isprintable():
        raise OSError("STB_LAB_TOKEN holds characters that no API token has")
    files = {
        "result": ("result.json", (folder / "result.json").read_bytes(), "application/json"),
        "report": ("report.html", (folder / "report.html").read_bytes(), "text/html"),
    }
    try:
        reply = requests.post(
            f"{url.rstrip('/')}/api/v1/lab/runs",
            files=files,
            data={"image": image} if image else {},
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise OSError(f"{url} cannot be reached: {_why(error)}") from error
    told = _document(reply)
    if reply.status_code not in {200, 201}:
        raise OSError(f"{url} answers {reply.status_code}: {_told(told) or reply.reason}")
    if not isinstance(told.get("url"), str):
        raise OSError(f"{url} answers {reply.status_code}, but is no back office")
    return str(told["url"])


def _why(error: BaseException) -> str:
    """Return what the system says beneath the layers of a library."""
    beneath: BaseException | None = error
    while beneath is not None:
        if isinstance(beneath, OSError) and beneath.strerror:
            return beneath.strerror
        beneath = beneath.__cause__ or beneath.__context__
    if isinstance(error, requests.Timeout):
        return f"no answer in {TIMEOUT_S} s"
    return _line(str(error)) or type(error).__name__


def _document(reply: requests.Response) -> dict[str, Any]:
    """Return what was answered in JSON; nothing where it is none."""
    try:
        words = reply.json()
    except (ValueError, RecursionError):
        return {}
    return words if isinstance(words, dict) else {}


def _told(words: dict[str, Any]) -> str:
    """Return what a problem document says (RFC 9457): of fields, or of the whole."""
    fields = words.get("errors")
    if isinstance(fields, dict) and fields:
        return _line("; ".join(f"{name}: {_messages(found)}" for name, found in fields.items()))
    return _line(str(words.get("detail") or words.get("title") or ""))


def _messages(found: Any) -> str:
    return ", ".join(map(str, found)) if isinstance(found, list) else str(found)


def _line(words: str) -> str:
    """Return words on one line, what cannot be printed left out."""
    kept = "".join(c for c in " ".join(words.split()) if c.isprintable())
    return kept if len(kept) <= MOST_WORDS else f"{kept[: MOST_WORDS - 1]}…"
