"""The hawkBit DDI v1 wire as arithmetic: headers, reports, attributes, replies.

Source: hawkBit Direct Device Integration API v1, and the behaviour of its public clients.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware.boxes.rules import ATTRIBUTES_LIMIT, storable
from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import text

EXECUTIONS = frozenset(
    {
        "closed",
        "proceeding",
        "canceled",
        "scheduled",
        "rejected",
        "resumed",
        "downloaded",
        "download",
    }
)
# What says that the box has begun: an order that is scheduled or rejected has not been taken.
AT_WORK = frozenset({"proceeding", "resumed", "download", "downloaded"})
FINISHED = frozenset({"none", "success", "failure"})
FINAL_EXECUTIONS = frozenset({"closed", "canceled", "rejected"})
MODES = frozenset({"merge", "replace", "remove"})
BODY_LIMIT_BYTES = 2 * 2**20
SMALL_BODY_BYTES = 64 * 1024
ATTRIBUTE_CHARS = 128
LARGEST_ACTION = 2**31 - 1  # clients read it as a signed int of 32 bits


@dataclass(frozen=True)
class Credentials:
    """What an Authorization header holds."""

    kind: str
    secret: str


def read_authorization(header: str | None) -> Credentials | None:
    """Return the credentials of `TargetToken ...` or `GatewayToken ...`, or None."""
    kind, _, secret = (header or "").strip().partition(" ")
    secret = secret.strip()
    if kind not in {"TargetToken", "GatewayToken"} or not secret:
        return None
    return Credentials(kind, secret)


@dataclass(frozen=True)
class Feedback:
    """A report. `unread` says what could not be read of it; it may be a final one then."""

    execution: str | None
    finished: str | None
    details: str = ""
    unread: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether the client may repeat it until it is answered 200."""
        return self.unread is not None or self.execution in FINAL_EXECUTIONS


def read_feedback(body: str) -> Feedback:
    """Read a report leniently: real clients send raw line feeds inside strings.

    Raises:
        Invalid: it is readable and not final, but breaks the format.
    """
    try:
        parsed = json.loads(body, strict=False)
    except (ValueError, RecursionError) as error:
        return Feedback(None, None, unread=f"not JSON: {error}")
    status = parsed.get("status") if isinstance(parsed, dict) else None
    if not isinstance(status, dict):
        return Feedback(None, None, unread="no status")
    execution = status.get("execution")
    if not isinstance(execution, str) or execution not in EXECUTIONS:
        return Feedback(None, None, unread=f"unknown execution: {_shown(execution)}")
    result = status.get("result")
    finished = result.get("finished") if isinstance(result, dict) else None
    details = _details(status.get("details"))
    if isinstance(finished, str) and finished in FINISHED:
        return Feedback(execution, finished, details)
    if execution in FINAL_EXECUTIONS:
        return Feedback(execution, None, details, unread=f"unknown result: {_shown(finished)}")
    raise Invalid.field("status.result.finished", text("One of none, success, failure."))


def _shown(found: Any) -> str:
    """Return what was found instead of a word, cut short; nested lists may be deep."""
    return repr(found)[:100] if isinstance(found, (str, int, float)) else type(found).__name__


def _details(details: Any) -> str:
    lines = details if isinstance(details, list) else [details]
    return storable("\n".join(str(line) for line in lines if isinstance(line, (str, int, float))))


@dataclass(frozen=True)
class ConfigData:
    """Attributes a box states; a value of None removes the key."""

    mode: str
    data: Mapping[str, str | None] = field(default_factory=dict)


def read_config_data(body: str) -> ConfigData:
    """Read the body of `PUT configData`.

    Raises:
        Invalid: it is not readable, or a key or value is not acceptable; names the key.
    """
    parsed = _object(body)
    mode = parsed.get("mode") or "merge"
    if not isinstance(mode, str) or mode not in MODES:
        raise Invalid.field("mode", text("One of merge, replace, remove."))
    data = parsed.get("data")
    if not isinstance(data, dict) or not data:
        raise Invalid.field("data", text("At least one attribute."))
    if len(data) > ATTRIBUTES_LIMIT:
        raise Invalid.field("data", text("At most %(n)s attributes.", n=ATTRIBUTES_LIMIT))
    return ConfigData(mode, {key: _attribute(key, value) for key, value in data.items()})


def _object(body: str) -> dict[str, Any]:
    try:
        parsed = json.loads(body, strict=False)
    except (ValueError, RecursionError) as error:
        raise Invalid(text("The body is not JSON.")) from error
    if not isinstance(parsed, dict):
        raise Invalid(text("The body is no JSON object."))
    return parsed


def read_installed(body: str) -> str:
    """Read the version of `PUT installedBase`.

    Raises:
        Invalid: there is none.
    """
    version = _object(body).get("version")
    if not isinstance(version, str) or not version.isprintable():
        raise Invalid.field("version", text("A printable text."))
    if not 1 <= len(version) <= ATTRIBUTE_CHARS:
        raise Invalid.field("version", text("1 to %(n)s characters.", n=ATTRIBUTE_CHARS))
    return version


def _attribute(key: str, value: Any) -> str | None:
    if not 1 <= len(key) <= ATTRIBUTE_CHARS or not key.isprintable():
        raise Invalid.field("data", text("A key has 1 to %(n)s characters.", n=ATTRIBUTE_CHARS))
    if value is None:
        return None
    if isinstance(value, (dict, list)):
        raise Invalid.field(f"data.{key}", text("A value is a text."))
    written = str(value).lower() if isinstance(value, bool) else str(value)
    if len(written) > ATTRIBUTE_CHARS or storable(written) != written:
        raise Invalid.field(
            f"data.{key}", text("A value has at most %(n)s characters.", n=ATTRIBUTE_CHARS)
        )
    return written


def sleep_text(seconds: int) -> str:
    """Return `HH:MM:SS`; clients parse it with strptime, so it ends at 23:59:59."""
    seconds = max(1, min(seconds, 86399))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def read_action(action: str) -> int | None:
    """Return an action id, or None if it cannot be one of ours."""
    if not action.isascii() or not action.isdecimal() or len(action) > 10:
        return None
    number = int(action)
    return number if 0 < number <= LARGEST_ACTION else None
