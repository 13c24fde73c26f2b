"""hawkBit DDI v1: reading replies as a strict witness, writing what the two clients send.

Readers return what a real client could use and the list of what the reply got
wrong. Sources: hawkBit's DDI API v1 (poll, deploymentBase, cancelAction, feedback,
configData); SWUpdate's suricatta and rauc-hawkbit-updater for what clients insist on.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from lab.box.record import Violation
from lab.units import from_seconds

INT32_MAX = 2**31 - 1
SLEEP = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)")
SHA1 = re.compile(r"[0-9a-fA-F]{40}")
SHA256 = re.compile(r"[0-9a-fA-F]{64}")
ORDER_LINKS = ("confirmationBase", "cancelAction", "deploymentBase")
MODES = ("skip", "attempt", "forced")

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Poll:
    """What a poll said; a link that was not there is empty, an unreadable sleep is None."""

    sleep_ns: int | None
    config_href: str
    cancel_href: str
    deployment_href: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of an order."""

    filename: str
    size_bytes: int
    sha1: str
    sha256: str
    url: str


@dataclass(frozen=True, slots=True)
class Order:
    """A deployment. `artifact` is None when a client could not install what is described."""

    action_id: str
    download: str
    update: str
    version: str
    artifact: Artifact | None


def read_poll(body: bytes) -> tuple[Poll | None, list[Violation]]:
    """Read the base resource."""
    wrong: list[Violation] = []
    document = _document(body, "poll", wrong)
    if document is None:
        return None, wrong
    links = _object(document, "_links") if "_links" in document else {}
    shown = [name for name in ORDER_LINKS if name in links]
    if len(shown) > 1:
        wrong.append(Violation("one-order-link", f"a poll shows {', '.join(shown)} at once"))
    cancel = _href(links, "cancelAction", wrong)
    if "?" in cancel:
        # SWUpdate appends "/feedback" to this very string.
        wrong.append(Violation("cancel-query", f"query string on the cancelAction href: {cancel}"))
    sleep = _object(_object(document, "config"), "polling").get("sleep")
    poll = Poll(
        sleep_ns=_read_sleep(sleep, wrong),
        config_href=_href(links, "configData", wrong),
        cancel_href=cancel,
        deployment_href=_href(links, "deploymentBase", wrong),
    )
    return poll, wrong


def read_order(body: bytes, href: str) -> tuple[Order | None, list[Violation]]:
    """Read a deploymentBase; None when no client could tell which action it is."""
    wrong: list[Violation] = []
    document = _document(body, "deploymentBase", wrong)
    if document is None:
        return None, wrong
    action_id = _read_action_id(document.get("id"), wrong)
    if action_id is None:
        return None, wrong
    if href.partition("?")[0].rstrip("/").rpartition("/")[2] != action_id:
        wrong.append(Violation("order-id-differs", f"order {action_id} behind {href}"))
    deployment = _object(document, "deployment")
    chunk, artifact = _only_artifact(deployment, wrong)
    wrong += [
        Violation(f"chunk-{name}", f"chunk {name} is {chunk.get(name)!r}")
        for name in ("part", "version", "name")
        if not isinstance(chunk.get(name), str)
    ]
    order = Order(
        action_id=action_id,
        download=_mode(deployment, "download", wrong),
        update=_mode(deployment, "update", wrong),
        version=str(chunk.get("version", "")),
        artifact=_read_artifact(artifact, wrong),
    )
    return order, wrong


def read_cancel(body: bytes) -> tuple[str | None, list[Violation]]:
    """Read a cancelAction: the id of the action to stop."""
    wrong: list[Violation] = []
    document = _document(body, "cancelAction", wrong)
    if document is None:
        return None, wrong
    own_id = _read_action_id(document.get("id"), wrong)
    stop_id = _read_action_id(_object(document, "cancelAction").get("stopId"), wrong)
    if own_id != stop_id:
        wrong.append(Violation("cancel-ids-differ", f"id {own_id!r}, stopId {stop_id!r}"))
    return stop_id, wrong


def feedback_body(
    *,
    action_id: str | int,
    time_text: str,
    execution: str,
    finished: str,
    details: str,
    raw_newlines: bool,
) -> bytes:
    """A feedback document.

    With `raw_newlines` newlines in the details stay unescaped, as SWUpdate sends them:
    that is not JSON, and a service must read it all the same.
    """
    status = {"result": {"finished": finished}, "execution": execution, "details": [details]}
    text = json.dumps({"id": action_id, "time": time_text, "status": status})
    return (text.replace("\\n", "\n") if raw_newlines else text).encode()


def attributes_body(data: Mapping[str, str], *, time_text: str, mode: str | None) -> bytes:
    """A configData document with the members that both clients add and servers ignore."""
    status = {"result": {"finished": "success"}, "execution": "closed", "details": [""]}
    document: Json = {"id": "", "time": time_text, "status": status, "data": dict(data)}
    if mode is not None:
        document["mode"] = mode
    return json.dumps(document).encode()


def _document(body: bytes, what: str, wrong: list[Violation]) -> Json | None:
    try:
        document = json.loads(body)
    except ValueError as error:
        wrong.append(Violation(f"{what}-json", f"not JSON: {error}"))
        return None
    if not isinstance(document, dict):
        wrong.append(Violation(f"{what}-json", "not a JSON object"))
        return None
    return document


def _object(parent: Mapping[str, object], name: str) -> Json:
    """A member that should be an object; anything else reads as an empty one."""
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _href(links: Json, name: str, wrong: list[Violation]) -> str:
    if name not in links:
        return ""
    href = _object(links, name).get("href")
    if isinstance(href, str) and href.startswith(("http://", "https://")):
        return href
    wrong.append(Violation("href", f"{name}: no absolute href, but {links[name]!r}"))
    return ""


def _read_sleep(sleep: object, wrong: list[Violation]) -> int | None:
    """`HH:MM:SS` up to 23:59:59: both clients read it with strptime %H:%M:%S."""
    match = SLEEP.fullmatch(sleep) if isinstance(sleep, str) else None
    if match is None:
        wrong.append(Violation("sleep", f"config.polling.sleep is {sleep!r}"))
        return None
    hours, minutes, seconds = map(int, match.groups())
    asked = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return from_seconds(asked.total_seconds())


def _read_action_id(value: object, wrong: list[Violation]) -> str | None:
    """A decimal in a JSON string that fits 32 bits: SWUpdate reads an int, RAUC a string."""
    readable = isinstance(value, str) and value.isascii() and value.isdigit()
    if readable and 0 < int(str(value)) <= INT32_MAX:
        return str(value)
    wrong.append(Violation("action-id", f"id is {value!r}, not a decimal string within int32"))
    return None


def _mode(deployment: Json, name: str, wrong: list[Violation]) -> str:
    value = deployment.get(name)
    if isinstance(value, str) and value in MODES:
        return value
    wrong.append(Violation(f"deployment-{name}", f"deployment.{name} is {value!r}"))
    return "attempt"


def _only_artifact(deployment: Json, wrong: list[Violation]) -> tuple[Json, Json]:
    """The one chunk and its one artifact: RAUC's client refuses any other number."""
    chunk = _only(deployment.get("chunks"), "chunks", wrong)
    return chunk, _only(chunk.get("artifacts"), "artifacts", wrong)


def _only(items: object, name: str, wrong: list[Violation]) -> Json:
    found = items if isinstance(items, list) else []
    if len(found) != 1 or not isinstance(found[0], dict):
        wrong.append(Violation(f"one-of-{name}", f"{name}: {len(found)} where clients need one"))
    return found[0] if found and isinstance(found[0], dict) else {}


def _read_artifact(artifact: Json, wrong: list[Violation]) -> Artifact | None:
    hashes, links = _object(artifact, "hashes"), _object(artifact, "_links")
    filename, size_bytes = artifact.get("filename"), artifact.get("size")
    sha1, sha256 = hashes.get("sha1"), hashes.get("sha256", "")
    link = "download" if "download" in links else "download-http"
    before = len(wrong)
    if not isinstance(filename, str) or not filename.endswith(".swu"):
        wrong.append(Violation("filename", f"filename is {filename!r}, not *.swu"))
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or size_bytes <= 0:
        wrong.append(Violation("size", f"size is {size_bytes!r}"))
    if not isinstance(sha1, str) or not SHA1.fullmatch(sha1):
        wrong.append(Violation("sha1", f"hashes.sha1 is {sha1!r}"))
    if not isinstance(sha256, str) or (sha256 and not SHA256.fullmatch(sha256)):
        wrong.append(Violation("sha256", f"hashes.sha256 is {sha256!r}"))
    if link not in links:
        wrong.append(Violation("download-link", "neither download nor download-http"))
    url = _href(links, link, wrong)
    if len(wrong) > before:
        return None
    return Artifact(str(filename), int(str(size_bytes)), str(sha1), str(sha256), url)
