"""What a run came to: JSON that a test compares, box by box, with what the service recorded."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from lab.box.box import Box
from lab.units import NS_PER_MS, to_seconds

FORMAT = 1

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Member:
    """A box of the fleet and the client it runs: swupdate, rauc or rdkfwupdater."""

    box: Box
    client: str


@dataclass(frozen=True, slots=True)
class Run:
    """The run as a whole. `ended_by` is duration, idle or signal."""

    url: str
    seed: int
    started_ns: int
    ended_ns: int
    ended_by: str


def summarise(run: Run, members: Sequence[Member], *, journal: bool = False) -> Json:
    """The whole summary; with `journal` each box brings its last few hundred events."""
    return {
        "format": FORMAT,
        "run": {
            "url": run.url,
            "seed": run.seed,
            "started_at": instant(run.started_ns),
            "ended_at": instant(run.ended_ns),
            "elapsed_s": round(to_seconds(run.ended_ns - run.started_ns), 3),
            "ended_by": run.ended_by,
        },
        "totals": totals(members),
        "boxes": [_box(member, journal=journal) for member in members],
    }


def totals(members: Sequence[Member]) -> Json:
    """Sums over the fleet, and versions running now by model and revision, and by personality."""
    boxes = [member.box for member in members]
    errors: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for box in boxes:
        errors += box.record.http_errors
        broken.update(str(found["rule"]) for found in box.record.violations())
    return {
        "boxes": len(boxes),
        "updated": sum(box.version != box.identity.version for box in boxes),
        "polls": sum(box.record.polls for box in boxes),
        "boots": sum(box.boots for box in boxes),
        "reports": sum(len(box.record.reports) for box in boxes),
        "downloads_finished": sum(box.record.downloads.finished for box in boxes),
        "downloads_resumed": sum(box.record.downloads.resumed for box in boxes),
        "downloaded_bytes": sum(box.record.downloads.received_bytes for box in boxes),
        "crashed": sum(bool(box.record.crashed) for box in boxes),
        "http_errors": dict(errors),
        "boxes_with_violation": dict(broken),
        "by_version": _count(boxes, lambda box: box.version),
        "by_model": _versions(boxes, lambda box: box.identity.model),
        "by_model_revision": _versions(
            boxes, lambda box: f"{box.identity.model}/{box.identity.revision}"
        ),
        "by_personality": _versions(boxes, lambda box: box.temper.personality.value),
        "by_wire": _versions(boxes, lambda box: box.identity.wire.value),
    }


def instant(at_ns: int) -> str:
    """An instant as ISO 8601 in UTC with milliseconds; empty for never."""
    if not at_ns:
        return ""
    at = datetime.fromtimestamp(at_ns // NS_PER_MS / 1000, UTC)
    return at.isoformat(timespec="milliseconds")


def _count(boxes: Iterable[Box], key: Callable[[Box], str]) -> dict[str, int]:
    return dict(sorted(Counter(map(key, boxes)).items()))


def _versions(boxes: Sequence[Box], key: Callable[[Box], str]) -> dict[str, dict[str, int]]:
    groups = sorted({key(box) for box in boxes})
    return {
        group: _count((box for box in boxes if key(box) == group), lambda box: box.version)
        for group in groups
    }


def _box(member: Member, *, journal: bool) -> Json:
    box, identity, record = member.box, member.box.identity, member.box.record
    finals = [
        report.finished
        for report in record.reports
        if report.execution == "closed" and report.about == "deploymentBase"
    ]
    told: Json = {
        "serial": identity.serial,
        "mac": identity.mac,
        "model": identity.model,
        "revision": identity.revision,
        "wire": identity.wire.value,
        "controller_id": identity.controller_id,
        "client": member.client,
        "personality": box.temper.personality.value,
        "version_at_start": identity.version,
        "version": box.version,
        "phase": box.phase.value,
        "boots": box.boots,
        "failed_boots": box.flash.failed_boots,
        "boot_ids": record.boot_ids,
        "power_cuts": record.power_cuts,
        "reverts": record.reverts,
        "slots": _slots(box),
        "polls": record.polls,
        "downloads": asdict(record.downloads),
        "reports": [_timed(asdict(report)) for report in record.reports],
        "last_final_report": finals[-1] if finals else None,
        "attributes_sent": record.attributes_sent,
        "last_decision": _timed(asdict(record.decision)),
        "http_errors": dict(record.http_errors),
        "violations": record.violations(),
        "crashed": record.crashed,
    }
    if journal:
        told["journal"] = [_timed(entry._asdict()) for entry in record.journal]
    return told


def _slots(box: Box) -> Json:
    slots: Json = {
        slot.name: {
            "state": slot.state.value,
            "version": slot.image.version if slot.image else None,
        }
        for slot in box.flash.slots
    }
    return {"running": box.flash.running.name, **slots}


def _timed(row: Json) -> Json:
    """Replace `at_ns` by an ISO instant `at`."""
    at_ns = row.pop("at_ns")
    return {"at": instant(int(str(at_ns))), **row}
