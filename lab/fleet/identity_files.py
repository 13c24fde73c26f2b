"""Files of identities: CSV with a header line, or JSON lines.

Columns: serial, mac, model, revision, version, wire (ddi or xconf), controller_id,
token. Only serial, mac and model are required: wire is then ddi, controller_id the
serial. Two more columns steer the emulation and are ignored by everybody else:
personality and client (swupdate or rauc); unknown columns are ignored.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.box.identity import Identity, Wire

COLUMNS = ("serial", "mac", "model", "revision", "version", "wire", "controller_id", "token")
REQUIRED = ("serial", "mac", "model")


@dataclass(frozen=True, slots=True)
class Listed:
    """A box in a file: who it is, and how it should behave if the file says so."""

    identity: Identity
    personality: str = ""
    client: str = ""


def read_identities(path: Path, *, version: str) -> list[Listed]:
    """Read a file; a box without a version runs `version`.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no boxes, or one without its required columns, or the same
            serial twice.
    """
    text = path.read_text(encoding="utf-8-sig")
    is_json = text.lstrip().startswith("{")
    rows: Iterable[Mapping[str, object]] = (
        (json.loads(line) for line in text.splitlines() if line.strip())
        if is_json
        else csv.DictReader(text.splitlines())
    )
    found = [_read_row(row, number, version) for number, row in enumerate(rows, start=1)]
    serials = {listed.identity.serial for listed in found}
    if not found or len(serials) != len(found):
        raise ValueError(f"{path}: {len(found)} boxes with {len(serials)} different serial numbers")
    return found


def write_identities(path: Path, identities: Iterable[Identity]) -> None:
    """Write CSV, or JSON lines when the name ends in .jsonl or .json."""
    rows = [{name: str(getattr(identity, name)) for name in COLUMNS} for identity in identities]
    if path.suffix in {".jsonl", ".json"}:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _read_row(row: Mapping[str, object], number: int, version: str) -> Listed:
    values = {name: str(value).strip() for name, value in row.items() if value not in {None, ""}}
    missing = [name for name in REQUIRED if name not in values]
    if missing:
        raise ValueError(f"box {number} has no {', '.join(missing)}")
    identity = Identity(
        serial=values["serial"],
        mac=values["mac"],
        model=values["model"],
        revision=values.get("revision", ""),
        version=values.get("version", version),
        wire=Wire(values.get("wire", Wire.DDI)),
        controller_id=values.get("controller_id", values["serial"]),
        token=values.get("token", ""),
    )
    return Listed(identity, values.get("personality", ""), values.get("client", ""))
