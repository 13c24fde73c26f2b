"""What one box did, saw and found wrong: the witness's notebook."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import NamedTuple

JOURNAL_LENGTH = 400
DETAIL_LENGTH = 300


class Violation(NamedTuple):
    """A reply that breaks the protocol: a short rule and what was seen."""

    rule: str
    detail: str


class Entry(NamedTuple):
    """A line of the journal: when (ns since 1970), what, and about what."""

    at_ns: int
    event: str
    detail: str


@dataclass(slots=True)
class Report:
    """One report sent to the service; `attempts` counts how often until it was taken.

    `status` is the HTTP status of the last attempt, 0 if nothing came back.
    """

    at_ns: int
    action_id: str
    about: str
    execution: str
    finished: str
    details: str
    status: int = 0
    attempts: int = 0


@dataclass(slots=True)
class Decision:
    """What the service last told the box to do, in the service's words where it has any."""

    kind: str = "none"
    action_id: str = ""
    version: str = ""
    detail: str = ""
    at_ns: int = 0


@dataclass(slots=True)
class Downloads:
    """Counts over all downloads; `received_bytes` includes what was thrown away."""

    started: int = 0
    finished: int = 0
    failed: int = 0
    resumed: int = 0
    received_bytes: int = 0


@dataclass(slots=True)
class Record:
    """Everything the summary says of a box, except who it is and what it runs.

    `changed_at_ns` moves when something happened that a poll alone is not.
    """

    polls: int = 0
    replies: int = 0
    changed_at_ns: int = 0
    reports: list[Report] = field(default_factory=list)
    decision: Decision = field(default_factory=Decision)
    downloads: Downloads = field(default_factory=Downloads)
    http_errors: Counter[str] = field(default_factory=Counter)
    attributes_sent: dict[str, str] = field(default_factory=dict)
    boot_ids: list[str] = field(default_factory=list)
    power_cuts: int = 0
    reverts: int = 0
    crashed: str = ""
    journal: deque[Entry] = field(default_factory=lambda: deque(maxlen=JOURNAL_LENGTH))
    _violations: dict[str, tuple[str, int]] = field(default_factory=dict)

    def note(self, at_ns: int, event: str, detail: str = "") -> None:
        """Write a line into the journal, which keeps the last JOURNAL_LENGTH."""
        self.journal.append(Entry(at_ns, event, detail[:DETAIL_LENGTH]))

    def change(self, at_ns: int, event: str, detail: str = "") -> None:
        """Write a line about something that changed the box or its order."""
        self.changed_at_ns = at_ns
        self.note(at_ns, event, detail)

    def decide(self, decision: Decision) -> None:
        """Keep the service's last word; a new one is a change, the same one again is not."""
        was, now = self.decision, decision
        self.decision = decision
        if (was.kind, was.action_id, was.version) != (now.kind, now.action_id, now.version):
            told = " ".join(filter(None, (now.kind, now.action_id, now.version)))
            self.change(now.at_ns, "decision", told)

    def breach(self, at_ns: int, violation: Violation) -> None:
        """Count a violation; the first detail seen of each rule is kept."""
        first, times = self._violations.get(violation.rule, (violation.detail, 0))
        self._violations[violation.rule] = (first[:DETAIL_LENGTH], times + 1)
        self.note(at_ns, "violation", f"{violation.rule}: {violation.detail}")

    def violations(self) -> list[dict[str, object]]:
        """The violations: `{"rule", "detail", "count"}`, in order of first sight."""
        return [
            {"rule": rule, "detail": detail, "count": times}
            for rule, (detail, times) in self._violations.items()
        ]
