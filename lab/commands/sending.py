"""Sends a run to the back office, by its JSON API."""

import json
from pathlib import Path

import requests

TIMEOUT_S = 60


def send(url: str, token: str, folder: Path) -> str:
    """Send result and report of a run; return the address at which it can be seen.

    The same result sent twice is one run.

    Raises:
        OSError: the service cannot be reached, or takes it not.
    """
    result = (folder / "result.json").read_bytes()
    report = (folder / "report.html").read_bytes()
    reply = requests.post(
        f"{url.rstrip('/')}/api/v1/lab/runs",
        files={
            "result": ("result.json", result, "application/json"),
            "report": ("report.html", report, "text/html"),
        },
        headers={"Authorization": f"Bearer {token}"},
        timeout=TIMEOUT_S,
        allow_redirects=False,
    )
    if reply.status_code not in {200, 201}:
        raise OSError(f"{url} answers {reply.status_code}: {_told(reply)}")
    return str(reply.json().get("url", "")) or f"{url}: taken"


def _told(reply: requests.Response) -> str:
    """Return what a problem document says."""
    try:
        words = reply.json()
    except json.JSONDecodeError:
        return reply.text[:200].strip()
    if not isinstance(words, dict):
        return ""
    detail = words.get("detail") or words.get("title") or ""
    fields = words.get("errors") or words.get("fields") or ""
    return f"{detail} {fields}".strip()
