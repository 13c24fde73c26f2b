"""Taking in what a laboratory sends. The only writer of its tables."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from firmware.images.models import Image
from firmware.verdicts.models import LabRun
from firmware.verdicts.queries import run_of_result
from firmware.verdicts.rules import KEPT_FAILING, Evidence, Sent
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.files import Stored


def take_run(
    session: Session,
    *,
    sent: Sent,
    result: Stored,
    report: Stored | None,
    image: Image | None,
    evidence: Evidence,
    actor: Actor,
    now: datetime,
) -> tuple[LabRun, bool]:
    """Keep a run; return it, and whether it is new. One that is known was sent once more, and may gain
    the report it came without.

    `evidence` is the file's own word, but for JUnit XML: a rig may be a bench of emulators.
    """
    known = run_of_result(session, result.sha256, evidence=evidence, image=image)
    if known is not None:
        lock_row(session, LabRun, known.id)
        known.times_sent += 1
        known.last_sent_at = now
        if known.report_sha256 is None and report is not None:
            _add_report(session, known, report, actor=actor, now=now)
        return known, False
    run = LabRun(
        name=sent.name,
        title=sent.title,
        form=sent.form.value,
        evidence=evidence.value,
        verdict=sent.verdict.value,
        held=sent.held,
        expected=len(sent.expected),
        seed=sent.seed,
        scenario_digest=sent.digest,
        changes=[one.as_json() for one in sent.changes],
        failing=[one.as_json() for one in sent.failing[:KEPT_FAILING]],
        result_sha256=result.sha256,
        report_sha256=report.sha256 if report else None,
        image=image,
        sent_at=now,
        sent_by=actor.label[:128],
        last_sent_at=now,
    )
    session.add(run)
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="lab_run.take",
        subject=("lab_run", run.public_id, run.name),
        changes={
            "verdict": run.verdict,
            "evidence": run.evidence,
            "sha256": run.result_sha256,
            **({"changed": ", ".join(one.name for one in sent.changes)} if sent.changes else {}),
            **({"image": image.version} if image else {}),
        },
        now=now,
    )
    return run, True


def _add_report(
    session: Session, run: LabRun, report: Stored, *, actor: Actor, now: datetime
) -> None:
    run.report_sha256 = report.sha256
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb="lab_run.take",
        subject=("lab_run", run.public_id, run.name),
        changes={"report": report.sha256},
        now=now,
    )
